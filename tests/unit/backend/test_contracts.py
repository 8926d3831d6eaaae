from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from plugcharge import pki
from plugcharge.backend import response_code
from plugcharge.backend.contracts import Contract, ContractBook, ContractStatus
from plugcharge.backend.database import Database
from plugcharge.errors import LocalError
from plugcharge.identifiers import IdentifierError
from tests.unit.backend.samples import EMAID, START, TARIFF, request
from tests.unit.pki.certificate_factory import AT, mirrored, tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from plugcharge.backend import ContractAuthorizer

CONTRACT = Contract(
    emaid="DE-8AA-001234567-0",
    tariff_id="day",
    valid_from=START - timedelta(days=1),
    valid_until=START + timedelta(days=1),
    pcid="WMIV1234567890ABCD",
)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[ContractBook]:
    book = ContractBook(Database.open(tmp_path / "hub.db"))
    book.put_tariff(TARIFF)
    book.put_contract(CONTRACT)
    yield book
    book.close()


def change(book: ContractBook, **changes: object) -> None:
    book.put_contract(msgspec.structs.replace(CONTRACT, **changes))


def asked(book: ContractBook, **changes: object) -> tuple[str, str, str]:
    answer = book.decide(request(**changes))
    assert answer.accepted == (response_code(answer) == "OK")
    assert bool(answer.authorization_reference) == answer.accepted
    assert answer.reason
    return answer.status.value, answer.certificate_status.value, response_code(answer)


@pytest.mark.parametrize("emaid", [EMAID, "de-8aa-001234567", "DE8AA0012345670", "DE8AA0012345679"])
def test_every_spelling_of_the_contract_is_accepted(book: ContractBook, emaid: str) -> None:
    assert asked(book, emaid=emaid) == ("Accepted", "Accepted", "OK")


def test_the_answer_fixes_the_tariff(book: ContractBook) -> None:
    assert book.decide(request()).tariff == TARIFF


def test_it_is_a_contract_authorizer(book: ContractBook) -> None:
    authorizer: ContractAuthorizer = book
    assert asyncio.run(authorizer.authorize(request())).accepted


def test_the_same_question_has_the_same_reference(book: ContractBook) -> None:
    first, again = book.decide(request()), book.decide(request(at=START + timedelta(seconds=1)))
    other = book.decide(request(session_id="another"))
    assert first.authorization_reference == again.authorization_reference != other.authorization_reference
    assert len(first.authorization_reference) <= 36


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": ContractStatus.BLOCKED}, ("Blocked", "ContractCancelled", "FAILED_ContractCanceled")),
        ({"status": ContractStatus.CANCELLED}, ("Invalid", "ContractCancelled", "FAILED_ContractCanceled")),
        ({"status": ContractStatus.NO_CREDIT}, ("NoCredit", "Accepted", "FAILED")),
        (
            {"valid_until": START - timedelta(seconds=1)},
            ("Expired", "ContractCancelled", "FAILED_ContractCanceled"),
        ),
        ({"valid_from": START + timedelta(seconds=1)}, ("NotAtThisTime", "Accepted", "FAILED")),
        (
            {"evse_prefix": "DE*XYZ"},
            ("NotAllowedAtThisEvse", "Accepted", "FAILED_CertificateNotAllowedAtThisEVSE"),
        ),
    ],
)
def test_refusals_by_contract(
    book: ContractBook, changes: dict[str, object], expected: tuple[str, str, str]
) -> None:
    change(book, **changes)
    assert asked(book) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"emaid": "DE8AA001234568"}, ("Unknown", "ContractCancelled", "FAILED_ContractCanceled")),
        ({"emaid": "not an eMAID"}, ("Invalid", "ContractCancelled", "FAILED_ContractCanceled")),
        ({"emaid": ""}, ("Invalid", "ContractCancelled", "FAILED_ContractCanceled")),
        (
            {"chain_not_after": START - timedelta(microseconds=1)},
            ("Expired", "CertificateExpired", "FAILED_CertificateExpired"),
        ),
    ],
)
def test_refusals_by_question(
    book: ContractBook, changes: dict[str, object], expected: tuple[str, str, str]
) -> None:
    assert asked(book, **changes) == expected


