//! The rules, applied to one certificate and to one path from leaf to anchor.

use crate::anchors::{Anchor, AnchorKind};
use crate::certificate::Certificate;
use crate::chain::{ChainError, Request, RootValidity, Rules};
use crate::extensions::{ExtendedKeyUsage, KeyUsage};
use crate::profile::LeafProfile;
use crate::rule::Rule;
use crate::time::format_utc;

/// Longest common name that is repeated in a message.
const MAX_NAME_SHOWN: usize = 64;
/// Most octets of a serial number (RFC 5280, 4.1.2.2).
const MAX_SERIAL_OCTETS: usize = 20;

/// Collects what was tolerated, and turns what is not into an error.
#[derive(Clone, Debug)]
pub(crate) struct Judge<'r> {
    request: &'r Request<'r>,
    tolerated: Vec<Rule>,
}

/// A certificate of the path together with how it is called in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<'c, 'a> {
    pub(crate) certificate: &'c Certificate<'a>,
    pub(crate) place: Place,
}

/// Where a certificate stands, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Position in the chain as it was given, before a path is known.
    Given(usize),
    /// Position in the path counted from the leaf, and the length of the path.
    Path(usize, usize),
    /// The trust anchor.
    Root,
}

impl Place {
    fn text(self) -> String {
        match self {
            Self::Given(0) | Self::Path(0, _) => "leaf".to_owned(),
            Self::Given(position) => format!("certificate {} of the chain", position + 1),
            // Sub 1 is the one right below the root.
            Self::Path(position, length) => format!("sub {}", length.saturating_sub(position)),
            Self::Root => "root".to_owned(),
        }
    }

    pub(crate) fn label(self, common_name: Option<&str>) -> String {
        match common_name {
            Some(name) => format!("{} (CN={})", self.text(), shown(name)),
            None => self.text(),
        }
    }
}

/// A name from a certificate, safe for a log line: no control characters, not longer than 64 characters.
fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME_SHOWN).flat_map(char::escape_debug).collect()
}

impl Member<'_, '_> {
    fn label(&self) -> String {
        self.place.label(self.certificate.subject.common_names().next())
    }
}

impl<'r> Judge<'r> {
    pub(crate) fn new(request: &'r Request<'r>) -> Self {
        Self { request, tolerated: Vec::new() }
    }

    pub(crate) fn error(&self, rule: Rule, certificate: String, what: String) -> ChainError {
        ChainError { rule, id: self.request.profile.rule_id(rule, self.request.purpose), certificate, what }
    }

    /// A broken rule: tolerated and noted, or an error.
    pub(crate) fn broken(&mut self, rule: Rule, certificate: String, what: String) -> Result<(), ChainError> {
        if rule.info().tolerated && self.request.rules == Rules::Interop {
            if !self.tolerated.contains(&rule) {
                self.tolerated.push(rule);
            }
            return Ok(());
        }
        Err(self.error(rule, certificate, what))
    }

    fn check(
        &mut self,
        holds: bool,
        rule: Rule,
        member: Member<'_, '_>,
        what: &str,
    ) -> Result<(), ChainError> {
        if holds {
            Ok(())
        } else {
            self.broken(rule, member.label(), format!("The {} {what}.", member.place.text()))
        }
    }

    pub(crate) fn tolerated_ids(&self) -> Vec<String> {
        let id = |rule: &Rule| self.request.profile.rule_id(*rule, self.request.purpose);
        self.tolerated.iter().map(id).collect()
    }

    /// The octets of a certificate before it is parsed [V2G2-010].
    pub(crate) fn size(&mut self, octets: usize, place: Place) -> Result<(), ChainError> {
        let profile = self.request.profile;
        if octets <= profile.max_octets {
            return Ok(());
        }
        let what = format!("The {} has {octets} octets; {} is the limit.", place.text(), profile.max_octets);
        if octets > profile.max_octets_interop {
            return Err(self.error(Rule::TooLarge, place.label(None), what));
        }
        self.broken(Rule::TooLarge, place.label(None), what)
    }

