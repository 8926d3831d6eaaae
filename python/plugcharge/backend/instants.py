"""Moments in time and session ids: always UTC, always one text form, nothing read from a clock here."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from plugcharge.errors import LocalError

__all__ = ["Clock", "RandomBytes", "as_utc", "from_text", "new_session_id", "to_text", "utc_now"]

Clock = Callable[[], datetime]
RandomBytes = Callable[[int], bytes]


def utc_now() -> datetime:
    """Give the wall clock in UTC: the default of everything here that takes a clock."""
    return datetime.now(UTC)


def as_utc(at: datetime, *, where: str) -> datetime:
    """Give the same moment in UTC, so that daylight saving and zones never enter a duration or a hash.

    Raises:
        LocalError: ``at`` has no time zone, so nobody can say which moment it is.

    Example:
        >>> as_utc(datetime.fromisoformat("2026-10-25T02:30:00+02:00"), where="reading").isoformat()
        '2026-10-25T00:30:00+00:00'
    """
    if not isinstance(at, datetime) or at.utcoffset() is None:
        raise LocalError(
            "a time without a zone names no moment", where=where, advice="use datetime.now(timezone.utc)"
        )
    return at.astimezone(UTC)


def to_text(at: datetime) -> str:
    """Write a moment as the database keeps it: fixed width, so that text order is time order.

    Example:
        >>> to_text(datetime(2026, 11, 22, 8, 0, tzinfo=UTC))
        '2026-11-22T08:00:00.000000Z'
    """
    return as_utc(at, where="time").replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """Read what :func:`to_text` wrote."""
    return datetime.fromisoformat(text).astimezone(UTC)


def new_session_id(at: datetime, random_bytes: RandomBytes) -> str:
    """Make a UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, 74 random bits.

    Args:
        at: the moment the session began; ids sort by it to the millisecond.
        random_bytes: the source of randomness, such as :func:`os.urandom`.

    Raises:
        LocalError: ``at`` has no zone or lies before 1970.

    Example:
        >>> new_session_id(datetime(2026, 11, 22, tzinfo=UTC), bytes)
        '01a2008d-7400-7000-8000-000000000000'
    """
    stamp = (as_utc(at, where="session start") - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        milliseconds=1
    )
    if not 0 <= stamp < 1 << 48:
        raise LocalError(
            "a session id needs a time from 1970 on", where="session start", advice="set the clock"
        )
    value = stamp << 80 | int.from_bytes(random_bytes(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
