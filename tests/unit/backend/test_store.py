from __future__ import annotations

import sqlite3
import threading
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from plugcharge.backend.ledger import LedgerError
from plugcharge.backend.records import SessionBilled, StopReason, fold
from plugcharge.backend.settlement import settle
from plugcharge.backend.storage_errors import StorageError
from plugcharge.backend.store import SessionStore
from plugcharge.errors import LocalError
from tests.unit.backend.samples import (
    EMAID,
    SESSION,
    START,
    after,
    authorized,
    closed,
    fill,
    opened,
    reading,
    refused,
    whole_session,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OTHER = SESSION[:-1] + "2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


@pytest.fixture
def store(path: Path) -> Iterator[SessionStore]:
    with SessionStore.open(path) as store:
        yield store


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_what_was_appended_comes_back(store: SessionStore) -> None:
    fill(store)
    record = store.record(SESSION)
    assert msgspec.structs.replace(record, ledger_head="") == fold(whole_session())
    assert len(bytes.fromhex(record.ledger_head)) == 32


def test_a_closed_session_has_its_bill(store: SessionStore) -> None:
    fill(store)
    bill = store.close_session(closed())
    record = store.record(SESSION)
    assert bill is not None
    assert bill.total == record.cost == Decimal("9.04")  # 3595 s from authorization: 1.20 after rounding
    assert record.ended == after(3600)
    assert store.verify().entries == 9


def test_everything_survives_reopening(path: Path) -> None:
    with SessionStore.open(path) as first:
        fill(first)
        bill, head = first.close_session(closed()), first.verify()
    with SessionStore.open(path) as again:
        assert again.record(SESSION).bill == bill
        assert again.verify() == head


def test_a_double_start_is_one_session_and_a_different_one_is_refused(store: SessionStore) -> None:
    assert store.append(opened()).new
    assert not store.append(opened()).new
    with pytest.raises(LocalError, match="used for something else"):
        store.append(msgspec.structs.replace(opened(), evccid="020000000002"))
    assert store.verify().entries == 1


def test_the_same_fact_is_stored_once(store: SessionStore) -> None:
    store.append(opened())
    first = store.append(reading(5), key="reading-1")
    again = store.append(reading(5, seconds=99), key="reading-1")
    assert (first.seq, first.hash, first.new, again.new) == (again.seq, again.hash, True, False)
    with pytest.raises(LocalError, match="reading-1"):
        store.append(reading(6), key="reading-1")
    assert store.append(reading(6), key="reading-2").new
    assert store.append(reading(6)).key != "reading-2"
    assert store.verify().entries == 4


def test_a_key_belongs_to_its_session(store: SessionStore) -> None:
    store.append(opened())
    store.append(opened(OTHER))
    assert store.append(reading(5), key="r").new
    assert store.append(reading(5, session_id=OTHER), key="r").new


@pytest.mark.parametrize("key", ["", "x" * 81, "closed", "billed", "opened"])
def test_some_keys_are_not_for_the_caller(store: SessionStore, key: str) -> None:
    store.append(opened())
    with pytest.raises(LocalError, match="cannot be a key"):
        store.append(reading(5), key=key)


def test_a_session_is_closed_once(store: SessionStore) -> None:
    fill(store)
    first = store.close_session(closed())
    assert store.close_session(closed()) == first
    later = msgspec.structs.replace(closed(), at=after(7200))
    assert store.close_session(later) == first  # asked again later: the bill does not grow
    with pytest.raises(LocalError, match="something else"):
        store.close_session(closed(reason=StopReason.TIMEOUT))
    assert store.verify().entries == 9


def test_nothing_follows_the_end(store: SessionStore) -> None:
    fill(store)
    store.close_session(closed())
    with pytest.raises(LocalError, match="closed"):
        store.append(reading(20_000))
    assert not store.append(whole_session()[3]).new  # a repeated report of an old fact is still acknowledged


def test_no_event_without_a_session_and_no_bill_before_the_end(store: SessionStore) -> None:
    with pytest.raises(LocalError, match="no such session"):
        store.append(reading(1))
    with pytest.raises(LocalError, match="no such session"):
        store.close_session(closed())
    fill(store)
    bill = settle(store.record(SESSION), ended=after(3600), stop_reason=StopReason.EV_TERMINATED)
    assert bill is not None
    with pytest.raises(LocalError, match="close_session"):
        store.append(SessionBilled(session_id=SESSION, at=after(1), bill=bill))
    assert store.record(SESSION).bill is None


def test_a_session_that_was_refused_is_closed_without_a_bill(store: SessionStore) -> None:
    store.append(opened())
    store.append(authorized(answer=refused()))
    assert store.close_session(closed(reason=StopReason.AUTHORIZATION_REFUSED)) is None
    assert store.close_session(closed(reason=StopReason.AUTHORIZATION_REFUSED)) is None
    summary = store.summaries()[0]
    assert (summary.stop_reason, summary.total, summary.needs_review) == (
        "authorization-refused",
        None,
        False,
    )
    store.verify()


def test_summaries_are_newest_first(store: SessionStore) -> None:
    fill(store)
    store.close_session(closed())
    store.append(msgspec.structs.replace(opened(OTHER), at=after(10)))
    newest, oldest = store.summaries()
    assert (newest.session_id, newest.ended, newest.energy_wh) == (OTHER, None, None)
    assert (oldest.emaid, oldest.energy_wh, oldest.total) == (EMAID, 12_345, Decimal("9.04"))
    assert (oldest.currency, oldest.started, oldest.ended) == ("EUR", START, after(3600))
    assert [summary.session_id for summary in store.summaries(running=True)] == [OTHER]
    assert len(store.summaries(limit=1)) == 1


def test_sessions_are_found_by_the_beginning_of_their_id(store: SessionStore) -> None:
    for session_id in (SESSION, OTHER):
        store.append(opened(session_id))
    assert store.find(SESSION.upper()) == [SESSION]
    assert store.find(SESSION[:-1]) == [SESSION, OTHER]
    assert store.find("%") == []


def test_recovery_closes_what_was_open_and_bills_it_once(store: SessionStore) -> None:
    fill(store)
    fill(store, OTHER)
    store.close_session(closed(OTHER))
    (recovered,) = store.recover(START + timedelta(days=3))
    record = store.record(SESSION)
    assert recovered.session_id == SESSION
    assert recovered.bill == record.bill
    assert record.stop_reason is StopReason.STATION_RESTART
    assert record.ended == after(3590)  # the last sign of life, not the restart three days later
    assert record.warnings[0].startswith("station-restart:")
    assert store.recover(START + timedelta(days=4)) == []
    assert store.verify().entries == 18


def test_recovery_after_a_clock_went_back_ends_at_the_last_sign_of_life(store: SessionStore) -> None:
    fill(store)
    store.recover(START - timedelta(days=365))
    assert store.record(SESSION).ended == after(3590)


def test_recovery_leaves_other_stations_alone(store: SessionStore) -> None:
    store.append(opened())
    store.append(opened(OTHER, station_id="roof"))
    assert [found.session_id for found in store.recover(START, station_id="garage")] == [SESSION]
    assert [summary.session_id for summary in store.summaries(running=True)] == [OTHER]


def test_writers_in_several_threads_make_one_chain(store: SessionStore) -> None:
    for number in range(4):
        store.append(opened(f"{SESSION[:-1]}{number}"))

    def write(number: int) -> None:
        for wh in range(10):
            store.append(reading(wh, session_id=f"{SESSION[:-1]}{number}"))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.verify().entries == 44


def test_two_processes_worth_of_stores_make_one_chain(path: Path, store: SessionStore) -> None:
    with SessionStore.open(path) as second:
        store.append(opened())
        for wh in range(6):
            (store, second)[wh % 2].append(reading(wh))
        assert store.verify() == second.verify()


@pytest.mark.parametrize(
    ("statement", "seq", "rule"),
    [
        ("UPDATE payloads SET body = replace(body, '7000', '6000') WHERE seq = 5", 5, "payload-hash"),
        ("UPDATE ledger SET seq = 'four' WHERE seq = 4", 4, "sequence"),
        ("UPDATE ledger SET payload_hash = 'text' WHERE seq = 3", 3, "entry-hash"),
        ("UPDATE ledger SET kind = x'00' WHERE seq = 3", 3, "entry-hash"),
        ("DELETE FROM payloads WHERE seq = 4", 4, "payload-missing"),
        ("UPDATE ledger SET at = '2026-11-22T08:00:00.000001Z' WHERE seq = 2", 2, "entry-hash"),
        ("DELETE FROM ledger WHERE seq = 3", 3, "sequence"),
        ("DELETE FROM ledger WHERE seq = 9", 9, "head"),
        ("UPDATE ledger_head SET entries = 12", 10, "head"),
        ("DELETE FROM ledger_head", 0, "head"),
        ("UPDATE sessions SET total = '0.01'", 9, "index"),
        ("UPDATE sessions SET energy_wh = 1", 9, "index"),
        ("UPDATE sessions SET emaid = 'DE8AA999999999'", 9, "index"),
        ("UPDATE sessions SET needs_review = 1 - needs_review", 9, "index"),
        ("UPDATE sessions SET needs_review = 'maybe'", 9, "index"),
        ("UPDATE sessions SET currency = 'JPY'", 9, "index"),
        ("UPDATE sessions SET evse_id = 'XX'", 9, "index"),
        ("UPDATE sessions SET station_id = 'other'", 9, "index"),
        ("UPDATE sessions SET protocol = '-20'", 9, "index"),
        ("UPDATE sessions SET started = '2000-01-01T00:00:00.000000Z'", 9, "index"),
        ("UPDATE sessions SET ended = '2099-01-01T00:00:00.000000Z'", 9, "index"),
        ("INSERT INTO ledger_head VALUES (2, 0, x'00')", 0, "head"),
        ("DELETE FROM sessions", 9, "index"),
    ],
)
def test_the_first_bad_entry_is_named(
    path: Path, store: SessionStore, statement: str, seq: int, rule: str
) -> None:
    fill(store)
    store.close_session(closed())
    store.verify()
    tamper(path, "PRAGMA foreign_keys=OFF", statement)
    with pytest.raises(LedgerError) as caught:
        store.verify()
    assert (caught.value.seq, caught.value.rule) == (seq, rule)
    assert caught.value.kind == "tampered"


@pytest.mark.parametrize(
    "statement", ["DELETE FROM ledger_head", "INSERT INTO ledger_head VALUES (2, 0, x'00')"]
)
def test_nothing_is_stored_without_the_one_head(path: Path, store: SessionStore, statement: str) -> None:
    fill(store)
    tamper(path, statement)
    for call in (lambda: store.append(reading(20_000)), lambda: store.close_session(closed())):
        with pytest.raises(LedgerError, match="heads"):
            call()


def test_a_record_that_was_changed_is_not_shown(path: Path, store: SessionStore) -> None:
    fill(store)
    tamper(path, "UPDATE payloads SET body = replace(body, '7000', '6000') WHERE seq = 5")
    with pytest.raises(LedgerError, match="entry 5"):
        store.record(SESSION)


@pytest.mark.parametrize("change", ["total = 'free'", "started = 'yesterday'", "ended = 5"])
def test_a_list_that_cannot_be_read_is_said(path: Path, store: SessionStore, change: str) -> None:
    fill(store)
    store.close_session(closed())
    tamper(path, f"UPDATE sessions SET {change}")
    with pytest.raises(LedgerError, match=SESSION):
        store.summaries()


def test_a_write_that_fails_half_way_leaves_nothing(path: Path, store: SessionStore) -> None:
    fill(store)
    before = store.verify()
    # The close is stored first, the bill second: the trigger breaks the second.
    tamper(
        path,
        "CREATE TRIGGER no_bill BEFORE INSERT ON ledger WHEN NEW.kind = 'billed' "
        "BEGIN SELECT RAISE(ABORT, 'broken'); END",
    )
    with pytest.raises(StorageError):
        store.close_session(closed())
    assert store.record(SESSION).stop_reason is None
    assert store.verify() == before
    tamper(path, "DROP TRIGGER no_bill")
    assert store.close_session(closed()) is not None
    assert store.verify().entries == before.entries + 2


def test_salts_come_from_the_source_that_was_given(path: Path) -> None:
    lengths: list[int] = []

    def count(length: int) -> bytes:
        lengths.append(length)
        return bytes(length)

    with SessionStore.open(path, random_bytes=count) as store:
        store.append(opened())
    assert lengths == [16]
