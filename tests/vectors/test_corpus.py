"""Our own corpus, encoded by an independent EXI processor: decode, encode, and the typed way between.

Needs nothing beside the checkout. ``corpus/README.md`` says who made the bytes.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from plugcharge import exi
from plugcharge.messages import iso2

CORPUS = Path(__file__).parent / "corpus"
FILES = {"handshakes": 10, "messages": 170, "fragments": 45, "signatures": 94}
BODIES = 34
# Global elements of xmldsig that hold a plain value: it has no class, so there is nothing typed to encode.
SIMPLE_ROOTS = {"DigestValue", "KeyName", "MgmtData"}

Infoset = tuple[str, tuple[tuple[str, str], ...], str, tuple[Any, ...]]
Row = dict[str, Any]


@cache
def rows(file: str) -> list[Row]:
    lines = (CORPUS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def infoset(xml: str) -> Infoset:
    def of(element: ET.Element) -> Infoset:
        children = tuple(of(child) for child in element)
        return element.tag, tuple(sorted(element.attrib.items())), element.text or "", children

    return of(ET.fromstring(xml))


def read(row: Row) -> tuple[exi.Message, str]:
    data, fragment = bytes.fromhex(row["hex"]), row["kind"] == "fragment"
    return exi.decode(data, row["set"], fragment=fragment), exi.to_xml(data, row["set"], fragment=fragment)


@pytest.mark.parametrize("file", FILES)
def test_decode_gives_the_infoset(file: str) -> None:
    wrong = [row["id"] for row in rows(file) if infoset(read(row)[1]) != infoset(row["xml"])]
    assert wrong == []
    assert len(rows(file)) == FILES[file]


@pytest.mark.parametrize("file", FILES)
def test_encode_gives_the_bytes(file: str) -> None:
    """From XML, from the typed message, and with the limits of the schema in force."""
    wrong = []
    for row in rows(file):
        fragment = row["kind"] == "fragment"
        found = {exi.from_xml(row["xml"], row["set"], fragment=fragment).hex()}
        message = read(row)[0]
        element = None if row["root"] in SIMPLE_ROOTS else row["root"]
        found.add(exi.encode(message, fragment=fragment, schema=row["set"], element=element).hex())
        if found != {row["hex"]}:
            wrong.append(row["id"])
    assert wrong == []


def test_every_body_element_is_there_in_its_own_class() -> None:
    seen = set()
    for row in rows("messages"):
        body = cast("iso2.V2G_Message", read(row)[0]).body
        assert type(body).__name__ == row["message"]
        seen.add(row["message"])
    assert len(seen) == BODIES
    assert {name for name in iso2.__all__ if name.endswith(("Req", "Res"))} == seen


def test_every_signed_element_is_there() -> None:
    assert len({row["root"] for row in rows("fragments")}) == 9


def test_whole_messages_are_recognised() -> None:
    for file in ("handshakes", "messages"):
        for row in rows(file):
            assert row["set"] in exi.guess(bytes.fromhex(row["hex"])), row["id"]


def test_references_into_the_string_table_are_read() -> None:
    """They decode to what was written in full, and are written in full again."""
    for row in rows("string_table"):
        message, xml = read(row)
        fragment = row["kind"] == "fragment"
        assert infoset(xml) == infoset(row["xml"]), row["id"]
        full = exi.encode(message, fragment=fragment, schema=row["set"], element=row["root"])
        assert full == exi.from_xml(row["xml"], row["set"], fragment=fragment)
        assert len(full) > len(row["hex"]) // 2, row["id"]
        assert exi.decode(full, row["set"], fragment=fragment) == message
    assert len(rows("string_table")) == 16
