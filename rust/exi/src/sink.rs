//! The one interface between where messages come from and where they go.
//!
//! A source (the EXI decoder, the XML reader, a Python object) tells a sink (the EXI encoder, the XML writer, a
//! builder of Python objects) what it meets, in document order. No tree stands in between.

use crate::table::{Complex, Particle};
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

/// Receives a message part by part.
pub trait Sink {
    /// An element with a type of its own begins.
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop>;

    /// A simple value: of an attribute, of an element, or the text of the type that began last.
    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop>;

    /// The element that began last ends.
    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop>;
}
