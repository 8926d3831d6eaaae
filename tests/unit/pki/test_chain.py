"""plugcharge.pki.chain: one kept and one broken case for each rule, and what a good chain gives."""

from __future__ import annotations

import hashlib
import time
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from plugcharge import pki
from plugcharge.errors import ChainError, LocalError, SignatureError
from tests.unit.pki.broken_chains import Case
from tests.unit.pki.broken_leaves import ALL_CASES, PURPOSES
from tests.unit.pki.certificate_factory import (
    AT,
    BASIC,
    DS,
    EKU,
    KA,
    KEY_USAGE,
    NR,
    OID_CN,
    OID_DC,
    OID_O,
    ORDER,
    SAN,
    SERVER_AUTH,
    Spec,
    basic,
    ca,
    dns_names,
    extended,
    key_usage,
    leaf,
    mirrored,
    name,
    tree,
    with_signature,
)

Rules = Literal["strict", "interop"]
RULES = {rule.id: rule for rule in pki.chain_rules()}


def signed_part(der: bytes) -> bytes:
    return hashlib.sha256(x509.load_der_x509_certificate(der).tbs_certificate_bytes).digest()


def check(case: Case, rules: Rules = "strict") -> pki.ValidatedChain:
    arguments: dict[str, Any] = {"rules": rules, **case.arguments}
    return pki.validate(
        case.chain,
        purpose=pki.Purpose(case.purpose),
        trust=pki.TrustStore(**case.anchors),
        at=AT,
        **arguments,
    )


def good(chain: list[bytes], purpose: str = "contract", **anchors: list[bytes]) -> pki.ValidatedChain:
    return check(Case("", chain, purpose, anchors or {tree(purpose).kind: [tree(purpose).root.der]}))


@pytest.mark.parametrize("label", sorted(ALL_CASES))
def test_strict_rules_name_what_is_broken(label: str) -> None:
    case = ALL_CASES[label]()
    with pytest.raises(ChainError) as caught:
        check(case)
    error = caught.value
    assert (error.rule, error.code) == (case.rule, RULES[case.rule].code)
    assert error.what.endswith(".")
    assert error.why
    assert error.advice == RULES[case.rule].advice


@pytest.mark.parametrize("label", sorted(ALL_CASES))
def test_interop_tolerates_only_what_the_table_says(label: str) -> None:
    case = ALL_CASES[label]()
    if RULES[case.rule].tolerated and case.interop_rule is None:
        assert case.rule in check(case, "interop").tolerated
    else:
        with pytest.raises(ChainError) as caught:
            check(case, "interop")
        assert caught.value.rule == (case.interop_rule or case.rule)


def test_every_rule_has_a_broken_case() -> None:
    broken = {builder().rule for builder in ALL_CASES.values()}
    # The role is optional on contracts and provisioning certificates, so it cannot be missing there.
    never = {f"iso2::{purpose}::missing-domain-component" for purpose in ("contract", "oem-provisioning")}
    assert broken == set(RULES) - never
    assert len(ALL_CASES) >= 40


@pytest.mark.parametrize("purpose", PURPOSES)
def test_good_chain_of_each_purpose(purpose: str) -> None:
    source = tree(purpose)
    found = good(source.chain, purpose)
    assert found.chain == tuple(source.chain)
    assert (found.leaf, found.anchor, found.anchor_kind) == (source.leaf.der, source.root.der, source.kind)
    assert (found.purpose, found.subject_cn, found.tolerated) == (purpose, source.leaf.key, ())
    assert found.fingerprint == hashlib.sha256(source.leaf.der).digest()
    assert found.public_key == pki.PublicKey.from_certificate(source.leaf.der)
    assert found.emaid == ("DE8AA001234567" if purpose == "contract" else None)
    assert found.pcid == ("WMIV1234567890ABCD" if purpose == "oem-provisioning" else None)
    assert "digitalSignature" in found.key_usage


