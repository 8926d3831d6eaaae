//! Reads XML text and tells a sink what it holds, by the tables of a schema set.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::{NsReader, XmlVersion};

use crate::decode::Form;
use crate::error::{Error, ErrorKind, Result};
use crate::lexical::{give, stopped};
use crate::sink::{Place, Sink, Stop};
use crate::table::{Complex, Content, Kind, Name, Particle, Root, Schema};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Read one element with everything in it.
///
/// `begin` makes the sink when the root is known: it is given the root's index among the form's roots.
/// Comments and processing instructions are passed over; a document type is refused.
pub fn read<S: Sink>(
    text: &str,
    schema: &'static Schema,
    form: Form,
    begin: impl FnOnce(usize, &'static Root) -> Result<S>,
) -> Result<S> {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut source = Source { reader, schema };
    let start = source.first()?;
    let (local, namespace) = source.element_name(&start)?;
    let found = form.roots(schema).elements.iter().enumerate().find(|(_, root)| {
        root.particle.name.local == local && source.is(root.particle.name, namespace.as_deref())
    });
    let Some((index, root)) = found else {
        let detail = format!("schema set {} has no such root element: {}", schema.name, local);
        return Err(Error::new(ErrorKind::Root, detail));
    };
    let mut sink = begin(index, root)?;
    let place = Place { particle: &root.particle, slot: 0, alternative: 0 };
    source.element(&mut sink, place, &start).map_err(|error| error.inside(root.particle.name))?;
    source.nothing_more()?;
    Ok(sink)
}

struct Source<'a> {
    reader: NsReader<&'a [u8]>,
    schema: &'static Schema,
}

fn xml_error(error: &dyn std::fmt::Display) -> Box<Error> {
    Error::new(ErrorKind::Xml, format!("the XML cannot be read: {error}"))
}

