"""Makes the corpus in ``tests/vectors/corpus``: our XML, EXIficient's bytes.

    python tests/vectors/make_corpus/make.py

Needs a Java development kit of version 17 or newer, cargo, and what ``tests/interop/josev/setup`` installs:
the published package ``iso15118``, in which EXIficient is packed. Nothing of it is copied here. The same
seed gives the same files, byte for byte.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from tests.vectors.make_corpus.random_message import Grower  # noqa: E402 - found through the line above

CORPUS = ROOT / "tests" / "vectors" / "corpus"
JAR = "lib/python3*/site-packages/iso15118/shared/EXICodec.jar"
PREFIXES = {
    "m": "urn:iso:15118:2:2013:MsgDef",
    "h": "urn:iso:15118:2:2013:MsgHeader",
    "b": "urn:iso:15118:2:2013:MsgBody",
    "t": "urn:iso:15118:2:2013:MsgDataTypes",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
    "p": "urn:iso:15118:2:2010:AppProtocol",
}
SIGNED = {
    "AuthorizationReq": "AuthorizationReqType",
    "MeteringReceiptReq": "MeteringReceiptReqType",
    "CertificateInstallationReq": "CertificateInstallationReqType",
    "CertificateUpdateReq": "CertificateUpdateReqType",
    "ContractSignatureCertChain": "CertificateChainType",
    "ContractSignatureEncryptedPrivateKey": "ContractSignatureEncryptedPrivateKeyType",
    "DHpublickey": "DiffieHellmanPublickeyType",
    "eMAID": "EMAIDType",
    "SalesTariff": "SalesTariffType",
}
MODES = ("minimal", "full", "random", "random", "random")
Row = dict[str, Any]


def dump(schema_set: str) -> dict[str, Any]:
    command = ["cargo", "run", "--quiet", "-p", "plugcharge-codegen", "--", "dump", schema_set]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def leaf_of(found: dict[str, Any], name: str) -> dict[str, Any]:
    leaf: dict[str, Any] = next(leaf for leaf in found["globals"] if leaf["name"] == name)
    return leaf


def row(identity: str, schema_set: str, kind: str, element: ET.Element, **more: Any) -> Row:
    root = element.tag.rpartition("}")[2]
    text = ET.tostring(element, encoding="unicode")
    return {"id": identity, "set": schema_set, "kind": kind, "root": root, **more, "xml": text}


def handshakes(found: dict[str, Any]) -> list[Row]:
    out = []
    for name in ("supportedAppProtocolReq", "supportedAppProtocolRes"):
        for at, mode in enumerate(MODES):
            grower = Grower(found, Random(f"sap {name} {at}"), mode)
            element = grower.element(leaf_of(found, name))
            out.append(row(f"sap-{name[-3:].lower()}-{at}", "sap", "document", element))
    return out


def messages(found: dict[str, Any]) -> list[Row]:
    """Every body element, every way: least, most, and random."""
    body = next(entry for entry in found["types"] if entry["name"] == "BodyType")["content"][0]["place"]
    out = []
    for leaf in body:
        if leaf["holds"] == "abstract":
            continue
        for at, mode in enumerate(MODES):
            random = Random(f"iso2 {leaf['name']} {at}")
            grower = Grower(found, random, mode)
            grower.preferred = {leaf["name"]}
            message = grower.element(leaf_of(found, "V2G_Message"))
            slim(message, random, keep_signature=mode == "full" and leaf["name"] in SIGNED)
            if len(message[1]) == 0:
                grower.node(message[1], {"place": body, "occurs": [1, 1]}, 2)
            out.append(row(f"iso2-{leaf['name']}-{at}", "iso2", "document", message, message=leaf["name"]))
    return out


def slim(message: ET.Element, random: Random, *, keep_signature: bool) -> None:
    """A random signature dwarfs its message: few keep it."""
    header = message[0]
    for signature in header.findall(f"{{{PREFIXES['ds']}}}Signature"):
        if not keep_signature and random.random() < 0.9:
            header.remove(signature)


def fragments(found: dict[str, Any]) -> list[Row]:
    types = {entry["name"]: entry for entry in found["types"]}
    out = []
    for name, of_type in SIGNED.items():
        for at, mode in enumerate(MODES):
            grower = Grower(found, Random(f"fragment {name} {at}"), mode)
            leaf = {
                "name": name,
                "uri": PREFIXES["t" if name == "SalesTariff" else "b"],
                "holds": {"complex": of_type},
            }
            element = grower.element(leaf)
            element.set(f"{{{types[of_type]['attributes'][0]['uri']}}}Id", "id1")
            out.append(row(f"iso2-fragment-{name}-{at}", "iso2", "fragment", element))
    return out


def signatures(found: dict[str, Any]) -> list[Row]:
    out = []
    for leaf in found["globals"]:
        if leaf["name"].startswith("SignatureProp"):
            continue  # needs an element of another vocabulary
        for kind in ("fragment", "document"):
            for at, mode in enumerate(MODES if leaf["name"] == "SignedInfo" else MODES[1:4:2]):
                grower = Grower(found, Random(f"xmldsig {leaf['name']} {kind} {at}"), mode)
                element = grower.element(leaf)
                out.append(row(f"xmldsig-{kind}-{leaf['name']}-{at}", "xmldsig", kind, element))
    return out


def repeating(iso2: dict[str, Any], xmldsig: dict[str, Any]) -> list[Row]:
    """Messages in which texts occur again: under one name, and under another."""
    out = []
    bodies = ("ServiceDiscoveryRes", "ServiceDetailRes", "CertificateInstallationReq", "ChargingStatusRes")
    for name in (*bodies, "PaymentDetailsReq", "ChargeParameterDiscoveryRes"):
        for at in range(2):
            grower = Grower(iso2, Random(f"repeat {name} {at}"), "full")
            grower.preferred, grower.used = {name}, []
            message = grower.element(leaf_of(iso2, "V2G_Message"))
            out.append(row(f"referred-{name}-{at}", "iso2", "document", message, message=name))
    for at in range(4):
        grower = Grower(xmldsig, Random(f"repeat SignedInfo {at}"), "full")
        grower.used = []
        out.append(
            row(
                f"referred-SignedInfo-{at}",
                "xmldsig",
                "fragment",
                grower.element(leaf_of(xmldsig, "SignedInfo")),
            )
        )
    return out


def with_bytes(rows: list[Row], capacity: int) -> list[Row]:
    environment = ROOT / ".interop" / "josev"
    found = sorted(environment.glob(JAR))
    if not found:
        raise SystemExit("EXIficient is missing: run tests/interop/josev/setup first")
    lines = [
        f"{one['set']} {one['kind']} {capacity} {base64.b64encode(one['xml'].encode()).decode()}"
        for one in rows
    ]
    command = ["java", "-cp", str(found[0]), str(Path(__file__).with_name("Encode.java"))]
    done = subprocess.run(command, input="\n".join(lines), check=True, capture_output=True, text=True)
    out = []
    for one, answer in zip(rows, done.stdout.splitlines(), strict=True):
        if answer.startswith("!"):
            raise SystemExit(f"{one['id']}: {answer}\n{one['xml']}")
        out.append({**one, "hex": answer})
    return out


def write(name: str, rows: list[Row]) -> None:
    path = CORPUS / f"{name}.jsonl"
    lines = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{path.name}: {len(rows)} rows, {path.stat().st_size} octets")


def main() -> None:
    for prefix, uri in PREFIXES.items():
        ET.register_namespace(prefix, uri)
    CORPUS.mkdir(exist_ok=True)
    iso2 = dump("iso2")
    parts = {
        "handshakes": handshakes(dump("sap")),
        "messages": messages(iso2),
        "fragments": fragments(iso2),
        "signatures": signatures(dump("xmldsig")),
    }
    for name, rows in parts.items():
        write(name, with_bytes(rows, 0))
    rows = repeating(iso2, dump("xmldsig"))
    plain = {one["id"]: one["hex"] for one in with_bytes(rows, 0)}
    write("string_table", [one for one in with_bytes(rows, -1) if one["hex"] != plain[one["id"]]])


if __name__ == "__main__":
    main()
