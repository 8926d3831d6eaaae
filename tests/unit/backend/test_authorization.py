from __future__ import annotations

from datetime import datetime
from itertools import product

import msgspec
import pytest

from plugcharge.backend.authorization import (
    RESPONSE_CODES,
    AuthorizationAnswer,
    AuthorizationRequest,
    AuthorizationStatus,
    CertificateStatus,
    response_code,
)
from plugcharge.errors import LocalError
from tests.unit.backend.samples import START, accepted, request

# The codes that PaymentDetailsRes may carry, from the table of -2 response codes.
_ALLOWED = {
    "OK",
    "FAILED",
    "FAILED_CertChainError",
    "FAILED_CertificateExpired",
    "FAILED_CertificateNotAllowedAtThisEVSE",
    "FAILED_CertificateRevoked",
    "FAILED_ContractCanceled",
    "FAILED_NoCertificateAvailable",
    "FAILED_SignatureError",
}


def answer(status: AuthorizationStatus, certificate_status: CertificateStatus) -> AuthorizationAnswer:
    return AuthorizationAnswer(status=status, certificate_status=certificate_status, reason="x")


@pytest.mark.parametrize("pair", list(product(AuthorizationStatus, CertificateStatus)))
def test_exactly_one_pair_lets_a_car_charge(pair: tuple[AuthorizationStatus, CertificateStatus]) -> None:
    given = answer(*pair)
    is_ok = pair == (AuthorizationStatus.ACCEPTED, CertificateStatus.ACCEPTED)
    assert given.accepted is is_ok
    assert (response_code(given) == "OK") is is_ok
    assert response_code(given) in _ALLOWED


@pytest.mark.parametrize(
    ("status", "certificate_status", "code"),
    [
        ("Blocked", "ContractCancelled", "FAILED_ContractCanceled"),
        ("Unknown", "ContractCancelled", "FAILED_ContractCanceled"),
        ("Expired", "ContractCancelled", "FAILED_ContractCanceled"),
        ("Invalid", "ContractCancelled", "FAILED_ContractCanceled"),
        ("Invalid", "CertificateRevoked", "FAILED_CertificateRevoked"),
        ("Expired", "CertificateExpired", "FAILED_CertificateExpired"),
        ("Invalid", "CertChainError", "FAILED_CertChainError"),
        ("NotAllowedAtThisEvse", "Accepted", "FAILED_CertificateNotAllowedAtThisEVSE"),
        ("NoCredit", "Accepted", "FAILED"),
        ("Accepted", "CertificateRevoked", "FAILED"),  # contradicts itself: fail closed
        ("Accepted", "ContractCancelled", "FAILED"),
    ],
)
def test_what_the_car_is_told(status: str, certificate_status: str, code: str) -> None:
    assert response_code(answer(AuthorizationStatus(status), CertificateStatus(certificate_status))) == code


def test_every_code_that_the_table_claims_is_allowed() -> None:
    assert set(RESPONSE_CODES.values()) == _ALLOWED


def test_question_and_answer_travel_as_json() -> None:
    question, given = request(), accepted()
    assert msgspec.json.decode(msgspec.json.encode(question), type=AuthorizationRequest) == question
    assert msgspec.json.decode(msgspec.json.encode(given), type=AuthorizationAnswer) == given


@pytest.mark.parametrize("field", ["at", "chain_not_after"])
def test_a_time_without_zone_is_refused(field: str) -> None:
    with pytest.raises(LocalError, match="zone"):
        request(**{field: START.replace(tzinfo=None)})


def test_times_are_kept_in_utc() -> None:
    assert request(at=datetime.fromisoformat("2026-11-22T09:00:00+01:00")) == request()
