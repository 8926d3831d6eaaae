"""Signatures: what is covered verifies, everything else is refused with its rule ([S7], [S8] of the
faults).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import msgspec
import pytest

from plugcharge import exi, pki, sign
from plugcharge.errors import ChainError, ExiError, LocalError, SignatureError
from plugcharge.messages import iso2, xmldsig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
CHALLENGE = bytes(range(16))
SESSION = bytes.fromhex("0102030405060708")

Change = Callable[[xmldsig.SignedInfo], xmldsig.SignedInfo]


def replaced(message: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(message, **changes)


@cache
def key() -> pki.SigningKey:
    return pki.SigningKey.generate()


@cache
def world() -> pki.TestPki:
    return pki.TestPki(b"signatures", now=NOW)


def request(identity: str = "id1") -> iso2.AuthorizationReq:
    return iso2.AuthorizationReq(id=identity, gen_challenge=CHALLENGE)


def tariff(identity: str, number: int = 1) -> iso2.SalesTariff:
    entry = iso2.SalesTariffEntry(time_interval=iso2.RelativeTimeInterval(start=0))
    return iso2.SalesTariff(sales_tariff_id=number, sales_tariff_entry=(entry,), id=identity)


def whole(body: Any, signature: xmldsig.Signature | None) -> bytes:
    return exi.encode(iso2.V2G_Message(iso2.MessageHeader(SESSION, None, signature), body))


def signed(change: Change, *elements: exi.Message) -> xmldsig.Signature:
    """Sign elements, change SignedInfo, and sign that: the value is right, so only the change is at fault."""
    info = change(sign.sign_elements(elements, key()).signed_info)
    value = key().sign_raw(exi.encode(info, fragment=True))
    return xmldsig.Signature(info, xmldsig.SignatureValue(value))


def rule_of(signature: xmldsig.Signature | None, *elements: exi.Message) -> str:
    with pytest.raises(SignatureError) as caught:
        sign.verify_elements(elements, signature, public_key=key().public_key)
    assert caught.value.code == "FAILED_SignatureError"
    assert caught.value.what
    assert caught.value.advice
    return caught.value.rule


ELEMENTS: dict[str, Callable[[], Any]] = {
    "AuthorizationReq": request,
    "MeteringReceiptReq": lambda: iso2.MeteringReceiptReq(
        session_id=SESSION, meter_info=iso2.MeterInfo("meter"), id="id1", sa_schedule_tuple_id=1
    ),
    "CertificateInstallationReq": lambda: iso2.CertificateInstallationReq(
        id="id1",
        oem_provisioning_cert=b"certificate",
        list_of_root_certificate_ids=iso2.ListOfRootCertificateIDs((xmldsig.X509IssuerSerial("CN", 1),)),
    ),
    "CertificateUpdateReq": lambda: iso2.CertificateUpdateReq(
        id="id1",
        contract_signature_cert_chain=iso2.CertificateChain(b"leaf"),
        emaid="DEPLGC00000001",
        list_of_root_certificate_ids=iso2.ListOfRootCertificateIDs((xmldsig.X509IssuerSerial("CN", 2**159),)),
    ),
    "ContractSignatureCertChain": lambda: iso2.CertificateChain(b"leaf", "id1"),
    "ContractSignatureEncryptedPrivateKey": lambda: iso2.ContractSignatureEncryptedPrivateKey(
        id="id1", value=bytes(48)
    ),
    "DHpublickey": lambda: iso2.DiffieHellmanPublickey(id="id1", value=b"\x04" + bytes(64)),
    "eMAID": lambda: iso2.EMAID(id="id1", value="DEPLGC00000001"),
    "SalesTariff": lambda: tariff("id1"),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_every_element_that_is_signed_comes_back(name: str) -> None:
    element = ELEMENTS[name]()
    signature = sign.sign_elements([element], key())
    found = sign.verify_elements([element], signature, public_key=key().public_key)
    assert found.names == ((name, "id1"),)
    assert found.elements == (element,)
    assert found.public_key == key().public_key
    assert (found.message, found.chain) == (None, None)


def test_the_form_is_the_one_of_the_standard() -> None:
    signature = sign.sign_elements([request()], key())
    info = signature.signed_info
    assert info.canonicalization_method.algorithm == "http://www.w3.org/TR/canonical-exi/"
    assert info.signature_method.algorithm == "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    [reference] = info.reference
    assert reference.uri == "#id1"
    assert len(reference.digest_value) == 32
    assert len(signature.signature_value.value) == 64
    assert (signature.key_info, signature.object, signature.id, info.id) == (None, (), None, None)


# [S7] the value


@pytest.mark.parametrize(
    "value",
    [
        b"",
        bytes(63),
        bytes(64),
        bytes(65),
        bytes(128),
        bytes(32) + b"\1" * 32,
        b"\1" * 32 + bytes(32),
        ORDER.to_bytes(32, "big") + b"\1" * 32,
        b"\1" * 32 + ORDER.to_bytes(32, "big"),
        (ORDER + 1).to_bytes(32, "big") * 2,
        b"\xff" * 64,
        bytes.fromhex("3006020101020101"),
    ],
    ids=len,
)
def test_values_that_are_no_signature(value: bytes) -> None:
    signature = replaced(
        sign.sign_elements([request()], key()), signature_value=xmldsig.SignatureValue(value)
    )
    assert rule_of(signature, request()) == "value-mismatch"


def test_values_of_another_length_that_hold_the_right_one() -> None:
    right = sign.sign_elements([request()], key())
    value = right.signature_value.value
    for wrong in (value + b"\0", b"\0" + value, value[:63], value[:32] + b"\0" + value[32:], value * 2):
        signature = replaced(right, signature_value=xmldsig.SignatureValue(wrong))
        assert rule_of(signature, request()) == "value-mismatch"


def test_every_bit_of_the_value_counts() -> None:
    right = sign.sign_elements([request()], key())
    for bit in range(512):
        value = bytearray(right.signature_value.value)
        value[bit // 8] ^= 0x80 >> bit % 8
        changed = replaced(right, signature_value=xmldsig.SignatureValue(bytes(value)))
        assert rule_of(changed, request()) == "value-mismatch"


def test_every_bit_of_a_signed_message_counts() -> None:
    """Each changed bit is no message, or no signature over it; only the session id is not signed."""
    data = whole(request(), sign.sign_elements([request()], key()))
    original = sign.verify_message(data, public_key=key().public_key)
    unsigned = 0
    for bit in range(8, len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 0x80 >> bit % 8
        try:
            found = sign.verify_message(bytes(changed), public_key=key().public_key)
        except (SignatureError, ExiError):
            continue
        unsigned += 1
        assert found.elements == original.elements
        assert cast("Any", found.message).header.signature == cast("Any", original.message).header.signature
    # The 64 bits of the session id.
    assert unsigned == 64


def test_a_missing_signature_is_refused() -> None:
    assert rule_of(None, request()) == "signature-missing"
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(whole(request(), None), public_key=key().public_key)
    assert (caught.value.rule, caught.value.code) == ("signature-missing", "FAILED_SignatureError")


# [S8] wrapping, and parts that are not what they have to be


def references(*changes: Callable[[xmldsig.Reference], xmldsig.Reference]) -> Change:
    """Replace the references by changed copies of the first."""

    def change(info: xmldsig.SignedInfo) -> xmldsig.SignedInfo:
        return cast(
            "xmldsig.SignedInfo", replaced(info, reference=tuple(one(info.reference[0]) for one in changes))
        )

    return change


def same(reference: xmldsig.Reference) -> xmldsig.Reference:
    return reference


def named(uri: str | None) -> Callable[[xmldsig.Reference], xmldsig.Reference]:
    return lambda reference: cast("xmldsig.Reference", replaced(reference, uri=uri))


def with_(**changes: Any) -> Callable[[xmldsig.Reference], xmldsig.Reference]:
    return lambda reference: cast("xmldsig.Reference", replaced(reference, **changes))


def info_with(**changes: Any) -> Change:
    return lambda info: cast("xmldsig.SignedInfo", replaced(info, **changes))


SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
CANONICAL = xmldsig.Transform("http://www.w3.org/TR/canonical-exi/")
XML_CANONICAL = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
REFUSED: dict[str, tuple[Change, str]] = {
    "other canonicalization": (
        info_with(canonicalization_method=xmldsig.CanonicalizationMethod(XML_CANONICAL)),
        "algorithm",
    ),
    "other algorithm": (
        info_with(
            signature_method=xmldsig.SignatureMethod("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512")
        ),
        "algorithm",
    ),
    "no algorithm": (info_with(signature_method=xmldsig.SignatureMethod("")), "algorithm"),
    "output length": (
        info_with(
            signature_method=xmldsig.SignatureMethod(
                "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256", 128
            )
        ),
        "forbidden-part",
    ),
    "id of SignedInfo": (info_with(id="x"), "forbidden-part"),
    "other digest": (references(with_(digest_method=xmldsig.DigestMethod(f"{SHA256}x"))), "algorithm"),
    "digest in capitals": (
        references(with_(digest_method=xmldsig.DigestMethod(SHA256.upper()))),
        "algorithm",
    ),
    "type of the reference": (
        references(with_(type="http://www.w3.org/2000/09/xmldsig#Object")),
        "forbidden-part",
    ),
    "no transforms": (references(with_(transforms=None)), "transform"),
    "other transform": (
        references(with_(transforms=xmldsig.Transforms((xmldsig.Transform("x"),)))),
        "transform",
    ),
    "two transforms": (references(with_(transforms=xmldsig.Transforms((CANONICAL,) * 2))), "transform"),
    "XPath": (
        references(with_(transforms=xmldsig.Transforms((replaced(CANONICAL, xpath=("//a",)),)))),
        "forbidden-part",
    ),
    "no URI": (references(named(None)), "reference-missing"),
    "empty URI": (references(named("")), "reference-missing"),
    "URI without hash": (references(named("id1")), "reference-missing"),
    "URI with two hashes": (references(named("##id1")), "reference-missing"),
    "URI of a document": (references(named("other#id1")), "reference-missing"),
    "XPointer": (references(named("#xpointer(id('id1'))")), "reference-missing"),
    "other element": (references(named("#id2")), "reference-missing"),
    "same element twice": (references(same, same), "duplicate"),
    "extra reference": (references(same, named("#id2")), "reference-extra"),
    "extra reference without URI": (references(same, named(None)), "reference-extra"),
    "five references": (references(same, *(named(f"#id{n}") for n in range(2, 6))), "reference-count"),
    "digest of another": (references(with_(digest_value=bytes(32))), "digest-mismatch"),
    "short digest": (
        lambda info: info_with(reference=(cut(info.reference[0], 31),))(info),
        "digest-mismatch",
    ),
    "long digest": (lambda info: info_with(reference=(cut(info.reference[0], 33),))(info), "digest-mismatch"),
    "no digest": (references(with_(digest_value=b"")), "digest-mismatch"),
}


def cut(reference: xmldsig.Reference, length: int) -> xmldsig.Reference:
    return cast(
        "xmldsig.Reference", replaced(reference, digest_value=(reference.digest_value + b"\0")[:length])
    )


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_parts_under_a_right_value(case: str) -> None:
    change, rule = REFUSED[case]
    signature = signed(change, request())
    assert rule_of(signature, request()) == rule
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(whole(request(), signature), public_key=key().public_key)
    assert caught.value.code == "FAILED_SignatureError"


def test_the_control_arm_verifies() -> None:
    """Unchanged, the way of signing above is right: it is the changes that are refused."""
    signature = signed(lambda info: info, request())
    assert sign.verify_elements([request()], signature, public_key=key().public_key).names
    assert sign.verify_message(whole(request(), signature), public_key=key().public_key).names


@pytest.mark.parametrize(
    "change",
    [
        {"key_info": xmldsig.KeyInfo((xmldsig.KeyName("mine"),))},
        {"object": (xmldsig.Object(),)},
    ],
    ids=["KeyInfo", "Object"],
)
def test_parts_that_the_standard_forbids(change: dict[str, Any]) -> None:
    """[V2G2-771]: above all, no key is ever taken from the message."""
    signature = replaced(sign.sign_elements([request()], key()), **change)
    assert rule_of(signature, request()) == "forbidden-part"


def test_id_of_the_value_is_forbidden() -> None:
    right = sign.sign_elements([request()], key())
    signature = replaced(right, signature_value=replaced(right.signature_value, id="x"))
    assert rule_of(signature, request()) == "forbidden-part"


def test_two_elements_with_one_id_are_refused() -> None:
    schedules = iso2.SAScheduleList(
        tuple(
            iso2.SAScheduleTuple(
                n,
                iso2.PMaxSchedule(
                    (
                        iso2.PMaxScheduleEntry(
                            iso2.RelativeTimeInterval(0), iso2.PhysicalValue(0, iso2.UnitSymbol.W, 1)
                        ),
                    )
                ),
                tariff("id1", n),
            )
            for n in (1, 2)
        )
    )
    body = iso2.ChargeParameterDiscoveryRes(
        iso2.ResponseCode.OK,
        iso2.EVSEProcessing.Finished,
        iso2.AC_EVSEChargeParameter(
            iso2.AC_EVSEStatus(
                notification_max_delay=0, evse_notification=iso2.EVSENotification("None"), rcd=False
            ),
            iso2.PhysicalValue(0, iso2.UnitSymbol.V, 230),
            iso2.PhysicalValue(0, iso2.UnitSymbol.A, 16),
        ),
        schedules,
    )
    first = sign.sign_elements([tariff("id1", 1)], key())
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(whole(body, first), public_key=key().public_key)
    assert caught.value.rule == "duplicate"
    right = replaced(
        body, sa_schedules=replaced(schedules, sa_schedule_tuple=schedules.sa_schedule_tuple[:1])
    )
    assert sign.verify_message(whole(right, first), public_key=key().public_key).names == (
        ("SalesTariff", "id1"),
    )


def test_elements_and_references_match_both_ways() -> None:
    one, two = tariff("id1", 1), tariff("id2", 2)
    signature = sign.sign_elements([one, two], key())
    assert sign.verify_elements([two, one], signature, public_key=key().public_key).names
    assert rule_of(signature, one) == "reference-extra"
    assert rule_of(signature, one, two, tariff("id3", 3)) == "reference-missing"
    assert rule_of(signature, one, replaced(two, id="id1")) == "duplicate"
    assert rule_of(signature, replaced(one, id="id2"), replaced(two, id="id1")) == "digest-mismatch"


def test_a_signature_of_another_message_covers_nothing_here() -> None:
    stale = sign.sign_elements([request("id1")], key())
    receipt = ELEMENTS["MeteringReceiptReq"]()
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(whole(receipt, stale), public_key=key().public_key)
    # [V2G2-904]: a receipt has a response code of its own.
    assert caught.value.code == "FAILED_MeteringSignatureNotValid"
    assert caught.value.rule == "digest-mismatch"


def test_a_body_that_is_not_signed_is_not_verified() -> None:
    stale = sign.sign_elements([request()], key())
    body = iso2.ChargingStatusReq()
    data = whole(body, stale)
    assert cast("Any", exi.decode(data, "iso2")).body == body
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(data, public_key=key().public_key)
    assert caught.value.rule == "signature-missing"


def test_a_message_without_id_is_not_covered() -> None:
    signature = sign.sign_elements([request()], key())
    body = iso2.AuthorizationReq(gen_challenge=CHALLENGE)
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(whole(body, signature), public_key=key().public_key)
    assert caught.value.rule == "reference-missing"


# The whole check of a received message


def test_challenge() -> None:
    """[V2G2-475]: the challenge has to be the one the station gave; a replay is refused."""
    data = whole(request(), sign.sign_elements([request()], key()))
    assert sign.verify_message(data, public_key=key().public_key, challenge=CHALLENGE).names
    for other in (bytes(16), CHALLENGE[:15], CHALLENGE + b"\0", b""):
        with pytest.raises(SignatureError) as caught:
            sign.verify_message(data, public_key=key().public_key, challenge=other)
        assert (caught.value.code, caught.value.rule) == ("FAILED_ChallengeInvalid", "challenge")
    silent = iso2.AuthorizationReq(id="id1")
    data = whole(silent, sign.sign_elements([silent], key()))
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(data, public_key=key().public_key, challenge=CHALLENGE)
    assert caught.value.code == "FAILED_ChallengeInvalid"


def test_with_the_chain_of_the_contract() -> None:
    contract = world().contract("DEPLGC00000001")
    contract_key = pki.SigningKey.from_der(der_of(contract.key_pem()))
    data = whole(request(), sign.sign_elements([request()], contract_key))
    trust = pki.TrustStore(mo=[world().mo_root.der])
    found = sign.verify_message(data, chain=contract.chain, trust=trust, at=NOW, challenge=CHALLENGE)
    assert found.chain is not None
    assert found.chain.leaf == contract.der
    assert found.public_key == pki.PublicKey.from_certificate(contract.der)
    with pytest.raises(ChainError):
        sign.verify_message(
            data, chain=contract.chain, trust=pki.TrustStore(v2g=[world().v2g_root.der]), at=NOW
        )
    with pytest.raises(ChainError):
        sign.verify_message(data, chain=contract.chain, trust=trust, at=datetime(2100, 1, 1, tzinfo=UTC))
    with pytest.raises(SignatureError, match="value"):
        sign.verify_message(data, public_key=key().public_key)


def der_of(pem: bytes) -> bytes:
    return base64.b64decode(b"".join(pem.splitlines()[1:-1]))


def test_the_callers_faults() -> None:
    data = whole(request(), sign.sign_elements([request()], key()))
    with pytest.raises(LocalError):
        sign.verify_message(data)
    with pytest.raises(LocalError):
        sign.verify_message(data, public_key=key().public_key, chain=[b""])
    with pytest.raises(LocalError):
        sign.verify_message(data, chain=[b""])
    for elements in ([], [tariff(f"id{n}") for n in range(5)], [tariff("id1"), tariff("id1")]):
        with pytest.raises(LocalError):
            sign.sign_elements(elements, key())
    for nameless in (iso2.AuthorizationReq(), iso2.ChargingStatusReq(), replaced(request(), id="")):
        with pytest.raises(LocalError, match="without an Id"):
            sign.sign_elements([nameless], key())
        with pytest.raises(LocalError):
            sign.verify_elements([nameless], None, public_key=key().public_key)
    with pytest.raises(ExiError):
        sign.sign_elements([iso2.EMAID(id="id1", value="short")], key())
    with pytest.raises(ExiError):
        sign.verify_message(b"\x80", public_key=key().public_key)


def test_four_elements_are_the_most() -> None:
    """[V2G2-909]."""
    elements = [tariff(f"id{n}", n) for n in range(1, 5)]
    signature = sign.sign_elements(elements, key())
    assert len(sign.verify_elements(elements, signature, public_key=key().public_key).names) == 4
