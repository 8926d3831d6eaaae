"""An energy meter that counts what a charging profile lets through."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.session import MeterReading, PowerLimit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

__all__ = ["SimulatedMeter"]

_WATT_SECONDS = 3600


class SimulatedMeter:
    """Counts watt hours while power flows, exactly as much as the limits say.

    Args:
        clock: seconds of a steady clock.
        utc: the meter's own time of day.
        meter_id: at most 32 characters.
        watt_hours: what the register shows at first.
        speed: how many seconds the meter counts for one second of the clock. Whoever shows its readings has
            to say so when it is not 1.

    Example:
        >>> from datetime import UTC, datetime
        >>> now = 0.0
        >>> meter = SimulatedMeter(lambda: now, lambda: datetime(2026, 11, 22, tzinfo=UTC), watt_hours=100)
        >>> meter.start([PowerLimit(0, 11_000), PowerLimit(1800, 7_400)])
        >>> now = 3600.0
        >>> meter.read().watt_hours
        9300
    """

    def __init__(
        self,
        clock: Callable[[], float],
        utc: Callable[[], datetime],
        *,
        meter_id: str = "SIM-METER-1",
        watt_hours: int = 1_000_000,
        speed: float = 1.0,
    ) -> None:
        if speed <= 0:
            raise LocalError("time does not stand still", where="SimulatedMeter.speed", why=f"{speed}")
        self.speed = speed
        self._clock = clock
        self._utc = utc
        self._meter_id = meter_id
        self._counted = float(watt_hours) * _WATT_SECONDS
        self._limits: tuple[PowerLimit, ...] = ()
        self._since = 0.0

    @property
    def watts(self) -> int:
        """The power that flows now."""
        elapsed = (self._clock() - self._since) * self.speed
        return next((limit.watts for limit in reversed(self._limits) if limit.start <= elapsed), 0)

    def start(self, limits: Sequence[PowerLimit]) -> None:
        """Let power flow by these limits from now on; what was counted stays."""
        self.stop()
        self._limits = tuple(limits)
        self._since = self._clock()

    def stop(self) -> None:
        """Let no power flow any more."""
        self._counted += self._flowed()
        self._limits = ()

    def read(self) -> MeterReading:
        """Read the register, in whole watt hours."""
        return MeterReading(
            meter_id=self._meter_id,
            watt_hours=int((self._counted + self._flowed()) / _WATT_SECONDS),
            time=int(self._utc().timestamp()),
        )

    def _flowed(self) -> float:
        """Watt seconds since the start."""
        elapsed = max(self._clock() - self._since, 0.0) * self.speed
        ends = [*(float(later.start) for _, later in itertools.pairwise(self._limits)), elapsed]
        return sum(
            limit.watts * max(min(end, elapsed) - limit.start, 0.0)
            for limit, end in zip(self._limits, ends, strict=False)
        )