KEPT: dict[str, tuple[str, Spec]] = {
    "valid from this second": ("contract", replace(tree("contract").leaf, not_before=AT)),
    "valid to this second": ("contract", replace(tree("contract").leaf, not_after=AT)),
    "serial of 20 octets": ("contract", replace(tree("contract").leaf, serial=b"\x7f" + b"\xff" * 19)),
    "valid beyond 2050": (
        "contract",
        replace(tree("contract").leaf, not_after=datetime(2059, 1, 9, tzinfo=UTC)),
    ),
    "only the two usages needed": (
        "contract",
        tree("contract").leaf.having(KEY_USAGE, key_usage(DS | NR), critical=True),
    ),
    "no role on a contract": (
        "contract",
        replace(tree("contract").leaf, subject=name((OID_CN, "DE8AA001234567"), (OID_O, "test"))),
    ),
    "role in lower case": (
        "secc",
        replace(tree("secc").leaf, subject=name((OID_CN, "DEPLGS000001"), (OID_DC, "cpo"))),
    ),
    "station with keyAgreement": (
        "secc",
        tree("secc").leaf.having(KEY_USAGE, key_usage(DS | KA), critical=True),
    ),
    "station with serverAuth": ("secc", tree("secc").leaf.having(EKU, extended(SERVER_AUTH))),
    "station with a plain name": ("secc", tree("secc").leaf.having(SAN, dns_names("secc.example"))),
    "unknown extension that is not critical": (
        "contract",
        replace(tree("contract").leaf, extra_extensions=(bytes.fromhex("3009060255 1d04030a0100"),)),
    ),
}


@pytest.mark.parametrize("label", sorted(KEPT))
def test_what_the_profile_allows_passes_strict(label: str) -> None:
    purpose, spec = KEPT[label]
    source = tree(purpose)
    assert good([spec.der, source.sub2.der, source.sub1.der], purpose).tolerated == ()


def _leaf_of(octets: int) -> bytes:
    """A contract leaf of exactly that many octets; signatures vary by some octets, so several are tried."""
    spec = tree("contract").leaf
    for size in range(octets - len(spec.der) - 30, octets - len(spec.der)):
        for serial in range(1, 20):
            der = replace(spec, serial=bytes([serial])).having(SAN, dns_names("x" * size)).der
            if len(der) == octets:
                return der
    raise AssertionError("no such size")


def test_800_octets_pass_and_801_do_not() -> None:
    source = tree("contract")
    assert good([_leaf_of(800), source.sub2.der, source.sub1.der])
    with pytest.raises(ChainError) as caught:
        good([_leaf_of(801), source.sub2.der, source.sub1.der])
    assert caught.value.rule == "iso2::certificate::too-large"


def test_sub_cas_in_any_order_and_the_root_sent_along() -> None:
    source = tree("contract")
    low, sub2, sub1 = source.chain
    root = source.root.der
    for chain in ([low, sub1, sub2], [low, sub2, sub1, root], [low, root, sub1, sub2]):
        assert good(chain).chain == (low, sub2, sub1)


def test_one_sub_ca_or_a_private_root_alone() -> None:
    source = tree("contract")
    short = replace(source.sub2, issuer=source.root.subject, issuer_key=source.root.key)
    assert len(good([source.leaf.der, short.der]).chain) == 2
    private = ca("home", "home", None)
    station = leaf("DEPLGS000001", "home", DS, role="CPO")
    assert good([station.der], "secc", private=[private.der]).anchor_kind == "private"


def test_old_and_new_root_of_one_name_during_rollover() -> None:
    source = tree("contract")
    new = replace(source.root, key="new root", issuer_key="new root")
    for order in ([new.der, source.root.der], [source.root.der, new.der]):
        assert good(source.chain, mo=order).anchor == source.root.der


def test_cross_signed_root_leads_to_the_root_that_is_trusted() -> None:
    source = tree("contract")
    sub = replace(source.sub2, issuer=source.root.subject, issuer_key=source.root.key)
    other = ca("other root", "other root", None)
    cross = replace(source.root, issuer=other.subject, issuer_key="other root")
    cross = cross.having(BASIC, basic(True, 1), critical=True)
    found = good([source.leaf.der, sub.der, cross.der], v2g=[other.der])
    assert (found.anchor, len(found.chain)) == (other.der, 3)


def test_expired_twin_of_a_sub_ca_does_not_hide_the_good_one() -> None:
    source = tree("contract")
    sub = replace(source.sub2, issuer=source.root.subject, issuer_key=source.root.key)
    expired = replace(sub, not_after=AT - timedelta(days=1), serial=b"\x06")
    for order in ([sub.der, expired.der], [expired.der, sub.der]):
        case = Case("", [source.leaf.der, *order], anchors={"mo": [source.root.der]})
        assert check(case, "interop").chain == (source.leaf.der, sub.der)


