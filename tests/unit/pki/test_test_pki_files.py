"""The folder of a test PKI: contents, modes, refusals."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plugcharge.errors import LocalError
from plugcharge.pki.test_pki import TestPki

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki() -> TestPki:
    return TestPki(b"files", now=NOW)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_private_and_folders_closed(pki: TestPki, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "pki"
    files = pki.write(target)
    keys = [path for name, path in files.items() if name.endswith("key.pem")]
    assert len(keys) == 4 + 11
    for path in files.values():
        secret = b"PRIVATE KEY" in path.read_bytes()
        assert secret == (path in keys)
        assert mode(path) == 0o600 if secret else mode(path) & 0o022 == 0
        assert mode(path.parent) == 0o700
    assert mode(target) == 0o700
    on_disk = {path for path in target.rglob("*") if path.is_file()}
    assert on_disk == set(files.values())  # no leftovers


def test_keys_are_never_open_for_others_not_even_for_a_moment(
    pki: TestPki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int, int]] = []
    real_open = os.open

    def watch(path: str | Path, flags: int, mode: int = 0o777) -> int:
        opened.append((str(path), flags, mode))
        return real_open(path, flags, mode)

    monkeypatch.setattr(os, "open", watch)
    pki.write(tmp_path / "pki")
    keys = [entry for entry in opened if "key.pem" in entry[0]]
    assert len(keys) == 15
    assert all(flags & os.O_EXCL and creation_mode == 0o600 for _, flags, creation_mode in keys)


def test_each_role_can_load_its_files(pki: TestPki, tmp_path: Path) -> None:
    pki.write(tmp_path / "pki")
    for chain, key, count in [
        ("station/chain.pem", "station/key.pem", 3),
        ("vehicle/contract_chain.pem", "vehicle/contract_key.pem", 3),
        ("vehicle/provisioning_chain.pem", "vehicle/provisioning_key.pem", 3),
        ("cps/chain.pem", "cps/key.pem", 3),
    ]:
        certificates = x509.load_pem_x509_certificates((tmp_path / "pki" / chain).read_bytes())
        private = serialization.load_pem_private_key((tmp_path / "pki" / key).read_bytes(), None)
        assert len(certificates) == count
        assert certificates[0].public_key() == private.public_key()
    trust = x509.load_pem_x509_certificates((tmp_path / "pki/station/trust.pem").read_bytes())
    assert trust == [pki.mo_root.certificate, pki.v2g_root.certificate]
    der = x509.load_der_x509_certificate((tmp_path / "pki/roots/v2g_root.der").read_bytes())
    assert der == pki.v2g_root.certificate


def test_readme_and_manifest_tell_what_is_there(pki: TestPki, tmp_path: Path) -> None:
    files = pki.write(tmp_path / "pki")
    readme = files["README.md"].read_text()
    for name in ("station/chain.pem", "vehicle/trust.pem", pki.contract_leaf.common_name, "test rigs only"):
        assert name in readme
    table = [line for line in readme.splitlines() if line.startswith("| `")]
    named = {name for line in table for name in line.split("|")[1].replace("`", "").replace(",", "").split()}
    assert {
        name for name in files if "/" in name and not any(PurePath(name).match(one) for one in named)
    } == set()
    manifest = json.loads(files["manifest.json"].read_text())
    assert len(manifest) == 15
    assert {entry["label"] for entry in manifest if entry["issuer"] is None} == {
        "v2g_root",
        "mo_root",
        "oem_root",
    }


def test_a_folder_in_use_is_not_touched_without_force(pki: TestPki, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    with pytest.raises(LocalError, match="not empty"):
        pki.write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
    pki.write(tmp_path, force=True)
    assert (tmp_path / "precious").read_text() == "mine"
    other = TestPki(b"other", now=NOW)
    other.write(tmp_path, force=True)
    assert (tmp_path / "station/key.pem").read_bytes() == other.secc.key_pem()
    assert mode(tmp_path / "station/key.pem") == 0o600


def test_force_replaces_a_link_instead_of_following_it(pki: TestPki, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    target = tmp_path / "pki"
    (target / "station").mkdir(parents=True)
    (target / "station" / "key.pem").symlink_to(outside)
    pki.write(target, force=True)
    assert outside.read_text() == "untouched"
    assert not (target / "station" / "key.pem").is_symlink()


def test_a_folder_that_cannot_be_written_is_a_local_error(pki: TestPki, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(LocalError, match="file"):
        pki.write(blocked / "pki")
