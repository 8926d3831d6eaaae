"""Prints one table of ratios from the files that criterion and pytest-benchmark left behind.

Times are not compared between machines or runs; a ratio compares two things that ran in turn in one run. A
goal that is missed is printed as such and is no error: a loaded machine must not fail a build.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

_CRATE = "crate iso15118"
_RUST_SCENARIOS = ("decode", "encode", "transcode")


class Figure(NamedTuple):
    """One line of the table. ``seen`` is a factor; with ``faster`` the greater is the better."""

    what: str
    peer: str
    seen: float | None
    goal: float | None = None
    faster: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; ``None`` where there is none, or nothing was measured."""
        if self.goal is None or self.seen is None:
            return None
        return self.seen >= self.goal if self.faster else self.seen <= self.goal


Rust = dict[str, dict[str, dict[str, float]]]
"""Scenario -> case -> subject -> nanoseconds of its best round (the median of that round)."""

Python = dict[str, dict[str, dict[str, Any]]]
"""Scenario -> case -> what ``pairs.py`` noted."""


def read_criterion(folder: Path) -> Rust:
    """Read every benchmark that criterion left in its folder."""
    seen: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for identity in sorted(folder.glob("**/new/benchmark.json")):
        names = json.loads(identity.read_text(encoding="utf-8"))
        estimates = json.loads(identity.with_name("estimates.json").read_text(encoding="utf-8"))
        scenario, _, case = names["group_id"].partition("/")
        subjects = seen[scenario][case]
        median = estimates["median"]["point_estimate"]
        subjects[names["function_id"]] = min(median, subjects.get(names["function_id"], math.inf))
    return seen


def read_pytest_benchmark(file: Path) -> tuple[Python, dict[str, Any]]:
    """Read the JSON of pytest-benchmark; gives the pairs and what it says about the machine."""
    content = json.loads(file.read_text(encoding="utf-8"))
    seen: Python = defaultdict(dict)
    for benchmark in content["benchmarks"]:
        extra = benchmark["extra_info"]
        seen[extra["scenario"]][extra["case"]] = extra
    return seen, content["machine_info"]


def rust_factor(rust: Rust, scenario: str, case: str, peer: str) -> float | None:
    """How many times as fast as the peer we are."""
    subjects = rust.get(scenario, {}).get(case, {})
    if peer not in subjects or "plugcharge" not in subjects:
        return None
    return subjects[peer] / subjects["plugcharge"]


def python_ratio(python: Python, scenario: str, case: str) -> float | None:
    """How many times as long as the peer we take."""
    extra = python.get(scenario, {}).get(case)
    return None if extra is None else float(extra["ratio"])


def geometric_mean(factors: list[float | None]) -> float | None:
    """The geometric mean of what was measured."""
    known = [factor for factor in factors if factor is not None]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else None


def inverse(ratio: float | None) -> float | None:
    """The factor seen from the other side."""
    return None if ratio is None else 1 / ratio


def figures(rust: Rust, python: Python) -> list[Figure]:
    """The figures with a goal, then those without."""
    part_2 = [case for case in rust.get("decode", {}) if case.startswith("iso2_")]
    read = {case: rust_factor(rust, "decode", case, "iso15118") for case in part_2}
    cases = {scenario: list(python.get(scenario, {})) for scenario in ("decode", "encode")}
    mean = {
        scenario: geometric_mean([python_ratio(python, scenario, case) for case in names])
        for scenario, names in cases.items()
    }
    wall = python.get("start", {}).get("import_and_decode", {}).get("wall", {}).get("ratio")
    session = python.get("session", {}).get("iso2_AC_PnC", {})
    operations = f"{session.get('signed', '?')} signatures made, {session.get('verified', '?')} verified"
    listed = [
        Figure(f"Rust: read a -2 message, mean of {len(read)}", _CRATE, geometric_mean([*read.values()]), 4),
        Figure("Rust: read PaymentDetailsReq", _CRATE, read.get("iso2_PaymentDetailsReq"), 20),
        Figure(
            "Rust: read CertificateInstallationRes", _CRATE, read.get("iso2_CertificateInstallationRes"), 20
        ),
        Figure(
            f"Python: bytes to typed message, mean of {len(cases['decode'])}",
            "msgspec.msgpack",
            mean["decode"],
            1.5,
            faster=False,
        ),
        Figure(
            f"Python: typed message to bytes, mean of {len(cases['encode'])}",
            "msgspec.msgpack",
            mean["encode"],
            2.2,
            faster=False,
        ),
        Figure(
            "Python: verify P-256, key loaded (ours r|s, peer DER)",
            "cryptography",
            inverse(python_ratio(python, "verify_p256", "256_octets")),
            1.1,
        ),
        Figure(
            "fresh interpreter: import, decode one message (CPU)",
            "import msgspec",
            python_ratio(python, "start", "import_and_decode"),
            2,
            faster=False,
        ),
        Figure(
            f"whole -2 AC PnC session, both ends, TLS (CPU; {operations})",
            "its bare cryptography",
            python_ratio(python, "session", "iso2_AC_PnC"),
            4,
            faster=False,
        ),
    ]
    return listed + _without_goal(rust, python, wall)


