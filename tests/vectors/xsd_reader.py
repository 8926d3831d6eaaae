"""Reads XML schemas into plain declarations, with the standard library only and without resolving anything.

It knows the part of XSD that the charging standards use, and refuses the rest by name, so that nothing is
passed over. Names are written ``{namespace}local``; names of XSD itself ``xs:local``. An anonymous type
gets the name of its element followed by ``Type``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Declarations", "read_schemas"]

_XS = "{http://www.w3.org/2001/XMLSchema}"
_IGNORED = {_XS + "annotation", _XS + "import", _XS + "include"}

Declarations = dict[str, dict[str, Any]]
"""``elements``, ``complex``, ``simple`` and ``enums``, each by qualified name."""


def read_schemas(paths: Iterable[Path]) -> Declarations:
    """Give every global declaration of some schema files."""
    out: Declarations = {"elements": {}, "complex": {}, "simple": {}, "enums": {}}
    for path in paths:
        _File(path, out).read()
    return out


def _local(node: ET.Element) -> str:
    return node.tag.removeprefix(_XS)


def _children(node: ET.Element) -> Iterator[ET.Element]:
    return (child for child in node if child.tag not in _IGNORED)


def _only(node: ET.Element, *allowed: str) -> None:
    strange = set(node.attrib) - set(allowed)
    if strange:
        raise ValueError(
            f"{_local(node)} {node.get('name')}: attributes {sorted(strange)} are not understood"
        )


def _occurs(node: ET.Element) -> list[int | None]:
    most = node.get("maxOccurs", "1")
    return [int(node.get("minOccurs", "1")), None if most == "unbounded" else int(most)]


class _File:
    def __init__(self, path: Path, out: Declarations) -> None:
        self.out = out
        self.prefixes: dict[str, str] = {}
        # Expat loads no external entity, so a document type that names one is harmless.
        for _, (prefix, uri) in ET.iterparse(path, events=["start-ns"]):
            if self.prefixes.setdefault(prefix, uri) != uri:
                raise ValueError(f"{path}: the prefix {prefix!r} changes its meaning")
        self.root = ET.parse(path).getroot()
        self.uri = self.root.get("targetNamespace", "")
        self.elements_qualified = self.root.get("elementFormDefault") == "qualified"
        self.attributes_qualified = self.root.get("attributeFormDefault") == "qualified"

    def read(self) -> None:
        for node in _children(self.root):
            name = f"{{{self.uri}}}{node.get('name')}"
            match _local(node):
                case "element":
                    self.element(name, node)
                case "complexType":
                    self.out["complex"][name] = self.complex(node)
                case "simpleType":
                    self.simple(name, node)
                case other:
                    raise ValueError(f"global {other} is not understood")

    def name(self, text: str) -> str:
        prefix, _, local = text.rpartition(":")
        uri = self.prefixes.get(prefix, "")
        return f"xs:{local}" if f"{{{uri}}}" == _XS else f"{{{uri}}}{local}"

    def element(self, name: str, node: ET.Element) -> None:
        _only(node, "name", "type", "substitutionGroup", "abstract")
        head = node.get("substitutionGroup")
        given = node.get("type")
        if given is None:
            [inner] = _children(node)
            self.out["complex"][f"{name}Type"] = self.complex(inner)
        self.out["elements"][name] = {
            "type": f"{name}Type" if given is None else self.name(given),
            "head": self.name(head) if head else None,
            "abstract": node.get("abstract") == "true",
        }

    def complex(self, node: ET.Element) -> dict[str, Any]:
        _only(node, "name", "abstract", "mixed")
        out: dict[str, Any] = {
            "base": None,
            "text": None,
            "abstract": node.get("abstract") == "true",
            "mixed": node.get("mixed") == "true",
            "attributes": [],
            "content": [],
        }
        self.members(node, out)
        return out

    def members(self, node: ET.Element, out: dict[str, Any]) -> None:
        for child in _children(node):
            match _local(child):
                case "complexContent" | "simpleContent" as kind:
                    [extension] = _children(child)
                    if _local(extension) != "extension":
                        raise ValueError(f"{kind} by {_local(extension)} is not understood")
                    _only(extension, "base")
                    out["base" if kind == "complexContent" else "text"] = self.name(extension.attrib["base"])
                    self.members(extension, out)
                case "attribute":
                    out["attributes"].append(self.attribute(child))
                case "sequence" | "choice":
                    out["content"].append(self.particle(child))
                case other:
                    raise ValueError(f"{other} in a type is not understood")

    def attribute(self, node: ET.Element) -> dict[str, Any]:
        _only(node, "name", "type", "use", "form")
        form = node.get("form", "qualified" if self.attributes_qualified else "unqualified")
        return {
            "name": f"{{{self.uri if form == 'qualified' else ''}}}{node.get('name')}",
            "type": self.name(node.attrib["type"]),
            "required": node.get("use", "optional") == "required",
        }

    def particle(self, node: ET.Element) -> dict[str, Any]:
        kind = _local(node)
        if kind in {"sequence", "choice"}:
            _only(node, "minOccurs", "maxOccurs")
            nodes = [self.particle(child) for child in _children(node)]
            return {"kind": kind, "nodes": nodes, "occurs": _occurs(node)}
        if kind == "any":
            _only(node, "namespace", "processContents", "minOccurs", "maxOccurs")
            namespace = node.get("namespace", "##any").removeprefix("##")
            return {"kind": "any", "namespace": namespace, "occurs": _occurs(node)}
        if kind != "element":
            raise ValueError(f"{kind} in a content model is not understood")
        _only(node, "name", "type", "ref", "minOccurs", "maxOccurs")
        if "ref" in node.attrib:
            return {"kind": "reference", "name": self.name(node.attrib["ref"]), "occurs": _occurs(node)}
        uri = self.uri if self.elements_qualified else ""
        name, given = f"{{{uri}}}{node.get('name')}", node.get("type")
        of_type: object
        if given is None:
            [simple_type] = _children(node)
            of_type = self.restriction(name, simple_type)
        else:
            of_type = self.name(given)
        return {"kind": "element", "name": name, "type": of_type, "occurs": _occurs(node)}

    def simple(self, name: str, node: ET.Element) -> None:
        [restriction] = _children(node)
        facets = [(_local(facet), facet.attrib["value"]) for facet in _children(restriction)]
        base = self.name(restriction.attrib["base"])
        values = [value for facet, value in facets if facet == "enumeration"]
        if values:
            if len(values) != len(facets) or base != "xs:string":
                raise ValueError(
                    f"{name}: an enumeration with other facets or another base is not understood"
                )
            self.out["enums"][name] = {"values": values}
        else:
            self.out["simple"][name] = self.restriction(name, node)

    def restriction(self, name: str, node: ET.Element) -> dict[str, Any]:
        if _local(node) != "simpleType":
            raise ValueError(f"{name}: an anonymous {_local(node)} is not understood")
        _only(node, "name")
        [restriction] = _children(node)
        length: list[int | None] = [None, None]
        span: list[int | None] = [None, None]
        for facet in _children(restriction):
            value = facet.attrib["value"]
            match _local(facet):
                case "length":
                    length = [int(value), int(value)]
                case "minLength":
                    length[0] = int(value)
                case "maxLength":
                    length[1] = int(value)
                case "minInclusive":
                    span[0] = int(value)
                case "maxInclusive":
                    span[1] = int(value)
                case other:
                    raise ValueError(f"{name}: the facet {other} is not understood")
        return {"base": self.name(restriction.attrib["base"]), "length": length, "range": span}
