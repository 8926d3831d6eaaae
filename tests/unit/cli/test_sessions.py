from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from plugcharge import backend
from plugcharge.backend.records import StopReason
from plugcharge.backend.store import SessionStore
from plugcharge.cli import sessions as sessions_module
from plugcharge.cli.root import root
from tests.unit.backend.samples import (
    EMAID,
    SESSION,
    after,
    authorized,
    closed,
    evidence,
    fill,
    opened,
    receipt,
    refused,
)

RUNNING = SESSION[:-1] + "2"
_PACKAGE = Path(backend.__file__).parent.parent.parent


@pytest.fixture
def db(tmp_path: Path) -> str:
    path = tmp_path / "hub.db"
    with SessionStore.open(path) as store:
        fill(store)
        store.close_session(closed())
        store.append(msgspec.structs.replace(opened(RUNNING), at=after(10)))
    return str(path)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(root, ["sessions", *arguments])


def test_list_is_tab_separated_in_a_pipe(db: str) -> None:
    result = run("list", "--db", db)
    assert result.exit_code == 0
    header, newest, oldest = (line.split("\t") for line in result.stdout.splitlines())
    assert header[:2] == ["session", "started"]
    assert newest[0] == RUNNING
    assert newest[2] == "running"
    assert oldest == [
        SESSION,
        "2026-11-22 08:00:00Z",
        "2026-11-22 09:00:00Z",
        EMAID,
        "DE*ABC*E123",
        "12345 Wh",
        "9.04 EUR",
        "ev-terminated",
        "no",
    ]


def test_list_as_json_keeps_money_as_text_and_energy_as_integer(db: str) -> None:
    newest, oldest = json.loads(run("list", "--db", db, "--json").stdout)
    assert (oldest["total"], oldest["energy_wh"]) == ("9.04", 12_345)
    assert (newest["total"], newest["ended"]) == (None, None)


def test_list_can_be_limited(db: str) -> None:
    assert len(json.loads(run("list", "--db", db, "--limit", "1", "--json").stdout)) == 1
    assert [
        found["session_id"] for found in json.loads(run("list", "--db", db, "--running", "--json").stdout)
    ] == [RUNNING]


def test_the_database_may_come_from_the_environment(db: str) -> None:
    assert SESSION in run("list", PLUGCHARGE_DB=db).stdout
    assert SESSION in run("list", "--db", db, PLUGCHARGE_DB="/nowhere/else.db").stdout
    assert SESSION in run("list", PLUGCHARGE_DB=f"sqlite:///{db}").stdout


def test_the_default_place_is_the_users_data_folder(tmp_path: Path) -> None:
    with SessionStore.open(tmp_path / "plugcharge" / "plugcharge.db") as store:
        store.append(opened())
    assert SESSION in run("list", XDG_DATA_HOME=str(tmp_path)).stdout


def test_show_tells_the_whole_story(db: str) -> None:
    result = run("show", SESSION, "--db", db)
    assert result.exit_code == 0
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    facts = {row[1]: row[2] for row in rows if row[0] == "session"}
    assert facts["contract (eMAID)"] == EMAID
    assert facts["provider"] == "DE-8AA"
    assert facts["protocol"] == "ISO 15118-2"
    assert facts["EVSE"] == "DE*ABC*E123"
    assert facts["station"] == "garage, connector 1"
    assert facts["started"] == "2026-11-22T08:00:00+00:00"
    assert facts["ended"] == "2026-11-22T09:00:00+00:00"
    assert facts["stop reason"] == "ev-terminated"
    assert facts["energy"] == "12345 Wh"
    assert facts["total"] == "9.04 EUR"
    assert facts["contract certificate"] == "ab" * 32
    assert facts["answer"] == "Accepted, certificate Accepted"
    proof, signed = evidence(), receipt(7_000)
    assert ["receipt", after(20).isoformat(), "valid", "M1", "7000 Wh", "14 octets", signed.sha256] in rows
    assert ["evidence", after(6).isoformat(), "AuthorizationReq", "7 octets", proof.sha256] in rows
    assert ["reading", after(3590).isoformat(), "end", "M1", "13345 Wh", "yes"] in rows
    bill = {row[1]: row[2:] for row in rows if row[0] == "bill"}
    assert bill["energy"] == ["12345 Wh", "0.49", "6.05 EUR"]
    assert bill["vat"] == ["7.60 EUR", "0.19", "1.44 EUR"]
    assert bill["total"] == ["tariff day", "", "9.04 EUR"]


