from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from plugcharge.backend.metering import ReadingContext
from plugcharge.backend.records import Event, ReceiptVerdict, StopReason, fold
from plugcharge.backend.settlement import settle
from tests.unit.backend.samples import (
    TARIFF,
    accepted,
    after,
    authorized,
    closed,
    opened,
    reading,
    receipt,
    refused,
    whole_session,
)


def test_a_whole_session_is_billed_from_its_authorization() -> None:
    bill = settle(fold(whole_session()), ended=after(3605), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert (bill.energy_wh, bill.seconds, bill.flags) == (12_345, 3600, ())
    assert bill.total == Decimal("9.04")


@pytest.mark.parametrize(
    "events",
    [
        [opened(), reading(1), reading(500)],
        [opened(), authorized(answer=refused()), reading(1), reading(500)],
        [opened(), authorized(answer=accepted(tariff=None)), reading(1), reading(500)],
    ],
)
def test_without_authorization_or_tariff_nobody_is_billed(events: list[Event]) -> None:
    assert settle(fold(events), ended=after(60), stop_reason=StopReason.EV_TERMINATED) is None


@pytest.mark.parametrize("verdict", [verdict for verdict in ReceiptVerdict if verdict != "valid"])
def test_a_receipt_that_is_not_valid_flags_the_bill(verdict: ReceiptVerdict) -> None:
    record = fold([*whole_session(), receipt(8_000, verdict=verdict)])
    bill = settle(record, ended=after(3600), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert bill.flags == (f"receipt-not-valid: receipt 2 was refused ({verdict.value})",)


def test_a_restart_flags_the_bill() -> None:
    bill = settle(fold(whole_session()), ended=after(3600), stop_reason=StopReason.STATION_RESTART)
    assert bill is not None
    assert bill.flags[0].startswith("station-restart:")


@pytest.mark.parametrize("reason", [StopReason.STATION_ERROR, StopReason.EMERGENCY])
@pytest.mark.parametrize(
    "readings",
    [
        [],
        [reading(1_000, context=ReadingContext.BEGIN)],
        [reading(1_000, context=ReadingContext.BEGIN), reading(1_000, 60, context=ReadingContext.END)],
    ],
    ids=["no readings", "no end", "nothing counted"],
)
def test_a_station_that_failed_before_energy_flowed_bills_nobody(
    reason: StopReason, readings: list[Event]
) -> None:
    events: list[Event] = [opened(), authorized(), *readings]
    assert settle(fold(events), ended=after(60), stop_reason=reason) is None
    record = fold([*events, closed(reason=reason)])
    assert record.warnings[-1] == f"not-billed: it ended as {reason.value} before any energy flowed"


@pytest.mark.parametrize("reason", [StopReason.STATION_ERROR, StopReason.EMERGENCY])
def test_a_station_that_failed_while_it_charged_flags_the_bill(reason: StopReason) -> None:
    bill = settle(fold(whole_session()), ended=after(3605), stop_reason=reason)
    assert bill is not None
    assert bill.energy_wh == 12_345
    assert bill.flags == (f"station-fault: the session ended as {reason.value}",)


def test_a_fault_does_not_hide_readings_that_do_not_fit() -> None:
    events: list[Event] = [opened(), authorized(), reading(1_000), reading(20)]
    bill = settle(fold(events), ended=after(60), stop_reason=StopReason.STATION_ERROR)
    assert bill is not None
    assert bill.flags[0].startswith("meter-went-back:")


def test_fees_without_energy_are_flagged() -> None:
    events: list[Event] = [
        opened(),
        authorized(),
        reading(1_000, context=ReadingContext.BEGIN),
        reading(1_000, 60, context=ReadingContext.END),
    ]
    bill = settle(fold(events), ended=after(65), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert bill.flags == (f"no-energy: {bill.total} EUR are billed although no energy was counted",)
    free = accepted(tariff=msgspec.structs.replace(TARIFF, price_per_minute=None, session_fee=None))
    events[1] = authorized(answer=free)
    bill = settle(fold(events), ended=after(65), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert bill.total == 0
    assert bill.flags == ()


def test_without_an_end_reading_the_last_one_is_billed_and_flagged() -> None:
    bill = settle(fold(whole_session()[:-1]), ended=after(3605), stop_reason=StopReason.TIMEOUT)
    assert bill is not None
    assert bill.energy_wh == 6_000
    assert [flag.partition(":")[0] for flag in bill.flags] == ["no-end-reading"]


@pytest.mark.parametrize(
    ("last", "reason", "flags"),
    [
        (7_100, StopReason.TIMEOUT, 0),
        (7_101, StopReason.TIMEOUT, 1),
        (9_000, StopReason.EV_TERMINATED, 0),
    ],
)
def test_energy_after_the_car_fell_silent_is_flagged(last: int, reason: StopReason, flags: int) -> None:
    events = [*whole_session()[:-1], reading(last, 1860, context=ReadingContext.END)]
    bill = settle(fold(events), ended=after(1865), stop_reason=reason)
    assert bill is not None
    assert bill.energy_wh == last - 1_000
    assert [flag.partition(":")[0] for flag in bill.flags] == ["unheard-energy"] * flags


def test_time_that_was_counted_is_billed_whatever_the_clock_says() -> None:
    day_later = after(86_400 + 3605)
    bill = settle(fold(whole_session()), ended=day_later, stop_reason=StopReason.EV_TERMINATED, lasted=3600)
    assert bill is not None
    assert bill.seconds == 3600
    assert bill.flags == ("clock-jumped: the clock tells 90000 s, but 3600 s were counted and billed",)


def test_an_end_before_the_authorization_bills_no_time() -> None:
    bill = settle(fold(whole_session()), ended=after(-7200), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert bill.seconds == 0
    assert bill.flags[0].startswith("clock-jumped:")
