"""Typed messages as Josev's JSON and back, over the field tables of each schema set.

The shape: an object for each element, its keys the standard's names, those of attributes among them; the text
of an element that has attributes is under ``value``; numbers and booleans are JSON's own; a list is an array
even when it holds one item; octets are hex in capitals or base64, as the schema prints them; what is absent
has no key.
"""

from __future__ import annotations

from base64 import b64decode
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from plugcharge._core import field_tables
from plugcharge.errors import ExiError
from plugcharge.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    Alternative = tuple[str, int, bool, int | str | None, type[Message] | None]
    Convert = Callable[[Any], Any]
    Put = Callable[[dict[str, Any], Message], None]
    Take = Callable[[Any, str], Any]

__all__ = ["Shapes", "shapes"]

# The key of the text of an element with attributes.
TEXT = "value"

# Where Josev has an array although there is at most one, as (class, key): in XML signatures, in types that
# may hold foreign elements beside it.
ARRAYS = frozenset(
    {
        ("SignatureMethod", "HMACOutputLength"),
        ("KeyValue", "DSAKeyValue"),
        ("KeyValue", "RSAKeyValue"),
    }
)


class _Place(NamedTuple):
    """Where the value of a key goes."""

    attribute: str
    many: bool
    convert: Take
    wrapper: type[Message] | None


