//! Trust in V2G certificates: parse, link, judge by a profile, and the keys and envelopes that go with them.
//!
//! The crate is pure: time, trust anchors, revocation and (where a caller wants it) randomness come in as
//! arguments, nothing is read from the network or from files, and no input makes it panic. A check that fails
//! names the rule, the certificate and the response code; a check that passes gives back what was checked.
//!
//! The rules of a standard are data: see [`Profile`]. The one here is of -2 (P-256, SHA-256, 800 octets).

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "a test that panics is a test that fails"))]

mod anchors;
mod certificate;
mod chain;
mod der;
mod envelope;
mod extensions;
mod judge;
mod key;
mod name;
mod path;
mod pem;
mod profile;
mod rule;
mod time;

pub use anchors::{Anchor, AnchorError, AnchorKind, MAX_ANCHOR_OCTETS, TrustAnchors};
pub use certificate::{
    Certificate, Eccentricity, MAX_CERTIFICATE_OCTETS, ParseError, SignatureAlgorithm, SubjectKey,
};
pub use chain::{ChainError, Leaf, Request, Revoked, RootValidity, Rules, ValidatedChain};
pub use der::{DerError, Element, Reader};
pub use envelope::{EnvelopeError, SEALED_KEY_OCTETS, Sealed, open_envelope, seal_envelope};
pub use extensions::{BasicConstraints, ExtendedKeyUsage, Extensions, KeyUsage, MAX_EXTENSIONS};
pub use key::{Curve, KeyError, PublicKey, SignatureInvalid, SigningKey};
pub use name::{Attribute, Attributes, Name};
pub use path::{MAX_LINK_CHECKS, validate};
pub use pem::{MAX_PEM_OCTETS, PemError, private_key_der};
pub use profile::{DomainComponent, ISO2, LeafProfile, Profile, Purpose};
pub use rule::{ResponseCode, Rule, RuleInfo, Scope, Stage};
pub use time::format_utc;
