"""The power side of a car: a battery that fills up by what the station's meter says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.session import (
    ContinueCharging,
    ContinueChargingWanted,
    ControlPilot,
    ControlPilotWanted,
    Event,
    MeterReadingReceived,
)
from plugcharge.session.questions import ChargingProfileChoice

if TYPE_CHECKING:
    from plugcharge.session import ChargingProfileWanted

__all__ = ["SimulatedBattery", "SimulatedVehicle"]


class SimulatedBattery:
    """A battery without losses.

    Args:
        capacity: watt hours.
        charge: watt hours in it at first.

    Example:
        >>> battery = SimulatedBattery(60_000, charge=45_000)
        >>> battery.take(6_000)
        >>> battery.percent, battery.room
        (85, 9000)
    """

    def __init__(self, capacity: int, *, charge: int) -> None:
        if not 0 <= charge <= capacity or not capacity:
            raise LocalError("a battery holds between nothing and its capacity", where="SimulatedBattery")
        self.capacity = capacity
        self.charge = charge

    @property
    def percent(self) -> int:
        """State of charge, rounded down."""
        return 100 * self.charge // self.capacity

    @property
    def room(self) -> int:
        """Watt hours until it is full."""
        return self.capacity - self.charge

    def take(self, watt_hours: int) -> None:
        """Charge it; what does not fit is lost."""
        self.charge = min(self.charge + max(watt_hours, 0), self.capacity)


class SimulatedVehicle:
    """A car's decisions: charge until the battery is full; a :class:`VehicleController`.

    Needs ``EvccConfig.ask_continue``.

    Attributes:
        battery: its battery.
        pilot: what the control pilot line shows.
    """

    def __init__(self, battery: SimulatedBattery) -> None:
        self.battery = battery
        self.pilot = ControlPilot.B
        self._last: int | None = None

    def choose_profile(self, question: ChargingProfileWanted) -> ChargingProfileChoice:
        """Take what the session proposes: the most energy."""
        return ChargingProfileChoice(
            ticket=question.ticket, tuple_id=question.proposal_tuple_id, profile=question.proposal
        )

    def go_on(self, question: ContinueChargingWanted) -> ContinueCharging:
        """Stop when the battery is full."""
        return ContinueCharging(ticket=question.ticket, go_on=self.battery.room > 0)

    def control_pilot(self, event: ControlPilotWanted) -> None:
        """Show it."""
        self.pilot = event.state

    def notify(self, event: Event) -> None:
        """Fill the battery by what the meter has counted since the last reading."""
        if isinstance(event, MeterReadingReceived) and event.meter.watt_hours is not None:
            if self._last is not None:
                self.battery.take(event.meter.watt_hours - self._last)
            self._last = event.meter.watt_hours
