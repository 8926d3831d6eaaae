"""The EXI face: typed messages and XML, what is refused and where, and other codings of the field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from plugcharge import exi
from plugcharge.errors import ExiError
from plugcharge.messages import iso2, iso20_acdp, iso20_types, sap, xmldsig
from tests.unit.handmade_exi import Bits, bits_of

if TYPE_CHECKING:
    from collections.abc import Callable

SETUP = bytes.fromhex("8098004011d018048d159e26ac00")
DS = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
HANDSHAKE = sap.SupportedAppProtocolReq((sap.AppProtocol("urn:x", 2, 0, 1, 1),))


def handshake(*, root: int = 0, namespace: Callable[[Bits], Bits] = lambda bits: bits.text("urn:x")) -> Bits:
    """A SupportedAppProtocolReq as far as behind its first namespace."""
    return namespace(Bits().code(root, 2).code(0, 3)).code(0, 1)


def rest_of_handshake(bits: Bits, priority: int = 1) -> Bits:
    bits.code(0, 2).unsigned(2).code(0, 1)
    bits.code(0, 2).unsigned(0).code(0, 1)
    bits.code(0, 2).code(1, 8).code(0, 1)
    return bits.code(0, 2).code(priority - 1, 5).code(0, 1).code(0, 1).code(1, 2)


def issuer_serial(serial: Callable[[Bits], Bits], name: Callable[[Bits], Bits] | None = None) -> Bits:
    """An X509IssuerSerial within X509Data, which is a document of xmldsig."""
    whole = bits_of(exi.encode(xmldsig.X509Data((xmldsig.X509SKI(b""),))))
    bits = Bits().raw(whole[8:13]).code(0, 3).code(0, 2)
    (name or (lambda text: text.text("CN")))(bits).code(0, 1).code(0, 2)
    return serial(bits).code(0, 1).code(0, 1).code(6, 3)


def refused(data: bytes, schema: str, *, fragment: bool = False) -> ExiError:
    with pytest.raises(ExiError) as caught:
        exi.decode(data, schema, fragment=fragment)
    with pytest.raises(ExiError) as again:
        exi.to_xml(data, schema, fragment=fragment)
    one, other = caught.value, again.value
    assert (one.kind, one.path, one.bit_offset) == (other.kind, other.path, other.bit_offset)
    assert one.schema == schema
    return one


def test_handmade_streams_are_what_the_encoder_writes() -> None:
    """So that what the other tests break was right before."""
    data = rest_of_handshake(handshake()).data()
    assert data == exi.encode(HANDSHAKE)
    assert exi.decode(data, "sap") == HANDSHAKE
    issuer = xmldsig.X509Data((xmldsig.X509IssuerSerial("CN", 300),))
    assert issuer_serial(lambda bits: bits.integer(300)).data() == exi.encode(issuer)


def test_names_of_the_standard_in_xml() -> None:
    xml = exi.to_xml(SETUP, "iso2")
    assert 'ns2:V2G_Message xmlns:ns1="http://www.w3.org/2000/09/xmldsig#"' in xml
    assert "SessionSetupReq>" in xml
    assert ">0123456789AB<" in xml
    assert exi.from_xml(xml, "iso2") == SETUP


def test_guess_gives_every_set_that_fits() -> None:
    assert exi.guess(SETUP) == ["iso2"]
    assert exi.guess(exi.encode(HANDSHAKE)) == ["sap"]
    assert exi.guess(b"") == exi.guess(b"\x80") == exi.guess(b"\x80\xff\xff") == []


def test_an_unknown_schema_set_is_the_callers_fault() -> None:
    for call in (
        lambda: exi.decode(SETUP, "iso3"),
        lambda: exi.to_xml(SETUP, "iso3"),
        lambda: exi.from_xml("<a/>", ""),
    ):
        with pytest.raises(ExiError, match="there is no schema set") as caught:
            call()
        assert caught.value.kind == "root"


# [B5] the header


@pytest.mark.parametrize("schema", ["sap", "iso2", "xmldsig"])
def test_every_other_header_octet_is_refused(schema: str) -> None:
    for octet in range(256):
        if octet != 0x80:
            error = refused(bytes([octet]) + SETUP[1:], schema)
            assert (error.kind, error.path, error.bit_offset) == ("header", "", 0)


# [B5] what follows the message


@pytest.mark.parametrize("zeros", [1, 2, 300])
def test_zero_octets_behind_a_message_are_passed_over(zeros: int) -> None:
    assert exi.decode(SETUP + bytes(zeros), "iso2") == exi.decode(SETUP, "iso2")
    assert exi.guess(SETUP + bytes(zeros)) == ["iso2"]


@pytest.mark.parametrize("tail", ["01", "80", "0001", "00000000000000000001", "ff" * 40])
def test_anything_else_behind_a_message_is_refused(tail: str) -> None:
    error = refused(SETUP + bytes.fromhex(tail), "iso2")
    assert error.kind == "trailing"
    assert error.bit_offset <= len(SETUP) * 8 + len(tail) * 4
    assert error.advice


def test_padding_bits_have_to_be_zero() -> None:
    used = len("".join(rest_of_handshake(handshake()).parts))
    data = exi.encode(HANDSHAKE)
    assert used % 8 != 0
    for bit in range(used, len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] |= 0x80 >> bit % 8
        assert refused(bytes(changed), "sap").kind == "trailing"


def test_two_elements_in_a_fragment_are_refused() -> None:
    info = exi.encode(iso2.AuthorizationReq(id="id1"), fragment=True)
    changed = bits_of(info)
    # The end of the document is the last event code of the fragment grammar, eight bits wide in -2.
    at = changed.rindex("1111", 0, len(changed))
    assert (
        refused(Bits(changed[:at] + "0" + changed[at + 1 :]).data(), "iso2", fragment=True).kind == "trailing"
    )


# The string table: we write in full, and read what others refer to


def two_protocols(second: Callable[[Bits], Bits]) -> Bits:
    """A handshake with two protocols, the second of which says its namespace in another way."""
    bits = rest_of_handshake(handshake())
    bits.parts.pop()
    bits.code(0, 2).code(0, 2)
    return rest_of_handshake(second(bits).code(0, 1))


@pytest.mark.parametrize(
    "hit", [lambda b: b.local_hit(0, 0), lambda b: b.global_hit(0, 0)], ids=["local", "global"]
)
def test_a_reference_to_a_string_is_read(hit: Callable[[Bits], Bits]) -> None:
    message = cast("sap.SupportedAppProtocolReq", exi.decode(two_protocols(hit).data(), "sap"))
    assert message == sap.SupportedAppProtocolReq(HANDSHAKE.app_protocol * 2)
    assert exi.encode(message) == two_protocols(lambda bits: bits.text("urn:x")).data()


def test_references_count_per_name_and_in_all() -> None:
    """KeyName and MgmtData have partitions of their own; the global one holds all, in order."""
    items = [("KeyName", "a1"), ("MgmtData", "b1"), ("KeyName", "c1"), ("MgmtData", "d1"), ("KeyName", "ü2")]
    codes = {"KeyName": 0, "MgmtData": 6}
    whole = bits_of(exi.encode(xmldsig.KeyInfo((xmldsig.KeyName("a1"),))))
    for name, number, width, local, expected in [
        ("KeyName", 0, 2, True, "a1"),
        ("KeyName", 1, 2, True, "c1"),
        ("KeyName", 2, 2, True, "ü2"),
        ("MgmtData", 1, 1, True, "d1"),
        ("MgmtData", 0, 3, False, "a1"),
        ("KeyName", 3, 3, False, "d1"),
        ("MgmtData", 4, 3, False, "ü2"),
    ]:
        bits = Bits().raw(whole[8:13])
        for at, (element, text) in enumerate(items):
            bits.code(codes[element] + (at == 0), 4).code(0, 1).text(text).code(0, 1)
        bits.code(codes[name], 4).code(0, 1)
        (bits.local_hit if local else bits.global_hit)(number, width).code(0, 1).code(8, 4)
        message = cast("xmldsig.KeyInfo", exi.decode(bits.data(), "xmldsig"))
        assert [cast("Any", item).value for item in message.items] == [text for _, text in items] + [expected]
        assert type(message.items[-1]).__name__ == name


def test_a_reference_to_nothing_is_refused() -> None:
    for hit in (lambda bits: bits.local_hit(0, 0), lambda bits: bits.global_hit(0, 0)):
        bits = handshake(namespace=hit)
        error = refused(bits.data(), "sap")
        assert error.kind == "string-table"
        assert error.path == "supportedAppProtocolReq/AppProtocol/ProtocolNamespace"
        assert error.bit_offset == len("".join(bits.parts)) - 1


def test_a_reference_beyond_the_last_string_is_refused() -> None:
    """Three strings have two-bit numbers; the fourth number means nothing."""
    bits = rest_of_handshake(handshake())
    for text in ("urn:y", "urn:z"):
        bits.parts.pop()
        bits = rest_of_handshake(bits.code(0, 2).code(0, 2).text(text).code(0, 1))
    bits.parts.pop()
    bits.code(0, 2).code(0, 2).local_hit(3, 2)
    assert refused(bits.data(), "sap").kind == "string-table"


# Empty values, in the two codings of the field


def test_empty_text_in_both_codings() -> None:
    """With characters of length 0, as most stacks write it, and as an element that ends without any."""
    empty = sap.SupportedAppProtocolReq((sap.AppProtocol("", 2, 0, 1, 1),))
    written = rest_of_handshake(handshake(namespace=lambda bits: bits.text(""))).data()
    assert exi.encode(empty) == written
    assert exi.decode(written, "sap") == empty
    undeclared_end = Bits().code(0, 2).code(0, 2).code(1, 1).code(0, 3)
    assert exi.decode(rest_of_handshake(undeclared_end).data(), "sap") == empty


def test_empty_octets_in_both_codings() -> None:
    empty = xmldsig.X509Data((xmldsig.X509SKI(b""),))
    written = exi.encode(empty)
    assert exi.decode(written, "xmldsig") == empty
    root = bits_of(written)[8:13]
    other = Bits().raw(root).code(1, 3).code(1, 1).code(0, 3).code(6, 3)
    assert exi.decode(other.data(), "xmldsig") == empty


def test_an_empty_number_is_missing() -> None:
    bits = handshake().code(0, 1).code(1, 1).code(0, 3)
    error = refused(bits.data() + bytes(4), "sap")
    assert error.kind == "missing"
    assert error.path == "supportedAppProtocolReq/AppProtocol/VersionNumberMajor"
    assert error.bit_offset == len("".join(bits.parts))


# Numbers of any size


@pytest.mark.parametrize(
    "serial",
    [
        0,
        1,
        -1,
        -2,
        127,
        128,
        -128,
        -129,
        2**63 - 1,
        2**63,
        -(2**63),
        -(2**63) - 1,
        2**64 - 1,
        2**64,
        -(2**64),
        2**159 + 12345,
        -(2**160),
        2**2047,
    ],
)
def test_integers_without_bounds(serial: int) -> None:
    """X509SerialNumber has no bounds; serial numbers of 20 octets are common."""
    message = xmldsig.X509Data((xmldsig.X509IssuerSerial("CN", serial),))
    data = exi.encode(message)
    assert data == issuer_serial(lambda bits: bits.integer(serial)).data()
    assert exi.decode(data, "xmldsig") == message
    assert f">{serial}<" in exi.to_xml(data, "xmldsig")
    assert exi.from_xml(exi.to_xml(data, "xmldsig"), "xmldsig") == data


def test_a_number_with_padding_groups_is_read() -> None:
    data = issuer_serial(lambda bits: bits.code(0, 1).unsigned(5, pad=12)).data()
    assert exi.decode(data, "xmldsig") == xmldsig.X509Data((xmldsig.X509IssuerSerial("CN", 5),))


def test_a_number_without_end_is_refused() -> None:
    error = refused(issuer_serial(lambda bits: bits.code(0, 1).unsigned(2**2080)).data(), "xmldsig")
    assert error.kind == "limit"
    assert error.path == "X509Data/X509IssuerSerial/X509SerialNumber"


# Every kind of refusal, with its place


def offset(bits: Bits) -> int:
    return len("".join(bits.parts))


def test_truncated() -> None:
    assert (refused(b"", "iso2").kind, refused(b"", "iso2").bit_offset) == ("truncated", 0)
    assert refused(b"\x80", "iso2").kind == "truncated"
    error = refused(SETUP[:10], "iso2")
    assert error.kind == "truncated"
    assert error.path == "V2G_Message/Body/SessionSetupReq/EVCCID"
    assert "iso2: truncated" in str(error)


def test_root() -> None:
    bits = Bits().code(2, 2)
    error = refused(bits.data() + b"\0", "sap")
    assert (error.kind, error.path, error.bit_offset) == ("root", "", offset(bits))
    assert refused(Bits().code(3, 2).data(), "sap").kind == "root"


def test_event_code() -> None:
    bits = Bits().code(1, 2).code(0, 2).code(0, 2).code(0, 1).code(3, 2)
    error = refused(bits.data() + b"\0", "sap")
    assert (error.kind, error.path) == ("event-code", "supportedAppProtocolRes")
    assert error.bit_offset == offset(bits)


def test_undeclared() -> None:
    """xsi:type is the first of the events that follow an escape at the start of an element."""
    bits = Bits().code(0, 2).code(1, 1).code(1, 3)
    error = refused(bits.data() + b"\0", "sap")
    assert error.kind == "undeclared"
    assert "xsi:type" in error.what
    assert error.path == "supportedAppProtocolReq"
    after_value = handshake()
    after_value.parts.pop()
    error = refused(after_value.code(1, 1).data() + b"\0", "sap")
    assert (error.kind, error.path) == ("undeclared", "supportedAppProtocolReq/AppProtocol")


def body_code() -> tuple[str, int, int]:
    """The bits before a body's event code, its width, and the number of codes."""
    first = bits_of(exi.encode(iso2.V2G_Message(iso2.MessageHeader(b""), iso2.AuthorizationReq())))
    other = bits_of(exi.encode(iso2.V2G_Message(iso2.MessageHeader(b""), iso2.SessionSetupReq(b""))))
    at = next(n for n, (one, two) in enumerate(zip(first, other, strict=False)) if one != two)
    # AuthorizationReq has the code 0, SessionSetupReq 29: they differ from the second of six bits on.
    return first[8 : at - 1], 6, 35


