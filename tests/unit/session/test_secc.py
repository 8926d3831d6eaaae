"""The station's timers and ends."""

from __future__ import annotations

import msgspec
import pytest

from plugcharge import exi
from plugcharge.errors import LocalError
from plugcharge.messages import iso2, sap
from plugcharge.session import EndReason, PowerCut, ProtocolChosen, SeccSession, SessionEnded
from plugcharge.session.tables_iso2 import SeccState
from plugcharge.wire.sap import DIN, ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import TERMINATE, Driver, driver_in, environment, secc_config

WAITING = [
    state for state in SeccState if state not in {SeccState.PROTOCOL, SeccState.FAILED, SeccState.ENDED}
]


@pytest.mark.parametrize("state", WAITING)
def test_a_car_that_stops_talking(state: SeccState) -> None:
    driver = driver_in(state)
    assert driver.core.next_deadline() == driver.now + 60.0  # [V2G2-443]
    assert driver.wait(59.999) == []
    assert not driver.core.closed
    assert driver.wait(0.001) == []
    assert driver.core.closed
    assert driver.ended().reason is EndReason.TIMEOUT
    energized = driver.of(PowerCut)
    charging = {SeccState.CHARGING, SeccState.RECEIPT, SeccState.NEW_PARAMETERS, SeccState.NEW_POWER_DELIVERY}
    assert len(energized) == (1 if state in charging else 0)


def test_a_car_that_never_begins() -> None:
    driver = Driver()
    driver.wait(18.0)  # [V2G2-723]
    assert driver.ended().reason is EndReason.TIMEOUT


def test_a_slow_drip_does_not_hold_the_timer_up() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    frame = driver.message(iso2.ServiceDiscoveryReq())
    for octet in frame:
        driver.now += 5.0
        driver.frame(bytes([octet]))
    assert driver.ended().reason is EndReason.TIMEOUT
    assert driver.now >= 60.0


def test_a_request_after_the_timer_is_not_answered() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    driver.now += 60.5  # nobody called timeout() in between
    assert driver.frame(driver.message(iso2.ServiceDiscoveryReq())) == []
    assert driver.ended().reason is EndReason.TIMEOUT


def test_after_a_refusal_the_car_has_the_grace_and_one_goodbye() -> None:
    driver = driver_in("Failed")
    assert not driver.core.closed
    driver.wait(4.4)
    assert not driver.core.closed
    driver.wait(0.1)
    assert driver.core.closed
    assert driver.core.close_delay == 0.0
    assert driver.ended().code == "FAILED_SequenceError"


def test_a_second_wrong_request_closes_at_once() -> None:
    driver = driver_in("Failed")
    assert driver.ask(iso2.ServiceDiscoveryReq()).response_code == "FAILED_SequenceError"
    assert driver.core.closed
    assert driver.ended().reason is EndReason.REFUSED


def test_a_lost_connection_after_a_refusal_is_the_end() -> None:
    driver = driver_in("Failed")
    driver.core.connection_lost(driver.now)
    driver.pump()
    assert driver.ended().reason is EndReason.REFUSED
    assert driver.ended().code == "FAILED_SequenceError"


def test_the_end_comes_once_and_last() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    driver.ask(TERMINATE)
    driver.core.connection_lost(driver.now)
    driver.wait(100.0)
    assert isinstance(driver.events[-1], SessionEnded)
    assert driver.core.next_deadline() is None


def test_timers_can_be_changed_by_name() -> None:
    driver = driver_in(
        "WaitForServiceDiscovery", config=secc_config(timers={"V2G_SECC_Sequence_Timeout": 7.0})
    )
    driver.wait(7.0)
    assert driver.ended().reason is EndReason.TIMEOUT


def test_the_order_of_checks_is_order_then_id() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    response = driver.ask(iso2.ChargingStatusReq(), session_id=bytes(8))
    assert response.response_code == "FAILED_SequenceError"  # [V2G2-538]


def test_the_id_is_the_stations_in_every_response() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    driver.ask(iso2.ServiceDiscoveryReq(), session_id=b"\x01" * 8)
    assert driver.header.session_id == driver.session_id
    early = driver_in("WaitForSessionSetup")
    early.ask(iso2.ServiceDiscoveryReq())
    assert early.header.session_id == bytes(8)


def test_protocols_that_cannot_be_spoken() -> None:
    with pytest.raises(LocalError, match="din"):
        SeccSession(secc_config(protocols=(DIN,)), now=0.0, secure=True)


def test_no_common_protocol() -> None:
    driver = Driver()
    (response,) = driver.frame(pack(0x8001, exi.encode(offer([DIN]))))
    assert response.response_code == "Failed_NoNegotiation"  # type: ignore[attr-defined]  # [V2G2-172]
    assert response.schema_id is None  # type: ignore[attr-defined]
    assert driver.core.closed
    assert driver.ended().reason is EndReason.UNSUITABLE


def test_a_minor_deviation_is_told() -> None:
    driver = Driver()
    odd = msgspec.structs.replace(offer([ISO2]).app_protocol[0], version_number_minor=7)
    request = msgspec.structs.replace(offer([ISO2]), app_protocol=(odd,))
    (response,) = driver.frame(pack(0x8001, exi.encode(request)))
    assert response.response_code == "OK_SuccessfulNegotiationWithMinorDeviation"  # type: ignore[attr-defined]
    assert driver.of(ProtocolChosen)[0].minor_deviation


def test_a_handshake_answer_is_no_handshake() -> None:
    driver = Driver()
    answer = sap.SupportedAppProtocolRes(response_code=sap.ResponseCode.OK_SuccessfulNegotiation, schema_id=1)
    assert driver.frame(pack(0x8001, exi.encode(answer))) == []
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_sessions_share_nothing() -> None:
    config = secc_config(environment=environment(3))
    first = driver_in("WaitForMeteringReceipt", config=config)
    second = Driver(config)
    assert second.core.session_id == b""
    assert second.core._record.contract is None
    assert second.to("WaitForServiceDiscovery").session_id != first.session_id


def test_a_cars_text_is_quoted_and_cut() -> None:
    entry = sap.AppProtocol(
        protocol_namespace="\x1b[2J\n" + "x" * 50_000,
        version_number_major=1,
        version_number_minor=0,
        schema_id=1,
        priority=1,
    )
    driver = Driver()
    driver.frame(pack(0x8001, exi.encode(sap.SupportedAppProtocolReq(app_protocol=(entry,)), limits=False)))
    detail = driver.ended().detail
    assert detail.isprintable()
    assert len(detail) < 300
