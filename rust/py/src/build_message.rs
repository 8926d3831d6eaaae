//! A sink that builds the typed Python object of a message, bottom up and in one pass.

use plugcharge_exi::table::{Complex, Content, Particle};
use plugcharge_exi::{BigInteger, Datum, Place, Sink, Stop};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyTuple, PyType};
use smallvec::SmallVec;

use crate::classes::Classes;
use crate::errors::defect;

/// Fields and list items of the elements under construction; messages of ordinary size need no allocation.
type Stack<'py> = SmallVec<[Option<Bound<'py, PyAny>>; 64]>;

/// No element is open; no stack is that long.
const NO_FRAME: usize = usize::MAX / 2;

/// An element under construction: its fields lie on the stack from `base`, items of an open list above them.
struct Frame {
    base: usize,
    /// The list that is being filled: its field, and where its items begin.
    list: Option<(u8, usize)>,
}

/// Builds one message.
pub(crate) struct Builder<'py> {
    py: Python<'py>,
    classes: &'static Classes,
    frames: SmallVec<[Frame; 8]>,
    /// Where the fields of the innermost element begin.
    base: usize,
    stack: Stack<'py>,
    /// The whole message, when it is done.
    pub(crate) result: Option<Bound<'py, PyAny>>,
    /// What Python raised, when it did.
    pub(crate) failure: Option<PyErr>,
}

impl<'py> Builder<'py> {
    pub(crate) fn new(py: Python<'py>, classes: &'static Classes) -> Self {
        Self {
            py,
            classes,
            frames: SmallVec::new(),
            base: NO_FRAME,
            stack: SmallVec::new(),
            result: None,
            failure: None,
        }
    }

    #[cold]
    fn fail(&mut self, error: PyErr) -> Stop {
        self.failure = Some(error);
        Stop
    }

    #[inline(always)]
    fn put(&mut self, particle: &'static Particle, value: Bound<'py, PyAny>) -> Result<(), Stop> {
        if !particle.many
            && particle.wrapper.is_none()
            && let Some(place) = self.stack.get_mut(self.base + usize::from(particle.field))
        {
            *place = Some(value);
            return Ok(());
        }
        self.put_in_list(particle, value).map_err(|error| self.fail(error))
    }

    /// A value that is one of several, or the root.
    fn put_in_list(&mut self, particle: &'static Particle, value: Bound<'py, PyAny>) -> PyResult<()> {
        let value = match particle.wrapper {
            Some(class) => self.classes.class(self.py, class)?.call1((value,))?,
            None => value,
        };
        let Some(frame) = self.frames.last_mut() else {
            self.result = Some(match particle.content {
                Content::Simple(_) => self.classes.simple_element(self.py, particle.name, value)?,
                _ => value,
            });
            return Ok(());
        };
        if frame.list.is_none_or(|(field, _)| field != particle.field) {
            close_list(self.py, frame, &mut self.stack)?;
            frame.list = Some((particle.field, self.stack.len()));
        }
        self.stack.push(Some(value));
        Ok(())
    }

    fn build(&mut self, ty: &'static Complex) -> PyResult<Bound<'py, PyAny>> {
        let Some(mut frame) = self.frames.pop() else { return Err(defect("an end without a beginning")) };
        close_list(self.py, &mut frame, &mut self.stack)?;
        let object = {
            let fields = self.stack.get_mut(frame.base..).unwrap_or_default();
            if ty.inline {
                fields.first().cloned().flatten().unwrap_or_else(|| self.py.None().into_bound(self.py))
            } else {
                let class = self.classes.class(self.py, ty.class)?;
                construct(self.py, class, ty, fields)?
            }
        };
        self.stack.truncate(frame.base);
        self.base = self.frames.last().map_or(NO_FRAME, |frame| frame.base);
        Ok(object)
    }
}

/// Turn the items above the fields into a tuple.
fn close_list<'py>(py: Python<'py>, frame: &mut Frame, stack: &mut Stack<'py>) -> PyResult<()> {
    let Some((field, from)) = frame.list.take() else { return Ok(()) };
    let items = PyTuple::new(py, stack.drain(from..))?;
    match stack.get_mut(frame.base + usize::from(field)) {
        Some(place) => *place = Some(items.into_any()),
        None => return Err(defect("a list has no field")),
    }
    Ok(())
}