def test_abstract() -> None:
    prefix, width, count = body_code()
    abstract = []
    for code in range(count):
        bits = Bits().raw(prefix).code(code, width)
        try:
            exi.decode(bits.data() + bytes(2), "iso2")
        except ExiError as error:
            if error.kind == "abstract":
                abstract.append((error.path, error.bit_offset - offset(bits)))
    assert abstract == [("V2G_Message/Body/BodyElement", 0)]


def test_wildcard() -> None:
    whole = bits_of(exi.encode(xmldsig.X509Data((xmldsig.X509SKI(b""),))))
    bits = Bits().raw(whole[8:13]).code(5, 3)
    error = refused(bits.data() + b"\0", "xmldsig")
    assert (error.kind, error.bit_offset) == ("wildcard", offset(bits))


def test_missing() -> None:
    bits = Bits().code(0, 2).code(1, 1).code(0, 3)
    error = refused(bits.data() + b"\0", "sap")
    assert (error.kind, error.path) == ("missing", "supportedAppProtocolReq")
    assert error.bit_offset == offset(bits)


@pytest.mark.parametrize("priority", range(21, 33))
def test_range(priority: int) -> None:
    bits = handshake()
    error = refused(rest_of_handshake(bits, priority).data(), "sap")
    assert (error.kind, error.path) == ("range", "supportedAppProtocolReq/AppProtocol/Priority")
    assert error.bit_offset == offset(bits) - 4


