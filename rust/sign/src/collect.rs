//! A sink that collects, while a message is decoded, its signature and the fragments of the elements it refers to.

use plugcharge_exi::table::{Complex, Content, Kind, Schema};
use plugcharge_exi::{Datum, Encoder, Form, Place, Sink, Stop};

use crate::read_signature::{Signature, SignatureReader, is_xmldsig};

/// An element that a reference of the signature names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The element's name.
    pub name: &'static str,
    /// Its Id.
    pub id: String,
    /// Its fragment; a second one where the grammar is read in two ways (`eMAID` of -2).
    pub fragments: Vec<Vec<u8>>,
}

/// What was collected.
#[derive(Debug, Default)]
pub struct Collected {
    /// The signature in the header, if there is one.
    pub signature: Option<Signature>,
    /// Every element with an Id that the signature refers to.
    pub signed: Vec<Signed>,
    /// Names of elements that could be signed and to which nothing refers.
    pub unsigned: Vec<&'static str>,
}

/// Passes every event on and collects on the way.
#[derive(Debug)]
pub struct Collector<'s, S> {
    schema: &'static Schema,
    inner: &'s mut S,
    signature: SignatureReader,
    seen_signature: bool,
    /// An element that may have an Id has begun; its Id would come next.
    waiting: Option<(Place, &'static Complex)>,
    /// The element whose fragment is being written.
    writing: Option<Writing>,
    collected: Collected,
}

#[derive(Debug)]
struct Writing {
    name: &'static str,
    id: String,
    encoders: Vec<Encoder>,
    depth: usize,
}

impl<'s, S> Collector<'s, S> {
    /// Collect from a message of this schema set, and pass its events on to `inner`.
    pub fn new(schema: &'static Schema, inner: &'s mut S) -> Self {
        Self {
            schema,
            inner,
            signature: SignatureReader::default(),
            seen_signature: false,
            waiting: None,
            writing: None,
            collected: Collected::default(),
        }
    }

    /// What was collected.
    pub fn finish(mut self) -> Collected {
        if self.seen_signature {
            self.collected.signature = Some(self.signature.signature);
        }
        self.collected
    }

    fn collect_begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        if self.signature.is_open() || (!self.seen_signature && is_xmldsig(self.schema, place, "Signature")) {
            self.seen_signature = true;
            return self.signature.begin(place, ty);
        }
        if let Some(writing) = &mut self.writing {
            writing.depth += 1;
            return writing.encoders.iter_mut().try_for_each(|encoder| encoder.begin(place, ty));
        }
        self.give_up_waiting();
        self.waiting = has_id(ty).then_some((place, ty));
        Ok(())
    }

    /// An element that could have an Id has none, so nothing can refer to it.
    fn give_up_waiting(&mut self) {
        if let Some((place, _)) = self.waiting.take() {
            self.collected.unsigned.push(place.particle.name.local);
        }
    }

    fn collect_value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        if self.signature.is_open() {
            return self.signature.value(place, datum);
        }
        if let Some(writing) = &mut self.writing {
            return writing.encoders.iter_mut().try_for_each(|encoder| encoder.value(place, datum));
        }
        let Some((parent, ty)) = self.waiting.take() else { return Ok(()) };
        let id = if let Datum::Text(id) = datum { id } else { "" };
        let name = parent.particle.name.local;
        if !is_id(ty, place) {
            self.collected.unsigned.push(name);
            return Ok(());
        }
        let wanted =
            self.signature.signature.references.iter().any(|reference| names(reference.uri.as_deref(), id));
        if !wanted {
            self.collected.unsigned.push(name);
            return Ok(());
        }
        let mut writing =
            Writing { name, id: id.to_owned(), encoders: encoders(self.schema, parent)?, depth: 0 };
        for encoder in &mut writing.encoders {
            encoder.begin(parent, ty)?;
            encoder.value(place, datum)?;
        }
        self.writing = Some(writing);
        Ok(())
    }

    fn collect_end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        if self.signature.is_open() {
            return self.signature.end(place, ty);
        }
        self.give_up_waiting();
        let Some(writing) = &mut self.writing else { return Ok(()) };
        writing.encoders.iter_mut().try_for_each(|encoder| encoder.end(place, ty))?;
        if writing.depth > 0 {
            writing.depth -= 1;
            return Ok(());
        }
        let Some(done) = self.writing.take() else { return Ok(()) };
        let fragments = done.encoders.into_iter().map(Encoder::finish).collect::<Result<Vec<_>, _>>();
        let fragments = fragments.map_err(|_| Stop)?;
        self.collected.signed.push(Signed { name: done.name, id: done.id, fragments });
        Ok(())
    }
}

/// A reference names an element when it is `#` and the element's Id.
pub(crate) fn names(uri: Option<&str>, id: &str) -> bool {
    uri.and_then(|uri| uri.strip_prefix('#')) == Some(id)
}

fn has_id(ty: &Complex) -> bool {
    let attributes = ty.slots.iter().take_while(|slot| slot.kind == Kind::Attribute);
    attributes.flat_map(|slot| slot.alternatives).any(|particle| particle.name.local == "Id")
}

fn is_id(ty: &Complex, place: Place) -> bool {
    let kind = ty.slots.get(place.slot).map(|slot| slot.kind);
    kind == Some(Kind::Attribute) && place.particle.name.local == "Id"
}

/// The encoders for an element: the one EXI demands, and for an element with the relaxed grammar also that of its
/// plain type, as some stacks write it.
fn encoders(schema: &'static Schema, place: Place) -> Result<Vec<Encoder>, Stop> {
    let name = place.particle.name;
    let root = schema.fragment.elements.iter().position(|root| root.particle.name == name).ok_or(Stop)?;
    let first = Encoder::new(schema, Form::Fragment, root, false).map_err(|_| Stop)?;
    let relaxed = first.root().relaxed && matches!(place.particle.content, Content::Complex(_));
    let mut out = vec![first];
    if relaxed {
        out.push(Encoder::new(schema, Form::Fragment, root, false).map_err(|_| Stop)?.without_relaxation());
    }
    Ok(out)
}

impl<S: Sink> Sink for Collector<'_, S> {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.collect_begin(place, ty)?;
        self.inner.begin(place, ty)
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        self.collect_value(place, datum)?;
        self.inner.value(place, datum)
    }

    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.collect_end(place, ty)?;
        self.inner.end(place, ty)
    }
}
