"""Every example runs, as its own first lines say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from plugcharge.backend import SessionStore
from plugcharge.cli.root import root

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

pytestmark = pytest.mark.timeout(60)


def start(name: str, *arguments: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        output, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 0, output
    return output


def test_codec(tmp_path: Path) -> None:
    assert finish(start("codec.py", folder=tmp_path)).endswith("the signature is good\n")


def test_station_and_car(tmp_path: Path) -> None:
    root(["pki", "init", str(tmp_path / "pki")], standalone_mode=False)
    station = start("station.py", "--pki", "pki", "--sessions", "1", "--speed", "2000", folder=tmp_path)
    try:
        assert station.stdout is not None
        where = re.fullmatch(r"waiting for cars on \[::1\]:(\d+)\n", station.stdout.readline())
        assert where is not None
        car = start(
            "car.py",
            "--pki",
            "pki",
            "--port",
            where[1],
            "--energy",
            "2000",
            "--pause",
            "0.2",
            folder=tmp_path,
        )
        result = json.loads(finish(car).splitlines()[-1])
        output = finish(station)
    finally:
        station.kill()
    assert result["complete"]
    assert result["emaid"] == "DEPLGC00000001"
    assert result["energy_wh"] >= 2_000 - 300
    with SessionStore.open(tmp_path / "station.db", read_only=True) as store:
        (summary,) = store.summaries()
    assert f"session {summary.session_id}: ev-terminated" in output
    assert summary.total is not None


def test_two_cores_without_sockets(tmp_path: Path) -> None:
    assert "SessionEnded" in finish(start("own_stack.py", folder=tmp_path))


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "car.py",
        "codec.py",
        "own_stack.py",
        "station.py",
    }
