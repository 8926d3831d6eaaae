//! `decode`, `encode`, `to_xml`, `from_xml`, `guess`.

use plugcharge_exi::table::{Complex, Content, Schema};
use plugcharge_exi::xml::{self, XmlWriter};
use plugcharge_exi::{Encoder, Error, ErrorKind, Form, Limits, Place, Sink, Stop, decode as decode_into};
use plugcharge_messages::{SCHEMAS, index_of};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::build_message::Builder;
use crate::classes::{self, Classes, root_of};
use crate::errors::exi_error;
use crate::walk_message::Walker;

fn form(fragment: bool) -> Form {
    if fragment { Form::Fragment } else { Form::Document }
}

pub(crate) fn schema_index(py: Python<'_>, name: &str) -> PyResult<usize> {
    index_of(name).ok_or_else(|| {
        let known: Vec<&str> = SCHEMAS.iter().map(|schema| schema.name).collect();
        local(py, &format!("there is no schema set {name:?}; there are {}", known.join(", ")), name)
    })
}

/// A fault of the caller, not of the bytes.
#[cold]
fn local(py: Python<'_>, detail: &str, schema: &str) -> PyErr {
    exi_error(py, &Error::new(ErrorKind::Root, detail), schema)
}

/// Give the typed message in ``data``: an instance of a class of ``plugcharge.messages``.
///
/// Padding and zero octets behind the message are passed over. References to earlier strings are understood.
/// Lengths of text and octets are not checked (a refused message often carries filler); numbers are.
///
/// Args:
///     data: the EXI stream.
///     schema: the short name of the schema set.
///     fragment: the stream is a single element, as it is signed, not a whole message.
///
/// Raises:
///     ExiError: the bytes are not a message of that schema set; the peer is at fault. An unknown ``schema`` is
///         the caller's fault.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> exi.decode(bytes.fromhex("80400040"), "sap").schema_id
///     1
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn decode<'py>(py: Python<'py>, data: &[u8], schema: &str, fragment: bool) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes::of(py, schema_index(py, schema)?)?;
    let mut builder = Builder::new(py, classes);
    match decode_into(data, classes.schema, form(fragment), &Limits::default(), &mut builder) {
        Ok(()) => {}
        Err(error) => return Err(builder.failure.take().unwrap_or_else(|| exi_error(py, &error, schema))),
    }
    builder.result.ok_or_else(|| crate::errors::defect("a message without a root"))
}

/// The schema set and the root element with which an object is encoded.
///
/// Nearly always it is a class whose document root is known by its address.
#[inline]
pub(crate) fn home(
    py: Python<'_>,
    message: &Bound<'_, PyAny>,
    schema: Option<&str>,
    element: Option<&str>,
    form: Form,
) -> PyResult<(&'static Classes, usize)> {
    if let (None, None, Form::Document) = (schema, element, form)
        && let Some(known) = classes::document_root(py, &message.get_type())
    {
        return Ok(known);
    }
    search_home(py, message, schema, element, form)
}

fn search_home(
    py: Python<'_>,
    message: &Bound<'_, PyAny>,
    schema: Option<&str>,
    element: Option<&str>,
    form: Form,
) -> PyResult<(&'static Classes, usize)> {
    let class = message.get_type();
    if class.is(classes::simple_element_class(py)?) {
        return simple_home(py, message, schema, form);
    }
    let name = match schema {
        Some(name) => name.to_owned(),
        None => class.module()?.to_str()?.rsplit('.').next().unwrap_or_default().to_owned(),
    };
    let Some(index) = index_of(&name) else {
        return Err(local(py, &format!("{} is no message class", class.name()?), ""));
    };
    let classes = classes::of(py, index)?;
    let Some(complex) = classes.number_of(&class).and_then(|number| classes.complex(number)) else {
        return Err(local(py, &format!("{} is no class of schema set {name}", class.name()?), &name));
    };
    if let Some(root) = root_of(classes.schema, complex, element, form) {
        Ok((classes, root))
    } else {
        let hint = if element.is_some() { "" } else { "; name the element" };
        Err(local(py, &format!("{} is the type of no such root element{hint}", class.name()?), &name))
    }
}

