"""Meter readings of a session, and the energy that may be billed from them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.instants import as_utc
from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MAX_SESSION_WH", "MeasuredEnergy", "MeterReading", "ReadingContext", "measure"]

# More than this between two readings of one session is a broken meter, not a vehicle (a megawatt truck takes
# less).
MAX_SESSION_WH = 10_000_000


class ReadingContext(StrEnum):
    """When in the session a reading was taken."""

    BEGIN = "begin"
    PERIODIC = "periodic"
    END = "end"


class MeterReading(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="reading"):
    """One reading of the station's meter: the fields of -2 MeterInfo, with the moment we took it.

    Attributes:
        session_id: the session it belongs to.
        at: our clock; kept in UTC.
        meter_id: MeterID, 1 to 32 characters.
        import_wh: the register for energy into the car, in Wh, 0 to 2**63 - 1.
        context: begin, periodic or end.
        export_wh: the register for energy out of the car, if there is one. Not billed.
        signature: SigMeterReading, at most 64 octets.
        meter_status: MeterStatus as the meter gave it.
        meter_time: TMeter, the meter's own clock in seconds since 1970.

    Raises:
        LocalError: a field is out of its range.
    """

    session_id: str
    at: datetime
    meter_id: str
    import_wh: int
    context: ReadingContext = ReadingContext.PERIODIC
    export_wh: int | None = None
    signature: bytes | None = None
    meter_status: int | None = None
    meter_time: int | None = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "at", as_utc(self.at, where="MeterReading.at"))
        if not 1 <= len(self.meter_id) <= 32:
            raise LocalError("a MeterID has 1 to 32 characters", where="MeterReading.meter_id")
        for field in ("import_wh", "export_wh"):
            value: int | None = getattr(self, field)
            if value is not None and (type(value) is not int or not 0 <= value < 1 << 63):
                raise LocalError(
                    f"{value!r} is not a whole number of watt hours", where=f"MeterReading.{field}"
                )
        if self.signature is not None and len(self.signature) > 64:
            raise LocalError("a SigMeterReading has at most 64 octets", where="MeterReading.signature")


class MeasuredEnergy(msgspec.Struct, frozen=True, kw_only=True):
    """What may be billed, and what a person has to look at first.

    Attributes:
        energy_wh: whole watt hours from the first reading to the last one that can be trusted.
        flags: one sentence for each thing that is wrong, in order; empty when all is well. The word before
            the colon is stable: ``meter-went-back``, ``meter-changed``, ``implausible-energy``,
            ``no-readings``.
    """

    energy_wh: int
    flags: tuple[str, ...] = ()


def measure(readings: Sequence[MeterReading]) -> MeasuredEnergy:
    """Give the energy of a session from its readings, in the order in which they were recorded.

    Counting stops for good at the first reading that does not fit: a register that fell (roll-over, exchange
    or tampering cannot be told apart from here), another meter, or more than :data:`MAX_SESSION_WH` since the
    start. What was counted up to there stands; the rest is flagged and left to a person, never guessed and
    never billed.

    Example:
        >>> from datetime import UTC
        >>> def at(minute, wh):
        ...     moment = datetime(2026, 11, 22, 8, minute, tzinfo=UTC)
        ...     return MeterReading(session_id="s", at=moment, meter_id="M1", import_wh=wh)
        >>> measure([at(0, 1000), at(5, 1400), at(9, 1900)]).energy_wh
        900
        >>> measure([at(0, 1000), at(5, 1400), at(9, 20)])
        MeasuredEnergy(energy_wh=400, flags=('meter-went-back: reading 3 of M1 fell from 1400 Wh to 20 Wh',))
    """
    if not readings:
        return MeasuredEnergy(energy_wh=0, flags=("no-readings: the meter was never read",))
    first = last = readings[0]
    for number, reading in enumerate(readings[1:], start=2):
        flag = _misfit(first, last, reading, number)
        if flag:
            return MeasuredEnergy(energy_wh=last.import_wh - first.import_wh, flags=(flag,))
        last = reading
    return MeasuredEnergy(energy_wh=last.import_wh - first.import_wh)


def _misfit(first: MeterReading, last: MeterReading, reading: MeterReading, number: int) -> str:
    if reading.meter_id != first.meter_id:
        return (
            f"meter-changed: reading {number} is of {reading.meter_id}, the session began on {first.meter_id}"
        )
    if reading.import_wh < last.import_wh:
        return (
            f"meter-went-back: reading {number} of {reading.meter_id} fell "
            f"from {last.import_wh} Wh to {reading.import_wh} Wh"
        )
    if reading.import_wh - first.import_wh > MAX_SESSION_WH:
        grown = reading.import_wh - first.import_wh
        return f"implausible-energy: reading {number} lies {grown} Wh above the first"
    return ""
