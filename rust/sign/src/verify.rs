//! Verifies a signature against the elements it is meant to cover.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest as hash};
use plugcharge_trust::PublicKey;

use crate::collect::{Collected, Signed, names};
use crate::read_signature::{Reference, Signature};

/// How many references a signature may have ([V2G2-909]).
pub const MAX_REFERENCES: usize = 4;

const CANONICAL_EXI: &str = "http://www.w3.org/TR/canonical-exi/";

/// The algorithms of a generation. They are ours to choose, never the message's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// The identifier of the signature algorithm.
    pub method: &'static str,
    /// The identifier of the digest.
    pub digest: &'static str,
}

impl Suite {
    /// ECDSA on P-256 with SHA-256, the only suite of -2 ([V2G2-006], [V2G2-007]).
    pub const ISO2: Self = Self {
        method: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        digest: "http://www.w3.org/2001/04/xmlenc#sha256",
    };
}

/// What a message of -2 has to sign: the body element, and the names of its signed elements (protocol table of
/// [V2G2-684], [V2G2-903] and Annex J). A body that is not listed signs nothing; a signature in its header is stale
/// and means nothing.
pub const SIGNED_BY_ISO2: [(&str, &[&str]); 7] = [
    ("AuthorizationReq", &["AuthorizationReq"]),
    ("MeteringReceiptReq", &["MeteringReceiptReq"]),
    ("CertificateInstallationReq", &["CertificateInstallationReq"]),
    ("CertificateUpdateReq", &["CertificateUpdateReq"]),
    ("CertificateInstallationRes", &INSTALLED),
    ("CertificateUpdateRes", &INSTALLED),
    ("ChargeParameterDiscoveryRes", &["SalesTariff"]),
];

const INSTALLED: [&str; 4] =
    ["ContractSignatureCertChain", "ContractSignatureEncryptedPrivateKey", "DHpublickey", "eMAID"];

/// Check that the elements that `body` has to sign are all among the signed ones, and nothing else is.
pub fn check_coverage(body: &str, collected: &Collected) -> Result<(), Refusal> {
    let Some((_, parts)) = SIGNED_BY_ISO2.iter().find(|(name, _)| *name == body) else {
        return refuse(Rule::Missing, format!("{body} is not a message that is signed"));
    };
    if collected.signature.is_none() {
        return refuse(Rule::Missing, "the message carries no signature");
    }
    for part in *parts {
        let signed = collected.signed.iter().any(|signed| signed.name == *part);
        if !signed || collected.unsigned.contains(part) {
            return refuse(Rule::ReferenceMissing, format!("the signature does not cover {part}"));
        }
    }
    match collected.signed.iter().find(|signed| !parts.contains(&signed.name)) {
        Some(other) => refuse(
            Rule::ReferenceExtra,
            format!("the signature covers {}, which is not signed here", other.name),
        ),
        None => Ok(()),
    }
}

/// How strictly the form of a signature is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormRules {
    /// As the standard says.
    Strict,
    /// Also without transforms: some stacks leave them out, and canonical EXI is all they could name.
    Interop,
}

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// There is no signature.
    Missing,
    /// The canonicalization, signature or digest algorithm is not the one of the standard.
    Algorithm,
    /// A reference has not exactly one transform, canonical EXI.
    Transform,
    /// A part that the standard forbids in a signature.
    Forbidden,
    /// No reference, or more than four.
    ReferenceCount,
    /// A reference names no element that was handed over, or is no `#Id`.
    ReferenceExtra,
    /// An element is not named by any reference.
    ReferenceMissing,
    /// Two references name one element, or two elements have one Id.
    Duplicate,
    /// The element is not what was signed.
    Digest,
    /// The signature value is not that of the signer's key over `SignedInfo`.
    Value,
}

impl Rule {
    /// A stable short word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "signature-missing",
            Self::Algorithm => "algorithm",
            Self::Transform => "transform",
            Self::Forbidden => "forbidden-part",
            Self::ReferenceCount => "reference-count",
            Self::ReferenceExtra => "reference-extra",
            Self::ReferenceMissing => "reference-missing",
            Self::Duplicate => "duplicate",
            Self::Digest => "digest-mismatch",
            Self::Value => "value-mismatch",
        }
    }
}

