from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cryptography import x509

from plugcharge import pki, sign
from plugcharge.errors import ChainError, LocalError
from plugcharge.messages import iso2
from plugcharge.session import (
    AuthorizationDecision,
    AuthorizationWanted,
    Authorized,
    ContractVerified,
    Payment,
    PeerFault,
    PowerOnWanted,
    Question,
)
from tests.unit.session.pair import (
    EMAID,
    NOW,
    SELECTION,
    Driver,
    Hosts,
    authorization,
    contract,
    driver_in,
    installation,
    key_of,
    never,
    payment_details,
    samples,
    secc_config,
    test_pki,
    trust,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.pki.issuing import Issued

HERE = "WaitForPaymentDetailsOrInstallation"


def test_a_good_contract_gets_a_challenge() -> None:
    driver = driver_in(HERE)
    response = driver.ask(payment_details())
    assert response.response_code == "OK"
    assert len(response.gen_challenge) == 16  # [V2G2-697]
    assert response.evse_time_stamp == int(NOW.timestamp())
    (verified,) = driver.of(ContractVerified)
    assert verified.emaid == EMAID
    assert verified.chain.anchor == test_pki().mo_root.der
    assert verified.certificates == test_pki().contract_leaf.chain
    assert not verified.expires_soon


def test_challenges_do_not_repeat() -> None:
    config = secc_config()
    challenges = {driver_in("WaitForAuthorization", config=config).challenge for _ in range(100)}
    assert len(challenges) == 100  # [V2G2-825]


@pytest.mark.parametrize(
    "spelling", ["de-plg-C00000001", "deplgc00000001", "DEPLGC00000001X", "DE-PLG-C00000001-1"]
)
def test_spellings_of_the_same_contract_pass_and_the_certificate_is_billed(spelling: str) -> None:
    driver = driver_in(HERE)
    assert driver.ask(payment_details(emaid=spelling)).response_code == "OK"
    (verified,) = driver.of(ContractVerified)
    assert (verified.emaid, verified.emaid_as_sent) == (EMAID, spelling)


def test_a_certificate_with_a_spelled_name_is_billed_in_the_canonical_form() -> None:
    leaf = test_pki().contract(EMAID, common_name="de-plg-c00000001-5")
    driver = driver_in(HERE)
    assert driver.ask(payment_details(leaf)).response_code == "OK"
    assert driver.of(ContractVerified)[0].emaid == EMAID


@pytest.mark.parametrize(
    ("emaid", "code"),
    [
        ("DEPLGC00000002", "FAILED_CertChainError"),
        ("DEPLGC0000000", "FAILED_ContractCanceled"),
        ("", "FAILED_ContractCanceled"),
        ("DEPLGC00000001" * 40, "FAILED_ContractCanceled"),
    ],
)
def test_another_contract_than_the_certificates_is_refused(emaid: str, code: str) -> None:
    driver = driver_in(HERE)
    response = driver.ask(payment_details(emaid=emaid))
    assert response.response_code == code
    assert len(response.gen_challenge) == 16  # [V2G2-736]
    assert not driver.of(ContractVerified)


def bad_chains() -> dict[str, tuple[Callable[[], Issued], str]]:
    world = test_pki()
    return {
        "expired": (world.expired_contract, "FAILED_CertificateExpired"),
        "not yet valid": (world.future_contract, "FAILED_CertificateExpired"),
        "stranger": (world.stranger_contract, "FAILED_CertChainError"),
        "station's": (lambda: world.secc, "FAILED_NoCertificateAvailable"),
        "root alone": (lambda: world.mo_root, "FAILED_CertChainError"),
    }


@pytest.mark.parametrize("name", list(bad_chains()))
def test_bad_chains(name: str) -> None:
    make, code = bad_chains()[name]
    leaf = make()
    chain = leaf.chain or (leaf.der,)
    request = iso2.PaymentDetailsReq(
        emaid=EMAID,
        contract_signature_cert_chain=iso2.CertificateChain(
            certificate=chain[0],
            sub_certificates=iso2.SubCertificates(certificate=chain[1:]) if chain[1:] else None,
        ),
    )
    driver = driver_in(HERE)
    assert driver.ask(request).response_code == code
    assert not driver.of(ContractVerified)
    assert driver.core.state == "Failed"
    with pytest.raises(ChainError) as broken:
        pki.validate(chain, purpose=pki.Purpose.CONTRACT, trust=trust(), at=NOW)
    (fault,) = driver.of(PeerFault)  # the way from the event to the rule and its advice
    assert fault.error.why.endswith(f"[rule {broken.value.rule}]")
    assert fault.error.advice == broken.value.advice != ""


@pytest.mark.parametrize("kind", ["certificate", "issuer and serial", "signed part"])
@pytest.mark.parametrize("position", [0, 1])
def test_a_revoked_contract(kind: str, position: int) -> None:
    certificate = test_pki().contract_leaf.chain[position]
    parsed = x509.load_der_x509_certificate(certificate)
    known: dict[str, Any] = {
        "certificate": {"revoked": [certificate]},
        "issuer and serial": {"revoked": [(parsed.issuer.public_bytes(), parsed.serial_number)]},
        "signed part": {"revoked_signed_parts": [hashlib.sha256(parsed.tbs_certificate_bytes).digest()]},
    }
    driver = driver_in(HERE, config=secc_config(**known[kind]))
    assert driver.ask(payment_details()).response_code == "FAILED_CertificateRevoked"
    assert not driver.of(ContractVerified)
    assert driver.core.state == "Failed"


def test_a_revocation_counts_from_the_moment_it_is_known() -> None:
    known: set[bytes | tuple[bytes, int]] = set()
    config = secc_config(revoked=known)
    assert driver_in(HERE, config=config).ask(payment_details()).response_code == "OK"
    known.add(test_pki().contract_leaf.der)
    refused = driver_in(HERE, config=config).ask(payment_details())
    assert refused.response_code == "FAILED_CertificateRevoked"


@pytest.mark.parametrize("certificate", [b"", b"\x00", b"\x30\x82", b"\xff" * 800, b"\x30" * 5_000])
def test_garbage_instead_of_a_certificate(certificate: bytes) -> None:
    chain = iso2.CertificateChain(certificate=certificate)
    driver = driver_in(HERE)
    response = driver.ask(iso2.PaymentDetailsReq(emaid=EMAID, contract_signature_cert_chain=chain))
    assert response.response_code.startswith("FAILED")
    assert driver.core.state == "Failed"


def test_a_contract_anchored_at_a_v2g_root_only_where_that_is_trusted() -> None:
    config = secc_config(contract_trust=pki.TrustStore(v2g=[test_pki().v2g_root.der]))
    driver = driver_in(HERE, config=config)
    assert driver.ask(payment_details()).response_code == "FAILED_NoCertificateAvailable"
    assert not driver.of(ContractVerified)


@pytest.mark.parametrize(
    ("days", "code"), [(20, "OK_CertificateExpiresSoon"), (21, "OK_CertificateExpiresSoon"), (22, "OK")]
)
def test_a_contract_that_ends_soon(days: int, code: str) -> None:
    leaf = test_pki().contract(EMAID, not_after=NOW + timedelta(days=days))
    driver = driver_in(HERE)
    assert driver.ask(payment_details(leaf)).response_code == code  # [V2G2-690]
    assert driver.core.state == "WaitForAuthorization"


def test_installation_is_refused_once_and_the_session_goes_on() -> None:
    driver = driver_in(HERE)
    refused = driver.ask(installation())
    assert refused.response_code == "FAILED_NoCertificateAvailable"
    assert driver.core.state == "WaitForPaymentDetails"  # [V2G2-554]
    assert driver.ask(payment_details()).response_code == "OK"


def test_a_second_installation_is_out_of_order() -> None:
    driver = driver_in("WaitForPaymentDetails")
    again = driver.ask(samples()[iso2.CertificateUpdateReq])
    assert again.response_code == "FAILED_SequenceError"  # [V2G2-558]


def test_the_proof_is_evidence() -> None:
    driver = driver_in("WaitForAuthorization")
    response = authorization(driver)
    assert response.evse_processing == "Finished"
    (wanted,) = driver.of(AuthorizationWanted)
    assert wanted.emaid == EMAID
    assert wanted.session_id == driver.session_id
    (authorized,) = driver.of(Authorized)
    assert authorized.emaid == EMAID
    proof = sign.verify_message(authorized.raw, public_key=wanted.chain.public_key)
    assert proof.names == (("AuthorizationReq", "ID1"),)


@pytest.mark.parametrize("kind", ["absent", "15", "17", "bit", "other session", "empty"])
def test_a_wrong_challenge(kind: str) -> None:
    other = driver_in("WaitForAuthorization")
    driver = driver_in("WaitForAuthorization", config=other.core._config)
    right = driver.challenge
    sent = {
        "absent": None,
        "15": right[:15],
        "17": right + b"\x00",
        "bit": bytes([right[0] ^ 1]) + right[1:],
        "other session": other.challenge,
        "empty": b"",
    }[kind]
    body = iso2.AuthorizationReq(id="ID1", gen_challenge=sent)
    signature = sign.sign_elements([iso2.AuthorizationReq(id="ID1", gen_challenge=right)], contract().key)
    response = driver.ask(body, signature=signature)
    assert response.response_code == "FAILED_ChallengeInvalid"  # [V2G2-475]
    assert not driver.of(AuthorizationWanted)


def test_a_challenge_is_good_for_one_try() -> None:
    driver = driver_in("WaitForAuthorization")
    authorization(driver, key_of(test_pki().secc))
    assert driver.core._record.challenge == b""


@pytest.mark.parametrize(
    "kind", ["missing", "other key", "no id", "empty id", "other id", "bit", "short", "zero"]
)
def test_a_bad_signature(kind: str) -> None:
    driver = driver_in("WaitForAuthorization")
    body = iso2.AuthorizationReq(id="ID1", gen_challenge=driver.challenge)
    signature = sign.sign_elements([body], contract().key)
    value = signature.signature_value.value
    match kind:
        case "missing":
            response = driver.ask(body)
        case "other key":
            response = driver.ask(body, signer=key_of(test_pki().secc))
        case "no id":
            response = driver.ask(msgspec.structs.replace(body, id=None), signature=signature)
        case "empty id":
            response = driver.ask(msgspec.structs.replace(body, id=""), signature=signature)
        case "other id":
            response = driver.ask(msgspec.structs.replace(body, id="ID2"), signature=signature)
        case _:
            bad = {"bit": value[:-1] + bytes([value[-1] ^ 1]), "short": value[:-1], "zero": bytes(64)}[kind]
            broken = msgspec.structs.replace(
                signature, signature_value=msgspec.structs.replace(signature.signature_value, value=bad)
            )
            response = driver.ask(body, signature=broken)
    assert response.response_code == "FAILED_SignatureError"
    assert not driver.of(AuthorizationWanted)
    assert driver.core.state == "Failed"


def test_the_loop_is_not_verified_again() -> None:
    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: never}))
    assert authorization(driver) is None  # held for the host
    (message,) = driver.wait(0.5)
    assert message.body.evse_processing == "Ongoing"  # type: ignore[attr-defined]  # a V2G_Message
    driver.ask(iso2.AuthorizationReq())  # empty and unsigned [V2G2-684]
    (wanted,) = driver.of(AuthorizationWanted)
    driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=True))
    (message,) = driver.pump()
    assert message.body.evse_processing == "Finished"  # type: ignore[attr-defined]
    assert len(driver.of(AuthorizationWanted)) == 1


