//! Reads one schema description (`schemas/*.v2g`) into declarations, without resolving any name.
//!
//! The language, by example:
//! ```text
//! set iso2 uses xmldsig                         the schema set, and the files whose types it refers to
//! set iso20_ac_der_iec uses iso20_types includes iso20_ac    and the files it takes in as if they stood in it
//! namespace body urn:iso:... attributes=qualified
//! [body]                                        what follows belongs to this namespace
//! simple evccIDType hexBinary[..6]              a simple type: base, [length], (value range)
//! enum faultCodeType                            an enumeration, one value a line
//!   ParsingError
//! element SessionSetupReq SessionSetupReqType for BodyElement
//! type SessionSetupReqType extends BodyBaseType
//!   .Id? ID                                     an attribute
//!   EVCCID dt:evccIDType                        an element; `?`, `*`, `+`, `{0..3}` after the name say how often
//!   @ds:Signature?                              a reference to a global element (or its substitutes)
//!   choice                                      also `sequence`; indented lines are its members
//!   any* other                                  a wildcard
//! ```
//! Text after ` -- ` documents the line (a type, an enumeration, a value, a field outside a choice), a line that begins
//! with `-- ` carries on with the text of the one above; `as name` before it sets the Python name. The first line of a
//! type's or an enumeration's text is its summary.

use std::fmt;

/// A fault in a description: the line and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Fault(pub(crate) String);

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A name with its namespace prefix; no prefix means the namespace of the section, or a built-in type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) prefix: Option<String>,
    pub(crate) local: String,
}

/// How often something may occur; `max` is `None` when unbounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Occurs {
    pub(crate) min: u32,
    pub(crate) max: Option<u32>,
}

impl Occurs {
    pub(crate) const ONCE: Self = Self { min: 1, max: Some(1) };
}

/// A simple type: a base and its limits.
#[derive(Clone, Debug)]
pub(crate) struct Simple {
    pub(crate) base: Name,
    pub(crate) length: Option<(Option<u32>, Option<u32>)>,
    pub(crate) range: Option<(Option<i64>, Option<i64>)>,
}

/// One member of a content model.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Element { name: String, simple: Simple, occurs: Occurs, doc: String, rename: Option<String> },
    Reference { name: Name, occurs: Occurs, doc: String, rename: Option<String> },
    Group { choice: bool, occurs: Occurs, items: Vec<Item> },
    Any { occurs: Occurs },
}

/// An attribute of a complex type.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    pub(crate) simple: Simple,
    pub(crate) required: bool,
    pub(crate) doc: String,
}

/// A complex type as declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Complex {
    pub(crate) extends: Option<Name>,
    pub(crate) text: Option<Simple>,
    pub(crate) is_abstract: bool,
    pub(crate) mixed: bool,
    pub(crate) inline: bool,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) items: Vec<Item>,
    pub(crate) doc: String,
}

/// An enumeration as declared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Enumeration {
    pub(crate) doc: String,
    pub(crate) values: Vec<String>,
    /// What each value means, in the order of the values; empty where the name says it.
    pub(crate) meanings: Vec<String>,
}

/// A declaration in a section.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Simple(Simple),
    Enumeration(Enumeration),
    Complex(Complex),
    Element { ty: Name, head: Option<Name>, is_abstract: bool },
}

/// A named declaration and the namespace it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) body: Body,
}

/// A namespace and whether its local elements and attributes carry it.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) prefix: String,
    pub(crate) uri: String,
    pub(crate) elements_qualified: bool,
    pub(crate) attributes_qualified: bool,
}

/// One description file.
#[derive(Debug, Default)]
pub(crate) struct Description {
    pub(crate) set: String,
    pub(crate) title: String,
    pub(crate) uses: Vec<String>,
    /// Files that a set extends: their types are the set's own, since their substitution groups grow.
    pub(crate) includes: Vec<String>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) declarations: Vec<Declaration>,
}

/// Parse a description file.
pub(crate) fn parse(text: &str) -> Result<Description, Fault> {
    let mut lines: Vec<Line> = Vec::new();
    for (index, raw) in text.lines().enumerate().filter(|(_, raw)| !raw.trim_start().starts_with('#')) {
        let (code, doc) = split_doc(raw);
        let indent = code.len() - code.trim_start().len();
        if !code.trim().is_empty() {
            lines.push(Line {
                number: index + 1,
                indent: indent / 2,
                code: code.trim(),
                doc: doc.to_owned(),
            });
        } else if let Some(above) = lines.last_mut().filter(|_| !doc.is_empty()) {
            if !above.doc.is_empty() {
                above.doc.push('\n');
            }
            above.doc.push_str(doc);
        }
    }
    Parser { lines, at: 0 }.description()
}

