"""Every third-party EXI vector of the schema sets we cover behaves as the vectors' own page demands.

Rows that do not are named, with the reason, in ``known_failures.toml``; a row listed there that starts to
behave fails the run, so the list can only shrink.
"""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import exi
from plugcharge.errors import ExiError
from tests.shared_material import json_lines, shared_path

if TYPE_CHECKING:
    from collections.abc import Iterator

SETS = ("sap", "iso2", "xmldsig", "din", "iso20_common", "iso20_ac", "iso20_dc", "iso20_wpt", "iso20_acdp")
KNOWN: dict[str, str] = {
    entry["id"]: entry["why"]
    for entry in tomllib.loads((Path(__file__).parent / "known_failures.toml").read_text("utf-8")).get(
        "exi", []
    )
}

Infoset = tuple[str, tuple[tuple[str, str], ...], str, tuple[Any, ...]]


def rows(file: str) -> Iterator[dict[str, Any]]:
    for row in json_lines(f"vectors/exi/{file}.jsonl"):
        if row.get("schema_set") in SETS:
            yield row


def infoset(xml: str) -> Infoset:
    def of(element: ET.Element) -> Infoset:
        children = tuple(of(child) for child in element)
        text = "" if children else (element.text or "")
        return element.tag, tuple(sorted(element.attrib.items())), text, children

    return of(ET.fromstring(xml))


def decoded(row: dict[str, Any]) -> tuple[exi.Message, Infoset]:
    data, fragment = bytes.fromhex(row["hex"]), row["kind"] == "fragment"
    message = exi.decode(data, row["schema_set"], fragment=fragment)
    return message, infoset(exi.to_xml(data, row["schema_set"], fragment=fragment))


def check_valid(row: dict[str, Any]) -> str | None:
    """Decode to the stated infoset; encode from XML and from the typed message to the same bytes."""
    data, schema, fragment = bytes.fromhex(row["hex"]), row["schema_set"], row["kind"] == "fragment"
    try:
        message, seen = decoded(row)
    except ExiError as error:
        return f"refused: {error}"
    if seen != infoset(row["xml"]):
        return "other infoset"
    if row.get("roundtrip", True):
        if exi.from_xml(row["xml"], schema, fragment=fragment, limits=False) != data:
            return "other bytes from XML"
        again = exi.encode(message, fragment=fragment, schema=schema, element=row["root"], limits=False)
        if again != data:
            return f"other bytes from the typed message: {again.hex()}"
    return None


def check_special(row: dict[str, Any]) -> str | None:
    """Decode like ``xml``; an xsi:type may be refused by name instead."""
    try:
        _, seen = decoded(row)
    except ExiError as error:
        named = "xsi_type" in row["flags"] and "xsi:type" in str(error)
        return None if named else f"refused: {error}"
    return None if seen == infoset(row["xml"]) else "other infoset"


def check_edge(row: dict[str, Any]) -> str | None:
    """Whatever the field sends may not crash; trailing octets and empty values decode to ``xml``."""
    try:
        _, seen = decoded(row)
    except ExiError as error:
        invalid = any(note.startswith("not_schema_valid") for note in row["notes"])
        return None if invalid else f"refused: {error}"
    return None if seen == infoset(row["xml"]) else "other infoset"


def check_malformed(row: dict[str, Any]) -> str | None:
    verdict = row["verdict"]
    try:
        _, seen = decoded(row)
    except ExiError as error:
        must = verdict == "decodes" and row.get("schema_valid") is True and row.get("canonical") is True
        return f"refused: {error}" if must else None
    if verdict == "error":
        return "accepted"
    if verdict == "decodes" and seen != infoset(row["xml"]):
        return "other infoset"
    return None


CHECKS = {
    "captures": (check_valid, 1_316),
    "suites": (check_valid, 101),
    "generated_documents": (check_valid, 4_031),
    "generated_fragments": (check_valid, 355),
    "generated_special": (check_special, 128),
    "edge": (check_edge, 9),
    "malformed": (check_malformed, 1_520),
}


@pytest.mark.parametrize("file", CHECKS)
def test_vectors(file: str) -> None:
    shared_path("vectors/exi")
    check, expected = CHECKS[file]
    wrong: list[str] = []
    count = 0
    for row in rows(file):
        count += 1
        fault = check(row)
        if fault is not None and row["id"] not in KNOWN:
            wrong.append(f"{row['id']}: {fault}")
        if fault is None and row["id"] in KNOWN:
            wrong.append(f"{row['id']}: behaves now; take it off the list of known failures")
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:20])
    assert count == expected


def test_the_list_names_real_rows() -> None:
    shared_path("vectors/exi")
    names = {row["id"] for file in CHECKS for row in rows(file)}
    assert set(KNOWN) <= names
