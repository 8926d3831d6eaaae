"""A station as a whole: the session with the car on one side, contracts and bills on the other."""

from __future__ import annotations

from plugcharge.station.accounting import AccountingStation, Outlet, Settled

__all__ = ["AccountingStation", "Outlet", "Settled"]
