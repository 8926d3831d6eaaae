"""Where tests find the third-party vectors and schemas that this repository does not carry.

They lie beside the checkout in ``../shared``. Without them a test skips and says so; in CI it fails, because
a conformance test that silently does not run proves nothing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

__all__ = ["json_lines", "shared_path"]

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared_path(relative: str) -> Path:
    """Give the path of a shared file or folder, or skip the test (fail it when ``CI=true``)."""
    path = _SHARED / relative
    if not path.exists():
        reason = f"third-party material is missing: ../shared/{relative}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason, allow_module_level=True)
    return path


def json_lines(relative: str) -> list[dict[str, Any]]:
    """Read a JSON-lines file from the shared material."""
    with shared_path(relative).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
