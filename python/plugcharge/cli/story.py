"""What each message of a -2 session means, in one short sentence with its interesting values.

Also what each refusal means for the operator of a station, and what to do about it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from plugcharge.messages import iso2, sap

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.messages import Message

__all__ = ["MEANINGS", "REFUSALS", "Refusal", "explain", "name_of", "tell"]


class Refusal(NamedTuple):
    """A response code in plain words.

    Attributes:
        meaning: what it means.
        advice: what the operator of the station can do.
    """

    meaning: str
    advice: str


REFUSALS: dict[str, Refusal] = {
    "FAILED_CertificateExpired": Refusal(
        "The contract certificate, or one above it, is out of date.",
        "The driver needs a new contract certificate from the mobility operator. If many cars are refused "
        "this way, look at the station's clock first.",
    ),
    "FAILED_CertificateRevoked": Refusal(
        "The contract certificate was revoked by whoever issued it.",
        "Nothing to do at the station; the driver has to ask the mobility operator.",
    ),
    "FAILED_CertChainError": Refusal(
        "The contract certificate proves nothing here: its root is unknown, or it is not of this contract.",
        "If drivers of one mobility operator are always refused, its root may be missing in the station's "
        "trust store. A single car that is refused this way has a wrong or forged contract.",
    ),
    "FAILED_NoCertificateAvailable": Refusal(
        "There is no usable certificate.",
        "The driver has to get a contract into the car first.",
    ),
    "FAILED_ContractCanceled": Refusal(
        "The back end does not know the contract, or it was cancelled.",
        "The driver has to ask the mobility operator; the station is in order.",
    ),
    "FAILED_SignatureError": Refusal(
        "The car shows a contract but cannot prove that it holds its key.",
        "Nobody was billed. A single case is a faulty car; many at one outlet mean that somebody is trying "
        "contracts of others.",
    ),
    "FAILED_ChallengeInvalid": Refusal(
        "The car signed another challenge than the one it was given.",
        "Nobody was billed. Repeated cases mean that somebody replays recorded messages.",
    ),
    "FAILED_MeteringSignatureNotValid": Refusal(
        "The car's receipt is not for what the meter showed.",
        "The power was cut. The readings of the station's meter are kept together with the receipt as it "
        "came in, and the bill is marked for review.",
    ),
    "FAILED_SequenceError": Refusal(
        "The car sent a message that does not belong here.",
        "A faulty car; the messages are worth sending to its maker.",
    ),
}

_ELSE = Refusal("The station refused this request.", "See the reason above.")

_MODES = {
    iso2.EnergyTransferMode.AC_single_phase_core: "AC on one phase",
    iso2.EnergyTransferMode.AC_three_phase_core: "AC on three phases",
}
_PAYMENTS = {iso2.PaymentOption.Contract: "contract", iso2.PaymentOption.ExternalPayment: "card or app"}


def explain(code: str) -> Refusal:
    """Give what a FAILED code means.

    Example:
        >>> explain("FAILED_CertificateExpired").meaning
        'The contract certificate, or one above it, is out of date.'
    """
    return REFUSALS.get(code, _ELSE)


def name_of(message: Message) -> str:
    """Give the name of a message: of its body where it has one."""
    body = message.body if isinstance(message, iso2.V2G_Message) else message
    return type(message if body is None else body).__name__


def tell(message: Message, answers: Message | None = None) -> str:
    """Give the meaning of a message in one sentence.

    Args:
        message: a whole message of the handshake or of -2.
        answers: for a response, the request before it.

    Example:
        >>> header = iso2.MessageHeader(session_id=bytes(8))
        >>> tell(iso2.V2G_Message(header=header, body=iso2.ServiceDiscoveryReq()))
        'What do you offer?'
    """
    body: Any = message.body if isinstance(message, iso2.V2G_Message) else message
    code = str(getattr(body, "response_code", ""))
    if code.upper().startswith("FAILED"):
        return f"No: {code}."
    if isinstance(body, iso2.PowerDeliveryRes):
        request = answers.body if isinstance(answers, iso2.V2G_Message) else answers
        return _power_is(request)
    meaning = MEANINGS.get(type(body))
    return meaning(body) if meaning else ""


def _protocols(request: sap.SupportedAppProtocolReq) -> str:
    names = [_protocol(entry.protocol_namespace) for entry in request.app_protocol]
    return f"I speak {' and '.join(names)}."


def _protocol(namespace: str) -> str:
    known = {"urn:iso:15118:2:2013:MsgDef": "ISO 15118-2", "urn:din:70121:2012:MsgDef": "DIN 70121"}
    return known.get(namespace, namespace)


def _offer(response: iso2.ServiceDiscoveryRes) -> str:
    modes = response.charge_service.supported_energy_transfer_mode.energy_transfer_mode
    energy = ", ".join(_MODES.get(mode, str(mode)) for mode in modes)
    payments = " or ".join(_PAYMENTS[option] for option in response.payment_option_list.payment_option)
    return f"{energy}, paid by {payments}."


def _details(request: iso2.PaymentDetailsReq) -> str:
    subs = request.contract_signature_cert_chain.sub_certificates
    count = 1 + (len(subs.certificate) if subs else 0)
    return f"My contract: {request.emaid}, {count} certificates."


def _challenge(response: iso2.PaymentDetailsRes) -> str:
    soon = " (it expires soon)" if response.response_code.endswith("ExpiresSoon") else ""
    return f"The chain is good{soon}. Sign this: {response.gen_challenge.hex()[:8]}..."


def _authorization(request: iso2.AuthorizationReq) -> str:
    return "Signed with the key of the contract." if request.gen_challenge else "May I charge now?"


def _allowed(response: iso2.AuthorizationRes) -> str:
    finished = response.evse_processing is iso2.EVSEProcessing.Finished
    return "All is good: you may charge." if finished else "Wait, I am still asking."


def _limits(request: iso2.ChargeParameterDiscoveryReq) -> str:
    limits = request.ev_charge_parameter
    if not isinstance(limits, iso2.AC_EVChargeParameter):
        return "These are my limits."
    energy, current = _amount(limits.e_amount) / 1000, _amount(limits.ev_max_current)
    return f"I would like {energy:g} kWh, at most {current:g} A a phase."


def _schedule(response: iso2.ChargeParameterDiscoveryRes) -> str:
    if response.evse_processing is not iso2.EVSEProcessing.Finished:
        return "Wait, I am still planning."
    if not isinstance(response.sa_schedules, iso2.SAScheduleList):
        return "Take what you need."
    entries = response.sa_schedules.sa_schedule_tuple[0].p_max_schedule.p_max_schedule_entry
    return f"You can have up to {_amount(entries[0].p_max) / 1000:g} kW."


def _power(request: iso2.PowerDeliveryReq) -> str:
    match request.charge_progress:
        case iso2.ChargeProgress.Start:
            profile = request.charging_profile
            power = profile.profile_entry[0].charging_profile_entry_max_power if profile else None
            return f"Power on, please: {_amount(power) / 1000:g} kW." if power else "Power on, please."
        case iso2.ChargeProgress.Stop:
            return "Power off, please."
        case iso2.ChargeProgress.Renegotiate:
            return "Let us talk about the limits again."


def _power_is(request: object) -> str:
    progress = request.charge_progress if isinstance(request, iso2.PowerDeliveryReq) else None
    match progress:
        case iso2.ChargeProgress.Start:
            return "The contactor is closed, power flows."
        case iso2.ChargeProgress.Stop:
            return "The contactor is open."
        case _:
            return "Fine."


def _status(response: iso2.ChargingStatusRes) -> str:
    meter = response.meter_info
    if meter is None or meter.meter_reading is None:
        return "Charging."
    sign = " Please sign that." if response.receipt_required else ""
    return f"The meter shows {meter.meter_reading / 1000:,.3f} kWh.{sign}"


def _receipt(request: iso2.MeteringReceiptReq) -> str:
    reading = request.meter_info.meter_reading or 0
    return f"Signed: {reading / 1000:,.3f} kWh on {request.meter_info.meter_id}."


def _amount(value: iso2.PhysicalValue) -> float:
    return float(value.value * 10.0**value.multiplier)


# Each row takes its own class of message.
MEANINGS: dict[type[Message], Callable[[Any], str]] = {
    sap.SupportedAppProtocolReq: _protocols,
    sap.SupportedAppProtocolRes: lambda _: "Good, so do I.",
    iso2.SessionSetupReq: lambda request: f"A new session, please. I am {request.evcc_id.hex(':')}.",
    iso2.SessionSetupRes: lambda response: f"Welcome at {response.evse_id}.",
    iso2.ServiceDiscoveryReq: lambda _: "What do you offer?",
    iso2.ServiceDiscoveryRes: _offer,
    iso2.PaymentServiceSelectionReq: lambda request: (
        f"I pay by {_PAYMENTS[request.selected_payment_option]}."
    ),
    iso2.PaymentServiceSelectionRes: lambda _: "Fine.",
    iso2.PaymentDetailsReq: _details,
    iso2.PaymentDetailsRes: _challenge,
    iso2.AuthorizationReq: _authorization,
    iso2.AuthorizationRes: _allowed,
    iso2.ChargeParameterDiscoveryReq: _limits,
    iso2.ChargeParameterDiscoveryRes: _schedule,
    iso2.PowerDeliveryReq: _power,
    iso2.ChargingStatusReq: lambda _: "How is it going?",
    iso2.ChargingStatusRes: _status,
    iso2.MeteringReceiptReq: _receipt,
    iso2.MeteringReceiptRes: lambda _: "The receipt is good, thank you.",
    iso2.SessionStopReq: lambda _: "Goodbye.",
    iso2.SessionStopRes: lambda _: "Goodbye, and a safe trip.",
}
"""Message class -> its sentence."""
