from __future__ import annotations

import pytest
from sqlalchemy import UniqueConstraint
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateTable

from plugcharge.backend.schema import METADATA


@pytest.mark.parametrize("backend", ["postgresql", "sqlite"])
@pytest.mark.parametrize("name", sorted(METADATA.tables))
def test_each_table_can_be_made_on_both_databases(name: str, backend: str) -> None:
    dialect = make_url(f"{backend}://").get_dialect()()
    statement = str(CreateTable(METADATA.tables[name]).compile(dialect=dialect))
    assert f"CREATE TABLE {name}" in statement
    assert "SERIAL" not in statement  # numbers are given by the chain, never by the database


def test_what_makes_a_fact_unique_is_in_the_schema() -> None:
    constraints = METADATA.tables["ledger"].constraints
    uniques = [constraint for constraint in constraints if isinstance(constraint, UniqueConstraint)]
    assert [set(unique.columns.keys()) for unique in uniques] == [{"session_id", "key"}]