def test_root_trusted_as_several_kinds() -> None:
    source = tree("contract")
    root = source.root.der
    assert good(source.chain, oem=[root], v2g=[root]).anchor_kind == "v2g"


def test_root_validity_can_be_ignored_only_by_its_dangerous_name() -> None:
    case = ALL_CASES["root_expired"]()
    assert check(Case("", case.chain, anchors=case.anchors, arguments={"danger_ignore_root_validity": True}))


@pytest.mark.parametrize("level", ["leaf", "sub2", "sub1", "root"])
@pytest.mark.parametrize("by", ["certificate", "other form", "signed part", "serial"])
def test_revocation_reaches_every_certificate(level: str, by: str) -> None:
    source = tree("contract")
    spec = getattr(source, level)
    revoked: dict[str, Any] = {
        "certificate": {"revoked": {spec.der}},
        "other form": {"revoked": {mirrored(spec.der)}},
        "signed part": {"revoked_signed_parts": {signed_part(spec.der)}},
        "serial": {"revoked": {(spec.issuer, 5)}},
    }[by]
    trust = pki.TrustStore(mo=[source.root.der])
    with pytest.raises(ChainError) as caught:
        pki.validate(source.chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=AT, **revoked)
    assert (caught.value.rule, caught.value.code) == (
        "iso2::certificate::revoked",
        "FAILED_CertificateRevoked",
    )


def test_other_certificates_are_not_revoked() -> None:
    source = tree("contract")
    other = replace(source.leaf, serial=b"\x07")
    arguments = {
        "revoked": {(source.leaf.issuer, 6), (b"\x30\x00", 5), other.der},
        "revoked_signed_parts": {bytes(32), hashlib.sha256(source.leaf.der).digest()},
    }
    assert check(Case("", source.chain, anchors={"mo": [source.root.der]}, arguments=arguments))


@pytest.mark.parametrize("level", ["leaf", "sub2", "sub1"])
@pytest.mark.parametrize("by", ["certificate", "signed part", "serial"])
def test_a_revoked_certificate_does_not_come_back_in_another_form(level: str, by: str) -> None:
    """For each ECDSA signature (r, s) there is (r, n - s), which anybody can compute and which verifies."""
    source = tree("contract")
    spec = getattr(source, level)
    chain = [mirrored(der) if der == spec.der else der for der in source.chain]
    assert chain != list(source.chain)
    found = good(chain)
    genuine = good(source.chain)
    assert found.signed_part_sha256 == genuine.signed_part_sha256 == signed_part(source.leaf.der)
    assert (found.fingerprint == genuine.fingerprint) == (level != "leaf")
    arguments: dict[str, Any] = {
        "certificate": {"revoked": {spec.der}},
        "signed part": {"revoked_signed_parts": {signed_part(spec.der)}},
        "serial": {"revoked": {(spec.issuer, 5)}},
    }[by]
    with pytest.raises(ChainError) as caught:
        check(Case("", chain, anchors={"mo": [source.root.der]}, arguments=arguments))
    assert caught.value.rule == "iso2::certificate::revoked"


def test_a_signature_in_a_certificate_has_one_encoding() -> None:
    source = tree("contract")
    r, s = decode_dss_signature(x509.load_der_x509_certificate(source.leaf.der).signature)
    plain = encode_dss_signature(r, s)
    wide_r = b"\x02" + bytes([plain[3] + 1, 0]) + plain[4 : 4 + plain[3]]
    rest = plain[4 + plain[3] :]
    for loose in (
        b"\x30" + bytes([len(wide_r + rest)]) + wide_r + rest,  # a needless zero in front of r
        b"\x30\x81" + plain[1:],  # a length that is not the shortest
        plain + b"\x00",
        plain[:1] + bytes([plain[1] + 2]) + plain[2:] + b"\x05\x00",  # a third element
        encode_dss_signature(r, s + ORDER),  # the same number modulo the group order
    ):
        with pytest.raises(ChainError) as caught:
            good([with_signature(source.leaf.der, loose), *source.chain[1:]])
        assert caught.value.rule == "iso2::chain::broken-signature"


