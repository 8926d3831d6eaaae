//! A source: tells a sink what a typed Python message holds.

use plugcharge_exi::table::{Complex, Content, Particle, Simple, Slot};
use plugcharge_exi::{BigInteger, Datum, Encoder, Error, ErrorKind, Octets, Place, Sink, Stop};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString, PyTuple};

use crate::classes::{Classes, expected};
use crate::errors::{defect, exi_error};

static ASTUPLE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// Walks one message into an encoder.
pub(crate) struct Walker<'py, 'e> {
    py: Python<'py>,
    classes: &'static Classes,
    astuple: &'py Bound<'py, PyAny>,
    sink: &'e mut Encoder,
}

impl<'py, 'e> Walker<'py, 'e> {
    pub(crate) fn new(py: Python<'py>, classes: &'static Classes, sink: &'e mut Encoder) -> PyResult<Self> {
        let astuple = ASTUPLE.import(py, "msgspec.structs", "astuple")?;
        Ok(Self { py, classes, astuple, sink })
    }

    /// Tell the sink about a part and everything in it.
    pub(crate) fn part(&mut self, place: Place, value: &Bound<'py, PyAny>) -> PyResult<()> {
        match place.particle.content {
            Content::Simple(simple) => self.simple(place, simple, value),
            Content::Complex(ty) => {
                if !ty.inline && !self.classes.is(value, ty.class) {
                    let class = self.classes.class(self.py, ty.class)?.name()?;
                    return Err(self.wrong(place.particle, value, &format!("an instance of {class}")));
                }
                self.sink.begin(place, ty).map_err(|stop| self.stopped(stop))?;
                if ty.inline {
                    self.fields(ty, std::slice::from_ref(value))?;
                } else {
                    let fields = self.astuple.call1((value,))?.cast_into::<PyTuple>()?;
                    self.fields(ty, fields.as_slice())?;
                }
                self.sink.end(place, ty).map_err(|stop| self.stopped(stop))
            }
            Content::Abstract | Content::Wildcard => Err(self.wrong(place.particle, value, "nothing")),
        }
    }