def test_a_decision_between_two_requests_is_kept() -> None:
    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: never}))
    authorization(driver)
    driver.wait(0.5)
    (wanted,) = driver.of(AuthorizationWanted)
    driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=True))
    assert driver.pump() == []
    assert driver.ask(iso2.AuthorizationReq()).evse_processing == "Finished"


@pytest.mark.parametrize("code", ["FAILED", "FAILED_CertificateRevoked", "FAILED_ContractCanceled"])
def test_the_host_says_no(code: str) -> None:
    def no(question: Question) -> AuthorizationDecision:
        return AuthorizationDecision(ticket=question.ticket, accepted=False, code=code, reason="blocked")

    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: no}))
    assert authorization(driver).response_code == code
    assert driver.of(PeerFault)[0].error.what == "blocked"
    assert not driver.of(Authorized)
    assert not driver.of(PowerOnWanted)


@pytest.mark.parametrize("code", ["OK", "", "FAILED_NoSuchCode"])
def test_a_no_needs_a_failed_code(code: str) -> None:
    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: never}))
    authorization(driver)
    (wanted,) = driver.of(AuthorizationWanted)
    with pytest.raises(LocalError):
        driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=False, code=code))
    driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=True))
    assert len(driver.pump()) == 1


def ask_until(driver: Driver, seconds: float) -> list[iso2.AuthorizationRes]:
    """Poll with empty requests, as a car does."""
    answers = []
    end = driver.now + seconds
    while driver.now < end and driver.core.state == "WaitForAuthorization":
        held = driver.ask(iso2.AuthorizationReq())
        if held is not None:
            answers.append(held)
        else:
            answers += [message.body for message in driver.wait(0.5)]  # type: ignore[attr-defined]
        driver.now += 0.5
    return answers


