"""The timers of -2 as a table: how long, who keeps it, and where it is required."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages import iso2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugcharge.messages import Message

__all__ = ["MESSAGE_TIMEOUTS", "TIMERS", "Side", "Timer", "TimerRow", "checked", "seconds"]


class Timer(StrEnum):
    """Every timer that can run, by the name of the standard where it has one."""

    MESSAGE = "V2G_EVCC_Msg_Timeout"
    MESSAGE_LONG = "V2G_EVCC_Msg_Timeout (long)"
    MESSAGE_CURRENT_DEMAND = "V2G_EVCC_Msg_Timeout (CurrentDemand)"
    ANSWER = "V2G_SECC_Msg_Performance_Time"
    SEQUENCE = "V2G_SECC_Sequence_Timeout"
    SEQUENCE_PERFORMANCE = "V2G_EVCC_Sequence_Performance_Time"
    SETUP = "V2G_EVCC_CommunicationSetup_Timeout"
    SETUP_PERFORMANCE = "V2G_SECC_CommunicationSetup_Performance_Time"
    ONGOING = "V2G_EVCC_Ongoing_Timeout"
    ONGOING_PERFORMANCE = "V2G_SECC_Ongoing_Performance_Time"
    CUSTOMER = "customer interaction (EVCC)"
    CUSTOMER_PERFORMANCE = "customer interaction (SECC)"
    CONTACTOR = "contactor"
    PACE = "pace"
    STATUS_PACE = "status pace"
    QUESTION = "question"
    GRACE = "grace"


class Side(StrEnum):
    """Who keeps a timer."""

    EVCC = "EVCC"
    SECC = "SECC"


@dataclass(frozen=True, slots=True)
class TimerRow:
    """One timer.

    Attributes:
        timer: which.
        seconds: its value.
        side: who keeps it.
        requirement: where it comes from.
        action: what its end means.
    """

    timer: Timer
    seconds: float
    side: Side
    requirement: str
    action: str


TIMERS: dict[Timer, TimerRow] = {
    row.timer: row
    for row in (
        TimerRow(Timer.MESSAGE, 2.0, Side.EVCC, "[V2G2-436]", "close: no response"),
        TimerRow(Timer.MESSAGE_LONG, 5.0, Side.EVCC, "[V2G2-436]", "close: no response"),
        TimerRow(Timer.MESSAGE_CURRENT_DEMAND, 0.25, Side.EVCC, "[V2G2-436]", "close: no response"),
        TimerRow(Timer.ANSWER, 1.2, Side.SECC, "below 1.5 s of Table 109", "answer without the host"),
        TimerRow(Timer.SEQUENCE, 60.0, Side.SECC, "[V2G2-443]", "close: no request"),
        TimerRow(
            Timer.SEQUENCE_PERFORMANCE, 30.0, Side.EVCC, "below 40 s of [V2G2-485]", "go on without the host"
        ),
        TimerRow(Timer.SETUP, 20.0, Side.EVCC, "[V2G2-605]", "close: no session"),
        TimerRow(Timer.SETUP_PERFORMANCE, 18.0, Side.SECC, "[V2G2-716], [V2G2-723]", "close: no session"),
        TimerRow(Timer.ONGOING, 60.0, Side.EVCC, "[V2G2-710], [V2G2-711]", "stop the session"),
        TimerRow(Timer.ONGOING_PERFORMANCE, 55.0, Side.SECC, "[V2G2-713]", "answer FAILED"),
        TimerRow(Timer.CUSTOMER, 300.0, Side.EVCC, "[V2G2-845]; 140 s seen", "stop the session"),
        TimerRow(Timer.CUSTOMER_PERFORMANCE, 240.0, Side.SECC, "[V2G2-856]; 140 s seen", "answer FAILED"),
        TimerRow(
            Timer.CONTACTOR,
            3.0,
            Side.SECC,
            "[V2G2-860], [V2G2-862], [V2G2-865]",
            "answer FAILED_ContactorError",
        ),
        TimerRow(Timer.PACE, 0.2, Side.EVCC, "EvccConfig.repeat_pause", "send the next request"),
        TimerRow(Timer.STATUS_PACE, 1.0, Side.EVCC, "EvccConfig.status_pause", "send the next request"),
        TimerRow(Timer.QUESTION, 0.5, Side.SECC, "SeccConfig.answer_patience", "answer Ongoing"),
        TimerRow(Timer.GRACE, 4.5, Side.SECC, "SeccConfig.failed_grace, within 5 s of the response", "close"),
    )
}

_SET_ELSEWHERE = {
    Timer.PACE: "EvccConfig.repeat_pause",
    Timer.STATUS_PACE: "EvccConfig.status_pause",
    Timer.QUESTION: "SeccConfig.answer_patience",
    Timer.GRACE: "SeccConfig.failed_grace",
    Timer.SETUP: "EvccConfig.setup_budget",
}

# Requests with more than the two seconds a response usually may take.
MESSAGE_TIMEOUTS: dict[type[Message], Timer] = {
    iso2.ServiceDetailReq: Timer.MESSAGE_LONG,
    iso2.CertificateInstallationReq: Timer.MESSAGE_LONG,
    iso2.CertificateUpdateReq: Timer.MESSAGE_LONG,
    iso2.PaymentDetailsReq: Timer.MESSAGE_LONG,
    iso2.PowerDeliveryReq: Timer.MESSAGE_LONG,
    iso2.CurrentDemandReq: Timer.MESSAGE_CURRENT_DEMAND,
}


def seconds(timer: Timer, changed: Mapping[str, float]) -> float:
    """Give the value of a timer, as the configuration changed it.

    Example:
        >>> seconds(Timer.SEQUENCE, {}), seconds(Timer.SEQUENCE, {"V2G_SECC_Sequence_Timeout": 90.0})
        (60.0, 90.0)
    """
    return changed.get(timer, TIMERS[timer].seconds)


def checked(changed: Mapping[str, float]) -> Mapping[str, float]:
    """Give the changes back when every name is a timer's and every value is above 0.

    Raises:
        LocalError: one of them is not.
    """
    for name, value in changed.items():
        if elsewhere := {str(timer): field for timer, field in _SET_ELSEWHERE.items()}.get(name):
            raise LocalError(f"timer {name!r} is not changed here", where="timers", advice=f"set {elsewhere}")
        if name not in set(Timer) or not value > 0:
            raise LocalError(
                f"timer {name!r} cannot be {value}",
                where="timers",
                why=f"known: {', '.join(Timer)}; above 0 s",
            )
    return changed
