"""Signatures and chains, against ``cryptography`` and against the bare verification."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from benches.inputs import own
from benches.pairs import Call, measure
from plugcharge import pki, sign

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

_DATA = bytes(range(256))


def _der(raw: bytes) -> bytes:
    return encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))


def test_verify_p256(benchmark: BenchmarkFixture) -> None:
    """Key loaded on both sides, the same 256 octets; ours takes r and s (64 octets), the peer takes DER."""
    key = pki.SigningKey.generate()
    raw = key.sign_raw(_DATA)
    peer_key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public_key.point)
    measure(
        benchmark,
        "verify_p256",
        "256_octets",
        ours=Call(key.public_key.verify_raw, (_DATA, raw)),
        peer=Call(peer_key.verify, (_der(raw), _DATA, ec.ECDSA(hashes.SHA256()))),
        peer_name="cryptography",
    )


def test_check_signature(benchmark: BenchmarkFixture) -> None:
    """Decode, fragment, digest, coverage, signature and challenge, against one bare verification."""
    signed = own()["signed"]
    data, challenge = bytes.fromhex(signed["hex"]), bytes.fromhex(signed["challenge"])
    key = pki.PublicKey(bytes.fromhex(signed["point"]))

    def check() -> sign.Verified:
        return sign.verify_message(data, "iso2", public_key=key, challenge=challenge)

    assert check().names == (("AuthorizationReq", "ID1"),)
    other = pki.SigningKey.generate()
    raw = other.sign_raw(_DATA)
    measure(
        benchmark,
        "check_signature",
        "iso2_AuthorizationReq",
        ours=Call(check),
        peer=Call(other.public_key.verify_raw, (_DATA, raw)),
        peer_name="bare_p256",
    )


def test_check_chain(benchmark: BenchmarkFixture) -> None:
    """Three certificates under a loaded root, checked by the whole profile; the peer parses and links."""
    given = own()["chain"]
    chain = [bytes.fromhex(certificate) for certificate in given["certificates"]]
    root, at = bytes.fromhex(given["root"]), datetime.fromtimestamp(given["at"], UTC)
    trust = pki.TrustStore(mo=[root])
    peer_root = x509.load_der_x509_certificate(root)

    def check() -> pki.ValidatedChain:
        return pki.validate(chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=at)

    def parse_and_link() -> None:
        parsed = [*map(x509.load_der_x509_certificate, chain), peer_root]
        for certificate, issuer in pairwise(parsed):
            certificate.verify_directly_issued_by(issuer)

    assert check().emaid
    measure(
        benchmark,
        "check_chain",
        "contract",
        ours=Call(check),
        peer=Call(parse_and_link),
        peer_name="cryptography",
    )
