"""Whether a certificate chain may be trusted for a purpose, and what it then stands for.

The check is that of the -2 profile: P-256, ecdsa-with-SHA256, at most 800 octets a certificate and three
certificates below the root [V2G2-006], [V2G2-007], [V2G2-009], [V2G2-010]. It fails closed, does a bounded
amount of work, reads no clock and no network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from plugcharge import _core
from plugcharge.errors import ChainError, LocalError
from plugcharge.identifiers import Emaid, IdentifierError, Pcid

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from plugcharge.pki.trust_store import TrustStore

__all__ = ["ChainRule", "Purpose", "ValidatedChain", "chain_rules", "validate"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHA256_OCTETS: Final = 32


class Purpose(StrEnum):
    """What a leaf certificate is to be used for; each purpose has its own profile and its own roots."""

    SECC = "secc"
    """TLS server of a station; below a V2G or a private root, with the domain component CPO [V2G2-925]."""
    CONTRACT = "contract"
    """A driver's contract; below an MO or a V2G root; its common name is the eMAID."""
    OEM_PROVISIONING = "oem-provisioning"
    """What a vehicle is born with; below an OEM or a V2G root; its common name is the PCID [V2G2-933]."""
    CPS = "cps"
    """Signs contract installations; below a V2G root, with the domain component CPS."""


class ChainRule(NamedTuple):
    """A rule that a chain can break."""

    id: str
    """Stable, such as ``"iso2::contract::missing-key-usage"``; found in :attr:`ChainError.rule`."""
    requirement: str
    """Requirement number or table, where there is one."""
    description: str
    """What must hold."""
    advice: str
    """What a station operator can do when it does not."""
    code: str
    """The -2 ResponseCode that the peer is told."""
    tolerated: bool
    """Whether ``rules="interop"`` goes on when it is broken."""
    stage: str
    """When it is checked: ``"count"``, ``"form"``, ``"link"``, ``"anchor"``, ``"time"``, ``"issuer"``,
    ``"leaf"``, ``"revocation"`` or ``"name"``, in this order."""


_NOT_AN_EMAID: Final = ChainRule(
    "iso2::contract::subject-not-an-emaid",
    "",
    "the common name of a contract certificate is an eMAID",
    "the certificate is no contract certificate, or its issuer named it wrongly; ask the issuer",
    "FAILED_CertChainError",
    tolerated=False,
    stage="name",
)
_NOT_A_PCID: Final = ChainRule(
    "iso2::oem-provisioning::subject-not-a-pcid",
    "[V2G2-933]",
    "the common name of a provisioning certificate is a PCID (tolerated unless it is an eMAID)",
    "the certificate is no provisioning certificate, or its maker named it otherwise; ask the maker",
    "FAILED_CertChainError",
    tolerated=True,
    stage="name",
)


@dataclass(frozen=True, slots=True)
class ValidatedChain:
    """A chain that was checked and found good.

    Attributes:
        purpose: what it was checked for.
        chain: the certificates of the path in DER, leaf first, in the order of issuing; without the root.
        anchor: the trusted root at its end, in DER.
        anchor_kind: as what that root is trusted: ``"v2g"``, ``"mo"``, ``"oem"`` or ``"private"``.
        subject_cn: the leaf's common name as it stands in the certificate.
        emaid: the canonical eMAID of 14 characters; ``None`` unless the purpose is CONTRACT.
        pcid: the canonical PCID; ``None`` unless the purpose is OEM_PROVISIONING and the name is a PCID.
        public_key: the leaf's key, ready to verify signatures.
        key_usage: names of the leaf's KeyUsage bits, as RFC 5280 writes them; empty without the extension.
        fingerprint: SHA-256 of the leaf, 32 octets. Not a name for a deny list: whoever presents a
            certificate can rewrite its ECDSA signature (r, s) as (r, n - s), which is just as valid.
        signed_part_sha256: SHA-256 of what the leaf's issuer signed (TBSCertificate), 32 octets: the same for
            every form of the leaf, so recognise it by this.
        not_before: when the last certificate of the path (root included) becomes valid, in UTC.
        not_after: when the first certificate of the path (root included) expires, in UTC.
        tolerated: ids of the rules that were broken and tolerated; empty under strict rules.
    """

    purpose: Purpose
    chain: tuple[bytes, ...]
    anchor: bytes
    anchor_kind: str
    subject_cn: str
    emaid: str | None
    pcid: str | None
    public_key: _core.PublicKey
    key_usage: tuple[str, ...]
    fingerprint: bytes
    signed_part_sha256: bytes
    not_before: datetime
    not_after: datetime
    tolerated: tuple[str, ...]

    @property
    def leaf(self) -> bytes:
        """The leaf certificate in DER."""
        return self.chain[0]

    def expires_within(self, at: datetime, days: int) -> bool:
        """Tell whether the chain will have expired ``days`` days after ``at``.

        A station answers ``OK_CertificateExpiresSoon`` for contracts with 21 days left or less [V2G2-690].

        Raises:
            LocalError: ``at`` has no time zone.
        """
        return self.not_after <= _aware(at) + timedelta(days=days)


