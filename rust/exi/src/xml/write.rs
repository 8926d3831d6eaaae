//! A sink that prints XML.

use std::fmt::Write;

use crate::error::{Error, ErrorKind};
use crate::lexical::{append_octets, decimal};
use crate::sink::{Place, Sink, Stop};
use crate::table::{Complex, Kind, Name, Schema};
use crate::value::Datum;

/// Prints one message; the namespaces are declared at the root as `ns1`, `ns2`, ...
#[derive(Debug)]
pub struct XmlWriter {
    out: String,
    schema: &'static Schema,
    open: Vec<&'static Complex>,
    /// The start tag that was written last has no `>` yet.
    tag_open: bool,
    declared: bool,
    error: Option<Box<Error>>,
}

impl XmlWriter {
    /// A writer for messages of one schema set.
    pub fn new(schema: &'static Schema) -> Self {
        let (out, open) = (String::with_capacity(1024), Vec::with_capacity(8));
        Self { out, schema, open, tag_open: false, declared: false, error: None }
    }

    /// The text.
    pub fn finish(self) -> String {
        self.out
    }

    /// The reason for which a call gave [`Stop`].
    pub fn take_error(&mut self) -> Option<Box<Error>> {
        self.error.take()
    }

    fn close_tag(&mut self) {
        if std::mem::take(&mut self.tag_open) {
            self.out.push('>');
        }
    }

    fn name(&mut self, name: Name) {
        if name.namespace > 0 {
            self.out.push_str("ns");
            self.out.push_str(&name.namespace.to_string());
            self.out.push(':');
        }
        self.out.push_str(name.local);
    }

    fn start_tag(&mut self, name: Name) {
        self.close_tag();
        self.out.push('<');
        self.name(name);
        if !std::mem::replace(&mut self.declared, true) {
            for (index, uri) in self.schema.namespaces.iter().enumerate().skip(1) {
                let _ = write!(self.out, " xmlns:ns{index}=\"{uri}\"");
            }
        }
    }

    fn end_tag(&mut self, name: Name) {
        self.out.push_str("</");
        self.name(name);
        self.out.push('>');
    }

    fn text(&mut self, place: Place, datum: Datum<'_>, attribute: bool) -> Result<(), Stop> {
        match datum {
            Datum::Boolean(value) => self.out.push_str(if value { "true" } else { "false" }),
            Datum::Signed(value) => self.out.push_str(&value.to_string()),
            Datum::Unsigned(value) => self.out.push_str(&value.to_string()),
            Datum::Big(value) => self.out.push_str(&decimal(value)),
            Datum::Text(text) => return self.escaped(place, text, attribute),
            Datum::Octets(octets) => append_octets(&mut self.out, place, &octets),
            Datum::Enumerated(enumeration, index) => {
                let value = enumeration.values.get(index as usize).copied().unwrap_or_default();
                self.out.push_str(value);
            }
        }
        Ok(())
    }

    fn escaped(&mut self, place: Place, text: &str, attribute: bool) -> Result<(), Stop> {
        for scalar in text.chars() {
            match scalar {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' if attribute => self.out.push_str("&quot;"),
                '\t' | '\n' if !attribute => self.out.push(scalar),
                '\t' | '\n' | '\r' => drop(write!(self.out, "&#{};", u32::from(scalar))),
                '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {
                    let detail = format!("XML cannot carry the character U+{:04X}", u32::from(scalar));
                    self.error = Some(Error::new(ErrorKind::Character, detail).inside(place.particle.name));
                    return Err(Stop);
                }
                other => self.out.push(other),
            }
        }
        Ok(())
    }
}

impl Sink for XmlWriter {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.start_tag(place.particle.name);
        self.tag_open = true;
        self.open.push(ty);
        Ok(())
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        let kind =
            self.open.last().and_then(|ty| ty.slots.get(place.slot)).map_or(Kind::Element, |slot| slot.kind);
        match kind {
            Kind::Attribute => {
                self.out.push(' ');
                self.name(place.particle.name);
                self.out.push_str("=\"");
                self.text(place, datum, true)?;
                self.out.push('"');
            }
            Kind::Text => {
                self.close_tag();
                self.text(place, datum, false)?;
            }
            Kind::Element => {
                self.start_tag(place.particle.name);
                self.out.push('>');
                self.text(place, datum, false)?;
                self.end_tag(place.particle.name);
            }
        }
        Ok(())
    }

    fn end(&mut self, place: Place, _ty: &'static Complex) -> Result<(), Stop> {
        self.open.pop();
        if std::mem::take(&mut self.tag_open) {
            self.out.push_str("/>");
        } else {
            self.end_tag(place.particle.name);
        }
        Ok(())
    }
}
