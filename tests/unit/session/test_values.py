from __future__ import annotations

from typing import Any

import pytest

from plugcharge.errors import LocalError
from plugcharge.session.values import MeterReading, PowerLimit, PowerSchedule, lowest_power


@pytest.mark.parametrize(("start", "watts"), [(-1, 0), (0, -1)])
def test_a_limit_is_not_negative(start: int, watts: int) -> None:
    with pytest.raises(LocalError):
        PowerLimit(start, watts)


@pytest.mark.parametrize(
    ("tuple_id", "starts"),
    [
        (1, []),
        (1, [1]),
        (1, [0, 0]),
        (1, [0, 5, 3]),
        (0, [0]),
        (256, [0]),
        (1, [0, 86_401]),
        (1, list(range(1025))),
    ],
)
def test_schedules_that_make_no_sense(tuple_id: int, starts: list[int]) -> None:
    with pytest.raises(LocalError):
        PowerSchedule(tuple_id, tuple(PowerLimit(start, 1) for start in starts))


def test_the_largest_schedule() -> None:
    assert len(PowerSchedule(255, tuple(PowerLimit(start, 1) for start in range(1024))).limits) == 1024


@pytest.mark.parametrize(
    "wrong",
    [
        {"meter_id": "M" * 33},
        {"watt_hours": -1},
        {"watt_hours": 1 << 64},
        {"signature": bytes(65)},
        {"status": 1 << 15},
        {"time": 1 << 63},
    ],
    ids=str,
)
def test_a_reading_fits_into_a_message(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        MeterReading(**{"meter_id": "M", **wrong})


LIMITS = (PowerLimit(0, 9), PowerLimit(10, 3), PowerLimit(20, 5))


@pytest.mark.parametrize(
    ("start", "end", "lowest"),
    [
        (0, 10, 9),
        (0, 11, 3),
        (9, 10, 9),
        (10, 20, 3),
        (20, 21, 5),
        (20, None, 5),
        (0, None, 3),
        (99, None, 5),
    ],
)
def test_the_lowest_power(start: int, end: int | None, lowest: int) -> None:
    assert lowest_power(LIMITS, start, end) == lowest


def test_no_limits_no_lowest() -> None:
    with pytest.raises(LocalError):
        lowest_power((), 0, None)
