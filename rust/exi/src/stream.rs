//! What a decoder carries along, and the steps that every part of it takes.

use crate::bits::{BitReader, Truncated};
use crate::error::{Error, ErrorKind, Result};
use crate::sink::{Sink, Stretch};
use crate::strings::Strings;
use crate::table::Schema;

/// Strings up to this length are assembled without allocation.
pub(crate) const SHORT_TEXT: usize = 64;

/// A stream that is being decoded: its bits, what was seen of it, and who is told.
pub(crate) struct Decoder<'a, 's, S> {
    pub(crate) bits: BitReader<'a>,
    pub(crate) schema: &'static Schema,
    pub(crate) sink: &'s mut S,
    pub(crate) strings: Strings,
    /// Characters that references to earlier strings may still give.
    pub(crate) budget: usize,
    /// Where short strings are assembled.
    pub(crate) scratch: [u8; SHORT_TEXT],
    /// How many items a list may have.
    pub(crate) items: u32,
}

impl<S: Sink> Decoder<'_, '_, S> {
    #[cold]
    pub(crate) fn fail(&self, kind: ErrorKind, detail: impl Into<String>) -> Box<Error> {
        Error::at(kind, detail, self.bits.position())
    }

    #[inline]
    pub(crate) fn take(&mut self, count: u32) -> Result<u64> {
        self.bits.bits(count).map_err(|Truncated| self.truncated())
    }

    /// The position, for a later [`Self::trace`].
    #[inline(always)]
    pub(crate) fn mark(&self) -> usize {
        if S::TRACES { self.bits.position() } else { 0 }
    }

    /// Tell a sink that asks for it what the bits since a mark are.
    #[inline(always)]
    pub(crate) fn trace(&mut self, from: usize, stretch: Stretch) {
        if S::TRACES {
            self.sink.trace(from, self.bits.position(), stretch);
        }
    }

    #[cold]
    pub(crate) fn truncated(&self) -> Box<Error> {
        self.fail(ErrorKind::Truncated, "the stream ends in the middle of the message")
    }

    #[cold]
    pub(crate) fn stopped(&self) -> Box<Error> {
        self.fail(ErrorKind::Sink, "the receiver stopped")
    }
}
