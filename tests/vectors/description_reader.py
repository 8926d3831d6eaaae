"""Reads our schema descriptions (``rust/codegen/schemas/*.v2g``) into the declarations that the XSD reader
gives.

A second reader of the language beside the generator's: what the generator resolves away (the base of a
type, who substitutes whom, simple types that nothing uses) is compared through this one.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.vectors.xsd_reader import Declarations

__all__ = ["Description", "read_description"]

_OCCURS: dict[str, list[int | None]] = {"?": [0, 1], "*": [0, None], "+": [1, None]}
_SIMPLE = re.compile(r"(?P<base>[^\[(]+)(\[(?P<length>[^\]]*)\])?(\((?P<range>[^)]*)\))?")


class Description:
    """The declarations of one or more description files, and their namespaces by prefix."""

    def __init__(self) -> None:
        self.declarations: Declarations = {"elements": {}, "complex": {}, "simple": {}, "enums": {}}
        self.uris: dict[str, str] = {}
        self.uses: list[str] = []
        self._flags: dict[str, set[str]] = {}
        self._known: set[str] = set()

    def read(self, text: str) -> None:
        """Add a file; the files it uses have to come first."""
        lines = [line.split(" -- ")[0].rstrip() for line in text.splitlines()]
        lines = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "-- "))]
        self._known |= _names(lines, self._prefixes(lines))
        prefix, at = "", 0
        while at < len(lines):
            words = lines[at].split()
            end = next((n for n in range(at + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
            if lines[at].startswith("["):
                prefix = lines[at].strip("[]")
            elif words[0] not in {"set", "namespace"}:
                self._declare(prefix, words, lines[at + 1 : end])
            at = end

    def _prefixes(self, lines: list[str]) -> dict[str, str]:
        for line in lines:
            match line.split():
                case ["set", _, *others]:
                    self.uses = [word for word in others if word not in {"uses", "includes"}]
                case ["namespace", prefix, uri, *flags]:
                    self.uris[prefix], self._flags[prefix] = uri, set(flags)
        return self.uris

    def _name(self, text: str, prefix: str) -> str:
        if ":" in text:
            prefix, _, text = text.partition(":")
            return f"{{{self.uris[prefix]}}}{text}"
        name = f"{{{self.uris[prefix]}}}{text}"
        return name if name in self._known else f"xs:{text}"

    def _declare(self, prefix: str, words: list[str], body: list[str]) -> None:
        keyword, local, *rest = words
        name = f"{{{self.uris[prefix]}}}{local}"
        match keyword:
            case "element":
                head = rest[rest.index("for") + 1] if "for" in rest else None
                self.declarations["elements"][name] = {
                    "type": self._name(rest[0], prefix),
                    "head": self._name(head, prefix) if head else None,
                    "abstract": "abstract" in rest,
                }
            case "simple":
                self.declarations["simple"][name] = self._simple(rest[0], prefix)
            case "enum":
                self.declarations["enums"][name] = {"values": [line.strip() for line in body]}
            case "type":
                self.declarations["complex"][name] = self._complex(prefix, rest, body)
            case _:
                raise ValueError(f"unknown declaration: {' '.join(words)}")

    def _complex(self, prefix: str, words: list[str], body: list[str]) -> dict[str, Any]:
        after = dict(itertools.pairwise(words))
        qualified = "attributes=qualified" in self._flags[prefix]
        attributes = [line.strip()[1:].split() for line in body if line.strip().startswith(".")]
        members = [line for line in body if not line.strip().startswith(".")]
        return {
            "base": self._name(after["extends"], prefix) if "extends" in words else None,
            "text": self._name(after["text"], prefix) if "text" in words else None,
            "abstract": "abstract" in words,
            "mixed": "mixed" in words,
            "attributes": [
                {
                    "name": f"{{{self.uris[prefix] if qualified else ''}}}{name.rstrip('?')}",
                    "type": self._name(of_type, prefix),
                    "required": not name.endswith("?"),
                }
                for name, of_type in attributes
            ],
            "content": self._items(prefix, members),
        }

    def _items(self, prefix: str, lines: list[str]) -> list[dict[str, Any]]:
        if not lines:
            return []
        out, depth = [], len(lines[0]) - len(lines[0].lstrip())
        starts = [n for n, line in enumerate(lines) if len(line) - len(line.lstrip()) == depth]
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
            out.append(self._item(prefix, lines[start].split(" as ")[0].split(), lines[start + 1 : end]))
        return out

    def _item(self, prefix: str, words: list[str], inner: list[str]) -> dict[str, Any]:
        found = re.fullmatch(r"(@?[\w:]+)([?*+]|\{(\d+)\.\.(\d*)\})?", words[0])
        if found is None:
            raise ValueError(f"cannot read {words}")
        name, mark, least, most = found.groups()
        occurs = [1, 1] if mark is None else _OCCURS.get(mark) or [int(least), int(most) if most else None]
        if name.startswith("@"):
            return {"kind": "reference", "name": self._name(name[1:], prefix), "occurs": occurs}
        if name in {"choice", "sequence"}:
            return {"kind": name, "nodes": self._items(prefix, inner), "occurs": occurs}
        if name == "any":
            return {"kind": "any", "namespace": words[1], "occurs": occurs}
        uri = "" if "elements=local" in self._flags[prefix] else self.uris[prefix]
        limited = "[" in words[1] or "(" in words[1]
        of_type = self._simple(words[1], prefix) if limited else self._name(words[1], prefix)
        return {"kind": "element", "name": f"{{{uri}}}{name}", "type": of_type, "occurs": occurs}

    def _simple(self, text: str, prefix: str) -> dict[str, Any]:
        found = _SIMPLE.fullmatch(text)
        if found is None:
            raise ValueError(f"cannot read {text}")
        base, length, span = self._name(found["base"], prefix), found["length"], found["range"]
        return {"base": base, "length": _bounds(length), "range": _bounds(span)}


def _bounds(text: str | None) -> list[int | None]:
    if text is None:
        return [None, None]
    low, dots, high = text.partition("..")
    if not dots:
        high = low
    return [int(low) if low else None, int(high) if high else None]


def _names(lines: list[str], uris: dict[str, str]) -> set[str]:
    names, prefix = set(), ""
    for line in lines:
        if line.startswith("["):
            prefix = line.strip("[]")
        elif not line.startswith((" ", "set", "namespace")):
            names.add(f"{{{uris[prefix]}}}{line.split()[1]}")
    return names


def read_description(folder: Path, schema_set: str) -> Description:
    """Read a set and the sets it uses."""
    out = Description()

    def add(names: Iterable[str]) -> None:
        for name in names:
            text = (folder / f"{name}.v2g").read_text("utf-8")
            [line] = re.findall(r"^set \S+([^-\n]*)", text, re.MULTILINE)
            add(word for word in line.split() if word not in {"uses", "includes"})
            out.read(text)

    add([schema_set])
    return out
