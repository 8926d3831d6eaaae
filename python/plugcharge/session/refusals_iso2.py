"""For every request of -2 the smallest response that the schema allows and that says no [V2G2-736].

Beside the code nothing in it means anything; a car must not look at it [V2G2-735].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge.messages import iso2

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.messages import Message

__all__ = ["refusal"]

_AC_STATUS = iso2.AC_EVSEStatus(
    notification_max_delay=0, evse_notification=iso2.EVSENotification.None_, rcd=False
)
_DC_STATUS = iso2.DC_EVSEStatus(
    notification_max_delay=0,
    evse_notification=iso2.EVSENotification.None_,
    evse_status_code=iso2.DC_EVSEStatusCode.EVSE_NotReady,
)
_NO_VOLTAGE = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.V, value=0)
_NO_CURRENT = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=0)
_NO_CHALLENGE = bytes(16)
_NO_CHAIN = iso2.CertificateChain(certificate=b"\x00")
_NO_KEY = iso2.ContractSignatureEncryptedPrivateKey(id="id2", value=b"\x00")
_NO_POINT = iso2.DiffieHellmanPublickey(id="id3", value=b"\x00")
_NO_EMAID = iso2.EMAID(id="id4", value="ZZ000000000000")
_FINISHED = iso2.EVSEProcessing.Finished


def _installation(
    response: type[iso2.CertificateInstallationRes | iso2.CertificateUpdateRes],
) -> Callable[[iso2.ResponseCode, str], Message]:
    return lambda code, _: response(
        response_code=code,
        sa_provisioning_certificate_chain=_NO_CHAIN,
        contract_signature_cert_chain=iso2.CertificateChain(certificate=b"\x00", id="id1"),
        contract_signature_encrypted_private_key=_NO_KEY,
        dh_public_key=_NO_POINT,
        emaid=_NO_EMAID,
    )


_REFUSALS: dict[type[Message], Callable[[iso2.ResponseCode, str], Message]] = {
    iso2.AuthorizationReq: lambda code, _: iso2.AuthorizationRes(
        response_code=code, evse_processing=_FINISHED
    ),
    iso2.CableCheckReq: lambda code, _: iso2.CableCheckRes(
        response_code=code, dc_evse_status=_DC_STATUS, evse_processing=_FINISHED
    ),
    iso2.CertificateInstallationReq: _installation(iso2.CertificateInstallationRes),
    iso2.CertificateUpdateReq: _installation(iso2.CertificateUpdateRes),
    iso2.ChargeParameterDiscoveryReq: lambda code, _: iso2.ChargeParameterDiscoveryRes(
        response_code=code,
        evse_processing=_FINISHED,
        evse_charge_parameter=iso2.AC_EVSEChargeParameter(
            ac_evse_status=_AC_STATUS, evse_nominal_voltage=_NO_VOLTAGE, evse_max_current=_NO_CURRENT
        ),
    ),
    iso2.ChargingStatusReq: lambda code, evse_id: iso2.ChargingStatusRes(
        response_code=code, evse_id=evse_id, sa_schedule_tuple_id=1, ac_evse_status=_AC_STATUS
    ),
    iso2.CurrentDemandReq: lambda code, evse_id: iso2.CurrentDemandRes(
        response_code=code,
        dc_evse_status=_DC_STATUS,
        evse_present_voltage=_NO_VOLTAGE,
        evse_present_current=_NO_CURRENT,
        evse_current_limit_achieved=False,
        evse_voltage_limit_achieved=False,
        evse_power_limit_achieved=False,
        evse_id=evse_id,
        sa_schedule_tuple_id=1,
    ),
    iso2.MeteringReceiptReq: lambda code, _: iso2.MeteringReceiptRes(
        response_code=code, evse_status=_AC_STATUS
    ),
    iso2.PaymentDetailsReq: lambda code, _: iso2.PaymentDetailsRes(
        response_code=code, gen_challenge=_NO_CHALLENGE, evse_time_stamp=0
    ),
    iso2.PaymentServiceSelectionReq: lambda code, _: iso2.PaymentServiceSelectionRes(response_code=code),
    iso2.PowerDeliveryReq: lambda code, _: iso2.PowerDeliveryRes(response_code=code, evse_status=_AC_STATUS),
    iso2.PreChargeReq: lambda code, _: iso2.PreChargeRes(
        response_code=code, dc_evse_status=_DC_STATUS, evse_present_voltage=_NO_VOLTAGE
    ),
    iso2.ServiceDetailReq: lambda code, _: iso2.ServiceDetailRes(response_code=code, service_id=1),
    iso2.ServiceDiscoveryReq: lambda code, _: iso2.ServiceDiscoveryRes(
        response_code=code,
        payment_option_list=iso2.PaymentOptionList(payment_option=(iso2.PaymentOption.ExternalPayment,)),
        charge_service=iso2.ChargeService(
            service_id=1,
            service_category=iso2.ServiceCategory.EVCharging,
            free_service=False,
            supported_energy_transfer_mode=iso2.SupportedEnergyTransferMode(
                energy_transfer_mode=(iso2.EnergyTransferMode.AC_three_phase_core,)
            ),
        ),
    ),
    iso2.SessionSetupReq: lambda code, evse_id: iso2.SessionSetupRes(response_code=code, evse_id=evse_id),
    iso2.SessionStopReq: lambda code, _: iso2.SessionStopRes(response_code=code),
    iso2.WeldingDetectionReq: lambda code, _: iso2.WeldingDetectionRes(
        response_code=code, dc_evse_status=_DC_STATUS, evse_present_voltage=_NO_VOLTAGE
    ),
}


def refusal(request: type[Message], code: str, *, evse_id: str) -> Message:
    """Give the response that refuses a request of this type.

    Args:
        request: class of the request; every request of -2 has a refusal.
        code: the ResponseCode, such as ``"FAILED_SequenceError"``.
        evse_id: for those responses that carry it.

    Example:
        >>> refusal(iso2.SessionStopReq, "FAILED_SequenceError", evse_id="ZZ00000").response_code.value
        'FAILED_SequenceError'
    """
    return _REFUSALS[request](iso2.ResponseCode(code), evse_id)
