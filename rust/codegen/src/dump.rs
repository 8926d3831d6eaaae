//! A schema set as JSON, with everything resolved: what the comparison with the XSDs reads.

use std::fmt::Write;

use crate::description::Occurs;
use crate::model::{Holds, Leaf, Model, Node, Value};

/// The whole set.
pub(crate) fn json(model: &Model) -> String {
    let types = model.types.values().map(|ty| {
        let attributes = list(ty.attributes.iter().map(|(name, value, required, _)| {
            format!("{{\"name\":{:?},\"uri\":{:?},\"value\":{},\"required\":{required}}}", name.local, name.uri, self::value(value))
        }));
        format!(
            "{{\"name\":{:?},\"prefix\":{:?},\"abstract\":{},\"mixed\":{},\"attributes\":{attributes},\"text\":{},\"content\":{}}}",
            ty.key.1,
            ty.key.0,
            ty.is_abstract,
            ty.mixed,
            ty.text.as_ref().map_or("null".into(), value),
            list(ty.content.iter().map(node))
        )
    });
    let enumerations = model.enumerations.values().map(|entry| {
        format!("{{\"name\":{:?},\"prefix\":{:?},\"values\":{:?}}}", entry.key.1, entry.key.0, entry.values)
    });
    let globals =
        model.globals.iter().map(|(name, holds)| leaf(&Leaf { name: name.clone(), holds: holds.clone() }));
    format!(
        "{{\"set\":{:?},\"types\":{},\"enumerations\":{},\"globals\":{}}}",
        model.name,
        list(types),
        list(enumerations),
        list(globals)
    )
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut out = String::from("[");
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out + "]"
}

fn node(node: &Node) -> String {
    let count = |occurs: &Occurs| {
        format!("[{},{}]", occurs.min, occurs.max.map_or("null".to_owned(), |max| max.to_string()))
    };
    match node {
        Node::Place { leaves, occurs, .. } => {
            format!("{{\"place\":{},\"occurs\":{}}}", list(leaves.iter().map(leaf)), count(occurs))
        }
        Node::Group { choice, nodes, occurs } => format!(
            "{{\"group\":{:?},\"nodes\":{},\"occurs\":{}}}",
            if *choice { "choice" } else { "sequence" },
            list(nodes.iter().map(self::node)),
            count(occurs)
        ),
    }
}

fn leaf(leaf: &Leaf) -> String {
    let holds = match &leaf.holds {
        Holds::Value(simple) => value(simple),
        Holds::Complex(key) => format!("{{\"complex\":{:?}}}", key.1),
        Holds::Abstract => "\"abstract\"".into(),
        Holds::Wildcard => "\"wildcard\"".into(),
    };
    format!("{{\"name\":{:?},\"uri\":{:?},\"holds\":{holds}}}", leaf.name.local, leaf.name.uri)
}

fn value(value: &Value) -> String {
    let limit = |max: &Option<u32>| max.map_or("null".to_owned(), |max| max.to_string());
    let number = |end: &Option<i128>| end.map_or("null".to_owned(), |end| end.to_string());
    let mut out = String::new();
    let _ = match value {
        Value::Boolean => write!(out, "{{\"kind\":\"boolean\"}}"),
        Value::Number { min, max } => {
            write!(out, "{{\"kind\":\"number\",\"min\":{},\"max\":{}}}", number(min), number(max))
        }
        Value::Text { min, max } => write!(out, "{{\"kind\":\"text\",\"min\":{min},\"max\":{}}}", limit(max)),
        Value::Octets { hex, min, max } => {
            write!(out, "{{\"kind\":\"octets\",\"hex\":{hex},\"min\":{min},\"max\":{}}}", limit(max))
        }
        Value::Enumeration(key) => write!(out, "{{\"kind\":\"enumeration\",\"name\":{:?}}}", key.1),
    };
    out
}
