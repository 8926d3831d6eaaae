"""Station, third phase: what the car wants and what it may have."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session.quantities import amount, physical, schedule_tuple
from plugcharge.session.questions import ChargeScheduleOffer, ChargeScheduleWanted
from plugcharge.session.secc_steps import Hold, Refuse, Reply
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.timers_iso2 import Timer

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.session.config import SeccConfig
    from plugcharge.session.questions import Answer, Question
    from plugcharge.session.secc_steps import Received, StationRecord, Step

__all__ = ["STATUS", "charge_parameter_discovery"]

STATUS = iso2.AC_EVSEStatus(
    notification_max_delay=0, evse_notification=iso2.EVSENotification.None_, rcd=False
)
"""The state of an outlet that has nothing to say."""

_DAY = 86_400
_MOST_ENTRIES = 1024
_VOLTAGE_TOLERANCE = Fraction(9, 10)  # grids vary by a tenth; a car made for less cannot be plugged in


def charge_parameter_discovery(
    record: StationRecord, request: iso2.ChargeParameterDiscoveryReq, received: Received
) -> Step:
    """Check what the car says of itself, ask the host for schedules, and answer with them."""
    mode, parameters = request.requested_energy_transfer_mode, request.ev_charge_parameter
    if mode not in record.config.energy_transfer_modes:
        return Refuse(
            "FAILED_WrongEnergyTransferMode",
            f"{mode} is not offered",
            f"offered: {', '.join(record.config.energy_transfer_modes)} [V2G2-476]",
        )
    if not isinstance(parameters, iso2.AC_EVChargeParameter):
        return _wrong("DC parameters came with an AC mode")
    limits = _limits(record.config, parameters)
    if isinstance(limits, Refuse):
        return limits
    # Cars that do not know when they leave send 0; a schedule of no length would serve nobody.
    record.departure_time = parameters.departure_time or None
    # 0 entries would be no schedule at all; a car that says so gets one.
    record.max_entries = request.max_entries_sa_schedule_tuple or None
    return _offered(record, received.now, _question(record, mode, limits))


def _limits(config: SeccConfig, car: iso2.AC_EVChargeParameter) -> tuple[Fraction, ...] | Refuse:
    """Give energy, highest voltage, highest and lowest current, or what is wrong with them [V2G2-477]."""
    energy = amount(car.e_amount, iso2.UnitSymbol.Wh)
    voltage = amount(car.ev_max_voltage, iso2.UnitSymbol.V)
    highest = amount(car.ev_max_current, iso2.UnitSymbol.A)
    lowest = amount(car.ev_min_current, iso2.UnitSymbol.A)
    if energy is None or voltage is None or highest is None or lowest is None:
        return _wrong("a limit of the car is in a wrong unit")
    fault = _limit_fault(config, voltage, highest, lowest)
    if min(energy, voltage, highest, lowest) < 0:
        fault = "a limit of the car is negative"
    if fault:
        return _wrong(fault)
    return energy, voltage, highest, lowest


def _limit_fault(config: SeccConfig, voltage: Fraction, highest: Fraction, lowest: Fraction) -> str:
    """Say what keeps this car from charging at this outlet; empty when nothing does."""
    if lowest > highest:
        return f"the car's lowest current of {lowest} A is above its highest of {highest} A"
    if highest < Fraction(config.min_current):
        return f"the car takes {highest} A at most, the outlet gives {config.min_current:g} A at least"
    if lowest > Fraction(config.max_current):
        return f"the car takes {lowest} A at least, the outlet gives {config.max_current:g} A at most"
    if voltage < Fraction(config.nominal_voltage) * _VOLTAGE_TOLERANCE:
        return f"the car takes {voltage} V at most, the outlet has {config.nominal_voltage:g} V"
    return ""


def _wrong(what: str) -> Refuse:
    return Refuse("FAILED_WrongChargeParameter", what, "[V2G2-477]")


def _question(
    record: StationRecord, mode: iso2.EnergyTransferMode, limits: tuple[Fraction, ...]
) -> Callable[[str], Question]:
    energy, voltage, highest, lowest = (float(limit) for limit in limits)
    return lambda ticket: ChargeScheduleWanted(
        ticket=ticket,
        mode=mode.value,
        energy_wanted=energy,
        max_voltage=voltage,
        max_current=highest,
        min_current=lowest,
        departure_time=record.departure_time,
        max_entries=record.max_entries,
    )


def _offered(record: StationRecord, now: float, question: Callable[[str], Question] | None) -> Step:
    """Answer with the host's offer, or wait for it."""
    if record.offer is not None:
        return _finished(record, record.offer)
    patience = record.config.answer_patience
    if record.ongoing_until is not None:
        if now >= record.ongoing_until:
            return _not_yet(record, now)
        patience = min(patience, record.ongoing_until - now)
    ask = None if record.schedule_asked else question
    record.schedule_asked = True
    return Hold(
        timer=Timer.QUESTION,
        patience=patience,
        resume=lambda now: _offered(record, now, None),
        late=lambda now: _not_yet(record, now),
        ask=ask,
        accept=lambda answer: _accept(record, answer),
        stays_open=True,
    )


