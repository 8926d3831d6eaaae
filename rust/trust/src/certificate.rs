//! An X.509 certificate, read in place: nothing is copied and nothing is judged, only its form.

use aws_lc_rs::digest;

use crate::der::{DerError, Element, Reader, integer, tag, whole_bit_string};
use crate::extensions::Extensions;
use crate::key::Curve;
use crate::name::Name;
use crate::rule::Rule;
use crate::time::certificate_time;

/// Longer certificates are not even read; the profiles' own limits (800 octets in -2) are far below.
pub const MAX_CERTIFICATE_OCTETS: usize = 8192;

const OID_EC_PUBLIC_KEY: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const OID_ECDSA_WITH_SHA256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02];

/// Why octets are not a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ParseError {
    /// The rule that was broken.
    pub rule: Rule,
    /// What was found.
    pub detail: &'static str,
}

impl From<DerError> for ParseError {
    fn from(error: DerError) -> Self {
        Self { rule: Rule::Malformed, detail: error.0 }
    }
}

/// Encodings that are not strict DER, seen in the field, and whose meaning is not in doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Eccentricity {
    /// BasicConstraints write out that the subject is no CA (`30 03 01 01 00`).
    ExplicitNotCa,
    /// An extension writes out that it is not critical.
    ExplicitCriticalFalse,
    /// A GeneralizedTime before the year 2050.
    EarlyGeneralizedTime,
}

impl Eccentricity {
    const ALL: [(Self, u8, &'static str); 3] = [
        (Self::ExplicitNotCa, 1, "explicit-not-ca"),
        (Self::ExplicitCriticalFalse, 2, "explicit-critical-false"),
        (Self::EarlyGeneralizedTime, 4, "early-generalized-time"),
    ];

    /// A stable short name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(one, _, _)| *one == self).map_or("", |(_, _, name)| name)
    }
}

/// The eccentricities of one certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Eccentricities(u8);

impl Eccentricities {
    pub(crate) fn note(&mut self, found: bool, eccentricity: Eccentricity) {
        if found {
            self.0 |= Eccentricity::ALL
                .iter()
                .find(|(one, _, _)| *one == eccentricity)
                .map_or(0, |(_, bit, _)| *bit);
        }
    }

    pub(crate) fn list(self) -> Vec<Eccentricity> {
        Eccentricity::ALL.iter().filter(|(_, bit, _)| self.0 & bit != 0).map(|(one, _, _)| *one).collect()
    }
}

/// How a certificate was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256 without parameters.
    EcdsaSha256,
    /// Anything that no profile allows.
    Other,
}

/// The public key of a certificate, not yet checked to lie on its curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubjectKey<'a> {
    /// The whole SubjectPublicKeyInfo.
    pub info: &'a [u8],
    /// The named curve; `None` for other curves, explicit parameters and other kinds of key.
    pub curve: Option<Curve>,
    /// The key octets: for a curve the encoded point.
    pub octets: &'a [u8],
}

