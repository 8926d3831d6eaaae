from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session import (
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    PowerLimit,
    PowerSchedule,
    Question,
)
from tests.unit.session.pair import AC_LIMITS, PARAMETERS, SCHEDULE, Hosts, driver_in, never

HERE = "WaitForChargeParameterDiscovery"
UNIT = iso2.UnitSymbol


def value(number: int, unit: iso2.UnitSymbol, multiplier: int = 0) -> iso2.PhysicalValue:
    return iso2.PhysicalValue(multiplier=multiplier, unit=unit, value=number)


def request(
    mode: str = "AC_three_phase_core", entries: int | None = None, **limits: Any
) -> iso2.ChargeParameterDiscoveryReq:
    return iso2.ChargeParameterDiscoveryReq(
        requested_energy_transfer_mode=iso2.EnergyTransferMode(mode),
        ev_charge_parameter=msgspec.structs.replace(AC_LIMITS, **limits),
        max_entries_sa_schedule_tuple=entries,
    )


DC = iso2.DC_EVChargeParameter(
    dc_ev_status=iso2.DC_EVStatus(ev_ready=True, ev_error_code=iso2.DC_EVErrorCode.NO_ERROR, ev_ress_soc=5),
    ev_maximum_current_limit=value(200, UNIT.A),
    ev_maximum_voltage_limit=value(400, UNIT.V),
)


@pytest.mark.parametrize(
    "mode", ["AC_single_phase_core", "DC_core", "DC_extended", "DC_combo_core", "DC_unique"]
)
def test_a_mode_that_is_not_offered(mode: str) -> None:
    assert driver_in(HERE).ask(request(mode)).response_code == "FAILED_WrongEnergyTransferMode"  # [V2G2-476]


@pytest.mark.parametrize(
    "limits",
    [
        {"ev_max_current": value(-1, UNIT.A)},
        {"ev_min_current": value(-32_768, UNIT.A, 3)},
        {"e_amount": value(-1, UNIT.Wh)},
        {"ev_max_voltage": value(-400, UNIT.V)},
        {"ev_max_voltage": value(0, UNIT.V)},
        {"ev_max_voltage": value(120, UNIT.V)},
        {"ev_max_current": value(5, UNIT.A)},
        {"ev_max_current": value(5_999, UNIT.A, -3)},
        {"ev_min_current": value(33, UNIT.A), "ev_max_current": value(40, UNIT.A)},
        {"ev_min_current": value(20, UNIT.A), "ev_max_current": value(16, UNIT.A)},
        {"ev_max_current": value(32, UNIT.V)},
        {"e_amount": value(20, UNIT.W)},
    ],
    ids=str,
)
def test_limits_that_do_not_fit(limits: dict[str, Any]) -> None:
    driver = driver_in(HERE)
    assert driver.ask(request(**limits)).response_code == "FAILED_WrongChargeParameter"  # [V2G2-477]
    assert not driver.of(ChargeScheduleWanted)


def test_dc_parameters_with_an_ac_mode() -> None:
    asked = msgspec.structs.replace(PARAMETERS, ev_charge_parameter=DC)
    assert driver_in(HERE).ask(asked).response_code == "FAILED_WrongChargeParameter"


@pytest.mark.parametrize(
    "limits",
    [
        {"ev_max_current": value(6, UNIT.A)},
        {"ev_max_current": value(6_000, UNIT.A, -3)},
        {"ev_min_current": value(32, UNIT.A)},
        {"ev_max_voltage": value(207, UNIT.V)},
        {"e_amount": value(0, UNIT.Wh)},
        {"ev_max_current": value(32_767, UNIT.A, 3)},
    ],
    ids=str,
)
def test_limits_that_just_fit(limits: dict[str, Any]) -> None:
    assert driver_in(HERE).ask(request(**limits)).response_code == "OK"


def test_the_host_is_asked_in_plain_units() -> None:
    driver = driver_in(HERE)
    driver.ask(request(ev_max_current=value(165, UNIT.A, -1), departure_time=7_200))
    (wanted,) = driver.of(ChargeScheduleWanted)
    assert (wanted.max_current, wanted.energy_wanted, wanted.departure_time) == (16.5, 20_000.0, 7_200)
    assert wanted.mode == "AC_three_phase_core"


@pytest.mark.parametrize(
    ("departure", "end"), [(None, 86_400), (7_200, 7_200), (200_000, 86_400), (0, 86_400)]
)
def test_schedules_cover_the_time_until_departure(departure: int | None, end: int) -> None:
    response = driver_in(HERE).ask(request(departure_time=departure))
    assert response.evse_processing == "Finished"
    (offered,) = response.sa_schedules.sa_schedule_tuple  # [V2G2-905]
    last = offered.p_max_schedule.p_max_schedule_entry[-1].time_interval
    assert last.start + last.duration == end  # [V2G2-303]


