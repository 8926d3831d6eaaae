//! What a standard asks of certificates, as data. Another edition is another table, not other code.

use crate::anchors::AnchorKind;
use crate::certificate::SignatureAlgorithm;
use crate::extensions::{ExtendedKeyUsage, KeyUsage};
use crate::key::Curve;
use crate::rule::{Rule, Scope};

/// What a leaf certificate is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// The station's TLS server certificate.
    Secc,
    /// The contract of a driver, in the vehicle.
    Contract,
    /// The certificate a vehicle is born with.
    OemProvisioning,
    /// The certificate provisioning service that signs contract installations.
    Cps,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 4] = [Self::Secc, Self::Contract, Self::OemProvisioning, Self::Cps];

    /// The name in rule ids.
    pub fn name(self) -> &'static str {
        match self {
            Self::Secc => "secc",
            Self::Contract => "contract",
            Self::OemProvisioning => "oem-provisioning",
            Self::Cps => "cps",
        }
    }
}

/// What the domain component of a leaf has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DomainComponent {
    /// The role, such as `CPO`.
    pub role: &'static str,
    /// Whether it has to be there; the role of another purpose is refused in any case.
    pub required: bool,
}

/// What is asked of the leaf of one purpose.
#[derive(Clone, Copy, Debug)]
pub struct LeafProfile {
    /// The purpose.
    pub purpose: Purpose,
    /// The kinds of root that may stand above it.
    pub anchors: &'static [AnchorKind],
    /// KeyUsage bits that must be there.
    pub required_usage: KeyUsage,
    /// KeyUsage bits that may be there beside the required ones.
    pub optional_usage: KeyUsage,
    /// Where ExtendedKeyUsage is present, one of these must be in it; `NONE` asks for nothing.
    pub extended_usage: ExtendedKeyUsage,
    /// The domain component.
    pub domain: DomainComponent,
}

/// What a standard asks of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    /// The first part of every rule id.
    pub family: &'static str,
    /// The curve of every key.
    pub curve: Curve,
    /// The signature algorithm of every certificate.
    pub signature: SignatureAlgorithm,
    /// Most octets of a certificate, strict.
    pub max_octets: usize,
    /// Most octets of a certificate, interop.
    pub max_octets_interop: usize,
    /// Most certificates a message can carry: more are refused before anything is looked at.
    pub max_on_wire: usize,
    /// Most certificates below the root.
    pub max_depth: usize,
    /// Domain components that name a role: a leaf must not have that of another purpose.
    pub roles: &'static [&'static str],
    /// One row per purpose.
    pub leaves: &'static [LeafProfile],
}

impl Profile {
    /// The row of a purpose; `None` where the standard does not know the purpose.
    pub fn leaf(&self, purpose: Purpose) -> Option<&LeafProfile> {
        self.leaves.iter().find(|leaf| leaf.purpose == purpose)
    }

    /// The stable id of a rule, such as `iso2::contract::missing-key-usage`.
    pub fn rule_id(&self, rule: Rule, purpose: Purpose) -> String {
        let info = rule.info();
        let scope = match info.scope {
            Scope::Chain => "chain",
            Scope::Certificate => "certificate",
            Scope::Issuer => "ca",
            Scope::Anchor => "anchor",
            Scope::Leaf => purpose.name(),
        };
        format!("{}::{}::{}", self.family, scope, info.name)
    }
}

/// -2: P-256 and SHA-256 [V2G2-006], [V2G2-007], at most 800 octets [V2G2-010], at most three below the root [V2G2-009].
pub static ISO2: Profile = Profile {
    family: "iso2",
    curve: Curve::P256,
    signature: SignatureAlgorithm::EcdsaSha256,
    max_octets: 800,
    max_octets_interop: 1600,
    // The schema allows one leaf and four sub-certificates.
    max_on_wire: 5,
    max_depth: 3,
    roles: &["CPO", "CPS", "MO", "OEM"],
    leaves: &[
        LeafProfile {
            purpose: Purpose::Secc,
            // [V2G2-925], private environments [V2G2-927].
            anchors: &[AnchorKind::V2g, AnchorKind::Private],
            required_usage: KeyUsage::DIGITAL_SIGNATURE,
            // The static ECDH cipher suites of -2 need it, so issuers set it.
            optional_usage: KeyUsage::KEY_AGREEMENT,
            extended_usage: ExtendedKeyUsage::SERVER_AUTH.with(ExtendedKeyUsage::ANY),
            domain: DomainComponent { role: "CPO", required: true },
        },
        LeafProfile {
            purpose: Purpose::Contract,
            anchors: &[AnchorKind::Mo, AnchorKind::V2g],
            required_usage: KeyUsage::DIGITAL_SIGNATURE.with(KeyUsage::NON_REPUDIATION),
            optional_usage: KeyUsage::KEY_ENCIPHERMENT.with(KeyUsage::KEY_AGREEMENT),
            extended_usage: ExtendedKeyUsage::NONE,
            domain: DomainComponent { role: "MO", required: false },
        },
        LeafProfile {
            purpose: Purpose::OemProvisioning,
            anchors: &[AnchorKind::Oem, AnchorKind::V2g],
            // keyAgreement opens the envelope of the contract key [V2G2-822].
            required_usage: KeyUsage::DIGITAL_SIGNATURE.with(KeyUsage::KEY_AGREEMENT),
            optional_usage: KeyUsage::NON_REPUDIATION,
            extended_usage: ExtendedKeyUsage::NONE,
            domain: DomainComponent { role: "OEM", required: false },
        },
        LeafProfile {
            purpose: Purpose::Cps,
            anchors: &[AnchorKind::V2g],
            required_usage: KeyUsage::DIGITAL_SIGNATURE,
            optional_usage: KeyUsage::NON_REPUDIATION,
            extended_usage: ExtendedKeyUsage::NONE,
            domain: DomainComponent { role: "CPS", required: true },
        },
    ],
};