/// A refused signature: the rule and a sentence about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub rule: Rule,
    /// The sentence.
    pub detail: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.detail)
    }
}

fn refuse<T>(rule: Rule, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { rule, detail: detail.into() })
}

/// The SHA-256 digest of a fragment.
pub fn digest(fragment: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(hash(&SHA256, fragment).as_ref()) {
        *to = *from;
    }
    out
}

/// Verify that `signature` covers exactly `elements`, each of them once, with the key of `signer`.
///
/// The form is checked before any cryptography; digests are compared in constant time; the value has to be r and s
/// with 32 octets each.
pub fn verify(
    signature: Option<&Signature>,
    elements: &[Signed],
    suite: Suite,
    rules: FormRules,
    signer: &PublicKey,
) -> Result<(), Refusal> {
    let Some(signature) = signature else {
        return refuse(Rule::Missing, "the message carries no signature");
    };
    check_form(signature, suite, rules)?;
    check_pairs(signature, elements)?;
    for reference in &signature.references {
        check_digest(reference, elements)?;
    }
    match signer.verify_raw(&signature.signed_info, &signature.value) {
        Ok(()) => Ok(()),
        Err(_) => refuse(Rule::Value, "the signature value does not fit the signer's certificate"),
    }
}

fn check_form(signature: &Signature, suite: Suite, rules: FormRules) -> Result<(), Refusal> {
    if let Some(part) = signature.forbidden {
        return refuse(Rule::Forbidden, format!("the signature holds {part}, which [V2G2-771] forbids"));
    }
    if signature.canonicalization != CANONICAL_EXI {
        return refuse(
            Rule::Algorithm,
            format!("canonicalization is {:?}, not canonical EXI", signature.canonicalization),
        );
    }
    if signature.method != suite.method {
        return refuse(Rule::Algorithm, format!("the signature algorithm is {:?}", signature.method));
    }
    if signature.references.is_empty() || signature.references.len() > MAX_REFERENCES {
        let count = signature.references.len();
        return refuse(Rule::ReferenceCount, format!("{count} references; 1 to 4 are allowed [V2G2-909]"));
    }
    for reference in &signature.references {
        if reference.digest_method != suite.digest {
            return refuse(Rule::Algorithm, format!("the digest algorithm is {:?}", reference.digest_method));
        }
        let fits = match reference.transforms.as_slice() {
            [only] => only == CANONICAL_EXI,
            [] => rules == FormRules::Interop,
            _ => false,
        };
        if !fits {
            return refuse(Rule::Transform, "a reference has not exactly one transform, canonical EXI");
        }
    }
    Ok(())
}

/// References and elements have to match one to one.
fn check_pairs(signature: &Signature, elements: &[Signed]) -> Result<(), Refusal> {
    for (at, element) in elements.iter().enumerate() {
        if elements.iter().skip(at + 1).any(|other| other.id == element.id) {
            return refuse(Rule::Duplicate, format!("two elements have the Id {:?}", element.id));
        }
        match signature
            .references
            .iter()
            .filter(|reference| names(reference.uri.as_deref(), &element.id))
            .count()
        {
            0 => return refuse(Rule::ReferenceMissing, format!("no reference names {}", element.name)),
            1 => {}
            _ => return refuse(Rule::Duplicate, format!("two references name {}", element.name)),
        }
    }
    for reference in &signature.references {
        if !elements.iter().any(|element| names(reference.uri.as_deref(), &element.id)) {
            let uri = reference.uri.as_deref().unwrap_or("nothing");
            return refuse(
                Rule::ReferenceExtra,
                format!("a reference names {uri:?}, which is not among the signed elements"),
            );
        }
    }
    Ok(())
}

fn check_digest(reference: &Reference, elements: &[Signed]) -> Result<(), Refusal> {
    let Some(element) = elements.iter().find(|element| names(reference.uri.as_deref(), &element.id)) else {
        return refuse(Rule::ReferenceExtra, "a reference names no element");
    };
    let fits = |fragment: &Vec<u8>| verify_slices_are_equal(&digest(fragment), &reference.digest).is_ok();
    if element.fragments.iter().any(fits) {
        Ok(())
    } else {
        refuse(Rule::Digest, format!("{} is not what was signed: its digest differs", element.name))
    }
}
