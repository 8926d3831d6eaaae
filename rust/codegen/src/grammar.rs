//! From a content model to slots and event-code widths, or to a state table where slots do not suffice.

use crate::description::{Fault, Occurs};
use crate::model::{Holds, Key, Leaf, Model, Node, QName, TypeModel, Value, python_field};

/// No upper limit, as the tables write it.
pub(crate) const UNBOUNDED: u32 = u32::MAX;

/// What stands in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Attribute,
    Element,
    Text,
}

/// One alternative of a slot, with the field that takes it.
#[derive(Clone, Debug)]
pub(crate) struct Particle {
    pub(crate) name: QName,
    pub(crate) holds: Holds,
    pub(crate) field: usize,
    pub(crate) many: bool,
    /// The class that wraps a simple value among repeated alternatives.
    pub(crate) wrapper: Option<String>,
}

/// A slot with its widths.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) kind: Kind,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) particles: Vec<Particle>,
    pub(crate) must: u8,
    pub(crate) again: u8,
    pub(crate) done: u8,
}

/// A state of an explicit table.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) width: u8,
    pub(crate) moves: Vec<(usize, usize)>,
    pub(crate) end: bool,
}

/// A field of a typed class.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) python: String,
    pub(crate) label: String,
    pub(crate) doc: String,
    pub(crate) required: bool,
    pub(crate) many: bool,
    pub(crate) least: u32,
    pub(crate) most: u32,
    pub(crate) holds: Vec<Holds>,
    /// Wrapper classes of simple alternatives, `(class, value)`.
    pub(crate) wrappers: Vec<(String, Value)>,
}

/// Everything the generators need of a complex type.
#[derive(Clone, Debug)]
pub(crate) struct Grammar {
    pub(crate) first: u8,
    pub(crate) slots: Vec<Slot>,
    pub(crate) states: Option<Vec<State>>,
    pub(crate) fields: Vec<Field>,
}

/// Bits needed to tell `count` values apart.
pub(crate) fn width(count: usize) -> u8 {
    u8::try_from(usize::BITS - count.saturating_sub(1).leading_zeros()).unwrap_or(u8::MAX)
}

/// Derive the grammar of a complex type.
pub(crate) fn derive(ty: &TypeModel) -> Result<Grammar, Fault> {
    let mut fields = Fields::default();
    let mut slots: Vec<Slot> = Vec::new();
    for (name, value, required, doc) in &ty.attributes {
        let leaf = Leaf { name: name.clone(), holds: Holds::Value(value.clone()) };
        let occurs = Occurs { min: u32::from(*required), max: Some(1) };
        let field = fields.add(&name.local, None, doc, occurs, std::slice::from_ref(&leaf));
        slots.push(slot(Kind::Attribute, occurs, vec![fields.particle(&leaf, field)]));
    }
    let mut states = None;
    if let Some(value) = &ty.text {
        let leaf = Leaf {
            name: QName { local: String::new(), uri: String::new() },
            holds: Holds::Value(value.clone()),
        };
        let field = fields.add("value", None, "", Occurs::ONCE, std::slice::from_ref(&leaf));
        slots.push(slot(Kind::Text, Occurs::ONCE, vec![fields.particle(&leaf, field)]));
    } else {
        let nodes = simplify(ty.content.clone(), false);
        if is_plain(&nodes) {
            for node in &nodes {
                content_slot(node, &mut fields, &mut slots);
            }
        } else {
            let first_content = slots.len();
            states = Some(explicit(&nodes, ty, &mut fields, &mut slots, first_content)?);
        }
    }
    let order = fields.order();
    for particle in slots.iter_mut().flat_map(|slot| &mut slot.particles) {
        particle.field = order.iter().position(|at| *at == particle.field).unwrap_or_default();
    }
    let first = states.as_ref().and_then(|states| states.first()).map_or(0, |state| state.width);
    let mut grammar =
        Grammar { first, slots, states, fields: order.iter().map(|at| fields.list[*at].clone()).collect() };
    if grammar.states.is_none() {
        set_widths(&mut grammar, ty.mixed);
    }
    Ok(grammar)
}

