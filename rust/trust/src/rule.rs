//! Every rule that a chain can break, as one table: id, what must hold, where it comes from, what to do.

/// The -2 ResponseCode that tells the peer why its chain is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseCode {
    /// The chain does not hold together or does not fit the profile.
    CertChainError,
    /// A certificate is expired or not yet valid.
    CertificateExpired,
    /// A certificate is revoked.
    CertificateRevoked,
    /// The root above the chain is not known here.
    NoCertificateAvailable,
}

impl ResponseCode {
    /// The name as the schema writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CertChainError => "FAILED_CertChainError",
            Self::CertificateExpired => "FAILED_CertificateExpired",
            Self::CertificateRevoked => "FAILED_CertificateRevoked",
            Self::NoCertificateAvailable => "FAILED_NoCertificateAvailable",
        }
    }
}

/// How far a check gets before a rule can break. When several paths fail, the one that got furthest is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before anything is parsed.
    Count,
    /// One certificate by itself.
    Form,
    /// From the leaf to an anchor.
    Link,
    /// Which anchor, and how the path uses the certificates.
    Anchor,
    /// Validity at the given time.
    Time,
    /// The issuing certificates.
    Issuer,
    /// The leaf's own profile.
    Leaf,
    /// Revocation.
    Revocation,
}

impl Stage {
    /// A short name: `count`, `form`, `link`, `anchor`, `time`, `issuer`, `leaf`, `revocation`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Form => "form",
            Self::Link => "link",
            Self::Anchor => "anchor",
            Self::Time => "time",
            Self::Issuer => "issuer",
            Self::Leaf => "leaf",
            Self::Revocation => "revocation",
        }
    }
}

/// The part of a rule's id between the standard and the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The chain as a whole.
    Chain,
    /// Every certificate.
    Certificate,
    /// Certificates that issue others.
    Issuer,
    /// The trust anchor.
    Anchor,
    /// The leaf; the purpose's name stands in the id.
    Leaf,
}

/// What is known about a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The rule.
    pub rule: Rule,
    /// The last part of its id.
    pub name: &'static str,
    /// The middle part of its id.
    pub scope: Scope,
    /// When it is checked.
    pub stage: Stage,
    /// What the peer is told.
    pub code: ResponseCode,
    /// Whether `interop` goes on when it is broken (sometimes under conditions, see the rule).
    pub tolerated: bool,
    /// Requirement number, or the source of the rule.
    pub requirement: &'static str,
    /// What must hold.
    pub description: &'static str,
    /// What a station operator can do when it does not.
    pub advice: &'static str,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $scope:ident, $stage:ident, $code:ident, $name:literal, $tolerated:literal,
        $requirement:literal, $description:literal, $advice:literal;)*) => {
        /// A rule; [`Rule::info`] has its row of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Rule { $($(#[$doc])* $rule,)* }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$rule,)*];

            /// The rule's row of the table.
            pub const fn info(self) -> RuleInfo {
                match self {
                    $(Self::$rule => RuleInfo {
                        rule: self, name: $name, scope: Scope::$scope, stage: Stage::$stage,
                        code: ResponseCode::$code, tolerated: $tolerated, requirement: $requirement,
                        description: $description, advice: $advice,
                    },)*
                }
            }
        }
    };
}