def test_range_of_a_long_number() -> None:
    error = refused(handshake().code(0, 2).unsigned(2**32).data() + b"\0", "sap")
    assert (error.kind, error.path) == ("range", "supportedAppProtocolReq/AppProtocol/VersionNumberMajor")
    assert refused(handshake().code(0, 2).unsigned(2**80).data() + b"\0", "sap").kind == "range"


def test_range_of_an_enumeration() -> None:
    bits = Bits().code(1, 2).code(0, 2).code(3, 2)
    error = refused(bits.data() + b"\0", "sap")
    assert (error.kind, error.path) == ("range", "supportedAppProtocolRes/ResponseCode")
    assert error.bit_offset == offset(bits)


@pytest.mark.parametrize("scalar", [0xD800, 0xDFFF, 0x110000, 2**32, 2**70])
def test_character(scalar: int) -> None:
    error = refused(
        handshake(namespace=lambda bits: bits.unsigned(3).unsigned(scalar)).data() + bytes(8), "sap"
    )
    assert (error.kind, error.path) == ("character", "supportedAppProtocolReq/AppProtocol/ProtocolNamespace")


def test_characters_that_xml_cannot_carry() -> None:
    data = exi.encode(sap.SupportedAppProtocolReq((sap.AppProtocol("\x00", 2, 0, 1, 1),)))
    assert exi.decode(data, "sap") != HANDSHAKE
    with pytest.raises(ExiError) as caught:
        exi.to_xml(data, "sap")
    assert caught.value.kind == "character"


