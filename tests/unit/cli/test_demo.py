"""``plugcharge demo``: runs whole sessions, as a user does."""

from __future__ import annotations

import json
import tempfile
import time
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from plugcharge.cli import demo_session
from plugcharge.cli.demo import demo
from plugcharge.cli.demo_session import FAULTS
from plugcharge.cli.root import root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(60)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["demo", *arguments], env={"PLUGCHARGE_DB": None})


@pytest.fixture(autouse=True)
def _less_energy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A shorter charge, and no folders left behind; the command itself is the real one."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(demo_session, "ENERGY", 4_000)
    monkeypatch.setattr(demo_session, "SPEED", 1_500.0)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float, Path]:
    folder = tmp_path_factory.mktemp("demo") / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PLUGCHARGE_DB", raising=False)
        started = time.monotonic()
        result = CliRunner().invoke(demo, ["--json", "--keep", str(folder)])
        seconds = time.monotonic() - started
    assert result.exit_code == 0, result.output
    return json.loads(result.output), seconds, folder


def test_the_demonstration_takes_less_than_ten_seconds(good: tuple[dict[str, Any], float, Path]) -> None:
    _, seconds, _ = good
    assert seconds < 10


def test_it_ends_with_a_bill_that_adds_up(good: tuple[dict[str, Any], float, Path]) -> None:
    document, _, _ = good
    assert document["as_it_should_be"] is True
    assert (document["fault"], document["refusal"]) == (None, None)
    assert document["stop_reason"] == "ev-terminated"
    assert document["energy_wh"] >= 12_000
    assert document["receipts"]["verified"] == document["receipts"]["received"] > 0
    cents = [int(line["amount"].replace(".", "")) for line in document["bill"]["lines"]]
    assert sum(cents) == int(document["bill"]["total"].replace(".", ""))


def test_every_message_is_told(good: tuple[dict[str, Any], float, Path]) -> None:
    document, _, _ = good
    messages = document["messages"]
    assert [message["name"] for message in messages[:2]] == [
        "SupportedAppProtocolReq",
        "SupportedAppProtocolRes",
    ]
    assert messages[-1]["name"] == "SessionStopRes"
    assert [message["from"] for message in messages] == ["car", "station"] * (len(messages) // 2)
    assert all(message["meaning"] and message["octets"] for message in messages)
    times = [message["seconds"] for message in messages]
    assert times == sorted(times)


def test_what_was_kept_can_be_shown_again(good: tuple[dict[str, Any], float, Path]) -> None:
    document, _, folder = good
    assert document["database"] == str(folder / "demo.db")
    assert (folder / "pki" / "station" / "key.pem").is_file()
    words = document["show"].split()
    assert words[:3] == ["plugcharge", "sessions", "show"]
    shown = CliRunner().invoke(root, words[1:])
    assert shown.exit_code == 0, shown.output
    assert document["session_id"] in shown.output
    assert document["bill"]["total"] in shown.output


def test_a_second_run_into_the_same_folder_loses_no_keys(good: tuple[dict[str, Any], float, Path]) -> None:
    _, _, folder = good
    result = run("--keep", str(folder))
    assert result.exit_code == 1
    assert "not empty" in result.output


def test_in_a_pipe_there_are_plain_lines() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert "\x1b" not in result.output
    assert result.output.isascii()
    assert "car -> station  PaymentDetailsReq" in result.output
    assert "bill: total" in result.output
    assert "charging: " in result.output
    assert "show again: plugcharge sessions show" in result.output


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_refused_where_and_as_it_has_to_be(fault: str, tmp_path: Path) -> None:
    result = run("--fault", fault, "--json", "--db", str(tmp_path / "mine.db"))
    assert result.exit_code == 0, result.output
    document = json.loads(result.output)
    expected = FAULTS[fault]
    refusal = document["refusal"]
    assert (refusal["message"], refusal["code"]) == (expected.message, expected.code)
    assert refusal["what"]
    assert refusal["meaning"]
    assert refusal["advice"]
    refused = next(message for message in document["messages"] if expected.code in message["meaning"])
    assert refused["name"] == expected.message.replace("Req", "Res")
    assert document["database"] == str(tmp_path / "mine.db")
    if fault == "tampered-receipt":
        assert document["bill"]["flags"]
        assert document["receipts"] == {"verified": 0, "received": 1}
    else:
        assert document["bill"] is None
        assert document["energy_wh"] == 0


def test_the_explanation_is_printed_for_people() -> None:
    result = run("--fault", "expired-contract")
    assert result.exit_code == 0, result.output
    for row in ("refused: PaymentDetailsReq with FAILED_CertificateExpired", "it means: ", "what to do: "):
        assert row in result.output


def test_a_fault_that_is_not_refused_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless = FAULTS["bad-signature"]._replace(rewrite=None)
    monkeypatch.setitem(FAULTS, "bad-signature", harmless)
    result = run("--fault", "bad-signature")
    assert result.exit_code == 1
    assert "did not go as it should" in result.output


def test_the_command_line_is_explained() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for word in ("Examples:", "Exit codes:", "PLUGCHARGE_DB", "--fault", "expired-contract"):
        assert word in result.output
    assert run("--fault", "nonsense").exit_code == 2