/// The root of an element that holds nothing but a value: it says its name itself.
fn simple_home(
    py: Python<'_>,
    element: &Bound<'_, PyAny>,
    schema: Option<&str>,
    form: Form,
) -> PyResult<(&'static Classes, usize)> {
    let local_name: String = element.getattr("name")?.extract()?;
    let namespace: String = element.getattr("namespace")?.extract()?;
    let sets = match schema {
        Some(name) => vec![schema_index(py, name)?],
        None => (0..SCHEMAS.len()).collect(),
    };
    for index in sets {
        let classes = classes::of(py, index)?;
        if let Some(root) = classes.simple_root(form, &local_name, &namespace) {
            return Ok((classes, root));
        }
    }
    Err(local(py, &format!("no schema set has a root element {local_name} with a simple value"), ""))
}

/// Give the EXI stream of a message; the schema set is known from its class.
///
/// Args:
///     message: an instance of a class of ``plugcharge.messages`` that is the type of a root element.
///     fragment: write a single element, as it is signed, not a whole message.
///     schema: write with another schema set than the class's own; its elements are part of several.
///     element: the root element, where the type has several and none is named like it.
///     limits: refuse text and octets of a length that the schema does not allow.
///
/// Raises:
///     ExiError: a value is of the wrong type, out of range or too long, or a part is missing; the caller is at
///         fault, and ``path`` says where.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> from plugcharge.messages import sap
///     >>> exi.encode(sap.SupportedAppProtocolRes(sap.ResponseCode.OK_SuccessfulNegotiation, schema_id=1)).hex()
///     '80400040'
#[pyfunction]
#[pyo3(signature = (message, *, fragment = false, schema = None, element = None, limits = true))]
fn encode<'py>(
    py: Python<'py>,
    message: &Bound<'py, PyAny>,
    fragment: bool,
    schema: Option<&str>,
    element: Option<&str>,
    limits: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let form = form(fragment);
    let (classes, root) = home(py, message, schema, element, form)?;
    let name = classes.schema.name;
    let raise = |error: Box<Error>| exi_error(py, &error, name);
    let mut encoder = Encoder::new(classes.schema, form, root, limits).map_err(raise)?;
    let place = Place { particle: &encoder.root().particle, slot: 0, alternative: 0 };
    let mut walker = Walker::new(py, classes, &mut encoder)?;
    match place.particle.content {
        Content::Simple(_) => walker.part(place, &message.getattr("value")?)?,
        _ => walker.part(place, message)?,
    }
    let bytes = encoder.finish().map_err(raise)?;
    Ok(PyBytes::new(py, &bytes))
}

/// Give the message in ``data`` as XML text, with the standard's names and namespaces.
///
/// Raises:
///     ExiError: the bytes are not a message of that schema set, or hold characters that XML cannot carry.
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn to_xml(py: Python<'_>, data: &[u8], schema: &str, fragment: bool) -> PyResult<String> {
    let set = SCHEMAS[schema_index(py, schema)?];
    let mut writer = XmlWriter::new(set);
    match decode_into(data, set, form(fragment), &Limits::default(), &mut writer) {
        Ok(()) => Ok(writer.finish()),
        Err(error) => Err(exi_error(py, &writer.take_error().unwrap_or(error), schema)),
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
    schema: &str,
    fragment: bool,
    limits: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let set = SCHEMAS[schema_index(py, schema)?];
    let form = form(fragment);
    let mut reason = None;
    let read = xml::read(xml.to_str()?, set, form, |root, _| {
        Encoder::new(set, form, root, limits).map(|encoder| Noting { encoder, reason: &mut reason })
    });
    let result = read.and_then(|sink| sink.encoder.finish());
    match result {
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

/// Takes everything and keeps nothing.
struct Nothing;

impl Sink for Nothing {
    fn begin(&mut self, _place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        Ok(())
    }

    fn value(&mut self, _place: Place, _datum: plugcharge_exi::Datum<'_>) -> Result<(), Stop> {
        Ok(())
    }

    fn end(&mut self, _place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        Ok(())
    }
}

/// Give the short name of every schema set of which ``data`` is a whole message; often one, sometimes several.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> "iso2" in exi.guess(bytes.fromhex("8098004011d018048d159e26ac00"))
///     True
#[pyfunction]
fn guess(data: &[u8]) -> Vec<&'static str> {
    let fits = |schema: &&&'static Schema| {
        decode_into(data, schema, Form::Document, &Limits::default(), &mut Nothing).is_ok()
    };
    SCHEMAS.iter().filter(fits).map(|schema| schema.name).collect()
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(to_xml, module)?)?;
    module.add_function(wrap_pyfunction!(from_xml, module)?)?;
    module.add_function(wrap_pyfunction!(guess, module)?)
}