def test_the_ends_of_validity_belong_to_it(book: ContractBook) -> None:
    assert asked(book, at=CONTRACT.valid_from)[0] == "Accepted"
    assert asked(book, at=CONTRACT.valid_until)[0] == "Accepted"
    assert asked(book, chain_not_after=START)[0] == "Accepted"


def test_a_revoked_certificate_is_refused_in_any_case_of_hex(book: ContractBook) -> None:
    book.revoke_signed_part("ab" * 32, START)
    book.revoke_signed_part("ab" * 32, START)
    refused = ("Invalid", "CertificateRevoked", "FAILED_CertificateRevoked")
    assert asked(book) == asked(book, contract_fingerprint="AB" * 32) == refused
    assert asked(book, contract_fingerprint="ac" * 32)[0] == "Accepted"


@pytest.mark.parametrize("prefix", ["DE*ABC", "deabc", "DE*ABC*E123", "DEABCE123"])
def test_a_prefix_counts_neither_stars_nor_case(book: ContractBook, prefix: str) -> None:
    change(book, evse_prefix=prefix)
    assert asked(book)[0] == "Accepted"
    assert asked(book, evse_id="deabce1234")[0] == "Accepted"


def test_a_contract_is_read_back_as_it_came(book: ContractBook) -> None:
    assert book.contract("de8aa001234567") == CONTRACT
    assert book.contract("DE8AA001234568") is None


def test_a_contract_needs_its_tariff(book: ContractBook) -> None:
    with pytest.raises(LocalError, match="no tariff 'night'"):
        change(book, tariff_id="night")


def test_a_new_price_is_for_the_next_question(book: ContractBook) -> None:
    before = book.decide(request())
    book.put_tariff(msgspec.structs.replace(TARIFF, price_per_kwh=Decimal("0.99")))
    after = book.decide(request())
    assert before.tariff == TARIFF
    assert after.tariff is not None
    assert after.tariff.price_per_kwh == Decimal("0.99")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"emaid": "nonsense"}, IdentifierError),
        ({"pcid": "short"}, IdentifierError),
        ({"valid_until": CONTRACT.valid_from}, LocalError),
        ({"valid_from": START.replace(tzinfo=None)}, LocalError),
        ({"evse_prefix": "*"}, LocalError),
        ({"evse_prefix": ""}, LocalError),
    ],
)
def test_a_malformed_contract_is_refused(changes: dict[str, object], error: type[Exception]) -> None:
    with pytest.raises(error):
        msgspec.structs.replace(CONTRACT, **changes)


def test_only_a_certificate_or_a_hash_can_be_revoked(book: ContractBook) -> None:
    with pytest.raises(LocalError, match="SHA-256"):
        book.revoke_signed_part("AB" * 32, START)
    for octets in (bytes(32), b"", b"\x30\x00"):
        with pytest.raises(LocalError, match="no certificate"):
            book.revoke_certificate(octets, START)


def test_a_revoked_certificate_does_not_come_back_in_another_form(book: ContractBook) -> None:
    """For each ECDSA signature (r, s) there is (r, n - s), which anybody can compute and which verifies."""
    source = tree("contract")
    book.revoke_certificate(source.leaf.der, START)
    trust = pki.TrustStore(mo=[source.root.der])
    for der in (source.leaf.der, mirrored(source.leaf.der)):
        chain = pki.validate([der, *source.chain[1:]], purpose=pki.Purpose.CONTRACT, trust=trust, at=AT)
        assert asked(book, contract_fingerprint=chain.signed_part_sha256.hex())[1] == "CertificateRevoked"
