//! A schema set with every name resolved, inheritance and references unfolded, and Python names given.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::description::{
    Attribute, Body, Complex, Declaration, Description, Fault, Item, Name, Occurs, Simple,
};
use crate::names::{class_name, field_name};

/// A declared name: prefix of its namespace, local name.
pub(crate) type Key = (String, String);

/// A qualified name, ordered as EXI orders names: by local name, then by namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct QName {
    pub(crate) local: String,
    pub(crate) uri: String,
}

/// A simple type after its bases were followed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Boolean,
    Number { min: Option<i128>, max: Option<i128> },
    Text { min: u32, max: Option<u32> },
    Octets { hex: bool, min: u32, max: Option<u32> },
    Enumeration(Key),
}

/// What an element or attribute holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Holds {
    Value(Value),
    Complex(Key),
    Abstract,
    Wildcard,
}

/// One element that may stand at a place.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) name: QName,
    pub(crate) holds: Holds,
}

/// A content model.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Alternatives that share one place; `label` names the place (an element, or the head of a group).
    Place {
        leaves: Vec<Leaf>,
        label: String,
        doc: String,
        rename: Option<String>,
        occurs: Occurs,
    },
    Group {
        choice: bool,
        nodes: Vec<Node>,
        occurs: Occurs,
    },
}

/// A complex type, unfolded.
#[derive(Clone, Debug)]
pub(crate) struct TypeModel {
    pub(crate) key: Key,
    pub(crate) module: String,
    pub(crate) class: String,
    pub(crate) doc: String,
    pub(crate) is_abstract: bool,
    pub(crate) mixed: bool,
    pub(crate) inline: bool,
    pub(crate) attributes: Vec<(QName, Value, bool, String)>,
    pub(crate) text: Option<Value>,
    pub(crate) content: Vec<Node>,
}

/// An enumeration.
#[derive(Clone, Debug)]
pub(crate) struct EnumModel {
    pub(crate) key: Key,
    pub(crate) module: String,
    pub(crate) class: String,
    pub(crate) doc: String,
    pub(crate) values: Vec<String>,
    /// What each value means, in the order of the values; empty where the name says it.
    pub(crate) meanings: Vec<String>,
}

/// A schema set.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) uris: Vec<String>,
    pub(crate) types: BTreeMap<Key, TypeModel>,
    pub(crate) enumerations: BTreeMap<Key, EnumModel>,
    pub(crate) globals: BTreeMap<QName, Holds>,
    /// Every element of the set and the types it is declared with.
    pub(crate) elements: BTreeMap<QName, Vec<Holds>>,
    pub(crate) attributes: BTreeSet<QName>,
    pub(crate) modules: Vec<String>,
}

/// Resolve a set made of `files`: the ones it uses first, its own last.
pub(crate) fn resolve(files: &[&Description]) -> Result<Model, Fault> {
    let own = files.last().ok_or_else(|| Fault("no description".into()))?;
    let resolver = Resolver::new(files);
    let mut model = Model {
        name: own.set.clone(),
        title: own.title.clone(),
        uris: files.iter().flat_map(|file| file.namespaces.iter().map(|space| space.uri.clone())).collect(),
        types: BTreeMap::new(),
        enumerations: BTreeMap::new(),
        globals: BTreeMap::new(),
        elements: BTreeMap::new(),
        attributes: BTreeSet::new(),
        modules: files.iter().map(|file| file.set.clone()).collect(),
    };
    for (key, (module, body)) in &resolver.types {
        match body {
            Body::Complex(complex) => {
                model.types.insert(key.clone(), resolver.complex(key, module, complex)?);
            }
            Body::Enumeration(declared) => {
                let entry = EnumModel {
                    key: key.clone(),
                    module: module.clone(),
                    class: class_name(&key.1),
                    doc: declared.doc.clone(),
                    values: declared.values.clone(),
                    meanings: declared.meanings.clone(),
                };
                model.enumerations.insert(key.clone(), entry);
            }
            _ => {}
        }
    }
    for key in resolver.elements.keys() {
        let leaf = resolver.global(key)?;
        model.globals.insert(leaf.name.clone(), leaf.holds.clone());
        model.note(&leaf);
    }
    let types: Vec<TypeModel> = model.types.values().cloned().collect();
    for ty in &types {
        model.attributes.extend(ty.attributes.iter().map(|(name, ..)| name.clone()));
        for node in &ty.content {
            model.note_all(node);
        }
    }
    Ok(model)
}

