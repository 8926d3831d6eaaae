//! The schema sets as tables for the EXI engine, generated from the descriptions in `rust/codegen/schemas`.

pub mod generated;

use plugcharge_exi::table::Schema;

/// Every schema set, in the order in which a guess tries them.
pub static SCHEMAS: [&Schema; 3] =
    [&generated::sap::SCHEMA, &generated::iso2::SCHEMA, &generated::xmldsig::SCHEMA];

/// The index in [`SCHEMAS`] of the set with this short name.
pub fn index_of(name: &str) -> Option<usize> {
    SCHEMAS.iter().position(|schema| schema.name == name)
}
