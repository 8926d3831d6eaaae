"""Whole Plug and Charge sessions of -2 against the live peer Josev, over TLS 1.2, on two hosts on one link.

They need root (network namespaces), Java 17, and ``../shared/tools/two-hosts``. What is missing skips them
with its name; with ``CI=true`` it fails them.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import pki
from plugcharge.backend import ReceiptVerdict, SessionStore
from tests.interop.josev.josev_layout import write_test_pki
from tests.shared_material import shared_path

if TYPE_CHECKING:
    from plugcharge.backend.records import SessionRecord

ROOT = Path(__file__).resolve().parents[2]
JOSEV = ROOT / "tests" / "interop" / "josev"
EMAID = "DEPLGC00000001"
TLS = "TLSv1.2 ECDHE-ECDSA-AES128-SHA256"

pytestmark = [pytest.mark.interop, pytest.mark.netns, pytest.mark.timeout(300)]


def missing(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def josev_python() -> str:
    if os.geteuid() != 0:
        missing("two hosts on one link need root, for network namespaces")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        missing("two hosts on one link need the programs unshare and ip")
    try:
        probe = subprocess.run(["unshare", "--net", "--mount", "true"], capture_output=True, check=False)
        setup = subprocess.run([JOSEV / "setup"], capture_output=True, text=True, check=False, timeout=240)
    except (OSError, subprocess.TimeoutExpired) as error:
        missing(f"the peer Josev cannot be set up: {error}")
        raise
    if probe.returncode:
        missing("network namespaces cannot be made here")
    if setup.returncode:
        missing(f"the peer Josev cannot be set up: {setup.stderr.strip()}")
    return setup.stdout.strip()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test PKI: our layout in the folder, Josev's in its sub-folder ``josev``."""
    folder = tmp_path_factory.mktemp("pki")
    made = pki.TestPki(now=datetime.now(UTC))
    made.write(folder)
    write_test_pki(folder / "josev", made)
    return folder


def two_hosts(station: list[str], car: list[str], folder: Path) -> tuple[int, str]:
    """Run a station and a car on one link; give the car's exit status and what it printed."""
    log = folder / "station.log"
    command = [
        str(shared_path("tools/two-hosts")),
        f"exec {shlex.join(station)} >{shlex.quote(str(log))} 2>&1",
        shlex.join(car),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    print(run.stdout, run.stderr, log.read_text(errors="replace"), sep="\n")  # shown when the test fails
    return run.returncode, run.stdout


def last_line(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    return document


def only_record(database: Path) -> SessionRecord:
    with SessionStore.open(database, read_only=True) as store:
        (summary,) = store.summaries()
        store.verify()
        return store.record(summary.session_id)


def test_josevs_car_charges_at_our_station(josev_python: str, keys: Path, tmp_path: Path) -> None:
    database = tmp_path / "station.db"
    station = [sys.executable, "examples/station.py", "--pki", str(keys), "--interface", "v0"]
    station += ["--db", str(database), "--sessions", "1", "--speed", "600"]
    car = [josev_python, "tests/interop/josev/run_evcc.py", "--interface", "v1", "--pki", str(keys / "josev")]

    status, output = two_hosts(station, [*car, "--cycles", "8", "--delay", "1"], tmp_path)

    verdict = last_line(output)
    assert (status, verdict["result"]) == (0, "session-stop"), verdict
    assert (verdict["tls"], verdict["payment"], verdict["emaid"]) == (TLS, "Contract", EMAID)
    record = only_record(database)
    assert record.emaid == EMAID
    assert record.auth_result is not None
    assert record.auth_result.accepted
    assert record.stop_reason == "ev-terminated"
    assert record.energy_wh > 0
    assert record.bill is not None
    assert record.bill.flags == ()
    assert record.receipts
    assert {receipt.verdict for receipt in record.receipts} == {ReceiptVerdict.VALID}
    assert len(record.receipts) == verdict["receipts"]
    assert [proof.message for proof in record.evidence] == ["PaymentDetailsReq", "AuthorizationReq"]


@pytest.mark.parametrize("receipts", [0, 2])
def test_our_car_charges_at_josevs_station(
    josev_python: str, keys: Path, tmp_path: Path, receipts: int
) -> None:
    result = tmp_path / "secc.json"
    station = [josev_python, "tests/interop/josev/run_secc.py", "--interface", "v0"]
    station += ["--pki", str(keys / "josev"), "--result", str(result)]
    station += ["--receipts", str(receipts)] if receipts else []
    car = [sys.executable, "examples/car.py", "--pki", str(keys), "--interface", "v1"]

    status, output = two_hosts(station, [*car, "--seconds", "3", "--pause", "0.4"], tmp_path)

    ours, theirs = last_line(output), json.loads(result.read_text())
    assert (status, ours["complete"]) == (0, True), ours
    assert (ours["payment"], ours["emaid"]) == ("Contract", EMAID)
    assert theirs["result"] == "session-stop", theirs
    assert (theirs["tls"], theirs["payment"], theirs["emaid"]) == (TLS, "Contract", EMAID)
    assert theirs["messages"] == ours["messages"]
    if receipts:
        assert ours["receipts"] == theirs["receipts"] >= 2
        assert ours["energy_wh"] > 0
    else:
        assert ours["receipts"] == 0  # this peer sends no meter reading of its own accord
