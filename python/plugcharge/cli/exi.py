"""``plugcharge exi``: messages from bits to text and back, and what every bit is."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING

import click
import msgspec

from plugcharge import exi as codec
from plugcharge.cli.exi_input import (
    AMBIGUOUS,
    find_schema,
    find_schema_to_explain,
    octets,
    raw,
    schema_name,
    write_text,
)
from plugcharge.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["exi"]

_EXIT_CODES = f"""
\b
Exit codes:
  0  done
  1  the input is no message (the reason is printed)
  2  the command line was wrong
  {AMBIGUOUS}  several schema sets fit: choose one of those listed with --schema
"""
_GUESS_CODES = """
\b
Exit codes:
  0  at least one schema set fits
  1  none fits, or the input is no message
  2  the command line was wrong
"""
_CONTEXT = {"help_option_names": ["-h", "--help"]}
_WIDEST_BITS, _WIDEST_VALUE = 24, 64


def _input_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.argument("message", required=False),
        click.option("--file", metavar="PATH", help="Read the message from a file; - is standard input."),
        click.option(
            "--schema",
            metavar="SET",
            callback=schema_name,
            help="Schema set: short name, namespace or V2GTP payload type; by default the one that fits.",
        ),
        click.option("--fragment", is_flag=True, help="The stream is a single element, as it is signed."),
    ):
        command = option(command)
    return command


@click.group(context_settings=_CONTEXT, epilog=_EXIT_CODES)
def exi() -> None:
    """Read, write and explain EXI messages of SupportedAppProtocol, DIN 70121, -2, -20 and XML signatures.

    MESSAGE is an EXI stream in hex or base64; without it, a file or standard input is read, which may hold
    the octets themselves as well. A V2GTP header before it is taken off.

    \b
    Examples:
      plugcharge exi decode 8098004011d018048d159e26ac00
      plugcharge exi decode --xml --file message.bin
      plugcharge exi explain 80400040 --schema sap
      plugcharge exi decode 80400040 --schema sap | plugcharge exi encode --schema sap
    """  # noqa: D301


@exi.command(context_settings=_CONTEXT, epilog=_EXIT_CODES)
@_input_options
@click.option("--json", "form", flag_value="json", default="json", help="Write JSON (the default).")
@click.option("--xml", "form", flag_value="xml", help="Write XML.")
@click.option("--repr", "form", flag_value="repr", help="Write the typed message as Python prints it.")
def decode(
    *, message: str | None, file: str | None, schema: str | int | None, fragment: bool, form: str
) -> None:
    """Print a message as JSON, XML or Python.

    \b
    Examples:
      plugcharge exi decode 80400040 --schema sap
      plugcharge exi decode gEAAQA== --schema sap --xml
      plugcharge exi decode --schema 0x8002 --repr < message.bin
    """  # noqa: D301
    data = octets(raw(message, file))
    name = find_schema(data, schema, fragment=fragment)
    if form == "xml":
        click.echo(codec.to_xml(data, name, fragment=fragment))
    elif form == "repr":
        click.echo(repr(codec.decode(data, name, fragment=fragment)))
    else:
        click.echo(json.dumps(json.loads(codec.to_json(data, name, fragment=fragment)), indent=2))


@exi.command(context_settings=_CONTEXT, epilog=_EXIT_CODES)
@_input_options
@click.option("--any-length", is_flag=True, help="Write text and octets longer or shorter than allowed, too.")
@click.option("--hex", "form", flag_value="hex", default="hex", help="Write hex (the default).")
@click.option("--base64", "form", flag_value="base64", help="Write base64.")
@click.option("--raw", "form", flag_value="raw", help="Write the octets themselves.")
def encode(
    *,
    message: str | None,
    file: str | None,
    schema: str | int | None,
    fragment: bool,
    any_length: bool,
    form: str,
) -> None:
    """Write the EXI stream of a message in JSON or XML, as `decode` prints them.

    JSON names no namespaces, so it often fits several schema sets: then --schema has to say which is meant.

    \b
    Examples:
      plugcharge exi encode --schema iso2 --file message.json
      plugcharge exi decode 8098004011d018048d159e26ac00 --xml | plugcharge exi encode --base64
      plugcharge exi encode --schema iso2 --fragment --raw < element.xml > element.bin
    """  # noqa: D301
    try:
        text = raw(message, file).decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise LocalError("the input is no text in UTF-8", why=str(error)) from error
    from_text = codec.from_xml if text.startswith("<") else codec.from_json
    data = write_text(lambda name: from_text(text, name, fragment=fragment, limits=not any_length), schema)
    if form == "raw":
        sys.stdout.buffer.write(data)
    else:
        click.echo(base64.b64encode(data).decode() if form == "base64" else data.hex())


@exi.command(context_settings=_CONTEXT, epilog=_EXIT_CODES)
@_input_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON, nothing cut off.")
def explain(
    *, message: str | None, file: str | None, schema: str | int | None, fragment: bool, as_json: bool
) -> None:
    """Print what every bit of a message is; of a broken one, all up to the fault, then the fault.

    Columns: bit offset, width in bits, the bits, event with its code, element, value. What is long is cut
    off. A length of text counts characters; the number in the bits is greater by two.

    \b
    Examples:
      plugcharge exi explain 8098004011d018048d159e26ac00
      plugcharge exi explain --schema iso2 8098004011d0
      plugcharge exi explain 8098004011d0 --json | jq '.[] | select(.event == "value")'
    """  # noqa: D301
    data = octets(raw(message, file))
    name = find_schema_to_explain(data, schema, fragment=fragment)
    steps = codec.explain(data, name, fragment=fragment)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(steps)).decode())
    else:
        click.echo("\n".join(_table(steps)))
    if steps[-1].event == "fault":
        click.get_current_context().exit(1)


def _table(steps: list[codec.Step]) -> list[str]:
    rows = [("bit", "width", "bits", "event", "element: value"), *map(_row, steps)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    right, left = "{:>{}}  {:>{}}", "  {:<{}}  {:<{}}  {}"
    return [
        right.format(row[0], widths[0], row[1], widths[1])
        + left.format(row[2], widths[2], row[3], widths[3], row[4]).rstrip()
        for row in rows
    ]


def _row(step: codec.Step) -> tuple[str, str, str, str, str]:
    event = step.event if step.code is None else f"{step.event} {step.code}"
    _, _, name = step.path.rpartition("/")
    depth = step.path.count("/") * 2
    if step.event == "fault":
        rest = f"{step.path}: {step.value}" if step.path else str(step.value)
    else:
        parts = [part for part in (name, step.value and _shown(step.value)) if part]
        rest = " " * depth + ": ".join(parts)
    return str(step.offset), str(step.width), _cut(step.bits, _WIDEST_BITS), event, rest


def _shown(value: str) -> str:
    """The value on one line; what a terminal would act on is escaped."""
    return _cut(value if value.isprintable() else ascii(value)[1:-1], _WIDEST_VALUE)


def _cut(text: str, widest: int) -> str:
    return text if len(text) <= widest else f"{text[: widest - 3]}..."


@exi.command(context_settings=_CONTEXT, epilog=_GUESS_CODES)
@click.argument("message", required=False)
@click.option("--file", metavar="PATH", help="Read the message from a file; - is standard input.")
@click.option("--fragment", is_flag=True, help="The stream is a single element, as it is signed.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def guess(*, message: str | None, file: str | None, fragment: bool, as_json: bool) -> None:
    """List every schema set that fits; none is chosen.

    \b
    Examples:
      plugcharge exi guess 80400040
      plugcharge exi guess --fragment --json < element.bin
    """  # noqa: D301
    fitting = codec.guess(octets(raw(message, file)), fragment=fragment)
    if as_json:
        click.echo(json.dumps(fitting))
    elif fitting:
        click.echo("\n".join(fitting))
    if not fitting:
        click.echo("plugcharge: no schema set fits", err=True)
        click.get_current_context().exit(1)
