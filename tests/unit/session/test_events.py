from __future__ import annotations

import dataclasses

import pytest

import plugcharge.session
from plugcharge.session import Event, PowerCut, config, evcc, events, questions, secc, values


def test_events_are_small_frozen_values() -> None:
    for name in (*events.__all__, *questions.__all__):
        kind = getattr(events, name, None) or getattr(questions, name)
        assert dataclasses.is_dataclass(kind)
        assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
        assert kind.__doc__
    with pytest.raises(dataclasses.FrozenInstanceError):
        PowerCut(why="x").why = "y"  # type: ignore[misc]  # that is the point


def test_equal_events_are_equal() -> None:
    assert PowerCut(why="x") == PowerCut(why="x")
    assert isinstance(PowerCut(why="x"), Event)


def test_all_of_it_can_be_imported_from_the_package() -> None:
    public = set(plugcharge.session.__all__)
    for module in (config, events, questions):
        assert set(module.__all__) <= public
    assert {*evcc.__all__, *secc.__all__} <= public
    assert set(values.__all__) - {"lowest_power"} <= public
