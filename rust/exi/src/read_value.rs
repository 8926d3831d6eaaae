//! Reads simple values and hands them to the sink.

use crate::bits::Truncated;
use crate::error::{ErrorKind, Result};
use crate::sink::{Place, Sink, Stop, Stretch};
use crate::stream::Decoder;
use crate::strings::Seen;
use crate::table::Simple;
use crate::value::{BigInteger, Datum};

/// How many characters a reference to an earlier string counts for at least.
const LEAST_CHARGE: usize = 8;

/// The longest magnitude of an unbounded integer, in octets. Certificate serial numbers have 20.
pub(crate) const LONGEST_INTEGER: usize = 256;

/// Read one value of a simple type; `name` owns the string-table partition.
#[inline(always)]
pub(crate) fn read<S: Sink>(
    decoder: &mut Decoder<'_, '_, S>,
    place: Place,
    simple: &'static Simple,
    name: u16,
) -> Result<()> {
    let mut from = decoder.mark();
    let datum = match *simple {
        Simple::Boolean => Datum::Boolean(decoder.take(1)? != 0),
        Simple::Bits { min, max, width } => {
            let offset = i64::try_from(decoder.take(u32::from(width))?).unwrap_or(i64::MAX);
            let value = i64::from(min).saturating_add(offset);
            if value > i64::from(max) {
                return Err(decoder.fail(ErrorKind::Range, format!("{value} is more than {max}")));
            }
            Datum::Signed(value)
        }
        Simple::Unsigned { max } => match unsigned(decoder)? {
            Some(value) if value <= max => Datum::Unsigned(value),
            _ => return Err(decoder.fail(ErrorKind::Range, format!("the number is more than {max}"))),
        },
        Simple::Signed { min, max } => {
            let negative = decoder.take(1)? != 0;
            let value = unsigned(decoder)?.and_then(|size| i64::try_from(size).ok());
            match value.map(|size| if negative { -1 - size } else { size }) {
                Some(value) if (min..=max).contains(&value) => Datum::Signed(value),
                _ => return Err(decoder.fail(ErrorKind::Range, format!("the number is not in {min}..{max}"))),
            }
        }
        Simple::Integer => return integer(decoder, place),
        Simple::Text { .. } => return text(decoder, place, name),
        Simple::Octets { .. } => {
            let length = size(decoder)?;
            decoder.trace(from, Stretch::Length(length));
            from = decoder.mark();
            Datum::Octets(decoder.bits.octets(length).map_err(|Truncated| decoder.truncated())?)
        }
        Simple::Enumeration(enumeration) => {
            let index = decoder.take(u32::from(enumeration.width))?;
            match u32::try_from(index) {
                Ok(index) if (index as usize) < enumeration.values.len() => {
                    Datum::Enumerated(enumeration, index)
                }
                _ => {
                    let detail = format!("{} has no value with index {index}", enumeration.name);
                    return Err(decoder.fail(ErrorKind::Range, detail));
                }
            }
        }
    };
    decoder.sink.value(place, datum).map_err(|Stop| decoder.stopped())?;
    decoder.trace(from, Stretch::Value);
    Ok(())
}

#[inline]
fn unsigned<S: Sink>(decoder: &mut Decoder<'_, '_, S>) -> Result<Option<u64>> {
    decoder.bits.unsigned().map_err(|Truncated| decoder.truncated())
}

/// A length; one that cannot be held is longer than any stream.
#[inline]
fn size<S: Sink>(decoder: &mut Decoder<'_, '_, S>) -> Result<usize> {
    match unsigned(decoder)?.and_then(|size| usize::try_from(size).ok()) {
        Some(size) => Ok(size),
        None => Err(decoder.truncated()),
    }
}

fn integer<S: Sink>(decoder: &mut Decoder<'_, '_, S>, place: Place) -> Result<()> {
    let mark = decoder.mark();
    let negative = decoder.take(1)? != 0;
    let from = decoder.bits.position();
    if let Some(size) = unsigned(decoder)?.and_then(|size| i64::try_from(size).ok()) {
        let value = if negative { -1 - size } else { size };
        decoder.sink.value(place, Datum::Signed(value)).map_err(|Stop| decoder.stopped())?;
        decoder.trace(mark, Stretch::Value);
        return Ok(());
    }
    decoder.bits.seek(from);
    let mut magnitude = magnitude(decoder)?;
    if negative {
        // EXI writes -1 - n.
        add_one(&mut magnitude);
    }
    while magnitude.last() == Some(&0) {
        magnitude.pop();
    }
    magnitude.reverse();
    let datum = Datum::Big(BigInteger { negative, magnitude: &magnitude });
    decoder.sink.value(place, datum).map_err(|Stop| decoder.stopped())?;
    decoder.trace(mark, Stretch::Value);
    Ok(())
}

