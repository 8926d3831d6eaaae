"""Every transition of a -2 session, as data: all changes of state are in this file.

``SECC_TABLE`` says which requests a station takes in which state and where its answer leads;
``EVCC_TABLE`` says which request a car sends in which state, how long it waits for the response, and where
that leads. A FAILED response needs no row: after it a station takes only SessionStopReq, and a car sends only
that; a row that says otherwise has the outcome ``failed``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from plugcharge.messages import iso2
from plugcharge.session.timers_iso2 import MESSAGE_TIMEOUTS, Timer

if TYPE_CHECKING:
    from plugcharge.messages import Message

__all__ = [
    "EVCC_TABLE",
    "REQUESTS",
    "RESPONSE_OF",
    "SECC_TABLE",
    "EvccRow",
    "EvccState",
    "Outcome",
    "SeccRow",
    "SeccState",
]


class Outcome(StrEnum):
    """How a request was answered, where the way on depends on it."""

    OK = "ok"
    FAILED = "failed"
    ONGOING = "ongoing"
    CONTRACT = "contract"
    EXTERNAL = "external"
    START = "start"
    STOP = "stop"
    RENEGOTIATE = "renegotiate"
    RECEIPT = "receipt"


class SeccState(StrEnum):
    """What a station waits for."""

    PROTOCOL = "WaitForSupportedAppProtocol"
    SESSION_SETUP = "WaitForSessionSetup"
    SERVICE_DISCOVERY = "WaitForServiceDiscovery"
    SERVICE_SELECTION = "WaitForPaymentServiceSelection"
    CONTRACT = "WaitForPaymentDetailsOrInstallation"
    PAYMENT_DETAILS = "WaitForPaymentDetails"
    AUTHORIZATION = "WaitForAuthorization"
    CHARGE_PARAMETERS = "WaitForChargeParameterDiscovery"
    POWER_DELIVERY = "WaitForPowerDelivery"
    CHARGING = "WaitForChargingStatus"
    RECEIPT = "WaitForMeteringReceipt"
    NEW_PARAMETERS = "WaitForChargeParameterDiscoveryWhileCharging"
    NEW_POWER_DELIVERY = "WaitForPowerDeliveryWhileCharging"
    SESSION_STOP = "WaitForSessionStop"
    FAILED = "Failed"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class SeccRow:
    """One legal request and where its answers lead.

    Attributes:
        state: in which state.
        request: which request is legal.
        leads_to: the next state by outcome.
        requirement: where it comes from.
        timer: what runs until the next request.
    """

    state: SeccState
    request: type[Message]
    leads_to: dict[Outcome, SeccState]
    requirement: str
    timer: Timer = Timer.SEQUENCE


def _secc(state: SeccState, request: type[Message], requirement: str, **leads_to: SeccState) -> SeccRow:
    return SeccRow(state, request, {Outcome(name): target for name, target in leads_to.items()}, requirement)


_S = SeccState
SECC_TABLE: dict[tuple[SeccState, type[Message]], SeccRow] = {
    (row.state, row.request): row
    for row in (
        _secc(_S.SESSION_SETUP, iso2.SessionSetupReq, "[V2G2-541], [V2G2-543]", ok=_S.SERVICE_DISCOVERY),
        _secc(_S.SERVICE_DISCOVERY, iso2.ServiceDiscoveryReq, "[V2G2-545]", ok=_S.SERVICE_SELECTION),
        _secc(_S.SERVICE_SELECTION, iso2.ServiceDetailReq, "[V2G2-548]", ok=_S.SERVICE_SELECTION),
        _secc(
            _S.SERVICE_SELECTION,
            iso2.PaymentServiceSelectionReq,
            "[V2G2-551]",
            contract=_S.CONTRACT,
            external=_S.AUTHORIZATION,
        ),
        _secc(
            _S.CONTRACT,
            iso2.CertificateInstallationReq,
            "[V2G2-554], [V2G2-557]",
            ok=_S.PAYMENT_DETAILS,
            failed=_S.PAYMENT_DETAILS,
        ),
        _secc(
            _S.CONTRACT,
            iso2.CertificateUpdateReq,
            "[V2G2-557], [V2G2-558]",
            ok=_S.PAYMENT_DETAILS,
            failed=_S.PAYMENT_DETAILS,
        ),
        _secc(_S.CONTRACT, iso2.PaymentDetailsReq, "[V2G2-560]", ok=_S.AUTHORIZATION),
        _secc(_S.PAYMENT_DETAILS, iso2.PaymentDetailsReq, "[V2G2-560]", ok=_S.AUTHORIZATION),
        _secc(
            _S.AUTHORIZATION,
            iso2.AuthorizationReq,
            "[V2G2-573], [V2G2-687]",
            ok=_S.CHARGE_PARAMETERS,
            ongoing=_S.AUTHORIZATION,
        ),
        _secc(
            _S.CHARGE_PARAMETERS,
            iso2.ChargeParameterDiscoveryReq,
            "[V2G2-565], [V2G2-688]",
            ok=_S.POWER_DELIVERY,
            ongoing=_S.CHARGE_PARAMETERS,
        ),
        _secc(
            _S.POWER_DELIVERY,
            iso2.PowerDeliveryReq,
            "[V2G2-568], [V2G2-576]",
            start=_S.CHARGING,
            stop=_S.SESSION_STOP,
        ),
        _secc(
            _S.CHARGING,
            iso2.ChargingStatusReq,
            "[V2G2-575], [V2G2-577], [V2G2-795]",
            ok=_S.CHARGING,
            receipt=_S.RECEIPT,
        ),
        _secc(
            _S.CHARGING,
            iso2.PowerDeliveryReq,
            "[V2G2-568], [V2G2-813]",
            stop=_S.SESSION_STOP,
            renegotiate=_S.NEW_PARAMETERS,
        ),
        _secc(_S.RECEIPT, iso2.MeteringReceiptReq, "[V2G2-580], [V2G2-797]", ok=_S.CHARGING),
        _secc(
            _S.NEW_PARAMETERS,
            iso2.ChargeParameterDiscoveryReq,
            "[V2G2-813], [V2G2-688]",
            ok=_S.NEW_POWER_DELIVERY,
            ongoing=_S.NEW_PARAMETERS,
        ),
        _secc(
            _S.NEW_POWER_DELIVERY,
            iso2.PowerDeliveryReq,
            "[V2G2-842]",
            start=_S.CHARGING,
            stop=_S.SESSION_STOP,
        ),
        *(
            _secc(state, iso2.SessionStopReq, requirement, ok=_S.ENDED)
            for state, requirement in (
                (_S.SERVICE_DISCOVERY, "[V2G2-543]"),
                (_S.SERVICE_SELECTION, "[V2G2-545], [V2G2-548]"),
                (_S.CONTRACT, "[V2G2-551]"),
                (_S.PAYMENT_DETAILS, "[V2G2-554], [V2G2-557]"),
                (_S.AUTHORIZATION, "[V2G2-560], [V2G2-687]"),
                (_S.CHARGE_PARAMETERS, "[V2G2-573], [V2G2-688]"),
                (_S.POWER_DELIVERY, "[V2G2-565]"),
                (_S.SESSION_STOP, "[V2G2-568], [V2G2-571]"),
                (_S.FAILED, "a car may say goodbye after a FAILED response"),
            )
        ),
    )
}


class EvccState(StrEnum):
    """Which response a car waits for, or what it is about to ask."""

    PROTOCOL = "SupportedAppProtocol"
    SESSION_SETUP = "SessionSetup"
    SERVICE_DISCOVERY = "ServiceDiscovery"
    SERVICE_SELECTION = "PaymentServiceSelection"
    PAYMENT_DETAILS = "PaymentDetails"
    AUTHORIZATION = "Authorization"
    CHARGE_PARAMETERS = "ChargeParameterDiscovery"
    POWER_START = "PowerDelivery(Start)"
    CHARGING = "ChargingStatus"
    RECEIPT = "MeteringReceipt"
    RENEGOTIATE = "PowerDelivery(Renegotiate)"
    POWER_STOP = "PowerDelivery(Stop)"
    SESSION_STOP = "SessionStop"
    ENDED = "Ended"


@dataclass(frozen=True, slots=True)
class EvccRow:
    """What a car sends in a state and where the response leads.

    Attributes:
        state: in which state.
        request: what is sent.
        response: the only type that answers it [V2G2-482].
        leads_to: the next state by outcome.
        requirement: where it comes from.
        timer: how long to wait for the response.
    """

    state: EvccState
    request: type[Message]
    response: type[Message]
    leads_to: dict[Outcome, EvccState]
    requirement: str
    timer: Timer


REQUESTS: tuple[type[Message], ...] = (
    iso2.AuthorizationReq,
    iso2.CableCheckReq,
    iso2.CertificateInstallationReq,
    iso2.CertificateUpdateReq,
    iso2.ChargeParameterDiscoveryReq,
    iso2.ChargingStatusReq,
    iso2.CurrentDemandReq,
    iso2.MeteringReceiptReq,
    iso2.PaymentDetailsReq,
    iso2.PaymentServiceSelectionReq,
    iso2.PowerDeliveryReq,
    iso2.PreChargeReq,
    iso2.ServiceDetailReq,
    iso2.ServiceDiscoveryReq,
    iso2.SessionSetupReq,
    iso2.SessionStopReq,
    iso2.WeldingDetectionReq,
)
"""Every request of -2."""

RESPONSE_OF: dict[type[Message], type[Message]] = {
    request: getattr(iso2, f"{request.__name__.removesuffix('Req')}Res") for request in REQUESTS
}


def _evcc(state: EvccState, request: type[Message], requirement: str, **leads_to: EvccState) -> EvccRow:
    outcomes = {Outcome(name): target for name, target in leads_to.items()}
    timer = MESSAGE_TIMEOUTS.get(request, Timer.MESSAGE)
    return EvccRow(state, request, RESPONSE_OF[request], outcomes, requirement, timer)


_E = EvccState
EVCC_TABLE: dict[EvccState, EvccRow] = {
    row.state: row
    for row in (
        _evcc(_E.SESSION_SETUP, iso2.SessionSetupReq, "[V2G2-750]", ok=_E.SERVICE_DISCOVERY),
        _evcc(_E.SERVICE_DISCOVERY, iso2.ServiceDiscoveryReq, "[V2G2-545]", ok=_E.SERVICE_SELECTION),
        _evcc(
            _E.SERVICE_SELECTION,
            iso2.PaymentServiceSelectionReq,
            "[V2G2-551]",
            contract=_E.PAYMENT_DETAILS,
            external=_E.AUTHORIZATION,
        ),
        _evcc(_E.PAYMENT_DETAILS, iso2.PaymentDetailsReq, "[V2G2-560]", ok=_E.AUTHORIZATION),
        _evcc(
            _E.AUTHORIZATION,
            iso2.AuthorizationReq,
            "[V2G2-684], [V2G2-573]",
            ok=_E.CHARGE_PARAMETERS,
            ongoing=_E.AUTHORIZATION,
        ),
        _evcc(
            _E.CHARGE_PARAMETERS,
            iso2.ChargeParameterDiscoveryReq,
            "[V2G2-565], [V2G2-688]",
            ok=_E.POWER_START,
            ongoing=_E.CHARGE_PARAMETERS,
        ),
        _evcc(_E.POWER_START, iso2.PowerDeliveryReq, "[V2G2-576]", ok=_E.CHARGING, stop=_E.POWER_STOP),
        _evcc(
            _E.CHARGING,
            iso2.ChargingStatusReq,
            "[V2G2-575], [V2G2-577]",
            ok=_E.CHARGING,
            receipt=_E.RECEIPT,
            stop=_E.POWER_STOP,
            renegotiate=_E.RENEGOTIATE,
        ),
        _evcc(
            _E.RECEIPT,
            iso2.MeteringReceiptReq,
            "[V2G2-580]",
            ok=_E.CHARGING,
            stop=_E.POWER_STOP,
            renegotiate=_E.RENEGOTIATE,
        ),
        _evcc(_E.RENEGOTIATE, iso2.PowerDeliveryReq, "[V2G2-813]", ok=_E.CHARGE_PARAMETERS),
        _evcc(_E.POWER_STOP, iso2.PowerDeliveryReq, "[V2G2-568]", ok=_E.SESSION_STOP),
        _evcc(_E.SESSION_STOP, iso2.SessionStopReq, "[V2G2-571]", ok=_E.ENDED),
    )
}
