"""Car, first phase: session, services, way to pay, contract, authorization."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.messages import iso2
from plugcharge.session.evcc_steps import Go, Halt, Outgoing
from plugcharge.session.events import Authorized, SessionOpened, Tolerated
from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.timers_iso2 import Timer
from plugcharge.session.values import EndReason, Payment

if TYPE_CHECKING:
    from plugcharge.session.evcc_steps import CarRecord, CarStep, Response
    from plugcharge.session.events import Event

__all__ = [
    "ask_authorization",
    "ask_payment_details",
    "ask_payment_service_selection",
    "ask_service_discovery",
    "ask_session_setup",
    "read_authorization",
    "read_payment_details",
    "read_payment_service_selection",
    "read_service_discovery",
    "read_session_setup",
]

_SIGNED_ID = "ID1"


def ask_session_setup(record: CarRecord) -> Outgoing:
    """Ask for a new session: the header's id is zero [V2G2-750]."""
    return Outgoing(iso2.SessionSetupReq(evcc_id=record.config.evcc_id))


def read_session_setup(record: CarRecord, response: iso2.SessionSetupRes, received: Response) -> CarStep:
    """Keep the id; it must not be zero."""
    session_id = received.header.session_id
    if not 1 <= len(session_id) <= 8 or not any(session_id):
        return Halt(EndReason.PROTOCOL_ERROR, "the station gave no usable SessionID")
    record.session_id = session_id
    events: list[Event] = []
    if response.response_code is not iso2.ResponseCode.OK_NewSessionEstablished:
        what = f"a new session was answered with {response.response_code}"
        events.append(Tolerated(what=what, rule="OK_NewSessionEstablished [V2G2-750]"))
    events.append(
        SessionOpened(session_id=session_id, evcc_id=record.config.evcc_id, evse_id=response.evse_id)
    )
    return Go(events=tuple(events))


def ask_service_discovery(_: CarRecord) -> Outgoing:
    """Ask for all services."""
    return Outgoing(iso2.ServiceDiscoveryReq())


def read_service_discovery(record: CarRecord, response: iso2.ServiceDiscoveryRes, _: Response) -> CarStep:
    """Look for our way of charging and of paying."""
    service = response.charge_service
    record.charge_service = service.service_id
    modes = service.supported_energy_transfer_mode.energy_transfer_mode
    if record.config.energy_transfer_mode not in modes:
        wanted = record.config.energy_transfer_mode
        return Halt(EndReason.UNSUITABLE, f"the station offers {', '.join(modes)}, not {wanted}")
    offered = response.payment_option_list.payment_option
    usable = [payment for payment in record.config.payments if _usable(record, payment)]
    chosen = next((payment for payment in usable if payment.value in offered), None)
    if chosen is None:
        have = ", ".join(usable) or "nothing"
        return Halt(
            EndReason.UNSUITABLE, f"the station takes {', '.join(offered)}; the car can pay by {have} here"
        )
    record.payment = chosen
    return Go()


def _usable(record: CarRecord, payment: Payment) -> bool:
    """A contract is used only over TLS, whatever the station says [V2G2-635]."""
    return payment is Payment.EXTERNAL or (record.secure and record.config.contract is not None)


def ask_payment_service_selection(record: CarRecord) -> Outgoing:
    """Choose the charge service and the way to pay."""
    selected = iso2.SelectedService(service_id=record.charge_service)
    return Outgoing(
        iso2.PaymentServiceSelectionReq(
            selected_payment_option=iso2.PaymentOption(record.payment or Payment.EXTERNAL),
            selected_service_list=iso2.SelectedServiceList(selected_service=(selected,)),
        )
    )


def read_payment_service_selection(
    record: CarRecord, _: iso2.PaymentServiceSelectionRes, __: Response
) -> CarStep:
    """Go on with the contract or without one."""
    return Go(Outcome.CONTRACT if record.payment is Payment.CONTRACT else Outcome.EXTERNAL)


def ask_payment_details(record: CarRecord) -> Outgoing:
    """Show the contract chain."""
    contract = record.config.contract
    assert contract is not None  # noqa: S101 - the way to pay was chosen only with one
    leaf, *subs = contract.chain
    return Outgoing(
        iso2.PaymentDetailsReq(
            emaid=contract.emaid_on_the_wire,
            contract_signature_cert_chain=iso2.CertificateChain(
                certificate=leaf,
                sub_certificates=iso2.SubCertificates(certificate=tuple(subs)) if subs else None,
            ),
        )
    )


def read_payment_details(record: CarRecord, response: iso2.PaymentDetailsRes, _: Response) -> CarStep:
    """Keep the challenge."""
    if len(response.gen_challenge) != 16:
        what = f"the station's challenge has {len(response.gen_challenge)} octets"
        return Halt(EndReason.PROTOCOL_ERROR, f"{what} [V2G2-697]")
    record.challenge = response.gen_challenge
    return Go()


def ask_authorization(record: CarRecord) -> Outgoing:
    """Send the signed challenge once; later requests of the loop are empty [V2G2-684]."""
    if record.challenge:
        challenge, record.challenge = record.challenge, b""
        return Outgoing(iso2.AuthorizationReq(id=_SIGNED_ID, gen_challenge=challenge), signed=True)
    return Outgoing(iso2.AuthorizationReq())


def read_authorization(record: CarRecord, response: iso2.AuthorizationRes, _: Response) -> CarStep:
    """Go on, or ask again; a customer with a card takes longer than a back end [V2G2-845]."""
    payment = record.payment or Payment.EXTERNAL
    if response.evse_processing is not iso2.EVSEProcessing.Finished:
        # Some stations say plain Ongoing here as well, so the way to pay decides.
        patience = Timer.CUSTOMER if payment is Payment.EXTERNAL else Timer.ONGOING
        return Go(Outcome.ONGOING, pause=record.config.repeat_pause, patience=patience)
    contract = record.config.contract if payment is Payment.CONTRACT else None
    emaid = contract.canonical_emaid if contract else None
    return Go(events=(Authorized(payment=payment, emaid=emaid),))
