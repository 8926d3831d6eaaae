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

/// The V2GTP payload types and the sets whose messages they carry.
static PAYLOAD_TYPES: [(u16, &[&str]); 8] = [
    (0x8001, &["sap", "din", "iso2"]),
    (0x8002, &["iso20_common"]),
    (0x8003, &["iso20_ac"]),
    (0x8004, &["iso20_dc"]),
    (0x8005, &["iso20_acdp"]),
    (0x8006, &["iso20_wpt"]),
    (0x8010, &["iso20_ac_der_iec"]),
    (0x8011, &["iso20_ac_der_sae"]),
];

/// The index in [`SCHEMAS`] of the set with this short name.
pub fn index_of(name: &str) -> Option<usize> {
    SCHEMAS.iter().position(|schema| schema.name == name)
}

/// The indices in [`SCHEMAS`] of the sets that a namespace may mean: of those in which it occurs, the ones that are
/// built on the fewest others.
///
/// So the namespace of a message means its own set, although other sets use its types. The one of the common types of
/// -20 means several.
pub fn of_namespace(uri: &str) -> Vec<usize> {
    let uses = |schema: &&Schema| !uri.is_empty() && schema.namespaces.contains(&uri);
    let fewest = SCHEMAS.iter().filter(|schema| uses(schema)).map(|schema| schema.namespaces.len()).min();
    let means = |schema: &Schema| uses(&schema) && Some(schema.namespaces.len()) == fewest;
    SCHEMAS.iter().enumerate().filter(|(_, schema)| means(schema)).map(|(index, _)| index).collect()
}

/// The indices in [`SCHEMAS`] of the sets whose messages a V2GTP payload type carries.
pub fn of_payload_type(number: u16) -> Vec<usize> {
    let names = PAYLOAD_TYPES.iter().find(|(known, _)| *known == number).map_or(&[][..], |(_, names)| names);
    names.iter().filter_map(|name| index_of(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(indices: &[usize]) -> Vec<&'static str> {
        indices.iter().filter_map(|index| SCHEMAS.get(*index)).map(|schema| schema.name).collect()
    }

    #[test]
    fn every_payload_type_names_sets_that_exist() {
        for (number, sets) in PAYLOAD_TYPES {
            assert_eq!(names(&of_payload_type(number)), sets);
        }
        assert!(of_payload_type(0x9000).is_empty());
    }

    #[test]
    fn every_set_has_a_namespace_that_means_it_alone() {
        for (index, schema) in SCHEMAS.iter().enumerate() {
            assert!(schema.namespaces.iter().any(|uri| of_namespace(uri) == [index]), "{}", schema.name);
        }
    }

    #[test]
    fn a_namespace_that_sets_share_means_the_smallest() {
        assert_eq!(names(&of_namespace("http://www.w3.org/2000/09/xmldsig#")), ["xmldsig"]);
        assert_eq!(names(&of_namespace("urn:iso:15118:2:2013:MsgBody")), ["iso2"]);
        assert!(of_namespace("urn:iso:std:iso:15118:-20:CommonTypes").len() > 1);
        assert!(of_namespace("").is_empty());
        assert!(of_namespace("urn:nothing").is_empty());
    }
}