    /// One certificate by itself, whatever its role.
    pub(crate) fn form(&mut self, member: Member<'_, '_>) -> Result<(), ChainError> {
        let certificate = member.certificate;
        let extensions = &certificate.extensions;
        let profile = self.request.profile;
        let serial = certificate.serial;
        let positive =
            serial.first().is_some_and(|first| *first < 0x80) && serial.iter().any(|octet| *octet != 0);
        for (holds, rule, what) in [
            (certificate.version == 3, Rule::Version, "is not of X.509 version 3"),
            (
                positive && serial.len() <= MAX_SERIAL_OCTETS,
                Rule::Serial,
                "has a serial number that is not positive or too long",
            ),
            (
                certificate.signature_algorithm == profile.signature,
                Rule::SignatureAlgorithm,
                "is signed with an algorithm that its profile does not allow",
            ),
            (
                certificate.key.curve == Some(profile.curve),
                Rule::Key,
                "has a public key that its profile does not allow",
            ),
            (
                extensions.unknown_critical.is_none(),
                Rule::UnknownCritical,
                "has a critical extension that is not understood",
            ),
            (
                extensions.forbidden.is_none(),
                Rule::ForbiddenExtension,
                "has name constraints or policy rules",
            ),
            (certificate.is_strict_der(), Rule::NotStrictDer, "is not encoded as strict DER"),
            (
                extensions.subject_key_identifier.is_some(),
                Rule::MissingSubjectKeyIdentifier,
                "has no SubjectKeyIdentifier",
            ),
        ] {
            self.check(holds, rule, member, what)?;
        }
        Ok(())
    }

    /// The anchor itself and whether it may stand above such a leaf.
    pub(crate) fn anchor(
        &mut self,
        anchor: &Anchor,
        leaf: &LeafProfile,
        below: usize,
    ) -> Result<(), ChainError> {
        let label = || Place::Root.label(Some(&anchor.common_name));
        let kind = anchor.kind();
        if !leaf.anchors.contains(&kind) {
            let what = format!(
                "The root is trusted as a {} root, which may not stand above a certificate for {}.",
                kind.name(),
                leaf.purpose.name()
            );
            return Err(self.error(Rule::AnchorKind, label(), what));
        }
        if anchor.key.curve() != self.request.profile.curve {
            let what = "The root has a public key that its profile does not allow.";
            return Err(self.error(Rule::Key, label(), what.to_owned()));
        }
        if !anchor.is_self_issued() {
            let what = "The trust anchor is below another root and no root itself.";
            self.broken(Rule::AnchorNotSelfIssued, label(), what.to_owned())?;
        }
        if kind == AnchorKind::V2g && !anchor.has_v2g_domain {
            let what = "The V2G root does not have the domain component V2G.";
            self.broken(Rule::AnchorDomain, label(), what.to_owned())?;
        }
        // [V2G2-867]; an anchor that is a sub-CA (tolerated above) may issue leaves.
        if kind == AnchorKind::V2g && below == 1 && anchor.is_self_issued() {
            let what = "The leaf was issued by the V2G root itself.";
            return Err(self.error(Rule::RootIssuesLeaf, label(), what.to_owned()));
        }
        Ok(())
    }

    /// Validity of the path and of its anchor at the time of the request.
    pub(crate) fn times(&self, path: &[Member<'_, '_>], anchor: &Anchor) -> Result<(), ChainError> {
        for member in path {
            let certificate = member.certificate;
            self.time(certificate.not_before, certificate.not_after, member.place, || member.label())?;
        }
        match self.request.root_validity {
            RootValidity::DangerIgnored => Ok(()),
            RootValidity::Checked => self.time(anchor.not_before, anchor.not_after, Place::Root, || {
                Place::Root.label(Some(&anchor.common_name))
            }),
        }
    }

    fn time(
        &self,
        not_before: i64,
        not_after: i64,
        place: Place,
        label: impl FnOnce() -> String,
    ) -> Result<(), ChainError> {
        let at = self.request.at;
        let (rule, verb, bound) = if at < not_before {
            (Rule::NotYetValid, "is valid only from", not_before)
        } else if at > not_after {
            (Rule::Expired, "expired on", not_after)
        } else {
            return Ok(());
        };
        let (place, bound, at) = (place.text(), format_utc(bound), format_utc(at));
        Err(self.error(rule, label(), format!("The {place} {verb} {bound}; the time of this check is {at}.")))
    }