def test_unexpected() -> None:
    """An attribute in the relaxed grammar that the type does not have."""
    data = exi.encode(iso2.EMAID(id="id1", value="EMP99CQAPAB004"), fragment=True, element="eMAID")
    bits = bits_of(data)
    root, code = bits[8:16], bits[16:24]
    error = refused(
        Bits().raw(root).code((int(code, 2) & ~1) ^ 2, 8).data() + bytes(8), "iso2", fragment=True
    )
    assert error.path == "eMAID"
    assert error.kind in {"unexpected", "event-code"}


def test_limit_on_items() -> None:
    """A list without a limit of its own ends at 1,024 items; both sides of that border."""
    item = xmldsig.Transform("a")
    most = xmldsig.Transforms((item,) * 1024)
    assert exi.decode(exi.encode(most), "xmldsig") == most
    error = refused(exi.encode(xmldsig.Transforms((item,) * 1025)), "xmldsig")
    assert (error.kind, error.path) == ("limit", "Transforms")


# Writing: the caller's faults, with the path


def setup(**changes: object) -> iso2.V2G_Message:
    return iso2.V2G_Message(
        iso2.MessageHeader(b"\x01"), iso2.SessionSetupReq(cast("Any", changes.get("evcc_id", b"\x01")))
    )


WRITING: dict[str, tuple[exi.Message, str, str]] = {
    "octets too long": (setup(evcc_id=bytes(7)), "length", "V2G_Message/Body/SessionSetupReq/EVCCID"),
    "text too long": (sap.AppProtocol("x" * 101, 1, 0, 1, 1), "length", "AppProtocol/ProtocolNamespace"),
    "text too short": (iso2.EMAID(id="id1", value="short"), "length", "eMAID"),
    "number too great": (sap.AppProtocol("x", 1, 0, 256, 1), "range", "AppProtocol/SchemaID"),
    "number too small": (sap.AppProtocol("x", 1, 0, 1, 0), "range", "AppProtocol/Priority"),
    "number far too great": (sap.AppProtocol("x", 2**80, 0, 1, 1), "range", "AppProtocol/VersionNumberMajor"),
    "text for a number": (
        sap.AppProtocol("x", cast("Any", "1"), 0, 1, 1),
        "type",
        "AppProtocol/VersionNumberMajor",
    ),
    "text for octets": (setup(evcc_id="01"), "type", "V2G_Message/Body/SessionSetupReq/EVCCID"),
    "no list item": (sap.SupportedAppProtocolReq(()), "missing", "supportedAppProtocolReq/AppProtocol"),
    "too many items": (
        sap.SupportedAppProtocolReq(HANDSHAKE.app_protocol * 21),
        "unexpected",
        "supportedAppProtocolReq/AppProtocol",
    ),
    "no alternative": (iso2.Parameter("n"), "missing", "Parameter/boolValue"),
    "two alternatives": (
        iso2.Parameter("n", bool_value=True, int_value=1),
        "unexpected",
        "Parameter/intValue",
    ),
    "unknown value": (
        sap.SupportedAppProtocolRes(cast("Any", "OK_Perhaps")),
        "type",
        "supportedAppProtocolRes/ResponseCode",
    ),
    "none for a value": (
        sap.SupportedAppProtocolRes(cast("Any", None)),
        "missing",
        "supportedAppProtocolRes",
    ),
}


