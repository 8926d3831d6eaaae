"""The database behind the back end: transactions, one writer at a time, errors that say what happened.

SQLite in a file by default, another database by URL. Needs the extra ``hub``.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from plugcharge.backend.ledger import GENESIS
from plugcharge.backend.schema import (
    METADATA,
    SCHEMA_VERSION,
    ledger_head,
    schema_version,
)  # says what to install
from plugcharge.backend.storage_errors import StorageError, StorageKind
from plugcharge.errors import LocalError

import sqlalchemy as sa  # isort: skip  (after schema, which explains its absence)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["Database"]

_WRITING = "plugcharge_writing"
_IN_MEMORY = "a session store in memory would lose every bill with the process"
_NAME_A_FILE = "name a file, such as sqlite:///plugcharge.db"
# What the URL of an SQLite file may say besides its path. Other options choose a store that is not on the
# disk (vfs), share it without locks (nolock, immutable) or cannot be judged.
_SQLITE_OPTIONS = {"uri": ("true",), "mode": ("ro", "rw", "rwc")}

# SQLite's own names for what went wrong (the prefix decides) -> our kind, sentence and advice.
_SQLITE_FAULTS: tuple[tuple[str, StorageKind, str, str], ...] = (
    ("SQLITE_FULL", "full", "the disk is full: nothing was stored", "free space, then repeat the call"),
    (
        "SQLITE_READONLY",
        "read-only",
        "the database can only be read",
        "check rights and mount of file and folder",
    ),
    (
        "SQLITE_BUSY",
        "locked",
        "another writer kept the database locked",
        "repeat the call, or find that writer",
    ),
    (
        "SQLITE_LOCKED",
        "locked",
        "another writer kept the database locked",
        "repeat the call, or find that writer",
    ),
    ("SQLITE_CORRUPT", "corrupt", "the database file is damaged", "restore it from a backup"),
    ("SQLITE_NOTADB", "corrupt", "the file is not a database", "name another file"),
    (
        "SQLITE_CANTOPEN",
        "missing",
        "the database cannot be opened",
        "check the path and the rights on its folder",
    ),
    ("SQLITE_IOERR", "io", "the disk did not do what it was asked", "check the disk, then repeat the call"),
)


class Database:
    """An open database with our tables. Safe to use from several threads; writers wait for each other.

    On SQLite the journal is a write-ahead log that is flushed to the disk at every commit
    (``synchronous=FULL``): what was acknowledged survives a killed process and a power cut. Foreign keys are
    enforced.
    """

    def __init__(self, engine: sa.Engine, *, where: str, busy_timeout: float, read_only: bool) -> None:
        self._engine = engine
        self._where = where
        self._busy_timeout = busy_timeout
        self._read_only = read_only
        self._writer = threading.Lock()

    @classmethod
    def open(
        cls, target: str | Path, *, create: bool = True, read_only: bool = False, busy_timeout: float = 5.0
    ) -> Database:
        """Open a database, and make its tables if it is new.

        Args:
            target: the path of an SQLite file, or an SQLAlchemy URL such as ``postgresql+psycopg://...``.
            create: make the file, its folder and the tables where they are missing.
            read_only: refuse every write; implies ``create=False``.
            busy_timeout: seconds to wait for another writer.

        Raises:
            LocalError: the URL is not one, its driver is not installed, or it names a database in memory or
                one with options that could lose bills. No error shows a password.
            StorageError: the file is missing, not a database, not ours, or of another schema version.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     database = Database.open(Path(folder) / "plugcharge.db")
            ...     database.close()
        """
        create = create and not read_only
        url = _url(target)
        path = _file_of(url)
        if path is not None:
            _prepare_file(path, create=create)
        engine = _engine(url, read_only=read_only, busy_timeout=busy_timeout)
        where = _shown(url)
        database = cls(engine, where=where, busy_timeout=busy_timeout, read_only=read_only)
        try:
            database._check_place()
            database._check_schema(create=create)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def where(self) -> str:
        """The URL of the database, without password and options."""
        return self._where

    def close(self) -> None:
        """Give back every connection. Nothing is lost: what was acknowledged is on the disk already."""
        self._engine.dispose()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one unchanging state of the database.

        Raises:
            StorageError: the database could not be read.
        """
        with self._explained(), self._engine.connect() as connection:
            if (
                connection.dialect.name != "sqlite"
            ):  # where the default would show each statement another state
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction: committed when the block ends well, rolled back when it raises.

        Only after the block was left without an exception is anything acknowledged.

        Raises:
            StorageError: nothing was stored.
        """
        if self._read_only:
            raise StorageError(
                "the database was opened to be read only",
                kind="read-only",
                where=self._where,
                advice="open it without read_only",
            )
        if not self._writer.acquire(timeout=self._busy_timeout):
            raise StorageError(
                "another writer of this process kept the database locked",
                kind="locked",
                where=self._where,
                why=f"waited {self._busy_timeout:g} s",
                advice="repeat the call",
            )
        try:
            with self._explained(), self._engine.connect() as connection:
                writing = connection.execution_options(**{_WRITING: True})
                with writing.begin():
                    yield writing
        finally:
            self._writer.release()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise _explain(error, self._where, _secrets(self._engine.url)) from None
        except sa.exc.TimeoutError:
            raise StorageError(
                "every connection to the database is in use",
                kind="locked",
                where=self._where,
                why="no connection was given back in time",
                advice="repeat the call",
            ) from None

    def _check_place(self) -> None:
        """Ask SQLite where the database is: whatever its URL says, it has to be in a file."""
        if self._engine.dialect.name != "sqlite":
            return
        with self.read() as connection:
            rows = connection.exec_driver_sql("PRAGMA database_list").all()
        if not any(name == "main" and file for _, name, file in rows):
            raise LocalError(_IN_MEMORY, where="database", advice=_NAME_A_FILE)

    def _check_schema(self, *, create: bool) -> None:
        if create:
            with self.write() as connection:
                if not sa.inspect(connection).get_table_names():
                    METADATA.create_all(connection)
                    connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))
                    connection.execute(ledger_head.insert().values(id=1, entries=0, hash=GENESIS))
        with self.read() as connection:
            if not sa.inspect(connection).has_table(schema_version.name):
                raise StorageError(
                    "this database was not made by plugcharge",
                    kind="schema",
                    where=self._where,
                    why=f"it has no table {schema_version.name}",
                    advice="name another file, or remove this one if it is empty",
                )
            version = connection.execute(sa.select(schema_version.c.version)).scalar_one_or_none()
        if version != SCHEMA_VERSION:
            raise StorageError(
                f"the database has schema version {version}, this program needs {SCHEMA_VERSION}",
                kind="schema",
                where=self._where,
                advice="use the program version that made it"
                if (version or 0) < SCHEMA_VERSION
                else "update plugcharge",
            )


def _url(target: str | Path) -> sa.URL:
    text = str(target)
    if not text.strip() or "\0" in text:
        raise LocalError("a database needs a name without zero octets", where="database", advice=_NAME_A_FILE)
    if isinstance(target, Path) or "://" not in text:
        url = sa.URL.create("sqlite", database=text)
    else:
        url = _parsed(text)
    if url.get_backend_name() == "sqlite":
        _check_sqlite(url)
    return url


def _parsed(text: str) -> sa.URL:
    try:
        return sa.make_url(text)
    except (sa.exc.ArgumentError, ValueError):
        pass  # its text may repeat a part of the password
    raise LocalError(
        "this is not a database URL",
        where="database",
        advice="write driver://user:password@host:port/name, with @ : / in a password as %40 %3A %2F",
    )


def _check_sqlite(url: sa.URL) -> None:
    name = unquote(url.database or "")
    if not name.removeprefix("file:").strip("/ ") or ":memory:" in name or "memory" in _values(url, "mode"):
        raise LocalError(_IN_MEMORY, where="database", advice=_NAME_A_FILE)
    for option in url.query:
        if not set(_values(url, option)) <= set(_SQLITE_OPTIONS.get(option, ())):
            raise LocalError(
                f"this option of SQLite is not taken: {option[:40]!r}",
                where="database",
                why="it could lose bills",
                advice="leave it out; uri=true and mode=ro, rw or rwc are taken",
            )


def _values(url: sa.URL, option: str) -> tuple[str, ...]:
    value = url.query.get(option, ())
    return (value,) if isinstance(value, str) else value


def _shown(url: sa.URL) -> str:
    """Give a URL that may be printed: options can hold a password too."""
    return url.set(query={}).render_as_string(hide_password=True)


def _secrets(url: sa.URL) -> tuple[str, ...]:
    """Give what a driver's message must not repeat."""
    found = [str(url.password or "")]
    found += [value for option in url.query if "pass" in option.lower() for value in _values(url, option)]
    return tuple(secret for secret in found if secret)


