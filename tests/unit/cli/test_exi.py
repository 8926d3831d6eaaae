"""``plugcharge exi``."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("click")

from click.testing import CliRunner, Result

from plugcharge import exi
from plugcharge.cli.root import root
from plugcharge.wire.v2gtp import pack

if TYPE_CHECKING:
    from pathlib import Path

SETUP = "8098004011d018048d159e26ac00"
AMBIGUOUS = "80400040"
CANONICAL = exi.from_json(
    '{"CanonicalizationMethod": {"@Algorithm": "\\u001b[2J"}}', "xmldsig", fragment=True
)


def run(*arguments: str | Path, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(root, ["exi", *map(str, arguments)], input=given)


# -- decode and encode -----------------------------------------------------------------------------------


def test_decode_prints_json() -> None:
    result = run("decode", SETUP)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["V2G_Message"]["Body"] == {"SessionSetupReq": {"EVCCID": "0123456789AB"}}


def test_decode_prints_xml_and_python() -> None:
    assert run("decode", SETUP, "--xml").stdout == exi.to_xml(bytes.fromhex(SETUP), "iso2") + "\n"
    assert run("decode", SETUP, "--repr").stdout == repr(exi.decode(bytes.fromhex(SETUP), "iso2")) + "\n"


@pytest.mark.parametrize(
    "text", [SETUP.upper(), f"0x{SETUP}", "80 98 00 40 11:d0:18:04,8d159e26ac00", "gJgAQBHQGASNFZ4mrAA="]
)
def test_a_message_may_be_written_in_several_ways(text: str) -> None:
    expected = run("decode", SETUP).stdout
    assert run("decode", text).stdout == expected
    assert run("decode", given=text + "\n").stdout == expected
    assert run("decode", "-", given=text).stdout == expected


def test_a_message_may_come_from_a_file_or_as_octets(tmp_path: Path) -> None:
    file = tmp_path / "message.bin"
    file.write_bytes(bytes.fromhex(SETUP))
    expected = run("decode", SETUP).stdout
    assert run("decode", "--file", file).stdout == expected
    assert run("decode", given=bytes.fromhex(SETUP)).stdout == expected
    assert run("decode", "--file", "-", given=bytes.fromhex(SETUP)).stdout == expected


def test_a_v2gtp_header_is_taken_off_and_said() -> None:
    frame = pack(0x8001, bytes.fromhex(SETUP))
    for given in (frame, frame.hex()):
        result = run("decode", given=given)
        assert result.exit_code == 0, result.output
        assert "0x8001" in result.stderr
        assert result.stdout == run("decode", SETUP).stdout


@pytest.mark.parametrize("form", ["--json", "--xml"])
def test_what_is_decoded_is_encoded_again(form: str) -> None:
    text = run("decode", SETUP, form).stdout
    written = bytes.fromhex(SETUP)
    assert run("encode", "--schema", "iso2", given=text).stdout == SETUP + "\n"
    assert (
        run("encode", "--schema", "iso2", "--base64", text).stdout
        == base64.b64encode(written).decode() + "\n"
    )
    assert run("encode", "--schema", "iso2", "--raw", given=text).stdout_bytes == written


def test_a_fragment_is_decoded_and_encoded() -> None:
    chosen = ("--fragment", "--schema", "xmldsig")
    text = run("decode", CANONICAL.hex(), *chosen).stdout
    assert run("encode", *chosen, given=text).stdout == CANONICAL.hex() + "\n"


def test_lengths_are_checked_unless_told_otherwise() -> None:
    text = '{"V2G_Message": {"Header": {"SessionID": "000000000000000000"}, "Body": {}}}'
    assert run("encode", "--schema", "iso2", text).exit_code == 1
    assert run("encode", "--schema", "iso2", "--any-length", text).exit_code == 0


# -- which schema set ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["decode", "explain"])
def test_several_sets_that_fit_are_listed_and_none_is_chosen(command: str) -> None:
    result = run(command, AMBIGUOUS)
    assert result.exit_code == 4
    assert "sap, iso20_wpt" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["sap", "urn:iso:15118:2:2010:AppProtocol"])
def test_a_set_is_named(name: str) -> None:
    result = run("decode", AMBIGUOUS, "--schema", name)
    assert result.exit_code == 0, result.output
    assert "supportedAppProtocolRes" in result.stdout


@pytest.mark.parametrize("name", ["0x8006", "32774"])
def test_a_set_is_named_by_its_payload_type(name: str) -> None:
    result = run("decode", AMBIGUOUS, "--schema", name, "--xml")
    assert result.exit_code == 0, result.output
    assert "urn:iso:std:iso:15118:-20:WPT" in result.stdout


@pytest.mark.parametrize(("name", "why"), [("iso3", "no schema set"), ("0x8001", "sap, din, iso2")])
def test_a_name_that_means_no_set_or_several_is_refused(name: str, why: str) -> None:
    result = run("decode", SETUP, "--schema", name)
    assert result.exit_code == 2
    assert why in result.stderr


def test_text_that_several_sets_can_write_needs_a_set() -> None:
    xml, json_text = (run("decode", SETUP, form).stdout for form in ("--xml", "--json"))
    assert run("encode", given=xml).stdout == SETUP + "\n"
    both = run("encode", given=json_text)
    assert both.exit_code == 4
    assert "din, iso2" in both.stderr
    text = '{"KeyName": "x"}'
    result = run("encode", "--fragment", text)
    assert result.exit_code == 4
    assert "iso2" in result.stderr
    assert run("encode", "--fragment", "--schema", "xmldsig", text).exit_code == 0


# -- faults ----------------------------------------------------------------------------------------------


def test_what_fits_no_set_is_told_set_by_set() -> None:
    result = run("decode", SETUP[:-4])
    assert result.exit_code == 1
    assert "iso2 up to bit 54: the stream ends" in result.stderr
    assert all(name in result.stderr for name in exi.schemas())


@pytest.mark.parametrize("text", ["", "zz", "8", "not a message"])
@pytest.mark.parametrize("command", ["decode", "explain", "guess"])
def test_what_is_no_message_is_refused(command: str, text: str) -> None:
    result = run(command, given=text)
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.startswith("plugcharge: ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("<", "XML"),
        ('{"Nothing": {}}', "no such root"),
        ('{"V2G_Message": {"Header": {"SessionID": "zz"}}}', "V2G_Message/Header/SessionID"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_text_that_is_no_message_is_refused(text: str | bytes, why: str) -> None:
    result = run("encode", given=text)
    assert result.exit_code == 1
    assert why in result.stderr


def test_the_command_line_is_checked(tmp_path: Path) -> None:
    assert run("decode", SETUP, "--file", "x").exit_code == 2
    missing = run("decode", "--file", tmp_path / "none")
    assert missing.exit_code == 2
    assert "No such file" in missing.stderr


# -- explain and guess -----------------------------------------------------------------------------------


def test_explain_prints_aligned_columns() -> None:
    result = run("explain", SETUP)
    assert result.exit_code == 0, result.output
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["bit", "width", "bits", "event", "element:", "value"]
    assert len(lines) == len(exi.explain(bytes.fromhex(SETUP), "iso2"))
    column = head.index("event")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)
    (value,) = [line for line in lines if "EVCCID: 0123456789ab" in line]
    assert value.split()[:2] == ["54", "48"]


def test_explain_shows_a_broken_message_up_to_its_fault() -> None:
    result = run("explain", SETUP[:-4])
    assert result.exit_code == 1
    assert "shown for iso2" in result.stderr
    lines = result.stdout.splitlines()
    assert "start 29" in result.stdout
    assert "fault" in lines[-1]
    assert "V2G_Message/Body/SessionSetupReq/EVCCID: the stream ends" in lines[-1]


def test_explain_of_nothing_in_particular_asks() -> None:
    result = run("explain", "00")
    assert result.exit_code == 4
    assert "none fits" in result.stderr
    assert run("explain", "00", "--schema", "iso2").exit_code == 1


def test_explain_as_json_cuts_nothing_off() -> None:
    result = run("explain", SETUP, "--json")
    steps = json.loads(result.stdout)
    assert "".join(step["bits"] for step in steps) == f"{int(SETUP, 16):0{4 * len(SETUP)}b}"
    assert steps[0] == {
        "offset": 0,
        "width": 8,
        "event": "header",
        "code": None,
        "path": "",
        "value": "80",
        "bits": "10000000",
    }


def test_what_a_peer_wrote_does_not_reach_the_terminal() -> None:
    """A text may hold an escape sequence; it is shown, not sent."""
    for command in (("explain",), ("decode", "--json"), ("decode", "--repr")):
        result = run(*command, CANONICAL.hex(), "--fragment", "--schema", "xmldsig")
        assert result.exit_code == 0, result.output
        assert "\x1b" not in result.stdout
        assert "[2J" in result.stdout


def test_guess_lists_all_that_fit() -> None:
    assert run("guess", AMBIGUOUS).stdout.split() == ["sap", "iso20_wpt"]
    assert json.loads(run("guess", SETUP, "--json").stdout) == exi.guess(bytes.fromhex(SETUP))
    assert "xmldsig" in run("guess", "--fragment", CANONICAL.hex()).stdout.split()
    none = run("guess", "80ff")
    assert none.exit_code == 1
    assert "no schema set fits" in none.stderr


@pytest.mark.parametrize("command", ["decode", "encode", "explain", "guess"])
def test_help_has_examples_and_exit_codes(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert "Exit codes:" in result.stdout
