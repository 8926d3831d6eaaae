//! `decode`, `encode`, `guess`, and how schema sets are named.

use plugcharge_exi::table::{Complex, Content, Schema};
use plugcharge_exi::{Encoder, Error, ErrorKind, Form, Limits, Place, Sink, Stop, decode as decode_into};
use plugcharge_messages::{SCHEMAS, index_of, of_namespace, of_payload_type};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use crate::build_message::Builder;
use crate::classes::{self, Classes, root_of};
use crate::errors::exi_error;
use crate::walk_message::Walker;

pub(crate) fn form(fragment: bool) -> Form {
    if fragment { Form::Fragment } else { Form::Document }
}

/// The index of the schema set that the caller names: by its short name, a namespace, or a V2GTP payload type.
#[inline]
pub(crate) fn schema_index(py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<usize> {
    match name.cast::<PyString>() {
        Ok(text) => set_named(py, text.to_str()?),
        Err(_) if name.is_instance_of::<PyInt>() => {
            let told = format!("for the V2GTP payload type {}", name.str()?);
            one_of(py, &name.extract().map(of_payload_type).unwrap_or_default(), &told)
        }
        Err(_) => Err(PyTypeError::new_err("a schema set is named by a str or an int")),
    }
}

/// The index of the schema set with this short name or namespace.
#[inline]
pub(crate) fn set_named(py: Python<'_>, name: &str) -> PyResult<usize> {
    match index_of(name) {
        Some(index) => Ok(index),
        None => one_of(py, &of_namespace(name), &format!("{name:?}")),
    }
}

/// The one schema set that a name means.
#[cold]
fn one_of(py: Python<'_>, found: &[usize], told: &str) -> PyResult<usize> {
    if let [index] = found {
        return Ok(*index);
    }
    let names = |sets: &mut dyn Iterator<Item = &&'static Schema>| {
        sets.map(|schema| schema.name).collect::<Vec<_>>().join(", ")
    };
    let detail = if found.is_empty() {
        format!("there is no schema set {told}; there are {}", names(&mut SCHEMAS.iter()))
    } else {
        let means = names(&mut found.iter().filter_map(|index| SCHEMAS.get(*index)));
        format!("{told} there are {means}: name one of them; exi.guess tells which fit the bytes")
    };
    Err(local(py, &detail, ""))
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
///     schema: the schema set: its short name, a namespace such as ``"urn:iso:15118:2:2013:MsgDef"``, or the V2GTP
///         payload type where it means one set alone (0x8002 to 0x8006; 0x8001 carries three).
///     fragment: the stream is a single element, as it is signed, not a whole message.
///
/// Raises:
///     ExiError: the bytes are not a message of that schema set; the peer is at fault. A ``schema`` that is unknown
///         or means several is the caller's fault.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> exi.decode(bytes.fromhex("80400040"), "sap").schema_id
///     1
#[pyfunction]
#[pyo3(signature = (data, schema, *, fragment = false))]
fn decode<'py>(
    py: Python<'py>,
    data: &[u8],
    schema: &Bound<'py, PyAny>,
    fragment: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let classes = classes::of(py, schema_index(py, schema)?)?;
    let mut builder = Builder::new(py, classes);
    match decode_into(data, classes.schema, form(fragment), &Limits::default(), &mut builder) {
        Ok(()) => {}
        Err(error) => {
            return Err(builder.failure.take().unwrap_or_else(|| exi_error(py, &error, classes.schema.name)));
        }
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
    schema: Option<usize>,
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
    schema: Option<usize>,
    element: Option<&str>,
    form: Form,
) -> PyResult<(&'static Classes, usize)> {
    let class = message.get_type();
    if class.is(classes::simple_element_class(py)?) {
        return simple_home(py, message, schema, form);
    }
    let index = match schema {
        Some(index) => Some(index),
        None => index_of(class.module()?.to_str()?.rsplit('.').next().unwrap_or_default()),
    };
    let Some(index) = index else {
        return Err(local(py, &format!("{} is no message class", class.name()?), ""));
    };
    let classes = classes::of(py, index)?;
    let name = classes.schema.name;
    let Some(complex) = classes.number_of(&class).and_then(|number| classes.complex(number)) else {
        return Err(local(py, &format!("{} is no class of schema set {name}", class.name()?), name));
    };
    if let Some(root) = root_of(classes.schema, complex, element, form) {
        Ok((classes, root))
    } else {
        let hint = if element.is_some() { "" } else { "; name the element" };
        Err(local(py, &format!("{} is the type of no such root element{hint}", class.name()?), name))
    }
}

/// The root of an element that holds nothing but a value: it says its name itself.
fn simple_home(
    py: Python<'_>,
    element: &Bound<'_, PyAny>,
    schema: Option<usize>,
    form: Form,
) -> PyResult<(&'static Classes, usize)> {
    let local_name: String = element.getattr("name")?.extract()?;
    let namespace: String = element.getattr("namespace")?.extract()?;
    let sets = match schema {
        Some(index) => vec![index],
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
    schema: Option<&Bound<'py, PyAny>>,
    element: Option<&str>,
    limits: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let form = form(fragment);
    let schema = schema.map(|name| schema_index(py, name)).transpose()?;
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
/// Args:
///     data: the EXI stream.
///     fragment: the stream is a single element, as it is signed; then several sets fit more often.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> "iso2" in exi.guess(bytes.fromhex("8098004011d018048d159e26ac00"))
///     True
#[pyfunction]
#[pyo3(signature = (data, *, fragment = false))]
fn guess(data: &[u8], fragment: bool) -> Vec<&'static str> {
    let fits = |schema: &&&'static Schema| {
        decode_into(data, schema, form(fragment), &Limits::default(), &mut Nothing).is_ok()
    };
    SCHEMAS.iter().filter(fits).map(|schema| schema.name).collect()
}

/// Give the short name of every schema set, in the order in which ``guess`` tries them.
///
/// Example:
///     >>> from plugcharge import exi
///     >>> "iso2" in exi.schemas()
///     True
#[pyfunction]
fn schemas() -> Vec<&'static str> {
    SCHEMAS.iter().map(|schema| schema.name).collect()
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(decode, module)?)?;
    module.add_function(wrap_pyfunction!(encode, module)?)?;
    module.add_function(wrap_pyfunction!(schemas, module)?)?;
    module.add_function(wrap_pyfunction!(guess, module)?)
}