def _file_of(url: sa.URL) -> Path | None:
    """Give the file of a plain SQLite URL; None for servers and for ``file:`` URIs with their own options."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return None
    return Path(url.database)


def _prepare_file(path: Path, *, create: bool) -> None:
    if path.is_file() or (path.exists() and not path.is_dir()):
        return
    if path.is_dir():
        raise StorageError(
            "the database is a folder", kind="missing", where=str(path), advice="name a file in it"
        )
    if not create:
        raise StorageError(
            "there is no such database",
            kind="missing",
            where=str(path),
            advice="check the path given as --db",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            "the folder of the database cannot be made", kind="io", where=str(path.parent), why=str(error)
        ) from error


def _engine(url: sa.URL, *, read_only: bool, busy_timeout: float) -> sa.Engine:
    try:
        engine = sa.create_engine(url)
    except ModuleNotFoundError as error:
        raise _no_driver(url, f"there is no module {error.name}") from None
    except (sa.exc.ArgumentError, TypeError, ValueError):
        raise _no_driver(url, f"{url.drivername} cannot be used with this URL") from None
    if url.get_backend_name() == "sqlite":
        _set_up_sqlite(engine, read_only=read_only, busy_timeout=busy_timeout)
    return engine


def _no_driver(url: sa.URL, why: str) -> LocalError:
    return LocalError(
        "there is no driver for this database",
        where=_shown(url),
        why=why,
        advice="install the driver that the URL names, for example psycopg",
    )


def _set_up_sqlite(engine: sa.Engine, *, read_only: bool, busy_timeout: float) -> None:
    pragmas = [f"busy_timeout={int(busy_timeout * 1000)}", "foreign_keys=ON"]
    pragmas += ["query_only=ON"] if read_only else ["journal_mode=WAL", "synchronous=FULL"]

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions late and on its own terms
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begun(connection: sa.Connection) -> None:
        # A writer takes the lock at once: one that read first could find that it may no longer write.
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _explain(error: sa.exc.DBAPIError, where: str, secrets: tuple[str, ...]) -> StorageError:
    original: Any = error.orig
    name = str(getattr(original, "sqlite_errorname", "") or "")
    said = str(original)
    for secret in secrets:
        said = said.replace(secret, "***")
    for prefix, kind, what, advice in _SQLITE_FAULTS:
        if name.startswith(prefix):
            return StorageError(what, kind=kind, where=where, why=f"{said} ({name})", advice=advice)
    return StorageError("the database refused", kind="io", where=where, why=said)
