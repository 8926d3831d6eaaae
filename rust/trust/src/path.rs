//! From the certificates a peer sent to one good path: the order of checks and the search for issuers.
//!
//! Count, size, parse, form of each certificate, links (issuer and subject names octet by octet, then the
//! signature), kind of anchor, validity, issuers' rights, leaf profile, revocation. Sub-CAs may come in any order;
//! every matching anchor is tried. Whatever cannot be decided is a refusal.

use std::sync::Arc;

use crate::anchors::{Anchor, TrustAnchors};
use crate::certificate::Certificate;
use crate::chain::{ChainError, Leaf, Request, ValidatedChain};
use crate::judge::{Judge, Member, Place};
use crate::key::{Curve, PublicKey};
use crate::profile::LeafProfile;
use crate::rule::Rule;

/// Most signatures that one call checks. Three certificates under ten roots of one name [V2G2-878] stay below it.
pub const MAX_LINK_CHECKS: usize = 48;

/// Validates a chain: leaf first, sub-CAs in any order, the root left out (or octet-identical to an anchor).
///
/// Fails closed: the chain is good only if one path passes every check. When several paths fail, the error is that
/// of the path that got furthest.
pub fn validate(
    chain: &[&[u8]],
    trust: &TrustAnchors,
    request: &Request<'_>,
) -> Result<ValidatedChain, ChainError> {
    let mut judge = Judge::new(request);
    let Some(profile) = request.profile.leaf(request.purpose) else {
        let what = "This standard has no certificates for that purpose.".to_owned();
        return Err(judge.error(Rule::AnchorKind, String::new(), what));
    };
    let given = admit(chain, trust, request, &mut judge)?;
    let mut nodes = Vec::with_capacity(given.len());
    for (position, der) in given {
        nodes.push(Node::read(position, der, &mut judge)?);
    }
    Search { nodes, trust, profile, judge, checks: 0, best: None }.run()
}

/// Counts and sizes, before anything is parsed; gives what has to be parsed, with its position in the chain.
fn admit<'a>(
    chain: &[&'a [u8]],
    trust: &TrustAnchors,
    request: &Request<'_>,
    judge: &mut Judge<'_>,
) -> Result<Vec<(usize, &'a [u8])>, ChainError> {
    if chain.is_empty() {
        return Err(judge.error(Rule::Empty, String::new(), "The chain has no certificate.".to_owned()));
    }
    let too_many = |judge: &Judge<'_>, limit: usize| {
        let what = format!("The chain has {} certificates; {limit} is the limit.", chain.len());
        Err(judge.error(Rule::TooMany, String::new(), what))
    };
    if chain.len() > request.profile.max_on_wire {
        return too_many(judge, request.profile.max_on_wire);
    }
    let mut given: Vec<(usize, &[u8])> = Vec::with_capacity(chain.len());
    for (position, der) in chain.iter().enumerate() {
        let place = Place::Given(position);
        judge.size(der.len(), place)?;
        if given.iter().any(|(_, earlier)| earlier == der) {
            let what = "A certificate appears twice in the chain.".to_owned();
            judge.broken(Rule::Duplicate, place.label(None), what)?;
        } else if position == 0 || !trust.holds(der) {
            given.push((position, der));
        }
    }
    if given.len() > request.profile.max_depth {
        return too_many(judge, request.profile.max_depth);
    }
    Ok(given)
}

/// A certificate of the chain with its key.
struct Node<'a> {
    position: usize,
    certificate: Certificate<'a>,
    key: PublicKey,
}

