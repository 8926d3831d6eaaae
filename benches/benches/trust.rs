//! Signatures and chains in Rust: the whole check of a signed message, and the check of a contract's chain, each
//! against the bare verifications of P-256 signatures in it.

#![expect(clippy::expect_used, reason = "a bench without its inputs has to stop")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use plugcharge_benches::inputs::{Chain, Inputs, Signed};
use plugcharge_benches::sinks::Delivery;
use plugcharge_benches::{ROUNDS, refuse_debug_build};
use plugcharge_exi::{Form, Limits, decode};
use plugcharge_messages::generated::iso2::SCHEMA;
use plugcharge_sign::{Collected, Collector, FormRules, Suite, check_coverage, verify};
use plugcharge_trust::{
    AnchorKind, Curve, ISO2, PublicKey, Purpose, Request, Revoked, RootValidity, Rules, TrustAnchors,
    validate,
};

fn trust(criterion: &mut Criterion) {
    refuse_debug_build();
    let inputs = Inputs::load().expect("the inputs");
    let key = PublicKey::from_point(Curve::P256, &inputs.signed.point).expect("a point");
    bench_signature(criterion, &inputs.signed, &key);
    bench_chain(criterion, &inputs.chain);
}

/// Decode, write the fragments again, digest, compare, check coverage, verify.
fn check(signed: &Signed, key: &PublicKey) -> Collected {
    let mut values = Delivery::default();
    let mut collector = Collector::new(&SCHEMA, &mut values);
    decode(&signed.bytes, &SCHEMA, Form::Document, &Limits::default(), &mut collector).expect("decodes");
    let collected = collector.finish();
    check_coverage("AuthorizationReq", &collected).expect("everything is covered");
    verify(collected.signature.as_ref(), &collected.signed, Suite::ISO2, FormRules::Strict, key)
        .expect("the signature is good");
    collected
}

fn bench_signature(criterion: &mut Criterion, signed: &Signed, key: &PublicKey) {
    let signature = check(signed, key).signature.expect("a signature");
    let mut group = criterion.benchmark_group("check_signature/iso2_AuthorizationReq");
    for round in 0..ROUNDS {
        group.bench_function(BenchmarkId::new("plugcharge", round), |bencher| {
            bencher.iter(|| check(black_box(signed), black_box(key)));
        });
        group.bench_function(BenchmarkId::new("bare_p256", round), |bencher| {
            bencher.iter(|| {
                key.verify_raw(black_box(&signature.signed_info), black_box(&signature.value)).expect("good");
            });
        });
    }
    group.finish();
}

fn bench_chain(criterion: &mut Criterion, chain: &Chain) {
    let certificates: Vec<&[u8]> = chain.certificates.iter().map(Vec::as_slice).collect();
    let anchors = TrustAnchors::new([(AnchorKind::Mo, chain.root.as_slice())]).expect("an anchor");
    let revoked = Revoked::default();
    let request = Request {
        profile: &ISO2,
        purpose: Purpose::Contract,
        at: chain.at,
        rules: Rules::Strict,
        revoked: &revoked,
        root_validity: RootValidity::Checked,
    };
    let mut group = criterion.benchmark_group("check_chain/contract");
    group.bench_function(BenchmarkId::new("plugcharge", 0), |bencher| {
        bencher.iter(|| validate(black_box(&certificates), &anchors, &request).expect("the chain is good"));
    });
    group.finish();
}

fn short() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500))
        .sample_size(20)
        .nresamples(2_000)
        .without_plots()
}

criterion_group! { name = benches; config = short(); targets = trust }
criterion_main!(benches);