@pytest.mark.parametrize("case", WRITING)
def test_faults_when_writing(case: str) -> None:
    message, kind, path = WRITING[case]
    fragment = type(message) in (sap.AppProtocol, iso2.Parameter, iso2.EMAID)
    with pytest.raises(ExiError) as caught:
        exi.encode(message, fragment=fragment)
    error = caught.value
    assert (error.kind, error.bit_offset) == (kind, -1)
    assert error.path.startswith(path)
    assert error.what


def test_lengths_are_checked_unless_told_otherwise() -> None:
    long = setup(evcc_id=bytes(7))
    data = exi.encode(long, limits=False)
    assert exi.decode(data, "iso2") == long
    with pytest.raises(ExiError, match="7 octets; 0 to 6 are allowed"):
        exi.encode(long)
    with pytest.raises(ExiError, match="7 octets"):
        exi.from_xml(exi.to_xml(data, "iso2"), "iso2")
    assert exi.from_xml(exi.to_xml(data, "iso2"), "iso2", limits=False) == data


def test_the_element_has_to_be_named_where_it_is_not_plain() -> None:
    value = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=16)
    with pytest.raises(ExiError, match="name the element") as caught:
        exi.encode(value, fragment=True)
    assert caught.value.kind == "root"
    data = exi.encode(value, fragment=True, element="EVMaxCurrent")
    assert exi.decode(data, "iso2", fragment=True) == value
    assert "EVMaxCurrent" in exi.to_xml(data, "iso2", fragment=True)
    with pytest.raises(ExiError):
        exi.encode(value, fragment=True, element="EVCCID")


