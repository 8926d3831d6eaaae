"""Josev (PyPI ``iso15118``) with our codec for its own: the same JSON, the same bytes, whole sessions.

The comparison needs Java 17 for Josev's own codec; the sessions need root for network namespaces and
``../shared/tools/two-hosts``, and run without Java on the path. What is missing skips them with its name;
with ``CI=true`` it fails them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from plugcharge import pki
from tests.interop.josev.josev_layout import write_test_pki
from tests.shared_material import shared_path

ROOT = Path(__file__).resolve().parents[2]
JOSEV = ROOT / "tests" / "interop" / "josev"
TLS = "TLSv1.2 ECDHE-ECDSA-AES128-SHA256"

pytestmark = [pytest.mark.interop, pytest.mark.timeout(600)]


def missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def set_up(*options: str) -> str:
    try:
        setup = subprocess.run(
            [JOSEV / "setup", *options], capture_output=True, text=True, check=False, timeout=580
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        missing(f"the peer Josev cannot be set up: {error}")
        raise
    if setup.returncode:
        missing(f"the peer Josev cannot be set up: {setup.stderr.strip()}")
    return setup.stdout.strip()


@pytest.fixture(scope="module")
def josev_python() -> str:
    """The Python of Josev's venv, with the package in it."""
    return set_up("--codec")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_test_pki(tmp_path_factory.mktemp("pki"), pki.TestPki(now=datetime.now(UTC)))


def last_line(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return document


def test_same_json_and_same_bytes_as_josevs_own_codec(josev_python: str) -> None:
    set_up()  # says so when there is no Java
    files = [str(shared_path(f"vectors/exi/{name}.jsonl")) for name in ("captures", "suites")]
    command = [josev_python, str(JOSEV / "compare_codecs.py"), *files]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=580)
    print(run.stdout, run.stderr)
    result = last_line(run.stdout)
    assert result["differences"] == []
    assert result["not-decoded-by-josev"] == 0
    assert result["compared"] == result["same-json"] == result["same-bytes"] >= 1400


PLAIN = ("--payment", "external", "--no-tls")
SESSIONS = [
    pytest.param(("--protocol", "iso2", "--energy", "AC", *PLAIN), id="iso2-ac-eim"),
    pytest.param(("--protocol", "iso2", "--energy", "DC", *PLAIN), id="iso2-dc-eim"),
    pytest.param(("--protocol", "iso2", "--energy", "AC"), id="iso2-ac-pnc"),
    pytest.param(("--protocol", "iso2", "--energy", "DC"), id="iso2-dc-pnc"),
    pytest.param(("--protocol", "iso20", "--energy", "AC", *PLAIN), id="iso20-ac-eim"),
    pytest.param(("--protocol", "iso20", "--energy", "DC", *PLAIN), id="iso20-dc-eim"),
    pytest.param(("--protocol", "iso20", "--energy", "DC"), id="iso20-dc-pnc"),
    pytest.param(("--protocol", "din", "--energy", "DC", *PLAIN), id="din-dc"),
]


class Peer:
    """Josev as station and as car, with our codec, on two hosts on one link."""

    def __init__(self, python: str, keys: Path, folder: Path) -> None:
        if os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None:
            missing("two hosts on one link need root and the programs unshare and ip")
        self.folder = folder
        # No program can be found by its name, Java least of all.
        self.start = ["env", "PATH=/nowhere", python]
        self.options = ["--pki", str(keys), "--codec", "plugcharge"]

    def run(self, station: tuple[str, ...], car: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run a session; give what the station and the car say at the end."""
        result, log = self.folder / "station.json", self.folder / "station.log"
        secc = [*self.start, str(JOSEV / "run_secc.py"), "--interface", "v0", *self.options, *station]
        evcc = [*self.start, str(JOSEV / "run_evcc.py"), "--interface", "v1", *self.options, *car]
        command = [
            str(shared_path("tools/two-hosts")),
            f"exec {shlex.join([*secc, '--result', str(result)])} >{shlex.quote(str(log))} 2>&1",
            shlex.join(evcc),
        ]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
        print(run.stdout, run.stderr, log.read_text(errors="replace"), sep="\n")  # shown when the test fails
        assert run.returncode == 0
        return json.loads(result.read_text()), last_line(run.stdout)


@pytest.fixture
def peer(josev_python: str, keys: Path, tmp_path: Path) -> Peer:
    return Peer(josev_python, keys, tmp_path)


@pytest.mark.netns
@pytest.mark.parametrize("options", SESSIONS)
def test_a_session_without_java(peer: Peer, options: tuple[str, ...]) -> None:
    station, car = peer.run(station=options, car=options)
    contract = "external" not in options
    for side in (station, car):
        assert side["result"] == "session-stop", side
        assert side["codec"].startswith("plugcharge ")
        assert (side["payment"] in {"Contract", "PnC"}) is contract
        assert side["tls"] == (TLS if contract else "none")
        assert side["charging_status"] > 0
    assert station["messages"] == car["messages"]


@pytest.mark.netns
def test_an_installation_and_receipts_without_java(peer: Peer) -> None:
    station, car = peer.run(station=("--receipts", "2"), car=("--install",))
    assert station["result"] == car["result"] == "session-stop", (station, car)
    assert car["installation"] == "OK"
    assert car["receipts"] >= 2
