"""Measures two things in turn, round by round, so that a slow moment of the machine meets both.

Our side is the benchmark that pytest-benchmark reports; the peer runs before each of its rounds, untimed by
pytest-benchmark, and is kept in ``extra_info`` for ``report.py``.
"""

from __future__ import annotations

import gc
import statistics
import time
from contextlib import contextmanager
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from plugcharge import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_benchmark.fixture import BenchmarkFixture

__all__ = ["Call", "measure", "measure_processes"]

_ROUND_SECONDS = 1.5e-3


class Call(NamedTuple):
    """A function and its arguments."""

    function: Callable[..., object]
    arguments: tuple[Any, ...] = ()

    def once(self) -> object:
        return self.function(*self.arguments)

    def loop(self, count: int) -> Callable[[], None]:
        """A function that calls it ``count`` times with as little around it as Python allows."""
        function = self.function
        match self.arguments:
            case ():

                def run() -> None:
                    for _ in repeat(None, count):
                        function()

            case (first,):

                def run() -> None:
                    for _ in repeat(None, count):
                        function(first)

            case (first, second):

                def run() -> None:
                    for _ in repeat(None, count):
                        function(first, second)

            case arguments:

                def run() -> None:
                    for _ in repeat(None, count):
                        function(*arguments)

        return run


def measure(
    benchmark: BenchmarkFixture,
    scenario: str,
    case: str,
    *,
    ours: Call,
    peer: Call,
    peer_name: str,
    rounds: int = 120,
    clock: Callable[[], float] = time.perf_counter,
) -> None:
    """Measure both sides; each call of a round is the same number of calls of ``ours`` and ``peer``."""
    benchmark.group = f"{scenario}/{case}"
    ours.once()
    peer.once()
    if benchmark.disabled:
        _pedantic(benchmark)(ours.once)
        return
    _refuse_debug_build()
    count = max(1, round(_ROUND_SECONDS / max(_seconds(ours.loop(1)), 1e-9)))
    count = max(1, round(_ROUND_SECONDS / (_seconds(ours.loop(count)) / count)))
    run_ours, run_peer = ours.loop(count), peer.loop(count)
    seconds_ours: list[float] = []
    seconds_peer: list[float] = []

    def timed() -> None:
        start = clock()
        run_ours()
        seconds_ours.append(clock() - start)

    def peer_first() -> None:
        start = clock()
        run_peer()
        seconds_peer.append(clock() - start)

    with _without_collector():
        _pedantic(benchmark)(timed, setup=peer_first, rounds=rounds)
    _keep(benchmark, (scenario, case, peer_name), count, seconds_ours, seconds_peer)


def measure_processes(
    benchmark: BenchmarkFixture,
    scenario: str,
    case: str,
    *,
    ours: Callable[[], tuple[float, float]],
    peer: Callable[[], tuple[float, float]],
    peer_name: str,
    rounds: int = 30,
) -> None:
    """Measure two processes; ``ours`` and ``peer`` run one and give its CPU and wall seconds."""
    benchmark.group = f"{scenario}/{case}"
    ours()
    peer()
    if benchmark.disabled:
        _pedantic(benchmark)(ours)
        return
    _refuse_debug_build()
    all_ours: list[tuple[float, float]] = []
    all_peer: list[tuple[float, float]] = []
    _pedantic(benchmark)(
        lambda: all_ours.append(ours()), setup=lambda: all_peer.append(peer()), rounds=rounds
    )
    _keep(
        benchmark, (scenario, case, peer_name), 1, [cpu for cpu, _ in all_ours], [cpu for cpu, _ in all_peer]
    )
    wall_ours, wall_peer = ([wall for _, wall in both] for both in (all_ours, all_peer))
    benchmark.extra_info["wall"] = _summary(1, wall_ours, wall_peer)


def _keep(
    benchmark: BenchmarkFixture,
    names: tuple[str, str, str],
    count: int,
    ours: list[float],
    peer: list[float],
) -> None:
    scenario, case, peer_name = names
    benchmark.extra_info |= {"scenario": scenario, "case": case, "peer": peer_name, "calls": count}
    benchmark.extra_info |= _summary(count, ours, peer)


def _summary(count: int, ours: list[float], peer: list[float]) -> dict[str, float]:
    """Medians of seconds a call, and the median of the rounds' ratios ours / peer."""
    return {
        "ours_seconds": statistics.median(ours) / count,
        "peer_seconds": statistics.median(peer) / count,
        "ratio": statistics.median(one / other for one, other in zip(ours, peer, strict=True)),
    }


def _pedantic(benchmark: BenchmarkFixture) -> Callable[..., object]:
    return cast("Callable[..., object]", benchmark.pedantic)


def _seconds(run: Callable[[], None]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


@contextmanager
def _without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _refuse_debug_build() -> None:
    if _core.build_info()["profile"] != "release":
        pytest.fail("plugcharge._core is a debug build; measure a release build (maturin develop --release)")
