//! The Python classes of a schema set, looked up once and kept.

use std::collections::HashMap;

use plugcharge_exi::Form;
use plugcharge_exi::table::{Complex, Content, Enumeration, Name, Root, Schema, Simple};
use plugcharge_messages::SCHEMAS;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyString, PyType};

use crate::errors::defect;

/// The classes and enumeration members of one schema set.
pub(crate) struct Classes {
    pub(crate) schema: &'static Schema,
    /// By [`Complex::class`]; `None` for a type that has no class of its own (inline).
    types: Vec<Option<Py<PyType>>>,
    /// By [`Enumeration::class`], then by value.
    members: Vec<Vec<Py<PyAny>>>,
    /// The address of a class -> its number; sorted by address.
    numbers: Vec<(usize, u16)>,
    /// By class: the complex type it stands for.
    complex: HashMap<u16, &'static Complex>,
    /// The address of a class of this very set -> the document root it is the type of. A set has one or two that
    /// are ever used, so a list is the fastest map.
    documents: Vec<(usize, usize)>,
    /// Texts that stand in every signature, made once.
    texts: Vec<(&'static str, Py<PyString>)>,
}

/// The algorithms of every signature of -2; a signed message names them up to ten times.
const TEXTS: [&str; 3] = [
    "http://www.w3.org/TR/canonical-exi/",
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    "http://www.w3.org/2001/04/xmlenc#sha256",
];

static LOADED: [PyOnceLock<Classes>; SCHEMAS.len()] = [const { PyOnceLock::new() }; SCHEMAS.len()];

static SIMPLE_ELEMENT: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// The classes of the schema set with this index in [`SCHEMAS`].
pub(crate) fn of(py: Python<'_>, index: usize) -> PyResult<&'static Classes> {
    let (Some(cell), Some(schema)) = (LOADED.get(index), SCHEMAS.get(index)) else {
        return Err(defect("no such schema set"));
    };
    cell.get_or_try_init(py, || Classes::load(py, schema))
}

/// The class of elements that hold nothing but a value.
pub(crate) fn simple_element_class(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    SIMPLE_ELEMENT.import(py, "plugcharge.messages", "SimpleElement")
}

/// The set and the document root of a class, if its set was loaded and the class is the type of one.
#[inline]
pub(crate) fn document_root(py: Python<'_>, class: &Bound<'_, PyType>) -> Option<(&'static Classes, usize)> {
    let wanted = address(class);
    LOADED.iter().filter_map(|cell| cell.get(py)).find_map(|classes| {
        let known = classes.documents.iter().find(|(address, _)| *address == wanted);
        known.map(|(_, root)| (classes, *root))
    })
}

impl Classes {
    fn load(py: Python<'_>, schema: &'static Schema) -> PyResult<Self> {
        let mut complex = HashMap::new();
        for root in schema.fragment.elements {
            collect(root.particle.content, &mut complex);
        }
        let module = |name: &str| py.import(format!("plugcharge.messages.{name}"));
        let mut types = Vec::new();
        let mut numbers = Vec::new();
        for (number, (home, name)) in (0_u16..).zip(schema.classes) {
            let inline = complex.get(&number).is_some_and(|ty: &&Complex| ty.inline);
            let class =
                if inline { None } else { Some(module(home)?.getattr(*name)?.cast_into::<PyType>()?) };
            if let Some(class) = &class {
                numbers.push((address(class), number));
            }
            types.push(class.map(Bound::unbind));
        }
        let mut members = Vec::new();
        for (home, name) in schema.enumerations {
            let class = module(home)?.getattr(*name)?;
            members.push(
                class.try_iter()?.map(|member| member.map(Bound::unbind)).collect::<PyResult<Vec<_>>>()?,
            );
        }
        numbers.sort_unstable();
        let mut documents = Vec::new();
        for (number, (home, _)) in (0_u16..).zip(schema.classes) {
            let class = types.get(usize::from(number)).and_then(Option::as_ref);
            let root = complex.get(&number).and_then(|ty| root_of(schema, ty, None, Form::Document));
            if let (Some(class), Some(root), true) = (class, root, *home == schema.name) {
                documents.push((address(class.bind(py)), root));
            }
        }
        documents.sort_by_key(|(_, root)| !is_message(schema, *root));
        let texts = TEXTS.iter().map(|text| (*text, PyString::intern(py, text).unbind())).collect();
        Ok(Self { schema, types, members, numbers, complex, documents, texts })
    }

    #[inline]
    pub(crate) fn class<'py>(&self, py: Python<'py>, number: u16) -> PyResult<&Bound<'py, PyType>> {
        match self.types.get(usize::from(number)) {
            Some(Some(class)) => Ok(class.bind(py)),
            _ => Err(defect("a type has no class")),
        }
    }

    /// The number of an object's class, if it is one of this set.
    #[inline]
    pub(crate) fn number_of(&self, class: &Bound<'_, PyType>) -> Option<u16> {
        let at = self.numbers.binary_search_by_key(&address(class), |(address, _)| *address).ok()?;
        self.numbers.get(at).map(|(_, number)| *number)
    }