fn slot(kind: Kind, occurs: Occurs, particles: Vec<Particle>) -> Slot {
    Slot {
        kind,
        min: occurs.min,
        max: occurs.max.unwrap_or(UNBOUNDED),
        particles,
        must: 0,
        again: 0,
        done: 0,
    }
}

/// Number of productions when the next event may be slot `from` or what follows it, plus the escape.
fn productions(slots: &[Slot], from: usize, mixed: bool) -> usize {
    let mut count = 1;
    for slot in slots.iter().skip(from) {
        count += slot.particles.len();
        if slot.min > 0 {
            return count + usize::from(mixed && slot.kind == Kind::Element);
        }
    }
    count + 1 + usize::from(mixed)
}

fn set_widths(grammar: &mut Grammar, mixed: bool) {
    grammar.first = width(productions(&grammar.slots, 0, mixed));
    for at in 0..grammar.slots.len() {
        let follow = productions(&grammar.slots, at + 1, mixed);
        let own = grammar.slots[at].particles.len();
        let in_content = mixed && grammar.slots[at].kind == Kind::Element;
        let slot = &mut grammar.slots[at];
        slot.must = width(own + 1 + usize::from(in_content));
        slot.again = width(own + follow);
        slot.done = width(follow);
    }
}

/// Unfold groups that say nothing: a sequence that occurs once (but not inside a choice, where its members would
/// become alternatives of each other), a group of one.
fn simplify(nodes: Vec<Node>, in_choice: bool) -> Vec<Node> {
    let mut out = Vec::new();
    for node in nodes {
        let Node::Group { choice, nodes, occurs } = node else {
            out.push(node);
            continue;
        };
        let mut inner = simplify(nodes, choice);
        if occurs == Occurs::ONCE && !choice && (!in_choice || inner.len() == 1) {
            out.append(&mut inner);
        } else if let [single] = inner.as_mut_slice()
            && once(single)
        {
            set_occurs(single, occurs);
            out.push(single.clone());
        } else if choice && inner.iter().all(|node| matches!(node, Node::Place { .. }) && once(node)) {
            out.push(merge(&inner, occurs));
        } else {
            out.push(Node::Group { choice, nodes: inner, occurs });
        }
    }
    out
}

fn once(node: &Node) -> bool {
    match node {
        Node::Place { occurs, .. } | Node::Group { occurs, .. } => *occurs == Occurs::ONCE,
    }
}

fn set_occurs(node: &mut Node, new: Occurs) {
    match node {
        Node::Place { occurs, .. } | Node::Group { occurs, .. } => *occurs = new,
    }
}

/// A choice of single elements is one place; EXI numbers a wildcard after every named element.
fn merge(nodes: &[Node], occurs: Occurs) -> Node {
    let mut leaves: Vec<Leaf> = Vec::new();
    for node in nodes {
        if let Node::Place { leaves: own, .. } = node {
            leaves.extend(own.iter().cloned());
        }
    }
    leaves.sort_by_key(|leaf| leaf.holds == Holds::Wildcard);
    Node::Place { leaves, label: "choice".into(), doc: String::new(), rename: None, occurs }
}

fn is_plain(nodes: &[Node]) -> bool {
    let last = nodes.len().saturating_sub(1);
    nodes.iter().enumerate().all(|(at, node)| match node {
        Node::Place { leaves, .. } => at == last || leaves.iter().all(|leaf| leaf.holds != Holds::Wildcard),
        Node::Group { .. } => false,
    })
}

