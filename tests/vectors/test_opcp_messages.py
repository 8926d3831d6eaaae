"""CertificateInstallation messages as a public pool publishes them: another party's codec, keys and
certificates.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from plugcharge import exi, pki, sign
from plugcharge.errors import ChainError, SignatureError
from tests.shared_material import shared_path

if TYPE_CHECKING:
    from plugcharge.messages import iso2

IN_2020 = datetime(2020, 1, 1, tzinfo=UTC)
IN_2022 = datetime(2022, 1, 1, tzinfo=UTC)
REQUEST, ANSWER, REFUSAL = (
    "CertificateInstallationReq.exi",
    "CertificateInstallationRes_OK.exi",
    "CertificateInstallationRes_NoCertificate.exi",
)


def folder(name: str) -> bytes:
    return (shared_path("vectors/opcp/examples") / name).read_bytes()


@cache
def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(folder("manifest.json"))
    return found


def listed(name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in manifest()["messages"] if entry["file"] == name)
    return found


def decoded(name: str) -> iso2.V2G_Message:
    return cast("iso2.V2G_Message", exi.decode(folder(name), "iso2"))


def request() -> iso2.CertificateInstallationReq:
    return cast("iso2.CertificateInstallationReq", decoded(REQUEST).body)


def answer() -> iso2.CertificateInstallationRes:
    return cast("iso2.CertificateInstallationRes", decoded(ANSWER).body)


def signer(name: str) -> pki.PublicKey:
    leaf = request().oem_provisioning_cert if name == REQUEST else cps_chain()[0]
    return pki.PublicKey.from_certificate(leaf)


def cps_chain() -> list[bytes]:
    chain = answer().sa_provisioning_certificate_chain
    return [chain.certificate, *(chain.sub_certificates.certificate if chain.sub_certificates else ())]


@pytest.mark.parametrize("name", [REQUEST, ANSWER, REFUSAL])
def test_messages_go_round_byte_for_byte(name: str) -> None:
    data = folder(name)
    assert hashlib.sha256(data).hexdigest() == listed(name)["sha256"]
    assert len(data) == listed(name)["bytes"]
    # A refused request is answered with filler instead of an eMAID, which is shorter than the schema allows.
    limits = name != REFUSAL
    assert exi.encode(exi.decode(data, "iso2"), limits=limits) == data
    assert exi.from_xml(exi.to_xml(data, "iso2"), "iso2", limits=limits) == data
    assert exi.guess(data) == ["iso2"]
    assert decoded(name).header.session_id.hex().upper() == listed(name)["session_id"]


@pytest.mark.parametrize("name", [REQUEST, ANSWER])
def test_signatures_and_all_digests_verify(name: str) -> None:
    found = sign.verify_message(folder(name), public_key=signer(name))
    expected = {(one["element"], one["uri"][1:]) for one in listed(name)["references"]}
    assert set(found.names) == expected
    assert found.message == decoded(name)


@pytest.mark.parametrize("name", [REQUEST, ANSWER])
def test_each_fragment_has_the_published_size_and_digest(name: str) -> None:
    message = decoded(name)
    assert message.header.signature is not None
    digests = {
        one.uri: (one.digest_value, one.digest_method.algorithm)
        for one in message.header.signature.signed_info.reference
    }
    body = message.body
    parts = {
        "CertificateInstallationReq": body,
        "ContractSignatureEncryptedPrivateKey": getattr(
            body, "contract_signature_encrypted_private_key", None
        ),
        "ContractSignatureCertChain": getattr(body, "contract_signature_cert_chain", None),
        "eMAID": getattr(body, "emaid", None),
        "DHpublickey": getattr(body, "dh_public_key", None),
    }
    for reference in listed(name)["references"]:
        part = cast("exi.Message", parts[reference["element"]])
        fragment = exi.encode(part, fragment=True, schema="iso2", element=reference["element"])
        assert len(fragment) == reference["fragment_bytes"]
        expected = (hashlib.sha256(fragment).digest(), "http://www.w3.org/2001/04/xmlenc#sha256")
        assert digests[reference["uri"]] == expected
        again = exi.decode(fragment, "iso2", fragment=True)
        assert again == part
    assert len(digests) == len(listed(name)["references"])


def test_contents_are_as_published() -> None:
    entry, body = listed(ANSWER), answer()
    assert body.response_code == entry["response_code"]
    assert len(body.contract_signature_encrypted_private_key.value) == entry["encrypted_key_bytes"] == 48
    assert len(body.dh_public_key.value) == entry["dh_public_key_bytes"] == 65
    assert body.dh_public_key.value[0] == 0x04
    assert body.emaid.value == entry["emaid"]
    refused = decoded(REFUSAL)
    assert (
        cast("iso2.CertificateInstallationRes", refused.body).response_code
        == listed(REFUSAL)["response_code"]
    )
    assert refused.header.notification is not None
    assert refused.header.notification.fault_code == listed(REFUSAL)["notification"]["FaultCode"]
    assert pki.parse_certificate(request().oem_provisioning_cert).subject_cn == listed(REQUEST)["pcid_cn"]


def test_the_signature_outlives_another_session_id() -> None:
    """A pool signs before the session exists; the station puts its own id into the unsigned header."""
    message = decoded(ANSWER)
    session = bytes.fromhex("69FC09895168C8B2")
    header = msgspec.structs.replace(message.header, session_id=session)
    data = exi.encode(msgspec.structs.replace(message, header=header))
    assert len(data) == 4423
    assert len(sign.verify_message(data, public_key=signer(ANSWER)).names) == 4


@pytest.mark.parametrize("name", [REQUEST, ANSWER])
def test_another_key_is_refused(name: str) -> None:
    other = ANSWER if name == REQUEST else REQUEST
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(folder(name), public_key=signer(other))
    assert caught.value.rule == "value-mismatch"


def test_a_changed_part_is_refused() -> None:
    message, body = decoded(ANSWER), answer()
    emaid = msgspec.structs.replace(body.emaid, value="EMP99CQAPAB005")
    data = exi.encode(msgspec.structs.replace(message, body=msgspec.structs.replace(body, emaid=emaid)))
    with pytest.raises(SignatureError) as caught:
        sign.verify_message(data, public_key=signer(ANSWER))
    assert caught.value.rule == "digest-mismatch"
    assert "eMAID" in caught.value.what


def test_the_answers_chain_and_signature_pass_under_interop() -> None:
    chain = cps_chain()
    trust = pki.TrustStore(v2g=[chain[-1]])
    found = sign.verify_message(folder(ANSWER), chain=chain, trust=trust, at=IN_2022, rules="interop")
    assert found.chain is not None
    assert found.chain.subject_cn == "CPS 2021.8 QA"
    with pytest.raises(ChainError):
        sign.verify_message(folder(ANSWER), chain=chain, trust=trust, at=IN_2022)
