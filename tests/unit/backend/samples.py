"""Values that the back-end tests share: one car, one station, one tariff, one clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec

from plugcharge.backend import (
    AuthorizationAnswer,
    AuthorizationRequest,
    AuthorizationStatus,
    CertificateStatus,
    EvidenceRecorded,
    MeterReading,
    Protocol,
    ReadingContext,
    ReceiptRecorded,
    ReceiptVerdict,
    SessionAuthorized,
    SessionClosed,
    SessionOpened,
    SessionStore,
    StopReason,
    Tariff,
)

__all__ = [
    "EMAID",
    "SESSION",
    "START",
    "TARIFF",
    "FakeClock",
    "authorized",
    "closed",
    "evidence",
    "fill",
    "opened",
    "reading",
    "receipt",
    "request",
    "whole_session",
]

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SESSION = "01a20244-eb00-7000-8000-000000000001"
EMAID = "DE8AA001234567"
TARIFF = Tariff(
    tariff_id="day",
    currency="EUR",
    price_per_kwh=Decimal("0.49"),
    price_per_minute=Decimal("0.02"),
    session_fee=Decimal("0.35"),
    vat_rate=Decimal("0.19"),
)


class FakeClock:
    """Gives START, then a second more at each call; may be set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def opened(session_id: str = SESSION, *, station_id: str = "garage") -> SessionOpened:
    return SessionOpened(
        session_id=session_id,
        at=START,
        v2g_session_id="00112233AABBCCDD",
        protocol=Protocol.ISO2,
        evccid="020000000001",
        evse_id="DE*ABC*E123",
        station_id=station_id,
    )


def accepted(tariff: Tariff | None = TARIFF) -> AuthorizationAnswer:
    return AuthorizationAnswer(
        status=AuthorizationStatus.ACCEPTED,
        certificate_status=CertificateStatus.ACCEPTED,
        reason="may charge",
        authorization_reference="ref-1",
        tariff=tariff,
    )


def refused() -> AuthorizationAnswer:
    return AuthorizationAnswer(
        status=AuthorizationStatus.BLOCKED,
        certificate_status=CertificateStatus.CONTRACT_CANCELLED,
        reason="the contract is blocked",
    )


def authorized(session_id: str = SESSION, *, answer: AuthorizationAnswer | None = None) -> SessionAuthorized:
    return SessionAuthorized(
        session_id=session_id,
        at=after(5),
        answer=answer or accepted(),
        emaid="de-8aa-001234567-0",
        contract_sha256="ab" * 32,
        mo_root_sha256="cd" * 32,
    )


def reading(
    wh: int,
    seconds: float = 10,
    *,
    session_id: str = SESSION,
    meter_id: str = "M1",
    context: ReadingContext = ReadingContext.PERIODIC,
) -> MeterReading:
    return MeterReading(
        session_id=session_id,
        at=after(seconds),
        meter_id=meter_id,
        import_wh=wh,
        context=context,
        signature=b"\x01" * 64,
    )


def receipt(
    wh: int, session_id: str = SESSION, verdict: ReceiptVerdict = ReceiptVerdict.VALID
) -> ReceiptRecorded:
    return ReceiptRecorded(
        session_id=session_id,
        at=after(20),
        verdict=verdict,
        exi=b"\x80\x98receipt %d" % wh,
        meter_id="M1",
        import_wh=wh,
        schedule_tuple_id=1,
    )


def evidence(session_id: str = SESSION) -> EvidenceRecorded:
    return EvidenceRecorded(
        session_id=session_id, at=after(6), message="AuthorizationReq", exi=b"\x80\x98proof"
    )


def closed(session_id: str = SESSION, reason: StopReason = StopReason.EV_TERMINATED) -> SessionClosed:
    return SessionClosed(session_id=session_id, at=after(3600), stop_reason=reason)


def whole_session(
    session_id: str = SESSION,
) -> list[SessionOpened | SessionAuthorized | MeterReading | ReceiptRecorded | EvidenceRecorded]:
    """Everything of a session but its end: 12,345 Wh."""
    return [
        opened(session_id),
        authorized(session_id),
        evidence(session_id),
        reading(1_000, 10, session_id=session_id, context=ReadingContext.BEGIN),
        reading(7_000, 1800, session_id=session_id),
        receipt(7_000, session_id),
        reading(13_345, 3590, session_id=session_id, context=ReadingContext.END),
    ]


def fill(store: SessionStore, session_id: str = SESSION) -> None:
    for event in whole_session(session_id):
        store.append(event)


def request(**changes: object) -> AuthorizationRequest:
    base = AuthorizationRequest(
        emaid=EMAID,
        evse_id="DE*ABC*E123",
        evccid="020000000001",
        session_id=SESSION,
        contract_fingerprint="ab" * 32,
        mo_root_fingerprint="cd" * 32,
        chain_not_after=START + timedelta(days=100),
        at=START,
    )
    return msgspec.structs.replace(base, **changes)