@pytest.mark.parametrize(
    "thing",
    [None, 1, "V2G_Message", b"", object(), sap.ResponseCode.Failed_NoNegotiation, HANDSHAKE.app_protocol],
)
def test_what_is_no_message_is_not_encoded(thing: object) -> None:
    with pytest.raises(ExiError) as caught:
        exi.encode(cast("Any", thing))
    assert caught.value.kind == "root"


# XML


@pytest.mark.parametrize(
    ("xml", "kind"),
    [
        ("", "xml"),
        ("nothing", "xml"),
        ("<a", "xml"),
        (f"<ds:KeyInfo {DS}><ds:KeyName>a</ds:KeyName>", "xml"),
        ("<ds:KeyInfo/>", "xml"),
        ("<KeyInfo/>", "root"),
        (f"<!DOCTYPE a [<!ENTITY b 'c'>]><ds:KeyInfo {DS}/>", "xml"),
        (f"<ds:KeyInfo {DS}><ds:KeyName>&b;</ds:KeyName></ds:KeyInfo>", "xml"),
        (f"<ds:KeyInfo {DS}><ds:KeyName>a</ds:KeyName></ds:KeyInfo><b/>", "trailing"),
        (f"<ds:KeyInfo {DS}>text<ds:KeyName>a</ds:KeyName></ds:KeyInfo>", "unexpected"),
        (f"<ds:KeyInfo {DS}><ds:SignedInfo/></ds:KeyInfo>", "unexpected"),
        (f"<ds:KeyInfo {DS} b='c'><ds:KeyName>a</ds:KeyName></ds:KeyInfo>", "unexpected"),
        (f"<ds:KeyInfo {DS}></ds:KeyInfo>", "missing"),
        (f"<ds:X509Data {DS}><ds:X509SKI>*</ds:X509SKI></ds:X509Data>", "type"),
    ],
)
def test_xml_that_is_refused(xml: str, kind: str) -> None:
    with pytest.raises(ExiError) as caught:
        exi.from_xml(xml, "xmldsig")
    assert caught.value.kind == kind
    assert caught.value.bit_offset == -1


