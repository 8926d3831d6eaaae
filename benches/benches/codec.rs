//! The codec in Rust: decode, encode, transcode; each against the crate `iso15118`.
//!
//! `decode`: ours delivers every value to a sink that copies it, the peer fills its structs. `encode`: ours is told
//! recorded events, the peer writes its structs into a buffer that is there already. `transcode`: EXI to EXI.

#![expect(clippy::expect_used, reason = "a bench without its inputs has to stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use iso15118::app_protocol::SupportedAppProtocolReq;
use iso15118::exi::ExiDocument;
use plugcharge_benches::inputs::{Inputs, Message};
use plugcharge_benches::recorded::Recorded;
use plugcharge_benches::sinks::Delivery;
use plugcharge_benches::{ROUNDS, refuse_debug_build};
use plugcharge_exi::{Encoder, Form, Limits, decode};

/// The peer's document, whichever schema set it is of.
enum Peer {
    Iso2(Box<iso15118::iso2::Document>),
    Sap(Box<SupportedAppProtocolReq>),
}

impl Peer {
    fn decode(message: &Message) -> Self {
        if message.schema.name == "sap" {
            Self::Sap(Box::new(
                SupportedAppProtocolReq::from_bytes(&message.bytes).expect("a message of sap"),
            ))
        } else {
            Self::Iso2(Box::new(
                iso15118::iso2::Document::from_bytes(&message.bytes).expect("a message of -2"),
            ))
        }
    }

    fn encode(&self, buffer: &mut [u8]) -> usize {
        match self {
            Self::Iso2(document) => document.to_slice(buffer),
            Self::Sap(request) => request.to_slice(buffer),
        }
        .expect("what was decoded can be encoded")
    }
}

fn codec(criterion: &mut Criterion) {
    refuse_debug_build();
    let inputs = Inputs::load().expect("the inputs");
    let compared = |message: &&Message| matches!(message.schema.name, "iso2" | "sap");
    for message in inputs.messages.iter().filter(compared) {
        let recorded = Recorded::of(&message.bytes, message.schema).expect("a message of its set");
        let peer = Peer::decode(message);
        check_agreement(message, &recorded, &peer);
        bench_decode(criterion, message);
        bench_encode(criterion, message, &recorded, &peer);
        bench_transcode(criterion, message, recorded.root);
    }
}

/// Both sides have to do the same work before they may be compared.
fn check_agreement(message: &Message, recorded: &Recorded, peer: &Peer) {
    let mut buffer = vec![0; 16 * 1024];
    let length = peer.encode(&mut buffer);
    assert_eq!(buffer.get(..length), Some(message.bytes.as_slice()), "the peer on {}", message.name);
    assert_eq!(recorded.encode().expect("encodes"), message.bytes, "ours on {}", message.name);
}

fn bench_decode(criterion: &mut Criterion, message: &Message) {
    let mut group = criterion.benchmark_group(format!("decode/{}", message.name));
    let mut sink = Delivery::default();
    let limits = Limits::default();
    for round in 0..ROUNDS {
        group.bench_function(BenchmarkId::new("plugcharge", round), |bencher| {
            bencher.iter(|| {
                decode(black_box(&message.bytes), message.schema, Form::Document, &limits, &mut sink)
                    .expect("decodes");
            });
        });
        group.bench_function(BenchmarkId::new("iso15118", round), |bencher| {
            if message.schema.name == "sap" {
                bencher.iter(|| {
                    SupportedAppProtocolReq::from_bytes(black_box(&message.bytes)).expect("decodes")
                });
            } else {
                bencher.iter(|| {
                    iso15118::iso2::Document::from_bytes(black_box(&message.bytes)).expect("decodes")
                });
            }
        });
    }
    group.finish();
}

fn bench_encode(criterion: &mut Criterion, message: &Message, recorded: &Recorded, peer: &Peer) {
    let mut group = criterion.benchmark_group(format!("encode/{}", message.name));
    let mut buffer = vec![0; 16 * 1024];
    for round in 0..ROUNDS {
        group.bench_function(BenchmarkId::new("plugcharge", round), |bencher| {
            bencher.iter(|| black_box(recorded).encode().expect("encodes"));
        });
        group.bench_function(BenchmarkId::new("iso15118", round), |bencher| {
            bencher.iter(|| black_box(peer).encode(black_box(&mut buffer)));
        });
    }
    group.finish();
}

fn bench_transcode(criterion: &mut Criterion, message: &Message, root: usize) {
    let mut group = criterion.benchmark_group(format!("transcode/{}", message.name));
    let mut buffer = vec![0; 16 * 1024];
    let limits = Limits::default();
    for round in 0..ROUNDS {
        group.bench_function(BenchmarkId::new("plugcharge", round), |bencher| {
            bencher.iter(|| {
                let mut encoder = Encoder::new(message.schema, Form::Document, root, true).expect("a root");
                decode(black_box(&message.bytes), message.schema, Form::Document, &limits, &mut encoder)
                    .expect("decodes");
                encoder.finish().expect("encodes")
            });
        });
        group.bench_function(BenchmarkId::new("iso15118", round), |bencher| {
            bencher.iter(|| Peer::decode(black_box(message)).encode(black_box(&mut buffer)));
        });
    }
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(30))
        .measurement_time(Duration::from_millis(120))
        .sample_size(20)
        .nresamples(2_000)
        .without_plots()
}

criterion_group! { name = benches; config = short(); targets = codec }
criterion_main!(benches);
