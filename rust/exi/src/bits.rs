//! Bits in, bits out: most significant bit first, as bit-packed EXI wants them.

use crate::value::Octets;

/// The input ended before the value did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Truncated;

/// Reads a stream bit by bit through a 64-bit buffer.
#[derive(Debug, Clone)]
pub(crate) struct BitReader<'a> {
    data: &'a [u8],
    /// The next octet to load into the buffer.
    next: usize,
    /// Bits not yet taken, left-aligned. Bits below `left` may hold data already; they are loaded again unchanged.
    buffer: u64,
    /// Number of valid bits in `buffer`.
    left: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self { data, next: 0, buffer: 0, left: 0 }
    }

    /// Position in bits from the start.
    pub(crate) fn position(&self) -> usize {
        self.next * 8 - self.left as usize
    }

    /// Continue at a position that was taken from `position`.
    pub(crate) fn seek(&mut self, position: usize) {
        self.next = position / 8;
        self.buffer = 0;
        self.left = 0;
        let skip = offset_in_octet(position);
        if skip > 0 && self.refill(skip).is_ok() {
            self.buffer <<= skip;
            self.left -= skip;
        }
    }

    /// Length of the stream in bits.
    pub(crate) fn end(&self) -> usize {
        self.data.len() * 8
    }

    /// Whole octets that remain (the started one not counted).
    pub(crate) fn remaining_octets(&self) -> usize {
        self.data.len() - self.position().div_ceil(8)
    }

    /// Take up to 56 bits.
    #[inline(always)]
    pub(crate) fn bits(&mut self, count: u32) -> Result<u64, Truncated> {
        if self.left < count {
            self.refill(count)?;
        }
        let value = (self.buffer >> 1) >> (63 - count);
        self.buffer <<= count;
        self.left = self.left.wrapping_sub(count);
        Ok(value)
    }

    /// The next bits are there and all zero: take them.
    #[inline(always)]
    pub(crate) fn take_zeros(&mut self, count: u32) -> bool {
        if self.left < count && self.refill(count).is_err() {
            return false;
        }
        let zero = (self.buffer >> 1) >> (63 - count) == 0;
        if zero {
            self.buffer <<= count;
            self.left = self.left.wrapping_sub(count);
        }
        zero
    }

    #[inline]
    fn refill(&mut self, count: u32) -> Result<(), Truncated> {
        match self.data.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(chunk) => {
                self.buffer |= u64::from_be_bytes(*chunk) >> self.left;
                let octets = (63 - self.left) >> 3;
                self.next += octets as usize;
                self.left += octets * 8;
                Ok(())
            }
            None => self.refill_at_end(count),
        }
    }

    #[cold]
    fn refill_at_end(&mut self, count: u32) -> Result<(), Truncated> {
        while self.left <= 56 {
            let Some(octet) = self.data.get(self.next) else { break };
            self.buffer |= u64::from(*octet) << (56 - self.left);
            self.next += 1;
            self.left += 8;
        }
        if self.left < count { Err(Truncated) } else { Ok(()) }
    }

    /// An unsigned integer in groups of seven bits, least significant group first; `None` if it exceeds 64 bits.
    #[inline]
    pub(crate) fn unsigned(&mut self) -> Result<Option<u64>, Truncated> {
        let first = self.bits(8)?;
        if first < 0x80 {
            return Ok(Some(first));
        }
        self.unsigned_rest(first & 0x7F)
    }

    fn unsigned_rest(&mut self, first: u64) -> Result<Option<u64>, Truncated> {
        let mut value = first;
        let mut shift = 7;
        let mut fits = true;
        loop {
            let group = self.bits(8)?;
            let digits = group & 0x7F;
            if shift < 64 && (digits << shift) >> shift == digits {
                value |= digits << shift;
            } else {
                fits &= digits == 0;
            }
            if group < 0x80 {
                return Ok(fits.then_some(value));
            }
            shift += 7;
        }
    }

    /// Take `length` octets that may lie across octet borders, without copying them.
    pub(crate) fn octets(&mut self, length: usize) -> Result<Octets<'a>, Truncated> {
        let position = self.position();
        let shift = offset_in_octet(position);
        let from = position / 8;
        let to = length
            .checked_add(from)
            .and_then(|to| to.checked_add(usize::from(shift > 0)))
            .ok_or(Truncated)?;
        // With no octet at all, nothing lies across a border.
        let data = if length == 0 { &[] } else { self.data.get(from..to).ok_or(Truncated)? };
        if length > 0 {
            self.seek(position + length * 8);
        }
        Ok(Octets::across(data, shift))
    }

    /// The rest of the stream: `true` if it is nothing but zero bits.
    pub(crate) fn rest_is_zero(&self) -> bool {
        let position = self.position();
        match self.data.get(position / 8..).and_then(<[u8]>::split_first) {
            Some((started, rest)) => {
                started << offset_in_octet(position) == 0 && rest.iter().all(|octet| *octet == 0)
            }
            None => true,
        }
    }
}

