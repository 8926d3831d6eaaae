"""The station's side of -2: its table, its handlers and its messages, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.errors import PeerError
from plugcharge.messages import iso2
from plugcharge.session.refusals_iso2 import refusal
from plugcharge.session.secc_authorization import authorization, certificate_service, payment_details
from plugcharge.session.secc_charging import charging_status, power_delivery, session_stop
from plugcharge.session.secc_identification import (
    payment_service_selection,
    service_detail,
    service_discovery,
    session_setup,
)
from plugcharge.session.secc_metering import metering_receipt
from plugcharge.session.secc_parameters import charge_parameter_discovery
from plugcharge.session.secc_steps import StationDialect
from plugcharge.session.tables_iso2 import REQUESTS, SECC_TABLE, SeccState

if TYPE_CHECKING:
    from plugcharge.messages import Message
    from plugcharge.session.secc_steps import Handler

__all__ = ["HANDLERS", "STATION_ISO2"]

_NO_ID = bytes(8)

HANDLERS: dict[type[Message], Handler] = {
    iso2.SessionSetupReq: session_setup,
    iso2.ServiceDiscoveryReq: service_discovery,
    iso2.ServiceDetailReq: service_detail,
    iso2.PaymentServiceSelectionReq: payment_service_selection,
    iso2.CertificateInstallationReq: certificate_service,
    iso2.CertificateUpdateReq: certificate_service,
    iso2.PaymentDetailsReq: payment_details,
    iso2.AuthorizationReq: authorization,
    iso2.ChargeParameterDiscoveryReq: charge_parameter_discovery,
    iso2.PowerDeliveryReq: power_delivery,
    iso2.ChargingStatusReq: charging_status,
    iso2.MeteringReceiptReq: metering_receipt,
    iso2.SessionStopReq: session_stop,
}
"""Who handles which request; a request in the table has a handler."""


def _wrap(session_id: bytes, body: Message) -> Message:
    header = iso2.MessageHeader(session_id=session_id or _NO_ID)
    # The bodies of the tables are the classes that the field's union names.
    return iso2.V2G_Message(header=header, body=body)  # type: ignore[arg-type]


def _unwrap(message: Message) -> tuple[iso2.MessageHeader, Message | None]:
    if not isinstance(message, iso2.V2G_Message):
        raise PeerError(f"the car sent a bare {type(message).__name__}", why="the root is V2G_Message")
    return message.header, message.body


STATION_ISO2 = StationDialect(
    schema="iso2",
    table=SECC_TABLE,
    handlers=HANDLERS,
    requests=frozenset(REQUESTS),
    setup=iso2.SessionSetupReq,
    refuse=refusal,
    wrap=_wrap,
    unwrap=_unwrap,
    first=SeccState.SESSION_SETUP,
    failed=SeccState.FAILED,
    ended=SeccState.ENDED,
)
"""-2 as a station speaks it."""