fn content_slot(node: &Node, fields: &mut Fields, slots: &mut Vec<Slot>) {
    let Node::Place { leaves, label, doc, rename, occurs } = node else { return };
    let many = occurs.max != Some(1);
    let named = leaves.iter().filter(|leaf| leaf.holds != Holds::Wildcard);
    let particles = if label == "choice" && !many {
        let each = Occurs { min: 0, max: Some(1) };
        leaves
            .iter()
            .map(|leaf| {
                let field = fields.add(&leaf.name.local, None, doc, each, std::slice::from_ref(leaf));
                fields.particle(leaf, field)
            })
            .collect()
    } else {
        let own: Vec<Leaf> = named.cloned().collect();
        let name = match own.as_slice() {
            [single] if label == "choice" => single.name.local.as_str(),
            _ if label == "choice" => "items",
            _ => label,
        };
        let field = fields.add(name, rename.as_ref(), doc, *occurs, &own);
        leaves.iter().map(|leaf| fields.particle(leaf, field)).collect()
    };
    slots.push(slot(Kind::Element, *occurs, particles));
}

/// The fields of the typed class, in the schema's order.
#[derive(Default)]
struct Fields {
    list: Vec<Field>,
}

impl Fields {
    fn add(
        &mut self,
        label: &str,
        rename: Option<&String>,
        doc: &str,
        occurs: Occurs,
        leaves: &[Leaf],
    ) -> usize {
        if leaves.iter().all(|leaf| leaf.holds == Holds::Wildcard) {
            return usize::MAX;
        }
        let many = occurs.max != Some(1);
        let simple = |leaf: &&Leaf| matches!(leaf.holds, Holds::Value(_));
        let wrap = many && leaves.len() > 1;
        let wrappers = leaves
            .iter()
            .filter(simple)
            .filter(|_| wrap)
            .filter_map(|leaf| match &leaf.holds {
                Holds::Value(value) => Some((leaf.name.local.clone(), value.clone())),
                _ => None,
            })
            .collect();
        self.list.push(Field {
            python: python_field(label, rename),
            label: label.to_owned(),
            doc: doc.to_owned(),
            required: occurs.min > 0,
            many,
            least: occurs.min,
            most: occurs.max.unwrap_or(UNBOUNDED),
            holds: leaves
                .iter()
                .filter(|leaf| !wrap || !simple(leaf))
                .map(|leaf| leaf.holds.clone())
                .collect(),
            wrappers,
        });
        self.list.len() - 1
    }

    fn particle(&self, leaf: &Leaf, field: usize) -> Particle {
        let known = self.list.get(field);
        let wrapper = known
            .filter(|field| field.wrappers.iter().any(|(name, _)| *name == leaf.name.local))
            .map(|_| leaf.name.local.clone());
        Particle {
            name: leaf.name.clone(),
            holds: leaf.holds.clone(),
            field,
            many: known.is_some_and(|field| field.many),
            wrapper,
        }
    }

    /// Fields without a default first, as Python wants them; otherwise the schema's order.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.list.len()).collect();
        order.sort_by_key(|at| !self.list[*at].required);
        order
    }
}

/// A content model as positions: which may come first, which may follow which, where it may end.
struct Positions<'a> {
    leaves: Vec<&'a Leaf>,
    follow: Vec<Vec<usize>>,
}

struct Part {
    first: Vec<usize>,
    last: Vec<usize>,
    nullable: bool,
}

impl<'a> Positions<'a> {
    fn sequence(&mut self, nodes: &'a [Node]) -> Result<Part, Fault> {
        let mut out = Part { first: vec![], last: vec![], nullable: true };
        for node in nodes {
            let part = self.node(node)?;
            for from in &out.last {
                self.follow[*from].extend(&part.first);
            }
            if out.nullable {
                out.first.extend(&part.first);
            }
            if part.nullable {
                out.last.extend(&part.last);
            } else {
                out.last = part.last;
            }
            out.nullable &= part.nullable;
        }
        Ok(out)
    }

