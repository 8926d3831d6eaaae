"""Errors say what, where, why and what to do, and tell whose fault it is."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest

from plugcharge import errors
from plugcharge.errors import (
    ChainError,
    ExiError,
    LocalError,
    PeerError,
    PlugchargeError,
    SignatureError,
    TlsError,
)

EXAMPLES: list[PlugchargeError] = [
    PlugchargeError("it broke", where="here", why="the rule", advice="mend it"),
    LocalError("it broke", where="here", why="the rule", advice="mend it"),
    PeerError("it broke", code="FAILED", state="WaitForX", where="here", why="the rule", advice="mend it"),
    ExiError("it broke", kind="truncated", path="A/B", bit_offset=12, schema="iso2", advice="mend it"),
    ChainError(
        "it broke", code="FAILED_CertChainError", rule="iso2::x", certificate="leaf", why="w", advice="a"
    ),
    SignatureError(
        "it broke", code="FAILED_SignatureError", rule="digest-mismatch", where="here", advice="mend it"
    ),
    TlsError("it broke", alert="handshake failure", where="here", why="the rule", advice="mend it"),
]


def test_every_public_error_is_tried_here() -> None:
    public = {getattr(errors, name) for name in errors.__all__}
    assert {type(example) for example in EXAMPLES} == public
    assert all(issubclass(cls, PlugchargeError) for cls in public)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_the_four_parts(error: PlugchargeError) -> None:
    assert error.what == "it broke"
    assert error.where
    assert error.why
    assert error.advice
    assert str(error) == f"it broke (at {error.where}): {error.why} [{error.advice}]"


@pytest.mark.parametrize("cls", [PlugchargeError, LocalError, PeerError, TlsError])
def test_parts_that_are_not_known_are_left_out(cls: type[PlugchargeError]) -> None:
    assert str(cls("it broke")) == "it broke"
    assert str(cls("it broke", advice="mend it")) == "it broke [mend it]"
    assert str(cls("it broke", why="the rule")) == "it broke: the rule"


def test_an_exi_error_is_a_value_error_with_its_place() -> None:
    error = ExiError("it broke", kind="truncated", path="A/B", bit_offset=12, schema="iso2")
    assert isinstance(error, ValueError)
    assert str(error) == "it broke (at A/B, bit 12): iso2: truncated"
    assert str(ExiError("it broke", kind="header", bit_offset=0)) == "it broke (at start, bit 0): header"
    writing = ExiError("it broke", kind="type", path="A/B")
    assert (writing.bit_offset, writing.where) == (-1, "A/B")


def test_whose_fault_it_is() -> None:
    assert not issubclass(PeerError, LocalError)
    assert not issubclass(LocalError, PeerError)
    assert PeerError("it broke").code == PeerError("it broke").state == ""


def test_a_rule_stands_in_for_a_reason() -> None:
    assert ChainError("it broke", code="FAILED", rule="iso2::x").why == "iso2::x"
    assert SignatureError("it broke", code="FAILED", rule="value-mismatch").why == "value-mismatch"


@pytest.mark.parametrize(
    "cls", [getattr(errors, name) for name in errors.__all__], ids=lambda cls: str(cls.__name__)
)
def test_every_attribute_is_documented(cls: type[PlugchargeError]) -> None:
    own = set(inspect.signature(cls.__init__).parameters) & set(vars(cls).get("__annotations__", {}))
    page = inspect.getdoc(cls) or ""
    assert page
    given = set(inspect.signature(cls.__init__).parameters) - {"self", "what", "where", "why", "advice"}
    assert all(f"    {name}: " in page for name in given | own)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize(
    "way", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "pickle"]
)
def test_errors_cross_processes(way: Any, error: PlugchargeError) -> None:
    """A pool of workers hands exceptions on by pickling them."""
    again = way(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
