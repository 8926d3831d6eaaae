"""The matrix: every request of -2 in every state of the station, made from the table."""

from __future__ import annotations

import pytest

from plugcharge.messages import iso2
from plugcharge.session import EndReason, PeerFault, PowerCut
from plugcharge.session.evcc_iso2 import READERS, WRITERS
from plugcharge.session.secc_iso2 import HANDLERS
from plugcharge.session.tables_iso2 import (
    EVCC_TABLE,
    REQUESTS,
    RESPONSE_OF,
    SECC_TABLE,
    EvccState,
    Outcome,
    SeccState,
)
from tests.unit.session.pair import driver_in, samples

STATES = [state for state in SeccState if state not in {SeccState.PROTOCOL, SeccState.ENDED}]
# With power on, or the car about to take it.
ENERGIZED = {
    SeccState.CHARGING,
    SeccState.RECEIPT,
    SeccState.NEW_PARAMETERS,
    SeccState.NEW_POWER_DELIVERY,
}


def name_of(value: object) -> str:
    return getattr(value, "__name__", str(value))


@pytest.mark.parametrize("request_type", REQUESTS, ids=name_of)
@pytest.mark.parametrize("state", STATES, ids=name_of)
def test_every_request_in_every_state(state: SeccState, request_type: type) -> None:
    driver = driver_in(state)
    response = driver.ask(samples()[request_type])
    assert type(response).__name__ == RESPONSE_OF[request_type].__name__  # [V2G2-538]
    if (state, request_type) in SECC_TABLE:
        assert response.response_code != "FAILED_SequenceError"
        return
    assert response.response_code == "FAILED_SequenceError"
    (fault,) = driver.of(PeerFault)[-1:]
    assert fault.error.code == "FAILED_SequenceError"
    assert fault.error.state == state
    assert len(driver.of(PowerCut)) == (1 if state in ENERGIZED else 0)
    driver.wait(5.0)  # [V2G2-539]; conformance tests allow five seconds
    assert driver.core.closed
    assert driver.ended().reason is EndReason.REFUSED


@pytest.mark.parametrize("state", [state for state in STATES if state is not SeccState.SESSION_SETUP])
@pytest.mark.parametrize("kind", ["zero", "empty", "one bit", "foreign", "short", "long"])
def test_wrong_session_id_in_every_state(state: SeccState, kind: str) -> None:
    driver = driver_in(state)
    right = driver.session_id
    wrong = {
        "zero": bytes(8),
        "empty": b"",
        "one bit": right[:-1] + bytes([right[-1] ^ 1]),
        "foreign": driver_in(SeccState.SERVICE_DISCOVERY).session_id[::-1],
        "short": right[:-1],
        "long": right + b"\x00",
    }[kind]
    legal = next(request for (at, request) in SECC_TABLE if at is state)
    before = driver.core._record.authorized
    response = driver.ask(samples()[legal], session_id=wrong)
    assert response.response_code == "FAILED_UnknownSession"  # [V2G2-460]
    assert driver.core._record.authorized is before
    assert driver.core.session_id == right
    assert len(driver.of(PowerCut)) == (1 if state in ENERGIZED else 0)
    driver.wait(5.0)
    assert driver.core.closed


def test_each_row_has_a_handler() -> None:
    assert {request for _, request in SECC_TABLE} == set(HANDLERS)
    assert set(EVCC_TABLE) == set(WRITERS) == set(READERS)


def test_each_state_can_be_reached_and_left() -> None:
    reached = {SeccState.PROTOCOL, SeccState.SESSION_SETUP, SeccState.FAILED}
    reached |= {target for row in SECC_TABLE.values() for target in row.leads_to.values()}
    assert reached == set(SeccState)
    left = {state for state, _ in SECC_TABLE}
    assert set(SeccState) - left == {SeccState.PROTOCOL, SeccState.ENDED}
    assert set(EvccState) - set(EVCC_TABLE) == {EvccState.PROTOCOL, EvccState.ENDED}


def test_dc_is_left_out_cleanly() -> None:
    in_tables = {request for _, request in SECC_TABLE} | {row.request for row in EVCC_TABLE.values()}
    dc = {iso2.CableCheckReq, iso2.PreChargeReq, iso2.CurrentDemandReq, iso2.WeldingDetectionReq}
    assert not in_tables & dc


def test_rows_name_their_source() -> None:
    for row in SECC_TABLE.values():
        assert row.requirement
        assert row.leads_to
    for car_row in EVCC_TABLE.values():
        assert car_row.requirement.startswith("[V2G2-")
        assert Outcome.FAILED not in car_row.leads_to
    assert len(REQUESTS) == 17
