"""The inputs: third-party messages from beside the checkout, or else our own from ``inputs.json``."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, NamedTuple

from plugcharge import exi
from plugcharge.errors import ExiError

__all__ = ["Case", "messages", "own"]

_HERE = Path(__file__).resolve().parent
_THIRD_PARTY = _HERE.parent.parent / "shared/vectors/exi/bench_messages.jsonl"


class Case(NamedTuple):
    """A message to measure with; its name begins with its schema set and is the same in criterion."""

    name: str
    schema: str
    data: bytes


@functools.cache
def own() -> Any:
    """What ``make_inputs.py`` wrote."""
    return json.loads((_HERE / "inputs.json").read_text(encoding="utf-8"))


@functools.cache
def messages() -> tuple[Case, ...]:
    """The messages of every schema set that exists here."""
    if _THIRD_PARTY.exists():
        lines = [json.loads(line) for line in _THIRD_PARTY.read_text(encoding="utf-8").splitlines()]
    else:
        lines = own()["messages"]
    cases = (Case(line["name"], line["name"].partition("_")[0], bytes.fromhex(line["hex"])) for line in lines)
    return tuple(case for case in cases if _exists(case.schema))


@functools.cache
def _exists(schema: str) -> bool:
    try:
        exi.decode(b"", schema)
    except ExiError as error:
        return error.kind != "root"
    return True
