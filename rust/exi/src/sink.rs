//! The one interface between where messages come from and where they go.
//!
//! A source (the EXI decoder, the XML reader, a Python object) tells a sink (the EXI encoder, the XML writer, a
//! builder of Python objects) what it meets, in document order. No tree stands in between.

use crate::table::{Complex, Name, Particle};
use crate::value::Datum;

/// The receiver does not want to go on; it keeps the reason itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stop;

/// Where in its parent something stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The element, attribute or text.
    pub particle: &'static Particle,
    /// Index of its slot in the parent's type.
    pub slot: usize,
    /// Index among the slot's alternatives.
    pub alternative: usize,
}

/// What a stretch of a stream is; only told to a sink that asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stretch {
    /// The EXI header.
    Header,
    /// Event code: an element begins.
    Start(Name, u64),
    /// Event code: an attribute follows.
    Attribute(Name, u64),
    /// Event code: a value follows.
    Characters(u64),
    /// Event code: an event that the schema does not declare here follows in a second code.
    Escape(u64),
    /// Event code: the element that began last ends.
    End(u64),
    /// Event code: the fragment ends.
    EndFragment(u64),
    /// How many octets or characters follow; of a string, the number in the stream is greater by two.
    Length(usize),
    /// A value, which the sink has been given just before.
    Value,
    /// A reference to a string that occurred; its value has been given just before.
    Reference,
    /// Zero bits behind the message.
    Padding,
}

/// Receives a message part by part.
pub trait Sink {
    /// The sink wants to know what every bit is. Then the decoder takes each event by itself, else it takes several at
    /// a time; as the constant is known when the decoder is compiled, a sink that does not ask pays nothing.
    const TRACES: bool = false;

    /// The bits from `from` up to `to` are this.
    fn trace(&mut self, _from: usize, _to: usize, _stretch: Stretch) {}

    /// An element with a type of its own begins.
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop>;

    /// A simple value: of an attribute, of an element, or the text of the type that began last.
    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop>;

    /// The element that began last ends.
    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop>;
}
