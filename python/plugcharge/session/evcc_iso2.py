"""The car's side of -2: its table, its writers and readers and its messages, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.errors import PeerError
from plugcharge.messages import iso2
from plugcharge.session import evcc_charging as charging
from plugcharge.session import evcc_identification as identification
from plugcharge.session.evcc_steps import CarDialect
from plugcharge.session.tables_iso2 import EVCC_TABLE, EvccState

if TYPE_CHECKING:
    from plugcharge.messages import Message, xmldsig
    from plugcharge.session.evcc_steps import Reader, Writer

__all__ = ["CAR_ISO2", "READERS", "WRITERS"]

_NO_ID = bytes(8)

WRITERS: dict[EvccState, Writer] = {
    EvccState.SESSION_SETUP: identification.ask_session_setup,
    EvccState.SERVICE_DISCOVERY: identification.ask_service_discovery,
    EvccState.SERVICE_SELECTION: identification.ask_payment_service_selection,
    EvccState.PAYMENT_DETAILS: identification.ask_payment_details,
    EvccState.AUTHORIZATION: identification.ask_authorization,
    EvccState.CHARGE_PARAMETERS: charging.ask_charge_parameters,
    EvccState.POWER_START: charging.ask_power_start,
    EvccState.CHARGING: charging.ask_charging_status,
    EvccState.RECEIPT: charging.ask_metering_receipt,
    EvccState.RENEGOTIATE: charging.ask_renegotiation,
    EvccState.POWER_STOP: charging.ask_power_stop,
    EvccState.SESSION_STOP: charging.ask_session_stop,
}
"""Who writes the request of a state."""

READERS: dict[EvccState, Reader] = {
    EvccState.SESSION_SETUP: identification.read_session_setup,
    EvccState.SERVICE_DISCOVERY: identification.read_service_discovery,
    EvccState.SERVICE_SELECTION: identification.read_payment_service_selection,
    EvccState.PAYMENT_DETAILS: identification.read_payment_details,
    EvccState.AUTHORIZATION: identification.read_authorization,
    EvccState.CHARGE_PARAMETERS: charging.read_charge_parameters,
    EvccState.POWER_START: charging.read_power_start,
    EvccState.CHARGING: charging.read_charging_status,
    EvccState.RECEIPT: charging.read_metering_receipt,
    EvccState.RENEGOTIATE: charging.read_renegotiation,
    EvccState.POWER_STOP: charging.read_power_stop,
    EvccState.SESSION_STOP: charging.read_session_stop,
}
"""Who reads the response in a state."""


def _wrap(session_id: bytes, signature: xmldsig.Signature | None, body: Message) -> Message:
    header = iso2.MessageHeader(session_id=session_id or _NO_ID, signature=signature)
    # The bodies of the tables are the classes that the field's union names.
    return iso2.V2G_Message(header=header, body=body)  # type: ignore[arg-type]


def _unwrap(message: Message) -> tuple[iso2.MessageHeader, Message | None]:
    if not isinstance(message, iso2.V2G_Message):
        raise PeerError(f"the station sent a bare {type(message).__name__}", why="the root is V2G_Message")
    return message.header, message.body


CAR_ISO2 = CarDialect(
    schema="iso2",
    table=EVCC_TABLE,
    writers=WRITERS,
    readers=READERS,
    wrap=_wrap,
    unwrap=_unwrap,
    first=EvccState.SESSION_SETUP,
    start=EvccState.POWER_START,
    loop=EvccState.CHARGING,
    receipt=EvccState.RECEIPT,
    stop=EvccState.POWER_STOP,
    goodbye=EvccState.SESSION_STOP,
    ended=EvccState.ENDED,
)
"""-2 as a car speaks it."""
