"""The simulated meter counts exactly what the limits let through."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugcharge.errors import LocalError
from plugcharge.session import PowerLimit
from plugcharge.simulation import SimulatedMeter

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def meter(clock: Clock, speed: float = 1.0) -> SimulatedMeter:
    return SimulatedMeter(clock, lambda: NOON, watt_hours=1000, speed=speed)


def test_it_stands_still_until_power_flows() -> None:
    clock = Clock()
    one = meter(clock)
    clock.now += 3600
    reading = one.read()
    assert (reading.watt_hours, reading.time, one.watts) == (1000, int(NOON.timestamp()), 0)


def test_limits_hold_one_after_the_other() -> None:
    clock = Clock()
    one = meter(clock)
    one.start([PowerLimit(0, 10_000), PowerLimit(1800, 0), PowerLimit(3600, 4_000)])
    assert one.watts == 10_000
    clock.now += 900
    assert one.read().watt_hours == 1000 + 2500
    clock.now += 1800
    assert (one.read().watt_hours, one.watts) == (1000 + 5000, 0)
    clock.now += 900 + 3600
    assert (one.read().watt_hours, one.watts) == (1000 + 5000 + 4000, 4_000)


def test_what_was_counted_stays_over_stop_and_start() -> None:
    clock = Clock()
    one = meter(clock)
    one.start([PowerLimit(0, 3600)])
    clock.now += 10.5
    one.stop()
    clock.now += 1000
    assert one.read().watt_hours == 1010
    one.start([PowerLimit(0, 3600)])
    clock.now += 0.5
    assert one.read().watt_hours == 1011  # the half watt hour of before is not lost


def test_a_fast_meter_says_how_fast() -> None:
    clock = Clock()
    one = meter(clock, speed=1000)
    one.start([PowerLimit(0, 3600)])
    clock.now += 1
    assert (one.read().watt_hours, one.speed) == (2000, 1000)


def test_time_has_to_go_on() -> None:
    with pytest.raises(LocalError):
        meter(Clock(), speed=0)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(0, 22_000)), min_size=1, max_size=6),
    st.lists(st.floats(0, 400), max_size=8),
)
def test_it_never_goes_back(steps: list[tuple[int, int]], waits: list[float]) -> None:
    clock = Clock()
    one = meter(clock)
    start, limits = 0, []
    for length, watts in steps:
        limits.append(PowerLimit(start, watts))
        start += length
    one.start(limits)
    last = 1000
    for wait in waits:
        clock.now += wait
        now = one.read().watt_hours
        assert now is not None
        assert now >= last
        last = now
