//! What goes into a chain check and what comes out of it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::anchors::Anchor;
use crate::extensions::KeyUsage;
use crate::key::PublicKey;
use crate::profile::{Profile, Purpose};
use crate::rule::{ResponseCode, Rule};

/// How strictly the profile is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// The profile to the letter.
    Strict,
    /// With the deviations that issuers in the field are known for; each one used is reported.
    Interop,
}

/// Whether the validity period of the trust anchor counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootValidity {
    /// An anchor outside its validity period is refused.
    #[default]
    Checked,
    /// An anchor outside its validity period is good.
    DangerIgnored,
}

/// Certificates that are known to be revoked, by what their issuers signed: nothing else of a certificate is
/// beyond the reach of whoever presents it.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    /// SHA-256 of signed parts, see [`crate::Certificate::signed_part_sha256`].
    pub signed_parts: HashSet<[u8; 32]>,
    /// Issuer name (DER) and serial number (big-endian, as in the certificate).
    pub serials: HashSet<(Vec<u8>, Vec<u8>)>,
}

impl Revoked {
    pub(crate) fn is_empty(&self) -> bool {
        self.signed_parts.is_empty() && self.serials.is_empty()
    }

    pub(crate) fn holds(&self, signed_part: impl FnOnce() -> [u8; 32], issuer: &[u8], serial: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        self.signed_parts.contains(&signed_part())
            || (!self.serials.is_empty() && self.serials.contains(&(issuer.to_vec(), serial.to_vec())))
    }
}

/// What a chain is checked for.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The standard.
    pub profile: &'static Profile,
    /// What the leaf is to be used for.
    pub purpose: Purpose,
    /// The time of the check, seconds since 1970.
    pub at: i64,
    /// How strictly the profile is read.
    pub rules: Rules,
    /// What is known to be revoked.
    pub revoked: &'a Revoked,
    /// Whether the anchor's validity counts.
    pub root_validity: RootValidity,
}

/// What a validated leaf says.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The common name: eMAID, PCID, SECC id or service name.
    pub subject_cn: String,
    /// The KeyUsage; `None` where the leaf has none (tolerated under interop).
    pub key_usage: Option<KeyUsage>,
    /// The public key.
    pub public_key: PublicKey,
    /// The SHA-256 of the certificate; another one for each form of its signature.
    pub fingerprint: [u8; 32],
    /// The SHA-256 of what its issuer signed; the one to recognise it by.
    pub signed_part_sha256: [u8; 32],
}

/// A chain that was checked and found good, and what it stands for.
#[derive(Clone, Debug)]
pub struct ValidatedChain {
    /// What the leaf says.
    pub leaf: Leaf,
    /// The path from the leaf upwards: positions in the chain as it was given, anchor not included.
    pub path: Vec<usize>,
    /// The anchor the path ends at.
    pub anchor: Arc<Anchor>,
    /// When the whole path becomes valid, seconds since 1970.
    pub not_before: i64,
    /// When the first certificate of the path expires, seconds since 1970.
    pub not_after: i64,
    /// Ids of the rules that were broken and tolerated; always empty under strict rules.
    pub tolerated: Vec<String>,
}

/// A chain that must not be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({certificate}): {id}")]
pub struct ChainError {
    /// The rule.
    pub rule: Rule,
    /// The rule's stable id.
    pub id: String,
    /// Which certificate, with its common name where readable.
    pub certificate: String,
    /// What was found, as a sentence.
    pub what: String,
}

impl ChainError {
    /// What the peer is told.
    pub fn code(&self) -> ResponseCode {
        self.rule.info().code
    }

    /// What must hold, with the requirement number where there is one.
    pub fn why(&self) -> String {
        let info = self.rule.info();
        if info.requirement.is_empty() {
            info.description.to_owned()
        } else {
            format!("{} {}", info.description, info.requirement)
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        self.rule.info().advice
    }
}
