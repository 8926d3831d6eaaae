//! What the classes of a schema set are made of: names of the standard beside fields of Python, for whoever writes
//! messages in another notation.

use plugcharge_exi::table::{Complex, Content, Particle, Root, Simple};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::classes::{self, Classes};
use crate::exi::schema_index;

/// Give the field tables of a schema set: ``(types, documents, fragments)``.
///
/// ``types`` maps the number of a type to ``(class, slots)``; the class is ``None`` for a type whose one field stands
/// where the type stands. A slot is a list of alternatives, in the schema's order; an alternative is
/// ``(name, field, many, content, wrapper)``: the standard's name (empty for the text of a type), the index of the
/// field that takes it, whether that field is a tuple, what it holds, and the class its value is wrapped in, or
/// ``None``. Content is the number of a type, or one of ``bool``, ``int``, ``str``, ``hex``, ``base64``, ``enum``, or
/// ``None`` for what has no typed form. ``documents`` and ``fragments`` list the roots as ``(name, content)``.
///
/// Raises:
///     ExiError: there is no such schema set; the caller is at fault.
#[pyfunction]
fn field_tables<'py>(py: Python<'py>, schema: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let classes = classes::of(py, schema_index(py, schema)?)?;
    let types = PyDict::new(py);
    for (number, ty) in classes.types() {
        let class =
            if ty.inline { py.None().into_bound(py) } else { classes.class(py, number)?.clone().into_any() };
        types.set_item(number, (class, slots(py, classes, ty)?))?;
    }
    let documents = roots(py, classes.schema.document.elements)?;
    let fragments = roots(py, classes.schema.fragment.elements)?;
    (types, documents, fragments).into_pyobject(py)
}

fn slots<'py>(py: Python<'py>, classes: &Classes, ty: &Complex) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for slot in ty.slots {
        let alternatives = PyList::empty(py);
        for particle in slot.alternatives {
            alternatives.append(alternative(py, classes, particle)?)?;
        }
        out.append(alternatives)?;
    }
    Ok(out)
}

fn alternative<'py>(
    py: Python<'py>,
    classes: &Classes,
    particle: &Particle,
) -> PyResult<Bound<'py, PyTuple>> {
    let wrapper = match particle.wrapper {
        Some(class) => Some(classes.class(py, class)?.clone()),
        None => None,
    };
    let content = content(py, particle.content)?;
    (particle.name.local, particle.field, particle.many, content, wrapper).into_pyobject(py)
}

fn roots<'py>(py: Python<'py>, roots: &[Root]) -> PyResult<Bound<'py, PyList>> {
    let out = PyList::empty(py);
    for root in roots {
        out.append((root.particle.name.local, content(py, root.particle.content)?))?;
    }
    Ok(out)
}

fn content(py: Python<'_>, content: Content) -> PyResult<Bound<'_, PyAny>> {
    let kind = match content {
        Content::Complex(ty) => return Ok(ty.class.into_pyobject(py)?.into_any()),
        Content::Abstract | Content::Wildcard => return Ok(py.None().into_bound(py)),
        Content::Simple(simple) => match simple {
            Simple::Boolean => "bool",
            Simple::Bits { .. } | Simple::Unsigned { .. } | Simple::Signed { .. } | Simple::Integer => "int",
            Simple::Text { .. } => "str",
            Simple::Octets { hex: true, .. } => "hex",
            Simple::Octets { hex: false, .. } => "base64",
            Simple::Enumeration(_) => "enum",
        },
    };
    Ok(kind.into_pyobject(py)?.into_any())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(field_tables, module)?)
}
