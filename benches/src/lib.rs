//! Scenarios shared by the criterion files: what is measured, on which inputs, and how often.

pub mod inputs;
pub mod random;
pub mod recorded;
pub mod sinks;

/// Each pair is measured in this many rounds, ours and the peer's in turn, so that a slow moment of the machine
/// meets both. The report takes the best round of each.
pub const ROUNDS: u32 = 5;

/// Benchmarks of a debug build say nothing. (Running each once as a test is fine in any build.)
///
/// # Panics
///
/// When something is to be measured in a build with debug assertions.
pub fn refuse_debug_build() {
    let measuring = std::env::args().any(|argument| argument == "--bench");
    assert!(!(measuring && cfg!(debug_assertions)), "this is a debug build: run `cargo bench`");
}
