//! Verification of XML signatures over EXI.

use plugcharge_exi::{Encoder, Form, Limits, Place, decode};
use plugcharge_sign::{
    Collected, Collector, FormRules, Signed, Suite, check_coverage, digest, read_signature, verify,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

use crate::build_message::Builder;
use crate::classes;
use crate::errors::{defect, exi_error, signature_error};
use crate::exi::{home, set_named};
use crate::trust::PyPublicKey;
use crate::walk_message::Walker;

/// Decode a message and verify its signature over the parts that its body has to sign.
///
/// Gives the typed message and the `(name, Id)` of every signed element.
#[pyfunction]
#[pyo3(signature = (data, schema, key, *, interop = false))]
fn verify_message<'py>(
    py: Python<'py>,
    data: &[u8],
    schema: &str,
    key: &Bound<'py, PyPublicKey>,
    interop: bool,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
    let classes = classes::of(py, set_named(py, schema)?)?;
    let mut builder = Builder::new(py, classes);
    let mut collector = Collector::new(classes.schema, &mut builder);
    let result = decode(data, classes.schema, Form::Document, &Limits::default(), &mut collector);
    let collected = collector.finish();
    if let Err(error) = result {
        return Err(builder.failure.take().unwrap_or_else(|| exi_error(py, &error, classes.schema.name)));
    }
    let message = builder.result.ok_or_else(|| defect("a message without a root"))?;
    let body = message.getattr("body")?.get_type().name()?;
    check_coverage(body.to_str()?, &collected).map_err(|refusal| signature_error(py, &refusal))?;
    check(py, &collected, key, interop)?;
    Ok((message, names(py, &collected.signed)?))
}

/// Verify that a signature covers exactly these elements; each is `(object, schema, element name, Id)`.
#[pyfunction]
#[pyo3(signature = (elements, signature, key, *, interop = false))]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
fn verify_elements<'py>(
    py: Python<'py>,
    elements: Vec<(Bound<'py, PyAny>, String, String, String)>,
    signature: &Bound<'py, PyAny>,
    key: &Bound<'py, PyPublicKey>,
    interop: bool,
) -> PyResult<()> {
    let fragment = write(py, signature, Some(set_named(py, "xmldsig")?), Some("Signature"), false)?;
    let signature = read_signature(&fragment).map_err(|error| exi_error(py, &error, "xmldsig"))?;
    let mut collected = Collected { signature: Some(signature), ..Collected::default() };
    for (element, schema, name, id) in &elements {
        let schema = Some(set_named(py, schema)?);
        let mut fragments = vec![write(py, element, schema, Some(name), false)?];
        let plain = write(py, element, schema, Some(name), true)?;
        if !fragments.contains(&plain) {
            fragments.push(plain);
        }
        // The name is only for sentences; it lives as long as the tables do.
        let (classes, root) = home(py, element, schema, Some(name), Form::Fragment)?;
        let name = classes.schema.fragment.elements.get(root).map_or("", |root| root.particle.name.local);
        collected.signed.push(Signed { name, id: id.clone(), fragments });
    }
    check(py, &collected, key, interop)
}

fn check(py: Python<'_>, collected: &Collected, key: &Bound<'_, PyPublicKey>, interop: bool) -> PyResult<()> {
    let key = &key.get().0;
    let rules = if interop { FormRules::Interop } else { FormRules::Strict };
    py.detach(|| verify(collected.signature.as_ref(), &collected.signed, Suite::ISO2, rules, key))
        .map_err(|refusal| signature_error(py, &refusal))
}

fn write(
    py: Python<'_>,
    element: &Bound<'_, PyAny>,
    schema: Option<usize>,
    name: Option<&str>,
    plain: bool,
) -> PyResult<Vec<u8>> {
    let (classes, root) = home(py, element, schema, name, Form::Fragment)?;
    let raise = |error| exi_error(py, &error, classes.schema.name);
    let mut encoder =
        Encoder::new(classes.schema, Form::Fragment, root, false).map_err(|error| raise(*error))?;
    if plain {
        encoder = encoder.without_relaxation();
    }
    let place = Place { particle: &encoder.root().particle, slot: 0, alternative: 0 };
    Walker::new(py, classes, &mut encoder)?.part(place, element)?;
    encoder.finish().map_err(|error| raise(*error))
}

fn names<'py>(py: Python<'py>, signed: &[Signed]) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, signed.iter().map(|part| (part.name, part.id.as_str())))
}

/// The SHA-256 digest of octets.
#[pyfunction]
fn sha256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &digest(data))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(verify_message, module)?)?;
    module.add_function(wrap_pyfunction!(verify_elements, module)?)?;
    module.add_function(wrap_pyfunction!(sha256, module)?)
}