/// Groups of seven bits as octets, least significant first.
fn magnitude<S: Sink>(decoder: &mut Decoder<'_, '_, S>) -> Result<Vec<u8>> {
    let mut octets: Vec<u8> = Vec::new();
    let (mut held, mut count) = (0_u32, 0_u32);
    loop {
        let group = u32::try_from(decoder.take(8)?).unwrap_or(0);
        held |= (group & 0x7F) << count;
        count += 7;
        if count >= 8 {
            octets.push(u8::try_from(held & 0xFF).unwrap_or(0));
            held >>= 8;
            count -= 8;
        }
        if octets.len() > LONGEST_INTEGER {
            return Err(decoder.fail(ErrorKind::Limit, "the number has more than 256 octets"));
        }
        if group < 0x80 {
            octets.push(u8::try_from(held & 0xFF).unwrap_or(0));
            return Ok(octets);
        }
    }
}

fn add_one(little_endian: &mut Vec<u8>) {
    for octet in little_endian.iter_mut() {
        let (sum, carry) = octet.overflowing_add(1);
        *octet = sum;
        if !carry {
            return;
        }
    }
    little_endian.push(1);
}

/// A string: in full, or a reference to one that occurred (0: under the same name, 1: anywhere).
#[inline]
pub(crate) fn text<S: Sink>(decoder: &mut Decoder<'_, '_, S>, place: Place, name: u16) -> Result<()> {
    let from = decoder.mark();
    match size(decoder)? {
        0 => {
            let width = decoder.strings.local_width(name);
            let number = decoder.take(width)?;
            let seen = decoder.strings.local(name, number);
            referred(decoder, place, seen)?;
            decoder.trace(from, Stretch::Reference);
        }
        1 => {
            let number = decoder.take(decoder.strings.global_width())?;
            let seen = decoder.strings.global(number);
            referred(decoder, place, seen)?;
            decoder.trace(from, Stretch::Reference);
        }
        length => {
            let characters = length - 2;
            decoder.trace(from, Stretch::Length(characters));
            let from = decoder.mark();
            if characters > 0 {
                decoder.strings.add(Seen { name, at: decoder.bits.position(), characters });
            }
            written(decoder, place, characters)?;
            decoder.trace(from, Stretch::Value);
        }
    }
    Ok(())
}

#[cold]
fn referred<S: Sink>(decoder: &mut Decoder<'_, '_, S>, place: Place, seen: Option<Seen>) -> Result<()> {
    let Some(seen) = seen else {
        return Err(decoder.fail(ErrorKind::StringTable, "a reference to a string that has not occurred"));
    };
    // However short the string, a reference to it makes an object.
    let Some(budget) = decoder.budget.checked_sub(seen.characters.max(LEAST_CHARGE)) else {
        return Err(
            decoder.fail(ErrorKind::Limit, "references repeat more characters than any honest message")
        );
    };
    decoder.budget = budget;
    let position = decoder.bits.position();
    decoder.bits.seek(seen.at);
    written(decoder, place, seen.characters)?;
    decoder.bits.seek(position);
    Ok(())
}

#[inline]
fn written<S: Sink>(decoder: &mut Decoder<'_, '_, S>, place: Place, characters: usize) -> Result<()> {
    if characters > decoder.bits.remaining_octets() {
        return Err(decoder.truncated());
    }
    let from = decoder.bits.position();
    let octets = decoder.bits.octets(characters).map_err(|Truncated| decoder.truncated())?;
    let mut long = Vec::new();
    let buffer = if let Some(buffer) = decoder.scratch.get_mut(..characters) {
        buffer
    } else {
        long.resize(characters, 0);
        long.as_mut_slice()
    };
    octets.copy_to(buffer);
    if !buffer.is_ascii() {
        decoder.bits.seek(from);
        return beyond_ascii(decoder, place, characters);
    }
    let given = match std::str::from_utf8(buffer) {
        Ok(text) => decoder.sink.value(place, Datum::Text(text)),
        Err(_) => return Err(decoder.fail(ErrorKind::Character, "the text is no ASCII")),
    };
    given.map_err(|Stop| decoder.stopped())
}

#[cold]
fn beyond_ascii<S: Sink>(decoder: &mut Decoder<'_, '_, S>, place: Place, characters: usize) -> Result<()> {
    let mut text = String::with_capacity(characters);
    for _ in 0..characters {
        let scalar = unsigned(decoder)?.and_then(|value| u32::try_from(value).ok()).and_then(char::from_u32);
        match scalar {
            Some(scalar) => text.push(scalar),
            None => {
                return Err(
                    decoder.fail(ErrorKind::Character, "the text holds a number that is no character")
                );
            }
        }
    }
    decoder.sink.value(place, Datum::Text(&text)).map_err(|Stop| decoder.stopped())
}
