from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plugcharge.backend.location import default_database


def test_xdg_data_home_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_database() == tmp_path / "plugcharge" / "plugcharge.db"


@pytest.mark.parametrize("value", ["", "relative/folder"])
@pytest.mark.parametrize(
    ("platform", "folder"),
    [("linux", ".local/share"), ("freebsd14", ".local/share"), ("darwin", "Library/Application Support")],
)
def test_each_system_has_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, folder: str, value: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", value)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert default_database() == tmp_path / folder / "plugcharge" / "plugcharge.db"


def test_windows_uses_local_app_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "win32")
    assert default_database() == tmp_path / "plugcharge" / "plugcharge.db"