    /// Every certificate of the path that issues another one; `path` starts at the leaf.
    pub(crate) fn issuers(
        &mut self,
        path: &[Member<'_, '_>],
        anchor: &Anchor,
        leaf: &LeafProfile,
    ) -> Result<(), ChainError> {
        for (sub_cas_below, member) in path.iter().skip(1).enumerate() {
            self.issuer(*member, sub_cas_below)?;
            if let Some(role) = self.foreign_role(*member, leaf) {
                let what = format!("has the domain component {role}, which stands for another role");
                self.check(false, Rule::IssuerDomain, *member, &what)?;
            }
        }
        let sub_cas = path.len().saturating_sub(1);
        if anchor.path_length.is_some_and(|allowed| usize::from(allowed) < sub_cas) {
            let what = "The root allows fewer sub-CAs below it than there are.".to_owned();
            return Err(self.error(Rule::PathLength, Place::Root.label(Some(&anchor.common_name)), what));
        }
        Ok(())
    }

    fn issuer(&mut self, member: Member<'_, '_>, sub_cas_below: usize) -> Result<(), ChainError> {
        let extensions = &member.certificate.extensions;
        let constraints = extensions.basic_constraints;
        let usage = extensions.key_usage;
        let path_length = constraints.and_then(|constraints| constraints.path_length);
        for (holds, rule, what) in [
            (constraints.is_some_and(|found| found.ca), Rule::NotCa, "issued a certificate but is no CA"),
            (
                usage.is_some_and(|(usage, _)| usage.intersects(KeyUsage::KEY_CERT_SIGN)),
                Rule::MissingKeyCertSign,
                "issued a certificate but its KeyUsage does not allow that",
            ),
            (
                path_length.is_none_or(|allowed| sub_cas_below <= usize::from(allowed)),
                Rule::PathLength,
                "allows fewer sub-CAs below it than there are",
            ),
            (path_length.is_some(), Rule::MissingPathLength, "has no path length"),
            (
                constraints.is_some_and(|found| found.critical),
                Rule::IssuerConstraintsNotCritical,
                "has BasicConstraints that are not critical",
            ),
            (
                usage.is_some_and(|(_, critical)| critical),
                Rule::IssuerUsageNotCritical,
                "has a KeyUsage that is not critical",
            ),
        ] {
            self.check(holds, rule, member, what)?;
        }
        Ok(())
    }

