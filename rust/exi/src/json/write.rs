//! A sink that prints JSON.

use std::fmt::Write;

use super::{CONTENT, GREATEST_NUMBER, is_ordered, key, member};
use crate::decode::Form;
use crate::lexical::{append_octets, decimal};
use crate::sink::{Place, Sink, Stop};
use crate::table::{Complex, Kind, Schema};
use crate::value::Datum;

/// Prints one message, without spaces.
#[derive(Debug)]
pub struct JsonWriter {
    out: String,
    schema: &'static Schema,
    form: Form,
    open: Vec<Level>,
}

/// An object that is open.
#[derive(Debug)]
struct Level {
    ty: &'static Complex,
    /// Its elements stand in one array.
    ordered: bool,
    /// It has no member yet.
    empty: bool,
    /// The slot whose array is open.
    list: Option<usize>,
}

impl JsonWriter {
    /// A writer for messages of one schema set.
    pub fn new(schema: &'static Schema, form: Form) -> Self {
        Self { out: String::with_capacity(1024), schema, form, open: Vec::with_capacity(8) }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.out
    }

    fn name(&mut self, name: &str) {
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
    }

    /// Write everything that stands before a value.
    fn before(&mut self, place: Place) {
        let name = place.particle.name;
        let Some(level) = self.open.last_mut() else {
            let roots = self.form.roots(self.schema).elements.iter().map(|root| &root.particle);
            let key = key(self.schema, name, roots);
            self.out.push('{');
            return self.name(&key);
        };
        let Some(slot) = level.ty.slots.get(place.slot) else { return };
        let key = member(self.schema, level.ty, slot.kind, name);
        let is_list = slot.kind == Kind::Element && (slot.max > 1 || level.ordered);
        let list = is_list.then_some(if level.ordered { usize::MAX } else { place.slot });
        let goes_on = is_list && level.list == list;
        if !goes_on && level.list.take().is_some() {
            self.out.push(']');
        }
        if !std::mem::replace(&mut level.empty, false) {
            self.out.push(',');
        }
        level.list = list;
        let ordered = level.ordered;
        if is_list && !goes_on {
            self.name(if ordered { CONTENT } else { &key });
            self.out.push('[');
        }
        if is_list && ordered {
            self.out.push('{');
        }
        if !is_list || ordered {
            self.name(&key);
        }
    }

    /// Write what stands behind a value: the end of the object that holds it alone.
    fn after(&mut self, place: Place) {
        let alone = self.open.last().is_none_or(|level| {
            level.ordered && level.ty.slots.get(place.slot).is_some_and(|slot| slot.kind == Kind::Element)
        });
        if alone {
            self.out.push('}');
        }
    }

    fn number(&mut self, magnitude: u64, value: impl std::fmt::Display) {
        let quote = if magnitude > GREATEST_NUMBER { "\"" } else { "" };
        let _ = write!(self.out, "{quote}{value}{quote}");
    }

    fn text(&mut self, text: &str) {
        self.out.push('"');
        for scalar in text.chars() {
            match scalar {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\0'..='\u{1F}' => drop(write!(self.out, "\\u{:04x}", u32::from(scalar))),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }
}

impl Sink for JsonWriter {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.before(place);
        self.out.push('{');
        self.open.push(Level { ty, ordered: is_ordered(ty), empty: true, list: None });
        Ok(())
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        self.before(place);
        match datum {
            Datum::Boolean(value) => self.out.push_str(if value { "true" } else { "false" }),
            Datum::Signed(value) => self.number(value.unsigned_abs(), value),
            Datum::Unsigned(value) => self.number(value, value),
            Datum::Big(value) => self.number(u64::MAX, decimal(value)),
            Datum::Text(text) => self.text(text),
            Datum::Octets(octets) => {
                self.out.push('"');
                append_octets(&mut self.out, place, &octets);
                self.out.push('"');
            }
            Datum::Enumerated(enumeration, index) => {
                self.text(enumeration.values.get(index as usize).copied().unwrap_or_default());
            }
        }
        self.after(place);
        Ok(())
    }

    fn end(&mut self, place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        if self.open.pop().is_some_and(|level| level.list.is_some()) {
            self.out.push(']');
        }
        self.out.push('}');
        self.after(place);
        Ok(())
    }
}