impl<'a> Node<'a> {
    fn read(position: usize, der: &'a [u8], judge: &mut Judge<'_>) -> Result<Self, ChainError> {
        let place = Place::Given(position);
        let certificate = Certificate::parse(der).map_err(|error| {
            let what = format!("The certificate cannot be read: {}.", error.detail);
            judge.error(error.rule, place.label(None), what)
        })?;
        judge.form(Member { certificate: &certificate, place })?;
        let curve = judge_curve(&certificate, judge, place)?;
        let key = PublicKey::from_point(curve, certificate.key.octets).map_err(|error| {
            let label = place.label(certificate.subject.common_names().next());
            judge.error(Rule::Point, label, format!("The certificate cannot be used: {error}."))
        })?;
        Ok(Self { position, certificate, key })
    }
}

fn judge_curve(certificate: &Certificate<'_>, judge: &Judge<'_>, place: Place) -> Result<Curve, ChainError> {
    certificate.key.curve.ok_or_else(|| {
        let label = place.label(certificate.subject.common_names().next());
        judge.error(
            Rule::Key,
            label,
            "The public key is of a kind that its profile does not allow.".to_owned(),
        )
    })
}

/// Whether `issuer` signed `certificate`: the one place where a link is verified.
fn verify_link(certificate: &Certificate<'_>, issuer: &PublicKey) -> bool {
    issuer.verify_der(certificate.signed, certificate.signature).is_ok()
}

/// A depth-first search for a path that passes; there are at most three nodes, so paths are few.
struct Search<'a, 's> {
    nodes: Vec<Node<'a>>,
    trust: &'s TrustAnchors,
    profile: &'static LeafProfile,
    judge: Judge<'s>,
    checks: usize,
    best: Option<ChainError>,
}

impl Search<'_, '_> {
    fn run(mut self) -> Result<ValidatedChain, ChainError> {
        let mut open = vec![vec![0_usize]];
        while let Some(path) = open.pop() {
            let Some(top) = path.last().and_then(|top| self.nodes.get(*top)) else { continue };
            let issuer = top.certificate.issuer.der();
            let (named_anchors, found) = self.try_anchors(&path, issuer)?;
            if let Some(found) = found {
                return Ok(found);
            }
            let named_nodes = self.extend(&path, issuer, &mut open)?;
            if !named_anchors && !named_nodes {
                self.dead_end(&path);
            }
        }
        // The first path has a top, so at least one reason was noted; without one, refuse all the same.
        let fallback =
            || self.judge.error(Rule::UnknownRoot, String::new(), "No path to a root was found.".to_owned());
        Err(self.best.take().unwrap_or_else(fallback))
    }

    /// Tries every anchor that has the name of the path's issuer; those of a fitting kind come first.
    fn try_anchors(
        &mut self,
        path: &[usize],
        issuer: &[u8],
    ) -> Result<(bool, Option<ValidatedChain>), ChainError> {
        let trust = self.trust;
        let mut named = false;
        for fitting in [true, false] {
            for anchor in trust.iter() {
                if *anchor.subject != *issuer || self.profile.anchors.contains(&anchor.kind()) != fitting {
                    continue;
                }
                named = true;
                if !self.link(path, &anchor.key)? {
                    self.bad_signature(path, "a trusted root of that name");
                    continue;
                }
                match self.judge_path(path, anchor) {
                    Ok(found) => return Ok((named, Some(found))),
                    Err(error) => self.note(error),
                }
            }
        }
        Ok((named, None))
    }

    /// Puts every path on the list that is one verified issuer longer.
    fn extend(
        &mut self,
        path: &[usize],
        issuer: &[u8],
        open: &mut Vec<Vec<usize>>,
    ) -> Result<bool, ChainError> {
        let mut named = false;
        for next in 1..self.nodes.len() {
            let Some(node) = self.nodes.get(next) else { continue };
            if path.contains(&next) || node.certificate.subject.der() != issuer {
                continue;
            }
            named = true;
            let key = node.key.clone();
            if self.link(path, &key)? {
                open.push([path, &[next]].concat());
            } else {
                self.bad_signature(path, "a certificate of that name in the chain");
            }
        }
        Ok(named)
    }