def validate(
    chain: Sequence[bytes],
    *,
    purpose: Purpose,
    trust: TrustStore,
    at: datetime,
    revoked: Collection[bytes | tuple[bytes, int]] = frozenset(),
    revoked_signed_parts: Collection[bytes] = frozenset(),
    rules: Literal["strict", "interop"] = "strict",
    danger_ignore_root_validity: bool = False,
) -> ValidatedChain:
    """Check a certificate chain and give what it stands for.

    Args:
        chain: DER certificates: the leaf first, then its sub-CAs in any order; the root is left out, or is
            octet for octet a trusted one.
        purpose: what the leaf is to be used for.
        trust: the trusted roots.
        at: the time of the check, with a time zone.
        revoked: what is known to be revoked: certificates in DER, or pairs of the issuer's name in DER and
            the serial number. A certificate is recognised by issuer and serial number and by what its issuer
            signed, so no change that leaves it valid hides it.
        revoked_signed_parts: the same, as SHA-256 of what the issuer signed (TBSCertificate), 32 octets each:
            :attr:`ValidatedChain.signed_part_sha256`, not the fingerprint that certificate tools print.
        rules: ``"strict"`` is the profile to the letter; ``"interop"`` goes on where issuers in the field are
            known to deviate, and lists each deviation in :attr:`ValidatedChain.tolerated`.
        danger_ignore_root_validity: take a root that is expired or not yet valid.

    Raises:
        ChainError: the chain must not be trusted; the peer, or the configuration of the trust store, is at
            fault. It carries the ResponseCode to answer with, the rule's id, the certificate, and advice.
        LocalError: an argument is wrong.

    Example:
        >>> from plugcharge.pki import TestPki, TrustStore
        >>> now = datetime(2026, 1, 1, tzinfo=UTC)
        >>> pki = TestPki(b"example", now=now)
        >>> store = TrustStore(mo=[pki.mo_root.der])
        >>> validate(pki.contract_leaf.chain, purpose=Purpose.CONTRACT, trust=store, at=now).emaid
        'DEPLGC00000001'
        >>> validate(pki.secc.chain, purpose=Purpose.SECC, trust=store, at=now)
        Traceback (most recent call last):
        ...
        plugcharge.errors.ChainError: The chain ends at an issuer that is not trusted here. ...
    """
    signed_parts, serials = _revocations(revoked, revoked_signed_parts)
    found = _core.validate_chain(
        chain,
        trust.core,
        purpose=purpose,
        at=math.floor(_aware(at).timestamp()),
        rules=rules,
        revoked_signed_parts=signed_parts,
        revoked_serials=serials,
        danger_ignore_root_validity=danger_ignore_root_validity,
    )
    emaid = _emaid(found.subject_cn) if purpose == Purpose.CONTRACT else None
    pcid, tolerated = None, found.tolerated
    if purpose == Purpose.OEM_PROVISIONING:
        pcid, more = _pcid(found.subject_cn, rules)
        tolerated += more
    return ValidatedChain(
        purpose=purpose,
        chain=found.chain,
        anchor=found.anchor,
        anchor_kind=found.anchor_kind,
        subject_cn=found.subject_cn,
        emaid=emaid,
        pcid=pcid,
        public_key=found.public_key,
        key_usage=found.key_usage,
        fingerprint=found.fingerprint,
        signed_part_sha256=found.signed_part_sha256,
        not_before=_EPOCH + timedelta(seconds=found.not_before),
        not_after=_EPOCH + timedelta(seconds=found.not_after),
        tolerated=tolerated,
    )


