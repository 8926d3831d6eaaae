from __future__ import annotations

import hashlib

import msgspec
import pytest

from plugcharge.backend.records import (
    MAX_EVIDENCE,
    AuthMode,
    Event,
    EvidenceRecorded,
    Protocol,
    decode_event,
    encode_event,
    fold,
    same_fact,
)
from plugcharge.errors import LocalError
from plugcharge.identifiers import IdentifierError
from tests.unit.backend.samples import (
    EMAID,
    SESSION,
    START,
    accepted,
    after,
    authorized,
    closed,
    evidence,
    opened,
    reading,
    receipt,
    refused,
    whole_session,
)


@pytest.mark.parametrize("event", [*whole_session(), closed()])
def test_an_event_survives_its_bytes(event: Event) -> None:
    assert decode_event(encode_event(event)) == event
    assert encode_event(event) == encode_event(decode_event(encode_event(event)))


def test_a_record_tells_everything() -> None:
    record = fold([*whole_session(), closed()], ledger_head="77")
    assert record.session_id == SESSION
    assert record.v2g_session_id == "00112233AABBCCDD"
    assert (record.protocol, record.auth_mode, record.connector) == (Protocol.ISO2, AuthMode.PNC, 1)
    assert record.emaid == EMAID
    assert record.contract_sha256 == "ab" * 32
    assert record.mo_root_sha256 == "cd" * 32
    assert record.auth_result == accepted()
    assert (record.started, record.authorized, record.ended) == (START, after(5), after(3600))
    assert record.stop_reason == "ev-terminated"
    assert record.energy_wh == 12_345
    assert [len(part) for part in (record.readings, record.receipts, record.evidence)] == [3, 1, 1]
    assert record.last_known == after(3590)
    assert record.ledger_head == "77"


def test_proofs_carry_their_hash() -> None:
    assert evidence().sha256 == hashlib.sha256(evidence().exi).hexdigest()
    assert receipt(5).sha256 == hashlib.sha256(receipt(5).exi).hexdigest()


def test_energy_that_nobody_pays_for_is_seen() -> None:
    events: list[Event] = [opened(), authorized(answer=refused()), reading(10), reading(60)]
    assert fold(events).warnings == ("energy-without-authorization: 50 Wh flowed that nobody pays for",)


def test_an_accepted_session_without_tariff_is_seen() -> None:
    record = fold([opened(), authorized(answer=accepted(tariff=None)), closed()])
    assert record.warnings[0].startswith("no-tariff:")
    assert record.cost is None


@pytest.mark.parametrize("events", [[], [reading(1)], [authorized(), opened()]])
def test_a_record_begins_with_an_opening(events: list[Event]) -> None:
    with pytest.raises(LocalError, match="SessionOpened"):
        fold(events)


def test_sessions_are_not_mixed() -> None:
    with pytest.raises(LocalError, match="mixed"):
        fold([opened(), reading(1, session_id="another")])


def test_the_time_of_reporting_does_not_make_another_fact() -> None:
    assert same_fact(reading(5, 1), reading(5, 2))
    assert not same_fact(reading(5), reading(6))
    assert not same_fact(opened(), closed())


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (opened(), {"v2g_session_id": ""}),
        (opened(), {"v2g_session_id": "ABC"}),
        (opened(), {"v2g_session_id": "aabb"}),
        (opened(), {"v2g_session_id": "00" * 9}),
        (opened(), {"at": START.replace(tzinfo=None)}),
        (authorized(), {"contract_sha256": "AB" * 32}),
        (authorized(), {"mo_root_sha256": ""}),
        (evidence(), {"message": ""}),
        (evidence(), {"exi": b""}),
        (evidence(), {"exi": bytes(MAX_EVIDENCE + 1)}),
        (receipt(1), {"exi": b""}),
    ],
)
def test_a_malformed_event_is_refused(event: Event, changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        msgspec.structs.replace(event, **changes)


def test_the_largest_proof_is_kept() -> None:
    largest = EvidenceRecorded(session_id=SESSION, at=START, message="x" * 64, exi=bytes(MAX_EVIDENCE))
    assert decode_event(encode_event(largest)) == largest


def test_an_emaid_that_is_none_is_refused() -> None:
    with pytest.raises(IdentifierError):
        msgspec.structs.replace(authorized(), emaid="nobody")


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (opened(), {"connector": "1"}),
        (opened(), {"protocol": "-3"}),
        (opened(), {"evccid": "\ud800"}),
        (receipt(1), {"import_wh": 1.5}),
        (reading(1), {"meter_status": "5"}),
        (closed(), {"stop_reason": "because"}),
    ],
)
def test_what_cannot_be_read_back_is_not_written(event: Event, changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        encode_event(msgspec.structs.replace(event, **changes))