def _not_yet(record: StationRecord, now: float) -> Step:
    if record.ongoing_until is None:
        record.ongoing_until = now + record.seconds(Timer.ONGOING_PERFORMANCE)
    elif now >= record.ongoing_until:
        return Refuse("FAILED", "no schedule was made in time", "[V2G2-713]")
    return Reply(
        iso2.ChargeParameterDiscoveryRes(
            response_code=iso2.ResponseCode.OK,
            evse_processing=iso2.EVSEProcessing.Ongoing,
            evse_charge_parameter=_outlet(record.config, record.config.max_current),
        ),
        Outcome.ONGOING,
    )


def _finished(record: StationRecord, offer: ChargeScheduleOffer) -> Step:
    """Send the schedules; the loop is over and a renegotiation starts from the beginning."""
    horizon = _DAY if record.departure_time is None else min(record.departure_time, _DAY)  # [V2G2-303..305]
    most = min(record.max_entries or _MOST_ENTRIES, _MOST_ENTRIES)
    record.schedules = {schedule.tuple_id: schedule for schedule in offer.schedules}
    record.ongoing_until, record.offer, record.schedule_asked = None, None, False
    current = record.config.max_current if offer.max_current is None else offer.max_current
    return Reply(
        iso2.ChargeParameterDiscoveryRes(
            response_code=iso2.ResponseCode.OK,
            evse_processing=iso2.EVSEProcessing.Finished,
            evse_charge_parameter=_outlet(record.config, current),
            sa_schedules=iso2.SAScheduleList(  # [V2G2-905]
                sa_schedule_tuple=tuple(
                    schedule_tuple(schedule, horizon=horizon, most=most) for schedule in offer.schedules
                )
            ),
        )
    )


def _outlet(config: SeccConfig, current: float) -> iso2.AC_EVSEChargeParameter:
    return iso2.AC_EVSEChargeParameter(
        ac_evse_status=STATUS,
        evse_nominal_voltage=physical(config.nominal_voltage, iso2.UnitSymbol.V),
        evse_max_current=physical(current, iso2.UnitSymbol.A),
    )


def _accept(record: StationRecord, answer: Answer) -> None:
    assert isinstance(answer, ChargeScheduleOffer)  # noqa: S101 - the engine compared the class
    ids = [schedule.tuple_id for schedule in answer.schedules]
    if not 1 <= len(ids) <= 3 or len(set(ids)) != len(ids):
        raise LocalError("1 to 3 schedules with different ids", where="ChargeScheduleOffer", why=f"ids {ids}")
    if answer.max_current is not None and not 0 <= answer.max_current <= record.config.max_current:
        raise LocalError(
            f"{answer.max_current} A cannot be offered",
            where="ChargeScheduleOffer.max_current",
            why=f"0 to {record.config.max_current:g} A",
        )
    for schedule in answer.schedules:
        schedule_tuple(schedule, horizon=_DAY, most=_MOST_ENTRIES)  # raises for what cannot be written
    record.offer = answer
