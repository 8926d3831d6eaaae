//! The relaxed element-fragment grammar, which EXI demands for an element that a schema set declares with several
//! types. In -2 that is `eMAID`, one of the four signed parts of a CertificateInstallationRes.
//!
//! Attributes and text are understood; child elements have no meaning in any element concerned and are refused.

use crate::bits::BitWriter;
use crate::error::{ErrorKind, Result};
use crate::read_value;
use crate::sink::{Place, Sink, Stop, Stretch};
use crate::stream::Decoder;
use crate::table::{Complex, Content, Kind, Name, Schema, Simple};

/// The event codes of the grammar: attributes, any attribute, elements, any element, end, text, escape.
struct Codes {
    attributes: u64,
    elements: u64,
}

impl Codes {
    fn of(schema: &Schema) -> Self {
        Self { attributes: schema.attributes.len() as u64, elements: schema.fragment.elements.len() as u64 }
    }

    fn end_at_first(&self) -> u64 {
        self.attributes + self.elements + 2
    }

    fn width_at_first(&self) -> u32 {
        bits(self.end_at_first() + 3)
    }

    fn end_after_text(&self) -> u64 {
        self.elements + 1
    }

    fn width_after_text(&self) -> u32 {
        bits(self.end_after_text() + 3)
    }
}

fn bits(count: u64) -> u32 {
    u64::BITS - (count - 1).leading_zeros()
}

/// Read the element from behind its event code.
pub(crate) fn read<S: Sink>(
    decoder: &mut Decoder<'_, '_, S>,
    root: Place,
    ty: &'static Complex,
) -> Result<()> {
    let codes = Codes::of(decoder.schema);
    decoder.sink.begin(root, ty).map_err(|Stop| decoder.stopped())?;
    loop {
        let from = decoder.mark();
        let code = decoder.take(codes.width_at_first())?;
        let attribute = usize::try_from(code).ok().and_then(|code| decoder.schema.attributes.get(code));
        if let Some(name) = attribute {
            let Some((place, _)) = find(ty, Kind::Attribute, Some(*name)) else {
                let detail = format!("{} has no attribute {}", ty.name, name.local);
                return Err(decoder.fail(ErrorKind::Unexpected, detail));
            };
            decoder.trace(from, Stretch::Attribute(*name, code));
            read_value::text(decoder, place, name.id)?;
        } else if code == codes.end_at_first() + 1 {
            let Some((place, Simple::Text { .. })) = find(ty, Kind::Text, None) else {
                return Err(decoder.fail(ErrorKind::Unexpected, format!("{} has no text", ty.name)));
            };
            decoder.trace(from, Stretch::Characters(code));
            read_value::text(decoder, place, root.particle.name.id)?;
            let from = decoder.mark();
            if decoder.take(codes.width_after_text())? != codes.end_after_text() {
                return Err(decoder.fail(ErrorKind::Unexpected, "only an end may follow the text"));
            }
            decoder.trace(from, Stretch::End(codes.end_after_text()));
            return decoder.sink.end(root, ty).map_err(|Stop| decoder.stopped());
        } else {
            let detail =
                format!("event code {code} of the relaxed element-fragment grammar is not supported");
            return Err(decoder.fail(ErrorKind::EventCode, detail));
        }
    }
}

/// Write the event code of an attribute (or, without a name, of the text).
pub(crate) fn write_code(bits: &mut BitWriter, schema: &Schema, attribute: Option<Name>) {
    let codes = Codes::of(schema);
    let known = attribute.and_then(|name| schema.attributes.iter().position(|other| *other == name));
    bits.bits(known.map_or(codes.end_at_first() + 1, |code| code as u64), codes.width_at_first());
}

/// Write the end behind the text.
pub(crate) fn write_end(bits: &mut BitWriter, schema: &Schema) {
    let codes = Codes::of(schema);
    bits.bits(codes.end_after_text(), codes.width_after_text());
}

fn find(ty: &'static Complex, kind: Kind, name: Option<Name>) -> Option<(Place, Simple)> {
    for (slot, entry) in ty.slots.iter().enumerate().filter(|(_, slot)| slot.kind == kind) {
        for (alternative, particle) in entry.alternatives.iter().enumerate() {
            let fits = name.is_none_or(|name| particle.name == name);
            if let (true, Content::Simple(simple)) = (fits, particle.content) {
                return Some((Place { particle, slot, alternative }, simple));
            }
        }
    }
    None
}
