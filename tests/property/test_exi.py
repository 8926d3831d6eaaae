"""Whatever can be said in a message comes back; whatever comes in is a message or an ``ExiError``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plugcharge import exi
from plugcharge.errors import ExiError
from plugcharge.messages import iso2
from tests.property.exi_strategies import Root, document_roots, fragment_roots, messages

CORPUS = Path(__file__).resolve().parents[1] / "vectors" / "corpus"
FORMS = [
    ("sap", False),
    ("iso2", False),
    ("xmldsig", False),
    ("sap", True),
    ("iso2", True),
    ("xmldsig", True),
]


def check_round_trip(root: Root, message: exi.Message, *, fragment: bool) -> None:
    data = exi.encode(message, fragment=fragment, schema=root.schema, element=root.element)
    again = exi.decode(data, root.schema, fragment=fragment)
    assert again == message
    assert hash(again) == hash(message)
    assert exi.encode(again, fragment=fragment, schema=root.schema, element=root.element) == data
    xml = exi.to_xml(data, root.schema, fragment=fragment)
    assert exi.from_xml(xml, root.schema, fragment=fragment) == data


@pytest.mark.parametrize("root", document_roots(), ids=lambda root: f"{root.schema}-{root.element}")
@given(data=st.data())
def test_documents_come_back(root: Root, data: st.DataObject) -> None:
    check_round_trip(root, data.draw(messages(root.cls)), fragment=False)


@pytest.mark.parametrize("schema", ["sap", "iso2", "xmldsig"])
@given(data=st.data())
def test_fragments_come_back(schema: str, data: st.DataObject) -> None:
    root = data.draw(st.sampled_from([root for root in fragment_roots() if root.schema == schema]))
    check_round_trip(root, data.draw(messages(root.cls)), fragment=True)


@given(text=st.text(max_size=20))
def test_any_text_comes_back_or_is_refused(text: str) -> None:
    """EXI carries every character; XML does not, and says so."""
    message = iso2.Parameter(name=text, string_value=text[::-1])
    data = exi.encode(message, fragment=True)
    assert exi.decode(data, "iso2", fragment=True) == message
    try:
        xml = exi.to_xml(data, "iso2", fragment=True)
    except ExiError as error:
        assert error.kind == "character"  # noqa: PT017 - both ends are right
    else:
        assert exi.from_xml(xml, "iso2", fragment=True) == data


@cache
def seeds() -> tuple[tuple[str, bool, bytes], ...]:
    found = []
    for path in sorted(CORPUS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row: dict[str, Any] = json.loads(line)
            found.append((row["set"], row["kind"] == "fragment", bytes.fromhex(row["hex"])))
    return tuple(found)


def check_refusal(error: ExiError, data: bytes, schema: str) -> None:
    assert error.schema == schema
    assert 0 <= error.bit_offset <= len(data) * 8
    assert error.kind


def check_any(data: bytes, schema: str, *, fragment: bool) -> None:
    """A refusal, or a message that is equal after going out and in again."""
    try:
        message = exi.decode(data, schema, fragment=fragment)
    except ExiError as error:
        check_refusal(error, data, schema)
        return
    if not isinstance(message, exi.Message):
        return  # a plain value of xmldsig
    try:
        root = exi.to_xml(data, schema, fragment=fragment).partition(":")[2].partition(" ")[0]
    except ExiError as error:
        assert error.kind == "character"  # noqa: PT017 - XML cannot carry every character
        return
    again = exi.encode(message, fragment=fragment, schema=schema, element=root, limits=False)
    assert exi.decode(again, schema, fragment=fragment) == message


@pytest.mark.parametrize(("schema", "fragment"), FORMS)
@given(data=st.binary(max_size=200), header=st.booleans())
def test_random_octets(schema: str, fragment: bool, data: bytes, header: bool) -> None:
    check_any(b"\x80" + data if header else data, schema, fragment=fragment)


@given(data=st.data())
def test_mutated_messages(data: st.DataObject) -> None:
    schema, fragment, stream = data.draw(st.sampled_from(seeds()))
    changed = bytearray(stream)
    for at, bit in data.draw(
        st.lists(st.tuples(st.integers(8, len(stream) * 8 - 1), st.just(1)), max_size=4)
    ):
        changed[at // 8] ^= bit << (7 - at % 8)
    cut = data.draw(st.integers(1, len(changed)) | st.just(len(changed)))
    tail = data.draw(st.just(b"") | st.binary(max_size=8))
    check_any(bytes(changed[:cut]) + tail, schema, fragment=fragment)


@given(data=st.data())
def test_spliced_messages(data: st.DataObject) -> None:
    schema, fragment, head = data.draw(st.sampled_from(seeds()))
    _, _, tail = data.draw(st.sampled_from(seeds()))
    cut = data.draw(st.integers(1, len(head)))
    check_any(head[:cut] + tail[data.draw(st.integers(0, len(tail))) :], schema, fragment=fragment)


@given(data=st.data())
def test_every_part_that_is_cut_off_is_missed(data: st.DataObject) -> None:
    schema, fragment, stream = data.draw(st.sampled_from(seeds()))
    cut = data.draw(st.integers(0, len(stream) - 1))
    # What is cut off may have been nothing but the padding's zeros, which nobody misses.
    assume(any(stream[cut:]))
    with pytest.raises(ExiError):
        exi.decode(stream[:cut], schema, fragment=fragment)
