"""A fresh interpreter that decodes one message, against one that only imports msgspec; whole processes."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from benches.pairs import measure_processes

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

_OURS = "import plugcharge; plugcharge.exi.decode(bytes.fromhex('8098004011d018048d159e26ac00'), 'iso2')"
_PEER = "import msgspec"


def _run(code: str) -> tuple[float, float]:
    """CPU (user and system) and wall seconds of an interpreter that runs ``code``."""
    start = time.perf_counter()
    process = os.posix_spawn(sys.executable, [sys.executable, "-c", code], os.environ)
    _, status, usage = os.wait4(process, 0)
    wall = time.perf_counter() - start
    assert status == 0
    return usage.ru_utime + usage.ru_stime, wall


def test_start(benchmark: BenchmarkFixture) -> None:
    measure_processes(
        benchmark,
        "start",
        "import_and_decode",
        ours=lambda: _run(_OURS),
        peer=lambda: _run(_PEER),
        peer_name="msgspec",
    )
