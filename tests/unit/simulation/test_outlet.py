"""The simulated outlet: contactor and meter move together."""

from __future__ import annotations

import asyncio

from plugcharge.session import (
    ChargeScheduleWanted,
    PowerLimit,
    PowerOffWanted,
    PowerOnWanted,
    PowerOutcome,
    PowerResult,
)
from plugcharge.simulation import SimulatedOutlet


def power_on(profile: tuple[PowerLimit, ...] = (PowerLimit(0, 7_400),)) -> PowerOnWanted:
    return PowerOnWanted(ticket="t", tuple_id=1, profile=profile, already_on=False)


def outlet(*, stuck: bool = False) -> SimulatedOutlet:
    return SimulatedOutlet(lambda: 0.0, contactor_delay=0.001, stuck=stuck)


def test_power_flows_while_the_contactor_is_closed() -> None:
    one = outlet()
    assert asyncio.run(one.power_on(power_on())) == PowerResult(ticket="t")
    assert (one.closed, one.meter.watts) == (True, 7_400)
    assert asyncio.run(one.power_off(PowerOffWanted(ticket="u"))) == PowerResult(ticket="u")
    assert (one.closed, one.meter.watts, one.switched) == (False, 0, [True, False])


def test_a_car_without_a_profile_takes_what_there_is() -> None:
    one = outlet()
    asyncio.run(one.power_on(power_on(())))
    assert one.meter.watts == 11_000


def test_cutting_the_power_twice_moves_the_contactor_once() -> None:
    one = outlet()
    asyncio.run(one.power_on(power_on()))
    one.cut_power()
    one.cut_power()
    assert one.switched == [True, False]


def test_a_stuck_contactor_says_so() -> None:
    one = outlet(stuck=True)
    result = asyncio.run(one.power_on(power_on()))
    assert result.outcome is PowerOutcome.CONTACTOR_FAULT
    assert result.reason
    assert (one.closed, one.meter.watts) == (False, 0)


def test_the_offer_is_the_whole_connection() -> None:
    wanted = ChargeScheduleWanted(
        ticket="t",
        mode="AC_three_phase_core",
        energy_wanted=1.0,
        max_voltage=400.0,
        max_current=32.0,
        min_current=6.0,
        departure_time=None,
        max_entries=None,
    )
    offer = outlet().plan_charge(wanted)
    assert offer.ticket == "t"
    assert offer.schedules[0].limits == (PowerLimit(0, 11_000),)
