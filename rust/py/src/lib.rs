//! The Python module `plugcharge._core`: a list of what it holds.

#![allow(
    clippy::inline_always,
    reason = "building an object is on the hot path of every message and was measured"
)]

mod build_message;
mod classes;
mod errors;
mod exi;
mod exi_text;
mod fields;
mod info;
mod sign;
mod trust;
mod walk_message;

use pyo3::prelude::*;

/// The native core of plugcharge.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    exi::register(module)?;
    exi_text::register(module)?;
    fields::register(module)?;
    info::register(module)?;
    sign::register(module)?;
    trust::register(module)
}