/// Call a class with its fields by position; absent fields at the end are left to their defaults.
#[inline]
fn construct<'py>(
    py: Python<'py>,
    class: &Bound<'py, PyType>,
    ty: &'static Complex,
    fields: &mut [Option<Bound<'py, PyAny>>],
) -> PyResult<Bound<'py, PyAny>> {
    let given = fields.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
    // Also a required field may be absent: the relaxed grammar of a fragment lets an `eMAID` go without its Id.
    for index in 0..given {
        if let Some(gap @ None) = fields.get_mut(index) {
            *gap = Some(absent(py, ty, index));
        }
    }
    // A tuple of known length is passed without being made.
    macro_rules! call {
        ($($at:ident),*) => {
            if let Some([$(Some($at)),*]) = fields.get(..given) {
                return class.call1(($($at,)*));
            }
        };
    }
    match given {
        0 => return class.call0(),
        1 => call!(a),
        2 => call!(a, b),
        3 => call!(a, b, c),
        4 => call!(a, b, c, d),
        5 => call!(a, b, c, d, e),
        6 => call!(a, b, c, d, e, f),
        7 => call!(a, b, c, d, e, f, g),
        8 => call!(a, b, c, d, e, f, g, h),
        9 => call!(a, b, c, d, e, f, g, h, i),
        10 => call!(a, b, c, d, e, f, g, h, i, j),
        _ => {}
    }
    let all: Vec<_> = fields.iter().take(given).flatten().collect();
    class.call1(PyTuple::new(py, all)?)
}

/// What an absent field holds: an empty tuple for a list, else `None`.
fn absent<'py>(py: Python<'py>, ty: &Complex, field: usize) -> Bound<'py, PyAny> {
    let mut particles = ty.slots.iter().flat_map(|slot| slot.alternatives);
    if particles.any(|particle| particle.many && usize::from(particle.field) == field) {
        PyTuple::empty(py).into_any()
    } else {
        py.None().into_bound(py)
    }
}

impl Sink for Builder<'_> {
    #[inline]
    fn begin(&mut self, _place: Place, ty: &'static Complex) -> Result<(), Stop> {
        let base = self.stack.len();
        self.frames.push(Frame { base, list: None });
        self.base = base;
        self.stack.extend((0..ty.fields).map(|_| None));
        Ok(())
    }

    #[inline]
    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        let value = match python_value(self.py, self.classes, datum) {
            Ok(value) => value,
            Err(error) => return Err(self.fail(error)),
        };
        self.put(place.particle, value)
    }

    #[inline]
    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        match self.build(ty) {
            Ok(object) => self.put(place.particle, object),
            Err(error) => Err(self.fail(error)),
        }
    }
}

/// A simple value as Python has it.
#[inline(always)]
fn python_value<'py>(py: Python<'py>, classes: &Classes, datum: Datum<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match datum {
        Datum::Boolean(value) => PyBool::new(py, value).to_owned().into_any(),
        Datum::Signed(value) => PyInt::new(py, value).into_any(),
        Datum::Unsigned(value) => PyInt::new(py, value).into_any(),
        Datum::Big(value) => big(py, value)?,
        Datum::Text(text) => classes.text(py, text).into_any(),
        Datum::Octets(octets) => PyBytes::new_with(py, octets.len(), |target| {
            octets.copy_to(target);
            Ok(())
        })?
        .into_any(),
        Datum::Enumerated(enumeration, index) => match classes.member(py, enumeration, index) {
            Some(member) => member,
            None => return Err(defect("an enumeration has no such member")),
        },
    })
}

fn big<'py>(py: Python<'py>, value: BigInteger<'_>) -> PyResult<Bound<'py, PyAny>> {
    let octets = PyBytes::new(py, value.magnitude);
    let number = py.get_type::<PyInt>().call_method1("from_bytes", (octets, "big"))?;
    if value.negative { number.neg() } else { Ok(number) }
}
