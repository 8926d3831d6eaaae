"""The codec for Josev, measured by messages that Josev's own codec coded in sessions of its simulators."""

from __future__ import annotations

import json
import re
import sys
from abc import ABCMeta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from plugcharge import exi
from plugcharge.compat.josev import SCHEMAS, ExiCodec
from plugcharge.errors import ExiError
from plugcharge.messages import SimpleElement, sap
from tests.shared_material import json_lines

ISO2 = "urn:iso:15118:2:2013:MsgDef"
SAP = "urn:iso:15118:2:2010:AppProtocol"
XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
# One of each kind, as the station recorded them: JSON and EXI, both of Josev's codec.
RECORDED: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "josev_messages.jsonl").read_text("utf-8").splitlines()
]


def name_of(row: dict[str, Any]) -> str:
    return f"{row['namespace'].rpartition(':')[2]}-{row['name']}-{row['kind']}"


@pytest.mark.parametrize("row", RECORDED, ids=name_of)
def test_the_bytes_are_those_of_josevs_codec(row: dict[str, Any]) -> None:
    assert ExiCodec().encode(json.dumps(row["json"]), row["namespace"]).hex() == row["exi"]


# Of fragments Josev decodes those of XML signatures alone.
DECODED = [row for row in RECORDED if row["kind"] == "message" or row["namespace"] == XMLDSIG]


@pytest.mark.parametrize("row", DECODED, ids=name_of)
def test_the_json_is_that_of_josevs_codec(row: dict[str, Any]) -> None:
    decoded = ExiCodec().decode(bytes.fromhex(row["exi"]), row["namespace"])
    assert json.loads(decoded) == row["json"]


def test_the_recorded_messages_are_of_every_generation() -> None:
    assert len(RECORDED) > 90
    assert {row["namespace"] for row in RECORDED} >= {
        SAP,
        ISO2,
        XMLDSIG,
        "urn:din:70121:2012:MsgDef",
        "urn:iso:std:iso:15118:-20:CommonMessages",
        "urn:iso:std:iso:15118:-20:AC",
        "urn:iso:std:iso:15118:-20:DC",
    }


@pytest.mark.parametrize("file", ["captures", "suites", "generated_documents"])
def test_what_is_decoded_is_encoded_to_the_same_bytes(file: str) -> None:
    codec = ExiCodec()
    namespaces = {schema: namespace for namespace, schema in SCHEMAS.items()}
    # Other roots than messages are signed, never sent, so they are encoded as fragments.
    rows = [
        row
        for row in json_lines(f"vectors/exi/{file}.jsonl")
        if row["kind"] == "document" and row["root"].endswith(("V2G_Message", "Req", "Res"))
    ]
    assert len(rows) > 80
    for row in rows:
        namespace = namespaces[row["schema_set"]]
        decoded = codec.decode(bytes.fromhex(row["hex"]), namespace)
        assert codec.encode(decoded, namespace).hex() == row["hex"], row["id"]


def test_signed_elements_are_fragments_and_messages_are_not() -> None:
    codec = ExiCodec()
    content = {"Id": "id1", "GenChallenge": "AAAAAAAAAAAAAAAAAAAAAA=="}
    element = codec.encode(json.dumps({"AuthorizationReq": content}), ISO2)
    message = {
        "V2G_Message": {"Header": {"SessionID": "0102030405060708"}, "Body": {"AuthorizationReq": content}}
    }
    typed = exi.decode(codec.encode(json.dumps(message), ISO2), "iso2")
    assert exi.decode(element, "iso2", fragment=True) == typed.body  # type: ignore[attr-defined]  # a V2G_Message


def test_of_the_types_of_an_emaid_the_one_without_id_is_a_fragment_too() -> None:
    with_id = ExiCodec().encode('{"eMAID": {"Id": "id1", "value": "DEPLGC00000001"}}', ISO2)
    without = ExiCodec().encode('{"eMAID": {"value": "DEPLGC00000001"}}', ISO2)
    assert exi.decode(without, "iso2", fragment=True).id is None  # type: ignore[attr-defined]  # an EMAID
    assert exi.decode(with_id, "iso2", fragment=True).id == "id1"  # type: ignore[attr-defined]  # an EMAID


def test_what_is_absent_stays_absent() -> None:
    """Josev's own codec makes a SchemaID 0 of one that is not there."""
    refusal = sap.SupportedAppProtocolRes(sap.ResponseCode.Failed_NoNegotiation)
    decoded = ExiCodec().decode(exi.encode(refusal), SAP)
    assert decoded == '{"supportedAppProtocolRes":{"ResponseCode":"Failed_NoNegotiation"}}'
    assert ExiCodec().encode(decoded, SAP) == exi.encode(refusal)


def test_null_is_absent_and_one_of_a_list_may_stand_alone() -> None:
    codec = ExiCodec()
    entry = {
        "ProtocolNamespace": ISO2,
        "VersionNumberMajor": 2,
        "VersionNumberMinor": 0,
        "SchemaID": 1,
        "Priority": 1,
    }
    listed = codec.encode(json.dumps({"supportedAppProtocolReq": {"AppProtocol": [entry]}}), SAP)
    alone = codec.encode(json.dumps({"supportedAppProtocolReq": {"AppProtocol": entry}}), SAP)
    assert listed == alone
    response = {"ResponseCode": "Failed_NoNegotiation"}
    absent = codec.encode(json.dumps({"supportedAppProtocolRes": response}), SAP)
    assert codec.encode(json.dumps({"supportedAppProtocolRes": response | {"SchemaID": None}}), SAP) == absent


