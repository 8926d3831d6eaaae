"""plugcharge.pki.envelope, against the same steps done with another library."""

from __future__ import annotations

import statistics
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from hypothesis import given, settings
from hypothesis import strategies as st

from plugcharge import pki
from plugcharge.errors import LocalError, PeerError

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
VEHICLE = pki.SigningKey.from_scalar((0x1234567).to_bytes(32, "big"))
CONTRACT = pki.SigningKey.from_scalar((0x89ABCDEF).to_bytes(32, "big"))


def theirs(key: pki.SigningKey) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_der_private_key(key.to_pkcs8(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return loaded


def scalar(key: pki.SigningKey) -> int:
    return theirs(key).private_numbers().private_value


def content_key(own: ec.EllipticCurvePrivateKey, peer: bytes) -> bytes:
    """[V2G2-818] with another library."""
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
    return ConcatKDFHash(hashes.SHA256(), 16, bytes.fromhex("015556")).derive(own.exchange(ec.ECDH(), point))


def seal_with_theirs(content: bytes, iv: bytes = bytes(range(16))) -> tuple[bytes, bytes]:
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    key = content_key(ephemeral, VEHICLE.public_key.point)
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return iv + encryptor.update(content) + encryptor.finalize(), point


def open_it(encrypted: bytes, point: bytes) -> pki.SigningKey:
    return pki.open_contract_key(encrypted, point, recipient=VEHICLE, certificate_key=CONTRACT.public_key)


def test_what_is_sealed_opens() -> None:
    sealed = pki.seal_contract_key(CONTRACT, VEHICLE.public_key)
    assert (len(sealed.encrypted_key), len(sealed.dh_public_key)) == (48, 65)
    assert scalar(open_it(*sealed)) == scalar(CONTRACT)
    assert pki.seal_contract_key(CONTRACT, VEHICLE.public_key) != sealed


def test_another_library_opens_what_is_sealed_here() -> None:
    encrypted, point = pki.seal_contract_key(CONTRACT, VEHICLE.public_key)
    key = content_key(theirs(VEHICLE), point)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(encrypted[:16])).decryptor()
    assert decryptor.update(encrypted[16:]) + decryptor.finalize() == scalar(CONTRACT).to_bytes(32, "big")


def test_what_another_library_sealed_opens_here() -> None:
    opened = open_it(*seal_with_theirs(scalar(CONTRACT).to_bytes(32, "big")))
    assert opened.public_key == CONTRACT.public_key


def test_given_randomness_reproduces_an_envelope() -> None:
    ephemeral = pki.SigningKey.generate()
    first, second = (
        pki.seal_contract_key(CONTRACT, VEHICLE.public_key, iv=b"i" * 16, ephemeral_key=ephemeral)
        for _ in "12"
    )
    assert first == second
    assert (first.encrypted_key[:16], first.dh_public_key) == (b"i" * 16, ephemeral.public_key.point)
    with pytest.raises(ValueError, match="16"):
        pki.seal_contract_key(CONTRACT, VEHICLE.public_key, iv=b"short")


def bad_envelopes() -> dict[str, tuple[bytes, bytes]]:
    encrypted, point = pki.seal_contract_key(CONTRACT, VEHICLE.public_key)
    other = pki.seal_contract_key(CONTRACT, pki.SigningKey.generate().public_key)
    x, y = point[1:33], point[33:]
    return {
        "empty": (b"", b""),
        "47 octets": (encrypted[:-1], point),
        "49 octets": (encrypted + b"\x00", point),
        "padded to 64 octets": (encrypted + b"\x10" * 16, point),
        "other vector": (bytes(16) + encrypted[16:], point),
        "other content": (encrypted[:47] + bytes([encrypted[47] ^ 1]), point),
        "64 octets of point": (encrypted, point[:-1]),
        "compressed point": (encrypted, bytes([2 + (y[-1] & 1)]) + x),
        "hybrid point": (encrypted, bytes([6 + (y[-1] & 1)]) + x + y),
        "point at infinity": (encrypted, b"\x00"),
        "zero point": (encrypted, b"\x04" + bytes(64)),
        "point off the curve": (encrypted, b"\x04" + y + x),
        "another good point": (encrypted, CONTRACT.public_key.point),
        "for another vehicle": (other.encrypted_key, other.dh_public_key),
        "key zero": seal_with_theirs(bytes(32)),
        "key is the order": seal_with_theirs(ORDER.to_bytes(32, "big")),
        "key beyond the order": seal_with_theirs((ORDER + scalar(CONTRACT)).to_bytes(32, "big")),
        "key all ones": seal_with_theirs(b"\xff" * 32),
        "key of another contract": seal_with_theirs((5).to_bytes(32, "big")),
    }


@pytest.mark.parametrize("label", sorted(bad_envelopes()))
def test_every_bad_envelope_gives_the_same_error(label: str) -> None:
    with pytest.raises(PeerError) as caught:
        open_it(*bad_envelopes()[label])
    with pytest.raises(PeerError) as first:
        open_it(b"", b"")
    assert str(caught.value) == str(first.value)


def test_certificate_key_of_another_contract() -> None:
    sealed = pki.seal_contract_key(CONTRACT, VEHICLE.public_key)
    with pytest.raises(PeerError):
        pki.open_contract_key(*sealed, recipient=VEHICLE, certificate_key=VEHICLE.public_key)


@given(st.binary(min_size=48, max_size=48))
@settings(max_examples=300, deadline=None)
def test_random_content_never_opens(encrypted: bytes) -> None:
    with pytest.raises(PeerError):
        open_it(encrypted, CONTRACT.public_key.point)


def test_time_does_not_tell_a_key_out_of_range_from_a_wrong_one() -> None:
    cases = [seal_with_theirs(b"\xff" * 32), seal_with_theirs((5).to_bytes(32, "big"))]
    spent: list[list[float]] = [[], []]
    for _ in range(150):
        for index, envelope in enumerate(cases):
            start = time.perf_counter()
            with pytest.raises(PeerError):
                open_it(*envelope)
            spent[index].append(time.perf_counter() - start)
    first, second = (statistics.median(times) for times in spent)
    # A skipped scalar multiplication would show as a factor of about two.
    assert 0.75 < first / second < 1.33


def test_keys_from_scalars_and_from_der() -> None:
    for bad in (bytes(32), ORDER.to_bytes(32, "big"), b"\x01" * 31, b"\x01" * 33, b""):
        with pytest.raises(LocalError, match="scalar"):
            pki.SigningKey.from_scalar(bad)
    key = ec.generate_private_key(ec.SECP256R1())
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        der = key.private_bytes(serialization.Encoding.DER, form, serialization.NoEncryption())
        assert scalar(pki.SigningKey.from_der(der)) == key.private_numbers().private_value
    wrong = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for bad in (wrong, b"", b"\x30\x00"):
        with pytest.raises(LocalError, match="private key"):
            pki.SigningKey.from_der(bad)


def test_keys_from_pem() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
        pem = key.private_bytes(serialization.Encoding.PEM, form, plain)
        certificate = b"-----BEGIN CERTIFICATE-----\nnot looked at\n-----END CERTIFICATE-----\n"
        for text in (pem, pem.decode(), certificate + pem.replace(b"\n", b"\r\n") + certificate):
            assert scalar(pki.SigningKey.from_pem(text)) == key.private_numbers().private_value
        for bad, what in (
            (pem + pem, "more than one"),
            (pem[:-40], "damaged"),
            (certificate, "no PEM block"),
        ):
            with pytest.raises(LocalError, match=what):
                pki.SigningKey.from_pem(bad)


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
def test_an_encrypted_key_names_what_takes_a_passphrase(form: serialization.PrivateFormat) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    passphrase = serialization.BestAvailableEncryption(b"open sesame")
    with pytest.raises(LocalError, match="encrypted") as caught:
        pki.SigningKey.from_pem(key.private_bytes(serialization.Encoding.PEM, form, passphrase))
    assert "load_contract" in caught.value.advice
    assert "load_identity" in caught.value.advice


def test_keys_do_not_show_themselves() -> None:
    assert repr(CONTRACT) == "SigningKey(secp256r1)"
    assert repr(CONTRACT.public_key).startswith("PublicKey(secp256r1, ")
    assert len({CONTRACT.public_key, pki.PublicKey(CONTRACT.public_key.point)}) == 1
    assert CONTRACT.public_key != VEHICLE.public_key
    for bad in (b"", b"\x04" + bytes(64), CONTRACT.public_key.point[:-1]):
        with pytest.raises(LocalError, match="point"):
            pki.PublicKey(bad)
