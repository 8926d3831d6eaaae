from __future__ import annotations

import sqlite3
import time
import traceback
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from plugcharge.backend import database
from plugcharge.backend.database import Database
from plugcharge.backend.schema import SCHEMA_VERSION
from plugcharge.backend.storage_errors import StorageError
from plugcharge.backend.store import SessionStore
from plugcharge.errors import LocalError
from tests.unit.backend.samples import SESSION, closed, evidence, fill, opened, reading

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "er" / "hub.db"


def test_a_commit_is_flushed_and_foreign_keys_hold(path: Path) -> None:
    database = Database.open(path, busy_timeout=1.5)
    with database.write() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 1500}


def test_missing_folders_are_made_only_when_asked(path: Path) -> None:
    with pytest.raises(StorageError, match="no such database") as caught:
        Database.open(path, create=False)
    assert caught.value.kind == "missing"
    with pytest.raises(StorageError):
        Database.open(path, read_only=True)
    assert not path.parent.exists()
    Database.open(path).close()
    assert path.is_file()


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="folder"):
        Database.open(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        Database.open(tmp_path / "file" / "hub.db")
    assert caught.value.kind == "io"


@pytest.mark.parametrize("content", [b"not a database at all" * 100, bytes(4096)])
def test_another_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught:
        Database.open(path)
    assert caught.value.kind == "corrupt"
    assert path.read_bytes() == content


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (text TEXT)")
    connection.close()
    with pytest.raises(StorageError, match="not made by plugcharge") as caught:
        Database.open(path)
    assert caught.value.kind == "schema"


@pytest.mark.parametrize(
    ("version", "advice"), [(SCHEMA_VERSION + 1, "update plugcharge"), (0, "program version")]
)
def test_another_schema_version_is_refused_with_both_numbers(path: Path, version: int, advice: str) -> None:
    Database.open(path).close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE schema_version SET version = ?", (version,))
    connection.close()
    with pytest.raises(StorageError, match=f"version {version}.*needs {SCHEMA_VERSION}") as caught:
        Database.open(path)
    assert caught.value.kind == "schema"
    assert advice in caught.value.advice


@pytest.mark.parametrize(
    "target",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite+pysqlite:///:memory:",
        ":memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file::memory:?cache=shared&uri=true",
        "sqlite:///file:%3Amemory%3A?uri=true",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite:///file:x?mode=memory&cache=shared&uri=true",
        "sqlite:///file:x?mode=rw&mode=memory&uri=true",
        "sqlite:///file:?uri=true",
        "sqlite:///file:///?uri=true",
    ],
)
def test_a_database_in_memory_is_refused(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LocalError, match="in memory"):
        Database.open(target)
    assert list(tmp_path.iterdir()) == []


def test_what_the_url_hides_is_asked_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_check_sqlite", lambda url: None)
    with pytest.raises(LocalError, match="in memory"):
        Database.open("sqlite:///:memory:")


