//! The decoder: walks a stream with the tables of its schema set and tells a sink what it meets.

use crate::bits::BitReader;
use crate::cursor::{Cursor, Event};
use crate::error::{Error, ErrorKind, Result};
use crate::read_value;
use crate::sink::{Place, Sink, Stop, Stretch};
use crate::stream::{Decoder, SHORT_TEXT};
use crate::strings::Strings;
use crate::table::{Complex, Content, Kind, Name, Particle, Root, Roots, Schema, Simple};
use crate::value::{Datum, Octets};
use crate::{HEADER, Limits, relaxed};

/// Which grammar a stream begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A whole message.
    Document,
    /// A single element, as it is signed.
    Fragment,
}

impl Form {
    /// The elements a stream of this form may begin with.
    pub fn roots(self, schema: &'static Schema) -> &'static Roots {
        match self {
            Self::Document => &schema.document,
            Self::Fragment => &schema.fragment,
        }
    }
}

/// Decode a whole stream into a sink.
///
/// The first octet has to be 0x80. After the message only zero bits may follow: padding, and the zero octets that
/// some stacks append.
pub fn decode<S: Sink>(
    data: &[u8],
    schema: &'static Schema,
    form: Form,
    limits: &Limits,
    sink: &mut S,
) -> Result<()> {
    match data.first() {
        Some(&HEADER) => {}
        Some(other) => {
            let detail = format!("the stream begins with 0x{other:02x}, not with the EXI header 0x80");
            return Err(Error::at(ErrorKind::Header, detail, 0));
        }
        None => return Err(Error::at(ErrorKind::Truncated, "the stream is empty", 0)),
    }
    let mut bits = BitReader::new(data);
    bits.seek(8);
    let budget = limits.referred_characters;
    let strings = Strings::default();
    let mut decoder =
        Decoder { bits, schema, sink, strings, budget, scratch: [0; SHORT_TEXT], items: limits.items };
    decoder.trace(0, Stretch::Header);
    decoder.root(form)
}

/// What the event code of a part announces.
fn stretch(kind: Kind, name: Name, code: u64) -> Stretch {
    match kind {
        Kind::Attribute => Stretch::Attribute(name, code),
        Kind::Element => Stretch::Start(name, code),
        Kind::Text => Stretch::Characters(code),
    }
}

impl<S: Sink> Decoder<'_, '_, S> {
    fn root(&mut self, form: Form) -> Result<()> {
        let roots = form.roots(self.schema);
        let from = self.mark();
        let code = self.take(u32::from(roots.width))?;
        let Some(root) = usize::try_from(code).ok().and_then(|code| roots.elements.get(code)) else {
            let what = if code == roots.elements.len() as u64 {
                "a root element of another vocabulary"
            } else {
                "no root element"
            };
            let detail = format!("event code {code} is {what} in schema set {}", self.schema.name);
            return Err(self.fail(ErrorKind::Root, detail));
        };
        self.trace(from, Stretch::Start(root.particle.name, code));
        self.root_element(root).map_err(|error| error.inside(root.particle.name))?;
        if form == Form::Fragment {
            let end = roots.elements.len() as u64 + 1;
            let from = self.mark();
            if self.take(u32::from(roots.width))? != end {
                return Err(self.fail(ErrorKind::Trailing, "more than one element in a fragment"));
            }
            self.trace(from, Stretch::EndFragment(end));
        }
        if self.bits.rest_is_zero() {
            if S::TRACES {
                self.sink.trace(self.bits.position(), self.bits.end(), Stretch::Padding);
            }
            Ok(())
        } else {
            Err(self.fail(ErrorKind::Trailing, "something other than zero bits follows the message"))
        }
    }

    fn root_element(&mut self, root: &'static Root) -> Result<()> {
        let place = Place { particle: &root.particle, slot: 0, alternative: 0 };
        match &root.particle.content {
            Content::Complex(ty) if root.relaxed => relaxed::read(self, place, ty),
            Content::Complex(ty) => self.complex(place, ty),
            Content::Simple(simple) => match self.simple_element(place, simple)? {
                0 => Ok(()),
                _ => self.value_end(),
            },
            Content::Abstract | Content::Wildcard => Err(self.not_an_element(&root.particle)),
        }
    }

