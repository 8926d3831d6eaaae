"""Events of a charging session as the station reports them, and the record that they add up to.

An event is a fact that happened once. It is stored, never changed, and a :class:`SessionRecord` is what
:func:`fold` makes of a session's events.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.authorization import AuthorizationAnswer
from plugcharge.backend.billing import Bill
from plugcharge.backend.instants import as_utc
from plugcharge.backend.metering import MeterReading, measure
from plugcharge.errors import LocalError
from plugcharge.identifiers import Emaid

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

__all__ = [
    "MAX_EVIDENCE",
    "AuthMode",
    "Event",
    "EvidenceRecorded",
    "Protocol",
    "ReceiptRecorded",
    "ReceiptVerdict",
    "SessionAuthorized",
    "SessionBilled",
    "SessionClosed",
    "SessionOpened",
    "SessionRecord",
    "StopReason",
    "decode_event",
    "encode_event",
    "fold",
    "same_fact",
]

# A V2GTP frame of the largest cap that is configured anywhere fits; a hostile car cannot fill the disk with
# one.
MAX_EVIDENCE = 65_536
_SHA256 = re.compile(r"[0-9a-f]{64}")
_V2G_SESSION_ID = re.compile(r"[0-9A-F]{2,16}")


class Protocol(StrEnum):
    """Which protocol the session spoke."""

    ISO2 = "-2"
    ISO20 = "-20"
    DIN = "DIN"


class AuthMode(StrEnum):
    """How the driver identified: by the vehicle's contract, or by external means (card, app)."""

    PNC = "PnC"
    EIM = "EIM"


class StopReason(StrEnum):
    """Why a session ended."""

    EV_TERMINATED = "ev-terminated"
    EV_PAUSED = "ev-paused"
    EVSE_STOPPED = "evse-stopped"
    UNPLUGGED = "unplugged"
    CONNECTION_LOST = "connection-lost"
    TIMEOUT = "timeout"
    PROTOCOL_ERROR = "protocol-error"
    SECURITY_ERROR = "security-error"
    AUTHORIZATION_REFUSED = "authorization-refused"
    EMERGENCY = "emergency"
    STATION_ERROR = "station-error"
    STATION_RESTART = "station-restart"


class ReceiptVerdict(StrEnum):
    """What the station found when it checked a -2 MeteringReceiptReq [V2G2-904]."""

    VALID = "valid"
    SIGNATURE_NOT_VALID = "signature-not-valid"
    METER_INFO_DIFFERS = "meter-info-differs"
    NOT_NEWER = "not-newer"


class SessionOpened(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="opened"):
    """A car and a station began a V2G session.

    Attributes:
        session_id: ours, a UUIDv7 (see :func:`plugcharge.backend.instants.new_session_id`).
        at: our clock; kept in UTC.
        v2g_session_id: the SessionID on the wire, 1 to 8 octets as upper-case hex.
        protocol: which protocol was negotiated.
        evccid: the car's EVCCID as hex (its MAC address in -2).
        evse_id: the EVSEID the car was told.
        station_id: the station's own name in this back end.
        connector: number of the connector at the EVSE, from 1.
        auth_mode: contract or external means.
    """

    session_id: str
    at: datetime
    v2g_session_id: str
    protocol: Protocol
    evccid: str
    evse_id: str
    station_id: str
    connector: int = 1
    auth_mode: AuthMode = AuthMode.PNC

    def __post_init__(self) -> None:
        _keep_utc(self, "at")
        if not _V2G_SESSION_ID.fullmatch(self.v2g_session_id) or len(self.v2g_session_id) % 2:
            raise LocalError(
                f"{self.v2g_session_id!r} is no SessionID",
                where="SessionOpened.v2g_session_id",
                advice="write 1 to 8 octets as upper-case hex: value.hex().upper()",
            )


class SessionAuthorized(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="authorized"):
    """Somebody decided whether the car may charge. One per session; its tariff is the one that is billed.

    Attributes:
        session_id: the session.
        at: when the answer came; kept in UTC.
        answer: the decision, with the tariff that was fixed by it.
        emaid: the eMAID from the verified certificate (kept canonical, 14 characters); ``None`` under EIM.
        contract_sha256: lower-case hex SHA-256 of the signed part of the contract leaf; ``None`` under EIM.
        mo_root_sha256: lower-case hex SHA-256 of the root the chain ended in.
        pcid: the vehicle's provisioning id where it is known.
    """

    session_id: str
    at: datetime
    answer: AuthorizationAnswer
    emaid: str | None = None
    contract_sha256: str | None = None
    mo_root_sha256: str | None = None
    pcid: str | None = None

    def __post_init__(self) -> None:
        _keep_utc(self, "at")
        if self.emaid is not None:
            msgspec.structs.force_setattr(self, "emaid", Emaid.parse(self.emaid).canonical)
        for field in ("contract_sha256", "mo_root_sha256"):
            value: str | None = getattr(self, field)
            if value is not None and not _SHA256.fullmatch(value):
                raise LocalError(
                    f"{value!r} is no SHA-256",
                    where=f"SessionAuthorized.{field}",
                    advice="64 lower-case hex digits",
                )