def test_prefixes_comments_space_and_references_carry_no_meaning() -> None:
    one = f"<ds:KeyInfo {DS} Id='i'><ds:KeyName>a&amp;b&#252;</ds:KeyName></ds:KeyInfo>"
    other = "<?xml version='1.0'?><!-- c --><KeyInfo xmlns='http://www.w3.org/2000/09/xmldsig#'\n Id=\"i\">\n <KeyName>a<![CDATA[&]]>bü</KeyName></KeyInfo>\n"  # noqa: E501
    assert exi.from_xml(one, "xmldsig") == exi.from_xml(other, "xmldsig")
    assert exi.decode(exi.from_xml(one, "xmldsig"), "xmldsig") == xmldsig.KeyInfo(
        (xmldsig.KeyName("a&bü"),), id="i"
    )


# Messages are values


def test_messages_are_immutable_comparable_and_hashable() -> None:
    message = exi.decode(SETUP, "iso2")
    assert message == exi.decode(SETUP, "iso2")
    assert hash(message) == hash(exi.decode(SETUP, "iso2"))
    with pytest.raises(AttributeError):
        cast("Any", message).header = None
    assert msgspec.structs.replace(cast("Any", message), header=iso2.MessageHeader(b"")) != message


def test_octets_come_in_any_buffer_and_are_not_kept() -> None:
    buffer = bytearray(SETUP)
    message = exi.decode(bytes(buffer), "iso2")
    buffer[:] = bytes(len(buffer))
    assert exi.encode(message) == SETUP


# Found and not yet mended: each entry fails the run as soon as it behaves


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(ExiError):
        exi.encode(sap.AppProtocol("\ud800", 1, 0, 1, 1), fragment=True)


def test_a_number_that_is_not_read_is_not_written() -> None:
    with pytest.raises(ExiError):
        exi.encode(xmldsig.X509IssuerSerial("CN", 2**3000), fragment=True)


def test_the_path_of_a_bad_value_in_xml_names_its_element_once() -> None:
    data = exi.encode(sap.SupportedAppProtocolRes(sap.ResponseCode.OK_SuccessfulNegotiation, 3))
    with pytest.raises(ExiError) as caught:
        exi.from_xml(exi.to_xml(data, "sap").replace(">3<", ">3.0<"), "sap")
    assert caught.value.path == "supportedAppProtocolRes/SchemaID"


def test_the_path_of_a_bad_part_names_its_element_once() -> None:
    wrong = cast("Any", iso2.ChargingStatusReq())
    with pytest.raises(ExiError) as caught:
        exi.encode(iso2.V2G_Message(wrong, iso2.ChargingStatusReq()))
    assert caught.value.path == "V2G_Message/Header"


def test_a_message_whose_type_serves_two_roots_has_to_be_named() -> None:
    header = iso20_types.MessageHeader(bytes(8), 1)
    status = next(iter(iso20_acdp.ElectricalChargingDeviceStatus))
    request = iso20_acdp.ACDP_ConnectReq(header, status)
    with pytest.raises(ExiError, match="name the element"):
        exi.encode(request)
    for name in ("ACDP_ConnectReq", "ACDP_DisconnectReq"):
        data = exi.encode(request, element=name)
        assert f":{name} " in exi.to_xml(data, "iso20_acdp")
