"""Station, fourth phase: power on, the charging loop, power off, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session.events import ChargingStarted, ChargingStopped, MeterReadingSent
from plugcharge.session.quantities import physical, profile_fault, read_profile
from plugcharge.session.questions import (
    ChargingUpdate,
    MeterReadingWanted,
    PowerOffWanted,
    PowerOnWanted,
    PowerResult,
)
from plugcharge.session.secc_parameters import STATUS
from plugcharge.session.secc_steps import Hold, Refuse, Reply
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.timers_iso2 import Timer
from plugcharge.session.values import Payment, PowerOutcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.session.questions import Answer, Question
    from plugcharge.session.secc_steps import Received, StationRecord, Step
    from plugcharge.session.values import MeterReading, PowerLimit

__all__ = ["charging_status", "power_delivery", "session_stop"]

_OUTCOME_CODES = {
    PowerOutcome.NOT_READY: "FAILED_PowerDeliveryNotApplied",  # [V2G2-480]
    PowerOutcome.CONTACTOR_FAULT: "FAILED_ContactorError",
}


def power_delivery(record: StationRecord, request: iso2.PowerDeliveryReq, _: Received) -> Step:
    """Switch on, off, or go back to the parameters."""
    match request.charge_progress:
        case iso2.ChargeProgress.Start:
            return _start(record, request)
        case iso2.ChargeProgress.Stop:
            return _stop(record)
        case iso2.ChargeProgress.Renegotiate:
            return _renegotiate(record)


def _start(record: StationRecord, request: iso2.PowerDeliveryReq) -> Step:
    if not record.authorized:  # the table lets nobody come here without it; power is worth a second look
        return Refuse("FAILED", "power was asked for without authorization", "Authorization comes first")
    if record.charging and not record.renegotiating:
        return Refuse("FAILED", "charging was started twice", "Start while charging")
    schedule = record.schedules.get(request.sa_schedule_tuple_id)
    if schedule is None:
        return Refuse(
            "FAILED_TariffSelectionInvalid",
            f"schedule {request.sa_schedule_tuple_id} was not offered",
            f"offered: {sorted(record.schedules)} [V2G2-479]",
        )
    profile: tuple[PowerLimit, ...] | str = ()
    if request.charging_profile is not None:
        profile = read_profile(request.charging_profile)
    fault = profile if isinstance(profile, str) else profile_fault(profile, schedule)
    if isinstance(profile, str) or fault:
        return Refuse(
            "FAILED_ChargingProfileInvalid",
            f"the charging profile does not fit: {fault}",
            "[V2G2-224], [V2G2-225], [V2G2-293], [V2G2-478], [V2G2-761]",
        )
    return _switching(
        record,
        _power_on(record, schedule.tuple_id, profile),
        lambda: _started(record, schedule.tuple_id, profile),
    )


def _power_on(
    record: StationRecord, tuple_id: int, profile: tuple[PowerLimit, ...]
) -> Callable[[str], Question]:
    already_on = record.charging
    record.energized = True  # from the question on: whatever ends the session now cuts the power
    return lambda ticket: PowerOnWanted(
        ticket=ticket, tuple_id=tuple_id, profile=profile, already_on=already_on
    )


def _started(record: StationRecord, tuple_id: int, profile: tuple[PowerLimit, ...]) -> Reply:
    record.tuple_id, record.charging, record.renegotiating = tuple_id, True, False
    return Reply(
        iso2.PowerDeliveryRes(response_code=iso2.ResponseCode.OK, evse_status=STATUS),
        Outcome.START,
        (ChargingStarted(tuple_id=tuple_id, profile=profile),),
    )


def _stop(record: StationRecord) -> Step:
    """Switch off; a car may also stop before it ever started."""
    if not record.charging:
        return _stopped(record, was_charging=False)
    return _switching(
        record, lambda ticket: PowerOffWanted(ticket=ticket), lambda: _stopped(record, was_charging=True)
    )


def _stopped(record: StationRecord, *, was_charging: bool) -> Reply:
    record.charging, record.renegotiating, record.energized, record.stopped = False, False, False, True
    return Reply(
        iso2.PowerDeliveryRes(response_code=iso2.ResponseCode.OK, evse_status=STATUS),
        Outcome.STOP,
        (ChargingStopped(),) if was_charging else (),
    )


def _renegotiate(record: StationRecord) -> Step:
    if not record.charging or record.renegotiating:
        return Refuse(
            "FAILED",
            "there is nothing to renegotiate",
            "only while charging [V2G2-812], then Start [V2G2-842]",
        )
    record.renegotiating = True
    return Reply(
        iso2.PowerDeliveryRes(response_code=iso2.ResponseCode.OK, evse_status=STATUS), Outcome.RENEGOTIATE
    )


def _switching(record: StationRecord, ask: Callable[[str], Question], done: Callable[[], Reply]) -> Hold:
    """Hold the response until the contactor has moved, for 3 s at most [V2G2-860], [V2G2-862], [V2G2-865]."""
    record.power = None

    def resume(_: float) -> Step:
        result = record.power
        if result is not None and result.outcome is PowerOutcome.DONE:
            return done()
        return late(_) if result is None else _power_fault(result)

    def late(_: float) -> Step:
        wait = record.seconds(Timer.CONTACTOR)
        return Refuse(
            "FAILED_ContactorError", f"the contactor did not answer within {wait:g} s", "[V2G2-860]"
        )

    return Hold(
        timer=Timer.CONTACTOR,
        patience=record.seconds(Timer.CONTACTOR),
        resume=resume,
        late=late,
        ask=ask,
        accept=lambda answer: _accept_power(record, answer),
    )


def _power_fault(result: PowerResult) -> Refuse:
    return Refuse(
        _OUTCOME_CODES[result.outcome],
        result.reason or f"the outlet says: {result.outcome}",
        "told by the host",
    )


def _accept_power(record: StationRecord, answer: Answer) -> None:
    assert isinstance(answer, PowerResult)  # noqa: S101 - the engine compared the class
    record.power = answer


def charging_status(record: StationRecord, _: iso2.ChargingStatusReq, __: Received) -> Step:
    """Ask the host for the state of the charge; a silent meter does not end the session."""
    update: list[ChargingUpdate] = []
    return Hold(
        timer=Timer.ANSWER,
        patience=record.seconds(Timer.ANSWER),
        resume=lambda _: _status(record, update[0]),
        late=lambda _: _status(record, ChargingUpdate(ticket="")),
        ask=lambda ticket: MeterReadingWanted(ticket=ticket),
        accept=lambda answer: update.append(_checked_update(answer)),
    )


def _checked_update(answer: Answer) -> ChargingUpdate:
    assert isinstance(answer, ChargingUpdate)  # noqa: S101 - the engine compared the class
    if answer.receipt_required and answer.meter is None:
        raise LocalError("a receipt needs a meter reading to sign", where="ChargingUpdate")
    if not 0 <= answer.notice_delay <= 65_535:
        raise LocalError("0 to 65535 seconds", where="ChargingUpdate.notice_delay")
    if answer.max_current is not None:
        physical(answer.max_current, iso2.UnitSymbol.A)  # raises for what cannot be written
    return answer


def _status(record: StationRecord, update: ChargingUpdate) -> Reply:
    receipt = update.receipt_required and record.payment is Payment.CONTRACT  # [V2G2-691]
    record.meter = update.meter
    record.metered = None if update.meter is None else _meter_info(update.meter)
    events = () if update.meter is None else (MeterReadingSent(meter=update.meter, receipt_required=receipt),)
    current = None if update.max_current is None else physical(update.max_current, iso2.UnitSymbol.A)
    return Reply(
        iso2.ChargingStatusRes(
            response_code=iso2.ResponseCode.OK,
            evse_id=record.config.evse_id,
            sa_schedule_tuple_id=record.tuple_id,
            ac_evse_status=iso2.AC_EVSEStatus(
                notification_max_delay=update.notice_delay,
                evse_notification=iso2.EVSENotification(update.notice),
                rcd=False,
            ),
            evse_max_current=current,
            meter_info=record.metered,
            receipt_required=receipt,
        ),
        Outcome.RECEIPT if receipt else Outcome.OK,
        events,
    )


def _meter_info(meter: MeterReading) -> iso2.MeterInfo:
    return iso2.MeterInfo(
        meter_id=meter.meter_id,
        meter_reading=meter.watt_hours,
        sig_meter_reading=meter.signature,
        meter_status=meter.status,
        t_meter=meter.time,
    )


def session_stop(record: StationRecord, request: iso2.SessionStopReq, _: Received) -> Step:
    """Say goodbye. A pause is answered with OK after PowerDelivery(Stop) and refused before it.

    Nothing is kept over a pause: when the car comes back it gets a new session, which -2 allows [V2G2-756].
    """
    if request.charging_session is iso2.ChargingSession.Pause and not record.stopped:
        return Refuse(
            "FAILED", "a session can be paused only after it has charged", "after PowerDelivery(Stop)"
        )
    record.paused = request.charging_session is iso2.ChargingSession.Pause
    return Reply(iso2.SessionStopRes(response_code=iso2.ResponseCode.OK))
