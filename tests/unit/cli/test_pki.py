"""``plugcharge pki init``."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("click")

from typing import TYPE_CHECKING

from click.testing import CliRunner, Result
from cryptography import x509

from plugcharge.cli.root import root
from plugcharge.identifiers import Emaid

if TYPE_CHECKING:
    from pathlib import Path

AT = ["--at", "2026-06-01T00:00:00+00:00"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["pki", *map(str, arguments)])


def test_init_writes_a_folder(tmp_path: Path) -> None:
    result = run("init", tmp_path / "pki", "--emaid", "de-plg-c00000042")
    assert result.exit_code == 0, result.output
    assert "README.md" in result.output
    leaf = x509.load_pem_x509_certificates((tmp_path / "pki/vehicle/contract_chain.pem").read_bytes())[0]
    assert "DEPLGC00000042" in leaf.subject.rfc4514_string()


def test_json(tmp_path: Path) -> None:
    result = run("init", tmp_path / "pki", "--days", "10", "--json", *AT)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["secc_until"] == report["contract_until"] == "2026-06-11T00:00:00+00:00"
    assert Emaid.parse(report["emaid"]).canonical == report["emaid"]
    assert all((tmp_path / "pki" / name).is_file() for name in report["files"])


def test_a_seed_is_refused_loudly_unless_the_danger_is_named(tmp_path: Path) -> None:
    refused = run("init", tmp_path / "pki", "--seed", "00ff")
    assert refused.exit_code == 1
    assert "DANGER" in refused.output
    assert not (tmp_path / "pki").exists()


def test_a_seed_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        result = run("init", tmp_path / name, "--seed", "00ff", "--danger-known-keys", *AT)
        assert result.exit_code == 0, result.output
        assert "DANGER" in result.stderr
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.pem")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) > 20


def test_a_folder_in_use_needs_force(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    refused = run("init", tmp_path)
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert run("init", tmp_path, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("option", "exit_code"),
    [
        (["--emaid", "nonsense"], 1),
        (["--pcid", "short"], 1),
        (["--days", "0"], 2),
        (["--at", "yesterday"], 2),
        (["--at", "2026-06-01T00:00:00"], 2),
        (["--seed", "xyz", "--danger-known-keys"], 2),
    ],
)
def test_wrong_options(tmp_path: Path, option: list[str], exit_code: int) -> None:
    result = run("init", tmp_path / "pki", *option)
    assert result.exit_code == exit_code, result.output
    assert "Traceback" not in result.output
    assert not (tmp_path / "pki").exists()


def test_help_has_an_example() -> None:
    result = run("init", "--help")
    assert result.exit_code == 0
    assert "\n    plugcharge pki init ./pki --emaid DE-PLG-C00000042\n" in result.output
    assert "\\b" not in result.output
