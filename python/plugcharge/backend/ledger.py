"""The append-only hash chain over everything that was recorded, and how it is checked.

An entry names its place, its time, its session, what kind of event it is, a salted hash of the event, and the
hash of the entry before it. The event itself lies beside the chain: the chain alone tells nothing about a
person.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from plugcharge.backend.storage_errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "GENESIS",
    "LedgerEntry",
    "LedgerError",
    "LedgerHead",
    "StoredEntry",
    "check_chain",
    "check_link",
    "entry_hash",
    "payload_hash",
]

GENESIS = bytes(32)
_ENTRY_DOMAIN = b"plugcharge ledger entry 1"
_PAYLOAD_DOMAIN = b"plugcharge ledger payload 1"


class LedgerError(StorageError):
    """The ledger and what is stored do not fit each other: something was changed, lost or slipped in.

    Attributes:
        seq: the number of the first entry that is wrong, from 1.
        rule: ``"sequence"``, ``"link"``, ``"entry-hash"``, ``"payload-missing"``, ``"payload-hash"``,
            ``"head"`` or ``"index"``.
    """

    def __init__(self, what: str, *, seq: int, rule: str) -> None:
        super().__init__(
            what,
            kind="tampered",
            where=f"ledger entry {seq}",
            why=rule,
            advice="keep this file for inspection; the entries before this one are intact",
        )
        self.seq = seq
        self.rule = rule


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain.

    Attributes:
        seq: from 1, without gaps.
        at: the event's time as text, UTC with microseconds.
        session_id: the session.
        kind: the event's tag, such as ``"reading"``.
        key: the key that makes the event idempotent within its session.
        payload_hash: 32 octets, see :func:`payload_hash`.
        prev_hash: the hash of the entry before; 32 zero octets for the first.
    """

    seq: int
    at: str
    session_id: str
    kind: str
    key: str
    payload_hash: bytes
    prev_hash: bytes


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A link as it was read back.

    Attributes:
        entry: the entry.
        hash: the hash that was stored with it.
        salt: what its payload hash was salted with; ``None`` when nothing lies beside the chain.
        body: the event; ``None`` when nothing lies beside the chain.
    """

    entry: LedgerEntry
    hash: bytes
    salt: bytes | None
    body: bytes | None


class LedgerHead(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a chain that was checked.

    Attributes:
        entries: how many entries it has.
        hash: the hash of the last one; 32 zero octets when there is none.
    """

    entries: int
    hash: bytes


def payload_hash(salt: bytes, body: bytes) -> bytes:
    """Give the salted SHA-256 of an event's bytes; without the salt nobody can test a guess against it."""
    return _digest(_PAYLOAD_DOMAIN, salt, body)


def entry_hash(entry: LedgerEntry) -> bytes:
    """Give the SHA-256 of an entry over its length-prefixed fields, so that no two entries share their bytes.

    Each field is preceded by its length in four octets, big endian; ``seq`` is eight octets, big endian;
    texts are UTF-8.
    """
    return _digest(
        _ENTRY_DOMAIN,
        entry.seq.to_bytes(8, "big"),
        entry.at.encode(),
        entry.session_id.encode(),
        entry.kind.encode(),
        entry.key.encode(),
        entry.payload_hash,
        entry.prev_hash,
    )


def check_chain(stored: Iterable[StoredEntry], head: LedgerHead) -> LedgerHead:
    """Follow the chain from its first entry to the stored head.

    Raises:
        LedgerError: names the first entry that is wrong.
    """
    prev, number = GENESIS, 0
    for number, link in enumerate(stored, start=1):
        check_link(link)
        if link.entry.seq != number:
            raise LedgerError(f"entry {number} is missing", seq=number, rule="sequence")
        if link.entry.prev_hash != prev:
            raise LedgerError("the entry does not follow the one before it", seq=number, rule="link")
        prev = link.hash
    if head != LedgerHead(entries=number, hash=prev):
        raise LedgerError(
            f"the chain ends after {number} entries, but {head.entries} were written",
            seq=min(number, head.entries) + (number != head.entries),
            rule="head",
        )
    return head


def check_link(link: StoredEntry) -> None:
    """Check one entry against its own hash and against what lies beside the chain.

    Raises:
        LedgerError: it does not fit.
    """
    seq = link.entry.seq
    # Not every database keeps to the types of its columns, and whoever changes a row need not either.
    if not _has_types(link.entry) or entry_hash(link.entry) != link.hash:
        raise LedgerError("the entry was changed", seq=seq, rule="entry-hash")
    if link.salt is None or link.body is None:
        raise LedgerError("the event of this entry is gone", seq=seq, rule="payload-missing")
    whole = isinstance(link.salt, bytes) and isinstance(link.body, bytes)
    if not whole or payload_hash(link.salt, link.body) != link.entry.payload_hash:
        raise LedgerError("the event of this entry was changed", seq=seq, rule="payload-hash")


def _has_types(entry: LedgerEntry) -> bool:
    texts = (entry.at, entry.session_id, entry.kind, entry.key)
    hashes = (entry.payload_hash, entry.prev_hash)
    return (
        isinstance(entry.seq, int)
        and 0 < entry.seq < 1 << 63
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(octets, bytes) for octets in hashes)
    )


def _digest(*parts: bytes) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(4, "big"))
        digest.update(part)
    return digest.digest()