    /// The object is an instance of exactly this class.
    #[inline]
    pub(crate) fn is(&self, object: &Bound<'_, PyAny>, number: u16) -> bool {
        let class = self.types.get(usize::from(number)).and_then(Option::as_ref);
        class.is_some_and(|class| object.get_type().is(class))
    }

    /// The complex type of a class.
    pub(crate) fn complex(&self, number: u16) -> Option<&'static Complex> {
        self.complex.get(&number).copied()
    }

    /// Every complex type of the set, by the number of its class.
    pub(crate) fn types(&self) -> impl Iterator<Item = (u16, &'static Complex)> {
        self.complex.iter().map(|(number, ty)| (*number, *ty))
    }

    #[inline]
    pub(crate) fn member<'py>(
        &self,
        py: Python<'py>,
        enumeration: &Enumeration,
        index: u32,
    ) -> Option<Bound<'py, PyAny>> {
        let members = self.members.get(usize::from(enumeration.class))?;
        members.get(index as usize).map(|member| member.bind(py).clone())
    }

    /// An element at the root that holds nothing but a value.
    pub(crate) fn simple_element<'py>(
        &self,
        py: Python<'py>,
        name: Name,
        value: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        simple_element_class(py)?.call1((name.local, self.namespace(name), value))
    }

    /// The root element that a `SimpleElement` stands for.
    pub(crate) fn simple_root(&self, form: Form, local: &str, namespace: &str) -> Option<usize> {
        form.roots(self.schema).elements.iter().position(|root| {
            let name = root.particle.name;
            matches!(root.particle.content, Content::Simple(_))
                && name.local == local
                && self.namespace(name) == namespace
        })
    }

    fn namespace(&self, name: Name) -> &'static str {
        self.schema.namespaces.get(usize::from(name.namespace)).copied().unwrap_or_default()
    }

    /// A text as Python has it; those of every signature exist already.
    #[inline]
    pub(crate) fn text<'py>(&self, py: Python<'py>, text: &str) -> Bound<'py, PyString> {
        if text.starts_with("http")
            && let Some((_, known)) = self.texts.iter().find(|(known, _)| *known == text)
        {
            return known.bind(py).clone();
        }
        PyString::new(py, text)
    }

    /// The index of an enumeration's value, given as its member or as its text.
    #[inline]
    pub(crate) fn index_of(&self, enumeration: &Enumeration, value: &Bound<'_, PyAny>) -> Option<u32> {
        let members = self.members.get(usize::from(enumeration.class))?;
        if let Some(index) = members.iter().position(|member| value.is(member)) {
            return u32::try_from(index).ok();
        }
        let text = value.cast::<PyString>().ok()?.to_str().ok()?;
        let index = enumeration.values.iter().position(|known| *known == text)?;
        u32::try_from(index).ok()
    }
}

/// The root element for a type: the one that is named, else the one named like the type, else the only one.
pub(crate) fn root_of(
    schema: &'static Schema,
    ty: &'static Complex,
    element: Option<&str>,
    form: Form,
) -> Option<usize> {
    let fits = |root: &Root| matches!(root.particle.content, Content::Complex(own) if std::ptr::eq(own, ty));
    let roots = form.roots(schema).elements;
    // A message whose type serves two roots (ACDP_ConnectReq and ACDP_DisconnectReq of -20) does not say which it is.
    let shared = roots.iter().filter(|root| fits(root)).count() > 1;
    if shared && form == Form::Document && element.is_none() {
        return None;
    }
    let wanted = element.unwrap_or_else(|| ty.name.strip_suffix("Type").unwrap_or(ty.name));
    let named = roots.iter().position(|root| fits(root) && root.particle.name.local == wanted);
    if named.is_some() || element.is_some() {
        return named;
    }
    let mut others = roots.iter().enumerate().filter(|(_, root)| fits(root)).map(|(index, _)| index);
    match (others.next(), others.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

/// The root is a whole message: its name says so, or nothing but messages are in the set.
fn is_message(schema: &Schema, root: usize) -> bool {
    schema.document.elements.get(root).is_some_and(|root| root.particle.name.local == "V2G_Message")
}

fn address(class: &Bound<'_, PyType>) -> usize {
    class.as_ptr() as usize
}

fn collect(content: Content, out: &mut HashMap<u16, &'static Complex>) {
    let Content::Complex(ty) = content else { return };
    if out.insert(ty.class, ty).is_none() {
        for particle in ty.slots.iter().flat_map(|slot| slot.alternatives) {
            collect(particle.content, out);
        }
    }
}

/// The Python-visible name of a simple type, for sentences.
pub(crate) fn expected(simple: Simple) -> String {
    match simple {
        Simple::Boolean => "a bool".into(),
        Simple::Bits { .. } | Simple::Unsigned { .. } | Simple::Signed { .. } | Simple::Integer => {
            "an int".into()
        }
        Simple::Text { .. } => "a str".into(),
        Simple::Octets { .. } => "bytes".into(),
        Simple::Enumeration(enumeration) => format!("a value of {}", enumeration.name),
    }
}
