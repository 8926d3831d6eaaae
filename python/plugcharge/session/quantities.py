"""Numbers of -2: a value, a power of ten and a unit, and what they are in volts, amperes and watts.

Arithmetic is exact: a physical value is read as a fraction and never rounded up when it is a limit.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages.iso2 import (
    PhysicalValue,
    PMaxSchedule,
    PMaxScheduleEntry,
    ProfileEntry,
    RelativeTimeInterval,
    SAScheduleTuple,
    UnitSymbol,
)
from plugcharge.session.values import PowerLimit, PowerSchedule, lowest_power

if TYPE_CHECKING:
    from plugcharge.messages.iso2 import ChargingProfile

__all__ = [
    "amount",
    "merged",
    "physical",
    "profile_entries",
    "profile_fault",
    "read_profile",
    "read_schedule",
    "schedule_tuple",
]

_DAY = 86_400
_LARGEST = 32_767
_MULTIPLIERS = (0, 1, 2, 3)
_FINE = (-3, -2, -1)


def amount(value: PhysicalValue, unit: UnitSymbol) -> Fraction | None:
    """Give the number in its unit, or ``None`` when it is in another unit.

    Example:
        >>> amount(PhysicalValue(multiplier=-1, unit=UnitSymbol.A, value=165), UnitSymbol.A)
        Fraction(33, 2)
    """
    if value.unit is not unit:
        return None
    return value.value * Fraction(10) ** value.multiplier


def physical(number: float | Fraction, unit: UnitSymbol) -> PhysicalValue:
    """Write a number that is at least 0, rounded down to the finest form that holds it.

    Whole numbers up to 32767 are written without a power of ten.

    Raises:
        LocalError: the number is negative, not finite, or above 32 767 000.

    Example:
        >>> physical(11_000, UnitSymbol.W) == PhysicalValue(multiplier=0, unit=UnitSymbol.W, value=11_000)
        True
        >>> physical(43_999, UnitSymbol.W).value, physical(43_999, UnitSymbol.W).multiplier
        (4399, 1)
    """
    try:
        exact = Fraction(number)
    except (ValueError, OverflowError) as error:
        raise LocalError(f"{number} is no amount", where=f"physical value in {unit}") from error
    if not 0 <= exact <= _LARGEST * 1000:
        raise LocalError(f"{number} cannot be sent", where=f"physical value in {unit}", why="0 to 32 767 000")
    order = _MULTIPLIERS if exact.denominator == 1 else (*_FINE, *_MULTIPLIERS)
    for multiplier in order:
        value = int(exact / Fraction(10) ** multiplier)
        if value <= _LARGEST:
            return PhysicalValue(multiplier=multiplier, unit=unit, value=value)
    raise LocalError(f"{number} cannot be sent", where=f"physical value in {unit}")  # pragma: no cover


def merged(limits: tuple[PowerLimit, ...], most: int) -> tuple[PowerLimit, ...]:
    """Make at most ``most`` limits of them; what is left over becomes one limit, the lowest of the rest.

    Example:
        >>> merged((PowerLimit(0, 9), PowerLimit(10, 3), PowerLimit(20, 5)), 2)
        (PowerLimit(start=0, watts=9), PowerLimit(start=10, watts=3))
    """
    if len(limits) <= most:
        return limits
    rest = limits[most - 1 :]
    return (*limits[: most - 1], PowerLimit(rest[0].start, min(limit.watts for limit in rest)))


def schedule_tuple(schedule: PowerSchedule, *, horizon: int, most: int) -> SAScheduleTuple:
    """Write a schedule that covers the time until departure, or 24 hours [V2G2-303].

    Args:
        schedule: what the host offers.
        horizon: seconds that have to be covered.
        most: at most that many entries.
    """
    limits = merged(tuple(limit for limit in schedule.limits if limit.start < max(horizon, 1)), most)
    end = max(horizon, 1)
    entries = [
        PMaxScheduleEntry(
            time_interval=RelativeTimeInterval(start=limit.start),
            p_max=physical(limit.watts, UnitSymbol.W),
        )
        for limit in limits[:-1]
    ]
    last = limits[-1]
    entries.append(
        PMaxScheduleEntry(
            time_interval=RelativeTimeInterval(start=last.start, duration=min(end - last.start, _DAY)),
            p_max=physical(last.watts, UnitSymbol.W),
        )
    )
    return SAScheduleTuple(
        sa_schedule_tuple_id=schedule.tuple_id,
        p_max_schedule=PMaxSchedule(p_max_schedule_entry=tuple(entries)),
    )


def read_schedule(offered: SAScheduleTuple) -> PowerSchedule | None:
    """Read a station's schedule; ``None`` when no car could follow it.

    A limit below zero asks the car to feed back, which -2 does not have: it is read as zero.
    """
    limits = []
    for entry in offered.p_max_schedule.p_max_schedule_entry:
        watts = amount(entry.p_max, UnitSymbol.W)
        if watts is None:
            return None
        limits.append(PowerLimit(entry.time_interval.start, max(int(watts), 0)))
    try:
        return PowerSchedule(offered.sa_schedule_tuple_id, tuple(limits))
    except LocalError:
        return None


def profile_entries(profile: tuple[PowerLimit, ...]) -> tuple[ProfileEntry, ...]:
    """Write a charging profile of 1 to 24 limits.

    Raises:
        LocalError: another number of limits, or they do not grow in time.
    """
    starts = [limit.start for limit in profile]
    if not 1 <= len(profile) <= 24 or any(a >= b for a, b in itertools.pairwise(starts)):
        raise LocalError("a charging profile has 1 to 24 limits that grow in time", where="ChargingProfile")
    return tuple(
        ProfileEntry(
            charging_profile_entry_start=limit.start,
            charging_profile_entry_max_power=physical(limit.watts, UnitSymbol.W),
        )
        for limit in profile
    )


def read_profile(profile: ChargingProfile) -> tuple[PowerLimit, ...] | str:
    """Read a car's charging profile; a text says what is wrong with it."""
    limits: list[PowerLimit] = []
    for position, entry in enumerate(profile.profile_entry, start=1):
        watts = amount(entry.charging_profile_entry_max_power, UnitSymbol.W)
        if watts is None or watts < 0:
            return f"entry {position} is not a power of at least 0 W"
        if limits and entry.charging_profile_entry_start <= limits[-1].start:
            return f"entry {position} does not start after the one before it"
        # Rounded up: a fraction of a watt above the limit is above the limit.
        limits.append(PowerLimit(entry.charging_profile_entry_start, -int(-watts // 1)))
    return tuple(limits)


def profile_fault(profile: tuple[PowerLimit, ...], schedule: PowerSchedule) -> str:
    """Say where a profile is above its schedule; empty when it is not [V2G2-224], [V2G2-761].

    A profile that lasts longer than the schedule is held against the last limit, not refused for its length.
    """
    for position, limit in enumerate(profile):
        end = profile[position + 1].start if position + 1 < len(profile) else None
        allowed = lowest_power(schedule.limits, limit.start, end)
        if limit.watts > allowed:
            return f"entry {position + 1} asks for {limit.watts} W where {allowed} W are allowed"
    return ""