def test_show_takes_the_beginning_of_an_id(db: str) -> None:
    assert run("show", SESSION.upper(), "--db", db).exit_code == 0
    several = run("show", SESSION[:-1], "--db", db)
    assert several.exit_code == 1
    assert SESSION in several.stderr
    assert RUNNING in several.stderr


def test_show_as_json_carries_the_proof_itself(db: str) -> None:
    record = json.loads(run("show", SESSION, "--db", db, "--json").stdout)
    assert record["bill"]["total"] == "9.04"
    assert msgspec.convert(record["evidence"][0]["exi"], bytes) == evidence().exi


def test_show_names_what_a_person_has_to_check(tmp_path: Path) -> None:
    path = str(tmp_path / "hub.db")
    with SessionStore.open(path) as store:
        fill(store)
        store.recover(after(9_999))
    result = run("show", SESSION, "--db", path)
    assert "warning\tstation-restart:" in result.stdout
    assert run("list", "--db", path).stdout.rstrip().endswith("yes")


def test_a_refused_and_a_running_session_are_shown(tmp_path: Path) -> None:
    path = str(tmp_path / "hub.db")
    with SessionStore.open(path) as store:
        store.append(opened(RUNNING))
        store.append(opened())
        store.append(authorized(answer=refused()))
        store.close_session(closed(reason=StopReason.AUTHORIZATION_REFUSED))
    refused_story, running_story = run("show", SESSION, "--db", path), run("show", RUNNING, "--db", path)
    assert "Blocked, certificate ContractCancelled" in refused_story.stdout
    assert "bill\t" not in refused_story.stdout
    assert "still running" in running_story.stdout
    assert "authorized\tnever" in running_story.stdout


@pytest.mark.parametrize("prefix", ["ffff", "", "%"])
def test_an_unknown_session_is_exit_code_1(db: str, prefix: str) -> None:
    result = run("show", prefix, "--db", db)
    assert result.exit_code == 1
    assert "there is no session" in result.stderr
    assert result.stdout == ""


def test_a_missing_database_is_exit_code_1_and_is_not_made(tmp_path: Path) -> None:
    result = run("list", "--db", str(tmp_path / "none.db"))
    assert result.exit_code == 1
    assert "no such database" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "none.db").exists()


def test_a_changed_record_is_exit_code_1(db: str) -> None:
    with SessionStore.open(db) as store, store.database.write() as connection:
        connection.exec_driver_sql("UPDATE payloads SET body = x'00' WHERE seq = 5")
    result = run("show", SESSION, "--db", db)
    assert result.exit_code == 1
    assert "ledger entry 5" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("list", "extra"), ("list", "--limit", "0"), ("list", "--no-such"), ("erase",)],
)
def test_a_wrong_command_line_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [("--help",), ("list", "-h"), ("show", "--help")])
def test_help_has_examples_and_exit_codes(arguments: tuple[str, ...]) -> None:
    text = run(*arguments).stdout
    assert "Examples:\n" in text
    assert "plugcharge sessions" in text
    assert "Exit codes:\n" in text
    if arguments != ("--help",):
        assert "PLUGCHARGE_DB" in text


def test_on_a_terminal_there_are_tables(db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "250")
    listed, shown = run("list", "--db", db).stdout, run("show", SESSION, "--db", db).stdout
    assert "┃" in listed
    assert "12345 Wh" in listed
    assert "┃" in shown
    assert "9.04 EUR" in shown


def test_without_the_database_extra_help_works_and_the_rest_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['sqlalchemy'] = None; sys.argv[0] = 'plugcharge'\n"
        "from plugcharge.cli import main; main()"
    )
    environment = os.environ | {"PYTHONPATH": str(_PACKAGE)}

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, "sessions", *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=60, check=False
        )

    assert call("--help").returncode == 0
    failed = call("list", "--db", str(tmp_path / "x.db"))
    assert failed.returncode == 1
    assert "pip install 'plugcharge[hub]'" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_the_loader_finds_the_group() -> None:
    assert sessions_module.sessions.name == "sessions"
