//! EXI as the charging standards use it: bit-packed, schema-informed, default fidelity, strings in full.
//!
//! One engine ([`decode()`], [`Encoder`]) runs over the static tables of a schema set ([`table`]) and folds straight
//! into a [`Sink`]. Nothing here knows a message by name; everything that is true of one schema only is data.

#![allow(
    clippy::inline_always,
    reason = "the steps of an event are tiny and were measured: calls cost a fifth"
)]
#![allow(clippy::unnecessary_box_returns, reason = "errors are rare and large; results are many and small")]
#![cfg_attr(test, allow(clippy::expect_used, reason = "a test that panics is a test that fails"))]

mod bits;
mod cursor;
mod decode;
mod encode;
mod error;
mod explain;
pub mod json;
mod lexical;
mod read_value;
mod relaxed;
mod sink;
mod stream;
mod strings;
pub mod table;
mod value;
pub mod xml;

pub use decode::{Form, decode};
pub use encode::Encoder;
pub use error::{Error, ErrorKind, Result};
pub use explain::{Step, bits_as_text, explain};
pub use sink::{Place, Sink, Stop, Stretch};
pub use value::{BigInteger, Datum, Octets};

/// The EXI header of every charging standard: no cookie, no options.
pub const HEADER: u8 = 0x80;

/// Sizes that no honest message has; a message beyond them is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many items a list without a schema limit may have.
    pub items: u32,
    /// How many characters references to earlier strings may give in all.
    pub referred_characters: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { items: 1024, referred_characters: 16 * 1024 }
    }
}
