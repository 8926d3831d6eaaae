"""Issuing of single certificates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from plugcharge.errors import LocalError
from plugcharge.pki.issuing import CertificateProfile, Issued, Issuer, KeyUse, subject

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEAF = CertificateProfile(frozenset({KeyUse.DIGITAL_SIGNATURE}))


def issue(label: str = "leaf", *, seed: bytes = b"seed", name: str = "x", days: int = 1) -> Issued:
    return Issuer(seed).issue(
        label,
        subject(name, organization="o"),
        LEAF,
        issuer=None,
        not_before=NOW,
        not_after=NOW + timedelta(days=days),
    )


def test_the_same_inputs_give_the_same_octets_and_others_do_not() -> None:
    first = issue()
    assert issue().der == first.der
    others = [issue("other"), issue(seed=b"tree")]
    assert len({one.certificate.serial_number for one in [first, *others]}) == 3
    assert len({one.key.private_numbers().private_value for one in [first, *others]}) == 3
    assert issue(name="y").der != first.der
    assert issue(days=2).der != first.der


def test_serial_numbers_are_positive_and_short() -> None:
    for number in range(50):
        assert 0 < issue(f"leaf {number}").certificate.serial_number < 2**63


def test_a_certificate_longer_than_800_octets_is_refused() -> None:
    """[V2G2-010]."""
    name = subject("c" * 64, organization="o" * 64, domain_component="d" * 64)
    with pytest.raises(LocalError, match="800"):
        Issuer(b"s").issue(
            "long",
            subject("c" * 64, organization="o" * 64, domain_component="d" * 250),
            LEAF,
            issuer=None,
            not_before=NOW,
            not_after=NOW + timedelta(1),
        )
    assert (
        len(
            Issuer(b"s")
            .issue("fits", name, LEAF, issuer=None, not_before=NOW, not_after=NOW + timedelta(1))
            .der
        )
        <= 800
    )


@pytest.mark.parametrize(
    ("start", "end"),
    [(NOW, NOW), (NOW, NOW - timedelta(1)), (NOW.replace(tzinfo=None), NOW), (NOW, NOW.replace(tzinfo=None))],
)
def test_dates_have_to_make_sense(start: datetime, end: datetime) -> None:
    with pytest.raises(LocalError):
        Issuer(b"s").issue(
            "leaf", subject("x", organization="o"), LEAF, issuer=None, not_before=start, not_after=end
        )


def test_keys_can_be_encrypted() -> None:
    one = issue()
    pem = one.key_pem(b"secret")
    assert b"ENCRYPTED" in pem
    loaded = serialization.load_pem_private_key(pem, b"secret")
    assert loaded.public_key() == one.key.public_key()
