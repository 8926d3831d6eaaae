from __future__ import annotations

from datetime import UTC, datetime

import pytest

from plugcharge.backend.metering import MAX_SESSION_WH, MeterReading, measure
from plugcharge.errors import LocalError
from tests.unit.backend.samples import SESSION, START, reading


def test_energy_is_last_minus_first() -> None:
    assert measure([reading(1_000), reading(1_000), reading(2_345)]).energy_wh == 1_345
    assert measure([reading(1_000), reading(2_345)]).flags == ()


def test_no_reading_is_flagged() -> None:
    assert measure([]).flags[0].startswith("no-readings:")


def test_one_reading_measures_nothing() -> None:
    assert measure([reading(1_000)]).energy_wh == 0


@pytest.mark.parametrize(
    ("registers", "billed"),
    [
        ([100, 500, 499], 400),  # one watt hour back
        ([999_000, 999_900, 300], 900),  # roll-over of a six-digit register
        ([100, 50], 0),
        ([100, 500, 20, 900, 2_000], 400),  # nothing after the first misfit counts, however plausible
    ],
)
def test_a_meter_that_goes_back_or_rolls_over_is_flagged_and_not_billed(
    registers: list[int], billed: int
) -> None:
    measured = measure([reading(wh) for wh in registers])
    assert measured.energy_wh == billed
    assert len(measured.flags) == 1
    assert measured.flags[0].startswith("meter-went-back:")


def test_another_meter_in_mid_session_stops_the_count() -> None:
    measured = measure([reading(100), reading(300), reading(5_000, meter_id="M2"), reading(400)])
    assert measured.energy_wh == 200
    assert measured.flags[0].startswith("meter-changed: reading 3")


def test_the_plausibility_limit_and_one_above_it() -> None:
    assert measure([reading(5), reading(5 + MAX_SESSION_WH)]).energy_wh == MAX_SESSION_WH
    above = measure([reading(5), reading(6 + MAX_SESSION_WH)])
    assert above.energy_wh == 0
    assert above.flags[0].startswith("implausible-energy:")


@pytest.mark.parametrize(
    "changes",
    [
        {"import_wh": -1},
        {"import_wh": 1 << 63},
        {"import_wh": 1.5},
        {"import_wh": True},
        {"export_wh": -1},
        {"meter_id": ""},
        {"meter_id": "x" * 33},
        {"signature": bytes(65)},
        {"at": datetime(2026, 11, 22, 8)},  # no zone: that is the fault
    ],
)
def test_a_reading_out_of_range_is_refused(changes: dict[str, object]) -> None:
    fields: dict[str, object] = {"session_id": SESSION, "at": START, "meter_id": "M1", "import_wh": 1}
    with pytest.raises(LocalError):
        MeterReading(**(fields | changes))  # type: ignore[arg-type]  # wrong values are what is tested


def test_readings_are_kept_in_utc() -> None:
    moment = datetime.fromisoformat("2026-10-25T02:30:00+02:00")
    kept = MeterReading(session_id=SESSION, at=moment, meter_id="M1", import_wh=1)
    assert kept.at.tzinfo is UTC
    assert kept.at == moment