def test_the_path_that_got_furthest_is_reported() -> None:
    source = tree("contract")
    twin = replace(source.root, key="twin", issuer_key="twin")
    expired = replace(source.root, not_after=AT - timedelta(days=1))
    with pytest.raises(ChainError) as caught:
        good(source.chain, mo=[twin.der, expired.der, twin.der])
    assert caught.value.rule == "iso2::certificate::expired"
    assert caught.value.certificate == "root (CN=contract root)"


def test_messages_name_the_certificate_and_the_times() -> None:
    with pytest.raises(ChainError) as caught:
        check(ALL_CASES["sub_1_expired"]())
    assert caught.value.certificate == "sub 1 (CN=contract sub 1)"
    assert "2026-12-31 00:00:00 UTC" in caught.value.what
    assert "2027-01-01 00:00:00 UTC" in caught.value.what


def test_names_from_the_peer_cannot_forge_log_lines() -> None:
    source = tree("contract")
    bad = name((OID_CN, "line\nbreak\x1b[2J" + "y" * 200), (OID_DC, "CPO"))
    with pytest.raises(ChainError) as caught:
        good([replace(source.leaf, subject=bad).der, source.sub2.der, source.sub1.der])
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(caught.value.certificate) < 120


def test_emaid_is_canonical_and_the_common_name_is_kept() -> None:
    source = tree("contract")
    spec = replace(source.leaf, subject=name((OID_CN, "de-8aa-001234567"), (OID_O, "test")))
    found = good([spec.der, source.sub2.der, source.sub1.der])
    assert (found.emaid, found.subject_cn) == ("DE8AA001234567", "de-8aa-001234567")


def test_window_is_that_of_the_whole_path() -> None:
    source = tree("contract")
    sub2 = replace(source.sub2, not_after=AT + timedelta(days=21))
    root = replace(source.root, not_before=AT - timedelta(days=1))
    found = good([source.leaf.der, sub2.der, source.sub1.der], mo=[root.der])
    assert (found.not_before, found.not_after) == (AT - timedelta(days=1), AT + timedelta(days=21))
    assert found.expires_within(AT, 21)  # [V2G2-690]
    assert not found.expires_within(AT, 20)


def test_a_validated_chain_cannot_be_changed() -> None:
    found = good(tree("contract").chain)
    with pytest.raises(FrozenInstanceError):
        found.emaid = "DE8AA007654321"  # type: ignore[misc]  # that it cannot be set is what is tested


def test_wrong_arguments_are_the_callers_fault() -> None:
    source = tree("contract")
    trust = pki.TrustStore(mo=[source.root.der])
    naive = datetime(2027, 1, 1)
    with pytest.raises(LocalError, match="no time zone"):
        pki.validate(source.chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=naive)
    contract = pki.Purpose.CONTRACT
    with pytest.raises(LocalError, match="32 octets, not 5"):
        pki.validate(source.chain, purpose=contract, trust=trust, at=AT, revoked_signed_parts={b"short"})
    with pytest.raises(LocalError, match="no certificate"):
        pki.validate(source.chain, purpose=contract, trust=trust, at=AT, revoked={b"short"})
    fingerprint = hashlib.sha256(source.leaf.der).digest()
    with pytest.raises(LocalError, match="fingerprint of a certificate cannot name it"):
        pki.validate(source.chain, purpose=contract, trust=trust, at=AT, revoked={fingerprint})
    with pytest.raises(ValueError, match="rules"):
        check(Case("", source.chain, anchors={"mo": [source.root.der]}), "lenient")  # type: ignore[arg-type]  # tested
    with pytest.raises(TypeError):
        pki.validate(["text"], purpose=pki.Purpose.CONTRACT, trust=trust, at=AT)  # type: ignore[list-item]  # tested


