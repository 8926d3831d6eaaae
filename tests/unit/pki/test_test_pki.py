"""The test PKI: profiles of every certificate, determinism, faulty variants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugcharge.errors import LocalError
from plugcharge.identifiers import Emaid, IdentifierError, Pcid
from plugcharge.pki.test_pki import DEFAULT_EMAID, DEFAULT_PCID, TestPki

if TYPE_CHECKING:
    from plugcharge.pki.issuing import Issued

NOW = datetime(2026, 6, 1, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki(b"unit test", now=NOW)


def domain_component(one: Issued) -> str | None:
    values = one.certificate.subject.get_attributes_for_oid(NameOID.DOMAIN_COMPONENT)
    return str(values[0].value) if values else None


def uses(one: Issued) -> set[str]:
    extension = one.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.critical
    names = ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment"]
    names += ["key_agreement", "key_cert_sign", "crl_sign"]
    return {name for name in names if getattr(extension.value, name)}


CA = {"key_cert_sign", "crl_sign"}
SIGNS = "digital_signature"
# label -> (issuer, is a CA, path length, key usage, DC); pki.md's profile tables
EXPECTED: dict[str, tuple[str | None, bool, int | None, set[str], str]] = {
    "v2g_root": (None, True, None, CA, "V2G"),
    "cpo_sub1": ("v2g_root", True, 1, CA, "V2G"),
    "cpo_sub2": ("cpo_sub1", True, 0, CA, "V2G"),
    "secc": ("cpo_sub2", False, None, {SIGNS, "key_agreement"}, "CPO"),
    "cps_sub1": ("v2g_root", True, 1, CA, "CPS"),
    "cps_sub2": ("cps_sub1", True, 0, CA, "CPS"),
    "cps": ("cps_sub2", False, None, {SIGNS}, "CPS"),
    "mo_root": (None, True, None, CA, "MO"),
    "mo_sub1": ("mo_root", True, 1, CA, "MO"),
    "mo_sub2": ("mo_sub1", True, 0, CA | {SIGNS, "content_commitment"}, "MO"),
    "contract_leaf": (
        "mo_sub2",
        False,
        None,
        {SIGNS, "content_commitment", "key_encipherment", "key_agreement"},
        "MO",
    ),
    "oem_root": (None, True, None, CA, "OEM"),
    "oem_sub1": ("oem_root", True, 1, CA, "OEM"),
    "oem_sub2": ("oem_sub1", True, 0, CA, "OEM"),
    "provisioning_leaf": ("oem_sub2", False, None, {SIGNS, "key_agreement"}, "OEM"),
}


@pytest.mark.parametrize("label", EXPECTED)
def test_profiles(pki: TestPki, label: str) -> None:
    one: Issued = getattr(pki, label)
    issuer, is_ca, path_length, key_usage, component = EXPECTED[label]
    certificate = one.certificate
    assert certificate.version is x509.Version.v3
    assert len(one.der) <= 800  # [V2G2-010]
    assert isinstance(one.key.curve, ec.SECP256R1)  # [V2G2-007]
    assert certificate.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256  # [V2G2-006]
    assert certificate.public_key() == one.key.public_key()
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (is_ca, path_length)
    assert uses(one) == key_usage
    assert domain_component(one) == component
    own = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert own == x509.SubjectKeyIdentifier.from_public_key(one.key.public_key())
    parent = one if issuer is None else getattr(pki, issuer)
    certificate.verify_directly_issued_by(parent.certificate)
    if issuer is not None:
        authority = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert (
            authority.key_identifier
            == x509.SubjectKeyIdentifier.from_public_key(parent.key.public_key()).digest
        )
    assert certificate.not_valid_before_utc <= NOW <= certificate.not_valid_after_utc


def test_names_of_leaves(pki: TestPki) -> None:
    assert pki.contract_leaf.common_name == DEFAULT_EMAID == Emaid.parse(DEFAULT_EMAID).canonical
    assert pki.provisioning_leaf.common_name == DEFAULT_PCID == Pcid.parse(DEFAULT_PCID).as_sent


def test_a_chain_goes_from_the_leaf_to_the_first_sub_ca_without_the_root(pki: TestPki) -> None:
    assert pki.secc.chain == (pki.secc.der, pki.cpo_sub2.der, pki.cpo_sub1.der)
    loaded = x509.load_pem_x509_certificates(pki.secc.chain_pem)
    assert loaded == [pki.secc.certificate, pki.cpo_sub2.certificate, pki.cpo_sub1.certificate]


def everything(pki: TestPki) -> list[bytes]:
    extra = [pki.contract("DEPLGC00000077"), pki.expired_contract(), pki.stranger_contract()]
    return [part for one in [*pki.authorities, *pki.leaves, *extra] for part in (one.der, one.key_pem())]


def test_same_seed_and_time_same_octets() -> None:
    assert everything(TestPki(b"a", now=NOW)) == everything(TestPki(b"a", now=NOW))


def test_another_seed_or_none_gives_other_keys() -> None:
    made = [TestPki(b"a", now=NOW), TestPki(b"b", now=NOW), TestPki(now=NOW), TestPki(now=NOW)]
    keys = {one.v2g_root.key.private_numbers().private_value for one in made}
    assert len(keys) == 4


def test_every_certificate_has_its_own_key_and_serial_number(pki: TestPki) -> None:
    every = [*pki.authorities, *pki.leaves, pki.contract("DEPLGC00000077"), pki.expired_contract()]
    assert len({one.certificate.serial_number for one in every}) == len(every)
    assert len({one.key.private_numbers().private_value for one in every}) == len(every)


def test_contracts_for_faults(pki: TestPki) -> None:
    expired = pki.expired_contract()
    assert expired.certificate.not_valid_after_utc < NOW
    future = pki.future_contract()
    assert future.certificate.not_valid_before_utc > NOW
    other = pki.contract("DEPLGC00000077")
    assert other.common_name == "DEPLGC00000077"
    spelled = pki.contract(DEFAULT_EMAID, common_name="de-plg-c00000001")
    assert spelled.common_name == "de-plg-c00000001"
    for one in (expired, future, other, spelled):
        one.certificate.verify_directly_issued_by(pki.mo_sub2.certificate)
        assert uses(one) == EXPECTED["contract_leaf"][3]


def test_a_strangers_chain_has_the_known_names_and_an_unknown_root(pki: TestPki) -> None:
    stranger = pki.stranger_contract()
    leaf, sub2, sub1, root = stranger.path
    assert [one.certificate.subject for one in (sub2, sub1, root)] == [
        one.certificate.subject for one in (pki.mo_sub2, pki.mo_sub1, pki.mo_root)
    ]
    for one, issuer in ((leaf, sub2), (sub2, sub1), (sub1, root)):
        one.certificate.verify_directly_issued_by(issuer.certificate)
    with pytest.raises(InvalidSignature):
        sub1.certificate.verify_directly_issued_by(pki.mo_root.certificate)
    assert root.der != pki.mo_root.der


def test_the_domain_component_of_a_station_can_be_wrong_or_missing(pki: TestPki) -> None:
    assert domain_component(pki.secc_leaf("DEPLGS000002", domain_component=None)) is None
    assert domain_component(pki.secc_leaf("DEPLGS000002", domain_component="CPS")) == "CPS"


def test_days() -> None:
    pki = TestPki(b"a", now=NOW, days=5)
    for leaf in (pki.secc, pki.contract_leaf, pki.cps):
        assert leaf.certificate.not_valid_after_utc == NOW.replace(microsecond=0) + timedelta(days=5)


def test_wrong_arguments(pki: TestPki) -> None:
    with pytest.raises(LocalError, match="time zone"):
        TestPki(b"a", now=NOW.replace(tzinfo=None))
    with pytest.raises(LocalError, match="empty"):
        TestPki(b"", now=NOW)
    with pytest.raises(LocalError, match="days"):
        TestPki(b"a", now=NOW, days=0)
    with pytest.raises(IdentifierError):
        pki.contract("not an eMAID")
    with pytest.raises(IdentifierError):
        pki.provisioning("short")


def test_pytest_does_not_collect_the_class() -> None:
    assert TestPki.__test__ is False
