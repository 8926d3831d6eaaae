"""Loading a contract from files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plugcharge.errors import LocalError
from plugcharge.transport.contract import load_contract
from tests.unit.transport.loopback import EMAID, world

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    world().write(tmp_path)
    return tmp_path / "vehicle"


def test_a_contract_is_named_by_its_certificate(files: Path) -> None:
    contract = load_contract(files / "contract_chain.pem", files / "contract_key.pem")
    assert contract.emaid == EMAID
    assert contract.chain == world().contract_leaf.chain


def test_the_key_of_another_certificate_is_refused(files: Path) -> None:
    with pytest.raises(LocalError, match="does not belong"):
        load_contract(files / "contract_chain.pem", files / "provisioning_key.pem")


def test_a_certificate_that_is_no_contract_is_refused(files: Path) -> None:
    with pytest.raises(LocalError, match="no valid eMAID"):
        load_contract(files / "provisioning_chain.pem", files / "provisioning_key.pem")


def test_a_missing_file_is_named(files: Path) -> None:
    with pytest.raises(LocalError, match=r"nowhere\.pem"):
        load_contract(files / "nowhere.pem", files / "contract_key.pem")
