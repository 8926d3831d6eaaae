from __future__ import annotations

import pytest

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session.tables_iso2 import EVCC_TABLE, EvccState
from plugcharge.session.timers_iso2 import MESSAGE_TIMEOUTS, TIMERS, Side, Timer, checked, seconds


def test_every_timer_has_a_row() -> None:
    assert set(TIMERS) == set(Timer)
    assert all(row.seconds > 0 and row.requirement and row.action for row in TIMERS.values())


@pytest.mark.parametrize(
    ("timer", "value", "side"),
    [
        (Timer.MESSAGE, 2.0, Side.EVCC),
        (Timer.MESSAGE_LONG, 5.0, Side.EVCC),
        (Timer.SEQUENCE, 60.0, Side.SECC),
        (Timer.SETUP, 20.0, Side.EVCC),
        (Timer.SETUP_PERFORMANCE, 18.0, Side.SECC),
        (Timer.ONGOING, 60.0, Side.EVCC),
        (Timer.ONGOING_PERFORMANCE, 55.0, Side.SECC),
        (Timer.CONTACTOR, 3.0, Side.SECC),
    ],
)
def test_values_of_the_standard(timer: Timer, value: float, side: Side) -> None:
    assert (TIMERS[timer].seconds, TIMERS[timer].side) == (value, side)


def test_the_station_is_done_before_the_car_gives_up() -> None:
    assert TIMERS[Timer.ANSWER].seconds < 1.5 < TIMERS[Timer.MESSAGE].seconds
    assert TIMERS[Timer.CONTACTOR].seconds < 4.5 < TIMERS[Timer.MESSAGE_LONG].seconds
    assert TIMERS[Timer.ONGOING_PERFORMANCE].seconds < TIMERS[Timer.ONGOING].seconds
    assert TIMERS[Timer.CUSTOMER_PERFORMANCE].seconds < TIMERS[Timer.CUSTOMER].seconds
    assert TIMERS[Timer.SEQUENCE_PERFORMANCE].seconds < 40.0 < TIMERS[Timer.SEQUENCE].seconds


def test_long_responses() -> None:
    long = {request for request, timer in MESSAGE_TIMEOUTS.items() if timer is Timer.MESSAGE_LONG}
    assert iso2.PaymentDetailsReq in long
    assert EVCC_TABLE[EvccState.PAYMENT_DETAILS].timer is Timer.MESSAGE_LONG
    assert EVCC_TABLE[EvccState.AUTHORIZATION].timer is Timer.MESSAGE


def test_changes() -> None:
    assert seconds(Timer.SEQUENCE, {Timer.SEQUENCE: 5.0}) == 5.0
    bad: list[dict[str, float]] = [
        {"sequence": 1.0},
        {Timer.SEQUENCE: 0.0},
        {Timer.GRACE: 1.0},
        {Timer.SEQUENCE: float("nan")},
    ]
    for wrong in bad:
        with pytest.raises(LocalError):
            checked(wrong)