/// How many bits of its octet lie before a position.
fn offset_in_octet(position: usize) -> u32 {
    u32::from(u8::try_from(position % 8).unwrap_or(0))
}

/// Writes a stream bit by bit.
#[derive(Debug, Default)]
pub(crate) struct BitWriter {
    out: Vec<u8>,
    /// Bits not yet written out, left-aligned.
    buffer: u64,
    fill: u32,
}

impl BitWriter {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { out: Vec::with_capacity(octets), buffer: 0, fill: 0 }
    }

    /// Append the low `count` bits of `value`; at most 56.
    #[inline]
    pub(crate) fn bits(&mut self, value: u64, count: u32) {
        if self.fill + count > 64 {
            self.flush();
        }
        if count > 0 {
            self.buffer |= value << (64 - self.fill - count);
            self.fill += count;
        }
    }

    /// Move whole octets from the buffer to the output.
    fn flush(&mut self) {
        let whole = (self.fill / 8) as usize;
        let octets = self.buffer.to_be_bytes();
        self.out.extend_from_slice(octets.get(..whole).unwrap_or(&octets));
        self.buffer = if whole == 8 { 0 } else { self.buffer << (whole * 8) };
        self.fill %= 8;
    }

    /// An unsigned integer in groups of seven bits.
    #[inline]
    pub(crate) fn unsigned(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bits(0x80 | (value & 0x7F), 8);
            value >>= 7;
        }
        self.bits(value, 8);
    }

    /// Append octets, across octet borders where the stream stands between two.
    pub(crate) fn octets(&mut self, octets: &Octets<'_>) {
        self.flush();
        if self.fill == 0 {
            octets.append_to(&mut self.out);
            return;
        }
        if octets.is_aligned() {
            self.append_shifted(octets.data());
        } else {
            let mut aligned = Vec::with_capacity(octets.len());
            octets.append_to(&mut aligned);
            self.append_shifted(&aligned);
        }
    }

    fn append_shifted(&mut self, octets: &[u8]) {
        let (Some(first), Some(last)) = (octets.first(), octets.last()) else { return };
        let fill = self.fill;
        let [partial, ..] = self.buffer.to_be_bytes();
        self.out.push(partial | (first >> fill));
        // What lies `8 - fill` bits into the octets is what is left of them, octet by octet.
        Octets::across(octets, 8 - fill).append_to(&mut self.out);
        self.buffer = u64::from(last << (8 - fill)) << 56;
    }

    /// Pad with zero bits to a whole octet and give the stream.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.fill = self.fill.next_multiple_of(8);
        self.flush();
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_at_every_offset() {
        for offset in 0..8 {
            let mut writer = BitWriter::default();
            writer.bits(0, offset);
            writer.bits(0x1_5555, 17);
            writer.octets(&Octets::whole(&[1, 2, 0xFF, 4]));
            writer.unsigned(300);
            writer.unsigned(u64::MAX);
            let stream = writer.finish();
            let mut reader = BitReader::new(&stream);
            assert_eq!(reader.bits(offset), Ok(0));
            assert_eq!(reader.bits(17), Ok(0x1_5555));
            let mut octets = Vec::new();
            reader.octets(4).expect("four octets").append_to(&mut octets);
            assert_eq!(octets, [1, 2, 0xFF, 4]);
            assert_eq!(reader.unsigned(), Ok(Some(300)));
            assert_eq!(reader.unsigned(), Ok(Some(u64::MAX)));
            assert!(reader.rest_is_zero());
        }
    }

    #[test]
    fn the_end_is_an_error_and_not_a_zero() {
        let mut reader = BitReader::new(&[0xF0]);
        assert_eq!(reader.bits(4), Ok(0xF));
        assert_eq!(reader.bits(5), Err(Truncated));
        assert!(BitReader::new(&[0x80, 0x80]).unsigned().is_err());
        assert!(BitReader::new(&[1, 2]).octets(3).is_err());
        let mut shifted = BitReader::new(&[1, 2]);
        assert_eq!(shifted.bits(1), Ok(0));
        assert!(shifted.octets(2).is_err());
        assert!(shifted.octets(usize::MAX).is_err());
    }

    #[test]
    fn more_than_64_bits_are_told() {
        let mut reader = BitReader::new(&[0xFF; 12]);
        assert!(reader.unsigned().is_err());
        let mut long = vec![0xFF; 9];
        long.push(0x01);
        assert_eq!(BitReader::new(&long).unsigned(), Ok(Some(u64::MAX)));
        *long.last_mut().expect("ten octets") = 0x02;
        assert_eq!(BitReader::new(&long).unsigned(), Ok(None));
    }
}