    fn node(&mut self, node: &'a Node) -> Result<Part, Fault> {
        let (mut part, occurs) = match node {
            Node::Place { leaves, occurs, .. } => {
                let from = self.leaves.len();
                self.leaves.extend(leaves);
                self.follow.resize(self.leaves.len(), vec![]);
                let all: Vec<usize> = (from..self.leaves.len()).collect();
                (Part { first: all.clone(), last: all, nullable: false }, occurs)
            }
            Node::Group { choice: false, nodes, occurs } => (self.sequence(nodes)?, occurs),
            Node::Group { choice: true, nodes, occurs } => {
                let mut out = Part { first: vec![], last: vec![], nullable: false };
                for node in nodes {
                    let part = self.node(node)?;
                    out.first.extend(part.first);
                    out.last.extend(part.last);
                    out.nullable |= part.nullable;
                }
                (out, occurs)
            }
        };
        match (occurs.min, occurs.max) {
            (0 | 1, Some(1)) => {}
            (0 | 1, None) => {
                for from in &part.last {
                    let first = part.first.clone();
                    self.follow[*from].extend(first);
                }
            }
            _ => return Err(Fault("a counted group needs slots".into())),
        }
        part.nullable |= occurs.min == 0;
        Ok(part)
    }
}

fn explicit(
    nodes: &[Node],
    ty: &TypeModel,
    fields: &mut Fields,
    slots: &mut Vec<Slot>,
    first_content: usize,
) -> Result<Vec<State>, Fault> {
    if first_content > 0 || ty.mixed {
        return Err(Fault(format!("{:?}: a state table with attributes or text is not supported", ty.key)));
    }
    let mut positions = Positions { leaves: vec![], follow: vec![] };
    let whole = positions.sequence(nodes)?;
    let repeats = |at: usize, name: &QName| {
        positions.follow[at].iter().any(|next| positions.leaves[*next].name == *name)
            || reaches(&positions.follow, at, |next| positions.leaves[next].name == *name)
    };
    let mut slot_of = Vec::new();
    for (at, leaf) in positions.leaves.iter().enumerate() {
        let known = slots.iter().position(|slot| slot.particles.iter().any(|p| p.name == leaf.name));
        slot_of.push(known.unwrap_or(slots.len()));
        if known.is_none() {
            let many = repeats(at, &leaf.name);
            let occurs = Occurs { min: 0, max: if many { None } else { Some(1) } };
            let field = fields.add(&leaf.name.local, None, "", occurs, std::slice::from_ref(leaf));
            slots.push(slot(Kind::Element, occurs, vec![fields.particle(leaf, field)]));
        }
    }
    let state = |nexts: &[usize], end: bool| {
        let mut nexts = nexts.to_vec();
        nexts.sort_by_key(|at| (positions.leaves[*at].holds == Holds::Wildcard, *at));
        nexts.dedup();
        State {
            width: width(nexts.len() + usize::from(end) + 1),
            moves: nexts.iter().map(|at| (slot_of[*at], at + 1)).collect(),
            end,
        }
    };
    let mut states = vec![state(&whole.first, whole.nullable)];
    for (at, nexts) in positions.follow.iter().enumerate() {
        states.push(state(nexts, whole.last.contains(&at)));
    }
    Ok(states)
}

fn reaches(follow: &[Vec<usize>], from: usize, found: impl Fn(usize) -> bool) -> bool {
    let mut seen = vec![false; follow.len()];
    let mut open = follow[from].clone();
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut seen[at], true) {
            if found(at) {
                return true;
            }
            open.extend(&follow[at]);
        }
    }
    false
}

/// The grammars of all complex types of a set.
pub(crate) fn derive_all(model: &Model) -> Result<Vec<(Key, Grammar)>, Fault> {
    model
        .types
        .iter()
        .filter(|(_, ty)| !ty.is_abstract)
        .map(|(key, ty)| Ok((key.clone(), derive(ty)?)))
        .collect()
}
