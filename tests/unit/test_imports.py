"""How the package is put together: imports point one way, modules say what is public, and protocol code is
pure.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).resolve().parents[2] / "python" / "plugcharge"

# From the ground up: a part may import itself and those named beside it, all of which stand above it.
ALLOWED: dict[str, set[str]] = {
    "_core": set(),
    "errors": set(),
    "identifiers": {"errors"},
    "messages": {"_core"},
    "exi": {"_core", "messages"},
    "compat": {"_core", "messages"},
    "pki": {"_core", "messages"},
    "sign": {"_core", "messages", "exi", "pki"},
    "wire": {"_core", "messages", "exi"},
    "session": {"messages", "exi", "pki", "sign", "wire", "_core"},
    "simulation": {"session", "wire", "messages", "exi"},
    "transport": {"session", "wire", "pki", "messages", "exi", "sign", "simulation"},
    "backend": {"session", "wire", "pki", "messages", "exi", "sign"},
    "station": {"backend", "transport", "simulation", "session", "wire", "pki", "messages", "exi", "sign"},
    "cli": {
        "station",
        "backend",
        "transport",
        "simulation",
        "session",
        "wire",
        "pki",
        "messages",
        "exi",
        "sign",
    },
}
BY_ALL = {"errors", "identifiers"}
PURE = ("wire", "session")
IMPURE = {
    "asyncio",
    "datetime.now",
    "os",
    "random",
    "secrets",
    "select",
    "selectors",
    "socket",
    "ssl",
    "threading",
    "time",
    "uuid",
}
LATE = ("cryptography", "OpenSSL", "sqlalchemy", "click", "rich")


class Arrow(NamedTuple):
    """One import: from which file and line, which module."""

    path: Path
    line: int
    target: str


def files() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = ("plugcharge", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def arrows(path: Path, *, with_types: bool = True) -> Iterator[Arrow]:
    """Every import of a file; ``from a import b`` counts as ``a.b`` where that could be a module."""

    def walk(node: ast.AST) -> Iterator[Arrow]:
        for child in ast.iter_child_nodes(node):
            if is_type_checking(child) and not with_types:
                continue
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Arrow(path, child.lineno, alias.name)
            elif isinstance(child, ast.ImportFrom):
                base = resolved(path, child)
                for alias in child.names:
                    yield Arrow(path, child.lineno, f"{base}.{alias.name}")
            else:
                yield from walk(child)

    return walk(tree_of(path))


def resolved(path: Path, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    base = name_of(path).split(".")
    up = node.level - (path.name == "__init__.py")
    return ".".join([*base[: len(base) - up], *([node.module] if node.module else [])])


def allowed(source: str, target: str) -> bool:
    """Whether a part may lean on another one."""
    return target == source or target in BY_ALL or target in ALLOWED[source]


def wrong_arrows(path: Path) -> list[str]:
    source = part_of(name_of(path))
    out = []
    for arrow in arrows(path):
        target = part_of(arrow.target) if arrow.target.split(".")[0] == "plugcharge" else source
        if source and not (target and allowed(source, target)):
            out.append(f"{path.relative_to(PACKAGE)}:{arrow.line}: {source} imports {arrow.target}")
    return out


def test_every_part_has_its_place() -> None:
    assert {part_of(name_of(path)) for path in files()} - {""} == ALLOWED.keys() - {"_core"}


def test_the_places_are_in_order() -> None:
    """The table itself has no arrow the other way."""
    seen: set[str] = set()
    for part, targets in ALLOWED.items():
        assert targets <= seen, part
        seen.add(part)


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    assert wrong_arrows(path) == []


def test_a_wrong_arrow_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path)
    for folder in ("wire", "messages", "session"):
        (tmp_path / folder).mkdir()
    for source, text, count in [
        ("wire/one.py", "from plugcharge import session", 1),
        ("wire/two.py", "def f():\n    import plugcharge.backend.store", 1),
        (
            "wire/three.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from plugcharge import pki",
            1,
        ),
        ("wire/four.py", "from ..transport import tls", 1),
        ("wire/five.py", "from plugcharge import Evcc", 1),
        (
            "wire/six.py",
            "from plugcharge import errors, exi\nfrom plugcharge.messages import sap\nfrom . import one",
            0,
        ),
        ("messages/seven.py", "from plugcharge import exi, pki", 2),
        ("session/eight.py", "from plugcharge.wire.sdp import x\nimport json", 0),
    ]:
        path = tmp_path / source
        path.write_text(text, encoding="utf-8")
        assert len(wrong_arrows(path)) == count, source


@pytest.mark.parametrize(
    "path",
    [path for path in files() if part_of(name_of(path)) in PURE],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_protocol_code_has_no_clock_no_chance_and_no_socket(path: Path) -> None:
    found = {arrow.target for arrow in arrows(path, with_types=False)}
    tops = {target.split(".")[0] for target in found}
    assert not tops & IMPURE
    for node in ast.walk(tree_of(path)):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await), f"{path}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"now", "utcnow", "today", "monotonic", "urandom"} or not is_clock(
                node
            ), f"{path}:{node.lineno}"


def is_clock(node: ast.Attribute) -> bool:
    return ast.unparse(node.value) in {"datetime", "datetime.datetime", "date", "time", "os"}


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_say_what_is_public(path: Path) -> None:
    """Each has ``__all__``: a plain list of names that exist, in order, and a docstring."""
    tree = tree_of(path)
    assert ast.get_docstring(tree)
    found = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value and assigned(node) == "__all__"
    ]
    if path.name.startswith("_") and path.name != "__init__.py":
        return
    assert len(found) == 1
    names = ast.literal_eval(found[0])
    assert len(set(names)) == len(names)
    bound = set(bound_names(tree))
    if "__getattr__" not in bound:
        assert set(names) <= bound


def assigned(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])


def bound_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                yield from ((alias.asname or alias.name).split(".")[0] for alias in aliases)
            case ast.Name(id=name, ctx=ast.Store()):
                yield name


IMPORT_EACH = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [one for one in sys.modules if one.startswith("plugcharge") and one != "plugcharge._core"]:
        del sys.modules[loaded]
    module = importlib.import_module(name)
    for public in module.__all__ if hasattr(module, "__all__") else ():
        getattr(module, public)
"""


def run(code: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports_by_itself() -> None:
    """Whichever is imported first; so no import leans on another one having been there before."""
    run(IMPORT_EACH, *(name_of(path) for path in files()))


@pytest.mark.parametrize("part", sorted(ALLOWED.keys() - {"cli"}))
def test_every_part_imports_in_a_fresh_interpreter(part: str) -> None:
    run(f"import plugcharge.{part}")


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, plugcharge; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    assert not set(LATE) & set(run(code).split())


def test_the_codec_and_the_chains_load_no_third_party_cryptography() -> None:
    code = "import sys; from plugcharge import exi, messages, pki, sign; messages.iso2; print(*sys.modules)"
    assert not {name.split(".")[0] for name in run(code).split()} & set(LATE)
