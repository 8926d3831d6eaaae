from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from plugcharge import backend

_PACKAGE = Path(backend.__file__).parent.parent.parent

# Stands for an installation without the extra "hub".
_WITHOUT = """
import sys
sys.modules["sqlalchemy"] = None
sys.path.insert(0, sys.argv[1])
from plugcharge.errors import LocalError
from plugcharge.backend import AuthorizationRequest, Bill, SessionRecord, StorageError, Tariff, measure
import plugcharge.backend.authorization, plugcharge.backend.records, plugcharge.backend.tariff
from plugcharge import backend
for name in ("SessionStore", "ContractBook"):
    try:
        getattr(backend, name)
    except LocalError as error:
        print(error)
"""


def test_without_the_database_values_import_and_the_rest_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, str(_PACKAGE)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("pip install 'plugcharge[hub]'" in line for line in lines)


@pytest.mark.parametrize("name", backend.__all__)
def test_every_name_is_reachable(name: str) -> None:
    assert getattr(backend, name) is not None


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = backend.nonsense


@pytest.mark.parametrize(
    "path", sorted(Path(backend.__file__).parent.glob("*.py")), ids=lambda path: path.stem
)
def test_every_module_imports_in_a_fresh_interpreter(path: Path) -> None:
    name = "plugcharge.backend" if path.stem == "__init__" else f"plugcharge.backend.{path.stem}"
    code = f"import sys; sys.path.insert(0, {str(_PACKAGE)!r}); import {name} as m; m.__all__"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
