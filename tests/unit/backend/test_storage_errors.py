"""The back end's errors, and that of identifiers, cross processes with all they carry."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge.backend.ledger import LedgerError
from plugcharge.backend.storage_errors import StorageError
from plugcharge.identifiers import Emaid, IdentifierError

if TYPE_CHECKING:
    from plugcharge.errors import PlugchargeError


def identifier_error() -> IdentifierError:
    with pytest.raises(IdentifierError) as caught:
        Emaid.parse("not an eMAID")
    return caught.value


EXAMPLES: list[tuple[PlugchargeError, dict[str, object]]] = [
    (
        StorageError("it broke", kind="full", where="here", why="the rule", advice="mend it"),
        {"kind": "full", "where": "here", "why": "the rule", "advice": "mend it"},
    ),
    (
        LedgerError("it broke", seq=7, rule="link"),
        {"kind": "tampered", "seq": 7, "rule": "link", "where": "ledger entry 7"},
    ),
    (identifier_error(), {}),
]


@pytest.mark.parametrize(("error", "carried"), EXAMPLES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_errors_cross_processes(way: Any, error: PlugchargeError, carried: dict[str, object]) -> None:
    again = way(error)
    assert type(again) is type(error)
    assert (str(again), again.args) == (str(error), error.args)
    assert vars(again) == vars(error)
    assert vars(again).items() >= carried.items()