@pytest.mark.parametrize(
    "option", ["vfs=memdb", "nolock=1", "immutable=1", "cache=shared", "mode=rwx", "timeout=1", "uri=1"]
)
def test_options_that_could_lose_bills_are_refused(tmp_path: Path, option: str) -> None:
    with pytest.raises(LocalError, match="option of SQLite"):
        Database.open(f"sqlite:///file:{tmp_path}/hub.db?{option}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["", " ", "\0x.db", "sqlite:////x\0.db"])
def test_a_name_that_is_none_is_refused(target: str) -> None:
    with pytest.raises(LocalError, match="needs a name"):
        Database.open(target)


@pytest.mark.parametrize("target", ["nonsense://x/y", "postgresql+nosuchdriver://x/y", "://"])
def test_a_url_without_a_driver_is_refused(target: str) -> None:
    with pytest.raises(LocalError):
        Database.open(target)


@pytest.mark.parametrize(
    "target",
    [
        "nonsense://me:secret@host/hub",
        "nonsense://host/hub?password=secret",
        "postgresql://me:secret@host:port/hub",
        "postgresql://me:word@and:secret@host/hub",
        "postgresql://me:sec@secret:secret/hub",
        "postgresql://me:secret[@[::1/hub",
        "mysql://me:secret@host/hub",
        "://me:secret@",
    ],
)
def test_a_password_is_never_shown(target: str) -> None:
    with pytest.raises(LocalError) as caught:
        Database.open(target)
    assert "secret" not in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "secret" not in shown.replace(repr(target), "")


def test_a_driver_that_repeats_the_password_is_not_believed(path: Path) -> None:
    opened_one = Database.open(path)
    url = sa.make_url("postgresql://me:secret@host/hub?sslpassword=hush")
    error = sa.exc.OperationalError("SELECT 1", {}, Exception("no entry for me:secret with hush"))
    explained = database._explain(error, "here", database._secrets(url))
    assert explained.why == "no entry for me:*** with ***"
    opened_one.close()


def test_a_url_opens_the_same_file(path: Path) -> None:
    Database.open(path).close()
    database = Database.open(f"sqlite:///{path}", create=False)
    assert database.where.endswith("hub.db")
    database.close()


def test_a_locked_database_says_so_in_time_and_nothing_is_stored(path: Path) -> None:
    with SessionStore.open(path, busy_timeout=0.2) as store:
        fill(store)
        before = store.verify()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        for call in (lambda: store.append(reading(20_000)), lambda: store.close_session(closed())):
            with pytest.raises(StorageError) as caught:
                call()
            assert caught.value.kind == "locked"
        assert time.monotonic() - began < 3
        assert store.verify() == before  # readers go on
        other.execute("ROLLBACK")
        other.close()
        assert store.append(reading(20_000)).new
        assert store.verify().entries == before.entries + 1


def test_a_writer_of_the_same_process_waits_only_so_long(path: Path) -> None:
    database = Database.open(path, busy_timeout=0.05)
    with database.write(), pytest.raises(StorageError) as caught, database.write():
        pass
    assert caught.value.kind == "locked"
    database.close()


def test_a_full_disk_says_so_and_what_was_acknowledged_stays(path: Path) -> None:
    with SessionStore.open(path) as store:
        fill(store)
        acknowledged = store.verify()

        @sa.event.listens_for(store.database._engine, "begin")
        def _fill_disk(connection: sa.Connection) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")

        for number in range(3):
            proof = evidence()
            large = type(proof)(
                session_id=SESSION, at=proof.at, message=f"large {number}", exi=bytes([number]) * 60_000
            )
            with pytest.raises(StorageError) as caught:
                store.append(large)
            assert caught.value.kind == "full"
            assert "nothing was stored" in str(caught.value)
        assert store.verify() == acknowledged
    with SessionStore.open(path) as store:  # space again
        assert store.verify() == acknowledged
        assert store.append(reading(20_000)).new


def test_a_read_only_store_refuses_to_write_and_reads(path: Path) -> None:
    with SessionStore.open(path) as store:
        fill(store)
    with SessionStore.open(path, read_only=True) as reader:
        for call in (lambda: reader.append(reading(20_000)), lambda: reader.close_session(closed())):
            with pytest.raises(StorageError) as caught:
                call()
            assert caught.value.kind == "read-only"
        assert reader.record(SESSION).energy_wh == 12_345


def test_read_only_media_refuse_to_write(path: Path) -> None:
    with SessionStore.open(path) as store:
        fill(store)
    with SessionStore.open(f"sqlite:///file:{path}?mode=ro&uri=true") as store:
        with pytest.raises(StorageError) as caught:
            store.append(reading(20_000))
        assert caught.value.kind == "read-only"
        assert store.verify().entries == 7


def test_damaged_pages_are_reported(path: Path) -> None:
    with SessionStore.open(path) as store:
        fill(store)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StorageError) as caught, SessionStore.open(path) as store:
        store.verify()
    assert caught.value.kind == "corrupt"


def test_an_exception_of_the_caller_rolls_back_and_passes(path: Path) -> None:
    def half(store: SessionStore) -> None:
        with store.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM payloads")
            raise ZeroDivisionError

    with SessionStore.open(path) as store:
        store.append(opened())
        before = store.verify()
        with pytest.raises(ZeroDivisionError):
            half(store)
        assert store.verify() == before


def test_foreign_keys_are_enforced(path: Path) -> None:
    database = Database.open(path)
    with pytest.raises(StorageError, match="FOREIGN KEY"), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO payloads VALUES (99, x'00', x'00')")
    database.close()
