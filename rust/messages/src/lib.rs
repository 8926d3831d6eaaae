//! The schema sets as tables for the EXI engine, generated from the descriptions in `rust/codegen/schemas`.

pub mod generated;

use plugcharge_exi::table::Schema;

/// Every schema set, in the order in which a guess tries them.
pub static SCHEMAS: [&Schema; 11] = [
    &generated::sap::SCHEMA,
    &generated::din::SCHEMA,
    &generated::iso2::SCHEMA,
    &generated::iso20_common::SCHEMA,
    &generated::iso20_ac::SCHEMA,
    &generated::iso20_dc::SCHEMA,
    &generated::iso20_wpt::SCHEMA,
    &generated::iso20_acdp::SCHEMA,
    &generated::iso20_ac_der_iec::SCHEMA,
    &generated::iso20_ac_der_sae::SCHEMA,
    &generated::xmldsig::SCHEMA,
];

/// The index in [`SCHEMAS`] of the set with this short name.
pub fn index_of(name: &str) -> Option<usize> {
    SCHEMAS.iter().position(|schema| schema.name == name)
}