rules! {
    /// No certificate at all.
    Empty: Chain, Count, CertChainError, "empty", false, "",
        "a chain has at least a leaf certificate", "the peer sent no certificate; install one in it";
    /// More certificates than a message can carry, or than a path can use.
    TooMany: Chain, Count, CertChainError, "too-many-certificates", false, "[V2G2-009]",
        "a chain has at most three certificates below the root",
        "ask the issuer for a chain with at most two sub-CAs, without the root";
    /// The same certificate twice.
    Duplicate: Chain, Count, CertChainError, "duplicate-certificate", true, "",
        "each certificate appears once", "remove the repeated certificate from the peer's chain";
    /// Larger than the schema allows.
    TooLarge: Certificate, Form, CertChainError, "too-large", true, "[V2G2-010]",
        "a certificate has at most 800 octets (1600 where tolerated)",
        "ask the issuer for a smaller certificate (fewer or shorter extensions)";
    /// Not a certificate.
    Malformed: Certificate, Form, CertChainError, "malformed", false, "",
        "a certificate is well-formed DER", "the certificate is damaged or of another kind; install it again";
    /// An encoding that is not strict DER although its meaning is clear.
    NotStrictDer: Certificate, Form, CertChainError, "not-strict-der", true, "",
        "a certificate is strict DER: no defaults written out, UTCTime until 2049",
        "the issuer's software writes sloppy DER; rules=\"interop\" accepts it";
    /// Not version 3.
    Version: Certificate, Form, CertChainError, "version", false, "",
        "a certificate is of X.509 version 3", "ask the issuer for a version 3 certificate";
    /// Serial number zero, negative or longer than 20 octets.
    Serial: Certificate, Form, CertChainError, "serial-number", false, "",
        "a serial number is positive and has at most 20 octets", "ask the issuer for a new certificate";
    /// The same extension twice.
    DuplicateExtension: Certificate, Form, CertChainError, "duplicate-extension", false, "",
        "each extension appears once", "ask the issuer for a new certificate";
    /// A critical extension that is not understood.
    UnknownCritical: Certificate, Form, CertChainError, "unknown-critical-extension", false, "",
        "every critical extension is understood", "the certificate is meant for another use; ask its issuer";
    /// Name constraints or policy rules.
    ForbiddenExtension: Certificate, Form, CertChainError, "forbidden-extension", false, "",
        "V2G certificates have no name constraints, policy mappings or policy constraints",
        "the certificate is meant for another use; ask its issuer";
    /// Signed with another algorithm.
    SignatureAlgorithm: Certificate, Form, CertChainError, "signature-algorithm", false, "[V2G2-006]",
        "a certificate is signed with ecdsa-with-SHA256",
        "the certificate is of another PKI or of another edition of the standard; ask its issuer";
    /// A key of another curve or kind.
    Key: Certificate, Form, CertChainError, "key-type", false, "[V2G2-007]",
        "a public key is a named-curve key on secp256r1",
        "the certificate is of another PKI or of another edition of the standard; ask its issuer";
    /// A point that is not on the curve.
    Point: Certificate, Form, CertChainError, "public-key-point", false, "[V2G2-007]",
        "a public key is an uncompressed point on its curve", "the certificate is damaged or forged; ask its issuer";
    /// No SubjectKeyIdentifier.
    MissingSubjectKeyIdentifier: Certificate, Form, CertChainError, "missing-subject-key-identifier", true,
        "-2 Annex F", "a certificate has a SubjectKeyIdentifier",
        "ask the issuer for a certificate of the V2G profile, or use rules=\"interop\"";
    /// An issuer above is not known.
    UnknownRoot: Chain, Link, NoCertificateAvailable, "unknown-root", false, "[V2G2-925]",
        "the chain ends at a trust anchor",
        "most often the peer sent its leaf without the sub-CAs: install the complete chain (leaf, sub 2, sub 1) in it; if the chain is complete and you trust its root, add the root to the trust store; if not, nothing is wrong here";
    /// Certificates are there that do not connect.
    MissingSubCa: Chain, Link, CertChainError, "missing-sub-ca", false, "",
        "every certificate's issuer is in the chain or is a trust anchor",
        "the chain has a gap; install the complete chain (leaf, sub 2, sub 1) in the peer";
    /// The issuer's key does not verify the certificate.
    Signature: Chain, Link, CertChainError, "broken-signature", false, "",
        "each certificate is signed by its issuer's key",
        "the certificate is forged or damaged, or its root has been renewed: check for a newer root of that name";
    /// The search was given up.
    WorkLimit: Chain, Link, CertChainError, "work-limit", false, "",
        "a chain is checked with a bounded number of signature checks",
        "the chain or the trust store holds many certificates of one name; remove those not needed";
    /// Anchored, but at the wrong kind of root.
    AnchorKind: Leaf, Anchor, CertChainError, "anchor-kind", false, "[V2G2-925]",
        "the root is of a kind that may stand above this kind of leaf",
        "the chain is valid but for another purpose; check which certificate the peer uses, and as what the root was added";
    /// An anchor that is itself below another root.
    AnchorNotSelfIssued: Anchor, Anchor, CertChainError, "not-a-root", true, "",
        "a trust anchor is a root certificate", "add the root certificate in place of the sub-CA to the trust store";
    /// A V2G root without the domain component V2G.
    AnchorDomain: Anchor, Anchor, CertChainError, "missing-domain-component", true, "-2 Table F.1",
        "a V2G root has the domain component V2G",
        "check that the root is a V2G root and not one of another kind; rules=\"interop\" accepts it";
    /// A V2G root signed the leaf itself.
    RootIssuesLeaf: Chain, Anchor, CertChainError, "root-issues-leaf", false, "[V2G2-867]",
        "a V2G root issues sub-CAs only", "ask the issuer for a leaf below a sub-CA";
    /// Certificates that are not part of the path.
    Unused: Chain, Anchor, CertChainError, "unused-certificate", true, "",
        "every certificate of the chain is part of the path from leaf to root",
        "remove certificates of other chains from the peer's chain";
    /// Validity has not begun.
    NotYetValid: Certificate, Time, CertificateExpired, "not-yet-valid", false, "[V2G2-824]",
        "a certificate is used after its validity begins",
        "check the clock first; otherwise wait or ask the issuer for a certificate that is valid now";
    /// Validity has ended.
    Expired: Certificate, Time, CertificateExpired, "expired", false, "[V2G2-824]",
        "a certificate is used before its validity ends",
        "check the clock first; otherwise renew the certificate";
    /// An issuer that is no certification authority.
    NotCa: Issuer, Issuer, CertChainError, "not-a-ca", false, "-2 Annex F",
        "an issuing certificate says CA:TRUE in its BasicConstraints",
        "a certificate was signed by one that must not sign certificates: treat it as forged";
    /// An issuer that must not sign certificates.
    MissingKeyCertSign: Issuer, Issuer, CertChainError, "missing-key-cert-sign", false, "-2 Annex F",
        "an issuing certificate has keyCertSign in its KeyUsage",
        "a certificate was signed by one that must not sign certificates: treat it as forged";
    /// More sub-CAs below an issuer than it allows.
    PathLength: Issuer, Issuer, CertChainError, "path-length", false, "-2 Annex F",
        "no more sub-CAs stand below an issuer than its path length allows",
        "a sub-CA exceeded what its issuer allowed: treat the chain as forged and tell the issuer";
    /// A sub-CA of another branch.
    IssuerDomain: Issuer, Issuer, CertChainError, "wrong-domain-component", false, "",
        "a sub-CA does not have the domain component of another role than the leaf's",
        "the chain mixes branches of a PKI: treat it as forged and tell the issuer";
    /// A sub-CA without a limit.
    MissingPathLength: Issuer, Issuer, CertChainError, "missing-path-length", true, "-2 Annex F",
        "a sub-CA has a path length (1 or 0)", "ask the issuer for a sub-CA of the V2G profile, or use rules=\"interop\"";
    /// BasicConstraints not critical.
    IssuerConstraintsNotCritical: Issuer, Issuer, CertChainError, "basic-constraints-not-critical", true, "-2 Annex F",
        "BasicConstraints are critical", "ask the issuer for a sub-CA of the V2G profile, or use rules=\"interop\"";
    /// KeyUsage not critical.
    IssuerUsageNotCritical: Issuer, Issuer, CertChainError, "key-usage-not-critical", true, "-2 Annex F",
        "KeyUsage is critical", "ask the issuer for a sub-CA of the V2G profile, or use rules=\"interop\"";
    /// The leaf could issue certificates.
    LeafIsCa: Leaf, Leaf, CertChainError, "leaf-is-ca", false, "-2 Annex F",
        "a leaf is no CA and has neither keyCertSign nor cRLSign", "the peer sent a CA certificate in place of its leaf";
    /// No BasicConstraints.
    MissingBasicConstraints: Leaf, Leaf, CertChainError, "missing-basic-constraints", true, "-2 Annex F",
        "a leaf has BasicConstraints", "ask the issuer for a leaf of the V2G profile, or use rules=\"interop\"";
    /// BasicConstraints not critical.
    LeafConstraintsNotCritical: Leaf, Leaf, CertChainError, "basic-constraints-not-critical", true, "-2 Annex F",
        "BasicConstraints are critical", "ask the issuer for a leaf of the V2G profile, or use rules=\"interop\"";
    /// No KeyUsage.
    MissingKeyUsage: Leaf, Leaf, CertChainError, "missing-key-usage", true, "-2 Annex F",
        "a leaf has a KeyUsage", "ask the issuer for a leaf of the V2G profile, or use rules=\"interop\"";
    /// KeyUsage not critical.
    LeafUsageNotCritical: Leaf, Leaf, CertChainError, "key-usage-not-critical", true, "-2 Annex F",
        "KeyUsage is critical", "ask the issuer for a leaf of the V2G profile, or use rules=\"interop\"";
    /// A usage that the purpose needs is not there.
    KeyUsage: Leaf, Leaf, CertChainError, "key-usage", false, "-2 Annex F",
        "the KeyUsage allows what the purpose needs", "the certificate is meant for another use; ask its issuer";
    /// A usage that the purpose does not have.
    ExtraKeyUsage: Leaf, Leaf, CertChainError, "extra-key-usage", true, "-2 Annex F",
        "the KeyUsage has only what the purpose may have",
        "ask the issuer for a leaf of the V2G profile, or use rules=\"interop\"";
    /// An extended usage that does not fit.
    ExtendedKeyUsage: Leaf, Leaf, CertChainError, "extended-key-usage", false, "",
        "an ExtendedKeyUsage, where present, allows the purpose, and no leaf is an OCSP signer",
        "the certificate is meant for another use; ask its issuer";
    /// No domain component although the purpose needs one.
    MissingDomain: Leaf, Leaf, CertChainError, "missing-domain-component", true, "[V2G2-925]",
        "the leaf has the domain component of its role (tolerated only under a private operator root)",
        "the certificate is meant for another use, or its issuer left the role out; ask its issuer";
    /// The domain component of another role.
    WrongDomain: Leaf, Leaf, CertChainError, "wrong-domain-component", false, "[V2G2-925]",
        "the leaf does not have the domain component of another role",
        "the certificate is meant for another use; check which certificate the peer uses";
    /// No common name, or several.
    CommonName: Leaf, Leaf, CertChainError, "common-name", false, "-2 Annex F",
        "the leaf's subject has exactly one common name", "ask the issuer for a certificate with one common name";
    /// The same common name repeated.
    RepeatedCommonName: Leaf, Leaf, CertChainError, "repeated-common-name", true, "-2 Annex F",
        "the leaf's subject has its common name once", "ask the issuer for a certificate with one common name";
    /// A wildcard in a name.
    Wildcard: Leaf, Leaf, CertChainError, "wildcard-name", false, "",
        "a leaf stands for one party: no wildcard in its names", "ask the issuer for a certificate without wildcards";
    /// Revoked.
    Revoked: Certificate, Revocation, CertificateRevoked, "revoked", false, "",
        "no certificate of the path is revoked (recognised by what its issuer signed)", "the certificate was withdrawn; the peer needs a new one";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_within_their_scope() {
        for (position, rule) in Rule::ALL.iter().enumerate() {
            let info = rule.info();
            assert!(!info.description.is_empty() && !info.advice.is_empty(), "{rule:?}");
            let same = |other: &&Rule| other.info().name == info.name && other.info().scope == info.scope;
            assert!(Rule::ALL.iter().skip(position + 1).find(same).is_none(), "{rule:?}");
        }
    }
}
