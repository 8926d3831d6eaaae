"""Random schema-valid XML over our own schema description; the same seed gives the same text."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from random import Random

__all__ = ["Grower"]

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*-_.:/ "
_BEYOND = "äßΩж中€😀"
_LONGEST = 40


class Grower:
    """Grows elements of one schema set.

    ``mode`` is ``minimal`` (optional parts left out), ``full`` (all optional parts, short lists), ``random``.
    """

    def __init__(self, dump: dict[str, Any], random: Random, mode: str) -> None:
        self.types = {entry["name"]: entry for entry in dump["types"]}
        self.enumerations = {entry["name"]: entry["values"] for entry in dump["enumerations"]}
        self.random = random
        self.mode = mode
        # Elements that stand wherever one of several may stand and they are among them.
        self.preferred: set[str] = set()
        self.ids = 0
        # Texts that were used, where they are to occur again (for references into EXI's string table).
        self.used: list[str] | None = None

    def element(self, leaf: dict[str, Any], depth: int = 0) -> ET.Element:
        """Grow the element of a leaf of the dump."""
        out = ET.Element(_tag(leaf))
        holds = leaf["holds"]
        if "complex" not in holds:
            out.text = self.value(holds)
            return out
        declared = self.types[holds["complex"]]
        for attribute in declared["attributes"]:
            if attribute["required"] or self.wanted(depth):
                out.set(_tag(attribute), self.identifier(attribute))
        if declared["text"] is not None:
            out.text = self.value(declared["text"])
        for node in declared["content"]:
            self.node(out, node, depth + 1)
        return out

    def wanted(self, depth: int) -> bool:
        if self.mode == "random":
            return self.random.random() < max(0.15, 0.7 - depth / 12)
        return self.mode == "full"

    def count(self, occurs: list[int | None], depth: int) -> int:
        least, most = occurs[0] or 0, occurs[1]
        if most is not None and least == most:
            return least
        if most == 1:
            return int(self.wanted(depth))
        top = min(most if most is not None else 4, least + 3)
        if self.mode == "random":
            return self.random.randint(least, top)
        return min(least + 1, top) if self.mode == "full" else least

    def node(self, parent: ET.Element, node: dict[str, Any], depth: int) -> None:
        for _ in range(self.count(node["occurs"], depth)):
            if node.get("group") == "choice":
                self.node(parent, self.random.choice(self.open(node["nodes"])), depth)
            elif "group" in node:
                for inner in node["nodes"]:
                    self.node(parent, inner, depth)
            else:
                leaves = [one for one in node["place"] if one["holds"] not in ("abstract", "wildcard")]
                preferred = [one for one in leaves if one["name"] in self.preferred]
                if leaves:
                    parent.append(self.element((preferred or [self.random.choice(leaves)])[0], depth))

    @staticmethod
    def open(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The alternatives that are no wildcard."""
        return [node for node in nodes if "group" in node or node["place"][0]["holds"] != "wildcard"]

    def identifier(self, attribute: dict[str, Any]) -> str:
        if attribute["name"] != "Id":
            return self.value(attribute["value"])
        self.ids += 1
        return f"id{self.ids}"

    def value(self, value: dict[str, Any]) -> str:
        match value["kind"]:
            case "boolean":
                return self.random.choice(["true", "false"])
            case "enumeration":
                return str(self.random.choice(self.enumerations[value["name"]]))
            case "number":
                return str(self.number(value))
            case "text":
                return self.text(value)
            case _:
                octets = self.random.randbytes(self.length(value))
                return octets.hex().upper() if value["hex"] else base64.b64encode(octets).decode()

    def number(self, value: dict[str, Any]) -> int:
        low, high = value["min"], value["max"]
        if low is None:
            bits = self.random.choice([7, 31, 63, 64, 65, 120, 160])
            return self.random.getrandbits(bits) * self.random.choice([1, 1, -1])
        small = self.random.randint(max(low, min(high, -300)), min(high, max(low, 300)))
        return int(self.random.choice([low, high, small, self.random.randint(low, high)]))

    def length(self, value: dict[str, Any]) -> int:
        """Never none: EXIficient and we code empty values in different ways."""
        least, most = max(1, value["min"]), value["max"]
        if most is not None and (self.random.random() < 0.1 or least == most) and most <= 128:
            return int(most)
        top: int = max(least, min(_LONGEST, most if most is not None else _LONGEST))
        return self.random.randint(least, top)

    def text(self, value: dict[str, Any]) -> str:
        alphabet = _PLAIN + _BEYOND if self.mode == "random" and self.random.random() < 0.1 else _PLAIN
        # Space at either end would survive EXI, but nobody sends it.
        text = "".join(self.random.choices(alphabet, k=self.length(value)))
        text = text if text == text.strip() else text.replace(" ", "_")
        if self.used is not None:
            fits = [one for one in self.used if value["min"] <= len(one) <= (value["max"] or len(one))]
            if fits and self.random.random() < 0.8:
                return self.random.choice(fits)
            self.used.append(text)
        return text


def _tag(named: dict[str, Any]) -> str:
    return f"{{{named['uri']}}}{named['name']}" if named["uri"] else str(named["name"])