    /// The leaf's own profile; gives its common name.
    pub(crate) fn leaf<'a>(
        &mut self,
        member: Member<'_, 'a>,
        profile: &LeafProfile,
        anchor: AnchorKind,
    ) -> Result<&'a str, ChainError> {
        self.leaf_constraints(member)?;
        self.leaf_usage(member, profile)?;
        self.domain(member, profile, anchor)?;
        let holds = !member.certificate.extensions.wildcard_name;
        self.check(holds, Rule::Wildcard, member, "has a wildcard in its names")?;
        self.common_name(member)
    }

    fn leaf_constraints(&mut self, member: Member<'_, '_>) -> Result<(), ChainError> {
        let extensions = &member.certificate.extensions;
        let constraints = extensions.basic_constraints;
        let signs = KeyUsage::KEY_CERT_SIGN.with(KeyUsage::CRL_SIGN);
        let usage = extensions.key_usage.map(|(usage, _)| usage).unwrap_or_default();
        let is_ca = constraints.is_some_and(|found| found.ca) || usage.intersects(signs);
        self.check(!is_ca, Rule::LeafIsCa, member, "is the certificate of a CA or may sign certificates")?;
        let holds = constraints.is_some();
        self.check(holds, Rule::MissingBasicConstraints, member, "has no BasicConstraints")?;
        let holds = constraints.is_none_or(|found| found.critical);
        self.check(
            holds,
            Rule::LeafConstraintsNotCritical,
            member,
            "has BasicConstraints that are not critical",
        )
    }

    fn leaf_usage(&mut self, member: Member<'_, '_>, profile: &LeafProfile) -> Result<(), ChainError> {
        let extensions = &member.certificate.extensions;
        if let Some((usage, critical)) = extensions.key_usage {
            let missing = profile.required_usage.without(usage);
            if !missing.is_empty() {
                let what = format!("lacks {} in its KeyUsage", missing.names().join(" and "));
                self.check(false, Rule::KeyUsage, member, &what)?;
            }
            let extra = usage.without(profile.required_usage).without(profile.optional_usage);
            if !extra.is_empty() {
                let what =
                    format!("has {} in its KeyUsage, against its purpose", extra.names().join(" and "));
                self.check(false, Rule::ExtraKeyUsage, member, &what)?;
            }
            self.check(critical, Rule::LeafUsageNotCritical, member, "has a KeyUsage that is not critical")?;
        } else {
            self.check(false, Rule::MissingKeyUsage, member, "has no KeyUsage")?;
        }
        let Some(extended) = extensions.extended_key_usage else { return Ok(()) };
        let wanted = profile.extended_usage;
        let fits = wanted == ExtendedKeyUsage::NONE || extended.intersects(wanted);
        let holds = fits && !extended.intersects(ExtendedKeyUsage::OCSP_SIGNING);
        self.check(holds, Rule::ExtendedKeyUsage, member, "has an ExtendedKeyUsage for another use")
    }

    /// The role of another purpose, if the subject has one as domain component.
    fn foreign_role(&self, member: Member<'_, '_>, profile: &LeafProfile) -> Option<&'static str> {
        let mut roles =
            self.request.profile.roles.iter().copied().filter(|role| *role != profile.domain.role);
        roles.find(|role| {
            member
                .certificate
                .subject
                .domain_components()
                .any(|component| component.eq_ignore_ascii_case(role))
        })
    }

    /// The role in the domain component [V2G2-925].
    fn domain(
        &mut self,
        member: Member<'_, '_>,
        profile: &LeafProfile,
        anchor: AnchorKind,
    ) -> Result<(), ChainError> {
        if let Some(role) = self.foreign_role(member, profile) {
            let what = format!("has the domain component {role}, which stands for another role");
            self.check(false, Rule::WrongDomain, member, &what)?;
        }
        let expected = profile.domain;
        let mut components = member.certificate.subject.domain_components();
        let found = components.any(|component| component.eq_ignore_ascii_case(expected.role));
        if found || !expected.required {
            return Ok(());
        }
        let what = format!("does not have the domain component {}", expected.role);
        if anchor == AnchorKind::Private {
            return self.check(false, Rule::MissingDomain, member, &what);
        }
        // Below a shared root the role is all that tells a station from a contract: never tolerated there.
        let what = format!("The {} {what}.", member.place.text());
        Err(self.error(Rule::MissingDomain, member.label(), what))
    }

    fn common_name<'a>(&mut self, member: Member<'_, 'a>) -> Result<&'a str, ChainError> {
        let mut names = member.certificate.subject.common_names();
        let first = names.next().unwrap_or_default();
        let (mut count, mut same) = (usize::from(!first.is_empty()), true);
        for name in names {
            count += 1;
            same &= name == first;
        }
        let holds = count > 0 && same;
        self.check(holds, Rule::CommonName, member, "has no common name, or several different ones")?;
        self.check(count == 1, Rule::RepeatedCommonName, member, "repeats its common name")?;
        Ok(first)
    }

    /// Revocation of every certificate of the path and of the anchor.
    pub(crate) fn revocation(&self, path: &[Member<'_, '_>], anchor: &Anchor) -> Result<(), ChainError> {
        let revoked = self.request.revoked;
        for member in path {
            let certificate = member.certificate;
            if revoked.holds(
                || certificate.signed_part_sha256(),
                certificate.issuer.der(),
                certificate.serial,
            ) {
                let what = format!("The {} is revoked.", member.place.text());
                return Err(self.error(Rule::Revoked, member.label(), what));
            }
        }
        if revoked.holds(|| anchor.signed_part_sha256, &anchor.issuer, &anchor.serial) {
            let label = Place::Root.label(Some(&anchor.common_name));
            return Err(self.error(Rule::Revoked, label, "The root is revoked.".to_owned()));
        }
        Ok(())
    }
}
