from __future__ import annotations

import decimal
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from plugcharge.backend.billing import MAX_BILLED_TIME, Bill, bill_session
from plugcharge.backend.metering import MeasuredEnergy
from plugcharge.backend.tariff import Tariff
from plugcharge.errors import LocalError
from tests.unit.backend.samples import SESSION, START, TARIFF


def make(tariff: Tariff = TARIFF, wh: int = 12_345, length: timedelta = timedelta(hours=1)) -> Bill:
    return bill_session(
        session_id=SESSION,
        tariff=tariff,
        energy=MeasuredEnergy(energy_wh=wh),
        authorized=START,
        ended=START + length,
    )


def test_a_bill_by_hand() -> None:
    bill = make()
    amounts = {line.item: str(line.amount) for line in bill.lines}
    # 12.345 kWh * 0.49 = 6.04905; 60 min * 0.02 = 1.20; 0.35; net 7.60; 19 % = 1.444
    assert amounts == {"energy": "6.05", "time": "1.20", "session": "0.35", "vat": "1.44"}
    assert str(bill.total) == "9.04"
    assert bill.seconds == 3600
    assert not bill.needs_review


def test_a_tariff_without_minutes_and_fee_has_two_lines() -> None:
    plain = msgspec.structs.replace(TARIFF, price_per_minute=None, session_fee=None)
    assert [line.item for line in make(plain).lines] == ["energy", "vat"]


def test_a_currency_without_cents() -> None:
    yen = Tariff(
        tariff_id="yen", currency="JPY", price_per_kwh=Decimal(55), vat_rate=Decimal("0.1"), decimals=0
    )
    # 12.345 * 55 = 678.975 -> 679; 67.9 -> 68
    assert [str(line.amount) for line in make(yen).lines] == ["679", "68"]


def test_seconds_are_billed_exactly_and_begun_ones_are_not() -> None:
    minutes = msgspec.structs.replace(TARIFF, price_per_minute=Decimal("0.60"))
    bill = make(minutes, length=timedelta(seconds=61, microseconds=999_999))
    assert bill.seconds == 61
    assert bill.lines[1].amount == Decimal("0.61")


@pytest.mark.parametrize("length", [timedelta(seconds=-1), MAX_BILLED_TIME + timedelta(microseconds=1)])
def test_a_clock_that_jumped_is_flagged_and_its_time_not_billed(length: timedelta) -> None:
    bill = make(length=length)
    assert bill.seconds == 0
    assert bill.flags[0].startswith("clock-jumped:")
    assert bill.lines[1].amount == 0


@pytest.mark.parametrize(
    ("length", "flags"),
    [
        (timedelta(seconds=3600), 0),
        (timedelta(seconds=3660), 0),
        (timedelta(seconds=3661), 1),
        (timedelta(seconds=3539), 1),
        (timedelta(days=29), 1),
        (timedelta(days=-1), 1),
    ],
)
def test_counted_seconds_are_billed_and_compared_with_the_clock(length: timedelta, flags: int) -> None:
    bill = bill_session(
        session_id=SESSION,
        tariff=TARIFF,
        energy=MeasuredEnergy(energy_wh=1),
        authorized=START,
        ended=START + length,
        lasted=3600,
    )
    assert bill.seconds == 3600
    assert [flag.partition(":")[0] for flag in bill.flags] == ["clock-jumped"] * flags


def test_the_longest_session_is_billed() -> None:
    assert make(length=MAX_BILLED_TIME).seconds == 2 * 86_400


def test_the_night_when_summer_time_ends_has_no_extra_hour() -> None:
    bill = bill_session(
        session_id=SESSION,
        tariff=TARIFF,
        energy=MeasuredEnergy(energy_wh=0),
        authorized=datetime.fromisoformat("2026-10-25T02:30:00+02:00"),
        ended=datetime.fromisoformat("2026-10-25T02:30:00+01:00"),
    )
    assert bill.seconds == 3600


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(LocalError, match="zone"):
        bill_session(
            session_id=SESSION,
            tariff=TARIFF,
            energy=MeasuredEnergy(energy_wh=0),
            authorized=START.replace(tzinfo=None),
            ended=START,
        )


def test_the_callers_decimal_context_does_not_matter() -> None:
    expected = make()
    with decimal.localcontext(decimal.Context(prec=2, rounding=decimal.ROUND_DOWN)):
        assert make() == expected


def test_flags_come_from_the_meter_first() -> None:
    bill = bill_session(
        session_id=SESSION,
        tariff=TARIFF,
        energy=MeasuredEnergy(energy_wh=1, flags=("meter-went-back: x",)),
        authorized=START,
        ended=START,
        flags=["other: y"],
    )
    assert bill.flags == ("meter-went-back: x", "other: y")
    assert bill.needs_review
