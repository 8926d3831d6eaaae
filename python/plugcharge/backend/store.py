"""Where sessions are kept: every event in one transaction, once, in a hash chain; bills with the close.

Needs the extra ``hub``.
"""

from __future__ import annotations

import os
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from plugcharge.backend.billing import Bill
from plugcharge.backend.database import Database
from plugcharge.backend.instants import RandomBytes, as_utc, from_text, to_text
from plugcharge.backend.ledger import (
    LedgerEntry,
    LedgerError,
    LedgerHead,
    StoredEntry,
    check_chain,
    check_link,
    entry_hash,
    payload_hash,
)
from plugcharge.backend.records import (
    Event,
    SessionAuthorized,
    SessionBilled,
    SessionClosed,
    SessionOpened,
    SessionRecord,
    StopReason,
    decode_event,
    encode_event,
    fold,
    same_fact,
)
from plugcharge.backend.schema import ledger, ledger_head, payloads, sessions
from plugcharge.backend.settlement import settle
from plugcharge.errors import LocalError

import sqlalchemy as sa  # isort: skip  (after schema, which explains its absence)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Acknowledged", "Recovered", "SessionStore", "SessionSummary"]

_SALT_LENGTH = 16
# Events of which a session has one at most: their key is fixed.
_FIXED_KEYS = {
    SessionOpened: "opened",
    SessionAuthorized: "authorized",
    SessionClosed: "closed",
    SessionBilled: "billed",
}


class Acknowledged(msgspec.Struct, frozen=True, kw_only=True):
    """The event is on the disk.

    Attributes:
        seq: its place in the ledger.
        key: the key it is stored under.
        hash: hash of its ledger entry, hex.
        new: ``False`` when it was stored before and this call changed nothing.
    """

    seq: int
    key: str
    hash: str
    new: bool


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """A session that a crash had left open, and the bill it got (``None`` when nobody may be billed)."""

    session_id: str
    bill: Bill | None


class SessionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a list of sessions. Fields as in :class:`plugcharge.backend.records.SessionRecord`.

    Energy, total and currency are ``None`` while the session runs; the last two also when nobody was billed.
    """

    session_id: str
    station_id: str
    evse_id: str
    protocol: str
    emaid: str | None
    started: datetime
    ended: datetime | None
    stop_reason: str | None
    energy_wh: int | None
    total: Decimal | None
    currency: str | None
    needs_review: bool


class SessionStore:
    """Sessions in a database. Calls block; from asyncio use :class:`plugcharge.backend.StationJournal`.

    Example:
        >>> import tempfile
        >>> from datetime import UTC, datetime
        >>> from pathlib import Path
        >>> from plugcharge.backend import Protocol
        >>> opened = SessionOpened(
        ...     session_id="01a2008d-7400-7000-8000-000000000000", at=datetime(2026, 11, 22, tzinfo=UTC),
        ...     v2g_session_id="00112233AABBCCDD", protocol=Protocol.ISO2, evccid="020000000001",
        ...     evse_id="DE*ABC*E1", station_id="garage",
        ... )
        >>> with tempfile.TemporaryDirectory() as folder, SessionStore.open(Path(folder) / "hub.db") as store:
        ...     first, again = store.append(opened), store.append(opened)
        ...     first.new, again.new, store.verify().entries
        (True, False, 1)
    """

    def __init__(self, database: Database, *, random_bytes: RandomBytes = os.urandom) -> None:
        self._database = database
        self._random = random_bytes

    @classmethod
    def open(
        cls,
        target: str | Path,
        *,
        create: bool = True,
        read_only: bool = False,
        busy_timeout: float = 5.0,
        random_bytes: RandomBytes = os.urandom,
    ) -> SessionStore:
        """Open a store; arguments and errors as :meth:`plugcharge.backend.database.Database.open`.

        Args:
            target: path of an SQLite file, or a database URL.
            create: make what is missing.
            read_only: refuse every write.
            busy_timeout: seconds to wait for another writer.
            random_bytes: the source of salts.
        """
        database = Database.open(target, create=create, read_only=read_only, busy_timeout=busy_timeout)
        return cls(database, random_bytes=random_bytes)

    def __enter__(self) -> SessionStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def database(self) -> Database:
        """The database, to be shared with a :class:`plugcharge.backend.ContractBook`."""
        return self._database

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def append(self, event: Event, *, key: str | None = None) -> Acknowledged:
        """Store one event; when this returns, it is on the disk.

        Args:
            event: what happened. A :class:`SessionClosed` goes to :meth:`close_session` instead.
            key: names the fact within its session, 1 to 80 characters, so that a repeated call is recognised.
                Without it the content is the key: the same content, time included, is the same fact. Events
                of which a session has one only (opened, authorized) have a fixed key.

        Raises:
            LocalError: the session is unknown, already closed, or the key was used for something else.
            StorageError: nothing was stored; call again with the same key.
        """
        if isinstance(event, (SessionClosed, SessionBilled)):
            raise LocalError(
                "a session is closed and billed in one step",
                where="SessionStore.append",
                advice="call close_session",
            )
        body = encode_event(event)
        with self._database.write() as connection:
            return self._put(connection, event, body, _key(event, body, key))

    def close_session(self, closed: SessionClosed) -> Bill | None:
        """Close a session and bill it, both or neither; again for the same reason gives the same bill again.

        Returns:
            The bill; ``None`` when nobody may be billed (never authorized, no tariff, or the station failed
            before energy flowed).

        Raises:
            LocalError: the session is unknown, or was closed for another reason.
            StorageError: nothing was stored; call again.
        """
        with self._database.write() as connection:
            return self._close(connection, closed)

    def recover(self, at: datetime, *, station_id: str | None = None) -> list[Recovered]:
        """Close what a crash left open, with ``station-restart``, each session billed exactly once.

        A session ends at the last moment it is known to have been alive, not at the restart. Call it once,
        before the station serves its first car. Killed half way, it is simply called again.

        Args:
            at: the time of the restart.
            station_id: only this station's sessions; needed where several stations write to one database.

        Raises:
            StorageError: the database did not answer; sessions closed up to then stay closed.
        """
        at = as_utc(at, where="recover")
        open_ones = (
            sa.select(sessions.c.session_id).where(sessions.c.ended.is_(None)).order_by(sessions.c.started)
        )
        if station_id is not None:
            open_ones = open_ones.where(sessions.c.station_id == station_id)
        with self._database.read() as connection:
            found = list(connection.execute(open_ones).scalars())
        return [
            Recovered(session_id=session_id, bill=bill)
            for session_id in found
            for bill in [self._close_after_crash(session_id, at)]
        ]

    def record(self, session_id: str) -> SessionRecord:
        """Give all that is known of a session, checked against its ledger entries.

        Raises:
            LocalError: there is no such session.
            LedgerError: what is stored of it was changed.
        """
        with self._database.read() as connection:
            return _load(connection, session_id)

    def summaries(self, *, limit: int = 50, running: bool = False) -> list[SessionSummary]:
        """Give the newest sessions, newest first.

        Args:
            limit: at most so many.
            running: only those that are not closed.
        """
        query = (
            sa.select(sessions).order_by(sessions.c.started.desc(), sessions.c.session_id.desc()).limit(limit)
        )
        if running:
            query = query.where(sessions.c.ended.is_(None))
        with self._database.read() as connection:
            return [_summary(row._mapping) for row in connection.execute(query)]

    def find(self, prefix: str, *, limit: int = 20) -> list[str]:
        """Give the ids of the sessions that begin with ``prefix``, oldest first; at most ``limit``."""
        column = sessions.c.session_id
        query = (
            sa.select(column)
            .where(column.startswith(prefix.lower(), autoescape=True))
            .order_by(column)
            .limit(limit)
        )
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def verify(self) -> LedgerHead:
        """Check the whole ledger, and the list of sessions against it.

        Returns:
            The head: how many entries there are and the hash of the last. Keep it elsewhere: a chain that was
            cut off and rewritten as a whole can only be told by it.

        Raises:
            LedgerError: names the first entry that is wrong.
        """
        with self._database.read() as connection:
            head = check_chain(_links(connection), _head(sa.select(ledger_head), connection))
            _check_index(connection)
            return head

    def _close_after_crash(self, session_id: str, at: datetime) -> Bill | None:
        with self._database.write() as connection:
            record = _load(connection, session_id)
            if record.ended is not None:  # another process was faster
                return record.bill
            closed = SessionClosed(
                session_id=session_id, at=at, stop_reason=StopReason.STATION_RESTART, ended=record.last_known
            )
            return self._close(connection, closed)

    def _close(self, connection: sa.Connection, closed: SessionClosed) -> Bill | None:
        body = encode_event(closed)
        done = self._put(connection, closed, body, "closed")
        record = _load(connection, closed.session_id)
        if not done.new:
            return record.bill
        ended = closed.ended or closed.at
        bill = settle(record, ended=ended, stop_reason=closed.stop_reason, lasted=closed.lasted)
        if bill is not None:
            billed = SessionBilled(session_id=closed.session_id, at=closed.at, bill=bill)
            self._put(connection, billed, encode_event(billed), "billed")
            record = msgspec.structs.replace(record, bill=bill, warnings=bill.flags)
        connection.execute(
            sessions.update().where(sessions.c.session_id == closed.session_id).values(**_listed(record))
        )
        return bill

    def _put(self, connection: sa.Connection, event: Event, body: bytes, key: str) -> Acknowledged:
        # The head comes first and is locked: on every database, writers stand in line here.
        head = _head(sa.select(ledger_head).with_for_update(), connection)
        known = _find(connection, event.session_id, key)
        if known is not None:
            return _acknowledge_again(known, event, key)
        self._check_may_follow(connection, event)
        entry = LedgerEntry(
            seq=head.entries + 1,
            at=to_text(event.at),
            session_id=event.session_id,
            kind=str(event.__struct_config__.tag),
            key=key,
            payload_hash=payload_hash(salt := self._random(_SALT_LENGTH), body),
            prev_hash=head.hash,
        )
        link = entry_hash(entry)
        connection.execute(ledger.insert().values(**msgspec.structs.asdict(entry), hash=link))
        connection.execute(payloads.insert().values(seq=entry.seq, salt=salt, body=body))
        connection.execute(ledger_head.update().values(entries=entry.seq, hash=link))
        _index(connection, event)
        return Acknowledged(seq=entry.seq, key=key, hash=link.hex(), new=True)

    @staticmethod
    def _check_may_follow(connection: sa.Connection, event: Event) -> None:
        if isinstance(event, SessionOpened):
            return
        where = f"session {event.session_id}"
        query = sa.select(sessions.c.stop_reason).where(sessions.c.session_id == event.session_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            raise LocalError("there is no such session", where=where, advice="open it first")
        if row.stop_reason is not None:
            raise LocalError(
                "the session is closed",
                where=where,
                why=f"it ended: {row.stop_reason}",
                advice="open a new one",
            )


def _key(event: Event, body: bytes, key: str | None) -> str:
    fixed = _FIXED_KEYS.get(type(event))
    if fixed is not None:
        if key not in (None, fixed):
            raise LocalError(f"a session has one {fixed!r} event; it takes no key of its own", where="key")
        return fixed
    if key is None:
        return f"{event.__struct_config__.tag}-{payload_hash(b'', body).hex()}"
    if not 1 <= len(key) <= 80 or key in _FIXED_KEYS.values():
        raise LocalError(f"{key[:96]!r} cannot be a key", where="key", why="1 to 80 characters, no fixed key")
    return key


def _find(connection: sa.Connection, session_id: str, key: str) -> StoredEntry | None:
    query = _link_query().where(ledger.c.session_id == session_id, ledger.c.key == key)
    row = connection.execute(query).one_or_none()
    return None if row is None else _link(row._mapping)


def _acknowledge_again(known: StoredEntry, event: Event, key: str) -> Acknowledged:
    if not same_fact(_event(known), event):
        raise LocalError(
            f"the key {key!r} was used for something else",
            where=f"session {event.session_id}",
            why=f"ledger entry {known.entry.seq} holds another event under it",
            advice="a fact is reported again with the same content, a new fact with a new key",
        )
    return Acknowledged(seq=known.entry.seq, key=key, hash=known.hash.hex(), new=False)


def _index(connection: sa.Connection, event: Event) -> None:
    if isinstance(event, SessionOpened):
        connection.execute(
            sessions.insert().values(
                session_id=event.session_id,
                station_id=event.station_id,
                evse_id=event.evse_id,
                protocol=event.protocol.value,
                started=to_text(event.at),
                needs_review=False,
            )
        )
    elif isinstance(event, SessionAuthorized):
        connection.execute(
            sessions.update().where(sessions.c.session_id == event.session_id).values(emaid=event.emaid)
        )


def _link_query() -> sa.Select[Any]:
    joined = ledger.outerjoin(payloads, ledger.c.seq == payloads.c.seq)
    return sa.select(ledger, payloads.c.salt, payloads.c.body).select_from(joined).order_by(ledger.c.seq)


def _links(connection: sa.Connection) -> Iterator[StoredEntry]:
    for row in connection.execution_options(yield_per=500).execute(_link_query()):
        yield _link(row._mapping)


def _link(row: sa.RowMapping) -> StoredEntry:
    entry = LedgerEntry(**{name: row[name] for name in LedgerEntry.__struct_fields__})
    return StoredEntry(entry=entry, hash=row["hash"], salt=row["salt"], body=row["body"])


def _event(link: StoredEntry) -> Event:
    check_link(link)
    try:
        return decode_event(link.body or b"")
    except msgspec.MsgspecError as error:
        raise LedgerError(
            f"the event cannot be read: {error}", seq=link.entry.seq, rule="payload-hash"
        ) from error


def _load(connection: sa.Connection, session_id: str) -> SessionRecord:
    query = _link_query().where(ledger.c.session_id == session_id)
    links: Sequence[StoredEntry] = [_link(row._mapping) for row in connection.execute(query)]
    if not links:
        raise LocalError(
            "there is no such session",
            where=f"session {session_id}",
            advice="plugcharge sessions list shows all",
        )
    return fold((_event(link) for link in links), ledger_head=links[-1].hash.hex())


def _summary(row: sa.RowMapping) -> SessionSummary:
    try:
        return _read_summary(row)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise LedgerError(
            f"the list of sessions cannot be read at {row['session_id']}", seq=0, rule="index"
        ) from error


def _read_summary(row: sa.RowMapping) -> SessionSummary:
    return SessionSummary(
        **{
            name: row[name]
            for name in ("session_id", "station_id", "evse_id", "protocol", "emaid", "stop_reason")
        },
        started=from_text(row["started"]),
        ended=None if row["ended"] is None else from_text(row["ended"]),
        energy_wh=row["energy_wh"],
        total=None if row["total"] is None else Decimal(row["total"]),
        currency=row["currency"],
        needs_review=row["needs_review"],
    )


def _listed(record: SessionRecord) -> dict[str, object]:
    """Give the row of a session in the list."""
    bill, is_over = record.bill, record.ended is not None
    return {
        "session_id": record.session_id,
        "station_id": record.station_id,
        "evse_id": record.evse_id,
        "protocol": record.protocol.value,
        "emaid": record.emaid,
        "started": to_text(record.started),
        "ended": None if record.ended is None else to_text(record.ended),
        "stop_reason": None if record.stop_reason is None else record.stop_reason.value,
        "energy_wh": record.energy_wh if is_over else None,
        "total": None if bill is None else str(bill.total),
        "currency": None if bill is None else bill.tariff.currency,
        "needs_review": is_over and bool(record.warnings),
    }


def _head(query: sa.Select[Any], connection: sa.Connection) -> LedgerHead:
    """Read the one head of the ledger."""
    rows = connection.execute(query).all()
    if len(rows) != 1 or rows[0].id != 1:
        raise LedgerError(f"the ledger has {len(rows)} heads where one belongs", seq=0, rule="head")
    return LedgerHead(entries=rows[0].entries, hash=rows[0].hash)


def _check_index(connection: sa.Connection) -> None:
    """Compare the list of sessions, every column of it, with the events it was made from."""
    listed = {row.session_id: dict(row._mapping) for row in connection.execute(sa.select(sessions))}
    heads = sa.select(ledger.c.session_id, sa.func.max(ledger.c.seq).label("last")).group_by(
        ledger.c.session_id
    )
    for session_id, last in connection.execute(heads).all():
        if listed.pop(session_id, None) != _listed(_load(connection, session_id)):
            raise LedgerError(f"the list of sessions is wrong about {session_id}", seq=last, rule="index")
    if listed:
        raise LedgerError(f"the list names sessions that never were: {min(listed)}", seq=0, rule="index")