    fn fields(&mut self, ty: &'static Complex, fields: &[Bound<'py, PyAny>]) -> PyResult<()> {
        for (index, slot) in ty.slots.iter().enumerate() {
            match slot.alternatives {
                [only] => self.field(index, slot, only, fields)?,
                [first, second, ..] if first.field == second.field => {
                    self.field(index, slot, first, fields)?;
                }
                several => self.choice(index, several, fields)?,
            }
        }
        Ok(())
    }

    /// A slot that one field fills, with one value or with several.
    #[inline]
    fn field(
        &mut self,
        index: usize,
        slot: &'static Slot,
        first: &'static Particle,
        fields: &[Bound<'py, PyAny>],
    ) -> PyResult<()> {
        if matches!(first.content, Content::Wildcard) {
            return Ok(());
        }
        let Some(value) = fields.get(usize::from(first.field)) else {
            return Err(defect("a field is missing"));
        };
        if !first.many {
            // `None` for a type without a class of its own means that it is there and empty.
            let absent = value.is_none() && !(slot.min > 0 && is_inline(first));
            return if absent { Ok(()) } else { self.occurrence(index, slot, value) };
        }
        let Ok(items) = value.cast::<PyTuple>() else { return Err(self.wrong(first, value, "a tuple")) };
        for item in items.iter_borrowed() {
            self.occurrence(index, slot, &item)?;
        }
        Ok(())
    }

    /// A choice whose alternatives have a field each: at most one may be given.
    fn choice(
        &mut self,
        index: usize,
        alternatives: &'static [Particle],
        fields: &[Bound<'py, PyAny>],
    ) -> PyResult<()> {
        for (alternative, particle) in alternatives.iter().enumerate() {
            let value = fields.get(usize::from(particle.field)).filter(|value| !value.is_none());
            if let (Some(value), false) = (value, matches!(particle.content, Content::Wildcard)) {
                self.part(Place { particle, slot: index, alternative }, value)?;
            }
        }
        Ok(())
    }

    /// One occurrence of a slot: the alternative is told by the value's class.
    #[inline]
    fn occurrence(&mut self, index: usize, slot: &'static Slot, value: &Bound<'py, PyAny>) -> PyResult<()> {
        // A wildcard beside the only element is never meant: its content has no typed form.
        if let [particle] | [particle, Particle { content: Content::Wildcard, .. }] = slot.alternatives {
            return self.part(Place { particle, slot: index, alternative: 0 }, value);
        }
        for (alternative, particle) in slot.alternatives.iter().enumerate() {
            let place = Place { particle, slot: index, alternative };
            match (particle.wrapper, particle.content) {
                (Some(class), _) if self.classes.is(value, class) => {
                    return self.part(place, &value.getattr(pyo3::intern!(self.py, "value"))?);
                }
                (None, Content::Complex(ty)) if self.classes.is(value, ty.class) => {
                    return self.part(place, value);
                }
                _ => {}
            }
        }
        let names: Vec<&str> = slot
            .alternatives
            .iter()
            .filter(|particle| !matches!(particle.content, Content::Abstract | Content::Wildcard))
            .map(|particle| particle.name.local)
            .collect();
        match slot.alternatives.first() {
            Some(first) => Err(self.wrong(first, value, &format!("one of {}", names.join(", ")))),
            None => Err(defect("a slot without alternatives")),
        }
    }

    #[inline]
    fn simple(&mut self, place: Place, simple: Simple, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let datum = match simple {
            Simple::Boolean => value.cast::<PyBool>().ok().map(|value| Datum::Boolean(value.is_true())),
            Simple::Bits { .. } | Simple::Unsigned { .. } | Simple::Signed { .. } | Simple::Integer => {
                return self.number(place, simple, value);
            }
            Simple::Text { .. } => match value.cast::<PyString>().map(|text| text.to_str()) {
                Ok(Ok(text)) => Some(Datum::Text(text)),
                Ok(Err(_)) => {
                    let detail = "the text holds half of a surrogate pair".to_owned();
                    let error = self.sink.refusal(ErrorKind::Character, detail, place.particle.name);
                    return Err(exi_error(self.py, &error, self.classes.schema.name));
                }
                Err(_) => None,
            },
            Simple::Octets { .. } => {
                value.cast::<PyBytes>().ok().map(|value| Datum::Octets(Octets::whole(value.as_bytes())))
            }
            Simple::Enumeration(enumeration) => {
                self.classes.index_of(enumeration, value).map(|index| Datum::Enumerated(enumeration, index))
            }
        };
        match datum {
            Some(datum) => self.sink.value(place, datum).map_err(|stop| self.stopped(stop)),
            None => Err(self.wrong(place.particle, value, &expected(simple))),
        }
    }

    #[inline]
    fn number(&mut self, place: Place, simple: Simple, value: &Bound<'py, PyAny>) -> PyResult<()> {
        let number = match value.cast::<PyInt>() {
            Ok(number) if !value.is_instance_of::<PyBool>() => number,
            _ => return Err(self.wrong(place.particle, value, &expected(simple))),
        };
        if let Ok(small) = number.extract::<i64>() {
            return self.sink.value(place, Datum::Signed(small)).map_err(|stop| self.stopped(stop));
        }
        let negative = value.lt(0)?;
        let size = value.call_method0("bit_length")?.extract::<usize>()?.div_ceil(8);
        let magnitude = value.call_method0("__abs__")?.call_method1("to_bytes", (size, "big"))?;
        let magnitude = magnitude.cast::<PyBytes>()?.as_bytes();
        let datum = match <[u8; 8]>::try_from(magnitude) {
            Ok(octets) if !negative => Datum::Unsigned(u64::from_be_bytes(octets)),
            _ => Datum::Big(BigInteger { negative, magnitude }),
        };
        self.sink.value(place, datum).map_err(|stop| self.stopped(stop))
    }

    #[cold]
    fn stopped(&mut self, Stop: Stop) -> PyErr {
        match self.sink.take_error() {
            Some(error) => exi_error(self.py, &error, self.classes.schema.name),
            None => defect("the encoder stopped without a reason"),
        }
    }

    /// The value does not fit its place.
    #[cold]
    fn wrong(&mut self, particle: &Particle, value: &Bound<'py, PyAny>, wanted: &str) -> PyErr {
        let given = value.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string());
        let detail = format!("{} wants {wanted}, not {given}", particle.name.local);
        let error: Box<Error> = self.sink.refusal(ErrorKind::Type, detail, particle.name);
        exi_error(self.py, &error, self.classes.schema.name)
    }
}

fn is_inline(particle: &Particle) -> bool {
    matches!(particle.content, Content::Complex(ty) if ty.inline)
}
