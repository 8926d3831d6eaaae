//! The one format in which every schema set is described to the engine.
//!
//! A complex type is a list of [`Slot`]s in the order in which EXI numbers them: attributes, then content. The
//! event code is read relative to the current slot, so a list of 1,024 elements needs no 1,024 states. The few
//! content models that are no plain run of slots (in xmldsig) carry an explicit state table beside it.

/// A schema set: its types and the grammars with which a stream may begin.
#[derive(Debug)]
pub struct Schema {
    /// The short name, such as `iso2`.
    pub name: &'static str,
    /// The namespaces, by the index that names refer to; the first is the empty one.
    pub namespaces: &'static [&'static str],
    /// The global elements, in the order of their event codes.
    pub document: Roots,
    /// Every element of the set, in the order of the fragment grammar's event codes.
    pub fragment: Roots,
    /// Every attribute of the set, in the order of the relaxed element-fragment grammar.
    pub attributes: &'static [Name],
    /// The typed classes of the set, as `(module, class)`; [`Complex::class`] points here.
    pub classes: &'static [(&'static str, &'static str)],
    /// The enumerations of the set, as `(module, class)`; [`Enumeration::class`] points here.
    pub enumerations: &'static [(&'static str, &'static str)],
    /// The number of different names (elements and attributes); sizes the string table.
    pub names: u16,
}

/// The elements that may stand at the top of a stream.
#[derive(Debug)]
pub struct Roots {
    /// Width of the first event code in bits.
    pub width: u8,
    /// The elements by event code.
    pub elements: &'static [Root],
}

/// An element at the top of a stream.
#[derive(Debug)]
pub struct Root {
    /// The element.
    pub particle: Particle,
    /// The element is declared with several types: EXI demands the relaxed element-fragment grammar.
    pub relaxed: bool,
}

/// A qualified name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Index into [`Schema::namespaces`].
    pub namespace: u8,
    /// The local name.
    pub local: &'static str,
    /// Number of this name within the set; the string table's local partitions are kept by it.
    pub id: u16,
}

/// An attribute, an element or the text of a type, and what it holds.
#[derive(Debug)]
pub struct Particle {
    /// Its name; for the text of a type, the name is empty.
    pub name: Name,
    /// What it holds.
    pub content: Content,
    /// Index of the field of the typed class that takes it.
    pub field: u8,
    /// Several may occur: the field is a tuple.
    pub many: bool,
    /// A simple value that stands in a list of alternatives is wrapped in this class, so that it can be told.
    pub wrapper: Option<u16>,
}

/// What an element or attribute holds.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// A simple value.
    Simple(Simple),
    /// A type of its own.
    Complex(&'static Complex),
    /// The head of a substitution group: it has an event code, but may not occur.
    Abstract,
    /// An element of another vocabulary: it has an event code, but its content is not described here.
    Wildcard,
}

/// A simple type, as far as its coding and its limits go.
#[derive(Debug, Clone, Copy)]
pub enum Simple {
    /// One bit.
    Boolean,
    /// An integer with at most 4096 values: an offset from `min` in `width` bits.
    Bits {
        /// The smallest value.
        min: i32,
        /// The greatest value.
        max: i32,
        /// Width of the offset.
        width: u8,
    },
    /// A non-negative integer up to `max`.
    Unsigned {
        /// The greatest value.
        max: u64,
    },
    /// A signed integer.
    Signed {
        /// The smallest value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// An integer without bounds (certificate serial numbers).
    Integer,
    /// Characters; the limits count characters.
    Text {
        /// The least length.
        min: u32,
        /// The greatest length, `u32::MAX` if there is none.
        max: u32,
    },
    /// Octets, printed in hex or base64; the limits count octets.
    Octets {
        /// Hex in XML, else base64.
        hex: bool,
        /// The least length.
        min: u32,
        /// The greatest length, `u32::MAX` if there is none.
        max: u32,
    },
    /// One of a list of names.
    Enumeration(&'static Enumeration),
}

/// An enumeration: the index of a value is its code.
#[derive(Debug)]
pub struct Enumeration {
    /// The schema's name of the type.
    pub name: &'static str,
    /// Index into [`Schema::enumerations`] of the set that owns the enumeration.
    pub class: u16,
    /// Width of the index in bits.
    pub width: u8,
    /// The values in the schema's order.
    pub values: &'static [&'static str],
}

/// A complex type.
#[derive(Debug)]
pub struct Complex {
    /// The schema's name of the type.
    pub name: &'static str,
    /// Index into [`Schema::classes`].
    pub class: u16,
    /// Number of fields of its typed class.
    pub fields: u8,
    /// Number of leading fields that have no default.
    pub required: u8,
    /// The class is skipped: its one field stands where the type stands.
    pub inline: bool,
    /// Characters may stand between the elements.
    pub mixed: bool,
    /// Width of the first event code.
    pub first: u8,
    /// Attributes, then content, in the order of their event codes.
    pub slots: &'static [Slot],
    /// The transitions, where the content is no plain run of slots; entry 0 is the start.
    pub states: Option<&'static [State]>,
}

/// A place in a type, taken by one of its alternatives, perhaps several times.
#[derive(Debug)]
pub struct Slot {
    /// What kind of thing stands here.
    pub kind: Kind,
    /// How often it must occur.
    pub min: u32,
    /// How often it may occur; `u32::MAX` if there is no limit.
    pub max: u32,
    /// Who may stand here, in the order of their event codes.
    pub alternatives: &'static [Particle],
    /// The first alternative is an element with a simple value: its event code and that of its characters are zero
    /// bits, which a reader may take together.
    pub simple_first: bool,
    /// Width of the next event code while the slot still has to occur again.
    pub must: u8,
    /// Width of the next event code while the slot may occur again.
    pub again: u8,
    /// Width of the next event code after the slot has been used up.
    pub done: u8,
}

/// What kind of thing stands in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An attribute: its value follows the event code directly.
    Attribute,
    /// An element.
    Element,
    /// The text of a type with simple content.
    Text,
}

/// A state of a content model that is no plain run of slots.
#[derive(Debug)]
pub struct State {
    /// Width of the event code.
    pub width: u8,
    /// By event code: the slot that is taken and the state that follows.
    pub moves: &'static [(u8, u8)],
    /// The element may end here; its event code comes after the moves.
    pub end: bool,
}
