"""Car, second phase: limits and schedule, power, the charging loop, receipts, the end."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session.evcc_steps import AskHost, Go, Halt, Outgoing
from plugcharge.session.events import (
    ChargingStarted,
    ChargingStopped,
    ControlPilotWanted,
    MeterReadingReceived,
)
from plugcharge.session.quantities import (
    amount,
    merged,
    physical,
    profile_entries,
    profile_fault,
    read_schedule,
)
from plugcharge.session.questions import (
    ChargingProfileChoice,
    ChargingProfileWanted,
    ContinueCharging,
    ContinueChargingWanted,
)
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.values import (
    ControlPilot,
    EndReason,
    MeterReading,
    Payment,
    PowerLimit,
    PowerSchedule,
)

if TYPE_CHECKING:
    from plugcharge.session.config import EvccConfig
    from plugcharge.session.evcc_steps import CarRecord, CarStep, Response
    from plugcharge.session.events import Event
    from plugcharge.session.questions import Answer, Question

__all__ = [
    "ask_charge_parameters",
    "ask_charging_status",
    "ask_metering_receipt",
    "ask_power_start",
    "ask_power_stop",
    "ask_renegotiation",
    "ask_session_stop",
    "best_schedule",
    "read_charge_parameters",
    "read_charging_status",
    "read_metering_receipt",
    "read_power_start",
    "read_power_stop",
    "read_renegotiation",
    "read_session_stop",
]

_SIGNED_ID = "ID1"
_DAY = 86_400
_PROFILE_ENTRIES = 24


def ask_charge_parameters(record: CarRecord) -> Outgoing:
    """Tell what the car wants and can take."""
    config = record.config
    return Outgoing(
        iso2.ChargeParameterDiscoveryReq(
            requested_energy_transfer_mode=config.energy_transfer_mode,
            ev_charge_parameter=iso2.AC_EVChargeParameter(
                e_amount=physical(config.energy_wanted, iso2.UnitSymbol.Wh),
                ev_max_voltage=physical(config.max_voltage, iso2.UnitSymbol.V),
                ev_max_current=physical(config.max_current, iso2.UnitSymbol.A),
                ev_min_current=physical(config.min_current, iso2.UnitSymbol.A),
                departure_time=config.departure_time,
            ),
        )
    )


def read_charge_parameters(
    record: CarRecord, response: iso2.ChargeParameterDiscoveryRes, _: Response
) -> CarStep:
    """Choose a schedule and a profile below it, or ask the host for them."""
    outlet = response.evse_charge_parameter
    if not isinstance(outlet, iso2.AC_EVSEChargeParameter):
        return Halt(EndReason.PROTOCOL_ERROR, "the station answered AC parameters with DC ones")
    _heed(record, outlet.ac_evse_status, renegotiation=False)  # [V2G2-841]
    if response.evse_processing is not iso2.EVSEProcessing.Finished:
        return Go(Outcome.ONGOING, pause=record.config.repeat_pause)
    if fault := _plan(record, response.sa_schedules, outlet):
        return Halt(EndReason.PROTOCOL_ERROR, fault)
    if not record.config.ask_charging_profile:
        return Go()
    return AskHost(
        ask=lambda ticket: _profile_question(record, ticket),
        accept=lambda answer: _accept_profile(record, answer),
        then=lambda _: Go(),
        late=lambda _: Go(),
    )


def _plan(record: CarRecord, offered: iso2.SAScheduleList | None, outlet: iso2.AC_EVSEChargeParameter) -> str:
    """Choose schedule and profile; say what is wrong when none can be followed."""
    if offered is None:
        return "the station finished without a schedule [V2G2-905]"
    schedules = [read_schedule(schedule) for schedule in offered.sa_schedule_tuple]
    record.schedules = {schedule.tuple_id: schedule for schedule in schedules if schedule is not None}
    if not record.schedules:
        return "none of the station's schedules can be followed"
    voltage = amount(outlet.evse_nominal_voltage, iso2.UnitSymbol.V)
    highest = amount(outlet.evse_max_current, iso2.UnitSymbol.A)
    if voltage is None or highest is None or voltage <= 0 or highest < 0:
        return "the outlet's limits make no sense"
    most = int(voltage * min(highest, Fraction(record.config.max_current)) * _phases(record.config))
    record.tuple_id, record.profile = best_schedule(record.config, tuple(record.schedules.values()), most)
    return ""


def _phases(config: EvccConfig) -> int:
    return 1 if config.energy_transfer_mode is iso2.EnergyTransferMode.AC_single_phase_core else 3


def best_schedule(
    config: EvccConfig, schedules: tuple[PowerSchedule, ...], most: int
) -> tuple[int, tuple[PowerLimit, ...]]:
    """Choose the schedule that gives most energy until departure, or in 24 hours; the lowest id of equals.

    Returns:
        Its id and a profile that takes all it gives, up to ``most`` watts.

    Example:
        >>> from plugcharge.session.values import PowerLimit, PowerSchedule
        >>> slow = PowerSchedule(1, (PowerLimit(0, 3_700),))
        >>> fast = PowerSchedule(2, (PowerLimit(0, 22_000), PowerLimit(3_600, 11_000)))
        >>> import secrets
        >>> from datetime import datetime, UTC
        >>> from plugcharge.session.config import Environment, EvccConfig
        >>> world = Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC))
        >>> best_schedule(EvccConfig(evcc_id=bytes(6), environment=world), (slow, fast), 11_000)
        (2, (PowerLimit(start=0, watts=11000),))
    """
    horizon = min(config.departure_time or _DAY, _DAY)
    profiles = {
        schedule.tuple_id: _joined(
            tuple(PowerLimit(limit.start, min(limit.watts, most)) for limit in schedule.limits)
        )
        for schedule in schedules
    }
    best = max(profiles, key=lambda tuple_id: (_energy(profiles[tuple_id], horizon), -tuple_id))
    return best, merged(profiles[best], _PROFILE_ENTRIES)


def _joined(limits: tuple[PowerLimit, ...]) -> tuple[PowerLimit, ...]:
    """Leave out limits that say the same as the one before."""
    kept = [limits[0]]
    kept.extend(limit for before, limit in itertools.pairwise(limits) if limit.watts != before.watts)
    return tuple(kept)


def _energy(limits: tuple[PowerLimit, ...], horizon: int) -> int:
    """Watt seconds until ``horizon``."""
    ends = [*(min(limit.start, horizon) for limit in limits[1:]), horizon]
    return sum(limit.watts * max(end - limit.start, 0) for limit, end in zip(limits, ends, strict=True))


def _profile_question(record: CarRecord, ticket: str) -> Question:
    return ChargingProfileWanted(
        ticket=ticket,
        schedules=tuple(record.schedules.values()),
        proposal_tuple_id=record.tuple_id,
        proposal=record.profile,
    )


def _accept_profile(record: CarRecord, answer: Answer) -> None:
    assert isinstance(answer, ChargingProfileChoice)  # noqa: S101 - the engine compared the class
    schedule = record.schedules.get(answer.tuple_id)
    if schedule is None:
        raise LocalError(
            f"schedule {answer.tuple_id} was not offered",
            where="ChargingProfileChoice",
            why=f"offered: {sorted(record.schedules)}",
        )
    profile_entries(answer.profile)  # raises for what cannot be written
    if fault := profile_fault(answer.profile, schedule):
        raise LocalError(f"the profile is above the schedule: {fault}", where="ChargingProfileChoice")
    record.tuple_id, record.profile = answer.tuple_id, answer.profile


def ask_power_start(record: CarRecord) -> Outgoing:
    """Ask for power; the control pilot shows C within 250 ms [V2G2-847], or still does."""
    events = () if record.power_asked else (ControlPilotWanted(state=ControlPilot.C),)
    record.power_asked = True
    return Outgoing(
        iso2.PowerDeliveryReq(
            charge_progress=iso2.ChargeProgress.Start,
            sa_schedule_tuple_id=record.tuple_id,
            charging_profile=iso2.ChargingProfile(profile_entry=profile_entries(record.profile)),
        ),
        events=events,
    )


def read_power_start(record: CarRecord, response: iso2.PowerDeliveryRes, received: Response) -> CarStep:
    """Start the charging loop."""
    if record.charging_since is None:
        record.charging_since = received.now
    _heed(record, response.evse_status, renegotiation=True)
    events = (ChargingStarted(tuple_id=record.tuple_id, profile=record.profile),)
    return Go(Outcome.STOP if record.stop_wanted else Outcome.OK, events=events)


def ask_charging_status(_: CarRecord) -> Outgoing:
    """Ask for the state of the charge."""
    return Outgoing(iso2.ChargingStatusReq())


def read_charging_status(record: CarRecord, response: iso2.ChargingStatusRes, received: Response) -> CarStep:
    """Take the reading, sign it when asked to, and see whether to go on."""
    _heed(record, response.ac_evse_status, renegotiation=True)
    record.charged_tuple_id = response.sa_schedule_tuple_id
    record.meter_info = response.meter_info
    receipt = response.receipt_required is True and record.payment is Payment.CONTRACT
    events: tuple[Event, ...] = ()
    last = record.counted
    if response.meter_info is not None:
        try:
            record.meter = _reading(response.meter_info)
        except LocalError as error:
            return Halt(EndReason.PROTOCOL_ERROR, f"the station's meter reading is malformed: {error}")
        if record.meter.watt_hours is not None:
            record.counted = record.meter
        if record.first_reading is None:
            record.first_reading = record.meter.watt_hours
        events = (MeterReadingReceived(meter=record.meter, receipt_required=receipt),)
    if not receipt:
        return _next(record, received.now, events)
    if response.meter_info is None:
        return Halt(EndReason.PROTOCOL_ERROR, "the station wants a receipt for a reading it did not send")
    if fault := _not_to_sign(record, last):
        return Halt(EndReason.PROTOCOL_ERROR, f"the car does not sign that reading: {fault}")
    return Go(Outcome.RECEIPT, events=events)


def _not_to_sign(record: CarRecord, last: MeterReading | None) -> str:
    """Say why the driver must not vouch for the reading that came last; empty when nothing is wrong.

    A signature binds the driver, so what contradicts the session so far is not signed.
    """
    meter, charged = record.meter, record.charged_tuple_id
    if charged != record.tuple_id:
        return f"it is for schedule {charged}, the car chose {record.tuple_id}"
    if last is None or meter is None:
        return ""
    if meter.meter_id != last.meter_id:
        return f"it comes from meter {meter.meter_id}, the one before from {last.meter_id}"
    if meter.watt_hours is not None and last.watt_hours is not None and meter.watt_hours < last.watt_hours:
        return f"the meter went back from {last.watt_hours} Wh to {meter.watt_hours} Wh"
    return ""


def _reading(info: iso2.MeterInfo) -> MeterReading:
    return MeterReading(
        meter_id=info.meter_id,
        watt_hours=info.meter_reading,
        signature=info.sig_meter_reading,
        status=info.meter_status,
        time=info.t_meter,
    )


def ask_metering_receipt(record: CarRecord) -> Outgoing:
    """Sign what the station metered, echoed unchanged [V2G2-903]."""
    assert record.meter_info is not None  # noqa: S101 - a receipt is asked for only with a reading
    return Outgoing(
        iso2.MeteringReceiptReq(
            id=_SIGNED_ID,
            session_id=record.session_id,
            sa_schedule_tuple_id=record.charged_tuple_id,
            meter_info=record.meter_info,
        ),
        signed=True,
    )


def read_metering_receipt(
    record: CarRecord, response: iso2.MeteringReceiptRes, received: Response
) -> CarStep:
    """Go on charging."""
    _heed(record, response.evse_status, renegotiation=True)
    return _next(record, received.now, ())


def _next(record: CarRecord, now: float, events: tuple[Event, ...]) -> CarStep:
    """Stop, renegotiate, ask the host, or go on after the pause between two requests."""
    if reached := _goal(record, now):
        record.stop_wanted = record.stop_wanted or reached
    if record.stop_wanted:
        return Go(Outcome.STOP, events=events)
    if record.renegotiation_wanted:
        record.renegotiation_wanted = False
        # Paced as well: a station that wants it in every answer must not make the car run.
        return Go(Outcome.RENEGOTIATE, pause=_pause(record, now), events=events)
    if not record.config.ask_continue:
        return Go(pause=_pause(record, now), events=events)

    def then(now: float) -> CarStep:
        return Go(Outcome.STOP) if record.stop_wanted else Go(pause=_pause(record, now))

    return AskHost(
        ask=lambda ticket: ContinueChargingWanted(
            ticket=ticket, meter=record.meter, energy=_charged(record), seconds=_charging_seconds(record, now)
        ),
        accept=lambda answer: _accept_continue(record, answer),
        then=then,
        late=lambda _: Go(Outcome.STOP),
        events=events,
    )


def _accept_continue(record: CarRecord, answer: Answer) -> None:
    assert isinstance(answer, ContinueCharging)  # noqa: S101 - the engine compared the class
    if not answer.go_on:
        record.stop_wanted = "the host wants to stop"


def _pause(record: CarRecord, now: float) -> float:
    return max(record.status_sent + record.config.status_pause - now, 0.0)


def _charged(record: CarRecord) -> int:
    """Watt hours since the first reading; a meter that runs backwards counts as standing still."""
    if record.meter is None or record.meter.watt_hours is None or record.first_reading is None:
        return 0
    return max(record.meter.watt_hours - record.first_reading, 0)


def _charging_seconds(record: CarRecord, now: float) -> float:
    return 0.0 if record.charging_since is None else now - record.charging_since


def _goal(record: CarRecord, now: float) -> str:
    config = record.config
    if config.stop_after_energy is not None and _charged(record) >= config.stop_after_energy:
        return f"{_charged(record)} Wh were charged"
    if config.stop_after_seconds is not None and _charging_seconds(record, now) >= config.stop_after_seconds:
        return f"{_charging_seconds(record, now):.0f} s have passed"
    return ""


def _heed(record: CarRecord, status: iso2.AC_EVSEStatus | iso2.DC_EVSEStatus, *, renegotiation: bool) -> None:
    """Take what the station asks for beside its answer; at once, so within any NotificationMaxDelay."""
    if isinstance(status, iso2.AC_EVSEStatus) and status.rcd:
        record.stop_wanted = record.stop_wanted or "the outlet reports a residual current"
    if status.evse_notification is iso2.EVSENotification.StopCharging:
        record.stop_wanted = record.stop_wanted or "the station wants to stop"
    if renegotiation and status.evse_notification is iso2.EVSENotification.ReNegotiation:
        record.renegotiation_wanted = True


def ask_renegotiation(record: CarRecord) -> Outgoing:
    """Go back to the parameters without switching off [V2G2-813]."""
    return Outgoing(
        iso2.PowerDeliveryReq(
            charge_progress=iso2.ChargeProgress.Renegotiate, sa_schedule_tuple_id=record.tuple_id
        )
    )


def read_renegotiation(_: CarRecord, __: iso2.PowerDeliveryRes, ___: Response) -> CarStep:
    """Tell the parameters again."""
    return Go()


def ask_power_stop(record: CarRecord) -> Outgoing:
    """End the charge; the control pilot shows B within 250 ms [V2G2-848]."""
    record.power_asked = False
    return Outgoing(
        iso2.PowerDeliveryReq(charge_progress=iso2.ChargeProgress.Stop, sa_schedule_tuple_id=record.tuple_id),
        events=(ControlPilotWanted(state=ControlPilot.B),),
    )


def read_power_stop(_: CarRecord, __: iso2.PowerDeliveryRes, ___: Response) -> CarStep:
    """Say goodbye."""
    return Go(events=(ChargingStopped(),))


def ask_session_stop(_: CarRecord) -> Outgoing:
    """Say goodbye for good; a pause needs a memory this car does not have."""
    return Outgoing(iso2.SessionStopReq(charging_session=iso2.ChargingSession.Terminate))


def read_session_stop(_: CarRecord, __: iso2.SessionStopRes, ___: Response) -> CarStep:
    """The connection may be closed."""
    return Go()
