"""For every vector: EXI to JSON and back gives the same bytes, and ``explain`` agrees with ``decode``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import exi
from plugcharge.errors import ExiError
from tests.shared_material import json_lines, shared_path
from tests.vectors.test_exi_vectors import CHECKS, KNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable

CORPUS = Path(__file__).parent / "corpus"
OURS = {"handshakes": 10, "messages": 170, "fragments": 45, "signatures": 94}
EXACT = ("captures", "suites", "generated_documents", "generated_fragments")


def corpus(file: str) -> list[dict[str, Any]]:
    lines = (CORPUS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**row, "schema_set": row["set"]} for row in map(json.loads, lines)]


def differing(rows: Iterable[dict[str, Any]], *, limits: bool) -> list[str]:
    wrong = []
    for row in rows:
        data, schema, fragment = bytes.fromhex(row["hex"]), row["schema_set"], row["kind"] == "fragment"
        if row["id"] in KNOWN:
            continue
        text = exi.to_json(data, schema, fragment=fragment)
        json.loads(text)
        again = exi.from_json(text, schema, fragment=fragment, limits=limits)
        if again != data if row.get("roundtrip", True) else exi.to_json(again, schema) != text:
            wrong.append(row["id"])
    return wrong


@pytest.mark.parametrize("file", OURS)
def test_the_corpus_comes_back_from_json(file: str) -> None:
    assert differing(corpus(file), limits=True) == []
    assert len(corpus(file)) == OURS[file]


@pytest.mark.parametrize("file", EXACT)
def test_vectors_come_back_from_json(file: str) -> None:
    shared_path("vectors/exi")
    rows = json_lines(f"vectors/exi/{file}.jsonl")
    assert differing(rows, limits=False) == []
    assert len(rows) == CHECKS[file][1]


def disagreement(row: dict[str, Any]) -> str | None:
    """Whether ``explain`` tells every bit once, and refuses what ``decode`` refuses, for the same reason."""
    data, schema, fragment = bytes.fromhex(row["hex"]), row["schema_set"], row["kind"] == "fragment"
    steps = exi.explain(data, schema, fragment=fragment)
    bits = "".join(f"{octet:08b}" for octet in data)
    told = "".join(step.bits for step in steps)
    last = steps[-1]
    at = 0
    for step in steps:
        if step.offset != at or step.width != len(step.bits):
            return f"a gap or an overlap at bit {at}"
        at += step.width
    try:
        exi.decode(data, schema, fragment=fragment)
    except ExiError as error:
        if not bits.startswith(told) or last.event != "fault":
            return "broken, but not told so"
        return None if (last.path, last.value) == (error.path, error.what) else f"another fault: {last.value}"
    return None if told == bits and last.event != "fault" else "whole, but not told so"


@pytest.mark.parametrize("file", CHECKS)
def test_explain_agrees_with_decode(file: str) -> None:
    shared_path("vectors/exi")
    found = ((row["id"], disagreement(row)) for row in json_lines(f"vectors/exi/{file}.jsonl"))
    assert [f"{name}: {fault}" for name, fault in found if fault is not None] == []


def test_explain_agrees_with_decode_on_the_corpus() -> None:
    for file in (*OURS, "string_table"):
        assert [row["id"] for row in corpus(file) if disagreement(row) is not None] == [], file
    events = {
        step.event
        for row in corpus("string_table")
        for step in exi.explain(
            bytes.fromhex(row["hex"]), row["schema_set"], fragment=row["kind"] == "fragment"
        )
    }
    assert "reference" in events
