//! Simple values on their way from a source to a sink.

use std::borrow::Cow;

use crate::table::Enumeration;

/// A simple value, borrowed from where it comes from.
#[derive(Debug, Clone, Copy)]
pub enum Datum<'a> {
    /// A boolean.
    Boolean(bool),
    /// A number that fits 64 signed bits.
    Signed(i64),
    /// A number that fits 64 unsigned bits.
    Unsigned(u64),
    /// A number that fits neither.
    Big(BigInteger<'a>),
    /// Characters.
    Text(&'a str),
    /// Octets.
    Octets(Octets<'a>),
    /// A value of an enumeration, by its index.
    Enumerated(&'static Enumeration, u32),
}

/// A number of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BigInteger<'a> {
    /// It is less than zero.
    pub negative: bool,
    /// Its absolute value, most significant octet first.
    pub magnitude: &'a [u8],
}

/// Octets that may lie across octet borders of the stream: nothing is copied until somebody wants them.
#[derive(Debug, Clone, Copy)]
pub struct Octets<'a> {
    data: &'a [u8],
    shift: u32,
}

impl<'a> Octets<'a> {
    /// Octets that lie as they are.
    pub fn whole(data: &'a [u8]) -> Self {
        Self { data, shift: 0 }
    }

    /// Octets that begin `shift` bits into `data`; `data` is one octet longer when `shift` is not 0.
    pub(crate) fn across(data: &'a [u8], shift: u32) -> Self {
        Self { data, shift: if data.is_empty() { 0 } else { shift } }
    }

    /// How many octets there are.
    pub fn len(&self) -> usize {
        self.data.len() - usize::from(self.shift > 0)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn is_aligned(&self) -> bool {
        self.shift == 0
    }

    pub(crate) fn data(&self) -> &'a [u8] {
        self.data
    }

    /// Copy them; `target` has to be exactly as long, else nothing is copied.
    pub fn copy_to(&self, target: &mut [u8]) {
        if self.shift == 0 {
            if target.len() == self.data.len() {
                target.copy_from_slice(self.data);
            }
        } else if target.len() + 1 == self.data.len() {
            copy_across(self.data, self.shift, target);
        }
    }

    /// Append them to a vector.
    pub fn append_to(&self, target: &mut Vec<u8>) {
        let from = target.len();
        target.resize(from + self.len(), 0);
        if let Some(space) = target.get_mut(from..) {
            self.copy_to(space);
        }
    }

    /// The octets as a slice, copied only if they lie across octet borders.
    pub fn to_slice(&self) -> Cow<'a, [u8]> {
        if self.shift == 0 {
            return Cow::Borrowed(self.data);
        }
        let mut copy = Vec::new();
        self.append_to(&mut copy);
        Cow::Owned(copy)
    }
}

/// Copy octets that begin `shift` bits into `source`. The compiler makes vector instructions of this loop; eight octets
/// at a time in 64-bit words were measured and are slower.
fn copy_across(source: &[u8], shift: u32, target: &mut [u8]) {
    let pairs = source.iter().zip(source.get(1..).unwrap_or_default());
    for (to, (high, low)) in target.iter_mut().zip(pairs) {
        *to = (high << shift) | (low >> (8 - shift));
    }
}
