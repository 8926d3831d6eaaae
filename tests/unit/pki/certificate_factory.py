"""Makes V2G certificates, good ones and ones broken in exactly one place.

Certificates are written out in DER here, since the ordinary builders refuse most of what has to be tested;
keys and signatures are those of ``cryptography``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

AT = datetime(2027, 1, 1, tzinfo=UTC)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

OID_CN = bytes.fromhex("0603550403")
OID_DC = bytes.fromhex("060a0992268993f22c640119")
OID_O = bytes.fromhex("060355040a")
SKI, KEY_USAGE, SAN, BASIC, NAME_CONSTRAINTS, AKI, EKU = 0x0E, 0x0F, 0x11, 0x13, 0x1E, 0x23, 0x25
DS, NR, KE, DE, KA, CS, CRL = (1 << bit for bit in range(7))
SERVER_AUTH, CLIENT_AUTH, OCSP_SIGNING = 1, 2, 9

ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ALGORITHMS: dict[str, bytes] = {
    "ecdsa-sha256": ECDSA_SHA256,
    "ecdsa-sha384": bytes.fromhex("300a06082a8648ce3d040303"),
    "ecdsa-sha512": bytes.fromhex("300a06082a8648ce3d040304"),
    "ecdsa-sha1": bytes.fromhex("300906072a8648ce3d0401"),
    "rsa-sha256": bytes.fromhex("300d06092a864886f70d01010b0500"),
    "rsa-md5": bytes.fromhex("300d06092a864886f70d0101040500"),
    "ed25519": bytes.fromhex("300506032b6570"),
}
HASHES: dict[str, hashes.HashAlgorithm] = {
    "ecdsa-sha256": hashes.SHA256(),
    "ecdsa-sha384": hashes.SHA384(),
    "ecdsa-sha512": hashes.SHA512(),
    "ecdsa-sha1": hashes.SHA1(),
}


def tlv(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        length = bytes([size])
    else:
        octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
        length = bytes([0x80 | len(octets)]) + octets
    return bytes([tag]) + length + content


def seq(*parts: bytes) -> bytes:
    return tlv(0x30, *parts)


def name(*attributes: tuple[bytes, str]) -> bytes:
    parts = []
    for oid, text in attributes:
        string = tlv(0x16 if oid == OID_DC else 0x0C, text.encode())
        parts.append(tlv(0x31, seq(oid, string)))
    return seq(*parts)


def time_of(moment: datetime, *, generalized: bool | None = None) -> bytes:
    if generalized or (generalized is None and moment.year >= 2050):
        return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())
    return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())


def key_usage(bits: int) -> bytes:
    octet = sum(0x80 >> bit for bit in range(7) if bits >> bit & 1)
    unused = (octet & -octet).bit_length() - 1 if octet else 0
    return tlv(0x03, bytes([unused, octet]))


def basic(ca: bool, path_length: int | None = None) -> bytes:
    return seq(
        b"\x01\x01\xff" if ca else b"", b"" if path_length is None else tlv(0x02, bytes([path_length]))
    )


def extended(*purposes: int) -> bytes:
    return seq(
        *(tlv(0x06, bytes.fromhex("2b06010505070300")[:-1] + bytes([purpose])) for purpose in purposes)
    )


def dns_names(*names: str) -> bytes:
    return seq(*(tlv(0x82, text.encode()) for text in names))


PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def key_of(label: str) -> PrivateKey:
    """A key for each label; the part before the colon names its kind."""
    kind = label.partition(":")[0]
    curves: dict[str, type[ec.EllipticCurve]] = {
        "p384": ec.SECP384R1,
        "p521": ec.SECP521R1,
        "k256": ec.SECP256K1,
    }
    if kind in curves:
        return ec.generate_private_key(curves[kind]())
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def public_info(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key: PrivateKey, message: bytes, algorithm: str) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(message, ec.ECDSA(HASHES.get(algorithm, hashes.SHA256()), deterministic_signing=True))


Extensions = dict[int, tuple[bool, bytes]]


@dataclass(frozen=True)
class Spec:
    """What a certificate says; ``replace`` it to break one thing."""

    subject: bytes
    issuer: bytes
    key: str
    issuer_key: str
    extensions: Extensions
    not_before: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    not_after: datetime = datetime(2028, 1, 1, tzinfo=UTC)
    serial: bytes = b"\x05"
    version: int | None = 2
    algorithm: str = "ecdsa-sha256"
    outer_algorithm: str | None = None
    generalized: bool | None = None
    public_info: bytes | None = None
    extra_extensions: tuple[bytes, ...] = ()
    tail: bytes = b""

    def having(self, number: int, value: bytes, *, critical: bool = False) -> Spec:
        return replace(self, extensions={**self.extensions, number: (critical, value)})

    def without(self, number: int) -> Spec:
        return replace(
            self, extensions={key: value for key, value in self.extensions.items() if key != number}
        )

    @property
    def signed_part(self) -> bytes:
        version = b"" if self.version is None else tlv(0xA0, tlv(0x02, bytes([self.version])))
        extensions = [
            seq(
                tlv(0x06, bytes([0x55, 0x1D, number])), b"\x01\x01\xff" if critical else b"", tlv(0x04, value)
            )
            for number, (critical, value) in self.extensions.items()
        ]
        extensions += self.extra_extensions
        validity = seq(
            time_of(self.not_before, generalized=self.generalized),
            time_of(self.not_after, generalized=self.generalized),
        )
        return seq(
            version,
            tlv(0x02, self.serial),
            ALGORITHMS[self.algorithm],
            self.issuer,
            validity,
            self.subject,
            self.public_info or public_info(key_of(self.key)),
            tlv(0xA3, seq(*extensions)) if extensions else b"",
            self.tail,
        )

    @property
    def der(self) -> bytes:
        signed = self.signed_part
        signature = sign(key_of(self.issuer_key), signed, self.algorithm)
        return seq(signed, ALGORITHMS[self.outer_algorithm or self.algorithm], tlv(0x03, b"\x00", signature))


def identifier(key: str) -> bytes:
    return tlv(0x04, key.encode()[:20].ljust(8, b"."))


def ca(common_name: str, issuer: str, path_length: int | None, *, role: str = "V2G", **changes: Any) -> Spec:
    """A CA certificate; names stand for keys, so ``ca("A", "A", None)`` is a root."""
    spec = Spec(
        subject=name((OID_CN, common_name), (OID_O, "test"), (OID_DC, role)),
        issuer=name((OID_CN, issuer), (OID_O, "test"), (OID_DC, role)),
        key=common_name,
        issuer_key=issuer,
        extensions={
            BASIC: (True, basic(True, path_length)),
            KEY_USAGE: (True, key_usage(CS | CRL)),
            SKI: (False, identifier(common_name)),
        },
    )
    return replace(spec, **changes)


def leaf(common_name: str, issuer: str, usage: int, *, role: str | None, issuer_role: str = "V2G") -> Spec:
    subject = [(OID_CN, common_name), (OID_O, "test")]
    if role is not None:
        subject.append((OID_DC, role))
    return Spec(
        subject=name(*subject),
        issuer=name((OID_CN, issuer), (OID_O, "test"), (OID_DC, issuer_role)),
        key=common_name,
        issuer_key=issuer,
        extensions={
            BASIC: (True, basic(False)),
            KEY_USAGE: (True, key_usage(usage)),
            SKI: (False, identifier(common_name)),
        },
    )


@dataclass(frozen=True)
class Tree:
    """Root, two sub-CAs and a leaf of one purpose, all good."""

    purpose: str
    kind: str
    root: Spec
    sub1: Spec
    sub2: Spec
    leaf: Spec

    @property
    def chain(self) -> list[bytes]:
        return [self.leaf.der, self.sub2.der, self.sub1.der]


LEAVES: dict[str, tuple[str, str, int, str]] = {
    "secc": ("v2g", "DEPLGS000001", DS, "CPO"),
    "contract": ("mo", "DE8AA001234567", DS | NR | KE | KA, "MO"),
    "oem-provisioning": ("oem", "WMIV1234567890ABCD", DS | KA, "OEM"),
    "cps": ("v2g", "Provisioning 1", DS, "CPS"),
}


@cache
def tree(purpose: str) -> Tree:
    """The good chain of a purpose; every test breaks a copy."""
    kind, common_name, usage, role = LEAVES[purpose]
    root, sub1, sub2 = (f"{purpose} {level}" for level in ("root", "sub 1", "sub 2"))
    return Tree(
        purpose,
        kind,
        root=ca(root, root, None),
        sub1=ca(sub1, root, 1),
        sub2=ca(sub2, sub1, 0),
        leaf=leaf(common_name, sub2, usage, role=role),
    )


def with_signature(certificate: bytes, signature: bytes) -> bytes:
    """Give a certificate another signature, its signed part untouched."""
    signed_part = x509.load_der_x509_certificate(certificate).tbs_certificate_bytes
    return seq(signed_part, ECDSA_SHA256, tlv(0x03, b"\x00", signature))


def mirrored(certificate: bytes) -> bytes:
    """Give the certificate that anybody can make of one: its signature (r, s) as (r, n - s)."""
    r, s = decode_dss_signature(x509.load_der_x509_certificate(certificate).signature)
    return with_signature(certificate, encode_dss_signature(r, ORDER - s))
