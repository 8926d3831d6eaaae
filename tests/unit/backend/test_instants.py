from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from plugcharge.backend.instants import as_utc, from_text, new_session_id, to_text, utc_now
from plugcharge.errors import LocalError
from tests.unit.backend.samples import START


def test_the_same_moment_has_one_text() -> None:
    berlin = datetime.fromisoformat("2026-11-22T09:00:00+01:00")
    assert to_text(berlin) == to_text(START) == "2026-11-22T08:00:00.000000Z"
    assert from_text(to_text(berlin)) == START


def test_text_order_is_time_order() -> None:
    moments = [START + timedelta(microseconds=step) for step in (0, 1, 999_999, 1_000_000, 10**12)]
    assert sorted(to_text(moment) for moment in moments) == [to_text(moment) for moment in moments]


def test_a_time_without_zone_is_refused_by_name() -> None:
    with pytest.raises(LocalError) as caught:
        as_utc(START.replace(tzinfo=None), where="here")
    assert caught.value.where == "here"


def test_the_wall_clock_has_a_zone() -> None:
    assert utc_now().tzinfo is UTC


def test_a_session_id_is_a_uuid_of_version_7_that_carries_its_time() -> None:
    ident = uuid.UUID(new_session_id(START, os.urandom))
    assert ident.version == 7
    assert ident.variant == uuid.RFC_4122
    assert ident.int >> 80 == int(START.timestamp() * 1000)


def test_session_ids_use_all_random_bits_and_sort_by_time() -> None:
    ones = new_session_id(START, lambda length: b"\xff" * length)
    later = new_session_id(START + timedelta(milliseconds=1), bytes)
    assert ones.endswith("-7fff-bfff-ffffffffffff")
    assert ones < later


@pytest.mark.parametrize("year", [1969, 1])
def test_a_time_before_1970_is_refused(year: int) -> None:
    with pytest.raises(LocalError, match="1970"):
        new_session_id(datetime(year, 12, 31, tzinfo=UTC), os.urandom)
