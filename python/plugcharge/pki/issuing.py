"""Issues certificates of the -2 profiles; used by the test PKI, never by something that faces the world.

Everything that varies (keys, serial numbers) is derived from a seed, and signatures are deterministic (RFC
6979), so the same seed, label and dates give the same octets.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["MAX_CERTIFICATE", "CertificateProfile", "Issued", "Issuer", "KeyUse", "subject"]

MAX_CERTIFICATE = 800
"""Octets of DER that a -2 message can carry [V2G2-010]."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class KeyUse(Enum):
    """The bits of the key usage extension that V2G profiles use."""

    DIGITAL_SIGNATURE = "digital_signature"
    NON_REPUDIATION = "content_commitment"
    KEY_ENCIPHERMENT = "key_encipherment"
    KEY_AGREEMENT = "key_agreement"
    CERT_SIGN = "key_cert_sign"
    CRL_SIGN = "crl_sign"


@dataclass(frozen=True, slots=True)
class CertificateProfile:
    """What a kind of certificate looks like.

    Attributes:
        key_use: bits of the key usage extension, which is critical.
        ca: whether it issues others.
        path_length: how many CAs may follow below; ``None`` for any (and for leaves).
    """

    key_use: frozenset[KeyUse]
    ca: bool = False
    path_length: int | None = None


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its private key and the one that issued it.

    Attributes:
        label: its name within the PKI, such as ``"mo_sub2"``.
        certificate: as ``cryptography`` reads it.
        key: its private key.
        issuer: who issued it; ``None`` for a root.
    """

    label: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    issuer: Issued | None = None

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def common_name(self) -> str:
        """The CN of its subject."""
        return str(self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    @property
    def path(self) -> tuple[Issued, ...]:
        """This certificate and its issuers, the root last."""
        return (self,) if self.issuer is None else (self, *self.issuer.path)

    @property
    def chain(self) -> tuple[bytes, ...]:
        """What goes on the wire: DER of this certificate, then its sub-CAs; the root is left out."""
        return tuple(one.der for one in self.path if one.issuer is not None)

    @property
    def chain_pem(self) -> bytes:
        """The chain as a PEM bundle, this certificate first, without the root."""
        return b"".join(one.pem for one in self.path if one.issuer is not None)

    def key_pem(self, passphrase: bytes | None = None) -> bytes:
        """The private key as PKCS#8 PEM, encrypted when a passphrase is given."""
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            encryption = serialization.BestAvailableEncryption(passphrase)
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
        )


class Issuer:
    """Makes keys and certificates out of one seed.

    Args:
        seed: any octets; who knows them knows every private key.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    def issue(
        self,
        label: str,
        name: x509.Name,
        profile: CertificateProfile,
        *,
        issuer: Issued | None,
        not_before: datetime,
        not_after: datetime,
    ) -> Issued:
        """Issue a certificate; without ``issuer`` it signs itself.

        Args:
            label: tells keys and serial numbers apart; the same label gives the same key.
            name: its subject.
            profile: its extensions.
            issuer: who signs.
            not_before: start of validity, with a time zone; full seconds count.
            not_after: end of validity.

        Raises:
            LocalError: the dates are wrong way round or without a zone, the issuer is no CA, or the
                certificate would be longer than 800 octets [V2G2-010].
        """
        if not_before.tzinfo is None or not_after.tzinfo is None or not_before >= not_after:
            raise LocalError("the validity needs a start before its end, both with a time zone", where=label)
        key = self._key(label)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer.certificate.subject if issuer else name)
            .public_key(key.public_key())
            .serial_number(self._serial(label))
            .not_valid_before(not_before.replace(microsecond=0))
            .not_valid_after(not_after.replace(microsecond=0))
        )
        builder = _extend(builder, profile, key.public_key(), issuer)
        signing_key = issuer.key if issuer else key
        certificate = builder.sign(signing_key, hashes.SHA256(), ecdsa_deterministic=True)  # [V2G2-006]
        issued = Issued(label, certificate, key, issuer)
        if len(issued.der) > MAX_CERTIFICATE:
            raise LocalError(
                f"the certificate would have {len(issued.der)} octets",
                where=label,
                why=f"at most {MAX_CERTIFICATE} [V2G2-010]",
                advice="shorten the names",
            )
        return issued

    def _key(self, label: str) -> ec.EllipticCurvePrivateKey:
        # 48 octets reduced modulo the order: no value is noticeably more likely than another.
        wide = b"".join(self._derive(f"key/{part}/{label}") for part in range(2))[:48]
        return ec.derive_private_key(
            int.from_bytes(wide) % (_P256_ORDER - 1) + 1, ec.SECP256R1()
        )  # [V2G2-007]

    def _serial(self, label: str) -> int:
        return int.from_bytes(self._derive(f"serial/{label}")[:8]) >> 1 | 1

    def _derive(self, label: str) -> bytes:
        return hmac.new(self._seed, label.encode(), hashlib.sha256).digest()


def subject(
    common_name: str, *, organization: str, domain_component: str | None = None, country: str | None = None
) -> x509.Name:
    """Build a subject name: CN, O, and where given C and DC."""
    attributes = [
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
    ]
    if country is not None:
        attributes.append(x509.NameAttribute(NameOID.COUNTRY_NAME, country))
    if domain_component is not None:
        attributes.append(x509.NameAttribute(NameOID.DOMAIN_COMPONENT, domain_component))
    return x509.Name(attributes)


def _extend(
    builder: x509.CertificateBuilder,
    profile: CertificateProfile,
    public_key: ec.EllipticCurvePublicKey,
    issuer: Issued | None,
) -> x509.CertificateBuilder:
    own_identifier = x509.SubjectKeyIdentifier.from_public_key(public_key)
    builder = (
        builder.add_extension(x509.BasicConstraints(profile.ca, profile.path_length), critical=True)
        .add_extension(_key_usage(profile.key_use), critical=True)
        .add_extension(own_identifier, critical=False)
    )
    if issuer is None:
        return builder
    identifier = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)
    return builder.add_extension(authority, critical=False)


def _key_usage(uses: frozenset[KeyUse]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUse.DIGITAL_SIGNATURE in uses,
        content_commitment=KeyUse.NON_REPUDIATION in uses,
        key_encipherment=KeyUse.KEY_ENCIPHERMENT in uses,
        data_encipherment=False,
        key_agreement=KeyUse.KEY_AGREEMENT in uses,
        key_cert_sign=KeyUse.CERT_SIGN in uses,
        crl_sign=KeyUse.CRL_SIGN in uses,
        encipher_only=False,
        decipher_only=False,
    )