impl<'a> Source<'a> {
    fn next(&mut self) -> Result<Event<'a>> {
        loop {
            match self.reader.read_event().map_err(|error| xml_error(&error))? {
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
                Event::DocType(_) => {
                    return Err(Error::new(ErrorKind::Xml, "a document type is not allowed"));
                }
                event => return Ok(event),
            }
        }
    }

    fn first(&mut self) -> Result<BytesStart<'a>> {
        loop {
            match self.next()? {
                Event::Start(start) => return Ok(start),
                Event::Text(text) if is_space(&text) => {}
                _ => return Err(Error::new(ErrorKind::Xml, "the text does not begin with an element")),
            }
        }
    }

    fn nothing_more(&mut self) -> Result<()> {
        loop {
            match self.next()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if is_space(&text) => {}
                _ => return Err(Error::new(ErrorKind::Trailing, "something follows the message")),
            }
        }
    }

    fn element_name(&self, start: &BytesStart<'_>) -> Result<(String, Option<String>)> {
        let (resolved, local) = self.reader.resolver().resolve_element(start.name());
        let namespace = match resolved {
            ResolveResult::Bound(namespace) => Some(namespace.as_ref().to_owned()),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(_) => return Err(Error::new(ErrorKind::Xml, "a prefix is not declared")),
        };
        Ok((local.as_ref().to_owned(), namespace))
    }

    fn is(&self, name: Name, namespace: Option<&str>) -> bool {
        let uri = self.schema.namespaces.get(usize::from(name.namespace)).copied().unwrap_or_default();
        uri == namespace.unwrap_or_default()
    }

    fn element<S: Sink>(&mut self, sink: &mut S, place: Place, start: &BytesStart<'_>) -> Result<()> {
        match place.particle.content {
            Content::Simple(simple) => {
                Self::refuse_attributes(start)?;
                let text = self.text_only()?;
                give(sink, place, simple, &text)
            }
            Content::Complex(ty) => {
                sink.begin(place, ty).map_err(|Stop| stopped())?;
                self.attributes(sink, ty, start)?;
                self.content(sink, ty)?;
                sink.end(place, ty).map_err(|Stop| stopped())
            }
            Content::Abstract => Err(Error::new(ErrorKind::Abstract, "the element is abstract")),
            Content::Wildcard => {
                Err(Error::new(ErrorKind::Wildcard, "content of another vocabulary is not supported"))
            }
        }
    }

    fn refuse_attributes(start: &BytesStart<'_>) -> Result<()> {
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| xml_error(&error))?;
            if attribute.key.as_namespace_binding().is_none() {
                let name = attribute.key.as_ref().to_owned();
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    format!("the attribute {name} may not stand here"),
                ));
            }
        }
        Ok(())
    }

    /// Attributes are told in the order of their event codes, whatever their order in the text.
    fn attributes<S: Sink>(&self, sink: &mut S, ty: &'static Complex, start: &BytesStart<'_>) -> Result<()> {
        let mut given = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| xml_error(&error))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (resolved, local) = self.reader.resolver().resolve_attribute(attribute.key);
            let namespace = match resolved {
                ResolveResult::Bound(namespace) if namespace.as_ref() == XSI => {
                    return Err(Error::new(
                        ErrorKind::Undeclared,
                        "attributes of XML Schema instances (xsi:type, xsi:nil and others) are not supported",
                    ));
                }
                ResolveResult::Bound(namespace) => Some(namespace.as_ref().to_owned()),
                ResolveResult::Unbound => None,
                ResolveResult::Unknown(_) => {
                    return Err(Error::new(ErrorKind::Xml, "a prefix is not declared"));
                }
            };
            let value =
                attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| xml_error(&error))?;
            given.push((local.as_ref().to_owned(), namespace, value.into_owned(), false));
        }
        for (slot, entry) in ty.slots.iter().enumerate().filter(|(_, slot)| slot.kind == Kind::Attribute) {
            for (alternative, particle) in entry.alternatives.iter().enumerate() {
                let found = given.iter_mut().find(|(local, namespace, ..)| {
                    particle.name.local == local && self.is(particle.name, namespace.as_deref())
                });
                if let (Some((_, _, value, used)), Content::Simple(simple)) = (found, particle.content) {
                    *used = true;
                    give(sink, Place { particle, slot, alternative }, simple, value)
                        .map_err(|error| error.inside(particle.name))?;
                }
            }
        }
        match given.iter().find(|(.., used)| !used) {
            None => Ok(()),
            Some((local, ..)) => {
                let name = local;
                Err(Error::new(ErrorKind::Unexpected, format!("{} has no attribute {name}", ty.name)))
            }
        }
    }

    fn content<S: Sink>(&mut self, sink: &mut S, ty: &'static Complex) -> Result<()> {
        let text_slot = ty.slots.iter().enumerate().find(|(_, slot)| slot.kind == Kind::Text);
        if let Some((slot, particle)) =
            text_slot.and_then(|(at, slot)| slot.alternatives.first().map(|p| (at, p)))
            && let Content::Simple(simple) = particle.content
        {
            let text = self.text_only()?;
            return give(sink, Place { particle, slot, alternative: 0 }, simple, &text);
        }
        loop {
            match self.next()? {
                Event::End(_) => return Ok(()),
                Event::Start(start) => {
                    let (local, namespace) = self.element_name(&start)?;
                    let Some(place) = self.find(ty, &local, namespace.as_deref()) else {
                        let detail = format!("{} has no element {}", ty.name, local);
                        return Err(Error::new(ErrorKind::Unexpected, detail));
                    };
                    self.element(sink, place, &start).map_err(|error| error.inside(place.particle.name))?;
                }
                Event::Text(text) if is_space(&text) => {}
                Event::Eof => return Err(Error::new(ErrorKind::Xml, "the text ends inside an element")),
                _ => return Err(Error::new(ErrorKind::Unexpected, format!("{} holds no text", ty.name))),
            }
        }
    }

    fn find(&self, ty: &'static Complex, local: &str, namespace: Option<&str>) -> Option<Place> {
        let fits = |particle: &Particle| {
            !matches!(particle.content, Content::Wildcard)
                && particle.name.local == local
                && self.is(particle.name, namespace)
        };
        ty.slots.iter().enumerate().filter(|(_, slot)| slot.kind == Kind::Element).find_map(
            |(slot, entry)| {
                let alternative = entry.alternatives.iter().position(fits)?;
                entry.alternatives.get(alternative).map(|particle| Place { particle, slot, alternative })
            },
        )
    }

    fn text_only(&mut self) -> Result<String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                Event::Text(text) => out.push_str(&text.xml10_content()),
                Event::CData(text) => out.push_str(&text.xml10_content()),
                Event::GeneralRef(reference) => out.push(resolve(&reference)?),
                Event::End(_) => return Ok(out),
                Event::Eof => return Err(Error::new(ErrorKind::Xml, "the text ends inside an element")),
                _ => {
                    return Err(Error::new(
                        ErrorKind::Unexpected,
                        "an element stands where a value is expected",
                    ));
                }
            }
        }
    }
}

fn is_space(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_whitespace())
}

fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Result<char> {
    if let Some(scalar) = reference.resolve_char_ref().map_err(|error| xml_error(&error))? {
        return Ok(scalar);
    }
    match reference.as_ref() {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Error::new(ErrorKind::Xml, "an entity is not declared")),
    }
}
