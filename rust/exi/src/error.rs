//! What can be wrong with a stream or a message, and where.

use std::fmt;

use crate::table::Name;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The first octet is not 0x80.
    Header,
    /// The input ends in the middle of the message.
    Truncated,
    /// Something other than zero octets follows the message.
    Trailing,
    /// No production of the schema has this event code.
    EventCode,
    /// An event outside the schema: xsi:type, xsi:nil, undeclared elements, attributes or text.
    Undeclared,
    /// An element that is only the head of a substitution group.
    Abstract,
    /// Content of another vocabulary, which is not described here.
    Wildcard,
    /// The element ends, or goes on, before a required part came.
    Missing,
    /// An element or attribute that may not stand here.
    Unexpected,
    /// A number outside the range of its type, or an enumeration code without a value.
    Range,
    /// Text or octets of a length the schema does not allow (when writing).
    Length,
    /// Characters that are no Unicode scalar values, or that XML cannot carry.
    Character,
    /// A reference to a string that has not occurred.
    StringTable,
    /// A size that no honest message has.
    Limit,
    /// A value of the wrong kind for its place (when writing).
    Type,
    /// The root element is not one of the schema set.
    Root,
    /// The XML text cannot be read.
    Xml,
    /// The JSON text cannot be read.
    Json,
    /// The receiver of the values stopped.
    Sink,
}

impl ErrorKind {
    /// A stable short word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Truncated => "truncated",
            Self::Trailing => "trailing",
            Self::EventCode => "event-code",
            Self::Undeclared => "undeclared",
            Self::Abstract => "abstract",
            Self::Wildcard => "wildcard",
            Self::Missing => "missing",
            Self::Unexpected => "unexpected",
            Self::Range => "range",
            Self::Length => "length",
            Self::Character => "character",
            Self::StringTable => "string-table",
            Self::Limit => "limit",
            Self::Type => "type",
            Self::Root => "root",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Sink => "sink",
        }
    }
}

/// An error with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The sentence about it.
    pub detail: String,
    /// The elements around the place, innermost first.
    path: Vec<&'static str>,
    /// Where in the stream, in bits; `None` when writing.
    pub bit_offset: Option<usize>,
}

/// Errors are rare and large, results are many and small.
pub type Result<T> = std::result::Result<T, Box<Error>>;

impl Error {
    /// An error without a place yet.
    #[cold]
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Box<Self> {
        Box::new(Self { kind, detail: detail.into(), path: Vec::new(), bit_offset: None })
    }

    #[cold]
    pub(crate) fn at(kind: ErrorKind, detail: impl Into<String>, bit_offset: usize) -> Box<Self> {
        Box::new(Self { kind, detail: detail.into(), path: Vec::new(), bit_offset: Some(bit_offset) })
    }

    /// Note an element around the place; called from the inside to the outside.
    #[cold]
    pub(crate) fn inside(mut self: Box<Self>, name: Name) -> Box<Self> {
        if !name.local.is_empty() {
            self.path.push(name.local);
        }
        self
    }

    /// The place, outermost element first, such as `V2G_Message/Body/SessionSetupReq`.
    pub fn path(&self) -> String {
        self.path.iter().rev().copied().collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.detail)?;
        if !self.path.is_empty() {
            write!(out, " at {}", self.path())?;
        }
        match self.bit_offset {
            Some(offset) => write!(out, " (bit {offset})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
