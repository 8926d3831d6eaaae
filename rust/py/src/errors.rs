//! The only place that makes an exception of `plugcharge.errors` from an error of the EXI core.

use plugcharge_exi::{Error, ErrorKind};
use plugcharge_sign::Refusal;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyType};

static EXI_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static SIGNATURE_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// An `ExiError` with the place of the fault.
#[cold]
pub(crate) fn exi_error(py: Python<'_>, error: &Error, schema: &str) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = EXI_ERROR.import(py, "plugcharge.errors", "ExiError")?;
        let details = PyDict::new(py);
        details.set_item("kind", error.kind.as_str())?;
        details.set_item("path", error.path())?;
        details.set_item(
            "bit_offset",
            error.bit_offset.map_or(-1, |offset| i64::try_from(offset).unwrap_or(-1)),
        )?;
        details.set_item("schema", schema)?;
        details.set_item("advice", advice(error.kind))?;
        Ok(PyErr::from_value(class.call((error.detail.as_str(),), Some(&details))?))
    };
    make().unwrap_or_else(|failure| failure)
}

/// A `SignatureError`: the response code is `FAILED_SignatureError` until a caller knows better.
#[cold]
pub(crate) fn signature_error(py: Python<'_>, refusal: &Refusal) -> PyErr {
    let make = || -> PyResult<PyErr> {
        let class = SIGNATURE_ERROR.import(py, "plugcharge.errors", "SignatureError")?;
        let details = PyDict::new(py);
        details.set_item("code", "FAILED_SignatureError")?;
        details.set_item("rule", refusal.rule.as_str())?;
        details.set_item("advice", "do not use the signed values; end the session")?;
        Ok(PyErr::from_value(class.call((refusal.detail.as_str(),), Some(&details))?))
    };
    make().unwrap_or_else(|failure| failure)
}

/// Something that holds by construction did not: a defect of ours.
#[cold]
pub(crate) fn defect(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!("defect in plugcharge: {what}"))
}

fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Header => "give the EXI stream alone, without the V2GTP header",
        ErrorKind::Truncated => "give the whole payload of the V2GTP frame",
        ErrorKind::Trailing => "give one message, and nothing behind it",
        ErrorKind::EventCode | ErrorKind::Root => "check the schema set: exi.guess lists those that fit",
        ErrorKind::Length | ErrorKind::Range => "the docstring of the class says what is allowed",
        ErrorKind::Type => "give a value of the annotated type",
        ErrorKind::Missing => "every field without a default is needed",
        _ => "",
    }
}
