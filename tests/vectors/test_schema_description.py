"""Our schema descriptions say exactly what the XSDs of the standards say.

Two comparisons a set: the declarations as they are written (base types, substitution groups, simple types),
and the set as the generator resolves it, against two readers of their own. A third test breaks the
descriptions in many ways and sees each break reported.
"""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.shared_material import shared_path
from tests.vectors.description_reader import Description, read_description
from tests.vectors.resolved_schema import flatten, resolve
from tests.vectors.xsd_reader import Declarations, read_schemas

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "rust" / "codegen" / "schemas"
XMLDSIG = "xmldsig-core-schema.xsd"
ISO20 = "iso15118_20/V2G_CI_{}.xsd"
MESSAGE_FILES = ("MsgDef", "MsgHeader", "MsgBody", "MsgDataTypes")


def _iso20(own: str) -> tuple[str, ...]:
    return (ISO20.format(own), ISO20.format("CommonTypes"), XMLDSIG)


SOURCES: dict[str, tuple[str, ...]] = {
    "sap": ("V2G_CI_AppProtocol.xsd",),
    "xmldsig": (XMLDSIG,),
    "iso2": (*(f"iso15118_2/V2G_CI_{file}.xsd" for file in MESSAGE_FILES), XMLDSIG),
    "din": (*(f"din_spec/V2G_CI_{file}.xsd" for file in MESSAGE_FILES), XMLDSIG),
    "iso20_common": _iso20("CommonMessages"),
    "iso20_ac": _iso20("AC"),
    "iso20_dc": _iso20("DC"),
    "iso20_wpt": _iso20("WPT"),
    "iso20_acdp": _iso20("ACDP"),
}
COUNTS = {
    "sap": (2, 3, 1, 4),
    "xmldsig": (24, 22, 0, 3),
    "iso2": (80, 106, 15, 23),
    "din": (81, 103, 14, 24),
    "iso20_common": (54, 128, 13, 21),
    "iso20_ac": (42, 60, 3, 11),
    "iso20_dc": (48, 66, 3, 11),
    "iso20_wpt": (38, 78, 10, 14),
    "iso20_acdp": (34, 51, 8, 11),
}
SETS = list(SOURCES)
PARTS = {"iso20_types"}
"""Compared with the sets that use them."""
WITHOUT_SCHEMA = {"iso20_ac_der_iec", "iso20_ac_der_sae"}
"""Nobody here has their XSDs; ``benches/tests/differential.rs`` compares them with another codec."""