struct Line<'a> {
    number: usize,
    indent: usize,
    code: &'a str,
    doc: String,
}

fn split_doc(raw: &str) -> (&str, &str) {
    if let Some(doc) = raw.trim_start().strip_prefix("-- ") {
        return ("", doc.trim());
    }
    match raw.split_once(" -- ") {
        Some((code, doc)) => (code.trim_end(), doc.trim()),
        None => (raw.trim_end(), ""),
    }
}

struct Parser<'a> {
    lines: Vec<Line<'a>>,
    at: usize,
}

impl Parser<'_> {
    fn description(mut self) -> Result<Description, Fault> {
        let mut out = Description::default();
        let mut prefix = String::new();
        while let Some(line) = self.lines.get(self.at) {
            let (number, code, doc) = (line.number, line.code, line.doc.clone());
            self.at += 1;
            let words: Vec<&str> = code.split_whitespace().collect();
            let fault = |what: &str| Err(Fault(format!("line {number}: {what}: {code}")));
            match words.as_slice() {
                ["set", name, rest @ ..] => {
                    (*name).clone_into(&mut out.set);
                    out.title = doc;
                    let mut into = None;
                    for word in rest {
                        match (*word, into.take()) {
                            ("uses", _) => into = Some(&mut out.uses),
                            ("includes", _) => into = Some(&mut out.includes),
                            (other, Some(list)) => {
                                list.push(other.to_owned());
                                into = Some(list);
                            }
                            (_, None) => return fault("expected `uses` or `includes`"),
                        }
                    }
                }
                ["namespace", short, uri, flags @ ..] => out.namespaces.push(Namespace {
                    prefix: (*short).to_owned(),
                    uri: (*uri).to_owned(),
                    elements_qualified: !flags.contains(&"elements=local"),
                    attributes_qualified: flags.contains(&"attributes=qualified"),
                }),
                [section] if section.starts_with('[') && section.ends_with(']') => {
                    section[1..section.len() - 1].clone_into(&mut prefix);
                }
                [keyword, name, rest @ ..] => {
                    let body = match *keyword {
                        "simple" => Body::Simple(simple(&rest.join(" "), number)?),
                        "enum" => Body::Enumeration(self.enumeration(doc)),
                        "element" => element(rest, number)?,
                        "type" => Body::Complex(self.complex(rest, doc, number)?),
                        _ => return fault("unknown declaration"),
                    };
                    out.declarations.push(Declaration {
                        prefix: prefix.clone(),
                        name: (*name).to_owned(),
                        body,
                    });
                }
                _ => return fault("cannot be read"),
            }
        }
        Ok(out)
    }

    fn enumeration(&mut self, doc: String) -> Enumeration {
        let mut out = Enumeration { doc, ..Enumeration::default() };
        while let Some(line) = self.lines.get(self.at).filter(|line| line.indent > 0) {
            out.values.push(line.code.to_owned());
            out.meanings.push(line.doc.clone());
            self.at += 1;
        }
        out
    }

    fn complex(&mut self, words: &[&str], doc: String, number: usize) -> Result<Complex, Fault> {
        let mut out = Complex { doc, ..Complex::default() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "abstract" => out.is_abstract = true,
                "mixed" => out.mixed = true,
                "inline" => out.inline = true,
                "extends" | "text" => {
                    let base =
                        words.next().ok_or_else(|| Fault(format!("line {number}: a name is missing")))?;
                    if *word == "extends" {
                        out.extends = Some(qualified(base));
                    } else {
                        out.text = Some(simple(base, number)?);
                    }
                }
                other => return Err(Fault(format!("line {number}: unknown word {other}"))),
            }
        }
        while let Some(line) = self.lines.get(self.at).filter(|line| line.indent == 1) {
            if let Some(rest) = line.code.strip_prefix('.') {
                let (name, of_type) = two(rest, line.number)?;
                let required = !name.ends_with('?');
                out.attributes.push(Attribute {
                    name: name.trim_end_matches('?').to_owned(),
                    simple: simple(of_type, line.number)?,
                    required,
                    doc: line.doc.clone(),
                });
                self.at += 1;
            } else {
                let item = self.item(1)?;
                out.items.push(item);
            }
        }
        Ok(out)
    }

    fn item(&mut self, indent: usize) -> Result<Item, Fault> {
        let Some(line) = self.lines.get(self.at) else { return Err(Fault("the file ends too early".into())) };
        let (number, doc) = (line.number, line.doc.clone());
        let (code, rename) = match line.code.split_once(" as ") {
            Some((code, name)) => (code.trim(), Some(name.trim().to_owned())),
            None => (line.code, None),
        };
        self.at += 1;
        if let Some(rest) = code.strip_prefix('@') {
            let (name, occurs) = counted(rest, number)?;
            return Ok(Item::Reference { name: qualified(name), occurs, doc, rename });
        }
        let (first, rest) = code.split_once(' ').unwrap_or((code, ""));
        let (name, occurs) = counted(first, number)?;
        match name {
            "choice" | "sequence" => {
                let mut items = Vec::new();
                while self.lines.get(self.at).is_some_and(|next| next.indent > indent) {
                    items.push(self.item(indent + 1)?);
                }
                Ok(Item::Group { choice: name == "choice", occurs, items })
            }
            "any" => Ok(Item::Any { occurs }),
            _ => Ok(Item::Element {
                name: name.to_owned(),
                simple: simple(rest, number)?,
                occurs,
                doc,
                rename,
            }),
        }
    }
}

