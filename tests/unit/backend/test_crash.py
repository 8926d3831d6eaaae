"""Kills a writer at random moments, cuts its power: nothing acknowledged may be lost or doubled."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugcharge.backend.records import StopReason
from plugcharge.backend.store import SessionStore
from tests.unit.backend.samples import SESSION, after, closed, opened, reading, whole_session

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path(__file__).resolve().parents[3]
_KILLS = int(os.environ.get("PLUGCHARGE_KILLS", "30"))

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SIGKILL"),
    pytest.mark.timeout(120 + 2 * _KILLS),
]


@contextmanager
def forking_writer() -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "python"), str(_ROOT)])}
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.unit.backend.crash_writer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=_ROOT,
    )
    try:
        yield writer
    finally:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.close()
        writer.stdout.close()
        writer.wait(timeout=30)


def kill_once(writer: subprocess.Popen[str], path: Path, moment: float) -> list[list[str]]:
    """Let a writer live for ``moment`` seconds, kill it, and give the acknowledgements it had written."""
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write(f"{path}\n")
    writer.stdin.flush()
    word, pid = "", ""
    acknowledged: list[list[str]] = []
    while word != "pid":
        word, pid, *rest = writer.stdout.readline().split()
        if word == "ack":
            acknowledged.append([pid, *rest])
    time.sleep(moment)
    os.kill(int(pid), signal.SIGKILL)
    for line in writer.stdout:
        word, *rest = line.split()
        if word == "dead":
            assert rest == [str(-signal.SIGKILL)], "the writer died of something else"
            return acknowledged
        acknowledged.append(rest)
    raise AssertionError("the forking process ended")


def stored(path: Path) -> Counter[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT session_id, key, seq, hash FROM ledger").fetchall()
    connection.close()
    assert len({row[2] for row in rows}) == len(rows)
    return Counter((row[0], row[1]) for row in rows)


def check_after_restart(path: Path, acknowledged: list[list[str]], *, recover: bool) -> None:
    with SessionStore.open(path) as store:
        store.verify()
        if recover:
            store.recover(after(99_999))
            assert store.summaries(running=True) == []
            assert store.recover(after(99_999)) == []
            store.verify()
        entries = stored(path)
        assert set(entries.values()) <= {1}, "a record was doubled"
        for session_id, key, *place in acknowledged:
            assert entries[session_id, key] == 1, (
                f"lost after its acknowledgement: {session_id} {key} {place}"
            )
        billed = {session_id for session_id, key in entries if key == "billed"}
        closed_ones = {session_id for session_id, key in entries if key == "closed"}
        authorized = {session_id for session_id, key in entries if key == "authorized"}
        assert billed == closed_ones & authorized, "close and bill did not come together"


def test_no_acknowledged_record_is_lost_or_doubled_by_a_kill(tmp_path: Path) -> None:
    chance = random.Random()
    total = recovered = 0
    with forking_writer() as writer:
        for number in range(_KILLS):
            path = tmp_path / f"{number // 6}.db"  # each database lives through six crashes
            acknowledged = kill_once(writer, path, chance.uniform(0.0, 0.25))
            total += len(acknowledged)
            # Half of the time the next writer has to recover, and may be killed while it does.
            recover = number % 2 == 1
            if path.exists():
                check_after_restart(path, acknowledged, recover=recover)
        for path in tmp_path.glob("*.db"):
            with SessionStore.open(path) as store:
                store.recover(after(99_999))
                for summary in store.summaries(limit=100_000):
                    record = store.record(summary.session_id)
                    assert record.stop_reason is not None
                    if record.stop_reason is StopReason.STATION_RESTART:
                        recovered += 1
                        assert (record.bill is not None) == (record.authorized is not None)
                        assert record.ended == record.last_known
    assert total > _KILLS, "the writers hardly wrote: the test proves nothing"
    assert recovered > _KILLS // 10, "hardly a session was cut short: the test proves nothing"


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """What was written after the last flush is torn at any byte; what was flushed is there.

    At each acknowledged commit the files are copied: this is what is surely on the disk. The log of the next
    commit is then appended up to a random byte, as if the power had failed while it was written.
    """
    chance = random.Random(20_261_122)
    path, log = tmp_path / "hub.db", tmp_path / "hub.db-wal"
    snapshots: list[tuple[bytes, bytes, int]] = []
    with SessionStore.open(path) as store:
        for event in whole_session():
            store.append(event)
            snapshots.append((path.read_bytes(), log.read_bytes(), store.verify().entries))
        store.close_session(closed())
        snapshots.append((path.read_bytes(), log.read_bytes(), store.verify().entries))
    cuts = 0
    for (database, flushed, entries), (_, next_log, next_entries) in pairwise(snapshots):
        assert next_log[: len(flushed)] == flushed
        for _ in range(5):
            cut = chance.randint(len(flushed), len(next_log))
            torn = tmp_path / f"torn-{cuts}"
            torn.mkdir()
            (torn / "hub.db").write_bytes(database)
            garbage = chance.randbytes(chance.choice([0, 100]))
            (torn / "hub.db-wal").write_bytes(next_log[:cut] + garbage)
            with SessionStore.open(torn / "hub.db") as store:
                assert store.verify().entries in {entries, next_entries}
                store.recover(after(99_999))
                store.verify()
            shutil.rmtree(torn)
            cuts += 1
    assert cuts == 35


def test_every_acknowledged_commit_is_flushed_to_the_disk(tmp_path: Path) -> None:
    """Counts the flushes that the kernel sees; a kill cannot tell a flushed commit from one in the cache."""
    strace = shutil.which("strace")
    if strace is None or subprocess.run([strace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace is not installed or may not trace here")
    code = (
        "import sys; from tests.unit.backend.samples import *; from plugcharge.backend import SessionStore\n"
        "s = SessionStore.open(sys.argv[1]); s.append(opened())\n"
        "for wh in range(20): s.append(reading(wh))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(_ROOT / "python"), str(_ROOT)])}
    trace = tmp_path / "trace"
    subprocess.run(
        [
            strace,
            "-f",
            "-e",
            "trace=fsync,fdatasync",
            "-o",
            trace,
            sys.executable,
            "-c",
            code,
            tmp_path / "hub.db",
        ],
        check=True,
        env=environment,
        timeout=60,
    )
    assert trace.read_text().count("sync(") >= 21


def test_a_session_killed_before_its_first_reading_is_closed_too(tmp_path: Path) -> None:
    with SessionStore.open(tmp_path / "hub.db") as store:
        store.append(opened())
        store.append(reading(5))
        (found,) = store.recover(after(60))
        assert (found.session_id, found.bill) == (SESSION, None)
