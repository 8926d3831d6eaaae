"""Joins a station's outlet with a back end: who may charge, what is written down, and when it is billed.

This is no simulation: :class:`AccountingStation` takes any :class:`Outlet`, real or simulated.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
import weakref
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from plugcharge import exi
from plugcharge.backend.authorization import AuthorizationRequest, response_code
from plugcharge.backend.metering import ReadingContext
from plugcharge.backend.records import ReceiptVerdict, StopReason
from plugcharge.backend.storage_errors import StorageError
from plugcharge.errors import LocalError, PlugchargeError
from plugcharge.messages import iso2
from plugcharge.session import (
    AuthorizationDecision,
    Authorized,
    ChargingUpdate,
    ContractVerified,
    EndReason,
    Event,
    MessageReceived,
    MeterReading,
    MeterReadingSent,
    Notice,
    PeerFault,
    PowerOutcome,
    PowerResult,
    ReceiptRefused,
    ReceiptVerified,
    SessionEnded,
    SessionOpened,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from plugcharge.backend.authorization import AuthorizationAnswer, ContractAuthorizer
    from plugcharge.backend.billing import Bill
    from plugcharge.backend.station_journal import StationJournal
    from plugcharge.session import (
        AuthorizationWanted,
        ChargeScheduleOffer,
        ChargeScheduleWanted,
        MeterReadingWanted,
        PowerCut,
        PowerOffWanted,
        PowerOnWanted,
    )
    from plugcharge.transport.controller import Now

__all__ = ["STOP_REASONS", "AccountingStation", "Outlet", "Settled", "stop_reason"]

_T = TypeVar("_T")

_DECISION_TIME = 50.0
"""Seconds the back end has; below the 55 after which the car is refused anyway [V2G2-713]."""

_RETRIES = (0.1, 0.4)
"""Seconds between the tries to write something down."""

_END_RETRIES = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""The same for the end of a session, which is worth a minute: nobody else would bill it before a restart."""

_MOST_UNPROVEN = 4096
"""Octets of a refused request that is kept of a car without a good contract; a real chain is shorter."""

_METERING_PAUSE = 60.0
"""Seconds after which the meter is read without the car asking."""

_METER_TIME = 5.0
"""Seconds the meter has for the last reading of a session."""

_HANDOVER_TIME = 1.0
"""Seconds that a session waits for the one before to be settled; the contactor has 3 in all."""

_log = logging.getLogger(__name__)


