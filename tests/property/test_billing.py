"""Money: bills add up, never fall when energy rises, hold no float, and are the same each time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from plugcharge.backend.billing import MAX_BILLED_TIME, Bill, bill_session
from plugcharge.backend.metering import MAX_SESSION_WH, MeasuredEnergy, MeterReading, measure
from plugcharge.backend.tariff import Tariff

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = datetime(2026, 3, 28, 22, tzinfo=UTC)
_WIDE = Context(prec=200, rounding=ROUND_HALF_UP)


def _prices() -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=1_000_000, places=9)


@st.composite
def _tariffs(draw: st.DrawFn) -> Tariff:
    return Tariff(
        tariff_id="t",
        currency="EUR",
        price_per_kwh=draw(_prices()),
        vat_rate=draw(st.decimals(min_value=0, max_value=1, places=9)),
        price_per_minute=draw(st.none() | _prices()),
        session_fee=draw(st.none() | _prices()),
        decimals=draw(st.integers(0, 4)),
    )


_ENERGY = st.integers(0, MAX_SESSION_WH)
_LENGTH = st.timedeltas(timedelta(0), MAX_BILLED_TIME)


def _bill(tariff: Tariff, wh: int, length: timedelta) -> Bill:
    return bill_session(
        session_id="s",
        tariff=tariff,
        energy=MeasuredEnergy(energy_wh=wh),
        authorized=_START,
        ended=_START + length,
    )


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, msgspec.Struct):
        yield from _leaves(msgspec.structs.asdict(value))
    else:
        yield value


@given(_tariffs(), _ENERGY, _LENGTH)
def test_lines_sum_to_the_total_and_have_only_the_smallest_unit(
    tariff: Tariff, wh: int, length: timedelta
) -> None:
    bill = _bill(tariff, wh, length)
    total = Decimal(0)
    for line in bill.lines:
        total = _WIDE.add(total, line.amount)
        assert line.amount.as_tuple().exponent == -tariff.decimals
    assert total == bill.total
    assert bill.total.as_tuple().exponent == -tariff.decimals


@given(_tariffs(), _ENERGY, _LENGTH)
def test_each_line_is_its_exact_value_rounded_half_up_once(
    tariff: Tariff, wh: int, length: timedelta
) -> None:
    unit = Decimal(1).scaleb(-tariff.decimals)
    lines = {line.item: line for line in _bill(tariff, wh, length).lines}
    exact = _WIDE.divide(_WIDE.multiply(tariff.price_per_kwh, Decimal(wh)), Decimal(1000))
    assert lines["energy"].amount == exact.quantize(unit, context=_WIDE)
    vat = _WIDE.multiply(lines["vat"].quantity, tariff.vat_rate)
    assert lines["vat"].amount == vat.quantize(unit, context=_WIDE)
    net = sum((line.amount for item, line in lines.items() if item != "vat"), Decimal(0))
    assert lines["vat"].quantity == net


@given(_tariffs(), _ENERGY, st.integers(0, 100_000), _LENGTH)
def test_more_energy_never_costs_less(tariff: Tariff, wh: int, more: int, length: timedelta) -> None:
    assert _bill(tariff, wh, length).total <= _bill(tariff, wh + more, length).total


@given(_tariffs(), _ENERGY, _LENGTH)
def test_the_same_session_gives_the_same_bill_through_json_and_no_float(
    tariff: Tariff, wh: int, length: timedelta
) -> None:
    bill = _bill(tariff, wh, length)
    assert _bill(tariff, wh, length) == bill
    assert msgspec.json.decode(msgspec.json.encode(bill), type=Bill) == bill
    assert not any(isinstance(leaf, float) for leaf in _leaves(bill))


@given(st.lists(st.integers(0, 2 * MAX_SESSION_WH), max_size=20))
def test_measured_energy_is_never_more_than_the_rising_start_of_the_readings(registers: list[int]) -> None:
    readings = [
        MeterReading(session_id="s", at=_START, meter_id="M1", import_wh=register) for register in registers
    ]
    measured = measure(readings)
    rising = all(a <= b for a, b in pairwise(registers))
    assert 0 <= measured.energy_wh <= MAX_SESSION_WH
    if registers and rising and registers[-1] - registers[0] <= MAX_SESSION_WH:
        assert measured == MeasuredEnergy(energy_wh=registers[-1] - registers[0])
    else:
        assert measured.flags