    /// Verifies the last certificate of the path under a key, within the limit of this call.
    fn link(&mut self, path: &[usize], issuer: &PublicKey) -> Result<bool, ChainError> {
        if self.checks >= MAX_LINK_CHECKS {
            let what = format!("The chain needs more than {MAX_LINK_CHECKS} signature checks.");
            return Err(self.judge.error(Rule::WorkLimit, String::new(), what));
        }
        self.checks += 1;
        let top = path.last().and_then(|top| self.nodes.get(*top));
        Ok(top.is_some_and(|node| verify_link(&node.certificate, issuer)))
    }

    fn note(&mut self, error: ChainError) {
        let rank = |error: &ChainError| error.rule.info().stage;
        if self.best.as_ref().is_none_or(|best| rank(best) < rank(&error)) {
            self.best = Some(error);
        }
    }

    fn top_label(&self, path: &[usize]) -> String {
        let node = path.last().and_then(|top| self.nodes.get(*top));
        node.map_or_else(String::new, |node| {
            Place::Given(node.position).label(node.certificate.subject.common_names().next())
        })
    }

    fn bad_signature(&mut self, path: &[usize], issuer: &str) {
        let what = format!("The certificate names {issuer} as its issuer, but was not signed with its key.");
        self.note(self.judge.error(Rule::Signature, self.top_label(path), what));
    }

    /// Nobody has the name of the path's issuer.
    fn dead_end(&mut self, path: &[usize]) {
        let (rule, what) = if path.len() < self.nodes.len() {
            (
                Rule::MissingSubCa,
                "The issuer of the certificate is not in the chain, which has other certificates.",
            )
        } else {
            (Rule::UnknownRoot, "The chain ends at an issuer that is not trusted here.")
        };
        self.note(self.judge.error(rule, self.top_label(path), what.to_owned()));
    }

    /// Judges a path whose signatures are all good.
    fn judge_path(&self, path: &[usize], anchor: &Arc<Anchor>) -> Result<ValidatedChain, ChainError> {
        let mut judge = self.judge.clone();
        let nodes: Vec<&Node<'_>> = path.iter().filter_map(|index| self.nodes.get(*index)).collect();
        let members: Vec<Member<'_, '_>> = nodes
            .iter()
            .enumerate()
            .map(|(position, node)| Member {
                certificate: &node.certificate,
                place: Place::Path(position, nodes.len()),
            })
            .collect();
        let (Some(leaf_node), Some(leaf)) = (nodes.first(), members.first()) else {
            return Err(judge.error(Rule::Empty, String::new(), "The chain has no certificate.".to_owned()));
        };
        judge.anchor(anchor, self.profile, members.len())?;
        if members.len() < self.nodes.len() {
            let what =
                "The chain has certificates that are not part of the path from leaf to root.".to_owned();
            judge.broken(Rule::Unused, String::new(), what)?;
        }
        judge.times(&members, anchor)?;
        judge.issuers(&members, anchor, self.profile)?;
        let subject_cn = judge.leaf(*leaf, self.profile, anchor.kind())?.to_owned();
        judge.revocation(&members, anchor)?;
        let period = |start: i64, end: i64| {
            nodes.iter().fold((start, end), |(start, end), node| {
                (start.max(node.certificate.not_before), end.min(node.certificate.not_after))
            })
        };
        let (not_before, not_after) = period(anchor.not_before, anchor.not_after);
        Ok(ValidatedChain {
            leaf: Leaf {
                subject_cn,
                key_usage: leaf.certificate.extensions.key_usage.map(|(usage, _)| usage),
                public_key: leaf_node.key.clone(),
                fingerprint: leaf.certificate.fingerprint(),
                signed_part_sha256: leaf.certificate.signed_part_sha256(),
            },
            path: nodes.iter().map(|node| node.position).collect(),
            anchor: Arc::clone(anchor),
            not_before,
            not_after,
            tolerated: judge.tolerated_ids(),
        })
    }
}
