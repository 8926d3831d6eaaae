"""Back end of Plug and Charge: who may charge, what was measured, what it costs, and the proof of it.

Everything is reachable from here and loaded when it is asked for. The interface and the values
(:class:`AuthorizationRequest`, :class:`Tariff`, :class:`Bill`, the events) need nothing but ``msgspec``.
The database (:class:`SessionStore`, :class:`ContractBook`) needs the extra ``hub``: asking for one of them
without it raises :class:`plugcharge.errors.LocalError` that says what to install.

Example:
    >>> from decimal import Decimal
    >>> from plugcharge.backend import Tariff
    >>> prices = {"price_per_kwh": Decimal("0.49"), "vat_rate": Decimal("0.19")}
    >>> Tariff(tariff_id="day", currency="EUR", **prices).decimals
    2
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugcharge.backend.authorization import (
        AuthorizationAnswer,
        AuthorizationRequest,
        AuthorizationStatus,
        CertificateStatus,
        ContractAuthorizer,
        response_code,
    )
    from plugcharge.backend.billing import Bill, BillLine, bill_session
    from plugcharge.backend.contracts import Contract, ContractBook, ContractStatus
    from plugcharge.backend.location import default_database
    from plugcharge.backend.metering import MeasuredEnergy, MeterReading, ReadingContext, measure
    from plugcharge.backend.records import (
        AuthMode,
        EvidenceRecorded,
        Protocol,
        ReceiptRecorded,
        ReceiptVerdict,
        SessionAuthorized,
        SessionBilled,
        SessionClosed,
        SessionOpened,
        SessionRecord,
        StopReason,
    )
    from plugcharge.backend.station_journal import StationJournal
    from plugcharge.backend.storage_errors import StorageError
    from plugcharge.backend.store import SessionStore
    from plugcharge.backend.tariff import Tariff

__all__ = [
    "AuthMode",
    "AuthorizationAnswer",
    "AuthorizationRequest",
    "AuthorizationStatus",
    "Bill",
    "BillLine",
    "CertificateStatus",
    "Contract",
    "ContractAuthorizer",
    "ContractBook",
    "ContractStatus",
    "EvidenceRecorded",
    "MeasuredEnergy",
    "MeterReading",
    "Protocol",
    "ReadingContext",
    "ReceiptRecorded",
    "ReceiptVerdict",
    "SessionAuthorized",
    "SessionBilled",
    "SessionClosed",
    "SessionOpened",
    "SessionRecord",
    "SessionStore",
    "StationJournal",
    "StopReason",
    "StorageError",
    "Tariff",
    "bill_session",
    "default_database",
    "measure",
    "response_code",
]

_HOMES = {
    "authorization": (
        "AuthorizationAnswer",
        "AuthorizationRequest",
        "AuthorizationStatus",
        "CertificateStatus",
        "ContractAuthorizer",
        "response_code",
    ),
    "billing": ("Bill", "BillLine", "bill_session"),
    "contracts": ("Contract", "ContractBook", "ContractStatus"),
    "location": ("default_database",),
    "metering": ("MeasuredEnergy", "MeterReading", "ReadingContext", "measure"),
    "records": (
        "AuthMode",
        "EvidenceRecorded",
        "Protocol",
        "ReceiptRecorded",
        "ReceiptVerdict",
        "SessionAuthorized",
        "SessionBilled",
        "SessionClosed",
        "SessionOpened",
        "SessionRecord",
        "StopReason",
    ),
    "station_journal": ("StationJournal",),
    "storage_errors": ("StorageError",),
    "store": ("SessionStore",),
    "tariff": ("Tariff",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'plugcharge.backend' has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"plugcharge.backend.{module}"), name)
    globals()[name] = value
    return value
