from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugcharge.errors import LocalError
from plugcharge.messages.iso2 import PhysicalValue, UnitSymbol
from plugcharge.session.quantities import (
    amount,
    merged,
    physical,
    profile_fault,
    read_schedule,
    schedule_tuple,
)
from plugcharge.session.values import PowerLimit, PowerSchedule, lowest_power

W = UnitSymbol.W


@given(st.integers(0, 32_767_000))
def test_whole_numbers_are_never_written_higher(number: int) -> None:
    back = amount(physical(number, W), W)
    assert back is not None
    assert back <= number
    assert number - back < max(1, number // 3_000)


@given(st.floats(0, 32_767_000, allow_nan=False))
def test_any_number_is_never_written_higher(number: float) -> None:
    back = amount(physical(number, W), W)
    assert back is not None
    assert 0 <= Fraction(number) - back <= max(Fraction(1, 1000), Fraction(number) / 3_000)


@pytest.mark.parametrize("number", [-1, -0.001, 32_767_001, 1e30, math.inf, -math.inf, math.nan])
def test_what_cannot_be_written(number: float) -> None:
    with pytest.raises(LocalError):
        physical(number, W)


@pytest.mark.parametrize(
    ("number", "multiplier", "value"),
    [
        (0, 0, 0),
        (32_767, 0, 32_767),
        (32_768, 1, 3_276),
        (32_767_000, 3, 32_767),
        (12.5, -3, 12_500),
        (230.0, 0, 230),
    ],
)
def test_the_form(number: float, multiplier: int, value: int) -> None:
    assert physical(number, W) == PhysicalValue(multiplier=multiplier, unit=W, value=value)


def test_another_unit_is_no_amount() -> None:
    assert amount(physical(1, W), UnitSymbol.A) is None


limits = st.lists(st.integers(0, 86_000), min_size=0, max_size=40, unique=True).flatmap(
    lambda starts: st.tuples(
        st.just(sorted({0, *starts})),
        st.lists(st.integers(0, 30_000), min_size=41, max_size=41),
    )
)


@given(limits, st.integers(1, 30), st.integers(0, 86_400))
def test_merging_never_allows_more(shape: tuple[list[int], list[int]], most: int, at: int) -> None:
    starts, powers = shape
    schedule = tuple(PowerLimit(start, watts) for start, watts in zip(starts, powers, strict=False))
    fewer = merged(schedule, most)
    assert len(fewer) <= most
    assert lowest_power(fewer, at, at + 1) <= lowest_power(schedule, at, at + 1)
    assert profile_fault(fewer, PowerSchedule(1, schedule)) == ""


@given(limits)
def test_what_is_offered_is_read_again(shape: tuple[list[int], list[int]]) -> None:
    starts, powers = shape
    schedule = PowerSchedule(
        7, tuple(PowerLimit(start, watts) for start, watts in zip(starts, powers, strict=False))
    )
    assert read_schedule(schedule_tuple(schedule, horizon=86_400, most=1024)) == schedule
