"""A book of contracts that answers the station's question in the same process. Needs the extra ``hub``."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from plugcharge import pki
from plugcharge.backend.authorization import (
    AuthorizationAnswer,
    AuthorizationRequest,
    AuthorizationStatus,
    CertificateStatus,
)
from plugcharge.backend.instants import as_utc, from_text, to_text
from plugcharge.backend.schema import contracts, revoked_certificates, tariffs
from plugcharge.backend.tariff import Tariff
from plugcharge.errors import ChainError, LocalError
from plugcharge.identifiers import Emaid, IdentifierError, Pcid

import sqlalchemy as sa  # isort: skip  (after schema, which explains its absence)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugcharge.backend.database import Database

__all__ = ["Contract", "ContractBook", "ContractStatus"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ContractStatus(StrEnum):
    """What the mobility operator says about a contract, apart from its dates."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    NO_CREDIT = "no-credit"


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as it is registered.

    Attributes:
        emaid: in any accepted spelling; two spellings are one contract, compared on the canonical 14
            characters.
        tariff_id: a tariff that is in the book.
        valid_from: first moment of validity; kept in UTC.
        valid_until: last moment of validity; kept in UTC.
        status: active unless something else is said.
        evse_prefix: the contract holds only at EVSEs whose id begins so; ``*`` and case do not count.
            ``None`` for everywhere. Mind that ``DE*ABC*E1`` also covers ``DE*ABC*E10``.
        pcid: the vehicle it was made for, where that is known.

    Raises:
        IdentifierError: eMAID or PCID is malformed.
        LocalError: the dates are the wrong way round or have no zone, or the prefix is empty.
    """

    emaid: str
    tariff_id: str
    valid_from: datetime
    valid_until: datetime
    status: ContractStatus = ContractStatus.ACTIVE
    evse_prefix: str | None = None
    pcid: str | None = None

    def __post_init__(self) -> None:
        Emaid.parse(self.emaid)
        if self.pcid is not None:
            Pcid.parse(self.pcid)
        for field in ("valid_from", "valid_until"):
            moment = as_utc(getattr(self, field), where=f"Contract.{field}")
            msgspec.structs.force_setattr(self, field, moment)
        if self.valid_until <= self.valid_from:
            raise LocalError("the contract ends before it begins", where="Contract.valid_until")
        if self.evse_prefix is not None and not _plain(self.evse_prefix):
            raise LocalError(
                "an empty prefix names no EVSE",
                where="Contract.evse_prefix",
                advice="use None for everywhere",
            )


_A = AuthorizationStatus
_C = CertificateStatus

# Contract status -> what the station is told. An active contract goes on to the other checks.
_REFUSALS = MappingProxyType(
    {
        ContractStatus.BLOCKED: (_A.BLOCKED, _C.CONTRACT_CANCELLED, "the contract is blocked"),
        ContractStatus.CANCELLED: (_A.INVALID, _C.CONTRACT_CANCELLED, "the contract was cancelled"),
        ContractStatus.NO_CREDIT: (_A.NO_CREDIT, _C.ACCEPTED, "the contract has no credit left"),
    }
)


class ContractBook:
    """Contracts and tariffs in the database; implements :class:`plugcharge.backend.ContractAuthorizer`.

    Example:
        >>> import tempfile
        >>> from datetime import UTC
        >>> from decimal import Decimal
        >>> from pathlib import Path
        >>> from plugcharge.backend.database import Database
        >>> first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
        >>> year = {"valid_from": first, "valid_until": last}
        >>> prices = {"price_per_kwh": Decimal("0.49"), "vat_rate": Decimal("0.19")}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     book = ContractBook(Database.open(Path(folder) / "hub.db"))
        ...     book.put_tariff(Tariff(tariff_id="day", currency="EUR", **prices))
        ...     book.put_contract(Contract(emaid="DE-8AA-001234567", tariff_id="day", **year))
        ...     book.contract("de8aa001234567").status.value
        ...     book.close()
        'active'
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def close(self) -> None:
        """Close the database, which may be shared with a session store."""
        self._database.close()

    def put_tariff(self, tariff: Tariff) -> None:
        """Store a tariff, in place of one with the same id; running sessions keep theirs.

        Raises:
            StorageError: nothing was stored.
        """
        body = msgspec.json.encode(tariff)
        with self._database.write() as connection:
            query = tariffs.update().where(tariffs.c.tariff_id == tariff.tariff_id).values(body=body)
            if connection.execute(query).rowcount == 0:
                connection.execute(tariffs.insert().values(tariff_id=tariff.tariff_id, body=body))

    def put_contract(self, contract: Contract) -> None:
        """Store a contract, in place of one with the same eMAID.

        Raises:
            LocalError: its tariff is not in the book.
            StorageError: nothing was stored.
        """
        emaid = Emaid.parse(contract.emaid).canonical
        values = {
            "as_received": contract.emaid,
            "status": contract.status.value,
            "tariff_id": contract.tariff_id,
            "valid_from": to_text(contract.valid_from),
            "valid_until": to_text(contract.valid_until),
            "evse_prefix": contract.evse_prefix,
            "pcid": contract.pcid,
        }
        with self._database.write() as connection:
            if _tariff(connection, contract.tariff_id) is None:
                raise LocalError(
                    f"there is no tariff {contract.tariff_id!r}",
                    where="Contract.tariff_id",
                    advice="store it first",
                )
            query = contracts.update().where(contracts.c.emaid == emaid).values(**values)
            if connection.execute(query).rowcount == 0:
                connection.execute(contracts.insert().values(emaid=emaid, **values))

    def revoke_certificate(self, certificate: bytes, at: datetime) -> None:
        """Refuse a contract certificate from now on; doing it again changes nothing.

        It is recognised by what its issuer signed, so no change that leaves it valid brings it back.

        Args:
            certificate: the leaf in DER.
            at: when it was revoked.

        Raises:
            LocalError: not a certificate, or a time without a zone.
            StorageError: nothing was stored.
        """
        try:
            signed_part = pki.parse_certificate(certificate).signed_part_sha256
        except ChainError as error:
            raise LocalError(
                "this is no certificate that could be revoked",
                where="certificate",
                why=error.what,
                advice="give the leaf in DER, or use revoke_signed_part",
            ) from error
        self.revoke_signed_part(signed_part.hex(), at)

    def revoke_signed_part(self, sha256: str, at: datetime) -> None:
        """Refuse the contract certificate whose signed part has this hash; as :meth:`revoke_certificate`.

        Args:
            sha256: lower-case hex SHA-256 of what the leaf's issuer signed (TBSCertificate), which is
                ``pki.ValidatedChain.signed_part_sha256``; not the fingerprint that certificate tools print.
            at: when it was revoked.

        Raises:
            LocalError: not a SHA-256, or a time without a zone.
            StorageError: nothing was stored.
        """
        if not _SHA256.fullmatch(sha256):
            raise LocalError(
                f"{sha256[:80]!r} is no SHA-256", where="sha256", advice="64 lower-case hex digits"
            )
        row = {"signed_part_sha256": sha256, "at": to_text(at)}
        with self._database.write() as connection:
            if not _is_revoked(connection, sha256):
                connection.execute(revoked_certificates.insert().values(**row))

    def contract(self, emaid: str) -> Contract | None:
        """Give the contract with an eMAID in any spelling; ``None`` when there is none.

        Raises:
            IdentifierError: the text is not an eMAID.
        """
        with self._database.read() as connection:
            return _contract(connection, Emaid.parse(emaid).canonical)

    async def authorize(self, request: AuthorizationRequest) -> AuthorizationAnswer:
        """Answer a station; see :meth:`decide`. The event loop goes on meanwhile."""
        return await asyncio.to_thread(self.decide, request)

    def decide(self, request: AuthorizationRequest) -> AuthorizationAnswer:
        """Answer a station. The first thing that is wrong decides: certificate, contract, dates, place.

        Raises:
            StorageError: no decision could be had; the station must not charge.
        """
        try:
            emaid = Emaid.parse(request.emaid).canonical
        except IdentifierError as error:
            return _refusal(_A.INVALID, _C.CONTRACT_CANCELLED, f"malformed eMAID: {error}")
        with self._database.read() as connection:
            if _is_revoked(connection, request.contract_fingerprint.lower()):
                return _refusal(_A.INVALID, _C.CERTIFICATE_REVOKED, "the contract certificate was revoked")
            if request.chain_not_after < request.at:
                return _refusal(_A.EXPIRED, _C.CERTIFICATE_EXPIRED, "the certificate chain has expired")
            contract = _contract(connection, emaid)
            if contract is None:
                return _refusal(_A.UNKNOWN, _C.CONTRACT_CANCELLED, f"{emaid} is not in the book")
            tariff = _tariff(connection, contract.tariff_id)
        return _refused(contract, request) or AuthorizationAnswer(
            status=_A.ACCEPTED,
            certificate_status=_C.ACCEPTED,
            reason=f"{emaid} may charge",
            authorization_reference=_reference(request.session_id, emaid),
            tariff=tariff,
        )


