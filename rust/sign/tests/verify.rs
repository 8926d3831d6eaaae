//! Signatures through the Rust crates alone: read, paired with their elements, and checked in the right order.

#![expect(clippy::expect_used, reason = "a test that panics is a test that fails")]

use plugcharge_sign::{
    Collected, FormRules, MAX_REFERENCES, Reference, Rule, SIGNED_BY_ISO2, Signature, Signed, Suite,
    check_coverage, digest, verify,
};
use plugcharge_trust::{Curve, SigningKey};

const CANONICAL: &str = "http://www.w3.org/TR/canonical-exi/";

fn key() -> SigningKey {
    SigningKey::generate(Curve::P256).expect("the operating system gives random octets")
}

fn element(name: &'static str, id: &str) -> Signed {
    Signed { name, id: id.to_owned(), fragments: vec![format!("the octets of {name} {id}").into_bytes()] }
}

fn signature(key: &SigningKey, elements: &[Signed]) -> Signature {
    let reference = |element: &Signed| Reference {
        uri: Some(format!("#{}", element.id)),
        transforms: vec![CANONICAL.to_owned()],
        digest_method: Suite::ISO2.digest.to_owned(),
        digest: digest(element.fragments.first().expect("one fragment")).to_vec(),
    };
    let signed_info = b"what is signed".to_vec();
    Signature {
        value: key.sign_raw(&signed_info).expect("the key signs"),
        signed_info,
        canonicalization: CANONICAL.to_owned(),
        method: Suite::ISO2.method.to_owned(),
        references: elements.iter().map(reference).collect(),
        forbidden: None,
    }
}

fn rule(signature: Option<&Signature>, elements: &[Signed], key: &SigningKey) -> Option<Rule> {
    verify(signature, elements, Suite::ISO2, FormRules::Strict, key.public_key())
        .err()
        .map(|refusal| refusal.rule)
}

#[test]
fn what_is_covered_verifies() {
    let key = key();
    for count in 1..=MAX_REFERENCES {
        let elements: Vec<Signed> = (0..count).map(|n| element("SalesTariff", &format!("id{n}"))).collect();
        assert_eq!(rule(Some(&signature(&key, &elements)), &elements, &key), None);
    }
}

#[test]
fn either_fragment_of_an_element_will_do() {
    let key = key();
    let mut elements = [element("eMAID", "id1")];
    let signature = signature(&key, &elements);
    elements[0].fragments.insert(0, b"in the other grammar".to_vec());
    assert_eq!(rule(Some(&signature), &elements, &key), None);
}

#[test]
fn each_rule_is_told() {
    let key = key();
    let one = [element("AuthorizationReq", "id1")];
    let two = [element("AuthorizationReq", "id1"), element("SalesTariff", "id2")];
    let right = signature(&key, &one);
    let with = |change: fn(&mut Signature)| {
        let mut changed = right.clone();
        change(&mut changed);
        rule(Some(&changed), &one, &key)
    };
    assert_eq!(rule(None, &one, &key), Some(Rule::Missing));
    assert_eq!(with(|it| it.forbidden = Some("KeyInfo")), Some(Rule::Forbidden));
    assert_eq!(with(|it| it.canonicalization.push('x')), Some(Rule::Algorithm));
    assert_eq!(with(|it| it.method.clear()), Some(Rule::Algorithm));
    assert_eq!(with(|it| it.references.clear()), Some(Rule::ReferenceCount));
    assert_eq!(with(|it| it.references = vec![it.references[0].clone(); 5]), Some(Rule::ReferenceCount));
    assert_eq!(with(|it| it.references[0].digest_method.push('x')), Some(Rule::Algorithm));
    assert_eq!(with(|it| it.references[0].transforms.clear()), Some(Rule::Transform));
    assert_eq!(with(|it| it.references[0].transforms.push(CANONICAL.to_owned())), Some(Rule::Transform));
    assert_eq!(with(|it| it.references[0].uri = None), Some(Rule::ReferenceMissing));
    assert_eq!(with(|it| it.references.push(it.references[0].clone())), Some(Rule::Duplicate));
    assert_eq!(with(|it| it.references[0].digest[31] ^= 1), Some(Rule::Digest));
    assert_eq!(with(|it| it.references[0].digest.clear()), Some(Rule::Digest));
    assert_eq!(with(|it| it.signed_info.push(0)), Some(Rule::Value));
    assert_eq!(with(|it| it.value.push(0)), Some(Rule::Value));
    assert_eq!(rule(Some(&right), &two, &key), Some(Rule::ReferenceMissing));
    assert_eq!(rule(Some(&signature(&key, &two)), &one, &key), Some(Rule::ReferenceExtra));
    assert_eq!(rule(Some(&right), &[one[0].clone(), one[0].clone()], &key), Some(Rule::Duplicate));
    assert_eq!(rule(Some(&right), &one, &self::key()), Some(Rule::Value));
}

#[test]
fn each_message_signs_what_the_table_says() {
    for (body, parts) in SIGNED_BY_ISO2 {
        let signed: Vec<Signed> = parts.iter().map(|part| element(part, part)).collect();
        let whole = Collected {
            signature: Some(signature(&key(), &signed)),
            signed: signed.clone(),
            unsigned: vec![],
        };
        assert_eq!(check_coverage(body, &whole), Ok(()));
        for lost in 0..signed.len() {
            let mut fewer = signed.clone();
            fewer.remove(lost);
            let collected = Collected { signature: whole.signature.clone(), signed: fewer, unsigned: vec![] };
            let refusal = check_coverage(body, &collected).expect_err("a part is not covered");
            assert_eq!(refusal.rule, Rule::ReferenceMissing);
        }
        // A second element of that name which nothing covers must not pass for the covered one.
        let twin = Collected {
            unsigned: parts.to_vec(),
            ..Collected { signature: whole.signature.clone(), signed: signed.clone(), unsigned: vec![] }
        };
        assert_eq!(check_coverage(body, &twin).map_err(|refusal| refusal.rule), Err(Rule::ReferenceMissing));
        let mut more = signed;
        more.push(element("PMaxSchedule", "other"));
        let extra = Collected { signature: whole.signature.clone(), signed: more, unsigned: vec![] };
        assert_eq!(check_coverage(body, &extra).map_err(|refusal| refusal.rule), Err(Rule::ReferenceExtra));
        let bare = Collected { signature: None, signed: whole.signed, unsigned: vec![] };
        assert_eq!(check_coverage(body, &bare).map_err(|refusal| refusal.rule), Err(Rule::Missing));
    }
    assert_eq!(
        check_coverage("ChargingStatusReq", &Collected::default()).map_err(|it| it.rule),
        Err(Rule::Missing)
    );
}