class ReceiptRecorded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="receipt"):
    """The car signed a meter value (-2 MeteringReceiptReq), and the station judged the signature.

    Attributes:
        session_id: the session.
        at: when it came in; kept in UTC.
        verdict: what the check found; anything but ``valid`` flags the bill.
        exi: the message exactly as it came in: the proof.
        meter_id: MeterID that the car signed.
        import_wh: MeterReading that the car signed, in Wh.
        schedule_tuple_id: SAScheduleTupleID that the car signed, if any.
    """

    session_id: str
    at: datetime
    verdict: ReceiptVerdict
    exi: bytes
    meter_id: str
    import_wh: int | None = None
    schedule_tuple_id: int | None = None

    def __post_init__(self) -> None:
        _keep_utc(self, "at")
        _check_proof(self.exi, "ReceiptRecorded.exi")

    @property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of the message."""
        return hashlib.sha256(self.exi).hexdigest()


class EvidenceRecorded(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="evidence"):
    """A message that proves something, kept as it came in.

    Attributes:
        session_id: the session.
        at: when it came in; kept in UTC.
        message: its name, such as ``"PaymentDetailsReq"`` or ``"AuthorizationReq"``; 1 to 64 characters.
        exi: its EXI octets, untouched, at most 65,536.
    """

    session_id: str
    at: datetime
    message: str
    exi: bytes

    def __post_init__(self) -> None:
        _keep_utc(self, "at")
        _check_proof(self.exi, "EvidenceRecorded.exi")
        if not 1 <= len(self.message) <= 64:
            raise LocalError("the message needs a name", where="EvidenceRecorded.message")

    @property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of the message."""
        return hashlib.sha256(self.exi).hexdigest()


class SessionClosed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="closed"):
    """The session is over. Nothing is recorded for it afterwards but its bill.

    Attributes:
        session_id: the session.
        at: when it was closed; kept in UTC.
        stop_reason: why it ended.
        ended: when it really ended, if that is earlier than ``at``, as after a crash; ``None`` for ``at``.
        lasted: whole seconds since the authorization, counted by a clock that nobody sets; ``None`` where
            there is no such count, as after a crash.
    """

    session_id: str
    at: datetime
    stop_reason: StopReason
    ended: datetime | None = None
    lasted: int | None = None

    def __post_init__(self) -> None:
        _keep_utc(self, "at")
        if self.ended is not None:
            _keep_utc(self, "ended")
        if self.lasted is not None and self.lasted < 0:
            raise LocalError("a session cannot last less than nothing", where="SessionClosed.lasted")


class SessionBilled(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="billed"):
    """The bill of a closed session; written by the store together with the close, never by a station.

    Attributes:
        session_id: the session.
        at: when the bill was made; kept in UTC.
        bill: the bill.
    """

    session_id: str
    at: datetime
    bill: Bill

    def __post_init__(self) -> None:
        _keep_utc(self, "at")


Event = (
    SessionOpened
    | SessionAuthorized
    | MeterReading
    | ReceiptRecorded
    | EvidenceRecorded
    | SessionClosed
    | SessionBilled
)


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of one session.

    Attributes:
        session_id: ours, a UUIDv7.
        v2g_session_id: upper-case hex, as on the wire.
        protocol: ``-2``, ``-20`` or ``DIN``.
        evccid: the car's EVCCID as hex.
        evse_id: the EVSEID the car was told.
        station_id: the station.
        connector: from 1.
        auth_mode: contract or external means.
        started: begin, UTC.
        ended: end, UTC; ``None`` while it runs.
        stop_reason: ``None`` while it runs.
        authorized: when the decision came; ``None`` before.
        auth_result: the decision; ``None`` before.
        emaid: canonical eMAID from the verified certificate.
        pcid: the vehicle's provisioning id where known.
        contract_sha256: SHA-256 of the signed part of the contract leaf.
        mo_root_sha256: fingerprint of the root.
        readings: in the order in which they were recorded.
        receipts: the car's signed receipts with their verdicts.
        evidence: raw messages.
        energy_wh: whole Wh by the rules of :func:`plugcharge.backend.metering.measure`.
        bill: ``None`` while it runs and when nobody may be billed.
        warnings: sentences about what a person has to look at.
        ledger_head: hash of the session's newest ledger entry, hex; empty if not from a store.
    """

    session_id: str
    v2g_session_id: str
    protocol: Protocol
    evccid: str
    evse_id: str
    station_id: str
    connector: int
    auth_mode: AuthMode
    started: datetime
    ended: datetime | None = None
    stop_reason: StopReason | None = None
    authorized: datetime | None = None
    auth_result: AuthorizationAnswer | None = None
    emaid: str | None = None
    pcid: str | None = None
    contract_sha256: str | None = None
    mo_root_sha256: str | None = None
    readings: tuple[MeterReading, ...] = ()
    receipts: tuple[ReceiptRecorded, ...] = ()
    evidence: tuple[EvidenceRecorded, ...] = ()
    energy_wh: int = 0
    bill: Bill | None = None
    warnings: tuple[str, ...] = ()
    ledger_head: str = ""

    @property
    def cost(self) -> Decimal | None:
        """The bill's total, VAT included; ``None`` without a bill."""
        return self.bill.total if self.bill else None

    @property
    def last_known(self) -> datetime:
        """The latest moment at which the session is known to have been alive."""
        moments = [self.started]
        moments += [reading.at for reading in self.readings]
        moments += [receipt.at for receipt in self.receipts]
        moments += [proof.at for proof in self.evidence]
        if self.authorized:
            moments.append(self.authorized)
        return max(moments)


