//! Reads JSON text and tells a sink what it holds, by the tables of a schema set.

use std::collections::BTreeMap;

use super::tree::Node;
use super::{CONTENT, is_ordered, key, member};
use crate::decode::Form;
use crate::error::{Error, ErrorKind, Result};
use crate::lexical::{give, quoted, stopped};
use crate::sink::{Place, Sink, Stop};
use crate::table::{Complex, Content, Kind, Particle, Root, Schema, Simple, Slot};
use crate::value::Datum;

/// Read one message.
///
/// `begin` makes the sink when the root is known: it is given the root's index among the form's roots.
/// The order of members carries no meaning; the parts are told in the order of the schema.
pub fn read<S: Sink>(
    text: &str,
    schema: &'static Schema,
    form: Form,
    begin: impl FnOnce(usize, &'static Root) -> Result<S>,
) -> Result<S> {
    let node: Node = serde_json::from_str(text)
        .map_err(|error| Error::new(ErrorKind::Json, format!("the JSON cannot be read: {error}")))?;
    let (name, node) = single(node)?;
    let roots = form.roots(schema).elements;
    let found = roots.iter().enumerate().find(|(_, root)| {
        key(schema, root.particle.name, roots.iter().map(|root| &root.particle)) == name.as_str()
    });
    let Some((index, root)) = found else {
        let detail = format!("schema set {} has no such root element: {}", schema.name, quoted(&name));
        return Err(Error::new(ErrorKind::Root, detail));
    };
    let mut sink = begin(index, root)?;
    let place = Place { particle: &root.particle, slot: 0, alternative: 0 };
    part(&mut sink, schema, place, node)?;
    Ok(sink)
}

/// The one member of an object that holds one element.
fn single(node: Node) -> Result<(String, Node)> {
    let what = node.what();
    if let Node::Object(mut members) = node {
        if let (1, Some(member)) = (members.len(), members.pop_first()) {
            return Ok(member);
        }
        return Err(Error::new(
            ErrorKind::Unexpected,
            "an object with exactly one member stands for an element",
        ));
    }
    Err(Error::new(ErrorKind::Type, format!("an object with one element stands here, not {what}")))
}

/// Tell an element, an attribute or a text.
fn part<S: Sink>(sink: &mut S, schema: &'static Schema, place: Place, node: Node) -> Result<()> {
    let told = match (place.particle.content, node) {
        (Content::Simple(simple), node) => value(sink, place, simple, node),
        (Content::Complex(ty), Node::Object(members)) => {
            sink.begin(place, ty).map_err(|Stop| stopped()).and_then(|()| {
                content(sink, schema, ty, members)?;
                sink.end(place, ty).map_err(|Stop| stopped())
            })
        }
        (Content::Complex(_), node) => {
            Err(Error::new(ErrorKind::Type, format!("an object stands here, not {}", node.what())))
        }
        (Content::Abstract, _) => Err(Error::new(ErrorKind::Abstract, "the element is abstract")),
        (Content::Wildcard, _) => {
            Err(Error::new(ErrorKind::Wildcard, "content of another vocabulary is not supported"))
        }
    };
    told.map_err(|error| error.inside(place.particle.name))
}

fn value<S: Sink>(sink: &mut S, place: Place, simple: Simple, node: Node) -> Result<()> {
    let number = matches!(
        simple,
        Simple::Bits { .. } | Simple::Unsigned { .. } | Simple::Signed { .. } | Simple::Integer
    );
    let datum = match node {
        Node::Text(text) if !matches!(simple, Simple::Boolean) => return give(sink, place, simple, &text),
        Node::Boolean(value) if matches!(simple, Simple::Boolean) => Datum::Boolean(value),
        Node::Signed(value) if number => Datum::Signed(value),
        Node::Unsigned(value) if number => i64::try_from(value).map_or(Datum::Unsigned(value), Datum::Signed),
        other => {
            let detail = format!("{} does not fit {simple:?}", other.what());
            return Err(Error::new(ErrorKind::Type, detail));
        }
    };
    sink.value(place, datum).map_err(|Stop| stopped())
}

/// Tell the parts of a type in the order of its slots, or of its `#content`.
fn content<S: Sink>(
    sink: &mut S,
    schema: &'static Schema,
    ty: &'static Complex,
    mut members: BTreeMap<String, Node>,
) -> Result<()> {
    let ordered = is_ordered(ty);
    for (index, slot) in
        ty.slots.iter().enumerate().filter(|(_, slot)| !ordered || slot.kind != Kind::Element)
    {
        let mut taken = None;
        for (alternative, particle) in told(slot) {
            let Some(node) = members.remove(member(schema, ty, slot.kind, particle.name).as_ref()) else {
                continue;
            };
            if let Some(other) = taken.replace(particle.name.local) {
                let detail = format!("{other} and {} exclude each other", particle.name.local);
                return Err(Error::new(ErrorKind::Unexpected, detail));
            }
            let place = Place { particle, slot: index, alternative };
            for item in items(slot, place, node)? {
                part(sink, schema, place, item)?;
            }
        }
    }
    if ordered && let Some(node) = members.remove(CONTENT) {
        in_order(sink, schema, ty, node)?;
    }
    match members.pop_first() {
        None => Ok(()),
        Some((name, _)) => {
            Err(Error::new(ErrorKind::Unexpected, format!("{} has no member {}", ty.name, quoted(&name))))
        }
    }
}

/// The alternatives of a slot that have names.
fn told(slot: &'static Slot) -> impl Iterator<Item = (usize, &'static Particle)> {
    let named = |(_, particle): &(usize, &Particle)| !matches!(particle.content, Content::Wildcard);
    slot.alternatives.iter().enumerate().filter(named)
}

/// What a member holds: the items of an array where a part may occur several times, else itself.
fn items(slot: &Slot, place: Place, node: Node) -> Result<Vec<Node>> {
    match node {
        Node::List(list) if slot.kind == Kind::Element && slot.max > 1 => Ok(list),
        other if slot.kind == Kind::Element && slot.max > 1 => {
            let detail = format!("an array stands here, not {}", other.what());
            Err(Error::new(ErrorKind::Type, detail).inside(place.particle.name))
        }
        other => Ok(vec![other]),
    }
}

fn in_order<S: Sink>(sink: &mut S, schema: &'static Schema, ty: &'static Complex, node: Node) -> Result<()> {
    let Node::List(list) = node else {
        let detail = format!("{CONTENT} is an array, not {}", node.what());
        return Err(Error::new(ErrorKind::Type, detail));
    };
    for item in list {
        let (name, node) = single(item)?;
        let found = ty.slots.iter().enumerate().filter(|(_, slot)| slot.kind == Kind::Element).find_map(
            |(index, slot)| {
                told(slot)
                    .find(|(_, particle)| member(schema, ty, slot.kind, particle.name) == name.as_str())
                    .map(|(alternative, particle)| Place { particle, slot: index, alternative })
            },
        );
        let Some(place) = found else {
            return Err(Error::new(
                ErrorKind::Unexpected,
                format!("{} has no element {}", ty.name, quoted(&name)),
            ));
        };
        part(sink, schema, place, node)?;
    }
    Ok(())
}
