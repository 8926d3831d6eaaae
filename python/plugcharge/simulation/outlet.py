"""The power side of a station: a contactor, a meter, and what the grid connection gives."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from plugcharge.session import (
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    MeterReading,
    PowerLimit,
    PowerOffWanted,
    PowerOnWanted,
    PowerOutcome,
    PowerResult,
    PowerSchedule,
)
from plugcharge.simulation.meter import SimulatedMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["SimulatedOutlet"]


class SimulatedOutlet:
    """One outlet; implements :class:`plugcharge.station.Outlet`.

    Args:
        clock: seconds of a steady clock.
        utc: the time of day.
        watts: what the connection to the grid gives.
        speed: how much faster than real time the meter counts.
        contactor_delay: seconds the contactor takes to move.
        stuck: the contactor does not close, as a fault to try out.

    Attributes:
        closed: whether the contactor is closed.
        meter: its meter.
        switched: every movement of the contactor, ``True`` for closed.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        utc: Callable[[], datetime] = lambda: datetime.now(UTC),
        watts: int = 11_000,
        speed: float = 1.0,
        contactor_delay: float = 0.05,
        stuck: bool = False,
    ) -> None:
        self.meter = SimulatedMeter(clock, utc, speed=speed)
        self.closed = False
        self.switched: list[bool] = []
        self._schedule = PowerSchedule(1, (PowerLimit(0, watts),))
        self._delay = contactor_delay
        self._stuck = stuck

    def plan_charge(self, question: ChargeScheduleWanted) -> ChargeScheduleOffer:
        """Offer the whole connection for as long as the car likes."""
        return ChargeScheduleOffer(ticket=question.ticket, schedules=(self._schedule,))

    async def power_on(self, question: PowerOnWanted) -> PowerResult:
        """Close the contactor; the car then draws exactly what its profile says."""
        await asyncio.sleep(self._delay)
        if self._stuck:
            reason = "the contactor reports that it is still open"
            return PowerResult(ticket=question.ticket, outcome=PowerOutcome.CONTACTOR_FAULT, reason=reason)
        self._switch(question.profile or self._schedule.limits)
        return PowerResult(ticket=question.ticket)

    async def power_off(self, question: PowerOffWanted) -> PowerResult:
        """Open the contactor."""
        await asyncio.sleep(self._delay)
        self._switch(())
        return PowerResult(ticket=question.ticket)

    def read(self) -> MeterReading:
        """Read the meter."""
        return self.meter.read()

    def cut_power(self) -> None:
        """Open the contactor at once."""
        self._switch(())

    def _switch(self, limits: Sequence[PowerLimit]) -> None:
        if limits:
            self.meter.start(limits)
        else:
            self.meter.stop()
        if self.closed != bool(limits):
            self.closed = bool(limits)
            self.switched.append(self.closed)
