"""Where the database lies when nobody says otherwise."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["default_database"]


def default_database() -> Path:
    r"""Give the path of the user's database file; nothing is created.

    ``PLUGCHARGE_DB`` is not looked at here: it may hold a URL, see ``plugcharge sessions --help``.

    Returns:
        ``$XDG_DATA_HOME/plugcharge/plugcharge.db`` wherever that variable holds an absolute path; otherwise
        ``~/.local/share/...`` on Linux and other Unix systems, ``~/Library/Application Support/...`` on macOS
        and ``%LOCALAPPDATA%\...`` on Windows.
    """
    return _data_home() / "plugcharge" / "plugcharge.db"


def _data_home() -> Path:
    chosen = os.environ.get("XDG_DATA_HOME", "")
    if Path(chosen).is_absolute():  # the XDG specification says to ignore a relative one
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ".local" / "share"