def test_the_loop_ends_after_55_seconds() -> None:
    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: never}))
    authorization(driver)
    start = driver.now
    driver.wait(0.5)
    answers = ask_until(driver, 100.0)
    assert {answer.response_code.value for answer in answers[:-1]} == {"OK"}
    assert answers[-1].response_code == "FAILED"  # [V2G2-713]
    assert 55.0 <= driver.now - start - 0.5 <= 56.5
    (wanted,) = driver.of(AuthorizationWanted)
    driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=True))
    driver.pump()
    assert not driver.of(Authorized)


def test_a_request_after_55_seconds_is_refused_at_once() -> None:
    driver = driver_in("WaitForAuthorization", hosts=Hosts(replies={AuthorizationWanted: never}))
    authorization(driver)
    driver.wait(0.5)
    driver.wait(55.0)
    assert driver.ask(iso2.AuthorizationReq()).response_code == "FAILED"


def test_external_payment_waits_for_the_customer() -> None:
    config = secc_config(payments=(Payment.EXTERNAL,))
    driver = driver_in("WaitForPaymentServiceSelection", config=config)
    driver.hosts.replies[AuthorizationWanted] = never
    driver.ask(msgspec.structs.replace(SELECTION, selected_payment_option=iso2.PaymentOption.ExternalPayment))
    driver.ask(iso2.AuthorizationReq())
    (message,) = driver.wait(0.5)
    waiting = message.body.evse_processing  # type: ignore[attr-defined]
    assert waiting == "Ongoing_WaitingForCustomerInteraction"  # [V2G2-854]
    ask_until(driver, 100.0)
    assert driver.core.state == "WaitForAuthorization"  # customers need longer than a back end
    (wanted,) = driver.of(AuthorizationWanted)
    assert wanted.emaid is None
    driver.core.answer(driver.now, AuthorizationDecision(ticket=wanted.ticket, accepted=True))
    assert driver.ask(iso2.AuthorizationReq()).evse_processing == "Finished"
    assert driver.of(Authorized)[0].payment is Payment.EXTERNAL


def test_a_bad_signature_names_its_rule() -> None:
    driver = driver_in("WaitForAuthorization")
    authorization(driver, key_of(test_pki().secc))
    (fault,) = driver.of(PeerFault)
    assert fault.error.code == "FAILED_SignatureError"
    assert fault.error.why.endswith("[rule value-mismatch]")
