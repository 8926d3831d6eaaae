"""Loads the contract that a car charges with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from plugcharge import pki
from plugcharge.errors import LocalError
from plugcharge.session import EvccContract
from plugcharge.transport.identity import load_identity

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import ec

__all__ = ["load_contract", "signing_key"]


def load_contract(
    chain_file: str | Path, key_file: str | Path, *, passphrase: bytes | None = None
) -> EvccContract:
    """Load a contract: its PEM chain (leaf, sub 2, sub 1) and its PEM private key.

    The eMAID is the common name of the contract certificate.

    Raises:
        LocalError: a file is missing, unreadable or not what it should be, the key is not the certificate's,
            or the common name is no eMAID.
    """
    identity = load_identity(chain_file, key_file, passphrase=passphrase)
    names = identity.certificates[0].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names:
        raise LocalError("the contract certificate has no common name", where=str(chain_file))
    chain = tuple(one.public_bytes(serialization.Encoding.DER) for one in identity.certificates)
    return EvccContract(emaid=str(names[0].value), chain=chain, key=signing_key(identity.key))


def signing_key(key: ec.EllipticCurvePrivateKey) -> pki.SigningKey:
    """Give a private key of ``cryptography`` to the signing core."""
    return pki.SigningKey.from_der(
        key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
