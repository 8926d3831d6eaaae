"""Notes beside the figures what they were measured with, and how busy the machine was before."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any

_LOAD = os.getloadavg()[0]


def pytest_benchmark_update_machine_info(machine_info: dict[str, Any]) -> None:
    """Called by pytest-benchmark when it writes its JSON."""
    names = ("plugcharge", "msgspec", "cryptography")
    machine_info["versions"] = {name: importlib.metadata.version(name) for name in names}
    machine_info["load_average_at_start"] = _LOAD