class Outlet(Protocol):
    """The hardware of one outlet. All sessions at it get the same object: by that they know of each other."""

    def plan_charge(self, question: ChargeScheduleWanted) -> Now[ChargeScheduleOffer]:
        """How much power, when?"""
        ...

    def power_on(self, question: PowerOnWanted) -> Now[PowerResult]:
        """Close the contactor."""
        ...

    def power_off(self, question: PowerOffWanted) -> Now[PowerResult]:
        """Open the contactor."""
        ...

    def read(self) -> Now[MeterReading]:
        """Read the meter; in whole watt hours, never ``None``, whenever energy is sold."""
        ...

    def cut_power(self) -> None:
        """Open the contactor at once."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """What the back end has of a session that is over.

    Attributes:
        session_id: the back end's id; ``None`` when the car never opened a session.
        stop_reason: as it was recorded.
        bill: ``None`` when nobody may be billed.
    """

    session_id: str | None
    stop_reason: StopReason | None
    bill: Bill | None


# Why a session ended, for the record. REFUSED depends on the response code, below.
STOP_REASONS = MappingProxyType(
    {
        EndReason.TERMINATED: StopReason.EV_TERMINATED,
        EndReason.PAUSED: StopReason.EV_PAUSED,
        EndReason.REFUSED: StopReason.PROTOCOL_ERROR,
        EndReason.REFUSED_BY_PEER: StopReason.PROTOCOL_ERROR,
        EndReason.UNSUITABLE: StopReason.PROTOCOL_ERROR,
        EndReason.TIMEOUT: StopReason.TIMEOUT,
        EndReason.PROTOCOL_ERROR: StopReason.PROTOCOL_ERROR,
        EndReason.CONNECTION_LOST: StopReason.CONNECTION_LOST,
        EndReason.UNPLUGGED: StopReason.UNPLUGGED,
        EndReason.ABORTED: StopReason.STATION_ERROR,
    }
)

_REFUSED_BY_CODE = MappingProxyType(
    {
        "FAILED_SignatureError": StopReason.SECURITY_ERROR,
        "FAILED_ChallengeInvalid": StopReason.SECURITY_ERROR,
        "FAILED_MeteringSignatureNotValid": StopReason.SECURITY_ERROR,
        "FAILED_CertChainError": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_CertificateExpired": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_CertificateRevoked": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_CertificateNotAllowedAtThisEVSE": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_NoCertificateAvailable": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_ContractCanceled": StopReason.AUTHORIZATION_REFUSED,
        "FAILED_ContactorError": StopReason.STATION_ERROR,
        "FAILED_PowerDeliveryNotApplied": StopReason.STATION_ERROR,
    }
)


def stop_reason(ended: SessionEnded, *, refused_by_back_end: bool = False) -> StopReason:
    """Give the reason that is recorded for the end of a session.

    Example:
        >>> stop_reason(SessionEnded(reason=EndReason.REFUSED, detail="", code="FAILED_SignatureError")).value
        'security-error'
    """
    if refused_by_back_end:
        return StopReason.AUTHORIZATION_REFUSED
    if ended.reason is EndReason.REFUSED:
        return _REFUSED_BY_CODE.get(ended.code, StopReason.PROTOCOL_ERROR)
    return STOP_REASONS[ended.reason]


class AccountingStation:
    """A :class:`~plugcharge.transport.controller.StationController` that keeps accounts, for one session.

    It fails closed: without a stored session and a stored decision nobody is authorized, without a stored
    first reading no power is given, and when a reading cannot be written down after some tries, charging
    ends. Who asks is taken from the verified certificate only. An outlet gives power to one session at a
    time, until the last reading of that session is stored: so nobody pays for somebody else, and what happens
    to another connection switches nothing off.

    Args:
        outlet: the hardware; the same object for every session at it.
        authorizer: decides about contracts.
        journal: where everything is written down.
        evse_id: as in ``SeccConfig``.
        connector: from 1.
        receipt_every: ask the car for a signed receipt with every so many readings, at least 2, since some
            cars never get to stop otherwise; 0 for never. One more is asked for when the energy that the car
            wanted is reached.

    Attributes:
        emaid: the contract of the certificate, once it is verified.
        receipts_verified: how many receipts had a good signature.
    """

    def __init__(
        self,
        outlet: Outlet,
        authorizer: ContractAuthorizer,
        journal: StationJournal,
        *,
        evse_id: str,
        connector: int = 1,
        receipt_every: int = 5,
    ) -> None:
        self.emaid: str | None = None
        self.receipts_verified = 0
        self._outlet = outlet
        self._authorizer = authorizer
        self._journal = journal
        self._evse_id = evse_id
        self._connector = connector
        self._receipts = _ReceiptPlan(receipt_every)
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[str] = loop.create_future()
        self._settled: asyncio.Future[Settled] = loop.create_future()
        self._began = False
        self._written = asyncio.Event()
        self._written.set()
        self._reading = asyncio.Lock()
        self._metering: asyncio.Future[None] | None = None
        self._readings = 0
        self._sent: MeterReading | None = None
        self._request: MessageReceived | None = None
        self._refused = False
        self._stop_wanted = False

    def stop_charging(self) -> None:
        """Ask the car to stop with the next answer."""
        self._stop_wanted = True

    async def settled(self) -> Settled:
        """Wait until the session is over and billed.

        Raises:
            PlugchargeError: the end of the session could not be stored; it stays open until
                ``StationJournal.recover``.
        """
        return await asyncio.shield(self._settled)

    # -- questions ---------------------------------------------------------------------------------------

    async def authorize(self, question: AuthorizationWanted) -> AuthorizationDecision:
        """Ask the back end about the contract of the verified certificate."""
        refused = AuthorizationDecision(ticket=question.ticket, accepted=False)
        chain = question.chain
        if chain is None or question.emaid is None:
            self._refused = True
            return _because(refused, "this station takes contracts only")
        try:
            request = AuthorizationRequest(
                emaid=question.emaid,
                evse_id=self._evse_id,
                evccid=question.evcc_id.hex().upper(),
                session_id=await asyncio.shield(self._opened),
                contract_fingerprint=chain.signed_part_sha256.hex(),
                mo_root_fingerprint=hashlib.sha256(chain.anchor).hexdigest(),
                chain_not_after=chain.not_after,
                at=question.at,
            )
            async with asyncio.timeout(_DECISION_TIME):
                answer = await self._authorizer.authorize(request)
            await self._journal.record_authorization(request, answer)
        except TimeoutError:
            self._refused = True
            return _because(refused, f"the back end did not decide within {_DECISION_TIME:g} s")
        except PlugchargeError as error:
            self._refused = True
            return _because(refused, f"no decision could be had: {error}")
        return self._decision(question.ticket, answer)

    def _decision(self, ticket: str, answer: AuthorizationAnswer) -> AuthorizationDecision:
        if answer.accepted:
            return AuthorizationDecision(ticket=ticket, accepted=True)
        self._refused = True
        return AuthorizationDecision(
            ticket=ticket, accepted=False, code=response_code(answer), reason=answer.reason
        )

    def plan_charge(self, question: ChargeScheduleWanted) -> Now[ChargeScheduleOffer]:
        """As the outlet says."""
        self._receipts.wanted = question.energy_wanted
        return self._outlet.plan_charge(question)

    async def power_on(self, question: PowerOnWanted) -> PowerResult:
        """Write down where the meter stands, then close the contactor."""
        if not await self._gets_outlet():
            reason = "another session has this outlet until it is over"
            return PowerResult(ticket=question.ticket, outcome=PowerOutcome.NOT_READY, reason=reason)
        if not self._began:
            meter = await _now(self._outlet.read())
            try:
                if meter.watt_hours is None:
                    raise LocalError("the meter gives no count", where=meter.meter_id)
                await self._record(meter, ReadingContext.BEGIN)
            except PlugchargeError as error:
                reason = f"the first meter reading cannot be stored: {error}"
                return PowerResult(ticket=question.ticket, outcome=PowerOutcome.NOT_READY, reason=reason)
            self._began = True
            self._metering = asyncio.ensure_future(self._meter_now_and_then())
        return await _now(self._outlet.power_on(question))

    def power_off(self, question: PowerOffWanted) -> Now[PowerResult]:
        """As the outlet says; asked only when this session has the power."""
        return self._outlet.power_off(question)

    async def _gets_outlet(self) -> bool:
        """Take the outlet for this session; one that has just ended may still be writing that down."""
        holder = _HOLDERS.setdefault(id(self._outlet), self)
        if holder is not self:
            await asyncio.wait({holder._settled}, timeout=_HANDOVER_TIME)
            holder = _HOLDERS.setdefault(id(self._outlet), self)
        return holder is self

    async def read_meter(self, question: MeterReadingWanted) -> ChargingUpdate:
        """Read the meter and decide whether the car has to sign it, once the reading before is stored."""
        async with self._reading:
            await self._written.wait()
            meter = await _now(self._outlet.read())
        # No await from here to the news that it was sent, so nothing is read and stored in between.
        return ChargingUpdate(
            ticket=question.ticket,
            meter=meter,
            receipt_required=self._receipts.due(meter.watt_hours),
            notice=Notice.STOP_CHARGING if self._stop_wanted else Notice.NONE,
        )

    def cut_power(self, event: PowerCut) -> None:
        """Open the contactor at once, if it is this session that has the outlet."""
        if _HOLDERS.get(id(self._outlet), self) is self:
            self._outlet.cut_power()

    # -- news --------------------------------------------------------------------------------------------

    def notify(self, event: Event) -> Now[None]:
        """Write down what has to be."""
        work: Awaitable[None] | None = None
        match event:
            case MessageReceived():
                self._request = event
            case SessionOpened():
                work = self._open(event)
            case ContractVerified():
                self.emaid = event.emaid
                work = self._prove("PaymentDetailsReq", event.raw)
            case Authorized(raw=raw) if raw:
                work = self._prove("AuthorizationReq", raw)
            case MeterReadingSent():
                self._sent = event.meter
                self._written.clear()
                work = self._record_sent(event.meter)
            case ReceiptVerified():
                self.receipts_verified += 1
                work = self._receipt(event.raw, ReceiptVerdict.VALID)
            case ReceiptRefused():
                work = self._receipt(event.raw, _verdict(event.raw, self._sent))
            case PeerFault():
                work = self._refusal(self._request)
                self._request = None
            case SessionEnded():
                if self._metering is not None:
                    self._metering.cancel()
                work = self._close(event)
        return work

    async def _open(self, event: SessionOpened) -> None:
        try:
            session_id = await _stored(
                lambda: self._journal.open_session(
                    v2g_session_id=event.session_id,
                    evccid=event.evcc_id.hex().upper(),
                    evse_id=event.evse_id,
                    connector=self._connector,
                )
            )
        except PlugchargeError as error:
            self._opened.set_exception(error)
            self._opened.exception()  # looked at, so that nobody reports it as forgotten
            raise
        self._opened.set_result(session_id)

    async def _prove(self, message: str, raw: bytes) -> None:
        session_id = await asyncio.shield(self._opened)
        await _stored(lambda: self._journal.record_evidence(session_id, message=message, exi=raw))

    async def _refusal(self, request: MessageReceived | None) -> None:
        """Keep the request that was refused; a receipt is kept as a receipt."""
        body = request.message.body if request and isinstance(request.message, iso2.V2G_Message) else None
        if request is None or body is None or isinstance(body, iso2.MeteringReceiptReq) or not self._is_open:
            return
        if self.emaid is None and len(request.raw) > _MOST_UNPROVEN:
            return  # anybody could fill the disk with these
        await self._prove(type(body).__name__, request.raw)

    async def _record(
        self, meter: MeterReading, context: ReadingContext, retries: tuple[float, ...] = _RETRIES
    ) -> None:
        """Write a reading down under a number, so that a repeated try is one reading."""
        if meter.watt_hours is None:
            return
        self._readings += 1
        key = f"reading-{self._readings}"
        watt_hours = meter.watt_hours
        session_id = await asyncio.shield(self._opened)
        self._receipts.started_at(watt_hours)
        await _stored(
            lambda: self._journal.record_reading(
                session_id,
                meter_id=meter.meter_id,
                import_wh=watt_hours,
                context=context,
                signature=meter.signature,
                meter_status=meter.status,
                meter_time=meter.time,
                key=key,
            ),
            retries,
        )

    async def _record_sent(self, meter: MeterReading) -> None:
        """Write a reading down; the next one waits for it, so that a hasty car makes no queue."""
        try:
            await self._record(meter, ReadingContext.PERIODIC)
        finally:
            self._written.set()

    async def _meter_now_and_then(self) -> None:
        """Write readings down whether the car asks for them or not, until the session is over."""
        while True:
            before = self._readings
            await asyncio.sleep(_METERING_PAUSE)
            if self._readings != before:
                continue
            try:
                async with asyncio.timeout(_METERING_PAUSE), self._reading:
                    await self._written.wait()
                    meter = await _now(self._outlet.read())
                    await self._record(meter, ReadingContext.PERIODIC)
            except Exception:  # noqa: BLE001 - whatever it is, energy that is not written down is not sold
                _log.exception("a reading could not be stored; the car is asked to stop")
                self._stop_wanted = True

    async def _receipt(self, raw: bytes, verdict: ReceiptVerdict) -> None:
        receipt = _receipt_in(raw)
        session_id = await asyncio.shield(self._opened)
        await _stored(
            lambda: self._journal.record_receipt(
                session_id,
                exi=raw,
                verdict=verdict,
                meter_id=receipt.meter_info.meter_id,
                import_wh=receipt.meter_info.meter_reading,
                schedule_tuple_id=receipt.sa_schedule_tuple_id,
            )
        )

    async def _close(self, event: SessionEnded) -> None:
        try:
            if self._metering is not None:
                await asyncio.wait({self._metering})
            await self._settle(event)
        finally:
            if _HOLDERS.get(id(self._outlet)) is self:
                del _HOLDERS[id(self._outlet)]

    async def _settle(self, event: SessionEnded) -> None:
        if not self._is_open:
            self._settled.set_result(Settled(None, None, None))
            return
        session_id = self._opened.result()
        try:
            if self._began:
                await self._read_at_end()
            reason = stop_reason(event, refused_by_back_end=self._refused)
            if self._stop_wanted and reason is StopReason.EV_TERMINATED:
                reason = StopReason.EVSE_STOPPED
            bill = await _stored(lambda: self._journal.close_session(session_id, reason), _END_RETRIES)
        except Exception as error:
            self._settled.set_exception(error)
            self._settled.exception()  # looked at, as above
            raise
        except asyncio.CancelledError:
            self._settled.cancel()
            raise
        self._settled.set_result(Settled(session_id, reason, bill))

    async def _read_at_end(self) -> None:
        """Take the last reading; without it the session is billed up to the one before."""
        try:
            async with asyncio.timeout(_METER_TIME):
                meter = await _now(self._outlet.read())
            await self._record(meter, ReadingContext.END, _END_RETRIES)
        except Exception:  # noqa: BLE001 - a meter that fails must not cost the whole bill
            _log.exception("no last reading of this session; it is billed up to the one before")

    @property
    def _is_open(self) -> bool:
        return self._opened.done() and not self._opened.cancelled() and self._opened.exception() is None


# Which session has the power of an outlet, by the outlet's id; a session keeps its outlet alive.
_HOLDERS: weakref.WeakValueDictionary[int, AccountingStation] = weakref.WeakValueDictionary()


class _ReceiptPlan:
    """Decides which readings the car has to sign.

    Never two in a row: some cars go round in circles then. When the energy that the car wanted is near, the
    turn is kept free for a last receipt.
    """

    def __init__(self, every: int) -> None:
        self.wanted = 0.0
        self._every = 0 if every <= 0 else max(every, 2)
        self._first: int | None = None
        self._last: int | None = None
        self._since = 0
        self._ended = False

    def started_at(self, watt_hours: int) -> None:
        """Take the register of the first reading."""
        self._first = watt_hours if self._first is None else self._first

    def due(self, watt_hours: int | None) -> bool:
        """Tell whether this reading is to be signed."""
        if watt_hours is None or not self._every or self._first is None:
            return False
        self._since += 1
        step = 0 if self._last is None else watt_hours - self._last
        self._last = watt_hours
        left = self.wanted - (watt_hours - self._first)
        if self._ended or left > 2 * step:
            is_due = self._since >= self._every
        else:
            is_due = self._ended = left <= 0 and self._since >= 2
        if is_due:
            self._since = 0
        return is_due


def _because(refused: AuthorizationDecision, reason: str) -> AuthorizationDecision:
    return AuthorizationDecision(ticket=refused.ticket, accepted=False, code=refused.code, reason=reason)


def _receipt_in(raw: bytes) -> iso2.MeteringReceiptReq:
    """Read a receipt that the session has read before."""
    return cast("iso2.MeteringReceiptReq", cast("iso2.V2G_Message", exi.decode(raw, "iso2")).body)


def _verdict(raw: bytes, sent: MeterReading | None) -> ReceiptVerdict:
    """Tell a receipt for another reading from one with a bad signature."""
    signed = _receipt_in(raw).meter_info
    # Field by field: what the car signed may be too long for a reading of ours.
    same = sent is not None and (
        signed.meter_id,
        signed.meter_reading,
        signed.sig_meter_reading,
        signed.meter_status,
        signed.t_meter,
    ) == (sent.meter_id, sent.watt_hours, sent.signature, sent.status, sent.time)
    return ReceiptVerdict.SIGNATURE_NOT_VALID if same else ReceiptVerdict.METER_INFO_DIFFERS


async def _now(given: Now[_T]) -> _T:
    return await cast("Awaitable[_T]", given) if inspect.isawaitable(given) else given


async def _stored(call: Callable[[], Awaitable[_T]], retries: tuple[float, ...] = _RETRIES) -> _T:
    """Write something down, trying again when the database did not take it."""
    for pause in retries:
        try:
            return await call()
        except StorageError:
            await asyncio.sleep(pause)
    return await call()
