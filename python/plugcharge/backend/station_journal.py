"""What a station writes down about a session, from plug to bill: the asyncio face of the session store."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.instants import Clock, RandomBytes, new_session_id, utc_now
from plugcharge.backend.metering import MeterReading, ReadingContext
from plugcharge.backend.records import (
    AuthMode,
    Event,
    EvidenceRecorded,
    Protocol,
    ReceiptRecorded,
    ReceiptVerdict,
    SessionAuthorized,
    SessionClosed,
    SessionOpened,
    StopReason,
)
from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from plugcharge.backend.authorization import AuthorizationAnswer, AuthorizationRequest
    from plugcharge.backend.billing import Bill
    from plugcharge.backend.store import Acknowledged, Recovered, SessionStore
    from plugcharge.backend.tariff import Tariff

__all__ = ["StationJournal"]


class StationJournal:
    """Records the sessions of one station. When an awaited call returns, what it recorded is on the disk.

    Calls are stored in the order in which they were made. A call that raised
    :class:`plugcharge.backend.StorageError` stored nothing; repeat it with the same ``key``. Whether charging
    goes on meanwhile is the station's policy.

    Args:
        store: the session store.
        station_id: this station's name in it.
        clock: gives the time in UTC.
        random_bytes: the source of session ids.
        default_tariff: billed when an accepting answer brings no tariff of its own.
        steady_clock: gives seconds that only ever go forward; time is billed by it, so that setting the
            station's clock in a session bills nobody for it.
    """

    def __init__(
        self,
        store: SessionStore,
        *,
        station_id: str,
        clock: Clock = utc_now,
        random_bytes: RandomBytes = os.urandom,
        default_tariff: Tariff | None = None,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._station_id = station_id
        self._clock = clock
        self._random = random_bytes
        self._default_tariff = default_tariff
        self._steady_clock = steady_clock
        self._authorized_at: dict[str, float] = {}
        self._in_order = asyncio.Lock()

    async def recover(self) -> list[Recovered]:
        """Close and bill what a crash left open at this station. Call it once, before the first car.

        Raises:
            StorageError: the database did not answer.
        """
        async with self._in_order:
            return await asyncio.to_thread(self._store.recover, self._clock(), station_id=self._station_id)

    async def open_session(
        self,
        *,
        v2g_session_id: bytes,
        evccid: str,
        evse_id: str,
        protocol: Protocol = Protocol.ISO2,
        connector: int = 1,
        auth_mode: AuthMode = AuthMode.PNC,
        session_id: str | None = None,
    ) -> str:
        """Begin a session and give its id, a UUIDv7.

        Args:
            v2g_session_id: the SessionID on the wire, 1 to 8 octets.
            evccid: the car's EVCCID as hex.
            evse_id: the EVSEID the car is told.
            protocol: which protocol was negotiated.
            connector: from 1.
            auth_mode: contract or external means.
            session_id: to repeat a call that failed; ``None`` makes a new one.

        Raises:
            LocalError: a field is out of its range, or the id is taken by another session.
            StorageError: nothing was stored.
        """
        at = self._clock()
        opened = SessionOpened(
            session_id=session_id or new_session_id(at, self._random),
            at=at,
            v2g_session_id=v2g_session_id.hex().upper(),
            protocol=protocol,
            evccid=evccid,
            evse_id=evse_id,
            station_id=self._station_id,
            connector=connector,
            auth_mode=auth_mode,
        )
        await self._append(opened)
        return opened.session_id

    async def record_authorization(
        self,
        request: AuthorizationRequest,
        answer: AuthorizationAnswer,
        *,
        pcid: str | None = None,
    ) -> Acknowledged:
        """Record who asked and what was answered; this fixes the tariff of the session.

        Raises:
            LocalError: the session is unknown or closed, or has another authorization already; or the answer
                accepts, but neither it nor this journal has a tariff: energy that nobody can be billed for is
                not sold. The car must not charge then.
            StorageError: nothing was stored.
        """
        if answer.accepted and answer.tariff is None:
            if self._default_tariff is None:
                raise LocalError(
                    "the contract was accepted without a tariff",
                    where=f"session {request.session_id}",
                    why="what it charges could not be billed",
                    advice="give StationJournal a default_tariff; for free charging one with prices of 0",
                )
            answer = msgspec.structs.replace(answer, tariff=self._default_tariff)
        authorized = SessionAuthorized(
            session_id=request.session_id,
            at=self._clock(),
            answer=answer,
            emaid=request.emaid,
            contract_sha256=request.contract_fingerprint,
            mo_root_sha256=request.mo_root_fingerprint,
            pcid=pcid,
        )
        began = self._steady_clock()
        acknowledged = await self._append(authorized)
        self._authorized_at.setdefault(request.session_id, began)
        return acknowledged

    async def record_reading(
        self,
        session_id: str,
        *,
        meter_id: str,
        import_wh: int,
        context: ReadingContext = ReadingContext.PERIODIC,
        export_wh: int | None = None,
        signature: bytes | None = None,
        meter_status: int | None = None,
        meter_time: int | None = None,
        at: datetime | None = None,
        key: str | None = None,
    ) -> Acknowledged:
        """Record a meter reading; fields as in :class:`plugcharge.backend.MeterReading`.

        A reading that does not fit the one before is stored as it is and flagged on the bill.

        Args:
            session_id: the session.
            meter_id: MeterID, 1 to 32 characters.
            import_wh: the register for energy into the car, in Wh.
            context: begin, periodic or end.
            export_wh: the register for energy out of the car, in Wh.
            signature: SigMeterReading, at most 64 octets.
            meter_status: MeterStatus.
            meter_time: TMeter, in seconds since 1970.
            at: when it was read; ``None`` for now.
            key: names this reading within the session, such as ``"reading-7"``, so that a repeated call is
                recognised.

        Raises:
            LocalError: the session is unknown or closed, or a field is out of its range.
            StorageError: nothing was stored; repeat the call with the same key.
        """
        reading = MeterReading(
            session_id=session_id,
            at=at or self._clock(),
            meter_id=meter_id,
            import_wh=import_wh,
            context=context,
            export_wh=export_wh,
            signature=signature,
            meter_status=meter_status,
            meter_time=meter_time,
        )
        return await self._append(reading, key)

    async def record_receipt(
        self,
        session_id: str,
        *,
        exi: bytes,
        verdict: ReceiptVerdict,
        meter_id: str,
        import_wh: int | None = None,
        schedule_tuple_id: int | None = None,
        key: str | None = None,
    ) -> Acknowledged:
        """Record a MeteringReceiptReq with what the station found when it checked it [V2G2-904].

        Args:
            session_id: the session.
            exi: the message as it came in.
            verdict: what was found.
            meter_id: MeterID in it.
            import_wh: MeterReading in it, in Wh.
            schedule_tuple_id: SAScheduleTupleID in it.
            key: names this receipt within the session; ``None`` takes message and verdict, so that the same
                message with the same verdict is one receipt.

        Raises:
            LocalError: the session is unknown or closed, or the message is empty or above 65,536 octets.
            StorageError: nothing was stored.
        """
        receipt = ReceiptRecorded(
            session_id=session_id,
            at=self._clock(),
            verdict=verdict,
            exi=exi,
            meter_id=meter_id,
            import_wh=import_wh,
            schedule_tuple_id=schedule_tuple_id,
        )
        return await self._append(
            receipt, key or _content_key("receipt", verdict.value.encode() + b"/" + exi)
        )

    async def record_evidence(self, session_id: str, *, message: str, exi: bytes) -> str:
        """Keep a message that proves something, and give its SHA-256 in hex. The same message is kept once.

        Args:
            session_id: the session.
            message: its name, such as ``"AuthorizationReq"``.
            exi: its octets as they came in.

        Raises:
            LocalError: the session is unknown or closed, or the message is empty or above 65,536 octets.
            StorageError: nothing was stored.
        """
        proof = EvidenceRecorded(session_id=session_id, at=self._clock(), message=message, exi=exi)
        await self._append(proof, _content_key("evidence", message.encode() + b"/" + exi))
        return proof.sha256

    async def close_session(self, session_id: str, stop_reason: StopReason) -> Bill | None:
        """End a session and give its bill; again for the same reason gives the same bill.

        Returns:
            The bill; ``None`` when nobody may be billed (never authorized, no tariff, or the station failed
            before energy flowed).

        Raises:
            LocalError: the session is unknown, or was closed for another reason.
            StorageError: nothing was stored; call again.
        """
        began = self._authorized_at.get(session_id)
        lasted = None if began is None else max(0, int(self._steady_clock() - began))
        closed = SessionClosed(
            session_id=session_id, at=self._clock(), stop_reason=stop_reason, lasted=lasted
        )
        async with self._in_order:
            bill = await asyncio.to_thread(self._store.close_session, closed)
        self._authorized_at.pop(session_id, None)
        return bill

    async def _append(self, event: Event, key: str | None = None) -> Acknowledged:
        async with self._in_order:
            return await asyncio.to_thread(self._store.append, event, key=key)


def _content_key(kind: str, content: bytes) -> str:
    return f"{kind}-{hashlib.sha256(content).hexdigest()}"
