//! Trust anchors: root certificates, each with the kind of root it is trusted to be.

use std::sync::Arc;

use crate::certificate::{Certificate, ParseError};
use crate::extensions::KeyUsage;
use crate::key::PublicKey;
use crate::rule::Rule;

/// A certificate that is trusted may be larger than one that has to fit into a message.
pub const MAX_ANCHOR_OCTETS: usize = 4096;

/// Which tree a root is trusted to be the root of. One root may be trusted as several kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AnchorKind {
    /// V2G root: stations and provisioning services, and whoever else stands below it.
    V2g,
    /// Mobility operator root: contracts.
    Mo,
    /// Vehicle maker root: provisioning certificates.
    Oem,
    /// Private operator root: stations of a private environment [V2G2-927].
    Private,
}

impl AnchorKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::V2g, Self::Mo, Self::Oem, Self::Private];

    /// A short name: `v2g`, `mo`, `oem`, `private`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V2g => "v2g",
            Self::Mo => "mo",
            Self::Oem => "oem",
            Self::Private => "private",
        }
    }
}

/// A certificate that cannot be a trust anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} anchor {position}: {detail}", kind = .kind.name())]
pub struct AnchorError {
    /// As what it was to be trusted.
    pub kind: AnchorKind,
    /// Which of the certificates given, counted from 0 over all kinds.
    pub position: usize,
    /// The rule that was broken.
    pub rule: Rule,
    /// What was found.
    pub detail: &'static str,
}

/// A trusted certificate.
#[derive(Debug)]
pub struct Anchor {
    pub(crate) kind: AnchorKind,
    pub(crate) der: Box<[u8]>,
    pub(crate) subject: Box<[u8]>,
    pub(crate) issuer: Box<[u8]>,
    pub(crate) serial: Box<[u8]>,
    pub(crate) common_name: String,
    pub(crate) key: PublicKey,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    pub(crate) path_length: Option<u8>,
    pub(crate) has_v2g_domain: bool,
    pub(crate) fingerprint: [u8; 32],
    pub(crate) signed_part_sha256: [u8; 32],
}

impl Anchor {
    fn parse(kind: AnchorKind, der: &[u8]) -> Result<Self, ParseError> {
        let refuse = |rule, detail| Err(ParseError { rule, detail });
        if der.len() > MAX_ANCHOR_OCTETS {
            return refuse(Rule::TooLarge, "more than 4096 octets");
        }
        let certificate = Certificate::parse(der)?;
        let extensions = &certificate.extensions;
        if extensions.unknown_critical.is_some() {
            return refuse(Rule::UnknownCritical, "a critical extension that is not understood");
        }
        if extensions.forbidden.is_some() {
            return refuse(Rule::ForbiddenExtension, "name constraints or policy rules");
        }
        let constraints = match extensions.basic_constraints {
            Some(constraints) if constraints.ca => constraints,
            _ => return refuse(Rule::NotCa, "it is not the certificate of a CA"),
        };
        if extensions.key_usage.is_some_and(|(usage, _)| !usage.intersects(KeyUsage::KEY_CERT_SIGN)) {
            return refuse(Rule::MissingKeyCertSign, "its KeyUsage does not allow it to sign certificates");
        }
        let Some(curve) = certificate.key.curve else {
            return refuse(Rule::Key, "its key is not on a curve that V2G certificates use");
        };
        let Ok(key) = PublicKey::from_point(curve, certificate.key.octets) else {
            return refuse(Rule::Point, "its key is not an uncompressed point on its curve");
        };
        let is_v2g = |component: &str| component.eq_ignore_ascii_case("V2G");
        Ok(Self {
            kind,
            der: der.into(),
            subject: certificate.subject.der().into(),
            issuer: certificate.issuer.der().into(),
            serial: certificate.serial.into(),
            common_name: certificate.subject.common_names().next().unwrap_or_default().to_owned(),
            key,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            path_length: constraints.path_length,
            has_v2g_domain: certificate.subject.domain_components().any(is_v2g),
            fingerprint: certificate.fingerprint(),
            signed_part_sha256: certificate.signed_part_sha256(),
        })
    }

    /// As what it is trusted.
    pub fn kind(&self) -> AnchorKind {
        self.kind
    }

    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of the certificate.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Its first common name, or nothing.
    pub fn common_name(&self) -> &str {
        &self.common_name
    }

    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

/// A set of trust anchors, parsed once. Copies share the anchors.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    anchors: Vec<Arc<Anchor>>,
}

impl TrustAnchors {
    /// Parses root certificates; the first one that cannot be an anchor is an error.
    pub fn new<'a>(
        certificates: impl IntoIterator<Item = (AnchorKind, &'a [u8])>,
    ) -> Result<Self, AnchorError> {
        Self::default().with(certificates)
    }

    /// A copy with more anchors; those that are there already (same kind, same certificate) are not added again.
    pub fn with<'a>(
        &self,
        certificates: impl IntoIterator<Item = (AnchorKind, &'a [u8])>,
    ) -> Result<Self, AnchorError> {
        let mut anchors = self.anchors.clone();
        for (position, (kind, der)) in certificates.into_iter().enumerate() {
            if anchors.iter().any(|anchor| anchor.kind == kind && *anchor.der == *der) {
                continue;
            }
            let anchor = Anchor::parse(kind, der).map_err(|error| AnchorError {
                kind,
                position,
                rule: error.rule,
                detail: error.detail,
            })?;
            anchors.push(Arc::new(anchor));
        }
        Ok(Self { anchors })
    }

    /// Every anchor, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Anchor>> {
        self.anchors.iter()
    }

    pub(crate) fn holds(&self, der: &[u8]) -> bool {
        self.anchors.iter().any(|anchor| *anchor.der == *der)
    }
}
