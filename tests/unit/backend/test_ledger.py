from __future__ import annotations

import hashlib
import struct

import msgspec
import pytest

from plugcharge.backend.ledger import (
    GENESIS,
    LedgerEntry,
    LedgerError,
    LedgerHead,
    StoredEntry,
    check_chain,
    entry_hash,
    payload_hash,
)


def chain(length: int) -> list[StoredEntry]:
    links: list[StoredEntry] = []
    prev = GENESIS
    for seq in range(1, length + 1):
        body, salt = b"event %d" % seq, bytes([seq]) * 16
        entry = LedgerEntry(
            seq=seq,
            at="2026-11-22T08:00:00.000000Z",
            session_id="s",
            kind="reading",
            key=f"k{seq}",
            payload_hash=payload_hash(salt, body),
            prev_hash=prev,
        )
        prev = entry_hash(entry)
        links.append(StoredEntry(entry=entry, hash=prev, salt=salt, body=body))
    return links


def head_of(links: list[StoredEntry]) -> LedgerHead:
    return LedgerHead(entries=len(links), hash=links[-1].hash if links else GENESIS)


def test_the_hash_is_sha256_over_length_prefixed_fields() -> None:
    fields = [
        b"plugcharge ledger entry 1",
        struct.pack(">Q", 1),
        b"2026-11-22T08:00:00.000000Z",
        b"s",
        b"reading",
        b"k1",
        chain(1)[0].entry.payload_hash,
        bytes(32),
    ]
    by_hand = hashlib.sha256(b"".join(struct.pack(">I", len(field)) + field for field in fields)).digest()
    assert chain(1)[0].hash == by_hand


@pytest.mark.parametrize("length", [0, 1, 7])
def test_a_good_chain_gives_its_head(length: int) -> None:
    links = chain(length)
    assert check_chain(links, head_of(links)) == head_of(links)


def test_fields_cannot_slide_into_each_other() -> None:
    first = msgspec.structs.replace(chain(1)[0].entry, session_id="ab", kind="c")
    second = msgspec.structs.replace(first, session_id="a", kind="bc")
    assert entry_hash(first) != entry_hash(second)


def test_the_salt_hides_the_payload() -> None:
    assert payload_hash(b"a" * 16, b"x") != payload_hash(b"b" * 16, b"x")


@pytest.mark.parametrize(
    ("field", "value"),
    [("at", "2026-11-22T08:00:01.000000Z"), ("session_id", "t"), ("kind", "receipt"), ("key", "x")],
)
def test_a_changed_field_is_found_and_named(field: str, value: str) -> None:
    links = chain(5)
    links[2] = msgspec.structs.replace(
        links[2], entry=msgspec.structs.replace(links[2].entry, **{field: value})
    )
    with pytest.raises(LedgerError) as caught:
        check_chain(links, head_of(links))
    assert (caught.value.seq, caught.value.rule) == (3, "entry-hash")


def test_a_changed_or_lost_payload_is_found() -> None:
    for changes, rule in (({"body": b"x"}, "payload-hash"), ({"body": None}, "payload-missing")):
        links = chain(5)
        links[1] = msgspec.structs.replace(links[1], **changes)
        with pytest.raises(LedgerError) as caught:
            check_chain(links, head_of(links))
        assert (caught.value.seq, caught.value.rule) == (2, rule)


@pytest.mark.parametrize("lost", [1, 3])
def test_a_lost_entry_is_found(lost: int) -> None:
    links = chain(5)
    head = head_of(links)
    del links[lost - 1]
    with pytest.raises(LedgerError) as caught:
        check_chain(links, head)
    assert (caught.value.seq, caught.value.rule) == (lost, "sequence")


def test_a_chain_cut_off_or_grown_at_its_end_is_found() -> None:
    links = chain(5)
    with pytest.raises(LedgerError) as cut:
        check_chain(links[:3], head_of(links))
    assert (cut.value.seq, cut.value.rule) == (4, "head")
    with pytest.raises(LedgerError) as grown:
        check_chain(links, head_of(links[:4]))
    assert (grown.value.seq, grown.value.rule) == (5, "head")


def test_a_rewritten_entry_breaks_the_link_after_it() -> None:
    links = chain(5)
    entry = msgspec.structs.replace(links[2].entry, key="forged")
    links[2] = msgspec.structs.replace(links[2], entry=entry, hash=entry_hash(entry))
    with pytest.raises(LedgerError) as caught:
        check_chain(links, head_of(links))
    assert (caught.value.seq, caught.value.rule) == (4, "link")
