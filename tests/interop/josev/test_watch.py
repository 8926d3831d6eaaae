"""The verdict on a session of Josev: whole, over TLS and paid by contract, or not a success."""

from __future__ import annotations

import io
import json

from tests.interop.josev.watch import Watch


def _body(name: str, **content: object) -> str:
    return json.dumps({"V2G_Message": {"Header": {"SessionID": "00"}, "Body": {name: content}}})


def _whole_session(watch: Watch, payment: str = "Contract") -> None:
    watch.message("sent", json.dumps({"supportedAppProtocolReq": {"AppProtocol": []}}), b"\x80")
    watch.message("sent", _body("PaymentServiceSelectionReq", SelectedPaymentOption=payment), b"\x80")
    watch.facts["tls"] = "TLSv1.2 ECDHE-ECDSA-AES128-SHA256"
    watch.message("received", _body("SessionStopRes", ResponseCode="OK"), b"\x80")


def test_a_whole_session_is_a_success() -> None:
    record = io.StringIO()
    watch = Watch("evcc", record)
    _whole_session(watch)
    verdict = watch.verdict()
    assert (verdict["result"], verdict["messages"], verdict["payment"]) == ("session-stop", 3, "Contract")
    assert [json.loads(line)["name"] for line in record.getvalue().splitlines()] == watch.names


def test_signed_elements_are_recorded_but_are_no_messages() -> None:
    watch = Watch("evcc", record := io.StringIO())
    watch.message("sent", json.dumps({"SignedInfo": {}}), b"\x80")
    assert watch.names == []
    assert json.loads(record.getvalue())["kind"] == "fragment"


def test_what_is_short_of_that_is_not() -> None:
    cut = Watch("evcc")
    cut.message("sent", _body("SessionStopReq", ChargingSession="Terminate"), b"\x80")
    assert cut.verdict()["result"] == "incomplete"
    assert cut.verdict()["last"] == "SessionStopReq"

    external = Watch("evcc")
    _whole_session(external, payment="ExternalPayment")
    assert external.verdict()["result"] == "not-plug-and-charge"

    plain = Watch("evcc")
    _whole_session(plain)
    plain.facts["tls"] = "none"
    assert plain.verdict()["result"] == "not-plug-and-charge"

    refused = Watch("evcc")
    refused.message("received", _body("PaymentDetailsRes", ResponseCode="FAILED_CertChainError"), b"\x80")
    assert refused.verdict()["why"] == "PaymentDetailsRes: FAILED_CertChainError"


def test_a_station_has_to_send_its_last_answer() -> None:
    watch = Watch("secc")
    _whole_session(watch)
    assert watch.verdict()["result"] == "incomplete"  # encoded, not yet sent
    watch.stopped = True
    assert watch.verdict()["result"] == "session-stop"