def differences(expected: object, found: object, where: str = "") -> Iterator[str]:
    """Name every place at which two JSON-like values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted(expected.keys() | found.keys(), key=str):
            if key not in found:
                yield f"{where}/{key}: missing"
            elif key not in expected:
                yield f"{where}/{key}: not in the schema"
            else:
                yield from differences(expected[key], found[key], f"{where}/{key}")
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for at, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    elif expected != found:
        yield f"{where}: the schema says {expected!r}, we say {found!r}"


@cache
def schemas(name: str) -> Declarations:
    return read_schemas(shared_path(f"schemas/{file}") for file in SOURCES[name])


@cache
def description(name: str) -> Description:
    return read_description(FOLDER, name)


@cache
def dumped(name: str) -> str:
    if shutil.which("cargo") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("cargo is missing")
        pytest.skip("cargo is missing: the generator's own reading cannot be compared")
    command = ["cargo", "run", "--quiet", "-p", "plugcharge-codegen", "--", "dump", name]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def by_name(dump: dict[str, Any], uris: dict[str, str]) -> dict[str, Any]:
    """Bring a dump into the shape of ``resolve``."""

    def key(entry: dict[str, Any]) -> str:
        return f"{{{uris[entry.pop('prefix')]}}}{entry.pop('name')}"

    types = {key(entry): {**entry, "content": flatten(entry["content"])} for entry in dump["types"]}
    return {
        "types": types,
        "enumerations": {key(entry): entry["values"] for entry in dump["enumerations"]},
        "globals": {f"{{{leaf['uri']}}}{leaf['name']}": leaf["holds"] for leaf in dump["globals"]},
    }


def plain(declarations: Declarations) -> Declarations:
    """Unfold what says nothing, and drop the order of attributes, which XSD gives no meaning."""
    out = copy.deepcopy(declarations)
    for declared in out["complex"].values():
        declared["content"] = flatten(declared["content"])
        declared["attributes"].sort(key=lambda attribute: attribute["name"])
    return out


def resolved_differences(name: str, dump: dict[str, Any]) -> list[str]:
    return list(differences(resolve(schemas(name)), by_name(dump, description(name).uris)))


def declared_differences(name: str, found: Declarations) -> list[str]:
    return list(differences(plain(schemas(name)), plain(found)))


def test_every_description_has_its_schemas() -> None:
    assert {path.stem for path in FOLDER.glob("*.v2g")} == SOURCES.keys() | PARTS | WITHOUT_SCHEMA


@pytest.mark.parametrize("name", SETS)
def test_declarations_are_those_of_the_schemas(name: str) -> None:
    found = description(name).declarations
    assert declared_differences(name, found) == []
    counts = tuple(len(found[kind]) for kind in ("elements", "complex", "enums", "simple"))
    assert counts == COUNTS[name]


@pytest.mark.parametrize("name", SETS)
def test_the_generator_resolves_them_like_the_schemas(name: str) -> None:
    assert resolved_differences(name, json.loads(dumped(name))) == []


Break = Callable[[dict[str, Any]], object]


def _type(dump: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in dump["types"] if entry["name"] == name)


def _enum(dump: dict[str, Any], name: str) -> list[str]:
    values: list[str] = next(entry["values"] for entry in dump["enumerations"] if entry["name"] == name)
    return values


def _holds(dump: dict[str, Any], name: str, at: int) -> dict[str, Any]:
    holds: dict[str, Any] = _type(dump, name)["content"][at]["place"][0]["holds"]
    return holds


RESOLVED_BREAKS: dict[str, Break] = {
    "type lost": lambda d: d["types"].remove(_type(d, "MeterInfoType")),
    "type invented": lambda d: d["types"].append({**_type(d, "MeterInfoType"), "name": "MeterInfo2Type"}),
    "type abstract": lambda d: _type(d, "EntryType").update(abstract=False),
    "type mixed": lambda d: _type(d, "TransformType").update(mixed=False),
    "attribute lost": lambda d: _type(d, "SalesTariffType")["attributes"].clear(),
    "attribute required": lambda d: _type(d, "AuthorizationReqType")["attributes"][0].update(required=True),
    "attribute namespace": lambda d: _type(d, "AuthorizationReqType")["attributes"][0].update(uri=""),
    "attribute renamed": lambda d: _type(d, "EMAIDType")["attributes"][0].update(name="ID"),
    "attribute value": lambda d: _type(d, "EMAIDType")["attributes"][0]["value"].update(max=15),
    "text lost": lambda d: _type(d, "EMAIDType").update(text=None),
    "text limit": lambda d: _type(d, "EMAIDType")["text"].update(max=16),
    "particle lost": lambda d: _type(d, "MeterInfoType")["content"].pop(),
    "particles swapped": lambda d: _type(d, "MeterInfoType")["content"].reverse(),
    "optional": lambda d: _type(d, "MeterInfoType")["content"][1].update(occurs=[1, 1]),
    "list length": lambda d: _type(d, "ChargingProfileType")["content"][0].update(occurs=[1, 25]),
    "unbounded": lambda d: _type(d, "TransformsType")["content"][0].update(occurs=[1, 1024]),
    "element renamed": lambda d: _type(d, "CostType")["content"][0]["place"][0].update(name="CostKind"),
    "element namespace": lambda d: _type(d, "CostType")["content"][0]["place"][0].update(uri=""),
    "number range": lambda d: _holds(d, "RelativeTimeIntervalType", 0).update(max=16777215),
    "number kind": lambda d: _holds(d, "RelativeTimeIntervalType", 0).update(kind="text"),
    "octets in hex": lambda d: _holds(d, "SessionSetupReqType", 0).update(hex=False),
    "octets limit": lambda d: _holds(d, "SessionSetupReqType", 0).update(max=7),
    "other type": lambda d: _holds(d, "ProfileEntryType", 1).update(complex="CostType"),
    "substitute lost": lambda d: _type(d, "BodyType")["content"][0]["place"].pop(7),
    "substitutes unordered": lambda d: _type(d, "BodyType")["content"][0]["place"].reverse(),
    "choice": lambda d: _type(d, "ParameterType")["content"][0].update(group="sequence"),
    "choice member": lambda d: _type(d, "ParameterType")["content"][0]["nodes"].pop(),
    "wildcard lost": lambda d: _type(d, "DigestMethodType")["content"].clear(),
    "enumeration lost": lambda d: d["enumerations"].pop(),
    "value lost": lambda d: _enum(d, "responseCodeType").pop(),
    "values swapped": lambda d: _enum(d, "unitSymbolType").reverse(),
    "value renamed": lambda d: _enum(d, "faultCodeType").__setitem__(1, "NoTLSRootCertificateAvailable"),
    "global lost": lambda d: d["globals"].pop(),
    "global abstract": lambda d: d["globals"][0].update(holds="abstract"),
    "global namespace": lambda d: d["globals"][0].update(uri="urn:iso:15118:2:2010:MsgBody"),
}


@pytest.mark.parametrize("name", RESOLVED_BREAKS)
def test_a_broken_resolution_is_seen(name: str) -> None:
    shared_path("schemas")
    dump = json.loads(dumped("iso2"))
    whole = copy.deepcopy(dump)
    RESOLVED_BREAKS[name](dump)
    assert dump != whole
    assert resolved_differences("iso2", dump) != []


DECLARED_BREAKS = {
    "base": ("type SalesTariffEntryType extends EntryType", "type SalesTariffEntryType"),
    "head": ("element EVSEStatus EVSEStatusType abstract", "element EVSEStatus EVSEStatusType"),
    "substitution": (
        "element SalesTariffEntry SalesTariffEntryType for Entry",
        "element SalesTariffEntry SalesTariffEntryType",
    ),
    "other head": (
        "element AC_EVSEStatus AC_EVSEStatusType for EVSEStatus",
        "element AC_EVSEStatus AC_EVSEStatusType for EVStatus",
    ),
    "facet": ("simple genChallengeType base64Binary[16]", "simple genChallengeType base64Binary[..16]"),
    "base of a simple type": (
        "simple SAIDType unsignedByte(1..255)",
        "simple SAIDType unsignedShort(1..255)",
    ),
    "range": ("simple maxNumPhasesType byte(1..3)", "simple maxNumPhasesType byte(1..4)"),
    "unused simple type": ("simple meterStatusType short\n", "simple meterStatusType int\n"),
    "unused enumeration": ("enum valueType\n  bool\n", "enum valueType\n"),
    "type of an attribute": (".Id? ID\n  GenChallenge?", ".Id? string\n  GenChallenge?"),
    "reference": (
        "  @dt:EVSEStatus\nelement MeteringReceiptReq",
        "  @dt:EVStatus\nelement MeteringReceiptReq",
    ),
    "occurrence": ("Cost{1..3} CostType", "Cost{0..3} CostType"),
    "qualification": ("MsgHeader attributes=qualified", "MsgHeader elements=local"),
}


@pytest.mark.parametrize("name", DECLARED_BREAKS)
def test_a_broken_description_is_seen(name: str) -> None:
    shared_path("schemas")
    text, (good, bad) = (FOLDER / "iso2.v2g").read_text("utf-8"), DECLARED_BREAKS[name]
    assert text.count(good) == 1
    broken = Description()
    broken.read((FOLDER / "xmldsig.v2g").read_text("utf-8"))
    broken.read(text.replace(good, bad))
    assert declared_differences("iso2", broken.declarations) != []


def _scalars(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    )
    if inner is None:
        yield path
        return
    for key, member in inner:
        # The names of the set and of its prefixes are ours alone.
        if key not in {"set", "prefix"}:
            yield from _scalars(member, (*path, key))


def _changed(value: object) -> object:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return 7
    return f"{value}X"


SAMPLES = 40


@pytest.mark.parametrize("name", SETS)
def test_any_change_of_a_resolution_is_seen(name: str) -> None:
    shared_path("schemas")
    paths = list(_scalars(json.loads(dumped(name))))
    assert len(paths) > SAMPLES
    for path in paths[:: len(paths) // SAMPLES]:
        dump = json.loads(dumped(name))
        place: Any = dump
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = _changed(place[path[-1]])
        assert resolved_differences(name, dump) != [], path


def _broken_lines(line: str) -> Iterator[str]:
    """A member of a type or of an enumeration: gone, renamed, of another type, another number of times."""
    code = line.split(" -- ", maxsplit=1)[0].rstrip()
    name, _, rest = code.strip().partition(" ")
    indent = code[: len(code) - len(code.lstrip())]
    yield ""
    if name in {"choice", "choice?", "choice*", "choice+", "sequence", "any", "any*", "any?"}:
        return
    mark = re.search(r"[?*+]$|\{.*\}$", name)
    plain_name = name[: mark.start()] if mark else name
    if not name.startswith("@"):
        yield f"{indent}{plain_name}X{name[len(plain_name) :]} {rest}"
    if rest and not name.startswith("."):
        yield f"{indent}{plain_name}{'{2..3}' if name.endswith('?') else '?'} {rest}"
        other = "long" if rest.startswith("string") else "string"
        yield f"{indent}{name} {other}"


@pytest.mark.parametrize("name", SETS)
def test_any_change_of_a_member_is_seen(name: str) -> None:
    shared_path("schemas")
    lines = (FOLDER / f"{name}.v2g").read_text("utf-8").splitlines()
    uses = description(name).uses
    members = [
        at for at, line in enumerate(lines) if line.startswith("  ") and not line.lstrip().startswith("-- ")
    ]
    for at in members[:: max(1, len(members) // SAMPLES)]:
        for broken in _broken_lines(lines[at]):
            found = read_description(FOLDER, uses[-1]) if uses else Description()
            found.read("\n".join([*lines[:at], broken, *lines[at + 1 :]]))
            assert declared_differences(name, found.declarations) != [], (lines[at], broken)
