//! Messages as XML text: the infoset that other EXI processors print, and back.

mod read;
mod write;

pub use read::read;
pub use write::XmlWriter;
