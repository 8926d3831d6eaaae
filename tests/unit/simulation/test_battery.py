"""The simulated battery fills up by what the meter says."""

from __future__ import annotations

import pytest

from plugcharge.errors import LocalError
from plugcharge.session import (
    ChargingProfileWanted,
    ContinueChargingWanted,
    ControlPilot,
    ControlPilotWanted,
    MeterReading,
    MeterReadingReceived,
    PowerLimit,
    PowerSchedule,
)
from plugcharge.simulation import SimulatedBattery, SimulatedVehicle


def reading(watt_hours: int | None) -> MeterReadingReceived:
    return MeterReadingReceived(meter=MeterReading("M", watt_hours), receipt_required=False)


def question() -> ContinueChargingWanted:
    return ContinueChargingWanted(ticket="t", meter=None, energy=0, seconds=0.0)


def test_the_first_reading_only_says_where_the_meter_stands() -> None:
    car = SimulatedVehicle(SimulatedBattery(10_000, charge=9_000))
    car.notify(reading(500_000))
    assert car.battery.charge == 9_000
    car.notify(reading(None))
    car.notify(reading(500_400))
    assert (car.battery.charge, car.battery.percent) == (9_400, 94)
    assert car.go_on(question()).go_on
    car.notify(reading(501_500))
    assert (car.battery.room, car.battery.percent) == (0, 100)
    assert not car.go_on(question()).go_on


def test_a_meter_that_runs_back_takes_nothing_out() -> None:
    battery = SimulatedBattery(10_000, charge=5_000)
    battery.take(-100)
    assert battery.charge == 5_000


@pytest.mark.parametrize(("capacity", "charge"), [(0, 0), (10, 11), (10, -1)])
def test_impossible_batteries(capacity: int, charge: int) -> None:
    with pytest.raises(LocalError):
        SimulatedBattery(capacity, charge=charge)


def test_the_pilot_and_the_proposal_are_taken_over() -> None:
    car = SimulatedVehicle(SimulatedBattery(10, charge=0))
    car.control_pilot(ControlPilotWanted(state=ControlPilot.C))
    assert car.pilot is ControlPilot.C
    limits = (PowerLimit(0, 11_000),)
    choice = car.choose_profile(
        ChargingProfileWanted(
            ticket="t", schedules=(PowerSchedule(4, limits),), proposal_tuple_id=4, proposal=limits
        )
    )
    assert (choice.ticket, choice.tuple_id, choice.profile) == ("t", 4, limits)