@pytest.mark.parametrize(("entries", "kept"), [(None, 30), (0, 30), (1, 1), (12, 12), (30, 30), (65_535, 30)])
def test_long_schedules_are_merged_downwards(entries: int | None, kept: int) -> None:
    limits = tuple(PowerLimit(60 * step, 22_000 - 100 * step) for step in range(30))
    driver = driver_in(HERE, hosts=offering(PowerSchedule(3, limits)))
    response = driver.ask(request(entries=entries))
    sent = response.sa_schedules.sa_schedule_tuple[0].p_max_schedule.p_max_schedule_entry
    assert len(sent) == kept
    assert sent[-1].p_max.value * 10 ** sent[-1].p_max.multiplier == 22_000 - 100 * 29


def offering(*schedules: PowerSchedule, **more: Any) -> Hosts:
    def offer(question: Question) -> ChargeScheduleOffer:
        return ChargeScheduleOffer(ticket=question.ticket, schedules=schedules, **more)

    return Hosts(replies={ChargeScheduleWanted: offer})


@pytest.mark.parametrize(
    ("schedules", "current"),
    [
        ((), None),
        ((SCHEDULE, SCHEDULE), None),
        (tuple(PowerSchedule(i, (PowerLimit(0, 1),)) for i in range(1, 5)), None),
        ((SCHEDULE,), 33.0),
        ((SCHEDULE,), -1.0),
        ((PowerSchedule(1, (PowerLimit(0, 10**9),)),), None),
    ],
)
def test_offers_that_cannot_be_sent_are_the_hosts_fault(
    schedules: tuple[PowerSchedule, ...], current: float | None
) -> None:
    driver = driver_in(HERE, hosts=Hosts(replies={ChargeScheduleWanted: never}))
    driver.ask(PARAMETERS)
    (wanted,) = driver.of(ChargeScheduleWanted)
    offer = ChargeScheduleOffer(ticket=wanted.ticket, schedules=schedules, max_current=current)
    with pytest.raises(LocalError):
        driver.core.answer(driver.now, offer)
    driver.core.answer(driver.now, ChargeScheduleOffer(ticket=wanted.ticket, schedules=(SCHEDULE,)))
    assert len(driver.pump()) == 1


def test_a_lower_current_is_passed_on() -> None:
    response = driver_in(HERE, hosts=offering(SCHEDULE, max_current=12.5)).ask(PARAMETERS)
    current = response.evse_charge_parameter.evse_max_current
    assert current.value * 10.0**current.multiplier == 12.5


def test_ongoing_until_the_schedule_is_there() -> None:
    driver = driver_in(HERE, hosts=Hosts(replies={ChargeScheduleWanted: never}))
    assert driver.ask(PARAMETERS) is None
    (message,) = driver.wait(0.5)
    assert message.body.evse_processing == "Ongoing"  # type: ignore[attr-defined]
    assert message.body.sa_schedules is None  # type: ignore[attr-defined]
    (wanted,) = driver.of(ChargeScheduleWanted)
    driver.core.answer(driver.now, ChargeScheduleOffer(ticket=wanted.ticket, schedules=(SCHEDULE,)))
    assert driver.ask(PARAMETERS).evse_processing == "Finished"  # [V2G2-688]
    assert driver.core.state == "WaitForPowerDelivery"


def test_the_loop_ends_after_55_seconds() -> None:
    driver = driver_in(HERE, hosts=Hosts(replies={ChargeScheduleWanted: never}))
    driver.ask(PARAMETERS)
    driver.wait(0.5)
    driver.wait(54.9)
    assert driver.ask(PARAMETERS) is None
    (message,) = driver.wait(0.1)
    assert message.body.response_code == "FAILED"  # type: ignore[attr-defined]  # [V2G2-713]


def test_a_request_after_55_seconds_is_refused_at_once() -> None:
    driver = driver_in(HERE, hosts=Hosts(replies={ChargeScheduleWanted: never}))
    driver.ask(PARAMETERS)
    driver.wait(0.5)
    driver.wait(56.0)
    assert driver.ask(PARAMETERS).response_code == "FAILED"


values = st.builds(
    iso2.PhysicalValue,
    multiplier=st.integers(-3, 3),
    unit=st.sampled_from(list(UNIT)),
    value=st.integers(-32_768, 32_767),
)
UNITS = (UNIT.Wh, UNIT.V, UNIT.A, UNIT.A)


@settings(max_examples=300, deadline=None)
@given(
    numbers=st.tuples(values, values, values, values),
    departure=st.none() | st.integers(0, 2**32 - 1),
    entries=st.none() | st.integers(0, 65_535),
    right_units=st.booleans(),
)
def test_any_numbers_are_answered(
    numbers: tuple[iso2.PhysicalValue, ...], departure: int | None, entries: int | None, right_units: bool
) -> None:
    if right_units:
        pairs = zip(numbers, UNITS, strict=True)
        numbers = tuple(msgspec.structs.replace(number, unit=unit) for number, unit in pairs)
    energy, voltage, highest, lowest = numbers
    asked = request(
        entries=entries,
        e_amount=energy,
        ev_max_voltage=voltage,
        ev_max_current=highest,
        ev_min_current=lowest,
        departure_time=departure,
    )
    code = driver_in(HERE).ask(asked).response_code
    assert code in {"OK", "FAILED_WrongChargeParameter"}
    if tuple(number.unit for number in numbers) != UNITS or min(number.value for number in numbers) < 0:
        assert code == "FAILED_WrongChargeParameter"
