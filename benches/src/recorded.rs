//! A message as the events it consists of: the source for measuring the encoder alone.

use plugcharge_exi::table::{Complex, Enumeration, Schema};
use plugcharge_exi::{BigInteger, Datum, Encoder, Error, Form, Limits, Octets, Place, Sink, Stop, decode};

/// A simple value that is kept.
#[derive(Debug, Clone)]
pub(crate) enum Owned {
    Boolean(bool),
    Signed(i64),
    Unsigned(u64),
    Big(bool, Vec<u8>),
    Text(String),
    Octets(Vec<u8>),
    Enumerated(&'static Enumeration, u32),
}

/// A step of a message.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Begin(Place, &'static Complex),
    Value(Place, Owned),
    End(Place, &'static Complex),
}

/// A whole message.
#[derive(Debug, Clone)]
pub struct Recorded {
    schema: &'static Schema,
    /// The index of its root element.
    pub root: usize,
    events: Vec<Event>,
}

impl Recorded {
    /// A message of which every step is known.
    pub(crate) fn from_events(schema: &'static Schema, root: usize, events: Vec<Event>) -> Self {
        Self { schema, root, events }
    }

    /// Every simple value with the names of the elements and attributes that lead to it, in document order. A type's
    /// own text is called `value`; octets are given one by one, as numbers.
    pub fn leaves(&self) -> Vec<(Vec<&'static str>, String)> {
        let mut path = Vec::new();
        let mut out = Vec::new();
        for event in &self.events {
            match event {
                Event::Begin(place, _) => path.push(place.particle.name.local),
                Event::End(..) => {
                    path.pop();
                }
                Event::Value(place, value) => {
                    let name = place.particle.name.local;
                    path.push(if name.is_empty() { "value" } else { name });
                    out.extend(texts(value).into_iter().map(|text| (path.clone(), text)));
                    path.pop();
                }
            }
        }
        out
    }

    /// Decode a message and keep its events.
    ///
    /// # Errors
    ///
    /// The bytes are no message of the set.
    pub fn of(bytes: &[u8], schema: &'static Schema) -> Result<Self, Box<Error>> {
        let mut recorder = Recorder::default();
        decode(bytes, schema, Form::Document, &Limits::default(), &mut recorder)?;
        let first = recorder.0.first();
        let is_root = |name| matches!(first, Some(Event::Begin(place, _)) if place.particle.name == name);
        let root = schema
            .document
            .elements
            .iter()
            .position(|root| is_root(root.particle.name))
            .unwrap_or(usize::MAX);
        Ok(Self { schema, root, events: recorder.0 })
    }

    /// Write the message.
    ///
    /// # Errors
    ///
    /// The events do not fit the schema set; those of a decoded message do.
    pub fn encode(&self) -> Result<Vec<u8>, Box<Error>> {
        let mut encoder = Encoder::new(self.schema, Form::Document, self.root, true)?;
        let told = self.events.iter().try_for_each(|event| tell(event, &mut encoder));
        match (told, encoder.take_error()) {
            (Err(Stop), Some(error)) => Err(error),
            _ => encoder.finish(),
        }
    }
}

fn texts(value: &Owned) -> Vec<String> {
    match value {
        Owned::Boolean(value) => vec![value.to_string()],
        Owned::Signed(value) => vec![value.to_string()],
        Owned::Unsigned(value) => vec![value.to_string()],
        Owned::Big(negative, magnitude) => vec![format!("{negative} {magnitude:?}")],
        Owned::Text(text) => vec![text.clone()],
        Owned::Octets(octets) => octets.iter().map(u8::to_string).collect(),
        Owned::Enumerated(enumeration, index) => {
            let name = usize::try_from(*index).ok().and_then(|index| enumeration.values.get(index));
            vec![name.copied().unwrap_or_default().to_owned()]
        }
    }
}

fn tell(event: &Event, sink: &mut impl Sink) -> Result<(), Stop> {
    match event {
        Event::Begin(place, ty) => sink.begin(*place, ty),
        Event::End(place, ty) => sink.end(*place, ty),
        Event::Value(place, owned) => sink.value(
            *place,
            match owned {
                Owned::Boolean(value) => Datum::Boolean(*value),
                Owned::Signed(value) => Datum::Signed(*value),
                Owned::Unsigned(value) => Datum::Unsigned(*value),
                Owned::Big(negative, magnitude) => Datum::Big(BigInteger { negative: *negative, magnitude }),
                Owned::Text(text) => Datum::Text(text),
                Owned::Octets(octets) => Datum::Octets(Octets::whole(octets)),
                Owned::Enumerated(enumeration, index) => Datum::Enumerated(enumeration, *index),
            },
        ),
    }
}

#[derive(Default)]
struct Recorder(Vec<Event>);

impl Sink for Recorder {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.0.push(Event::Begin(place, ty));
        Ok(())
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        let owned = match datum {
            Datum::Boolean(value) => Owned::Boolean(value),
            Datum::Signed(value) => Owned::Signed(value),
            Datum::Unsigned(value) => Owned::Unsigned(value),
            Datum::Big(number) => Owned::Big(number.negative, number.magnitude.to_vec()),
            Datum::Text(text) => Owned::Text(text.to_owned()),
            Datum::Octets(octets) => Owned::Octets(octets.to_slice().into_owned()),
            Datum::Enumerated(enumeration, index) => Owned::Enumerated(enumeration, index),
        };
        self.0.push(Event::Value(place, owned));
        Ok(())
    }

    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.0.push(Event::End(place, ty));
        Ok(())
    }
}
