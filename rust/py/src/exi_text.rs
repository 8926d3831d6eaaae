//! `to_xml`, `from_xml`, `to_json`, `from_json`, `explain`: messages as text.

use plugcharge_exi::json::{self, JsonWriter};
use plugcharge_exi::table::Complex;
use plugcharge_exi::xml::{self, XmlWriter};
use plugcharge_exi::{Encoder, Error, Limits, Place, Sink, Step, Stop, bits_as_text, decode as decode_into};
use plugcharge_messages::SCHEMAS;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use crate::errors::exi_error;
use crate::exi::{form, schema_index};

/// Give the message in ``data`` as XML text, with the standard's names and namespaces.
///
/// Raises:
///     ExiError: the bytes are not a message of that schema set, or hold characters that XML cannot carry.
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn to_xml(py: Python<'_>, data: &[u8], schema: &Bound<'_, PyAny>, fragment: bool) -> PyResult<String> {
    let set = SCHEMAS[schema_index(py, schema)?];
    let mut writer = XmlWriter::new(set);
    match decode_into(data, set, form(fragment), &Limits::default(), &mut writer) {
        Ok(()) => Ok(writer.finish()),
        Err(error) => Err(exi_error(py, &writer.take_error().unwrap_or(error), set.name)),
    }
}

/// Give the EXI stream of a message in XML text.
///
/// Prefixes and the order of attributes carry no meaning; comments are passed over; a document type is refused.
///
/// Raises:
///     ExiError: the text is no XML, or no message of that schema set.
#[pyfunction]
#[pyo3(signature = (xml, schema, *, fragment = false, limits = true))]
fn from_xml<'py>(
    py: Python<'py>,
    xml: &Bound<'py, PyString>,
    schema: &Bound<'py, PyAny>,
    fragment: bool,
    limits: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let (set, form, text) = (SCHEMAS[schema_index(py, schema)?], form(fragment), xml.to_str()?);
    let mut reason = None;
    let read = xml::read(text, set, form, |root, _| {
        Encoder::new(set, form, root, limits).map(|encoder| Noting { encoder, reason: &mut reason })
    });
    let written = read.and_then(|sink| sink.encoder.finish());
    given(py, written, reason, set.name)
}

/// Give the message in ``data`` as JSON text, without loss: ``from_json`` makes the same bytes of it.
///
/// The message is an object with one member, the root element; members are named as the standard names the elements. An
/// attribute has ``@`` before its name; the text of an element that has attributes besides is ``#text``. What may occur
/// several times is an array, always. Elements of several names that may alternate stand in the array ``#content``,
/// each in an object of its own. Octets are hex or base64 as the schema says; numbers beyond 2^53 - 1 are text in
/// digits, as many readers of JSON would round them.
///
/// Args:
///     data: the EXI stream.
///     schema: the schema set, named as for ``decode``.
///     fragment: the stream is a single element, as it is signed, not a whole message.
///
/// Raises:
///     ExiError: the bytes are not a message of that schema set.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> exi.to_json(bytes.fromhex("80400040"), "sap")
///     '{"supportedAppProtocolRes":{"ResponseCode":"OK_SuccessfulNegotiation","SchemaID":1}}'
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn to_json(py: Python<'_>, data: &[u8], schema: &Bound<'_, PyAny>, fragment: bool) -> PyResult<String> {
    let set = SCHEMAS[schema_index(py, schema)?];
    let mut writer = JsonWriter::new(set, form(fragment));
    match decode_into(data, set, form(fragment), &Limits::default(), &mut writer) {
        Ok(()) => Ok(writer.finish()),
        Err(error) => Err(exi_error(py, &error, set.name)),
    }
}

/// Give the EXI stream of a message in JSON text, written as ``to_json`` writes it.
///
/// The order of members carries no meaning. Nothing is lost silently: a member that is there twice or has no place, and
/// a number that was rounded, are refused.
///
/// Args:
///     text: the JSON text.
///     schema: the schema set, named as for ``decode``.
///     fragment: write a single element, as it is signed, not a whole message.
///     limits: refuse text and octets of a length that the schema does not allow.
///
/// Raises:
///     ExiError: the text is no JSON (kind ``"json"``), or no message of that schema set; ``path`` says where.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> text = '{"supportedAppProtocolRes": {"SchemaID": 1, "ResponseCode": "OK_SuccessfulNegotiation"}}'
///     >>> exi.from_json(text, "sap").hex()
///     '80400040'
#[pyfunction]
#[pyo3(signature = (text, schema, *, fragment = false, limits = true))]
fn from_json<'py>(
    py: Python<'py>,
    text: &Bound<'py, PyString>,
    schema: &Bound<'py, PyAny>,
    fragment: bool,
    limits: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let (set, form, text) = (SCHEMAS[schema_index(py, schema)?], form(fragment), text.to_str()?);
    let mut reason = None;
    let read = json::read(text, set, form, |root, _| {
        Encoder::new(set, form, root, limits).map(|encoder| Noting { encoder, reason: &mut reason })
    });
    let written = read.and_then(|sink| sink.encoder.finish());
    given(py, written, reason, set.name)
}

fn given<'py>(
    py: Python<'py>,
    written: plugcharge_exi::Result<Vec<u8>>,
    reason: Option<Box<Error>>,
    schema: &str,
) -> PyResult<Bound<'py, PyBytes>> {
    match written {
        Ok(bytes) => Ok(PyBytes::new(py, &bytes)),
        Err(error) => Err(exi_error(py, &reason.unwrap_or(error), schema)),
    }
}

/// An encoder whose reason for stopping outlives it.
struct Noting<'r> {
    encoder: Encoder,
    reason: &'r mut Option<Box<Error>>,
}

impl Noting<'_> {
    fn note(&mut self, result: Result<(), Stop>) -> Result<(), Stop> {
        if result.is_err() {
            *self.reason = self.encoder.take_error();
        }
        result
    }
}

impl Sink for Noting<'_> {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        let result = self.encoder.begin(place, ty);
        self.note(result)
    }

    fn value(&mut self, place: Place, datum: plugcharge_exi::Datum<'_>) -> Result<(), Stop> {
        let result = self.encoder.value(place, datum);
        self.note(result)
    }

    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        let result = self.encoder.end(place, ty);
        self.note(result)
    }
}

/// A step as Python takes it apart: offset, width, event, code, path, value, bits.
type Told = (usize, usize, &'static str, Option<u64>, String, Option<String>, String);

/// Give what every bit of ``data`` is, as plain tuples; ``plugcharge.exi.explain`` names their parts.
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn explain<'py>(
    py: Python<'py>,
    data: &[u8],
    schema: &Bound<'py, PyAny>,
    fragment: bool,
) -> PyResult<Bound<'py, PyList>> {
    let set = SCHEMAS[schema_index(py, schema)?];
    let told = |step: Step| -> Told {
        let bits = bits_as_text(data, step.offset, step.width);
        (step.offset, step.width, step.event, step.code, step.path.to_string(), step.value, bits)
    };
    PyList::new(
        py,
        plugcharge_exi::explain(data, set, form(fragment), &Limits::default()).into_iter().map(told),
    )
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(to_xml, module)?)?;
    module.add_function(wrap_pyfunction!(from_xml, module)?)?;
    module.add_function(wrap_pyfunction!(to_json, module)?)?;
    module.add_function(wrap_pyfunction!(from_json, module)?)?;
    module.add_function(wrap_pyfunction!(explain, module)?)
}