class Shapes:
    """How the messages of one schema set look in Josev's JSON; get one with `shapes`.

    Attributes:
        schema: the short name of the set.
        messages: the elements that are whole messages; all others are encoded as fragments, to be signed.
    """

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._types, documents, fragments = field_tables(schema)
        self._documents, self._fragments = dict(documents), dict(fragments)
        self.messages = frozenset(name for name in self._documents if _is_message(schema, name))
        self._writers: dict[int, Convert] = {}
        self._takers: dict[int, Take] = {}
        self._roots = self._named_by_class(fragments if schema == "xmldsig" else documents)

    def _named_by_class(self, roots: list[tuple[str, int | str | None]]) -> dict[type[Message], list[str]]:
        named: dict[type[Message], list[str]] = {}
        for name, content in roots:
            if isinstance(content, int) and (cls := self._types[content][0]) is not None:
                named.setdefault(cls, []).append(name)
        return named

    def roots(self, message: Message) -> list[str]:
        """Give the root elements that a decoded message may be; most classes are the type of one."""
        return self._roots.get(type(message), [])

    def write(self, root: str, message: Message) -> dict[str, Any]:
        """Give a decoded message as an object with one key, the root element.

        Octets that become base64 are left as ``bytes``.
        """
        content = (self._fragments if self.schema == "xmldsig" else self._documents)[root]
        if not isinstance(content, int):
            raise self._refused("an element that is nothing but a value is no message of Josev's", root)
        return {root: self._writer(content)(message)}

    def read(self, root: str, content: Any, *, fragment: bool) -> Message:
        """Give the typed message of an element.

        Raises:
            ExiError: a name or a value that the schema set does not have there; ``path`` tells where.
        """
        number = (self._fragments if fragment else self._documents).get(root)
        if not isinstance(number, int):
            raise self._refused(f"there is no root element {root} to encode", root)
        message = self._taker(number)(content, root)
        if not isinstance(message, Message):
            raise self._refused(f"{root} is no element of its own", root)
        return message

    def _refused(self, what: str, path: str) -> ExiError:
        return ExiError(what, kind="json", path=path, schema=self.schema)

    # Writing: a function for each type.

    def _writer(self, number: int) -> Convert:
        if (known := self._writers.get(number)) is None:
            cls, slots = self._types[number]
            known = self._writers[number] = (
                self._inline_writer(slots[0]) if cls is None else self._class_writer(cls, slots)
            )
        return known

    def _inline_writer(self, alternatives: list[Alternative]) -> Convert:
        """A type whose one field stands where the type stands: the body of a message, which may be empty."""
        known = self._by_class(alternatives)

        def write(held: Message | None) -> dict[str, Any]:
            if held is None:
                return {}
            name, convert = known[type(held)]
            return {name: convert(held)}

        return write

    def _class_writer(self, cls: type[Message], slots: list[list[Alternative]]) -> Convert:
        puts: list[Put] = []
        for field, alternatives in _by_field(slots).items():
            attribute = cls.__struct_fields__[field]
            if len(alternatives) > 1 or alternatives[0][4] is not None:
                many = alternatives[0][2]
                puts.append(
                    (_put_chosen_list if many else _put_chosen)(attribute, self._by_class(alternatives))
                )
            else:
                puts.append(self._put_only(cls, attribute, alternatives[0]))

        def write(message: Message) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for put in puts:
                put(out, message)
            return out

        return write

    def _put_only(self, cls: type[Message], attribute: str, alternative: Alternative) -> Put:
        name, _, many, content, _ = alternative
        key, convert = name or TEXT, self._converter(content)
        if (cls.__name__, key) in ARRAYS:
            return _put_converted(attribute, key, _in_array(convert))
        if many:
            return _put_list(attribute, key, convert)
        if isinstance(content, int) and self._types[content][0] is None:
            return _put_always(attribute, key, self._writer(content))
        return _put_plain(attribute, key) if convert is None else _put_converted(attribute, key, convert)

    def _converter(self, content: int | str | None) -> Convert | None:
        if isinstance(content, int):
            return self._writer(content)
        return _capital_hex if content == "hex" else None

    def _by_class(self, alternatives: list[Alternative]) -> dict[type[Message], tuple[str, Convert]]:
        """What may stand in one place, told by its class."""
        known: dict[type[Message], tuple[str, Convert]] = {}
        for name, _, _, content, wrapper in alternatives:
            if wrapper is not None:
                known[wrapper] = (name, _unwrap(self._converter(content)))
            elif isinstance(content, int) and (cls := self._types[content][0]) is not None:
                known[cls] = (name, self._writer(content))
        return known

    # Reading: a function for each type.

    def _taker(self, number: int) -> Take:
        if (known := self._takers.get(number)) is None:
            cls, slots = self._types[number]
            known = self._takers[number] = (
                self._inline_taker(slots[0]) if cls is None else self._class_taker(cls, slots)
            )
        return known

    def _inline_taker(self, alternatives: list[Alternative]) -> Take:
        known = {
            name: self._taker(content) for name, _, _, content, _ in alternatives if isinstance(content, int)
        }

        def take(value: Any, path: str) -> Message | None:
            if value == {}:
                return None
            if not isinstance(value, dict) or len(value) != 1:
                raise self._refused(f"{path} holds one element", path)
            ((name, content),) = value.items()
            if name not in known:
                raise self._refused(f"{path} has no element {name}", path)
            message: Message = known[name](content, f"{path}/{name}")
            return message

        return take

    def _class_taker(self, cls: type[Message], slots: list[list[Alternative]]) -> Take:
        names, defaults = cls.__struct_fields__, cls.__struct_defaults__
        known: dict[str, _Place] = {}
        for field, alternatives in _by_field(slots).items():
            for name, _, many, content, wrapper in alternatives:
                key = name or TEXT
                convert = self._take(content)
                one = (cls.__name__, key) in ARRAYS
                known[key] = _Place(names[field], many, _out_of_array(convert) if one else convert, wrapper)
        lists = {place.attribute for place in known.values() if place.many}
        # What is required and missing is left to the encoder: it knows whether the element may lack it.
        absent = {name: () if name in lists else None for name in names[: len(names) - len(defaults)]}

        def take(value: Any, path: str) -> Message:
            if not isinstance(value, dict):
                raise self._refused(f"{path} is an object, not {value!r:.40}", path)
            fields: dict[str, Any] = {}
            for key, held in value.items():
                if (place := known.get(key)) is None:
                    raise self._refused(f"{path} has no element or attribute {key}", path)
                if held is not None:
                    self._fill(fields, place, held, f"{path}/{key}")
            return cls(**(absent | fields))

        return take

    def _fill(self, fields: dict[str, Any], place: _Place, held: Any, path: str) -> None:
        attribute, many, convert, wrapper = place
        if not many:
            if attribute in fields:
                raise self._refused(f"{path} stands beside another element that excludes it", path)
            fields[attribute] = convert(held, path)
            return
        items = [convert(item, path) for item in (held if isinstance(held, list) else [held])]
        wrapped = items if wrapper is None else [wrapper(item) for item in items]
        fields[attribute] = (*fields.get(attribute, ()), *wrapped)

    def _take(self, content: int | str | None) -> Take:
        if isinstance(content, int):
            return self._taker(content)
        convert = _OCTETS.get(str(content))
        if convert is None:
            return _as_it_is

        def take(value: Any, path: str) -> bytes:
            try:
                return convert(value)
            except (TypeError, ValueError) as error:
                raise self._refused(f"{path} is octets in {content}: {error}", path) from error

        return take


