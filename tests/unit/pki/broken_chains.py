"""One broken chain for each rule: what is given, and which rule it breaks.

A case is a function whose name says what is wrong. Rules about leaves are broken for the purpose named in the
rule's id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.pki.certificate_factory import (
    AT,
    BASIC,
    CRL,
    CS,
    DS,
    KEY_USAGE,
    NAME_CONSTRAINTS,
    NR,
    OID_CN,
    OID_DC,
    OID_O,
    SAN,
    SKI,
    Spec,
    basic,
    ca,
    dns_names,
    key_of,
    key_usage,
    leaf,
    name,
    public_info,
    seq,
    tlv,
    tree,
)


@dataclass(frozen=True)
class Case:
    """What to validate and which rule has to be named."""

    rule: str
    chain: list[bytes]
    purpose: str = "contract"
    anchors: dict[str, list[bytes]] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    interop_rule: str | None = None
    """The rule that interop names although strict names a tolerated one first."""


Builder = Callable[[], Case]
CASES: dict[str, Builder] = {}


def case(builder: Builder) -> Builder:
    CASES[builder.__name__] = builder
    return builder


def trusted(purpose: str = "contract") -> dict[str, list[bytes]]:
    good = tree(purpose)
    return {good.kind: [good.root.der]}


def broken_leaf(rule: str, purpose: str, spec: Spec, **more: Any) -> Case:
    good = tree(purpose)
    chain = [spec.der, good.sub2.der, good.sub1.der]
    return Case(f"iso2::{purpose}::{rule}", chain, purpose, trusted(purpose), **more)


def broken_certificate(rule: str, spec: Spec, **more: Any) -> Case:
    """The rule is about every certificate; the contract leaf breaks it."""
    good = tree("contract")
    return Case(f"iso2::{rule}", [spec.der, good.sub2.der, good.sub1.der], "contract", trusted(), **more)


def broken_sub2(rule: str, spec: Spec, **more: Any) -> Case:
    good = tree("contract")
    return Case(f"iso2::{rule}", [good.leaf.der, spec.der, good.sub1.der], "contract", trusted(), **more)


LEAF = tree("contract").leaf
SUB2 = tree("contract").sub2


@case
def no_certificate() -> Case:
    return Case("iso2::chain::empty", [], "contract", trusted())


@case
def hundred_certificates() -> Case:
    return Case("iso2::chain::too-many-certificates", tree("contract").chain * 34, "contract", trusted())


@case
def three_sub_cas() -> Case:
    good = tree("contract")
    middle = ca("extra", "contract sub 1", 1)
    low = replace(good.sub2, issuer=middle.subject, issuer_key="extra")
    chain = [good.leaf.der, low.der, middle.der, good.sub1.der]
    return Case("iso2::chain::too-many-certificates", chain, "contract", trusted())


@case
def repeated_certificate() -> Case:
    good = tree("contract")
    return Case("iso2::chain::duplicate-certificate", [*good.chain, good.sub1.der], "contract", trusted())


@case
def larger_than_800_octets() -> Case:
    return broken_certificate("certificate::too-large", LEAF.having(SAN, dns_names("x" * 400)))


@case
def larger_than_1600_octets() -> Case:
    spec = LEAF.having(SAN, dns_names("x" * 1200))
    return broken_certificate("certificate::too-large", spec, interop_rule="iso2::certificate::too-large")


@case
def not_a_certificate() -> Case:
    return Case("iso2::certificate::malformed", [b"\x30\x03\x02\x01\x05"], "contract", trusted())


@case
def two_signature_algorithms() -> Case:
    return broken_certificate("certificate::malformed", replace(LEAF, outer_algorithm="ecdsa-sha384"))


@case
def validity_ends_before_it_starts() -> Case:
    return broken_certificate(
        "certificate::malformed", replace(LEAF, not_after=datetime(2025, 1, 1, tzinfo=UTC))
    )


@case
def unique_identifier() -> Case:
    return broken_certificate("certificate::malformed", replace(LEAF, tail=tlv(0x81, b"\x00\x01")))


@case
def second_common_name_in_an_unusual_string_type() -> Case:
    hidden = tlv(0x31, seq(OID_CN, tlv(0x1E, "DE8AA007654321".encode("utf-16-be"))))
    subject = seq(tlv(0x31, seq(OID_CN, tlv(0x0C, b"DE8AA001234567"))), hidden)
    return broken_certificate("certificate::malformed", replace(LEAF, subject=subject))


@case
def explicit_not_ca() -> Case:
    spec = LEAF.having(BASIC, bytes.fromhex("3003010100"), critical=True)
    return broken_certificate("certificate::not-strict-der", spec)


@case
def early_generalized_time() -> Case:
    return broken_certificate("certificate::not-strict-der", replace(LEAF, generalized=True))


@case
def explicit_not_critical() -> Case:
    value = seq(bytes.fromhex("0603551d11"), b"\x01\x01\x00", tlv(0x04, dns_names("a")))
    return broken_certificate("certificate::not-strict-der", replace(LEAF, extra_extensions=(value,)))


@case
def version_1() -> Case:
    return broken_certificate("certificate::version", replace(LEAF, version=None, extensions={}))


@case
def version_2() -> Case:
    return broken_certificate("certificate::version", replace(LEAF, version=1, extensions={}))


@case
def serial_zero() -> Case:
    return broken_certificate("certificate::serial-number", replace(LEAF, serial=b"\x00"))


@case
def serial_negative() -> Case:
    return broken_certificate("certificate::serial-number", replace(LEAF, serial=b"\x80"))


@case
def serial_too_long() -> Case:
    return broken_certificate("certificate::serial-number", replace(LEAF, serial=b"\x01" * 21))


@case
def extension_twice() -> Case:
    again = seq(bytes.fromhex("0603551d0e"), tlv(0x04, tlv(0x04, b"again")))
    return broken_certificate("certificate::duplicate-extension", replace(LEAF, extra_extensions=(again,)))


@case
def unknown_critical_extension() -> Case:
    unknown = seq(bytes.fromhex("06032a0304"), b"\x01\x01\xff", tlv(0x04, b"\x05\x00"))
    spec = replace(LEAF, extra_extensions=(unknown,))
    return broken_certificate("certificate::unknown-critical-extension", spec)


@case
def name_constraints() -> Case:
    return broken_sub2("certificate::forbidden-extension", SUB2.having(NAME_CONSTRAINTS, seq()))


def _signed_otherwise(algorithm: str, issuer_key: str) -> Case:
    spec = replace(LEAF, algorithm=algorithm, issuer_key=issuer_key)
    return broken_certificate("certificate::signature-algorithm", spec)


@case
def signed_with_sha1() -> Case:
    return _signed_otherwise("ecdsa-sha1", "contract sub 2")


@case
def signed_with_sha384() -> Case:
    return _signed_otherwise("ecdsa-sha384", "contract sub 2")


@case
def signed_with_sha512() -> Case:
    return _signed_otherwise("ecdsa-sha512", "contract sub 2")


@case
def signed_with_rsa() -> Case:
    return _signed_otherwise("rsa-sha256", "rsa:sub 2")


@case
def signed_with_md5() -> Case:
    return _signed_otherwise("rsa-md5", "rsa:sub 2")


@case
def signed_with_ed25519() -> Case:
    return _signed_otherwise("ed25519", "ed25519:sub 2")


def _keyed_otherwise(key: str) -> Case:
    return broken_certificate("certificate::key-type", replace(LEAF, key=key))


@case
def key_on_p384() -> Case:
    return _keyed_otherwise("p384:leaf")


@case
def key_on_p521() -> Case:
    return _keyed_otherwise("p521:leaf")


@case
def key_on_secp256k1() -> Case:
    return _keyed_otherwise("k256:leaf")


@case
def key_of_rsa() -> Case:
    return _keyed_otherwise("rsa:leaf")


@case
def key_of_ed25519() -> Case:
    return _keyed_otherwise("ed25519:leaf")


@case
def sub_ca_with_rsa_key() -> Case:
    sub = replace(SUB2, key="rsa:sub 2")
    good = tree("contract")
    forged = replace(LEAF, algorithm="rsa-sha256", issuer_key="rsa:sub 2")
    chain = [forged.der, sub.der, good.sub1.der]
    return Case("iso2::certificate::signature-algorithm", chain, "contract", trusted())


@case
def explicit_curve_parameters() -> Case:
    point = public_info(key_of(LEAF.key))[-65:]
    kind = seq(
        bytes.fromhex("06072a8648ce3d0201"), seq(b"\x02\x01\x01", seq(bytes.fromhex("06072a8648ce3d0101")))
    )
    spec = replace(LEAF, public_info=seq(kind, tlv(0x03, b"\x00", point)))
    return broken_certificate("certificate::key-type", spec)


def _with_point(point: bytes) -> Case:
    kind = seq(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06082a8648ce3d030107"))
    spec = replace(LEAF, public_info=seq(kind, tlv(0x03, b"\x00", point)))
    return broken_certificate("certificate::public-key-point", spec)


@case
def point_not_on_curve() -> Case:
    return _with_point(b"\x04" + b"\x01" * 64)


@case
def point_compressed() -> Case:
    return _with_point(b"\x02" + public_info(key_of(LEAF.key))[-64:-32])


@case
def point_at_infinity() -> Case:
    return _with_point(b"\x00")


@case
def no_subject_key_identifier() -> Case:
    return broken_certificate("certificate::missing-subject-key-identifier", LEAF.without(SKI))


@case
def unknown_root() -> Case:
    chain = tree("contract").chain
    return Case("iso2::chain::unknown-root", chain, "contract", trusted("oem-provisioning"))


@case
def unknown_root_sent_along() -> Case:
    good = tree("contract")
    short = replace(good.sub2, issuer=good.root.subject, issuer_key=good.root.key)
    chain = [good.leaf.der, short.der, good.root.der]
    return Case("iso2::chain::unknown-root", chain, "contract", trusted("cps"))


@case
def nothing_trusted() -> Case:
    return Case("iso2::chain::unknown-root", tree("contract").chain, "contract", {})


@case
def sub_2_missing() -> Case:
    good = tree("contract")
    return Case("iso2::chain::missing-sub-ca", [good.leaf.der, good.sub1.der], "contract", trusted())


@case
def root_of_same_name_with_other_key() -> Case:
    twin = replace(tree("contract").root, key="twin", issuer_key="twin")
    return Case("iso2::chain::broken-signature", tree("contract").chain, "contract", {"mo": [twin.der]})


@case
def forged_leaf() -> Case:
    return broken_certificate("chain::broken-signature", replace(LEAF, issuer_key="forger"))


@case
def forged_sub_ca() -> Case:
    return broken_sub2("chain::broken-signature", replace(SUB2, issuer_key="forger"))


@case
def two_certificates_in_a_ring() -> Case:
    good = tree("contract")
    other = replace(good.sub1, issuer=good.sub2.subject, issuer_key=good.sub2.key)
    return Case(
        "iso2::chain::unknown-root",
        [good.leaf.der, good.sub2.der, other.der],
        "contract",
        {"mo": [tree("secc").root.der]},
        interop_rule="iso2::chain::unknown-root",
    )


@case
def sixty_roots_of_one_name() -> Case:
    root = tree("contract").root
    twins = [replace(root, key=f"twin {number}", issuer_key=f"twin {number}").der for number in range(60)]
    return Case("iso2::chain::work-limit", tree("contract").chain, "contract", {"mo": twins})


@case
def anchor_below_a_root() -> Case:
    good = tree("contract")
    return Case("iso2::anchor::not-a-root", good.chain[:2], "contract", {"mo": [good.sub1.der]})


@case
def v2g_root_without_role() -> Case:
    plain = name((OID_CN, "plain root"), (OID_O, "test"))
    root = replace(ca("plain root", "plain root", None), subject=plain, issuer=plain)
    sub = replace(ca("plain sub", "plain root", 0), issuer=plain)
    low = leaf("DE8AA001234567", "plain sub", DS | NR, role="MO")
    return Case("iso2::anchor::missing-domain-component", [low.der, sub.der], "contract", {"v2g": [root.der]})


@case
def v2g_root_issues_the_leaf() -> Case:
    low = replace(leaf("DEPLGS000001", "secc root", DS, role="CPO"))
    return Case("iso2::chain::root-issues-leaf", [low.der], "secc", trusted("secc"))


@case
def certificate_of_another_chain() -> Case:
    good = tree("contract")
    short = replace(good.sub2, issuer=good.root.subject, issuer_key=good.root.key)
    stranger = ca("stranger", good.root.key, 0)
    chain = [good.leaf.der, short.der, stranger.der]
    return Case("iso2::chain::unused-certificate", chain, "contract", trusted())


@case
def leaf_not_yet_valid() -> Case:
    return broken_certificate(
        "certificate::not-yet-valid", replace(LEAF, not_before=AT + timedelta(seconds=1))
    )


@case
def leaf_expired() -> Case:
    return broken_certificate("certificate::expired", replace(LEAF, not_after=AT - timedelta(seconds=1)))


@case
def sub_2_not_yet_valid() -> Case:
    return broken_sub2("certificate::not-yet-valid", replace(SUB2, not_before=AT + timedelta(days=1)))


@case
def sub_2_expired() -> Case:
    return broken_sub2("certificate::expired", replace(SUB2, not_after=AT - timedelta(days=1)))


def _sub_1(**changes: Any) -> list[bytes]:
    good = tree("contract")
    return [good.leaf.der, good.sub2.der, replace(good.sub1, **changes).der]


@case
def sub_1_not_yet_valid() -> Case:
    chain = _sub_1(not_before=AT + timedelta(days=1))
    return Case("iso2::certificate::not-yet-valid", chain, "contract", trusted())


@case
def sub_1_expired() -> Case:
    chain = _sub_1(not_after=AT - timedelta(days=1))
    return Case("iso2::certificate::expired", chain, "contract", trusted())


def _with_root(rule: str, **changes: Any) -> Case:
    root = replace(tree("contract").root, **changes)
    return Case(rule, tree("contract").chain, "contract", {"mo": [root.der]})


@case
def root_not_yet_valid() -> Case:
    return _with_root("iso2::certificate::not-yet-valid", not_before=AT + timedelta(days=1))


@case
def root_expired() -> Case:
    return _with_root("iso2::certificate::expired", not_after=AT - timedelta(days=1))


@case
def leaf_signed_by_a_leaf() -> Case:
    good = tree("contract")
    middle = replace(
        good.leaf, subject=name((OID_CN, "other"), (OID_O, "test"), (OID_DC, "V2G")), key="other"
    )
    low = leaf("DE8AA001234567", "other", DS | NR, role="MO")
    chain = [low.der, middle.der, good.sub2.der]
    return Case("iso2::ca::not-a-ca", chain, "contract", {"mo": [good.sub1.der]}, {"rules": "interop"})


@case
def sub_ca_without_basic_constraints() -> Case:
    return broken_sub2("ca::not-a-ca", SUB2.without(BASIC))


@case
def sub_ca_that_says_not_ca() -> Case:
    return broken_sub2("ca::not-a-ca", SUB2.having(BASIC, basic(False), critical=True))


@case
def sub_ca_without_key_usage() -> Case:
    return broken_sub2("ca::missing-key-cert-sign", SUB2.without(KEY_USAGE))


@case
def sub_ca_without_key_cert_sign() -> Case:
    spec = SUB2.having(KEY_USAGE, key_usage(CRL | DS), critical=True)
    return broken_sub2("ca::missing-key-cert-sign", spec)


@case
def path_length_of_sub_1_exceeded() -> Case:
    good = tree("contract")
    sub1 = good.sub1.having(BASIC, basic(True, 0), critical=True)
    return Case("iso2::ca::path-length", [good.leaf.der, good.sub2.der, sub1.der], "contract", trusted())


@case
def path_length_of_root_exceeded() -> Case:
    root = tree("contract").root.having(BASIC, basic(True, 1), critical=True)
    return Case("iso2::ca::path-length", tree("contract").chain, "contract", {"mo": [root.der]})


@case
def sub_ca_of_another_branch() -> Case:
    good = tree("contract")
    sub2 = ca("contract sub 2", "contract sub 1", 0)
    sub2 = replace(sub2, subject=name((OID_CN, "contract sub 2"), (OID_O, "test"), (OID_DC, "CPS")))
    low = replace(good.leaf, issuer=sub2.subject)
    chain = [low.der, sub2.der, good.sub1.der]
    return Case("iso2::ca::wrong-domain-component", chain, "contract", trusted())


@case
def sub_ca_without_path_length() -> Case:
    spec = SUB2.having(BASIC, basic(True), critical=True)
    return broken_sub2("ca::missing-path-length", spec)


@case
def basic_constraints_of_sub_ca_not_critical() -> Case:
    return broken_sub2("ca::basic-constraints-not-critical", SUB2.having(BASIC, basic(True, 0)))


@case
def key_usage_of_sub_ca_not_critical() -> Case:
    return broken_sub2("ca::key-usage-not-critical", SUB2.having(KEY_USAGE, key_usage(CS | CRL)))


@case
def contract_named_otherwise() -> Case:
    spec = replace(LEAF, subject=name((OID_CN, "no eMAID at all"), (OID_O, "test")))
    return broken_certificate("contract::subject-not-an-emaid", spec)


def _vehicle_named(common_name: str, **more: Any) -> Case:
    subject = name((OID_CN, common_name), (OID_O, "test"))
    return broken_leaf(
        "subject-not-a-pcid",
        "oem-provisioning",
        replace(tree("oem-provisioning").leaf, subject=subject),
        **more,
    )


@case
def vehicle_named_otherwise() -> Case:
    return _vehicle_named("WMIV1234567890ABCDEFX")


@case
def contract_used_as_vehicle() -> Case:
    return _vehicle_named("DE8AA001234567", interop_rule="iso2::oem-provisioning::subject-not-a-pcid")


@case
def revoked_leaf() -> Case:
    arguments = {"revoked": frozenset({(LEAF.issuer, 5)})}
    return Case("iso2::certificate::revoked", tree("contract").chain, "contract", trusted(), arguments)


@case
def station_without_role_in_a_private_environment() -> Case:
    root = ca("private root", "private root", None)
    plain = leaf("DEPLGS000001", "private root", DS, role=None)
    return Case("iso2::secc::missing-domain-component", [plain.der], "secc", {"private": [root.der]})


@case
def contract_used_as_station() -> Case:
    good = tree("contract")
    # Strict rules stop at the first surplus usage, interop at the role.
    return Case(
        "iso2::secc::extra-key-usage",
        good.chain,
        "secc",
        {"v2g": [good.root.der]},
        interop_rule="iso2::secc::wrong-domain-component",
    )


@case
def contract_without_role_used_as_station() -> Case:
    low = leaf("DE8AA001234567", "contract sub 2", DS, role=None)
    good = tree("contract")
    chain = [low.der, good.sub2.der, good.sub1.der]
    rule = "iso2::secc::missing-domain-component"
    return Case(rule, chain, "secc", {"v2g": [good.root.der]}, interop_rule=rule)