def _refused(contract: Contract, request: AuthorizationRequest) -> AuthorizationAnswer | None:
    if contract.status is not ContractStatus.ACTIVE:
        return _refusal(*_REFUSALS[contract.status])
    if request.at > contract.valid_until:
        return _refusal(_A.EXPIRED, _C.CONTRACT_CANCELLED, f"the contract ended on {contract.valid_until}")
    if request.at < contract.valid_from:
        return _refusal(_A.NOT_AT_THIS_TIME, _C.ACCEPTED, f"the contract begins on {contract.valid_from}")
    prefix = contract.evse_prefix
    if prefix is not None and not _plain(request.evse_id).startswith(_plain(prefix)):
        reason = f"the contract holds at {prefix} only, not at {request.evse_id}"
        return _refusal(_A.NOT_ALLOWED_AT_THIS_EVSE, _C.ACCEPTED, reason)
    return None


def _refusal(
    status: AuthorizationStatus, certificate_status: CertificateStatus, reason: str
) -> AuthorizationAnswer:
    return AuthorizationAnswer(status=status, certificate_status=certificate_status, reason=reason)


def _reference(session_id: str, emaid: str) -> str:
    # The same question gets the same reference: a repeated call is not a second authorization. OCPI takes 36.
    return hashlib.sha256(f"{session_id}/{emaid}".encode()).hexdigest()[:32]


def _plain(evse_id: str) -> str:
    return evse_id.replace("*", "").upper()


def _is_revoked(connection: sa.Connection, signed_part_sha256: str) -> bool:
    column = revoked_certificates.c.signed_part_sha256
    query = sa.select(column).where(column == signed_part_sha256)
    return connection.execute(query).first() is not None


def _tariff(connection: sa.Connection, tariff_id: str) -> Tariff | None:
    query = sa.select(tariffs.c.body).where(tariffs.c.tariff_id == tariff_id)
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else msgspec.json.decode(body, type=Tariff)


def _contract(connection: sa.Connection, emaid: str) -> Contract | None:
    row = connection.execute(sa.select(contracts).where(contracts.c.emaid == emaid)).one_or_none()
    if row is None:
        return None
    return Contract(
        emaid=row.as_received,
        tariff_id=row.tariff_id,
        valid_from=from_text(row.valid_from),
        valid_until=from_text(row.valid_until),
        status=ContractStatus(row.status),
        evse_prefix=row.evse_prefix,
        pcid=row.pcid,
    )