/// A certificate whose form was checked; every field borrows from the DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate<'a> {
    /// All octets.
    pub der: &'a [u8],
    /// The octets that are signed.
    pub signed: &'a [u8],
    /// 1, 2 or 3.
    pub version: u8,
    /// The serial number: big-endian two's complement, at least one octet, shortest form.
    pub serial: &'a [u8],
    /// Who issued it.
    pub issuer: Name<'a>,
    /// Whom it is for.
    pub subject: Name<'a>,
    /// Start of validity, seconds since 1970, inclusive.
    pub not_before: i64,
    /// End of validity, seconds since 1970, inclusive.
    pub not_after: i64,
    /// The subject's key.
    pub key: SubjectKey<'a>,
    /// The extensions.
    pub extensions: Extensions<'a>,
    /// How it is signed; the two places that say so are checked to agree.
    pub signature_algorithm: SignatureAlgorithm,
    /// The signature octets: for ECDSA a DER SEQUENCE of r and s.
    pub signature: &'a [u8],
    eccentricities: Eccentricities,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate; all octets must belong to it.
    pub fn parse(der: &'a [u8]) -> Result<Self, ParseError> {
        if der.len() > MAX_CERTIFICATE_OCTETS {
            return Err(ParseError { rule: Rule::TooLarge, detail: "more than 8192 octets" });
        }
        let mut outer = Reader::new(der);
        let mut parts =
            Reader::new(outer.expect(tag::SEQUENCE, "no certificate: the outer SEQUENCE is missing")?);
        outer.finish("octets after the certificate")?;
        let signed = parts.expect_element(tag::SEQUENCE, "the signed part is not a SEQUENCE")?;
        let algorithm = parts.expect_element(tag::SEQUENCE, "the signature algorithm is not a SEQUENCE")?;
        let signature =
            whole_bit_string(parts.expect(tag::BIT_STRING, "the signature is not a BIT STRING")?)?;
        parts.finish("octets after the signature")?;
        Self::parse_signed(der, signed, &algorithm, signature)
    }

    fn parse_signed(
        der: &'a [u8],
        signed: Element<'a>,
        algorithm: &Element<'a>,
        signature: &'a [u8],
    ) -> Result<Self, ParseError> {
        let mut eccentricities = Eccentricities::default();
        let mut fields = Reader::new(signed.value);
        let version = version(fields.optional(tag::CONTEXT_0)?)?;
        let serial = integer(fields.expect(tag::INTEGER, "the serial number is not an INTEGER")?)?;
        let inner =
            fields.expect_element(tag::SEQUENCE, "the inner signature algorithm is not a SEQUENCE")?;
        if inner.full != algorithm.full {
            return Err(DerError("the two signature algorithms differ").into());
        }
        let issuer = name(&mut fields, "the issuer is not a name")?;
        let validity = fields.expect(tag::SEQUENCE, "the validity is not a SEQUENCE")?;
        let (not_before, not_after) = validity_period(validity, &mut eccentricities)?;
        let subject = name(&mut fields, "the subject is not a name")?;
        let key = subject_key(fields.expect_element(tag::SEQUENCE, "the public key is not a SEQUENCE")?)?;
        let extensions = match fields.optional(tag::CONTEXT_3)? {
            Some(wrapped) if version == 3 => {
                let mut wrapped = Reader::new(wrapped);
                let list = wrapped.expect(tag::SEQUENCE, "the extensions are not a SEQUENCE")?;
                wrapped.finish("octets after the extensions")?;
                Extensions::parse(list, &mut eccentricities)?
            }
            Some(_) => return Err(DerError("extensions in a certificate that is not of version 3").into()),
            None => Extensions::default(),
        };
        fields.finish("fields that no V2G certificate has, such as unique identifiers")?;
        let signature_algorithm = signature_algorithm(algorithm.value)?;
        Ok(Self {
            der,
            signed: signed.full,
            version,
            serial,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            extensions,
            signature_algorithm,
            signature,
            eccentricities,
        })
    }

    /// Whether issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer.der() == self.subject.der()
    }

    /// The encodings found in it that are not strict DER.
    pub fn eccentricities(&self) -> Vec<Eccentricity> {
        self.eccentricities.list()
    }

    pub(crate) fn is_strict_der(&self) -> bool {
        self.eccentricities == Eccentricities::default()
    }

    /// The SHA-256 of all octets. Never recognise a revoked certificate by it: whoever has a certificate can
    /// give it another fingerprint, because for every ECDSA signature (r, s) there is the equally good (r, n - s).
    pub fn fingerprint(&self) -> [u8; 32] {
        sha256(self.der)
    }

    /// The SHA-256 of what the issuer signed: the same for every form of the certificate that verifies.
    pub fn signed_part_sha256(&self) -> [u8; 32] {
        sha256(self.signed)
    }
}

pub(crate) fn sha256(octets_given: &[u8]) -> [u8; 32] {
    let mut octets = [0; 32];
    for (to, from) in octets.iter_mut().zip(digest::digest(&digest::SHA256, octets_given).as_ref()) {
        *to = *from;
    }
    octets
}

fn version(wrapped: Option<&[u8]>) -> Result<u8, DerError> {
    let Some(wrapped) = wrapped else { return Ok(1) };
    let mut reader = Reader::new(wrapped);
    let value = integer(reader.expect(tag::INTEGER, "the version is not an INTEGER")?)?;
    reader.finish("octets after the version")?;
    match *value {
        [number @ 1..=2] => Ok(number + 1),
        _ => Err(DerError("a version other than 1, 2 or 3")),
    }
}

fn name<'a>(fields: &mut Reader<'a>, otherwise: &'static str) -> Result<Name<'a>, DerError> {
    let element = fields.expect_element(tag::SEQUENCE, otherwise)?;
    Name::parse(element.full, element.value)
}

fn validity_period(content: &[u8], eccentricities: &mut Eccentricities) -> Result<(i64, i64), DerError> {
    let mut reader = Reader::new(content);
    let mut times = [0; 2];
    for time in &mut times {
        let element = reader.element()?;
        let read = certificate_time(element.tag, element.value)?;
        eccentricities.note(read.early_generalized, Eccentricity::EarlyGeneralizedTime);
        *time = read.seconds;
    }
    reader.finish("a validity with more than two times")?;
    let [not_before, not_after] = times;
    if not_after < not_before {
        return Err(DerError("a validity that ends before it starts"));
    }
    Ok((not_before, not_after))
}

fn subject_key(element: Element<'_>) -> Result<SubjectKey<'_>, DerError> {
    let mut fields = Reader::new(element.value);
    let mut algorithm = Reader::new(fields.expect(tag::SEQUENCE, "the key algorithm is not a SEQUENCE")?);
    let octets = whole_bit_string(fields.expect(tag::BIT_STRING, "the public key is not a BIT STRING")?)?;
    fields.finish("octets after the public key")?;
    let kind = algorithm.expect(tag::OID, "the key algorithm has no type")?;
    let curve = match algorithm.optional(tag::OID)? {
        Some(curve) if kind == OID_EC_PUBLIC_KEY && algorithm.is_empty() => Curve::from_oid(curve),
        _ => None,
    };
    Ok(SubjectKey { info: element.full, curve, octets })
}

fn signature_algorithm(content: &[u8]) -> Result<SignatureAlgorithm, DerError> {
    let mut reader = Reader::new(content);
    let kind = reader.expect(tag::OID, "the signature algorithm has no type")?;
    Ok(match kind {
        OID_ECDSA_WITH_SHA256 if reader.is_empty() => SignatureAlgorithm::EcdsaSha256,
        _ => SignatureAlgorithm::Other,
    })
}
