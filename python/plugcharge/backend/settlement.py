"""From the record of a session to its bill: who may be billed, and what a person has to check first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.billing import Bill, bill_session
from plugcharge.backend.metering import ReadingContext, measure
from plugcharge.backend.records import ReceiptVerdict, SessionRecord, StopReason

if TYPE_CHECKING:
    from datetime import datetime

    from plugcharge.backend.metering import MeasuredEnergy

__all__ = ["settle"]

# More energy than this between the last two readings of a session whose car fell silent is reviewed: another
# car may have taken it.
_UNHEARD_WH = 100

# The driver did nothing to end these, and paid-for time or fees may not be owed.
_FAULTS = frozenset({StopReason.STATION_ERROR, StopReason.EMERGENCY})


def settle(
    record: SessionRecord, *, ended: datetime, stop_reason: StopReason, lasted: int | None = None
) -> Bill | None:
    """Make the bill of a session that ends.

    The same record, end and reason give the same bill. Where the station failed or was stopped in an
    emergency before the meter counted anything, neither fees nor time are owed: nobody is billed.

    Args:
        record: the session so far.
        ended: when it ended.
        stop_reason: why.
        lasted: whole seconds since the authorization, where they were counted.

    Returns:
        The bill, with a flag for each thing that a person has to check; the word before the colon is stable:
        ``receipt-not-valid``, ``station-restart``, ``no-end-reading``, ``no-energy``, ``station-fault``,
        ``unheard-energy``, and those of :class:`MeasuredEnergy` and :func:`bill_session`. Or ``None`` when
        nobody may be billed: charging was never allowed, no tariff was fixed, or the station failed before
        energy flowed. The record's ``warnings`` then say why.

    Raises:
        LocalError: ``ended`` has no time zone.
    """
    answer = record.auth_result
    if answer is None or record.authorized is None or not answer.accepted or answer.tariff is None:
        return None
    energy = measure(record.readings)
    if stop_reason in _FAULTS and not energy.energy_wh and not _is_doubtful(record, energy):
        return None
    bill = bill_session(
        session_id=record.session_id,
        tariff=answer.tariff,
        energy=energy,
        authorized=record.authorized,
        ended=ended,
        lasted=lasted,
        flags=_flags(record, stop_reason),
    )
    if energy.energy_wh or not bill.total:
        return bill
    flag = f"no-energy: {bill.total} {bill.tariff.currency} are billed although no energy was counted"
    return msgspec.structs.replace(bill, flags=(*bill.flags, flag))


def _is_doubtful(record: SessionRecord, energy: MeasuredEnergy) -> bool:
    """Tell whether readings do not fit each other, so that nobody knows how much energy flowed."""
    return bool(record.readings) and bool(energy.flags)


def _flags(record: SessionRecord, stop_reason: StopReason) -> list[str]:
    flags = [
        f"receipt-not-valid: receipt {number} was refused ({receipt.verdict.value})"
        for number, receipt in enumerate(record.receipts, start=1)
        if receipt.verdict is not ReceiptVerdict.VALID
    ]
    if stop_reason is StopReason.STATION_RESTART:
        flags.append("station-restart: closed after a restart, billed up to the last stored reading")
    elif record.readings and record.readings[-1].context is not ReadingContext.END:
        flags.append(
            "no-end-reading: the meter was not read at the end, billed up to the last stored reading"
        )
    unheard = _last_step(record) if stop_reason is StopReason.TIMEOUT else 0
    if unheard > _UNHEARD_WH:
        flags.append(f"unheard-energy: {unheard} Wh were counted while the car was no longer heard")
    if stop_reason in _FAULTS:
        flags.append(f"station-fault: the session ended as {stop_reason.value}")
    return flags


def _last_step(record: SessionRecord) -> int:
    """Give the energy between the reading before the end and that at the end."""
    if len(record.readings) < 2 or record.readings[-1].context is not ReadingContext.END:
        return 0
    return record.readings[-1].import_wh - record.readings[-2].import_wh