def encode_event(event: Event) -> bytes:
    """Write an event as canonical JSON: the bytes that are stored and hashed. Equal events give equal bytes.

    Raises:
        LocalError: a field has the wrong type. The caller is at fault.
    """
    try:
        body = msgspec.json.encode(event)
        if decode_event(body) != event:
            raise LocalError("the event does not survive storage", where=type(event).__name__)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError) as error:
        raise LocalError(f"this event cannot be stored: {error}", where=type(event).__name__) from error
    return body


def decode_event(body: bytes) -> Event:
    """Read what :func:`encode_event` wrote.

    Raises:
        msgspec.MsgspecError: the bytes are not an event.
    """
    return _DECODER.decode(body)


def same_fact(first: Event, second: Event) -> bool:
    """Tell whether two reports are the same fact, reported twice; the time of reporting does not count."""
    if type(first) is not type(second):
        return False
    skipped = ("at", "ended", "lasted")
    return all(
        getattr(first, name) == getattr(second, name)
        for name in first.__struct_fields__
        if name not in skipped
    )


def fold(events: Iterable[Event], *, ledger_head: str = "") -> SessionRecord:
    """Make the record of one session from its events, in the order in which they were stored.

    Raises:
        LocalError: the first event does not open a session, or an event belongs to another session.
    """
    items = list(events)
    opened = items[0] if items else None
    if not isinstance(opened, SessionOpened):
        raise LocalError("a session begins with SessionOpened", where="events")
    if any(event.session_id != opened.session_id for event in items):
        raise LocalError("events of several sessions were mixed", where=f"session {opened.session_id}")
    fields = {name: getattr(opened, name) for name in opened.__struct_fields__ if name != "at"}
    readings = tuple(event for event in items if isinstance(event, MeterReading))
    record = SessionRecord(
        **fields,
        started=opened.at,
        readings=readings,
        receipts=tuple(event for event in items if isinstance(event, ReceiptRecorded)),
        evidence=tuple(event for event in items if isinstance(event, EvidenceRecorded)),
        energy_wh=measure(readings).energy_wh,
        ledger_head=ledger_head,
    )
    for event in items:
        record = _apply(record, event)
    return msgspec.structs.replace(record, warnings=_warnings(record))


def _apply(record: SessionRecord, event: Event) -> SessionRecord:
    match event:
        case SessionAuthorized():
            return msgspec.structs.replace(
                record,
                authorized=event.at,
                auth_result=event.answer,
                emaid=event.emaid,
                pcid=event.pcid,
                contract_sha256=event.contract_sha256,
                mo_root_sha256=event.mo_root_sha256,
            )
        case SessionClosed():
            return msgspec.structs.replace(
                record, ended=event.ended or event.at, stop_reason=event.stop_reason
            )
        case SessionBilled():
            return msgspec.structs.replace(record, bill=event.bill)
        case _:
            return record


def _warnings(record: SessionRecord) -> tuple[str, ...]:
    if record.bill:
        return record.bill.flags
    flags = measure(record.readings).flags if record.readings else ()
    allowed = record.auth_result is not None and record.auth_result.accepted
    if record.energy_wh and not allowed:
        flags += (f"energy-without-authorization: {record.energy_wh} Wh flowed that nobody pays for",)
    if record.ended and record.auth_result is not None and allowed:
        if record.auth_result.tariff is None:
            flags += ("no-tariff: the session was authorized without a tariff and cannot be billed",)
        else:
            flags += (f"not-billed: it ended as {record.stop_reason} before any energy flowed",)
    return flags


def _keep_utc(event: msgspec.Struct, field: str) -> None:
    where = f"{type(event).__name__}.{field}"
    msgspec.structs.force_setattr(event, field, as_utc(getattr(event, field), where=where))


def _check_proof(exi: bytes, where: str) -> None:
    if not 1 <= len(exi) <= MAX_EVIDENCE:
        raise LocalError(
            f"{len(exi)} octets are not a message", where=where, why=f"a proof has 1 to {MAX_EVIDENCE} octets"
        )


_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
