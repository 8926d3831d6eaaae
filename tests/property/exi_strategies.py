"""Random schema-valid typed messages, made from the message classes themselves.

Types come from the annotations, limits from the docstrings; so what a reader is told there is what is tried
here.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from plugcharge.messages import Message, iso2, sap, xmldsig

if typing.TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Root", "document_roots", "fragment_roots", "messages"]

MODULES = {"sap": sap, "iso2": iso2, "xmldsig": xmldsig}
# Such as ``    schema_id: `SchemaID`, optional, 0 to 255. What it means.``
_FIELD = re.compile(r"^    (\w+): `([^`]+)`([^.]*)\.", re.MULTILINE)
_TYPE = re.compile(r"^`(\w+)` of ", re.MULTILINE)
_COUNT = re.compile(r"(?:(\d+) to (\d+)|at least (\d+)|any number) of them")
_RANGE = re.compile(r"(?P<low>[-\d^]+) to (?P<high>[-\d^]+)(?: characters| octets)?$")
_SIZE = re.compile(r"(at most|exactly) (\d+) (?:characters|octets)$")
# Elements that are abstract, and have one substitute only: the field is called like the head.
_HEADS = {"TimeInterval", "SASchedules", "EVPowerDeliveryParameter"}
_FEW = 3
_SHORT = 12

# Characters that XML carries as they are; the others are tried in a test of their own.
_TEXT = st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="\ufffe\uffff")

# Of these fields exactly one is given.
_ONE_OF = {
    iso2.Parameter: (
        "bool_value",
        "byte_value",
        "short_value",
        "int_value",
        "physical_value",
        "string_value",
    ),
    xmldsig.KeyValue: ("dsa_key_value", "rsa_key_value"),
}
# These need an element of another vocabulary, which has no typed form.
_IMPOSSIBLE = {xmldsig.SignatureProperty, xmldsig.SignatureProperties}


class Root(NamedTuple):
    """A class whose messages may stand alone, the schema set, and the element that holds it."""

    schema: str
    cls: type[Message]
    element: str


class _Field(NamedTuple):
    name: str
    label: str
    limits: str
    hint: Any


@cache
def _fields(cls: type[Message]) -> tuple[_Field, ...]:
    page = re.sub(r"\n {8,}", " ", inspect.getdoc(cls) or "")
    documented = {name: (label, limits) for name, label, limits in _FIELD.findall(page)}
    if not _stands_alone(cls):
        documented["value"] = (cls.__name__, "")
    names = {**vars(MODULES["xmldsig"]), **vars(inspect.getmodule(cls))}
    hints = typing.get_type_hints(cls, globalns=names)
    return tuple(_Field(name, *documented[name], hints[name]) for name in cls.__struct_fields__)


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def messages(cls: type[Message]) -> st.SearchStrategy[Any]:
    """Give a strategy for instances of a class."""
    return st.deferred(lambda: _message(cls))


@cache
def _message(cls: type[Message]) -> st.SearchStrategy[Any]:
    parts = {field.name: _field(field) for field in _fields(cls)}
    if cls is xmldsig.SPKIData:
        parts["spki_sexp"] = st.lists(st.binary(max_size=_SHORT), min_size=1, max_size=_FEW).map(tuple)
    if cls is xmldsig.DSAKeyValue:
        return st.tuples(st.fixed_dictionaries(parts), st.binary(max_size=_SHORT)).map(
            lambda pair: _dsa(*pair)
        )
    if cls is xmldsig.PGPData:
        return st.tuples(st.binary(max_size=_SHORT), parts["pgp_key_packet"], st.booleans()).map(
            lambda three: xmldsig.PGPData(*three[:2]) if three[2] else xmldsig.PGPData(None, three[0])
        )
    if cls in _ONE_OF:
        names = _ONE_OF[cls]
        rest = {name: part for name, part in parts.items() if name not in names}
        given = [
            st.fixed_dictionaries({**rest, name: parts[name].filter(lambda value: value is not None)})
            for name in names
        ]
        return st.one_of(given).map(lambda values: cls(**values))
    return st.builds(cls, **parts)


def _dsa(values: dict[str, Any], y: bytes) -> xmldsig.DSAKeyValue:
    """P and Q come together, so do Seed and PgenCounter; Y is always there."""
    for one, other in (("p", "q"), ("seed", "pgen_counter")):
        if values[one] is None or values[other] is None:
            values = {**values, one: None, other: None}
    return xmldsig.DSAKeyValue(**{**values, "y": y})


def _field(field: _Field) -> st.SearchStrategy[Any]:
    if typing.get_origin(field.hint) is tuple:
        return _list(field, typing.get_args(field.hint)[0])
    return st.one_of(
        [_value(kind, field.limits) for kind in _alternatives(field.hint) if kind not in _IMPOSSIBLE]
    )


def _list(field: _Field, kind: Any) -> st.SearchStrategy[Any]:
    found = _COUNT.search(field.limits)
    if found is None:
        raise ValueError(f"{field.name}: its docstring does not say how many there may be: {field.limits!r}")
    least = int(found[1] or found[3] or 0)
    top = min(int(found[2] or least + _FEW), least + _FEW)
    limits = field.limits.rpartition("of them")[2]
    item = st.one_of([_value(one, limits) for one in _alternatives(kind) if one not in _IMPOSSIBLE])
    return st.lists(item, min_size=least, max_size=top).map(tuple)


def _value(kind: Any, limits: str) -> st.SearchStrategy[Any]:
    if kind is type(None):
        return st.none()
    if kind is bool:
        return st.booleans()
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    if kind is int:
        found = _RANGE.search(limits)
        return st.integers(*_bounds(found)) if found else st.integers(-(2**200), 2**200)
    if kind in (str, bytes):
        least, most = _length(limits)
        sizes = {"min_size": least, "max_size": min(most, least + _SHORT)}
        return st.text(_TEXT, **sizes) if kind is str else st.binary(**sizes)
    return messages(kind)


def _length(limits: str) -> tuple[int, int]:
    if found := _SIZE.search(limits):
        return (int(found[2]) if found[1] == "exactly" else 0), int(found[2])
    if found := _RANGE.search(limits):
        return _bounds(found)
    return 0, _SHORT


def _bounds(found: re.Match[str]) -> tuple[int, int]:
    """Numbers such as ``-2^63`` and ``2^64-1``."""

    def number(text: str) -> int:
        power = re.fullmatch(r"(-?)2\^(\d+)(-1)?", text)
        if power is None:
            return int(text)
        size: int = 2 ** int(power[2])
        return -size if power[1] else size - (1 if power[3] else 0)

    return number(found["low"]), number(found["high"])


def _classes(schema: str) -> Iterator[type[Message]]:
    for name in MODULES[schema].__all__:
        cls = getattr(MODULES[schema], name)
        if issubclass(cls, Message) and cls not in _IMPOSSIBLE:
            yield cls


def _stands_alone(cls: type[Message]) -> bool:
    """Wrappers of plain values in a list are no types of the schema."""
    return "one of several alternatives" not in (cls.__doc__ or "")


def _element(schema: str, cls: type[Message]) -> str:
    """The element that holds a class: named like its type, or as the fields say that hold it."""
    names = {
        field.label
        for other in _classes(schema)
        for field in _fields(other)
        for hint in (typing.get_args(field.hint) if typing.get_origin(field.hint) is tuple else (field.hint,))
        if [one for one in _alternatives(hint) if one is not type(None)] == [cls]
    }
    found = _TYPE.search(inspect.getdoc(cls) or "")
    own = found[1].removesuffix("Type") if found else cls.__name__
    return own if own in names or not names - _HEADS else min(names - _HEADS)


@cache
def fragment_roots() -> tuple[Root, ...]:
    """Every class of every schema set, as the single element of a fragment."""
    return tuple(
        Root(schema, cls, _element(schema, cls))
        for schema in MODULES
        for cls in _classes(schema)
        if _stands_alone(cls)
    )


@cache
def document_roots() -> tuple[Root, ...]:
    """Every class that is the type of a global element."""
    whole = [
        Root("sap", sap.SupportedAppProtocolReq, "supportedAppProtocolReq"),
        Root("sap", sap.SupportedAppProtocolRes, "supportedAppProtocolRes"),
        Root("iso2", iso2.V2G_Message, "V2G_Message"),
    ]
    whole += [
        root
        for root in fragment_roots()
        if root.schema == "xmldsig" and root.cls is not xmldsig.X509IssuerSerial
    ]
    return tuple(whole)
