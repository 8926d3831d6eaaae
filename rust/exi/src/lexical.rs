//! Simple values as text: the forms that XML Schema gives them, for XML and JSON alike.

use data_encoding::{BASE64, HEXUPPER, HEXUPPER_PERMISSIVE};

use crate::error::{Error, ErrorKind, Result};
use crate::sink::{Place, Sink, Stop};
use crate::table::{Content, Simple};
use crate::value::{BigInteger, Datum, Octets};

/// Parse the text of a value by its type and tell it.
pub(crate) fn give<S: Sink>(sink: &mut S, place: Place, simple: Simple, text: &str) -> Result<()> {
    let word = text.trim_matches([' ', '\t', '\n', '\r']);
    let bad = |what: &str| Error::new(ErrorKind::Type, format!("{} is not {what}", quoted(word)));
    let mut tell = |datum: Datum<'_>| sink.value(place, datum).map_err(|Stop| stopped());
    match simple {
        Simple::Text { .. } => tell(Datum::Text(text)),
        Simple::Boolean => match word {
            "true" | "1" => tell(Datum::Boolean(true)),
            "false" | "0" => tell(Datum::Boolean(false)),
            _ => Err(bad("a boolean")),
        },
        Simple::Octets { hex: true, .. } => {
            let octets = HEXUPPER_PERMISSIVE.decode(word.as_bytes()).map_err(|_| bad("hexadecimal"))?;
            tell(Datum::Octets(Octets::whole(&octets)))
        }
        Simple::Octets { hex: false, .. } => {
            let packed: Vec<u8> = word.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
            let octets = BASE64.decode(&packed).map_err(|_| bad("base64"))?;
            tell(Datum::Octets(Octets::whole(&octets)))
        }
        Simple::Enumeration(enumeration) => {
            let index = enumeration.values.iter().position(|value| *value == word);
            match index.and_then(|index| u32::try_from(index).ok()) {
                Some(index) => tell(Datum::Enumerated(enumeration, index)),
                None => Err(bad(enumeration.name)),
            }
        }
        Simple::Bits { .. } | Simple::Unsigned { .. } | Simple::Signed { .. } | Simple::Integer => {
            if let Ok(value) = word.parse::<i64>() {
                return tell(Datum::Signed(value));
            }
            if let Ok(value) = word.parse::<u64>() {
                return tell(Datum::Unsigned(value));
            }
            let (negative, digits) = word.strip_prefix('-').map_or((false, word), |digits| (true, digits));
            let magnitude =
                from_decimal(digits.strip_prefix('+').unwrap_or(digits)).ok_or_else(|| bad("a number"))?;
            tell(Datum::Big(BigInteger { negative, magnitude: &magnitude }))
        }
    }
}

/// The beginning of a text in quotes: what was given may be of any size, a sentence about it may not.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

pub(crate) fn stopped() -> Box<Error> {
    Error::new(ErrorKind::Sink, "the receiver stopped")
}

/// Append octets as the schema prints those of this place: in hex or in base64.
pub(crate) fn append_octets(out: &mut String, place: Place, octets: &Octets<'_>) {
    let hex = matches!(place.particle.content, Content::Simple(Simple::Octets { hex: true, .. }));
    let encoding = if hex { HEXUPPER } else { BASE64 };
    encoding.encode_append(&octets.to_slice(), out);
}

/// A number of any size in decimal digits.
pub(crate) fn decimal(value: BigInteger<'_>) -> String {
    let mut digits: Vec<u8> = vec![0];
    for octet in value.magnitude {
        let mut carry = u32::from(*octet);
        for digit in &mut digits {
            let sum = u32::from(*digit) * 256 + carry;
            *digit = u8::try_from(sum % 10).unwrap_or(0);
            carry = sum / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or(0));
            carry /= 10;
        }
    }
    let sign = if value.negative { "-" } else { "" };
    let text: String = digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
    format!("{sign}{text}")
}

/// The octets of a decimal number, most significant first; `None` if it is none or has over 1,024 digits.
fn from_decimal(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > 1024 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let mut octets: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for octet in &mut octets {
            let sum = u32::from(*octet) * 10 + carry;
            *octet = u8::try_from(sum & 0xFF).unwrap_or(0);
            carry = sum >> 8;
        }
        if carry > 0 {
            octets.push(u8::try_from(carry).unwrap_or(0));
        }
    }
    octets.reverse();
    Some(octets)
}