impl Model {
    fn note(&mut self, leaf: &Leaf) {
        let known = self.elements.entry(leaf.name.clone()).or_default();
        if !known.contains(&leaf.holds) {
            known.push(leaf.holds.clone());
        }
    }

    fn note_all(&mut self, node: &Node) {
        match node {
            Node::Place { leaves, .. } => {
                for leaf in leaves.iter().filter(|leaf| leaf.holds != Holds::Wildcard) {
                    self.note(leaf);
                }
            }
            Node::Group { nodes, .. } => nodes.iter().for_each(|node| self.note_all(node)),
        }
    }
}

struct Resolver<'a> {
    types: BTreeMap<Key, (String, &'a Body)>,
    elements: BTreeMap<Key, &'a Body>,
    spaces: HashMap<String, &'a crate::description::Namespace>,
    /// Head of a substitution group -> its direct members.
    members: HashMap<Key, Vec<Key>>,
}

impl<'a> Resolver<'a> {
    fn new(files: &[&'a Description]) -> Self {
        let mut out = Self {
            types: BTreeMap::new(),
            elements: BTreeMap::new(),
            spaces: HashMap::new(),
            members: HashMap::new(),
        };
        let own = files.last().map(|file| (&file.set, &file.includes));
        for file in files {
            // What a set includes becomes its own.
            let module = match own {
                Some((set, includes)) if includes.contains(&file.set) => set,
                _ => &file.set,
            };
            out.spaces.extend(file.namespaces.iter().map(|space| (space.prefix.clone(), space)));
            for Declaration { prefix, name, body } in &file.declarations {
                let key = (prefix.clone(), name.clone());
                if let Body::Element { head, .. } = body {
                    out.elements.insert(key.clone(), body);
                    if let Some(head) = head {
                        out.members.entry(absolute(head, prefix)).or_default().push(key);
                    }
                } else {
                    out.types.insert(key, (module.clone(), body));
                }
            }
        }
        out
    }

    fn uri(&self, prefix: &str) -> Result<String, Fault> {
        self.spaces
            .get(prefix)
            .map(|space| space.uri.clone())
            .ok_or_else(|| Fault(format!("no namespace {prefix}")))
    }

    fn complex(&self, key: &Key, module: &str, complex: &Complex) -> Result<TypeModel, Fault> {
        let mut out = TypeModel {
            key: key.clone(),
            module: module.to_owned(),
            class: class_name(&key.1),
            doc: complex.doc.clone(),
            is_abstract: complex.is_abstract,
            mixed: complex.mixed,
            inline: complex.inline,
            attributes: Vec::new(),
            text: None,
            content: Vec::new(),
        };
        self.unfold(&key.0, complex, &mut out)?;
        out.attributes.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(out)
    }

    fn unfold(&self, prefix: &str, complex: &Complex, out: &mut TypeModel) -> Result<(), Fault> {
        if let Some(base) = &complex.extends {
            let key = absolute(base, prefix);
            let Some((_, Body::Complex(parent))) = self.types.get(&key) else {
                return Err(Fault(format!("no complex type {key:?}")));
            };
            self.unfold(&key.0, parent, out)?;
        }
        for Attribute { name, simple, required, doc } in &complex.attributes {
            let qualified = self.spaces.get(prefix).is_some_and(|space| space.attributes_qualified);
            let uri = if qualified { self.uri(prefix)? } else { String::new() };
            let value = self.value(simple, prefix)?;
            out.attributes.push((QName { local: name.clone(), uri }, value, *required, doc.clone()));
        }
        if let Some(simple) = &complex.text {
            out.text = Some(self.value(simple, prefix)?);
        }
        for item in &complex.items {
            out.content.push(self.node(item, prefix)?);
        }
        Ok(())
    }

    fn node(&self, item: &Item, prefix: &str) -> Result<Node, Fault> {
        Ok(match item {
            Item::Element { name, simple, occurs, doc, rename } => {
                let local = self.spaces.get(prefix).is_some_and(|space| !space.elements_qualified);
                let uri = if local { String::new() } else { self.uri(prefix)? };
                let leaf =
                    Leaf { name: QName { local: name.clone(), uri }, holds: self.holds(simple, prefix)? };
                Node::Place {
                    leaves: vec![leaf],
                    label: name.clone(),
                    doc: doc.clone(),
                    rename: rename.clone(),
                    occurs: *occurs,
                }
            }
            Item::Reference { name, occurs, doc, rename } => {
                let key = absolute(name, prefix);
                let mut leaves = Vec::new();
                self.substitutes(&key, &mut leaves)?;
                leaves.sort_by(|a, b| a.name.cmp(&b.name));
                Node::Place {
                    leaves,
                    label: key.1,
                    doc: doc.clone(),
                    rename: rename.clone(),
                    occurs: *occurs,
                }
            }
            Item::Group { choice, occurs, items } => {
                let nodes = items.iter().map(|item| self.node(item, prefix)).collect::<Result<_, _>>()?;
                Node::Group { choice: *choice, nodes, occurs: *occurs }
            }
            Item::Any { occurs } => {
                let name = QName { local: "*".into(), uri: String::new() };
                Node::Place {
                    leaves: vec![Leaf { name, holds: Holds::Wildcard }],
                    label: "*".into(),
                    doc: String::new(),
                    rename: None,
                    occurs: *occurs,
                }
            }
        })
    }

    fn substitutes(&self, key: &Key, out: &mut Vec<Leaf>) -> Result<(), Fault> {
        out.push(self.global(key)?);
        for member in self.members.get(key).into_iter().flatten() {
            self.substitutes(member, out)?;
        }
        Ok(())
    }

    fn global(&self, key: &Key) -> Result<Leaf, Fault> {
        let Some(Body::Element { ty, is_abstract, .. }) = self.elements.get(key) else {
            return Err(Fault(format!("no global element {key:?}")));
        };
        let simple = Simple { base: ty.clone(), length: None, range: None };
        let holds = if *is_abstract { Holds::Abstract } else { self.holds(&simple, &key.0)? };
        Ok(Leaf { name: QName { local: key.1.clone(), uri: self.uri(&key.0)? }, holds })
    }

    fn holds(&self, simple: &Simple, prefix: &str) -> Result<Holds, Fault> {
        let key = absolute(&simple.base, prefix);
        match self.types.get(&key) {
            Some((_, Body::Complex(complex))) if complex.is_abstract => Ok(Holds::Abstract),
            Some((_, Body::Complex(_))) => Ok(Holds::Complex(key)),
            _ => Ok(Holds::Value(self.value(simple, prefix)?)),
        }
    }

    fn value(&self, simple: &Simple, prefix: &str) -> Result<Value, Fault> {
        let key = absolute(&simple.base, prefix);
        let base = match self.types.get(&key) {
            Some((_, Body::Simple(parent))) => self.value(parent, &key.0)?,
            Some((_, Body::Enumeration(_))) => Value::Enumeration(key),
            _ if simple.base.prefix.is_none() => built_in(&simple.base.local)?,
            _ => return Err(Fault(format!("no simple type {key:?}"))),
        };
        Ok(narrow(base, simple))
    }
}

fn absolute(name: &Name, prefix: &str) -> Key {
    (name.prefix.clone().unwrap_or_else(|| prefix.to_owned()), name.local.clone())
}

fn built_in(name: &str) -> Result<Value, Fault> {
    let number = |min: i128, max: i128| Value::Number { min: Some(min), max: Some(max) };
    Ok(match name {
        "boolean" => Value::Boolean,
        "byte" => number(i8::MIN.into(), i8::MAX.into()),
        "short" => number(i16::MIN.into(), i16::MAX.into()),
        "int" => number(i32::MIN.into(), i32::MAX.into()),
        "long" => number(i64::MIN.into(), i64::MAX.into()),
        "unsignedByte" => number(0, u8::MAX.into()),
        "unsignedShort" => number(0, u16::MAX.into()),
        "unsignedInt" => number(0, u32::MAX.into()),
        "unsignedLong" => number(0, u64::MAX.into()),
        "integer" => Value::Number { min: None, max: None },
        "string" | "anyURI" | "ID" | "IDREF" => Value::Text { min: 0, max: None },
        "hexBinary" => Value::Octets { hex: true, min: 0, max: None },
        "base64Binary" => Value::Octets { hex: false, min: 0, max: None },
        _ => return Err(Fault(format!("unknown type {name}"))),
    })
}

fn narrow(value: Value, simple: &Simple) -> Value {
    let (least, most) = simple.length.unwrap_or((None, None));
    let (low, high) = simple.range.unwrap_or((None, None));
    match value {
        Value::Number { min, max } => {
            Value::Number { min: low.map(i128::from).or(min), max: high.map(i128::from).or(max) }
        }
        Value::Text { min, max } => Value::Text { min: least.unwrap_or(min), max: most.or(max) },
        Value::Octets { hex, min, max } => {
            Value::Octets { hex, min: least.unwrap_or(min), max: most.or(max) }
        }
        other => other,
    }
}

/// The Python name of a field.
pub(crate) fn python_field(label: &str, rename: Option<&String>) -> String {
    rename.cloned().unwrap_or_else(|| field_name(label))
}
