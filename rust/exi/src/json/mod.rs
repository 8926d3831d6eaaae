//! Messages as JSON text, and back, without loss.
//!
//! A message is an object with one member, the root element. An element with a type of its own is an object: members
//! are named as the standard names the elements, an attribute with `@` before its name; the text of a type that holds
//! nothing but text is `#text`. What may occur several times is an array, always. Where elements of several names may
//! alternate, their order is kept: they stand in the array `#content`, each in an object of its own. A name that two
//! namespaces share in one place is written `{namespace}name`.
//!
//! Values: booleans; numbers up to 2^53 - 1 either way, greater ones as text in decimal digits, because many readers
//! would round them; enumerations by name; octets in hex or base64, whichever the schema says; everything else is text.

mod read;
mod tree;
mod write;

pub use read::read;
pub use write::JsonWriter;

use std::borrow::Cow;

use crate::table::{Complex, Kind, Name, Particle, Schema};

/// The member that holds the text of a type with attributes and text.
const TEXT: &str = "#text";
/// The member that holds the elements of a type in which their order carries meaning.
const CONTENT: &str = "#content";

/// The greatest number that every reader of JSON keeps exactly.
const GREATEST_NUMBER: u64 = (1 << 53) - 1;

/// Elements of several names may alternate in this type.
fn is_ordered(ty: &Complex) -> bool {
    ty.states.is_some()
        || ty
            .slots
            .iter()
            .any(|slot| slot.kind == Kind::Element && slot.max > 1 && slot.alternatives.len() > 1)
}

/// The name of the member for an element: qualified where a sibling has the same local name.
fn key<'p>(
    schema: &Schema,
    name: Name,
    siblings: impl IntoIterator<Item = &'p Particle>,
) -> Cow<'static, str> {
    let shared = |other: &Particle| other.name.local == name.local && other.name.namespace != name.namespace;
    if siblings.into_iter().any(shared) {
        let uri = schema.namespaces.get(usize::from(name.namespace)).copied().unwrap_or_default();
        Cow::Owned(format!("{{{uri}}}{}", name.local))
    } else {
        Cow::Borrowed(name.local)
    }
}

/// The particles of a type that are of one kind.
fn particles(ty: &'static Complex, kind: Kind) -> impl Iterator<Item = &'static Particle> {
    ty.slots.iter().filter(move |slot| slot.kind == kind).flat_map(|slot| slot.alternatives)
}

/// The name of the member for a part of a type.
fn member(schema: &Schema, ty: &'static Complex, kind: Kind, name: Name) -> Cow<'static, str> {
    match kind {
        Kind::Text => Cow::Borrowed(TEXT),
        Kind::Attribute => Cow::Owned(format!("@{}", key(schema, name, particles(ty, kind)))),
        Kind::Element => key(schema, name, particles(ty, kind)),
    }
}
