"""Loading of the station's TLS identity: each fault names the file [C7]."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from plugcharge.errors import LocalError
from plugcharge.pki.test_pki import TestPki
from plugcharge.transport.identity import TlsIdentity, load_identity

if TYPE_CHECKING:
    from pathlib import Path

PKI = TestPki(b"identity", now=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    path = tmp_path / "chain.pem"
    path.write_bytes(PKI.secc.chain_pem)
    return path


def key_file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    return path


def test_a_chain_and_its_key(chain: Path, tmp_path: Path) -> None:
    identity = load_identity(chain, key_file(tmp_path, PKI.secc.key_pem()))
    assert [one.subject for one in identity.certificates] == [
        one.certificate.subject for one in (PKI.secc, PKI.cpo_sub2, PKI.cpo_sub1)
    ]
    assert identity.key.private_numbers() == PKI.secc.key.private_numbers()


def test_an_encrypted_key(chain: Path, tmp_path: Path) -> None:
    key = key_file(tmp_path, PKI.secc.key_pem(b"open sesame"))
    assert load_identity(chain, key, passphrase=b"open sesame").key is not None
    for passphrase, match in ((b"wrong", "another passphrase"), (None, "give a passphrase")):
        with pytest.raises(LocalError, match=match) as error:
            load_identity(chain, key, passphrase=passphrase)
        assert "key.pem" in str(error.value)


def test_a_passphrase_too_many(chain: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="not encrypted"):
        load_identity(chain, key_file(tmp_path, PKI.secc.key_pem()), passphrase=b"x")


def test_a_key_of_somebody_else(chain: Path, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="does not belong") as error:
        load_identity(chain, key_file(tmp_path, PKI.cps.key_pem()))
    assert "chain.pem" in str(error.value)
    assert "key.pem" in str(error.value)


def test_files_that_are_missing_or_no_pem(chain: Path, tmp_path: Path) -> None:
    good_key = key_file(tmp_path, PKI.secc.key_pem())
    with pytest.raises(LocalError, match=r"nowhere\.pem"):
        load_identity(tmp_path / "nowhere.pem", good_key)
    with pytest.raises(LocalError, match=r"nowhere\.pem"):
        load_identity(chain, tmp_path / "nowhere.pem")
    for content in (b"", b"garbage", PKI.secc.pem[:100], PKI.secc.key_pem()):
        broken = tmp_path / "broken.pem"
        broken.write_bytes(content)
        with pytest.raises(LocalError, match=r"broken\.pem"):
            load_identity(broken, good_key)
        if content != PKI.secc.key_pem():
            with pytest.raises(LocalError, match=r"broken\.pem"):
                load_identity(chain, broken)


def test_a_key_of_the_wrong_kind(chain: Path, tmp_path: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(LocalError, match="wrong kind"):
        load_identity(chain, key_file(tmp_path, pem))


def test_from_der() -> None:
    identity = TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key)
    assert identity.certificates[0] == PKI.secc.certificate
    with pytest.raises(LocalError, match="no certificate"):
        TlsIdentity.from_der([], PKI.secc.key)
    with pytest.raises(LocalError, match="cannot be read"):
        TlsIdentity.from_der([b"junk"], PKI.secc.key)


def test_the_key_is_not_shown() -> None:
    identity = TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key)
    assert str(PKI.secc.key.private_numbers().private_value) not in repr(identity)
