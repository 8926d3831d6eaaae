"""Changed certificates never crash the check and are never accepted.

Any change to any octet of a certificate changes its signed part, its signature or its framing, so the only
chain that may pass is the one that was issued.
"""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugcharge import pki
from plugcharge.errors import ChainError
from tests.unit.pki.certificate_factory import AT, tlv, tree

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
MUTATIONS = 1_000_000 if DEEP else 24_000
PURPOSES = ("contract", "oem-provisioning", "cps", "secc")
INTERESTING = (
    0x00,
    0x01,
    0x02,
    0x03,
    0x04,
    0x06,
    0x1F,
    0x30,
    0x31,
    0x7F,
    0x80,
    0x81,
    0x82,
    0x84,
    0xA0,
    0xA3,
    0xFF,
)


def mutated(der: bytes, source: random.Random) -> bytes:
    """One to three changes: bits, octets, lengths, cuts, insertions, copies of other parts."""
    octets = bytearray(der)
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        position = source.randrange(len(octets) or 1)
        octets = octets or bytearray(1)
        match source.randrange(6):
            case 0:
                octets[position] ^= 1 << source.randrange(8)
            case 1:
                octets[position] = source.choice(INTERESTING)
            case 2:
                del octets[position : position + source.randint(1, 8)]
            case 3:
                octets[position:position] = source.randbytes(source.randint(1, 8))
            case 4:
                start = source.randrange(len(octets))
                octets[position : position + 8] = octets[start : start + 8]
            case _:
                octets = octets[: max(1, position)]
    return bytes(octets)


def accepted(chain: list[bytes], purpose: str, trust: pki.TrustStore, at: datetime = AT) -> bool:
    try:
        pki.validate(chain, purpose=pki.Purpose(purpose), trust=trust, at=at, rules="interop")
    except ChainError:
        return False
    return True


@pytest.mark.timeout(900 if DEEP else 120)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_no_changed_chain_is_accepted(purpose: str) -> None:
    source = random.Random(f"mutations {purpose}")
    good = tree(purpose)
    trust = pki.TrustStore(**{good.kind: [good.root.der]})
    assert accepted(good.chain, purpose, trust)
    changed = 0
    for number in range(MUTATIONS // len(PURPOSES)):
        chain = list(good.chain)
        which = number % len(chain)
        chain[which] = mutated(chain[which], source)
        if chain != good.chain:
            changed += 1
            assert not accepted(chain, purpose, trust), chain[which].hex()
    assert changed > 0.97 * MUTATIONS / len(PURPOSES)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_changed_certificates_are_no_anchors_or_do_no_harm(purpose: str) -> None:
    source = random.Random(f"anchors {purpose}")
    good = tree(purpose)
    for _ in range(1000):
        der = mutated(good.root.der, source)
        try:
            summary = pki.parse_certificate(der)
        except ChainError:
            continue
        assert summary.not_before <= summary.not_after
        assert summary.fingerprint != b""


@given(st.binary(max_size=400))
@settings(max_examples=500, deadline=None)
def test_any_octets_are_a_certificate_or_an_error(octets: bytes) -> None:
    for der in (octets, tlv(0x30, octets), tlv(0x30, tlv(0x30, octets))):
        with pytest.raises(ChainError):
            pki.parse_certificate(der)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.timezones()))
@settings(max_examples=200, deadline=None)
def test_a_chain_is_good_exactly_within_its_window(at: datetime) -> None:
    good = tree("contract")
    trust = pki.TrustStore(mo=[good.root.der])
    inside = good.leaf.not_before <= at <= good.leaf.not_after
    assert accepted(good.chain, "contract", trust, at) == inside


@given(st.integers(min_value=-3, max_value=3), st.sampled_from(["not_before", "not_after"]))
def test_the_window_is_exact_to_the_second(seconds: int, bound: str) -> None:
    good = tree("contract")
    trust = pki.TrustStore(mo=[good.root.der])
    at = getattr(good.leaf, bound) + timedelta(seconds=seconds)
    assert accepted(good.chain, "contract", trust, at) == (
        seconds >= 0 if bound == "not_before" else seconds <= 0
    )