    /// The end of a simple element, taken by itself.
    fn value_end(&mut self) -> Result<()> {
        let from = self.mark();
        if self.take(1)? != 0 {
            return Err(self.undeclared_after_value());
        }
        self.trace(from, Stretch::End(0));
        Ok(())
    }

    /// An element with a type of its own, from behind its event code to its end.
    fn complex(&mut self, place: Place, ty: &'static Complex) -> Result<()> {
        self.sink.begin(place, ty).map_err(|Stop| self.stopped())?;
        let mut cursor = Cursor::new(ty);
        // The end-of-element bit of a simple element is read together with the event code after it.
        let mut ending = 0;
        loop {
            if S::TRACES && ending > 0 {
                self.value_end()?;
                ending = 0;
            }
            let width = cursor.width();
            // The commonest case by far: a simple element, announced by nothing but zero bits.
            if !S::TRACES
                && let Some((slot, particle, simple)) = cursor.simple_here()
                && self.bits.take_zeros(ending + width + 1)
            {
                let place = Place { particle, slot: cursor.index(), alternative: 0 };
                read_value::read(self, place, simple, particle.name.id)
                    .map_err(|error| error.inside(particle.name))?;
                ending = 1;
                self.count(cursor.take(place.slot, slot))?;
                continue;
            }
            let from = self.mark();
            let code = self.take(width + ending)?;
            if ending > 0 && code >> width != 0 {
                return Err(self.undeclared_after_value());
            }
            let (index, alternative, slot, particle) = match cursor.here(code) {
                Some((alternative, slot, particle)) => (cursor.index(), alternative, slot, particle),
                None if code == 0 && cursor.only_end_left() => {
                    self.trace(from, Stretch::End(code));
                    return self.sink.end(place, ty).map_err(|Stop| self.stopped());
                }
                None => match cursor.locate(code) {
                    Event::Take { index, alternative, slot, particle } => {
                        (index, alternative, slot, particle)
                    }
                    other => return self.no_element(other, code, from, place, &cursor),
                },
            };
            self.trace(from, stretch(slot.kind, particle.name, code));
            ending = self
                .particle(Place { particle, slot: index, alternative }, slot.kind, place.particle.name)
                .map_err(|error| error.inside(particle.name))?;
            self.count(cursor.take(index, slot))?;
        }
    }

    #[inline(always)]
    fn count(&self, items: u32) -> Result<()> {
        if items > self.items {
            return Err(self.fail(ErrorKind::Limit, format!("more than {} items in a list", self.items)));
        }
        Ok(())
    }

    /// An event that is no part: the end, or something that is not supported.
    fn no_element(
        &mut self,
        event: Event,
        code: u64,
        from: usize,
        place: Place,
        cursor: &Cursor,
    ) -> Result<()> {
        match event {
            Event::End => {
                self.trace(from, Stretch::End(code));
                self.sink.end(place, cursor.ty).map_err(|Stop| self.stopped())
            }
            Event::Escape => {
                self.trace(from, Stretch::Escape(code));
                self.second_level(place, cursor)
            }
            Event::MixedText => Err(self.fail(ErrorKind::Wildcard, "text between elements is not supported")),
            Event::Invalid | Event::Take { .. } => {
                let detail = format!("{} has no event with code {code} here", cursor.ty.name);
                Err(self.fail(ErrorKind::EventCode, detail))
            }
        }
    }

    /// What an event code announced; gives how many bits still belong to its end.
    #[inline(always)]
    fn particle(&mut self, place: Place, kind: Kind, parent: Name) -> Result<u32> {
        match (&place.particle.content, kind) {
            (Content::Simple(simple), Kind::Element) => self.simple_element(place, simple),
            (Content::Simple(simple), Kind::Attribute) => {
                read_value::read(self, place, simple, place.particle.name.id).map(|()| 0)
            }
            (Content::Simple(simple), Kind::Text) => {
                read_value::read(self, place, simple, parent.id).map(|()| 0)
            }
            (Content::Complex(ty), _) => self.complex(place, ty).map(|()| 0),
            (Content::Abstract | Content::Wildcard, _) => Err(self.not_an_element(place.particle)),
        }
    }