@cache
def shapes(schema: str) -> Shapes:
    """Give the shapes of a schema set, made when they are first wanted.

    Raises:
        ExiError: there is no such schema set.
    """
    return Shapes(schema)


def _is_message(schema: str, element: str) -> bool:
    if schema in ("din", "iso2"):
        return element == "V2G_Message"
    return element.endswith(("Req", "Res"))


def _by_field(slots: list[list[Alternative]]) -> dict[int, list[Alternative]]:
    """The alternatives that each field takes, in the schema's order; what has no typed form is left out."""
    out: dict[int, list[Alternative]] = {}
    for alternatives in slots:
        for alternative in alternatives:
            if alternative[3] is not None:
                out.setdefault(alternative[1], []).append(alternative)
    return out


def _put_plain(attribute: str, key: str) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        held = getattr(message, attribute)
        if held is not None:
            out[key] = held

    return put


def _put_converted(attribute: str, key: str, convert: Convert) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        held = getattr(message, attribute)
        if held is not None:
            out[key] = convert(held)

    return put


def _put_always(attribute: str, key: str, convert: Convert) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        out[key] = convert(getattr(message, attribute))

    return put


def _put_list(attribute: str, key: str, convert: Convert | None) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        held = getattr(message, attribute)
        if held:
            out[key] = held if convert is None else [convert(item) for item in held]

    return put


def _put_chosen(attribute: str, known: dict[type[Message], tuple[str, Convert]]) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        held = getattr(message, attribute)
        if held is not None:
            key, convert = known[type(held)]
            out[key] = convert(held)

    return put


def _put_chosen_list(attribute: str, known: dict[type[Message], tuple[str, Convert]]) -> Put:
    def put(out: dict[str, Any], message: Message) -> None:
        for item in getattr(message, attribute):
            key, convert = known[type(item)]
            out.setdefault(key, []).append(convert(item))

    return put


def _unwrap(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda wrapped: wrapped.value
    return lambda wrapped: convert(wrapped.value)


def _in_array(convert: Convert | None) -> Convert:
    if convert is None:
        return lambda held: [held]
    return lambda held: [convert(held)]


def _capital_hex(octets: bytes) -> str:
    return octets.hex().upper()


def _out_of_array(convert: Take) -> Take:
    def take(value: Any, path: str) -> Any:
        only = value[0] if isinstance(value, list) and len(value) == 1 else value
        return convert(only, path)

    return take


def _as_it_is(value: Any, _path: str) -> Any:
    return value


def _from_base64(text: str) -> bytes:
    return b64decode(text, validate=True)


_OCTETS = {"hex": bytes.fromhex, "base64": _from_base64}
