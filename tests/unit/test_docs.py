"""The pages in docs say what the code does, and what they name exists."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import plugcharge.session
from plugcharge import exi
from plugcharge.messages import iso2, sap
from plugcharge.session import Event, Question

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
GENERATED = ("states.md", "timers.md", "certificate-rules.md")
BLOCKS = [
    pytest.param(page.name, block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL))
]


SHOWN = [
    pytest.param(command, output, id=command)
    for page in PAGES
    for command, output in re.findall(
        r"```text\n\$ plugcharge ([^\n]*)\n(.*?)```", page.read_text("utf-8"), re.DOTALL
    )
]


def make_pages(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DOCS / "make_pages.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_generated_pages_are_up_to_date() -> None:
    checked = make_pages("--check")
    assert checked.returncode == 0, checked.stderr


def test_a_page_that_differs_is_noticed(tmp_path: Path) -> None:
    assert make_pages("--folder", str(tmp_path)).returncode == 0
    assert make_pages("--folder", str(tmp_path), "--check").returncode == 0
    page = tmp_path / "timers.md"
    page.write_text(page.read_text("utf-8").replace("60 s", "61 s", 1), "utf-8")
    (tmp_path / "states.md").unlink()
    checked = make_pages("--folder", str(tmp_path), "--check")
    assert checked.returncode == 1
    assert "timers.md" in checked.stderr
    assert "states.md" in checked.stderr
    assert "certificate-rules.md" not in checked.stderr


@functools.cache
def functions_in(path: str) -> frozenset[str]:
    """Names of the test functions of a file, whatever they are parametrised with."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


TEST_ID = re.compile(r"tests/[\w/]+\.py::\w+")


def test_every_test_that_is_named_exists() -> None:
    named = {test for page in PAGES for test in TEST_ID.findall(page.read_text("utf-8"))}
    assert len(named) > 100
    for test in sorted(named):
        path, _, name = test.partition("::")
        assert (ROOT / path).exists(), test
        assert name.startswith("test_"), test
        assert name in functions_in(path), test


CODE = re.compile(r"\b(?:OK|FAILED|Failed)_\w+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_response_code_that_is_named_exists(page: Path) -> None:
    known = {code.value for code in iso2.ResponseCode} | {code.value for code in sap.ResponseCode}
    assert set(CODE.findall(page.read_text("utf-8"))) <= known


def refusal_rows() -> dict[str, list[str]]:
    rows = re.findall(r"^\| ([A-Z]\d+) +\|(.*)\|$", (DOCS / "refusals.md").read_text("utf-8"), re.MULTILINE)
    assert len({number for number, _ in rows}) == len(rows), "a number is there twice"
    return {number: [cell.strip() for cell in cells.split("|")] for number, cells in rows}


def test_every_refusal_has_advice_and_proof() -> None:
    text = (DOCS / "refusals.md").read_text("utf-8")
    entries = dict(
        re.findall(r"^- \*\*([A-Z]\d+)\*\* (.*?)(?=^- \*\*|^## |\Z)", text, re.MULTILINE | re.DOTALL)
    )
    rows = refusal_rows()
    assert len(rows) > 80
    assert entries.keys() == rows.keys()
    for number, entry in entries.items():
        advice, _, proof = entry.partition("\n  - ")
        assert len(advice) > 5, number
        assert TEST_ID.search(proof), number


def test_every_end_of_a_refusal_is_explained() -> None:
    text = (DOCS / "refusals.md").read_text("utf-8")
    words = set(re.findall(r"^\| ([a-z ]+?) +\| .* \|$", text, re.MULTILINE)) - {"word"}
    words |= {"stopped", "terminated", "no answer"}
    for number, cells in refusal_rows().items():
        assert set(cells[3].split(", ")) <= words, number


def test_every_code_that_a_station_refuses_with_is_explained() -> None:
    """Response codes stand in the sources of the station and in the rules of chains as plain text."""
    sources = [*(ROOT / "python/plugcharge/session").glob("secc*.py"), DOCS / "certificate-rules.md"]
    used = {code for source in sources for code in CODE.findall(source.read_text("utf-8"))}
    answered = " ".join(cells[2] for cells in refusal_rows().values())
    assert used <= set(CODE.findall(answered))


def test_the_example_is_in_its_page_word_for_word() -> None:
    code = (ROOT / "examples" / "own_stack.py").read_text("utf-8")
    assert f"```python\n{code}```\n" in (DOCS / "use-the-core.md").read_text("utf-8")


def test_the_example_ends_well() -> None:
    command = [sys.executable, "-W", "error", str(ROOT / "examples" / "own_stack.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    *talk, station, car = ran.stdout.splitlines()
    assert "station: SessionEnded, terminated" in station
    assert "car: SessionEnded, terminated" in car
    assert any("DEPLGC00000001 signed" in line for line in talk)


@pytest.mark.parametrize(("page", "block"), BLOCKS)
def test_python_block(page: str, block: str) -> None:
    exec(compile(block, page, "exec"), {"__name__": page})


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_what_a_command_prints_is_in_the_page(command: str, output: str) -> None:
    pytest.importorskip("click")
    from click.testing import CliRunner

    from plugcharge.cli.root import root

    assert CliRunner().invoke(root, command.split()).stdout == output


def test_commands_are_shown() -> None:
    assert len(SHOWN) >= 4


def test_the_worked_example_says_what_the_schema_says() -> None:
    """The numbers in the prose of exi.md that stand in no output."""
    text = " ".join((DOCS / "exi.md").read_text("utf-8").split())
    tables = (ROOT / "rust/messages/src/generated/iso2.rs").read_text("utf-8")
    document = tables[tables.index("    document: Roots") : tables.index("    fragment: Roots")]
    assert f"-2 has {document.count('Root { particle')} of them" in text
    message = bytes.fromhex("8098004011d018048d159e26ac00")
    assert f"takes {len(message)} octets instead of {len(exi.to_xml(message, 'iso2'))}" in text
    body = tables[tables.index("static BODY_BODYTYPE") :].partition("\n};")[0]
    names = re.findall(r'local: "(\w+)"', body)
    assert names == sorted(names)
    assert names.index("SessionSetupReq") == 29


def test_every_question_and_event_is_in_the_page() -> None:
    text = (DOCS / "use-the-core.md").read_text("utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    public = [getattr(plugcharge.session, name) for name in plugcharge.session.__all__]
    kinds = [kind for kind in public if isinstance(kind, type) and issubclass(kind, Event)]
    for kind in kinds:
        if kind in {Event, Question}:
            continue
        (row,) = [row for row in rows if f"`{kind.__name__}`" in row.split("|")[1]]
        if issubclass(kind, Question):
            assert f"`{kind.answered_by.__name__}`" in row


def test_links_lead_somewhere_and_every_page_is_in_the_index() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
            if "://" not in target:
                assert (page.parent / target.partition("#")[0]).exists(), f"{page.name} links to {target}"
    index = (DOCS / "README.md").read_text("utf-8")
    for page in DOCS.glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index
    assert all(f"]({name})" in index for name in GENERATED)


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.stem)
def test_pages_can_be_read_on_a_plain_terminal(page: Path) -> None:
    """Prose has lines of at most 120 characters; tables, code and names of tests may be wider."""
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    long = [line for line in prose.splitlines() if len(line) > 120]
    assert [line for line in long if not line.startswith("|") and not TEST_ID.search(line)] == []