fn two(text: &str, number: usize) -> Result<(&str, &str), Fault> {
    text.split_once(' ').ok_or_else(|| Fault(format!("line {number}: a type is missing: {text}")))
}

fn qualified(text: &str) -> Name {
    match text.split_once(':') {
        Some((prefix, local)) => Name { prefix: Some(prefix.to_owned()), local: local.to_owned() },
        None => Name { prefix: None, local: text.to_owned() },
    }
}

fn element(words: &[&str], number: usize) -> Result<Body, Fault> {
    let Some((ty, rest)) = words.split_first() else { return Err(Fault(format!("line {number}: no type"))) };
    let head = rest
        .iter()
        .position(|word| *word == "for")
        .and_then(|at| rest.get(at + 1))
        .map(|word| qualified(word));
    Ok(Body::Element { ty: qualified(ty), head, is_abstract: rest.contains(&"abstract") })
}

fn counted(text: &str, number: usize) -> Result<(&str, Occurs), Fault> {
    if let Some(name) = text.strip_suffix('?') {
        return Ok((name, Occurs { min: 0, max: Some(1) }));
    }
    if let Some(name) = text.strip_suffix('*') {
        return Ok((name, Occurs { min: 0, max: None }));
    }
    if let Some(name) = text.strip_suffix('+') {
        return Ok((name, Occurs { min: 1, max: None }));
    }
    let Some((name, range)) = text.strip_suffix('}').and_then(|text| text.split_once('{')) else {
        return Ok((text, Occurs::ONCE));
    };
    let bad = || Fault(format!("line {number}: bad occurrence {text}"));
    let (min, max) = range.split_once("..").ok_or_else(bad)?;
    let max = if max.is_empty() { None } else { Some(max.parse().map_err(|_| bad())?) };
    Ok((name, Occurs { min: min.parse().map_err(|_| bad())?, max }))
}

fn simple(text: &str, number: usize) -> Result<Simple, Fault> {
    let bad = || Fault(format!("line {number}: bad type {text}"));
    let end = text.find(['[', '(']).unwrap_or(text.len());
    let (base, mut rest) = text.split_at(end);
    let mut out = Simple { base: qualified(base.trim()), length: None, range: None };
    if base.trim().is_empty() {
        return Err(bad());
    }
    if let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        out.length = Some(bounds(inside).ok_or_else(bad)?);
        rest = after;
    }
    if let Some((inside, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        out.range = Some(bounds(inside).ok_or_else(bad)?);
        rest = after;
    }
    if rest.trim().is_empty() { Ok(out) } else { Err(bad()) }
}

/// `3..8`, `..8`, `3..` or `8` (which is both ends).
fn bounds<T: std::str::FromStr + Copy>(text: &str) -> Option<(Option<T>, Option<T>)> {
    let end = |side: &str| if side.is_empty() { Some(None) } else { side.parse().ok().map(Some) };
    match text.split_once("..") {
        Some((low, high)) => Some((end(low)?, end(high)?)),
        None => Some((end(text)?, end(text)?)),
    }
}