def test_hostile_chains_are_refused_quickly() -> None:
    chains = [ALL_CASES[label]().chain for label in ("hundred_certificates", "larger_than_1600_octets")]
    chains.append([b"\x30\x82\xff\xff" + bytes(65535)] * 5)
    trust = pki.TrustStore(mo=[tree("contract").root.der])
    start = time.perf_counter()
    for chain in chains:
        with pytest.raises(ChainError):
            pki.validate(chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=AT, rules="interop")
    assert time.perf_counter() - start < 0.05 * len(chains)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_links_agree_with_another_library(purpose: str) -> None:
    source = tree(purpose)
    chain = [*source.chain, source.root.der]
    parsed = [x509.load_der_x509_certificate(der) for der in chain]
    keys = [pki.PublicKey.from_certificate(der) for der in chain]
    for certificate in parsed:
        for issuer, key in zip(parsed, keys, strict=True):
            theirs = _signed_by(certificate, issuer)
            assert theirs == _verifies(key, certificate.tbs_certificate_bytes, certificate.signature)
    assert [_signed_by(low, high) for low, high in pairwise(parsed)] == [True] * 3


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    try:
        key.verify(certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _verifies(key: pki.PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify_der(message, signature)
    except SignatureError:
        return False
    return True


def test_parse_certificate_agrees_with_another_library() -> None:
    for purpose in PURPOSES:
        source = tree(purpose)
        for der in (*source.chain, source.root.der):
            ours, theirs = pki.parse_certificate(der), x509.load_der_x509_certificate(der)
            assert ours.serial_number == theirs.serial_number
            assert (ours.subject, ours.issuer) == (
                theirs.subject.public_bytes(),
                theirs.issuer.public_bytes(),
            )
            assert ours.not_before == theirs.not_valid_before_utc.timestamp()
            assert ours.not_after == theirs.not_valid_after_utc.timestamp()
            assert ours.fingerprint == theirs.fingerprint(hashes.SHA256())
            assert ours.signed_part_sha256 == hashlib.sha256(theirs.tbs_certificate_bytes).digest()
            constraints = theirs.extensions.get_extension_for_class(x509.BasicConstraints).value
            assert (ours.is_ca, ours.path_length) == (constraints.ca, constraints.path_length)
            usage = theirs.extensions.get_extension_for_class(x509.KeyUsage).value
            assert ("keyCertSign" in (ours.key_usage or [])) == usage.key_cert_sign
            assert ("digitalSignature" in (ours.key_usage or [])) == usage.digital_signature
            assert (ours.curve, ours.eccentricities, ours.version) == ("secp256r1", [], 3)


def test_parse_certificate_of_something_else() -> None:
    with pytest.raises(ChainError) as caught:
        pki.parse_certificate(b"\x30\x00")
    assert caught.value.rule == "iso2::certificate::malformed"


def test_the_test_pki_passes_its_own_strict_rules() -> None:
    world = pki.TestPki(b"strict", now=AT)
    trust = pki.TrustStore(v2g=[world.v2g_root.der], mo=[world.mo_root.der], oem=[world.oem_root.der])
    for issued, purpose in (
        (world.secc, pki.Purpose.SECC),
        (world.contract_leaf, pki.Purpose.CONTRACT),
        (world.provisioning_leaf, pki.Purpose.OEM_PROVISIONING),
        (world.cps, pki.Purpose.CPS),
    ):
        assert pki.validate(issued.chain, purpose=purpose, trust=trust, at=AT).chain == issued.chain
    for stranger, code in (
        (world.expired_contract(), "FAILED_CertificateExpired"),
        (world.future_contract(), "FAILED_CertificateExpired"),
        (world.stranger_contract(), "FAILED_CertChainError"),
    ):
        with pytest.raises(ChainError) as caught:
            pki.validate(stranger.chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=AT)
        assert caught.value.code == code


def test_every_rule_names_its_stage_and_they_come_in_order_of_checking() -> None:
    order = ["count", "form", "link", "anchor", "time", "issuer", "leaf", "revocation", "name"]
    stages = {rule.id: rule.stage for rule in pki.chain_rules()}
    assert set(stages.values()) == set(order)
    assert stages["iso2::chain::empty"] == "count"
    assert stages["iso2::certificate::expired"] == "time"
    assert stages["iso2::contract::subject-not-an-emaid"] == "name"


def test_a_leaf_alone_is_told_what_is_missing() -> None:
    with pytest.raises(ChainError) as caught:
        good(tree("contract").chain[:1])
    assert caught.value.rule == "iso2::chain::unknown-root"
    assert "leaf without the sub-CAs" in caught.value.advice