def chain_rules() -> tuple[ChainRule, ...]:
    """Give every rule that :func:`validate` checks, in the order of checking.

    Example:
        >>> rule = next(rule for rule in chain_rules() if rule.id == "iso2::certificate::expired")
        >>> rule.requirement, rule.code
        ('[V2G2-824]', 'FAILED_CertificateExpired')
    """
    return (*(ChainRule(*row) for row in _core.chain_rules()), _NOT_AN_EMAID, _NOT_A_PCID)


def _emaid(subject_cn: str) -> str:
    try:
        return Emaid.parse(subject_cn).canonical
    except IdentifierError as error:
        raise _misnamed(_NOT_AN_EMAID, subject_cn) from error


def _pcid(subject_cn: str, rules: str) -> tuple[str | None, tuple[str, ...]]:
    """Read the name of a provisioning certificate; gives it with the rules that were broken and tolerated."""
    try:
        return Pcid.parse(subject_cn).canonical, ()
    except IdentifierError as error:
        # Contracts in the field have neither role nor KeyUsage: their name is all that tells them apart.
        if rules == "strict" or _is_emaid(subject_cn):
            raise _misnamed(_NOT_A_PCID, subject_cn) from error
        return None, (_NOT_A_PCID.id,)


def _is_emaid(subject_cn: str) -> bool:
    try:
        Emaid.parse(subject_cn)
    except IdentifierError:
        return False
    return True


def _misnamed(rule: ChainRule, subject_cn: str) -> ChainError:
    return ChainError(
        "The common name of the leaf is not of the kind that its purpose asks for.",
        code=rule.code,
        rule=rule.id,
        certificate=f"leaf (CN={subject_cn[:64]!r})",
        why=f"{rule.description} {rule.requirement}".rstrip(),
        advice=rule.advice,
    )


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise LocalError("the time has no time zone", where="at", advice="use datetime.now(UTC)")
    return at


def _revocations(
    revoked: Collection[bytes | tuple[bytes, int]], signed_parts: Collection[bytes]
) -> tuple[list[bytes], list[tuple[bytes, bytes]]]:
    """Give the SHA-256 of signed parts, and issuers with serial numbers, that are revoked."""
    digests, serials = list(signed_parts), []
    for digest in digests:
        if len(digest) != _SHA256_OCTETS:
            raise LocalError(
                f"a SHA-256 has {_SHA256_OCTETS} octets, not {len(digest)}", where="revoked_signed_parts"
            )
    for item in revoked:
        if isinstance(item, bytes):
            certificate = _revoked_certificate(item)
            digests.append(certificate.signed_part_sha256)
            serials.append((certificate.issuer, certificate.serial))
        else:
            issuer, serial = item
            serials.append((issuer, serial.to_bytes(serial.bit_length() // 8 + 1, "big", signed=True)))
    return digests, serials


def _revoked_certificate(der: bytes) -> _core.CertificateSummary:
    try:
        return _core.parse_certificate(der)
    except ChainError as error:
        raise LocalError(
            "this is no certificate that could be revoked",
            where="revoked",
            why="a fingerprint of a certificate cannot name it: anybody can change it without a key"
            if len(der) == _SHA256_OCTETS
            else error.what,
            advice="give the certificate in DER, its issuer and serial number, or the SHA-256 of its signed"
            " part as revoked_signed_parts",
        ) from error
