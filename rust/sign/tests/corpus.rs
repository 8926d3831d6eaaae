//! The committed corpus through the Rust crates alone: every stream decodes, goes round byte for byte, and no
//! changed or cut copy of one makes the engine panic.

#![expect(clippy::expect_used, reason = "a test that panics is a test that fails")]

use plugcharge_exi::table::{Complex, Schema};
use plugcharge_exi::{Datum, Encoder, Error, Form, Limits, Place, Sink, Stop, decode};
use plugcharge_messages::{SCHEMAS, index_of};

const FILES: [&str; 4] = [
    include_str!("../../../tests/vectors/corpus/handshakes.jsonl"),
    include_str!("../../../tests/vectors/corpus/messages.jsonl"),
    include_str!("../../../tests/vectors/corpus/fragments.jsonl"),
    include_str!("../../../tests/vectors/corpus/signatures.jsonl"),
];

struct Row {
    schema: &'static Schema,
    form: Form,
    data: Vec<u8>,
}

fn word<'a>(line: &'a str, key: &str) -> &'a str {
    let start = line.find(&format!("\"{key}\":\"")).expect("the key is there") + key.len() + 4;
    line[start..].split('"').next().expect("the value ends")
}

fn rows() -> Vec<Row> {
    let row = |line: &str| {
        let index = index_of(word(line, "set")).expect("a known set");
        let form = if word(line, "kind") == "fragment" { Form::Fragment } else { Form::Document };
        let hex = word(line, "hex");
        let octet = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        Row { schema: SCHEMAS[index], form, data: (0..hex.len()).step_by(2).map(octet).collect() }
    };
    FILES.iter().flat_map(|file| file.lines()).map(row).collect()
}

/// Writes what it is told, as soon as it knows the root.
struct Copy {
    schema: &'static Schema,
    form: Form,
    encoder: Option<Encoder>,
}

impl Copy {
    fn open(&mut self, place: Place) -> Result<&mut Encoder, Stop> {
        let roots = self.form.roots(self.schema).elements;
        let root = roots.iter().position(|root| std::ptr::eq(&raw const root.particle, place.particle));
        if let (None, Some(root)) = (&self.encoder, root) {
            self.encoder = Encoder::new(self.schema, self.form, root, false).ok();
        }
        self.encoder.as_mut().ok_or(Stop)
    }
}

impl Sink for Copy {
    fn begin(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.open(place)?.begin(place, ty)
    }

    fn value(&mut self, place: Place, datum: Datum<'_>) -> Result<(), Stop> {
        self.open(place)?.value(place, datum)
    }

    fn end(&mut self, place: Place, ty: &'static Complex) -> Result<(), Stop> {
        self.open(place)?.end(place, ty)
    }
}

fn copy(row: &Row, data: &[u8]) -> Result<Vec<u8>, Box<Error>> {
    let mut sink = Copy { schema: row.schema, form: row.form, encoder: None };
    decode(data, row.schema, row.form, &Limits::default(), &mut sink)?;
    sink.encoder.expect("a message has a root").finish()
}

#[test]
fn every_stream_goes_round() {
    let rows = rows();
    for row in &rows {
        assert_eq!(copy(row, &row.data).as_ref(), Ok(&row.data));
    }
    assert!(rows.len() > 300);
}

#[test]
fn every_cut_is_missed() {
    for row in rows() {
        for length in 0..row.data.len() {
            let lost = row.data.get(length..).unwrap_or_default();
            let result = copy(&row, row.data.get(..length).unwrap_or_default());
            // Zeros at the end may have been nothing but padding.
            assert!(result.is_err() || lost.iter().all(|octet| *octet == 0));
        }
    }
}

#[test]
fn changed_bits_are_read_or_refused_and_what_is_read_is_stable() {
    for (number, row) in rows().iter().enumerate() {
        for bit in (8 + number % 7..row.data.len() * 8).step_by(7) {
            let mut changed = row.data.clone();
            changed[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(again) = copy(row, &changed) {
                assert_eq!(copy(row, &again), Ok(again));
            }
        }
    }
}

#[test]
fn errors_say_where() {
    for row in rows() {
        let cut = row.data.get(..row.data.len() / 2).unwrap_or_default();
        if let Err(error) = copy(&row, cut) {
            assert!(error.bit_offset.is_some_and(|offset| offset <= cut.len() * 8));
            assert!(!error.detail.is_empty());
        }
    }
}
