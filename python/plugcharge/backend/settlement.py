"""From the record of a session to its bill: who may be billed, and what a person has to check first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.backend.billing import Bill, bill_session
from plugcharge.backend.metering import measure
from plugcharge.backend.records import ReceiptVerdict, SessionRecord, StopReason

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["settle"]


def settle(record: SessionRecord, *, ended: datetime, stop_reason: StopReason) -> Bill | None:
    """Make the bill of a session that ends.

    The same record, end and reason give the same bill.

    Args:
        record: the session so far.
        ended: when it ended.
        stop_reason: why.

    Returns:
        The bill, or ``None`` when nobody may be billed: charging was never allowed, or no tariff was fixed.
        The record's ``warnings`` say so where energy flowed nevertheless.

    Raises:
        LocalError: ``ended`` has no time zone.
    """
    answer = record.auth_result
    if answer is None or record.authorized is None or not answer.accepted or answer.tariff is None:
        return None
    return bill_session(
        session_id=record.session_id,
        tariff=answer.tariff,
        energy=measure(record.readings),
        authorized=record.authorized,
        ended=ended,
        flags=_flags(record, stop_reason),
    )


def _flags(record: SessionRecord, stop_reason: StopReason) -> list[str]:
    flags = [
        f"receipt-not-valid: receipt {number} was refused ({receipt.verdict.value})"
        for number, receipt in enumerate(record.receipts, start=1)
        if receipt.verdict is not ReceiptVerdict.VALID
    ]
    if stop_reason is StopReason.STATION_RESTART:
        flags.append("station-restart: closed after a restart, billed up to the last stored reading")
    return flags
