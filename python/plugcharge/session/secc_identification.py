"""Station, first phase: session, services, way to pay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session.events import SessionOpened, Tolerated
from plugcharge.session.secc_steps import Refuse, Reply
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.values import Payment

if TYPE_CHECKING:
    from plugcharge.session.events import Event
    from plugcharge.session.secc_steps import Received, StationRecord, Step

__all__ = [
    "CHARGE_SERVICE",
    "payment_service_selection",
    "service_detail",
    "service_discovery",
    "session_setup",
]

CHARGE_SERVICE = 1
_NO_ID = bytes(8)
_EVCCID_OCTETS = 6
_TRIES = 8


def session_setup(record: StationRecord, request: iso2.SessionSetupReq, received: Received) -> Step:
    """Open a session under a new id [V2G2-750], [V2G2-835].

    No session is kept for later, so an id that a car brings along is unknown here and gets a new one as well
    [V2G2-756].
    """
    environment = record.config.environment
    drawn = (environment.draw(8) for _ in range(_TRIES))
    session_id = next((new for new in drawn if new not in {_NO_ID, received.header.session_id}), None)
    if session_id is None:
        raise LocalError("the random source gives no usable SessionID", where="Environment.random")
    record.session_id = session_id
    record.evcc_id = request.evcc_id
    events: tuple[Event, ...] = (
        SessionOpened(session_id=session_id, evcc_id=request.evcc_id, evse_id=record.config.evse_id),
    )
    if not 1 <= len(request.evcc_id) <= _EVCCID_OCTETS:
        what = f"the car's EVCCID has {len(request.evcc_id)} octets"
        events = (Tolerated(what=what, rule="a MAC address of 6"), *events)
    return Reply(
        iso2.SessionSetupRes(
            response_code=iso2.ResponseCode.OK_NewSessionEstablished,
            evse_id=record.config.evse_id,
            evse_time_stamp=int(environment.time().timestamp()),
        ),
        events=events,
    )


def service_discovery(record: StationRecord, _: iso2.ServiceDiscoveryReq, __: Received) -> Step:
    """Tell what is offered. Charging is the only service, whatever scope or category was asked for."""
    config = record.config
    return Reply(
        iso2.ServiceDiscoveryRes(
            response_code=iso2.ResponseCode.OK,
            payment_option_list=iso2.PaymentOptionList(
                payment_option=tuple(iso2.PaymentOption(payment) for payment in record.payments_offered)
            ),
            charge_service=iso2.ChargeService(
                service_id=CHARGE_SERVICE,
                service_category=iso2.ServiceCategory.EVCharging,
                free_service=config.free_service,
                supported_energy_transfer_mode=iso2.SupportedEnergyTransferMode(
                    energy_transfer_mode=config.energy_transfer_modes
                ),
            ),
        )
    )


def service_detail(_: StationRecord, request: iso2.ServiceDetailReq, __: Received) -> Step:
    """Tell about one service; charging has no parameters."""
    if request.service_id != CHARGE_SERVICE:
        return Refuse(
            "FAILED_ServiceIDInvalid",
            f"service {request.service_id} is not offered",
            "only what ServiceDiscoveryRes offered may be asked for [V2G2-425], [V2G2-464]",
        )
    return Reply(iso2.ServiceDetailRes(response_code=iso2.ResponseCode.OK, service_id=CHARGE_SERVICE))


def payment_service_selection(
    record: StationRecord, request: iso2.PaymentServiceSelectionReq, _: Received
) -> Step:
    """Take the car's choice of services and of the way to pay."""
    chosen = [service.service_id for service in request.selected_service_list.selected_service]
    if CHARGE_SERVICE not in chosen:
        return Refuse(
            "FAILED_NoChargeServiceSelected",
            "the charge service was not selected",
            f"services {chosen}, charging is {CHARGE_SERVICE} [V2G2-804]",
        )
    payment = Payment(request.selected_payment_option)
    if payment not in record.payments_offered:
        return Refuse(
            "FAILED_PaymentSelectionInvalid",
            f"payment by {payment} is not offered",
            f"offered: {', '.join(record.payments_offered)} [V2G2-465], [V2G2-634]",
        )
    if unknown := [service for service in chosen if service != CHARGE_SERVICE]:
        return Refuse("FAILED_ServiceSelectionInvalid", f"services {unknown} are not offered", "[V2G2-467]")
    record.payment = payment
    events: tuple[Event, ...] = ()
    if len(chosen) > 1:
        events = (Tolerated(what="the charge service was selected twice", rule="each service once"),)
    return Reply(
        iso2.PaymentServiceSelectionRes(response_code=iso2.ResponseCode.OK),
        outcome=Outcome.CONTRACT if payment is Payment.CONTRACT else Outcome.EXTERNAL,
        events=events,
    )
