//! The encoder: a sink that writes what it is told as an EXI stream.
//!
//! Strings are always written in full ([V2G2-099]: the string table has no capacity).

use smallvec::SmallVec;

use crate::bits::BitWriter;
use crate::cursor::{Cursor, Refusal};
use crate::decode::Form;
use crate::error::{Error, ErrorKind, Result};
use crate::read_value::LONGEST_INTEGER;
use crate::sink::{Place, Sink, Stop};
use crate::table::{Complex, Content, Kind, Name, Particle, Root, Schema, Simple};
use crate::value::{BigInteger, Datum};
use crate::{HEADER, relaxed};

/// Writes one message.
#[derive(Debug)]
pub struct Encoder {
    bits: BitWriter,
    schema: &'static Schema,
    form: Form,
    root: &'static Root,
    open: SmallVec<[(Cursor, &'static Particle); 8]>,
    /// Values whose length the schema does not allow are refused.
    check_lengths: bool,
    /// The root is written with the relaxed element-fragment grammar.
    relaxed: bool,
    error: Option<Box<Error>>,
}

impl Encoder {
    /// Begin a stream whose root is the element with this index in the form's roots.
    pub fn new(schema: &'static Schema, form: Form, root: usize, check_lengths: bool) -> Result<Self> {
        let roots = form.roots(schema);
        let Some(element) = roots.elements.get(root) else {
            return Err(Error::new(ErrorKind::Root, format!("schema set {} has no such root", schema.name)));
        };
        let mut bits = BitWriter::with_capacity(256);
        bits.bits(u64::from(HEADER), 8);
        bits.bits(root as u64, u32::from(roots.width));
        let relaxed = element.relaxed;
        Ok(Self {
            bits,
            schema,
            form,
            root: element,
            open: SmallVec::new(),
            check_lengths,
            relaxed,
            error: None,
        })
    }

    /// Write the root by its plain type even where EXI demands the relaxed grammar, as some stacks do. Only for
    /// checking signatures that such a stack made.
    #[must_use]
    pub fn without_relaxation(mut self) -> Self {
        self.relaxed = false;
        self
    }

    /// The element that the stream begins with.
    pub fn root(&self) -> &'static Root {
        self.root
    }

    /// The whole stream, or why it could not be written.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some((_, particle)) = self.open.last() {
            let detail = format!("the element {} was not ended", particle.name.local);
            return Err(Error::new(ErrorKind::Missing, detail));
        }
        if self.form == Form::Fragment {
            let roots = self.form.roots(self.schema);
            self.bits.bits(roots.elements.len() as u64 + 1, u32::from(roots.width));
        }
        Ok(self.bits.finish())
    }

    /// The reason for which a call gave [`Stop`].
    pub fn take_error(&mut self) -> Option<Box<Error>> {
        self.error.take()
    }

    /// An error at a part of the element that is open now; for sources that find a fault themselves.
    #[cold]
    pub fn refusal(&self, kind: ErrorKind, detail: String, name: Name) -> Box<Error> {
        let mut error = Error::new(kind, detail).inside(name);
        for (_, particle) in self.open.iter().rev() {
            error = error.inside(particle.name);
        }
        error
    }

    #[cold]
    fn refuse(&mut self, kind: ErrorKind, detail: String, name: Name) -> Stop {
        self.error = Some(self.refusal(kind, detail, name));
        Stop
    }

    #[cold]
    fn refuse_event(&mut self, refusal: Refusal, name: Name) -> Stop {
        match refusal {
            Refusal::Missing(missing) => {
                self.refuse(ErrorKind::Missing, format!("{} is required", missing.local), missing)
            }
            Refusal::Unexpected => {
                self.refuse(ErrorKind::Unexpected, format!("{} may not stand here", name.local), name)
            }
        }
    }

    fn in_relaxed_root(&self) -> bool {
        self.relaxed && self.open.len() == 1
    }

    /// Write the event code of a part; gives its kind, or `None` for the root itself.
    #[inline]
    fn event(&mut self, place: Place) -> std::result::Result<Option<Kind>, Stop> {
        let Some((cursor, _)) = self.open.last_mut() else { return Ok(None) };
        let Some(slot) = cursor.ty.slots.get(place.slot) else {
            return Err(self.refuse_event(Refusal::Unexpected, place.particle.name));
        };
        match cursor.code(place.slot, place.alternative) {
            Ok(code) => {
                let width = cursor.width();
                cursor.take(place.slot, slot);
                if slot.kind == Kind::Element && matches!(place.particle.content, Content::Simple(_)) {
                    // The event code of the characters is always 0, one bit wide.
                    self.bits.bits(code << 1, width + 1);
                } else {
                    self.bits.bits(code, width);
                }
                Ok(Some(slot.kind))
            }
            Err(refusal) => Err(self.refuse_event(refusal, place.particle.name)),
        }
    }

    fn relaxed_value(
        &mut self,
        place: Place,
        simple: Simple,
        datum: Datum<'_>,
    ) -> std::result::Result<(), Stop> {
        let kind =
            self.open.last().and_then(|(cursor, _)| cursor.ty.slots.get(place.slot)).map(|slot| slot.kind);
        let attribute = (kind == Some(Kind::Attribute)).then_some(place.particle.name);
        relaxed::write_code(&mut self.bits, self.schema, attribute);
        if let Some((cursor, _)) = self.open.last_mut()
            && let Some(slot) = cursor.ty.slots.get(place.slot)
        {
            cursor.take(place.slot, slot);
        }
        self.write(place, simple, datum)
    }

    #[inline]
    fn write(&mut self, place: Place, simple: Simple, datum: Datum<'_>) -> std::result::Result<(), Stop> {
        match self.try_write(simple, datum) {
            Ok(()) => Ok(()),
            Err((kind, detail)) => Err(self.refuse(kind, detail, place.particle.name)),
        }
    }

    #[inline]
    fn try_write(
        &mut self,
        simple: Simple,
        datum: Datum<'_>,
    ) -> std::result::Result<(), (ErrorKind, String)> {
        match (simple, datum) {
            (Simple::Boolean, Datum::Boolean(value)) => self.bits.bits(u64::from(value), 1),
            (Simple::Bits { min, max, width }, Datum::Signed(value))
                if value >= i64::from(min) && value <= i64::from(max) =>
            {
                self.bits.bits(value.wrapping_sub(i64::from(min)).cast_unsigned(), u32::from(width));
            }
            (Simple::Unsigned { max }, Datum::Signed(value))
                if value >= 0 && value.cast_unsigned() <= max =>
            {
                self.bits.unsigned(value.cast_unsigned());
            }
            (Simple::Unsigned { max }, Datum::Unsigned(value)) if value <= max => self.bits.unsigned(value),
            (Simple::Signed { min, max }, Datum::Signed(value)) if (min..=max).contains(&value) => {
                self.signed(value);
            }
            (Simple::Bits { min, max, .. }, number) => return Err(outside(number, min.into(), max.into())),
            (Simple::Unsigned { max }, number) => return Err(outside(number, 0, max.into())),
            (Simple::Signed { min, max }, number) => return Err(outside(number, min.into(), max.into())),
            (Simple::Integer, Datum::Signed(value)) => self.signed(value),
            (Simple::Integer, Datum::Unsigned(value)) => {
                self.bits.bits(0, 1);
                self.bits.unsigned(value);
            }
            (Simple::Integer, Datum::Big(value)) => {
                if value.magnitude.len() > LONGEST_INTEGER {
                    return Err((ErrorKind::Limit, "the number has more than 256 octets".into()));
                }
                self.big(value);
            }
            (Simple::Text { min, max }, Datum::Text(text)) => {
                let characters = if text.is_ascii() { text.len() } else { text.chars().count() };
                self.length(characters, min, max, "characters")?;
                self.text(text, characters);
            }
            (Simple::Octets { min, max, .. }, Datum::Octets(octets)) => {
                self.length(octets.len(), min, max, "octets")?;
                self.bits.unsigned(octets.len() as u64);
                self.bits.octets(&octets);
            }
            (Simple::Enumeration(expected), Datum::Enumerated(given, index)) => {
                if !std::ptr::eq(expected, given) || index as usize >= expected.values.len() {
                    return Err((ErrorKind::Type, format!("a value of {} stands here", expected.name)));
                }
                self.bits.bits(u64::from(index), u32::from(expected.width));
            }
            (simple, datum) => {
                return Err((ErrorKind::Type, format!("the value {datum:?} does not fit {simple:?}")));
            }
        }
        Ok(())
    }

    fn length(
        &self,
        length: usize,
        min: u32,
        max: u32,
        unit: &str,
    ) -> std::result::Result<(), (ErrorKind, String)> {
        let fits = u32::try_from(length).is_ok_and(|length| (min..=max).contains(&length));
        if fits || !self.check_lengths {
            return Ok(());
        }
        let bounds = if min == max { format!("exactly {max}") } else { format!("{min} to {max}") };
        Err((ErrorKind::Length, format!("it has {length} {unit}; {bounds} are allowed")))
    }

    #[inline]
    fn signed(&mut self, value: i64) {
        self.bits.bits(u64::from(value < 0), 1);
        // EXI writes a negative number as -1 - value, which is its complement.
        self.bits.unsigned((if value < 0 { !value } else { value }).cast_unsigned());
    }

    fn big(&mut self, value: BigInteger<'_>) {
        let mut digits: Vec<u8> = value.magnitude.iter().rev().copied().collect();
        if value.negative {
            subtract_one(&mut digits);
        }
        while digits.len() > 1 && digits.last() == Some(&0) {
            digits.pop();
        }
        self.bits.bits(u64::from(value.negative), 1);
        let groups = (digits.len() * 8).div_ceil(7);
        let group = |at: usize| {
            let bit = at * 7;
            let low = u16::from(digits.get(bit / 8).copied().unwrap_or(0));
            let high = u16::from(digits.get(bit / 8 + 1).copied().unwrap_or(0));
            u64::from(((high << 8 | low) >> (bit % 8)) & 0x7F)
        };
        let last = (0..groups).rev().find(|at| group(*at) != 0).unwrap_or(0);
        for at in 0..last {
            self.bits.bits(0x80 | group(at), 8);
        }
        self.bits.bits(group(last), 8);
    }

    fn text(&mut self, text: &str, characters: usize) {
        self.bits.unsigned(characters as u64 + 2);
        if characters == text.len() {
            self.bits.octets(&crate::value::Octets::whole(text.as_bytes()));
        } else {
            for scalar in text.chars() {
                self.bits.unsigned(u64::from(u32::from(scalar)));
            }
        }
    }
}

