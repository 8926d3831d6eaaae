"""Plain values that cross the border between a session and its host, the same for every protocol.

Powers are in watts, currents in amperes, voltages in volts, energies in watt hours, times in seconds.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import StrEnum

from plugcharge.errors import LocalError

__all__ = [
    "ControlPilot",
    "EndReason",
    "MeterReading",
    "Notice",
    "Payment",
    "PowerLimit",
    "PowerOutcome",
    "PowerSchedule",
    "lowest_power",
]


class Payment(StrEnum):
    """Who pays: the contract in the car, or something outside of the protocol such as a card."""

    CONTRACT = "Contract"
    EXTERNAL = "ExternalPayment"


class ControlPilot(StrEnum):
    """What the car shows on the control pilot line: ``B`` plugged in, ``C`` ready to take energy."""

    B = "B"
    C = "C"


class Notice(StrEnum):
    """What a station asks of a car beside its answers (EVSENotification)."""

    NONE = "None"
    STOP_CHARGING = "StopCharging"
    RENEGOTIATE = "ReNegotiation"


class PowerOutcome(StrEnum):
    """What became of switching the power on or off."""

    DONE = "done"
    NOT_READY = "not ready"
    CONTACTOR_FAULT = "contactor fault"


class EndReason(StrEnum):
    """Why a session ended.

    ``TERMINATED`` and ``PAUSED`` are the two regular ends; ``REFUSED`` means that this side sent a FAILED
    response, ``REFUSED_BY_PEER`` that it got one; ``UNSUITABLE`` that the two sides found nothing in common;
    ``UNPLUGGED`` that the hardware told so; ``ABORTED`` that the host asked for it.
    """

    TERMINATED = "terminated"
    PAUSED = "paused"
    REFUSED = "refused"
    REFUSED_BY_PEER = "refused by peer"
    UNSUITABLE = "unsuitable"
    TIMEOUT = "timeout"
    PROTOCOL_ERROR = "protocol error"
    CONNECTION_LOST = "connection lost"
    UNPLUGGED = "unplugged"
    ABORTED = "aborted"


@dataclass(frozen=True, slots=True)
class PowerLimit:
    """From a time on, no more than this power.

    Attributes:
        start: seconds after the message that carries it.
        watts: the limit; never negative.
    """

    start: int
    watts: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.watts < 0:
            raise LocalError("a power limit needs a start and a power of at least 0", where="PowerLimit")


@dataclass(frozen=True, slots=True)
class PowerSchedule:
    """One schedule that a station offers: limits in the order of time, the first one at 0.

    Attributes:
        tuple_id: SAScheduleTupleID, 1 to 255.
        limits: at least one; each holds until the next one starts.

    Example:
        >>> schedule = PowerSchedule(1, (PowerLimit(0, 11_000), PowerLimit(3600, 7_400)))
        >>> schedule.limits[1].watts
        7400
    """

    tuple_id: int
    limits: tuple[PowerLimit, ...]

    def __post_init__(self) -> None:
        starts = [limit.start for limit in self.limits]
        if not starts or starts[0] != 0 or any(a >= b for a, b in itertools.pairwise(starts)):
            raise LocalError(
                "the limits of a schedule start at 0 and grow in time",
                where=f"schedule {self.tuple_id}",
                why=f"starts: {starts[:8]}",
            )
        if not 1 <= self.tuple_id <= 255 or len(self.limits) > 1024 or starts[-1] > 86_400:
            raise LocalError(
                "a schedule has an id of 1 to 255 and at most 1024 limits within 24 hours [V2G2-773]",
                where=f"schedule {self.tuple_id}",
            )


@dataclass(frozen=True, slots=True)
class MeterReading:
    """One reading, exactly as the meter gave it [V2G2-902].

    Attributes:
        meter_id: at most 32 characters.
        watt_hours: the count of the meter; ``None`` when it was not sent.
        signature: the meter's own signature, at most 64 octets.
        status: the meter's status word, 16 bit signed.
        time: seconds since 1970 on the meter's clock.
    """

    meter_id: str
    watt_hours: int | None = None
    signature: bytes | None = None
    status: int | None = None
    time: int | None = None

    def __post_init__(self) -> None:
        fits = (
            len(self.meter_id) <= 32
            and (self.watt_hours is None or 0 <= self.watt_hours < 1 << 64)
            and (self.signature is None or len(self.signature) <= 64)
            and (self.status is None or -(1 << 15) <= self.status < 1 << 15)
            and (self.time is None or -(1 << 63) <= self.time < 1 << 63)
        )
        if not fits:
            raise LocalError(
                "the meter reading does not fit into a message", where=f"meter {self.meter_id[:40]}"
            )


def lowest_power(limits: tuple[PowerLimit, ...], start: int, end: int | None) -> int:
    """Give the lowest limit that holds anywhere in ``start <= t < end``; ``None`` is for ever.

    Example:
        >>> lowest_power((PowerLimit(0, 11_000), PowerLimit(3600, 7_400)), 1800, 5400)
        7400
    """
    lowest: int | None = None
    for position, limit in enumerate(limits):
        until = limits[position + 1].start if position + 1 < len(limits) else None
        overlaps = (until is None or until > start) and (end is None or limit.start < end)
        if overlaps and (lowest is None or limit.watts < lowest):
            lowest = limit.watts
    if lowest is None:
        raise LocalError("no limit holds at that time", where="lowest_power")
    return lowest
