"""Any message survives JSON; any JSON is a message or an ``ExiError``; any bytes can be explained."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugcharge import exi
from plugcharge.errors import ExiError
from tests.property.exi_strategies import Root, document_roots, fragment_roots, messages

SCHEMAS = tuple(exi.schemas())
NAMES = st.sampled_from(
    [
        "V2G_Message",
        "Header",
        "Body",
        "SessionID",
        "KeyInfo",
        "#content",
        "#text",
        "@Id",
        "KeyName",
        "X509Data",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


def check(root: Root, message: exi.Message, *, fragment: bool) -> None:
    data = exi.encode(message, fragment=fragment, schema=root.schema, element=root.element)
    text = exi.to_json(data, root.schema, fragment=fragment)
    assert exi.from_json(text, root.schema, fragment=fragment) == data
    shuffled = json.dumps(json.loads(text), sort_keys=True)
    assert exi.from_json(shuffled, root.schema, fragment=fragment) == data
    check_explained(data, root.schema, fragment=fragment)


def check_explained(data: bytes, schema: str, *, fragment: bool) -> None:
    steps = exi.explain(data, schema, fragment=fragment)
    told = "".join(step.bits for step in steps)
    bits = "".join(f"{octet:08b}" for octet in data)
    try:
        exi.decode(data, schema, fragment=fragment)
    except ExiError:
        assert steps[-1].event == "fault"
        assert bits.startswith(told)
    else:
        assert steps[-1].event != "fault"
        assert told == bits


@pytest.mark.parametrize("root", document_roots(), ids=lambda root: f"{root.schema}-{root.element}")
@given(data=st.data())
def test_documents_come_back(root: Root, data: st.DataObject) -> None:
    check(root, data.draw(messages(root.cls)), fragment=False)


@given(data=st.data())
def test_fragments_come_back(data: st.DataObject) -> None:
    root = data.draw(st.sampled_from(fragment_roots()))
    check(root, data.draw(messages(root.cls)), fragment=True)


@given(value=VALUES, schema=st.sampled_from(SCHEMAS), fragment=st.booleans())
def test_any_json_is_a_message_or_refused(value: Any, schema: str, fragment: bool) -> None:
    try:
        data = exi.from_json(json.dumps(value), schema, fragment=fragment)
    except ExiError as error:
        assert error.schema == schema  # noqa: PT017 - both ends are right
    else:
        again = exi.to_json(data, schema, fragment=fragment)
        assert exi.from_json(again, schema, fragment=fragment) == data


@given(tail=st.binary(max_size=64), schema=st.sampled_from(SCHEMAS), fragment=st.booleans())
def test_any_bytes_can_be_explained(tail: bytes, schema: str, fragment: bool) -> None:
    check_explained(tail, schema, fragment=fragment)
    check_explained(b"\x80" + tail, schema, fragment=fragment)
