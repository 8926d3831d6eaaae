from __future__ import annotations

from decimal import Decimal

import pytest

from plugcharge.backend.records import Event, ReceiptVerdict, StopReason, fold
from plugcharge.backend.settlement import settle
from tests.unit.backend.samples import (
    accepted,
    after,
    authorized,
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


def test_an_end_before_the_authorization_bills_no_time() -> None:
    bill = settle(fold(whole_session()), ended=after(-7200), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    assert bill.seconds == 0
    assert bill.flags[0].startswith("clock-jumped:")
