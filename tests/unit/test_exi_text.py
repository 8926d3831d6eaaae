"""Messages as JSON, the names of schema sets, and ``exi.explain``."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plugcharge import exi
from plugcharge.errors import ExiError
from plugcharge.messages import iso2, xmldsig

SETUP = bytes.fromhex("8098004011d018048d159e26ac00")
HANDSHAKE = bytes.fromhex("80400040")


def signature(*key_data: object) -> dict[str, Any]:
    """A KeyInfo whose X509Data holds these elements, as JSON."""
    return {"KeyInfo": {"@Id": "k", "#content": [{"X509Data": {"#content": list(key_data)}}]}}


# -- names of schema sets --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["iso2", "urn:iso:15118:2:2013:MsgDef", "urn:iso:15118:2:2013:MsgBody"])
def test_a_set_is_named_by_a_short_name_or_a_namespace(name: str) -> None:
    message = exi.decode(SETUP, name)
    assert isinstance(message, iso2.V2G_Message)
    assert exi.encode(message, schema=name) == SETUP
    assert exi.from_xml(exi.to_xml(SETUP, name), name) == SETUP
    assert exi.from_json(exi.to_json(SETUP, name), name) == SETUP
    assert exi.explain(SETUP, name) == exi.explain(SETUP, "iso2")


PAYLOAD_TYPES = [
    (0x8002, "iso20_common"),
    (0x8003, "iso20_ac"),
    (0x8004, "iso20_dc"),
    (0x8005, "iso20_acdp"),
    (0x8006, "iso20_wpt"),
    (0x8010, "iso20_ac_der_iec"),
    (0x8011, "iso20_ac_der_sae"),
]


@pytest.mark.parametrize(("number", "name"), PAYLOAD_TYPES)
def test_a_payload_type_means_its_set(number: int, name: str) -> None:
    with pytest.raises(ExiError) as caught:
        exi.decode(b"\x80", number)
    assert caught.value.schema == name
    assert caught.value.kind == "truncated"


@pytest.mark.parametrize("name", [0x8001, "urn:iso:std:iso:15118:-20:CommonTypes"])
def test_a_name_that_means_several_sets_says_so(name: str | int) -> None:
    with pytest.raises(ExiError, match=r"name one of them; exi\.guess") as caught:
        exi.decode(SETUP, name)
    assert ("sap, din, iso2" if isinstance(name, int) else "iso20_ac") in caught.value.what


@pytest.mark.parametrize("name", ["iso3", "", "urn:none", 0, -1, 0x9000, 1 << 70, True])
def test_an_unknown_name_lists_the_known_ones(name: str | int) -> None:
    with pytest.raises(ExiError, match="sap, din, iso2, iso20_common"):
        exi.decode(SETUP, name)


def test_a_name_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="str or an int"):
        exi.decode(SETUP, 1.5)  # type: ignore[arg-type]  # what is tested


def test_every_set_is_listed_and_guessed_among() -> None:
    assert exi.guess(HANDSHAKE) == ["sap", "iso20_wpt"]
    assert set(exi.guess(SETUP)) <= set(exi.schemas())
    digest = exi.encode(xmldsig.CanonicalizationMethod("urn:x"), fragment=True)
    assert exi.guess(digest, fragment=True) == ["xmldsig"]
    assert "xmldsig" not in exi.guess(digest)


# -- JSON ------------------------------------------------------------------------------------------------


def test_json_has_the_names_of_the_standard() -> None:
    assert json.loads(exi.to_json(SETUP, "iso2")) == {
        "V2G_Message": {
            "Header": {"SessionID": "00"},
            "Body": {"SessionSetupReq": {"EVCCID": "0123456789AB"}},
        }
    }


def test_order_of_members_carries_no_meaning() -> None:
    body = '"Body": {"SessionSetupReq": {"EVCCID": "0123456789ab"}}'
    text = f'{{"V2G_Message": {{{body}, "Header": {{"SessionID": "00"}}}}}}'
    assert exi.from_json(text, "iso2") == SETUP


def test_what_may_occur_several_times_is_an_array_and_alternation_is_kept() -> None:
    key = signature({"X509SKI": "AQI="}, {"X509SubjectName": "a"}, {"X509SKI": "AwQ="})
    data = exi.from_json(json.dumps(key), "xmldsig")
    assert json.loads(exi.to_json(data, "xmldsig")) == key
    xml = exi.to_xml(data, "xmldsig")
    assert xml.index("AQI=") < xml.index(">a<") < xml.index("AwQ=")


@pytest.mark.parametrize("number", [0, -1, 2**53 - 1, 2**53, 2**63, 2**64, -(2**64) - 1, 2**160 + 1])
def test_big_numbers_are_exact(number: int) -> None:
    issuer = {"X509IssuerName": "CN=x", "X509SerialNumber": number if abs(number) < 2**53 else str(number)}
    key = signature({"X509IssuerSerial": issuer})
    data = exi.from_json(json.dumps(key), "xmldsig")
    assert json.loads(exi.to_json(data, "xmldsig")) == key
    assert f">{number}<" in exi.to_xml(data, "xmldsig")


@pytest.mark.parametrize("text", ["", "\0\x1f\x7f", 'a"b\\c/', "\r\n\t", "é\u2028\U0001f50c", "\ufffe"])
def test_every_character_comes_back(text: str) -> None:
    key = {"KeyInfo": {"#content": [{"KeyName": text}]}}
    data = exi.from_json(json.dumps(key), "xmldsig")
    assert json.loads(exi.to_json(data, "xmldsig")) == key
    assert exi.from_json(json.dumps(key, ensure_ascii=False), "xmldsig") == data


BAD = [
    ("", "json", ""),
    ("{", "json", ""),
    ("nonsense", "json", ""),
    ('{"a": 1} x', "json", ""),
    ("[" * 100_000, "json", ""),
    ('{"V2G_Message": {}, "V2G_Message": {}}', "json", ""),
    ('{"V2G_Message": 1.5}', "json", ""),
    ('{"V2G_Message": 18446744073709551616}', "json", ""),
    ("null", "type", ""),
    ("[]", "type", ""),
    ("{}", "unexpected", ""),
    ('{"Nothing": {}}', "root", ""),
    ('{"V2G_Message": null}', "type", "V2G_Message"),
    ('{"V2G_Message": {}}', "missing", "V2G_Message/Header"),
    ('{"V2G_Message": {<header>, "Body": {}, "x": 1}}', "unexpected", "V2G_Message"),
    (
        '{"V2G_Message": {<header>, "Body": {"BodyElement": {}}}}',
        "abstract",
        "V2G_Message/Body/BodyElement",
    ),
    (
        '{"V2G_Message": {<header>, "Body": {"SessionStopRes": {}, "SessionSetupReq": {"EVCCID": ""}}}}',
        "unexpected",
        "V2G_Message/Body",
    ),
    ('{"V2G_Message": {"Header": {"SessionID": "0"}}}', "type", "V2G_Message/Header/SessionID"),
    ('{"V2G_Message": {"Header": {"SessionID": 7}}}', "type", "V2G_Message/Header/SessionID"),
    (
        '{"V2G_Message": {"Header": {"SessionID": "000000000000000000"}}}',
        "length",
        "V2G_Message/Header/SessionID",
    ),
]


@pytest.mark.parametrize(("text", "kind", "path"), BAD)
def test_bad_json_is_refused_with_its_place(text: str, kind: str, path: str) -> None:
    with pytest.raises(ExiError) as caught:
        exi.from_json(text.replace("<header>", '"Header": {"SessionID": "00"}'), "iso2")
    assert (caught.value.kind, caught.value.path) == (kind, path)
    assert caught.value.schema == "iso2"


def test_a_refusal_does_not_repeat_what_is_long() -> None:
    for text in ('{"%s": {}}', '{"V2G_Message": {"Header": {"SessionID": "%s"}}}', '{"%s": 1, "%s": 1}'):
        with pytest.raises(ExiError) as caught:
            exi.from_json(text.replace("%s", "z" * 100_000), "iso2")
        assert len(str(caught.value)) < 300


def test_a_list_has_to_be_an_array() -> None:
    protocol = {
        "ProtocolNamespace": "urn:x",
        "VersionNumberMajor": 1,
        "VersionNumberMinor": 0,
        "SchemaID": 1,
        "Priority": 1,
    }
    whole = {"supportedAppProtocolReq": {"AppProtocol": [protocol]}}
    data = exi.from_json(json.dumps(whole), "sap")
    assert json.loads(exi.to_json(data, "sap")) == whole
    whole["supportedAppProtocolReq"]["AppProtocol"] = protocol  # type: ignore[assignment]  # what is tested
    with pytest.raises(ExiError, match="an array stands here"):
        exi.from_json(json.dumps(whole), "sap")


def test_limits_of_length_may_be_put_aside() -> None:
    text = '{"V2G_Message": {"Header": {"SessionID": "000000000000000000"}, "Body": {}}}'
    data = exi.from_json(text, "iso2", limits=False)
    assert json.loads(exi.to_json(data, "iso2")) == json.loads(text)


# -- explain ---------------------------------------------------------------------------------------------


def test_every_bit_of_a_message_is_told_once() -> None:
    steps = exi.explain(SETUP, "iso2")
    assert "".join(step.bits for step in steps) == f"{int.from_bytes(SETUP, 'big'):0{8 * len(SETUP)}b}"
    assert [step.offset for step in steps[1:]] == [step.offset + step.width for step in steps[:-1]]
    assert all(len(step.bits) == step.width for step in steps)


def test_events_paths_and_values() -> None:
    by_path = {(step.event, step.path): step for step in exi.explain(SETUP, "iso2")}
    start = by_path["start", "V2G_Message/Body/SessionSetupReq"]
    assert start.code is not None
    assert int(start.bits, 2) == start.code
    assert by_path["length", "V2G_Message/Body/SessionSetupReq/EVCCID"].value == "6"
    value = by_path["value", "V2G_Message/Body/SessionSetupReq/EVCCID"]
    assert (value.value, value.width, value.code) == ("0123456789ab", 48, None)
    assert by_path["header", ""].bits == "10000000"


def test_steps_are_immutable() -> None:
    with pytest.raises(AttributeError):
        exi.explain(SETUP, "iso2")[0].offset = 1  # type: ignore[misc]  # what is tested


def test_attributes_are_told_with_an_at_sign() -> None:
    data = exi.encode(xmldsig.CanonicalizationMethod("urn:x"), fragment=True)
    steps = exi.explain(data, "xmldsig", fragment=True)
    (value,) = [step for step in steps if step.event == "value"]
    assert (value.path, value.value) == ("CanonicalizationMethod/@Algorithm", "urn:x")
    assert {step.event for step in steps[-3:]} >= {"end", "end-fragment"}


@pytest.mark.parametrize("length", range(len(SETUP) - 1))
def test_a_message_that_was_cut_is_told_up_to_the_cut(length: int) -> None:
    whole, cut = exi.explain(SETUP, "iso2"), exi.explain(SETUP[:length], "iso2")
    *understood, fault = cut
    assert understood == whole[: len(understood)]
    assert fault.event == "fault"
    assert "".join(step.bits for step in cut) == "".join(step.bits for step in whole)[: 8 * length]
    with pytest.raises(ExiError) as caught:
        exi.decode(SETUP[:length], "iso2")
    assert (fault.value, fault.path) == (caught.value.what, caught.value.path)


def test_other_faults_are_the_last_step() -> None:
    faults = [
        (b"\x00", "0x00"),
        (SETUP + b"\x01", "follows"),
        (b"\x80\xff", "event code"),
    ]
    for data, what in faults:
        *_, fault = exi.explain(data, "iso2")
        assert fault.event == "fault"
        assert what in str(fault.value)
