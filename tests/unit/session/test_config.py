from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from plugcharge.errors import LocalError
from plugcharge.messages.iso2 import EnergyTransferMode
from plugcharge.session import Environment, EvccContract, Payment
from tests.unit.session.pair import EMAID, NOW, contract, evcc_config, key_of, secc_config, test_pki


@pytest.mark.parametrize(
    "wrong",
    [
        {"evse_id": "short"},
        {"evse_id": "x" * 38},
        {"energy_transfer_modes": ()},
        {"energy_transfer_modes": (EnergyTransferMode.DC_core,)},
        {"min_current": 0.0},
        {"min_current": 33.0},
        {"nominal_voltage": 0.0},
        {"payments": ()},
        {"payments": (Payment.CONTRACT, Payment.CONTRACT)},
        {"payments": ("Cash",)},
        {"payments": "Contract"},
        {"energy_transfer_modes": ("AC",)},
        {"nominal_voltage": math.nan},
        {"nominal_voltage": math.inf},
        {"max_current": math.inf},
        {"max_current": 1e9},
        {"answer_patience": -1.0},
        {"answer_patience": math.nan},
        {"close_delay": math.inf},
        {"chain_rules": "Strict"},
        {"revoked": [bytes(32)]},
        {"revoked_signed_parts": [bytes(31)]},
        {"timers": {"no such timer": 1.0}},
    ],
    ids=str,
)
def test_a_station_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        secc_config(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"evcc_id": b""},
        {"evcc_id": bytes(7)},
        {"energy_transfer_mode": EnergyTransferMode.DC_core},
        {"repeat_pause": 0.05},
        {"status_pause": 0.0},
        {"status_pause": math.nan},
        {"max_voltage": math.nan},
        {"max_current": 1e9},
        {"stop_after_seconds": math.nan},
        {"payments": ("Cash",)},
        {"timers": {"V2G_EVCC_Msg_Timeout": math.nan}},
        {"min_current": 40.0},
        {"energy_wanted": -1},
        {"departure_time": 1 << 32},
    ],
    ids=str,
)
def test_a_car_that_makes_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(LocalError):
        evcc_config(**wrong)


def test_contracts_need_tls_and_roots() -> None:
    both = (Payment.CONTRACT, Payment.EXTERNAL)
    config = secc_config(payments=both)
    assert config.offered_payments(secure=True) == both
    assert config.offered_payments(secure=False) == (Payment.EXTERNAL,)  # [V2G2-634]
    assert secc_config(payments=both, contract_trust=None).offered_payments(secure=True) == (
        Payment.EXTERNAL,
    )


def test_text_from_a_file_means_the_same_as_members() -> None:
    config = secc_config(
        payments=["Contract", "ExternalPayment"], energy_transfer_modes=["AC_three_phase_core"]
    )
    assert config == secc_config(
        payments=(Payment.CONTRACT, Payment.EXTERNAL), environment=config.environment
    )
    assert all(isinstance(payment, Payment) for payment in config.payments)
    assert secc_config(payments=("Contract",)).offered_payments(secure=False) == ()  # [V2G2-634]
    car = evcc_config(payments=("Contract",), energy_transfer_mode="AC_three_phase_core")
    assert car.payments[0] is Payment.CONTRACT
    assert car.energy_transfer_mode is EnergyTransferMode.AC_three_phase_core


def test_a_key_of_another_contract() -> None:
    leaf = test_pki().contract_leaf
    with pytest.raises(LocalError, match="V2G2-823"):
        EvccContract(emaid=EMAID, chain=leaf.chain, key=key_of(test_pki().secc))


@pytest.mark.parametrize("chain", [(), (b"x" * 801,), (b"x",) * 6])
def test_a_chain_that_does_not_fit(chain: tuple[bytes, ...]) -> None:
    with pytest.raises(LocalError):
        EvccContract(emaid=EMAID, chain=chain, key=contract().key)


def test_an_emaid_that_is_none() -> None:
    leaf = test_pki().contract_leaf
    with pytest.raises(LocalError, match="eMAID"):
        EvccContract(emaid="nobody", chain=leaf.chain, key=contract().key)


def test_the_emaid_on_the_wire_has_no_separators() -> None:
    leaf = test_pki().contract_leaf
    spelled = EvccContract(emaid="de-plg-C00000001-5", chain=leaf.chain, key=contract().key)
    assert spelled.emaid_on_the_wire == "deplgC000000015"
    assert spelled.canonical_emaid == EMAID


def test_the_key_is_not_shown() -> None:
    assert "key" not in repr(contract())


def test_the_outside_world() -> None:
    east = timezone(timedelta(hours=2))
    world = Environment(random=bytes, utc=lambda: NOW.astimezone(east))
    assert world.time() == NOW
    assert world.time().tzinfo is UTC
    with pytest.raises(LocalError, match="zone"):
        Environment(random=bytes, utc=lambda: datetime(2026, 1, 1)).time()
    with pytest.raises(LocalError, match="octets"):
        Environment(random=lambda _: b"", utc=lambda: NOW).draw(8)
