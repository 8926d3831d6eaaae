"""Writes ``inputs.json``: messages, a chain and a signature of our own.

The messages stand in where the third-party ones are missing, under the same names. Run it again when the
classes change: ``python benches/make_inputs.py``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization

from plugcharge import exi, pki, sign
from plugcharge.messages import Message, iso2, sap

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SESSION = bytes.fromhex("0102030405060708")
EMAID = "DEPLGC00000001"
CHALLENGE = bytes(range(16))


def quantity(value: int, unit: iso2.UnitSymbol, multiplier: int = 0) -> iso2.PhysicalValue:
    return iso2.PhysicalValue(multiplier, unit, value)


def message(body: Any, signature: Any = None) -> iso2.V2G_Message:
    return iso2.V2G_Message(iso2.MessageHeader(SESSION, signature=signature), body)


def certificates(chain: tuple[bytes, ...]) -> iso2.CertificateChain:
    return iso2.CertificateChain(certificate=chain[0], sub_certificates=iso2.SubCertificates(chain[1:]))


def schedules(tuples: int, entries: int) -> iso2.ChargeParameterDiscoveryRes:
    def tariff(number: int) -> iso2.SalesTariff:
        return iso2.SalesTariff(
            id=f"tariff{number}",
            sales_tariff_id=number,
            num_e_price_levels=2,
            sales_tariff_entry=tuple(
                iso2.SalesTariffEntry(iso2.RelativeTimeInterval(start=900 * at), e_price_level=at % 2)
                for at in range(entries)
            ),
        )

    def schedule(number: int) -> iso2.SAScheduleTuple:
        limits = tuple(
            iso2.PMaxScheduleEntry(
                iso2.RelativeTimeInterval(start=900 * at), quantity(22_000 - at, iso2.UnitSymbol.W)
            )
            for at in range(entries)
        )
        return iso2.SAScheduleTuple(number, iso2.PMaxSchedule(limits), tariff(number))

    return iso2.ChargeParameterDiscoveryRes(
        iso2.ResponseCode.OK,
        iso2.EVSEProcessing.Finished,
        iso2.AC_EVSEChargeParameter(
            iso2.AC_EVSEStatus(0, iso2.EVSENotification.None_, rcd=False),
            quantity(230, iso2.UnitSymbol.V),
            quantity(32, iso2.UnitSymbol.A),
        ),
        iso2.SAScheduleList(tuple(schedule(number + 1) for number in range(tuples))),
    )


def messages(world: pki.TestPki, key: pki.SigningKey) -> dict[str, Message]:
    chain = world.contract_leaf.chain
    volt, ampere = iso2.UnitSymbol.V, iso2.UnitSymbol.A
    meter = iso2.MeterInfo("METER-1", 123_456, b"\x5a" * 64, 0, 1_780_315_200)
    authorization = iso2.AuthorizationReq(id="ID1", gen_challenge=CHALLENGE)
    receipt = iso2.MeteringReceiptReq(id="ID1", session_id=SESSION, sa_schedule_tuple_id=1, meter_info=meter)
    vehicle = iso2.DC_EVStatus(ev_ready=True, ev_error_code=iso2.DC_EVErrorCode.NO_ERROR, ev_ress_soc=50)
    station = iso2.DC_EVSEStatus(
        0, iso2.EVSENotification.None_, iso2.DC_EVSEStatusCode.EVSE_Ready, iso2.IsolationLevel.Valid
    )
    installation = iso2.CertificateInstallationRes(
        response_code=iso2.ResponseCode.OK,
        sa_provisioning_certificate_chain=certificates(world.cps.chain),
        contract_signature_cert_chain=iso2.CertificateChain(chain[0], "ID1", iso2.SubCertificates(chain[1:])),
        contract_signature_encrypted_private_key=iso2.ContractSignatureEncryptedPrivateKey(
            "ID2", b"\x17" * 48
        ),
        dh_public_key=iso2.DiffieHellmanPublickey("ID3", b"\x04" + b"\x33" * 64),
        emaid=iso2.EMAID("ID4", EMAID),
    )
    return {
        "iso2_SessionSetupReq": message(iso2.SessionSetupReq(bytes.fromhex("123456789ab0"))),
        "iso2_AuthorizationReq": message(authorization, sign.sign_elements([authorization], key)),
        "iso2_PaymentDetailsReq": message(iso2.PaymentDetailsReq(EMAID, certificates(chain))),
        "iso2_ChargeParameterDiscoveryRes": message(schedules(3, 24)),
        "iso2_ChargeParameterDiscoveryRes__3x12": message(schedules(3, 12)),
        "iso2_CurrentDemandReq": message(
            iso2.CurrentDemandReq(
                dc_ev_status=vehicle,
                ev_target_current=quantity(125, ampere),
                charging_complete=False,
                ev_target_voltage=quantity(400, volt),
            )
        ),
        "iso2_CurrentDemandRes": message(
            iso2.CurrentDemandRes(
                response_code=iso2.ResponseCode.OK,
                dc_evse_status=station,
                evse_present_voltage=quantity(400, volt),
                evse_present_current=quantity(125, ampere),
                evse_current_limit_achieved=False,
                evse_voltage_limit_achieved=False,
                evse_power_limit_achieved=False,
                evse_id="DE*ABC*E0001*1",
                sa_schedule_tuple_id=1,
                meter_info=meter,
            )
        ),
        "iso2_MeteringReceiptReq": message(receipt, sign.sign_elements([receipt], key)),
        "iso2_CertificateInstallationRes": message(
            installation,
            sign.sign_elements(
                [
                    installation.contract_signature_cert_chain,
                    installation.contract_signature_encrypted_private_key,
                    installation.dh_public_key,
                    installation.emaid,
                ],
                key,
            ),
        ),
        "sap_SupportedAppProtocolReq": sap.SupportedAppProtocolReq(
            (sap.AppProtocol("urn:iso:15118:2:2013:MsgDef", 2, 0, 1, 1),)
        ),
    }


def main() -> None:
    world = pki.TestPki(b"benches", now=NOW)
    der = world.contract_leaf.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = pki.SigningKey.from_der(der)
    written = {name: exi.encode(body).hex() for name, body in messages(world, key).items()}
    content = {
        "messages": [{"name": name, "hex": octets} for name, octets in written.items()],
        "chain": {
            "certificates": [certificate.hex() for certificate in world.contract_leaf.chain],
            "root": world.mo_root.der.hex(),
            "at": int(NOW.timestamp()),
        },
        "signed": {
            "hex": written["iso2_AuthorizationReq"],
            "challenge": CHALLENGE.hex(),
            "point": key.public_key.point.hex(),
        },
    }
    Path(__file__).with_name("inputs.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
