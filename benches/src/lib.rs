//! Scenarios shared by the criterion files.