def test_an_empty_body_comes_back() -> None:
    message = '{"V2G_Message":{"Header":{"SessionID":"0102030405060708"},"Body":{}}}'
    assert ExiCodec().decode(ExiCodec().encode(message, ISO2), ISO2) == message


HEADER = {"SessionID": "0102030405060708"}


def body(**content: object) -> str:
    return json.dumps({"V2G_Message": {"Header": HEADER, "Body": content}})


REFUSED = [
    pytest.param("{", ISO2, "no JSON", id="no JSON"),
    pytest.param("[]", ISO2, "one key", id="no object"),
    pytest.param('{"a":1,"b":2}', ISO2, "one key", id="two roots"),
    pytest.param('{"NoSuchReq":{}}', ISO2, "no root element NoSuchReq", id="unknown root"),
    pytest.param(body(NoSuchReq={}), ISO2, "V2G_Message/Body has no element NoSuchReq", id="unknown message"),
    pytest.param(body(SessionStopReq={}, SessionStopRes={}), ISO2, "holds one element", id="two messages"),
    pytest.param(body(SessionStopReq=1), ISO2, "SessionStopReq is an object", id="no element"),
    pytest.param(body(SessionStopReq={"x": 1}), ISO2, "has no element or attribute x", id="unknown element"),
    pytest.param(body(SessionStopReq={}), ISO2, "ChargingSession", id="missing"),
    pytest.param(body(SessionSetupReq={"EVCCID": "xyz"}), ISO2, "octets in hex", id="no hex"),
    pytest.param(body(SessionSetupReq={"EVCCID": 1}), ISO2, "octets in hex", id="hex is no text"),
    pytest.param(body(AuthorizationReq={"GenChallenge": "#"}), ISO2, "octets in base64", id="no base64"),
    pytest.param(body(ServiceDetailReq={"ServiceID": "1"}), ISO2, "wants an int", id="no number"),
    pytest.param(body(SessionStopReq={"ChargingSession": "Go"}), ISO2, "ChargingSession", id="no such value"),
    pytest.param("{}", "urn:none", "no schema set has the namespace urn:none", id="namespace"),
    pytest.param(
        json.dumps(
            {
                "V2G_Message": {
                    "Header": HEADER,
                    "Body": {
                        "PowerDeliveryRes": {
                            "ResponseCode": "OK",
                            "AC_EVSEStatus": {
                                "NotificationMaxDelay": 0,
                                "EVSENotification": "None",
                                "RCD": False,
                            },
                            "DC_EVSEStatus": {
                                "NotificationMaxDelay": 0,
                                "EVSENotification": "None",
                                "EVSEStatusCode": "EVSE_Ready",
                            },
                        }
                    },
                }
            }
        ),
        ISO2,
        "excludes it",
        id="two alternatives",
    ),
]


@pytest.mark.parametrize(("message", "namespace", "reason"), REFUSED)
def test_what_is_no_message_is_refused(message: str, namespace: str, reason: str) -> None:
    with pytest.raises(ExiError, match=re.escape(reason)):
        ExiCodec().encode(message, namespace)


def test_lengths_are_checked_unless_told_otherwise() -> None:
    message = body(SessionSetupReq={"EVCCID": "00" * 7})
    with pytest.raises(ExiError, match="EVCCID"):
        ExiCodec().encode(message, ISO2)
    assert ExiCodec(limits=False).decode(
        ExiCodec(limits=False).encode(message, ISO2), ISO2
    ) == message.replace(" ", "")


def test_bytes_that_are_no_message_are_refused() -> None:
    with pytest.raises(ExiError):
        ExiCodec().decode(b"\x80\xff", ISO2)
    with pytest.raises(ExiError):
        ExiCodec().decode(b"\x80\x40\x00\x40", "urn:none")


def test_an_element_that_is_nothing_but_a_value_is_refused() -> None:
    value = SimpleElement("DigestValue", XMLDSIG, b"\x00")
    with pytest.raises(ExiError, match="nothing but a value"):
        ExiCodec().decode(exi.encode(value, fragment=True, schema="xmldsig"), XMLDSIG)
    with pytest.raises(ExiError, match="no root element DigestValue"):
        ExiCodec().encode('{"DigestValue": "AA=="}', XMLDSIG)


def test_messages_of_one_class_keep_their_names() -> None:
    """ACDP_ConnectReq and ACDP_DisconnectReq are of the same type."""
    namespace = "urn:iso:std:iso:15118:-20:ACDP"
    header = {"SessionID": "0102030405060708", "TimeStamp": 1}
    for name in ("ACDP_ConnectReq", "ACDP_DisconnectReq"):
        message = {name: {"Header": header, "EVElectricalChargingDeviceStatus": "State_B"}}
        stream = ExiCodec().encode(json.dumps(message), namespace)
        assert json.loads(ExiCodec().decode(stream, namespace)) == message


def test_it_is_of_josevs_interface_where_josev_is(monkeypatch: pytest.MonkeyPatch) -> None:
    interface = ABCMeta("IEXICodec", (), {})
    for name in ("iso15118", "iso15118.shared", "iso15118.shared.iexi_codec"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["iso15118.shared.iexi_codec"], "IEXICodec", interface, raising=False)
    assert isinstance(ExiCodec(), interface)
    assert ExiCodec().get_version().startswith("plugcharge ")
