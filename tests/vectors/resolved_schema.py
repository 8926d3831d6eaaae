"""Resolves declarations in the shape that ``plugcharge-codegen dump`` prints: a second, independent
resolver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.vectors.xsd_reader import Declarations

__all__ = ["flatten", "resolve"]

_NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "byte": (-(2**7), 2**7 - 1),
    "short": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
    "unsignedByte": (0, 2**8 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "integer": (None, None),
}


def _split(name: str) -> tuple[str, str]:
    uri, _, local = name.rpartition("}")
    return local, uri.removeprefix("{")


def flatten(nodes: list[dict[str, Any]], *, in_choice: bool = False) -> list[dict[str, Any]]:
    """Unfold sequences that occur once: they say nothing, except inside a choice."""
    out: list[dict[str, Any]] = []
    for node in nodes:
        if "nodes" not in node:
            out.append(node)
            continue
        kind = node.get("kind", node.get("group"))
        inner = flatten(node["nodes"], in_choice=kind == "choice")
        if kind == "sequence" and node["occurs"] == [1, 1] and not in_choice:
            out.extend(inner)
        else:
            out.append({**node, "nodes": inner})
    return out


class _Resolver:
    def __init__(self, declarations: Declarations) -> None:
        self.all = declarations

    def limited(self, declared: dict[str, Any]) -> dict[str, Any]:
        value = dict(self.value(declared["base"]))
        for ends in (declared["length"], declared["range"]):
            value |= {key: end for key, end in zip(("min", "max"), ends, strict=True) if end is not None}
        return value

    def value(self, name: str) -> dict[str, Any]:
        if name in self.all["enums"]:
            return {"kind": "enumeration", "name": _split(name)[0]}
        if name in self.all["simple"]:
            return self.limited(self.all["simple"][name])
        match name.removeprefix("xs:"):
            case "boolean":
                return {"kind": "boolean"}
            case "string" | "anyURI" | "ID" | "IDREF":
                return {"kind": "text", "min": 0, "max": None}
            case "hexBinary" | "base64Binary" as coding:
                return {"kind": "octets", "hex": coding == "hexBinary", "min": 0, "max": None}
            case number if number in _NUMBERS:
                least, most = _NUMBERS[number]
                return {"kind": "number", "min": least, "max": most}
        raise ValueError(f"unknown type {name}")

    def holds(self, name: str | dict[str, Any]) -> object:
        if isinstance(name, dict):
            return self.limited(name)
        declared = self.all["complex"].get(name)
        if declared is None:
            return self.value(name)
        return "abstract" if declared["abstract"] else {"complex": _split(name)[0]}

    def leaf(self, name: str) -> dict[str, Any]:
        declared = self.all["elements"][name]
        local, uri = _split(name)
        holds = "abstract" if declared["abstract"] else self.holds(declared["type"])
        return {"name": local, "uri": uri, "holds": holds}

    def substitutes(self, name: str) -> list[dict[str, Any]]:
        out = [self.leaf(name)]
        for member, declared in self.all["elements"].items():
            if declared["head"] == name:
                out += self.substitutes(member)
        return sorted(out, key=lambda leaf: (leaf["name"], leaf["uri"]))

    def node(self, node: dict[str, Any]) -> dict[str, Any]:
        match node["kind"]:
            case "element":
                local, uri = _split(node["name"])
                place = [{"name": local, "uri": uri, "holds": self.holds(node["type"])}]
            case "reference":
                place = self.substitutes(node["name"])
            case "any":
                place = [{"name": "*", "uri": "", "holds": "wildcard"}]
            case group:
                nodes = [self.node(inner) for inner in node["nodes"]]
                return {"group": group, "nodes": nodes, "occurs": node["occurs"]}
        return {"place": place, "occurs": node["occurs"]}

    def unfold(self, declared: dict[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        attributes: list[dict[str, Any]] = []
        content: list[dict[str, Any]] = []
        if declared["base"] is not None:
            attributes, content = self.unfold(self.all["complex"][declared["base"]])
        for attribute in declared["attributes"]:
            local, uri = _split(attribute["name"])
            value = self.value(attribute["type"])
            attributes.append({"name": local, "uri": uri, "value": value, "required": attribute["required"]})
        return attributes, content + [self.node(node) for node in declared["content"]]

    def complex(self, declared: dict[str, Any]) -> dict[str, Any]:
        attributes, content = self.unfold(declared)
        return {
            "abstract": declared["abstract"],
            "mixed": declared["mixed"],
            "attributes": sorted(attributes, key=lambda one: (one["name"], one["uri"])),
            "text": self.value(declared["text"]) if declared["text"] else None,
            "content": flatten(content),
        }


def resolve(declarations: Declarations) -> dict[str, Any]:
    """Give types, enumerations and global elements by qualified name, with everything resolved."""
    resolver = _Resolver(declarations)
    return {
        "types": {name: resolver.complex(declared) for name, declared in declarations["complex"].items()},
        "enumerations": {name: declared["values"] for name, declared in declarations["enums"].items()},
        "globals": {name: resolver.leaf(name)["holds"] for name in declarations["elements"]},
    }
