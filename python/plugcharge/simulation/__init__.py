"""Stand-ins for the hardware of a station and a car: simple, deterministic, driven by a clock that is given.

They implement the same protocols that real hardware would, so a station that runs with them runs with the
real thing by exchanging one object.
"""

from __future__ import annotations

from plugcharge.simulation.battery import SimulatedBattery, SimulatedVehicle
from plugcharge.simulation.meter import SimulatedMeter
from plugcharge.simulation.outlet import SimulatedOutlet

__all__ = ["SimulatedBattery", "SimulatedMeter", "SimulatedOutlet", "SimulatedVehicle"]
