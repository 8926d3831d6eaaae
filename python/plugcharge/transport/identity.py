"""Who a TLS server is: its certificate chain and its private key, checked when loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TlsIdentity", "load_identity"]


@dataclass(frozen=True, slots=True)
class TlsIdentity:
    """A certificate chain and the private key of its leaf.

    Attributes:
        certificates: leaf first, then the sub-CAs towards the root; the root itself is left out, except in a
            private environment [V2G2-872].
        key: the leaf's private key.
        origin: where they come from, for error messages.

    Raises:
        LocalError: no certificate, or the key is not the leaf's.
    """

    certificates: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey
    origin: str = "TLS identity"

    def __post_init__(self) -> None:
        if not self.certificates:
            raise LocalError("there is no certificate", where=self.origin, advice="give leaf, sub 2, sub 1")
        if self.certificates[0].public_key() != self.key.public_key():
            raise LocalError(
                "the private key does not belong to the first certificate",
                where=self.origin,
                advice="the leaf has to be the first certificate of the chain file",
            )

    @classmethod
    def from_der(cls, chain: Sequence[bytes], key: ec.EllipticCurvePrivateKey) -> TlsIdentity:
        """Build it from DER certificates, leaf first.

        Raises:
            LocalError: a certificate cannot be read, or the key is not the leaf's.
        """
        try:
            certificates = tuple(x509.load_der_x509_certificate(der) for der in chain)
        except ValueError as error:
            raise LocalError("a certificate cannot be read", where="TLS identity", why=str(error)) from error
        return cls(certificates, key)


def load_identity(
    chain_file: str | Path, key_file: str | Path, *, passphrase: bytes | None = None
) -> TlsIdentity:
    """Load a PEM chain and a PEM private key, which may be encrypted.

    Raises:
        LocalError: names the file that is missing, unreadable, not PEM, of the wrong kind, encrypted with
            another passphrase, or whose key does not fit the chain.
    """
    chain_path, key_path = Path(chain_file), Path(key_file)
    try:
        certificates = tuple(x509.load_pem_x509_certificates(_read(chain_path)))
    except ValueError as error:
        raise LocalError(
            "the certificate chain cannot be read", where=str(chain_path), why=str(error)
        ) from error
    return TlsIdentity(certificates, _load_key(key_path, passphrase), f"{chain_path} and {key_path}")


def _load_key(path: Path, passphrase: bytes | None) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), passphrase)
    except TypeError as error:
        # cryptography's way to say that a passphrase is missing, or given for a key that is not encrypted
        raise LocalError(
            "the private key cannot be decrypted"
            if passphrase is None
            else "the private key is not encrypted",
            where=str(path),
            why=str(error),
            advice="give a passphrase" if passphrase is None else "leave the passphrase out",
        ) from error
    except ValueError as error:
        raise LocalError(
            "the private key cannot be read",
            where=str(path),
            why=str(error) if passphrase is None else "not PEM, or another passphrase",
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LocalError(
            "the private key has the wrong kind", where=str(path), why="an elliptic curve is needed"
        )
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LocalError(
            "the file cannot be read", where=str(path), why=error.strerror or str(error)
        ) from error
