"""What ``plugcharge exi`` is given: octets as hex, base64 or a file; text; and the schema set."""

from __future__ import annotations

import base64
import binascii
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plugcharge import exi
from plugcharge.errors import ExiError, LocalError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AMBIGUOUS", "find_schema", "find_schema_to_explain", "octets", "raw", "schema_name", "write_text"]

AMBIGUOUS = 4
_EXI_HEADER, _V2GTP_HEADER = b"\x80", b"\x01\xfe"
_V2GTP_LENGTH = 8
_SPACING = re.compile(rb"[\s:,]+")


def schema_name(ctx: click.Context, param: click.Parameter, value: str | None) -> str | int | None:
    """Give the name of a schema set as the codec takes it, or refuse one that means no set, or several."""
    if value is None:
        return None
    try:
        named: str | int = int(value, 0)
    except ValueError:
        named = value
    try:
        exi.explain(b"", named)
    except ExiError as error:
        raise click.BadParameter(error.what, ctx, param) from error
    return named


def raw(argument: str | None, file: str | None) -> bytes:
    """Give what was named: the argument itself, a file, or standard input."""
    if argument is not None and file is not None:
        raise click.UsageError("give the message as an argument or with --file, not both")
    if argument not in {None, "-"}:
        return str(argument).encode()
    if file not in {None, "-"}:
        try:
            return Path(str(file)).read_bytes()
        except OSError as error:
            raise click.BadParameter(error.strerror or str(error), param_hint="--file") from error
    if argument is None and file is None and sys.stdin.isatty():
        raise click.UsageError("give a message as an argument, with --file, or on standard input")
    return sys.stdin.buffer.read()


def octets(given: bytes) -> bytes:
    """Give the EXI stream in what was given: octets as they are, hex, or base64; a V2GTP header is taken off.

    Raises:
        LocalError: it is none of them.
    """
    data = given if given.startswith((_EXI_HEADER, _V2GTP_HEADER)) else _from_text(given)
    if data.startswith(_V2GTP_HEADER) and len(data) >= _V2GTP_LENGTH:
        payload_type = int.from_bytes(data[2:4], "big")
        sys.stderr.write(f"plugcharge: took off a V2GTP header with payload type 0x{payload_type:04x}\n")
        return data[_V2GTP_LENGTH:]
    return data


def _from_text(given: bytes) -> bytes:
    packed = _SPACING.sub(b"", given).removeprefix(b"0x")
    if not packed:
        raise LocalError("there is no message: the input is empty")
    try:
        return binascii.unhexlify(packed)
    except binascii.Error:
        pass
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise LocalError(
            "the input is neither hex nor base64, and no EXI stream",
            advice="an EXI stream begins with the octet 80; give one message",
        ) from None


def find_schema(data: bytes, given: str | int | None, *, fragment: bool) -> str | int:
    """Give the schema set that was named, or the only one that fits; several that fit end the command.

    Raises:
        LocalError: none fits; it says how far each set gets.
    """
    if given is not None:
        return given
    fitting = exi.guess(data, fragment=fragment)
    if not fitting:
        told = "".join(
            f"\n  {name} up to bit {at}: {fault}" for name, at, fault in _reach(data, fragment=fragment)
        )
        raise LocalError(
            f"no schema set fits; each understands the message only so far:{told}\n",
            advice="'plugcharge exi explain' shows the bits up to there"
            + ("" if fragment else "; a signed element alone needs --fragment"),
        )
    return _only(fitting)


def find_schema_to_explain(data: bytes, given: str | int | None, *, fragment: bool) -> str | int:
    """Give the schema set as :func:`find_schema` does; where none fits, say so and give the furthest."""
    if given is not None or exi.guess(data, fragment=fragment):
        return find_schema(data, given, fragment=fragment)
    reach = _reach(data, fragment=fragment)
    furthest = [name for name, at, _ in reach if at == reach[0][1]]
    name = _only(furthest, "get equally far and none fits")
    click.echo(f"plugcharge: no schema set fits; shown for {name}, which gets furthest", err=True)
    return name


def _reach(data: bytes, *, fragment: bool) -> list[tuple[str, int, str]]:
    """Each set that does not fit, the bit up to which it understands, and its fault; the furthest first."""
    faults = [(name, exi.explain(data, name, fragment=fragment)[-1]) for name in exi.schemas()]
    reach = [(name, fault.offset, str(fault.value)) for name, fault in faults]
    return sorted(reach, key=lambda entry: -entry[1])


def write_text(convert: Callable[[str | int], bytes], given: str | int | None) -> bytes:
    """Give the bytes of a text, written with the schema set that was named or with the only one that can.

    Raises:
        ExiError: the text cannot be written with the schema set that was named, or with the one that knows
            its root.
        LocalError: no schema set knows its root.
    """
    if given is not None:
        return convert(given)
    written: dict[str, bytes] = {}
    faults: dict[str, ExiError] = {}
    for name in exi.schemas():
        try:
            written[name] = convert(name)
        except ExiError as error:
            faults[name] = error
    if written:
        return written[_only(list(written))]
    inside = [error for error in faults.values() if error.kind != "root"]
    if len(inside) == 1 or (inside and inside[0].kind in {"json", "xml"}):
        raise inside[0]
    told = "".join(
        f"\n  {name}: {error.what} at {error.path or 'the root'}" for name, error in faults.items()
    )
    raise LocalError("no schema set fits", why=f"what each says:{told}\n")


def _only(fitting: list[str], how: str = "fit") -> str:
    if len(fitting) > 1:
        sets = ", ".join(fitting)
        click.echo(
            f"plugcharge: {len(fitting)} schema sets {how}: {sets}; choose one with --schema", err=True
        )
        click.get_current_context().exit(AMBIGUOUS)
    return fitting[0]