    #[inline(always)]
    fn simple_element(&mut self, place: Place, simple: &'static Simple) -> Result<u32> {
        let from = self.mark();
        if self.take(1)? != 0 {
            self.trace(from, Stretch::Escape(1));
            return self.empty_element(place, simple).map(|()| 0);
        }
        self.trace(from, Stretch::Characters(0));
        read_value::read(self, place, simple, place.particle.name.id)?;
        Ok(1)
    }

    /// A simple element whose first event is not declared: only an end is understood, which means empty content.
    #[cold]
    fn empty_element(&mut self, place: Place, simple: &Simple) -> Result<()> {
        let from = self.mark();
        let code = self.take(3)?;
        if code != 0 {
            return Err(self.undeclared(code, true, true));
        }
        self.empty_value(place, simple)?;
        self.trace(from, Stretch::End(code));
        Ok(())
    }

    fn empty_value(&mut self, place: Place, simple: &Simple) -> Result<()> {
        let datum = match simple {
            Simple::Text { .. } => Datum::Text(""),
            Simple::Octets { .. } => Datum::Octets(Octets::whole(&[])),
            _ => {
                return Err(self.fail(ErrorKind::Missing, "the element is empty, but its type needs a value"));
            }
        };
        self.sink.value(place, datum).map_err(|Stop| self.stopped())
    }

    /// A second-level event of a complex type: only an undeclared end is understood.
    #[cold]
    fn second_level(&mut self, place: Place, cursor: &Cursor) -> Result<()> {
        let may_end = cursor.may_end();
        let count = 2
            + u64::from(!may_end)
            + if cursor.is_fresh() { 2 } else { 0 }
            + if cursor.is_before_content() { 2 } else { 0 };
        let from = self.mark();
        let code = self.take(u64::BITS - (count - 1).leading_zeros())?;
        if may_end || code != 0 {
            return Err(self.undeclared(
                if may_end { code + 1 } else { code },
                cursor.is_fresh(),
                cursor.is_before_content(),
            ));
        }
        let pending_text = cursor.ty.slots.iter().enumerate().find(|(_, slot)| slot.kind == Kind::Text);
        let text =
            pending_text.and_then(|(slot, it)| it.alternatives.first().map(|particle| (slot, particle)));
        if let (true, Some((slot, particle))) = (cursor.is_before_content(), text)
            && cursor.code(slot, 0).is_ok()
            && let Content::Simple(simple) = &particle.content
        {
            self.empty_value(Place { particle, slot, alternative: 0 }, simple)?;
            self.trace(from, Stretch::End(code));
            return self.sink.end(place, cursor.ty).map_err(|Stop| self.stopped());
        }
        let detail = format!("{} ends before its required content", cursor.ty.name);
        Err(self.fail(ErrorKind::Missing, detail))
    }

    /// Name a second-level event by its code: 0 is the undeclared end.
    fn undeclared(&self, code: u64, fresh: bool, before_content: bool) -> Box<Error> {
        const ALL: [&str; 7] = [
            "an end",
            "xsi:type",
            "xsi:nil",
            "an undeclared attribute",
            "an attribute with an undeclared value",
            "an undeclared element",
            "undeclared text",
        ];
        let code = usize::try_from(code).unwrap_or(usize::MAX);
        let skipped = if fresh { 0 } else { 2 } + if before_content { 0 } else { 2 };
        let index = if code == 0 { 0 } else { code.saturating_add(skipped) };
        let what = ALL.get(index).copied().unwrap_or("an unknown event");
        self.fail(ErrorKind::Undeclared, format!("{what} is not supported here"))
    }

    #[cold]
    fn undeclared_after_value(&self) -> Box<Error> {
        self.fail(ErrorKind::Undeclared, "undeclared content follows the value of a simple element")
    }

    #[cold]
    fn not_an_element(&self, particle: &Particle) -> Box<Error> {
        if let Content::Wildcard = particle.content {
            self.fail(ErrorKind::Wildcard, "content of another vocabulary is not supported")
        } else {
            let detail = format!(
                "{} is abstract: one of its substitutes has to stand here, and xsi:type is not supported",
                particle.name.local
            );
            self.fail(ErrorKind::Abstract, detail)
        }
    }
}
