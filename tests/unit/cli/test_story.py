"""Each message has a sentence, each refusal an explanation."""

from __future__ import annotations

import pytest

from plugcharge import pki
from plugcharge.cli.story import MEANINGS, REFUSALS, explain, name_of, tell
from plugcharge.messages import Message, iso2, sap
from plugcharge.session.tables_iso2 import REQUESTS
from plugcharge.wire.sap import ISO2, offer
from tests.unit.session.pair import PARAMETERS, SELECTION, START, STOP, TERMINATE, payment_details


def whole(body: Message) -> iso2.V2G_Message:
    header = iso2.MessageHeader(session_id=bytes(8))
    return iso2.V2G_Message(header=header, body=body)  # type: ignore[arg-type]  # any body


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (iso2.SessionSetupReq(evcc_id=b"\x02\x00\xff"), "A new session, please. I am 02:00:ff."),
        (SELECTION, "I pay by contract."),
        (payment_details(), "My contract: DEPLGC00000001, 3 certificates."),
        (PARAMETERS, "I would like 20 kWh, at most 32 A a phase."),
        (START, "Power on, please."),
        (STOP, "Power off, please."),
        (TERMINATE, "Goodbye."),
        (
            iso2.MeteringReceiptReq(
                session_id=bytes(8), meter_info=iso2.MeterInfo(meter_id="M1", meter_reading=1_234_567)
            ),
            "Signed: 1,234.567 kWh on M1.",
        ),
        (
            iso2.AuthorizationRes(
                response_code=iso2.ResponseCode.FAILED_SignatureError,
                evse_processing=iso2.EVSEProcessing.Finished,
            ),
            "No: FAILED_SignatureError.",
        ),
        (
            iso2.AuthorizationRes(
                response_code=iso2.ResponseCode.OK, evse_processing=iso2.EVSEProcessing.Ongoing
            ),
            "Wait, I am still asking.",
        ),
    ],
)
def test_a_message_in_one_sentence(body: Message, sentence: str) -> None:
    assert tell(whole(body)) == sentence


def test_the_handshake_has_no_body() -> None:
    request = offer([ISO2])
    assert (name_of(request), tell(request)) == ("SupportedAppProtocolReq", "I speak ISO 15118-2.")


def test_what_power_delivery_answers_depends_on_the_question() -> None:
    status = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.None_, rcd=False
    )
    response = whole(iso2.PowerDeliveryRes(response_code=iso2.ResponseCode.OK, evse_status=status))
    assert tell(response, whole(START)) == "The contactor is closed, power flows."
    assert tell(response, whole(STOP)) == "The contactor is open."
    assert tell(response) == "Fine."


def test_every_message_of_an_ac_session_has_a_sentence() -> None:
    told = {kind.__name__ for kind in MEANINGS} | {"PowerDeliveryRes"}
    dc_only = ("CableCheck", "PreCharge", "CurrentDemand", "WeldingDetection", "Certificate", "ServiceDetail")
    wanted = {kind.__name__ for kind in REQUESTS if not kind.__name__.startswith(dc_only)}
    wanted |= {name.replace("Req", "Res") for name in wanted}
    assert wanted <= told
    assert {sap.SupportedAppProtocolReq, sap.SupportedAppProtocolRes} <= set(MEANINGS)


def test_refusals_of_contract_chains_are_explained() -> None:
    """Every code that a rule of path validation answers with has words of its own."""
    assert {rule.code for rule in pki.chain_rules()} <= set(REFUSALS)
    for code, refusal in REFUSALS.items():
        assert code in iso2.ResponseCode.__members__
        assert refusal.meaning.endswith(".")
        assert refusal.advice.endswith(".")
    assert explain("FAILED_Whatever").meaning