def _without_goal(rust: Rust, python: Python, wall: float | None) -> list[Figure]:
    def mean(scenario: str) -> float | None:
        cases = rust.get(scenario, {})
        return geometric_mean([rust_factor(rust, scenario, case, "iso15118") for case in cases])

    signed = "iso2_AuthorizationReq"
    chain = rust.get("check_chain", {}).get("contract", {}).get("plugcharge")
    chain_python = python.get("check_chain", {}).get("contract", {}).get("ours_seconds")
    boundary = chain_python * 1e9 / chain if chain and chain_python else None
    return [
        Figure("Rust: write a message, mean", _CRATE, mean("encode")),
        Figure("Rust: EXI to EXI, mean", _CRATE, mean("transcode")),
        Figure(
            "Rust: whole signature check",
            "bare P-256 verification",
            inverse(rust_factor(rust, "check_signature", signed, "bare_p256")),
            faster=False,
        ),
        Figure(
            "Python: whole signature check",
            "bare P-256 verification",
            python_ratio(python, "check_signature", signed),
            faster=False,
        ),
        Figure(
            "Python: contract chain, cold, whole profile (peer: parse, link)",
            "cryptography",
            inverse(python_ratio(python, "check_chain", "contract")),
        ),
        Figure("Python: contract chain, cold", "the same in Rust", boundary, faster=False),
        Figure("fresh interpreter: import, decode one message (wall)", "import msgspec", wall, faster=False),
    ]


def messages(rust: Rust, python: Python) -> list[list[str]]:
    """A row for each message; the last two columns are the cost of the boundary."""
    rows = []
    for case in python.get("decode", {}) or rust.get("decode", {}):
        factors = [rust_factor(rust, scenario, case, "iso15118") for scenario in _RUST_SCENARIOS]
        ratios = [python_ratio(python, scenario, case) for scenario in ("decode", "encode")]
        boundaries = []
        for scenario in ("decode", "encode"):
            in_rust = rust.get(scenario, {}).get(case, {}).get("plugcharge")
            in_python = python.get(scenario, {}).get(case, {}).get("ours_seconds")
            boundaries.append(in_python * 1e9 / in_rust if in_rust and in_python else None)
        rows.append([case, *map(_factor, [*factors, *ratios, *boundaries])])
    return rows


def _factor(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def _line(figure: Figure) -> list[str]:
    word = "times as fast" if figure.faster else "times as long"
    sign = ">=" if figure.faster else "<="
    goal = "" if figure.goal is None else f"{sign} {figure.goal:g}"
    verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
    seen = "not measured" if figure.seen is None else f"{figure.seen:.2f} {word}"
    return [figure.what, figure.peer, goal, seen, verdict]


def text(rust: Rust, python: Python, machine: dict[str, Any]) -> str:
    """The whole table."""
    versions = ", ".join(f"{name} {version}" for name, version in machine.get("versions", {}).items())
    load, cores = machine.get("load_average_at_start", math.nan), machine.get("cpu", {}).get("count")
    head = f"Ratios of one run: {versions}, iso15118 0.7.0, Python {machine.get('python_version')}; "
    head += f"{cores} cores, load average {load:.2f} at the start\n"
    table = [["figure", "against", "goal", "seen", ""], *map(_line, figures(rust, python))]
    header = ["message", "Rust read", "write", "recode", "Py decode", "encode", "boundary read", "write"]
    legend = (
        "Rust: times as fast as iso15118 (read: ours delivers, copies every value, the peer fills structs;\n"
        "write: ours from recorded events, the peer from its structs into a buffer that is there already).\n"
        "Py: times as long as msgspec on the same Struct types. Boundary: our Python over our Rust."
    )
    return "\n".join([head, _aligned(table), "", _aligned([header, *messages(rust, python)]), "", legend])


def main() -> int:
    """Read the files, print the table."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parent.parent / "target"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python", type=Path, help="the JSON file of pytest-benchmark")
    parser.add_argument("--criterion", type=Path, default=target / "criterion", help="criterion's folder")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    rust = read_criterion(arguments.criterion)
    python, machine = read_pytest_benchmark(arguments.python)
    if arguments.json:
        listed = [{**figure._asdict(), "met": figure.met} for figure in figures(rust, python)]
        json.dump(
            {"machine": machine, "figures": listed, "rust": rust, "python": python}, sys.stdout, indent=1
        )
    else:
        sys.stdout.write(text(rust, python, machine) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