impl Sink for Encoder {
    #[inline]
    fn begin(&mut self, place: Place, ty: &'static Complex) -> std::result::Result<(), Stop> {
        self.event(place)?;
        self.open.push((Cursor::new(ty), place.particle));
        Ok(())
    }

    #[inline]
    fn value(&mut self, place: Place, datum: Datum<'_>) -> std::result::Result<(), Stop> {
        let Content::Simple(simple) = place.particle.content else {
            let detail = format!("{} has content of its own, not a value", place.particle.name.local);
            return Err(self.refuse(ErrorKind::Type, detail, place.particle.name));
        };
        if self.in_relaxed_root() {
            return self.relaxed_value(place, simple, datum);
        }
        match self.event(place)? {
            Some(Kind::Element) => {}
            Some(Kind::Attribute | Kind::Text) => return self.write(place, simple, datum),
            None => self.bits.bits(0, 1),
        }
        self.write(place, simple, datum)?;
        self.bits.bits(0, 1);
        Ok(())
    }

    #[inline]
    fn end(&mut self, place: Place, _ty: &'static Complex) -> std::result::Result<(), Stop> {
        let relaxed = self.in_relaxed_root();
        let Some((cursor, _)) = self.open.last() else { return Err(Stop) };
        match cursor.end_code() {
            Ok(_) if relaxed => relaxed::write_end(&mut self.bits, self.schema),
            Ok(code) => self.bits.bits(code, cursor.width()),
            Err(refusal) => return Err(self.refuse_event(refusal, place.particle.name)),
        }
        self.open.pop();
        Ok(())
    }
}

/// Why a datum does not fit a number type with these bounds.
#[cold]
fn outside(datum: Datum<'_>, min: i128, max: i128) -> (ErrorKind, String) {
    match datum {
        Datum::Signed(value) => (ErrorKind::Range, format!("{value} is not in {min}..{max}")),
        Datum::Unsigned(value) => (ErrorKind::Range, format!("{value} is not in {min}..{max}")),
        Datum::Big(_) => (ErrorKind::Range, format!("the number is not in {min}..{max}")),
        other => (ErrorKind::Type, format!("a number stands here, not {other:?}")),
    }
}

fn subtract_one(little_endian: &mut [u8]) {
    for octet in little_endian {
        let (difference, borrow) = octet.overflowing_sub(1);
        *octet = difference;
        if !borrow {
            return;
        }
    }
}
