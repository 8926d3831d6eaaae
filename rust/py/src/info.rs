//! How this module was built.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The version, the build profile (benchmarks refuse a debug build), and whether a recorded run guided the optimizer.
#[pyfunction]
fn build_info(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let info = PyDict::new(py);
    info.set_item("version", env!("CARGO_PKG_VERSION"))?;
    info.set_item("profile", if cfg!(debug_assertions) { "debug" } else { "release" })?;
    info.set_item("profile_guided", env!("PLUGCHARGE_PROFILE_GUIDED"))?;
    Ok(info)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(build_info, module)?)
}
