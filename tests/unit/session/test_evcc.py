"""The car's duties, against a station whose answers a tap changes."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from plugcharge import exi
from plugcharge.errors import LocalError
from plugcharge.messages import Message, iso2, sap
from plugcharge.session import (
    ChargeScheduleWanted,
    ContinueChargingWanted,
    ControlPilot,
    ControlPilotWanted,
    EndReason,
    EvccSession,
    PeerFault,
    PowerCut,
    SessionOpened,
)
from plugcharge.session.tables_iso2 import EVCC_TABLE, RESPONSE_OF, EvccState
from plugcharge.wire.sap import DIN, ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import (
    Hosts,
    Pair,
    altering,
    contract,
    evcc_config,
    never,
    sent,
    with_body,
)

CODE = iso2.ResponseCode
RENEGOTIATION = iso2.AC_EVSEStatus(
    notification_max_delay=0, evse_notification=iso2.EVSENotification.ReNegotiation, rcd=False
)
ROWS = [
    row for row in EVCC_TABLE.values() if row.state not in {EvccState.RENEGOTIATE, EvccState.SESSION_STOP}
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.state)
@pytest.mark.parametrize("code", ["FAILED", "FAILED_UnknownSession", "FAILED_SequenceError"])
def test_every_response_can_refuse(row: Any, code: str) -> None:
    wanted = iso2.ChargeProgress.Stop if row.state is EvccState.POWER_STOP else iso2.ChargeProgress.Start
    asked: list[Any] = []

    def change(message: Any) -> Message:
        if row.request is iso2.PowerDeliveryReq and sent_progress() is not wanted:
            return cast("Message", message)
        asked.append(message)
        return with_body(response_code=CODE(code))(message)

    pair = Pair(tap=altering(row.response, change))

    def sent_progress() -> Any:
        power = list(sent(pair, iso2.PowerDeliveryReq))
        return power[-1].charge_progress

    pair.run()
    assert asked
    end = pair.ended("car")
    assert (end.reason, end.code) == (EndReason.REFUSED_BY_PEER, code)
    assert any(event.error.code == code for event in pair.of("car", PeerFault))
    goodbyes = sent(pair, iso2.SessionStopReq)
    expected = row.state is not EvccState.SESSION_SETUP and code == "FAILED"
    assert bool(goodbyes) is expected
    shown = [event.state for event in pair.of("car", ControlPilotWanted)]
    assert shown in ([], [ControlPilot.C, ControlPilot.B])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.state)
def test_every_response_has_to_match_its_request(row: Any) -> None:
    wrong = iso2.ServiceDetailRes(response_code=CODE.OK, service_id=1)
    pair = Pair(
        tap=altering(row.response, lambda message: msgspec.structs.replace(message, body=wrong))
    ).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR  # [V2G2-482]


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: row.state)
def test_every_response_has_to_carry_the_id(row: Any) -> None:
    other = iso2.MessageHeader(session_id=b"\x01" * 8)
    pair = Pair(
        tap=altering(row.response, lambda message: msgspec.structs.replace(message, header=other))
    ).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR


ONGOING: dict[str, Message] = {
    "Authorization": iso2.AuthorizationRes(
        response_code=CODE.OK, evse_processing=iso2.EVSEProcessing.Ongoing
    ),
    "ChargeParameterDiscovery": iso2.ChargeParameterDiscoveryRes(
        response_code=CODE.OK,
        evse_processing=iso2.EVSEProcessing.Ongoing,
        evse_charge_parameter=iso2.AC_EVSEChargeParameter(
            ac_evse_status=RENEGOTIATION,
            evse_nominal_voltage=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.V, value=230),
            evse_max_current=iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.A, value=32),
        ),
    ),
}


@pytest.mark.parametrize("state", list(ONGOING))
def test_an_endless_ongoing_ends_after_60_seconds(state: str) -> None:
    pair = Pair()
    car, begin = pair.car, pair.now
    while not car.closed and pair.now < begin + 200.0:
        frames = car.data_to_send()
        for frame in frames:
            respond_ongoing(pair, frame, state)
        deadline = car.next_deadline()
        if not frames and deadline is not None:
            pair.now = deadline
            car.timeout(pair.now)
    pair.collect()
    end = pair.ended("car")
    assert end.reason is EndReason.TIMEOUT
    assert "V2G_EVCC_Ongoing_Timeout" in end.detail  # [V2G2-710]
    assert pair.now - begin == pytest.approx(60.0, abs=2.1)
    assert len(sent(pair, iso2.SessionStopReq)) == 1
    assert not pair.of("car", ControlPilotWanted)
    assert len(sent(pair, EVCC_TABLE[EvccState(state)].request)) > 200  # paced, not stopped


def respond_ongoing(pair: Pair, frame: bytes, state: str) -> None:
    """Let the station answer, but say Ongoing in its place in that state."""
    if pair.car.state == state:
        header = iso2.MessageHeader(session_id=pair.car.session_id)
        message = iso2.V2G_Message(header=header, body=ONGOING[state])  # type: ignore[arg-type]  # one of the union
        pair.car.receive(pair.now, pack(0x8001, exi.encode(message)))
        return
    pair.station.receive(pair.now, frame)
    pair.collect()
    for answer in pair.station.data_to_send():
        pair.car.receive(pair.now, answer)


def test_the_station_wants_to_stop() -> None:
    status = iso2.AC_EVSEStatus(
        notification_max_delay=5, evse_notification=iso2.EVSENotification.StopCharging, rcd=False
    )
    config = evcc_config(stop_after_seconds=None)
    for kind, field in ((iso2.ChargingStatusRes, "ac_evse_status"), (iso2.MeteringReceiptRes, "evse_status")):
        pair = Pair(evcc=config, tap=altering(kind, with_body(**{field: status}))).run()
        end = pair.ended("car")
        assert end.reason is EndReason.TERMINATED
        assert end.detail == "the station wants to stop"
        assert len(sent(pair, iso2.ChargingStatusReq)) == 1
        assert len(sent(pair, iso2.MeteringReceiptReq)) == 1  # the reading is still signed


def test_the_station_wants_to_stop_before_the_loop() -> None:
    status = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.StopCharging, rcd=False
    )
    pair = Pair(tap=altering(iso2.PowerDeliveryRes, with_body(evse_status=status))).run()
    assert not sent(pair, iso2.ChargingStatusReq)
    assert [request.charge_progress for request in sent(pair, iso2.PowerDeliveryReq)] == ["Start", "Stop"]


def test_a_residual_current_stops() -> None:
    status = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.None_, rcd=True
    )
    pair = Pair(tap=altering(iso2.ChargingStatusRes, with_body(ac_evse_status=status))).run()
    assert "residual current" in pair.ended("car").detail


def test_the_station_wants_to_renegotiate() -> None:
    status = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.ReNegotiation, rcd=False
    )
    pair = Pair(tap=altering(iso2.ChargingStatusRes, with_body(ac_evse_status=status), times=1)).run()
    progress = [request.charge_progress for request in sent(pair, iso2.PowerDeliveryReq)]
    assert progress == ["Start", "Renegotiate", "Start", "Stop"]  # [V2G2-813]
    assert len(sent(pair, iso2.ChargeParameterDiscoveryReq)) == 2
    assert pair.ended("station").reason is EndReason.TERMINATED


def test_the_host_stops_at_any_time() -> None:
    for seconds in (0.0, 0.5, 1.0, 1.7, 2.0):
        pair = Pair(evcc=evcc_config(stop_after_seconds=None))
        pair.run(seconds=seconds)
        pair.car.stop_charging(pair.now, "enough")
        pair.run()
        assert pair.ended("car").detail == "enough"
        assert pair.ended("station").reason is EndReason.TERMINATED
        shown = [event.state for event in pair.of("car", ControlPilotWanted)]
        assert shown == [ControlPilot.C, ControlPilot.B]


def test_the_host_stops_while_the_station_thinks() -> None:
    pair = Pair(hosts=Hosts(replies={ChargeScheduleWanted: never}))
    pair.run(seconds=2.0)
    assert pair.car.state == "ChargeParameterDiscovery"
    pair.car.stop_charging(pair.now, "enough")
    pair.run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert not sent(pair, iso2.PowerDeliveryReq)
    assert not pair.of("car", ControlPilotWanted)


def test_the_host_stops_while_it_is_asked() -> None:
    hosts = Hosts(replies={ContinueChargingWanted: never})
    pair = Pair(evcc=evcc_config(ask_continue=True), hosts=hosts)
    pair.run(seconds=1.0)
    pair.car.stop_charging(pair.now, "enough")
    pair.run()
    assert pair.ended("car").detail == "enough"
    assert pair.ended("station").reason is EndReason.TERMINATED


@pytest.mark.parametrize("row", [*ROWS, EVCC_TABLE[EvccState.SESSION_STOP]], ids=lambda row: row.state)
def test_a_station_that_stops_talking(row: Any) -> None:
    stops: list[float] = []

    def tap(side: str, number: int, frame: bytes) -> list[bytes]:
        if pair.car.state == row.state:
            stops.append(pair.now)
            return [] if side == "station" else [frame]
        return [frame]

    pair = Pair(tap=tap)
    pair.run()
    end = pair.ended("car")
    assert end.reason is EndReason.TIMEOUT
    long = {iso2.PaymentDetailsReq, iso2.PowerDeliveryReq}
    ended_after = 5.0 if row.request in long else 2.0  # [V2G2-436]
    assert f"of {ended_after:g} s" in end.detail
    assert pair.of("station", type(end))


def test_a_station_that_never_answers_the_handshake() -> None:
    pair = Pair(tap=lambda side, number, frame: [] if side == "station" else [frame]).run()
    assert pair.ended("car").reason is EndReason.TIMEOUT


def test_the_setup_budget() -> None:
    session = EvccSession(evcc_config(setup_budget=1.5), now=0.0, secure=True)
    session.events()
    assert session.next_deadline() == 1.5  # [V2G2-605]
    session.timeout(1.5)
    assert session.closed


def test_protocols_that_cannot_be_spoken() -> None:
    with pytest.raises(LocalError, match="din"):
        EvccSession(evcc_config(protocols=(DIN,)), now=0.0, secure=True)


def test_each_response_is_named_like_its_request() -> None:
    for request, response in RESPONSE_OF.items():
        assert request.__name__[:-3] == response.__name__[:-3]
    assert contract().canonical_emaid == "DEPLGC00000001"


@pytest.mark.parametrize("number", range(16))
def test_the_host_stops_while_a_response_is_awaited(number: int) -> None:
    bend = altering(iso2.ChargingStatusRes, with_body(ac_evse_status=RENEGOTIATION), times=1)

    def tap(side: str, at: int, frame: bytes) -> list[bytes]:
        if (side, at) == ("car", number):
            pair.car.stop_charging(pair.now, "enough")
        return bend(side, at, frame)

    pair = Pair(tap=tap)
    pair.run()
    end = pair.ended("car")
    assert end.reason is EndReason.TERMINATED
    assert end.detail == "enough"
    assert pair.ended("station").reason in {EndReason.TERMINATED, EndReason.CONNECTION_LOST}
    assert pair.of("station", PowerCut) == []
    shown = [event.state for event in pair.of("car", ControlPilotWanted)]
    assert shown in ([], [ControlPilot.C, ControlPilot.B])


def test_the_host_stops_after_the_end() -> None:
    pair = Pair().run()
    pair.car.stop_charging(pair.now)
    assert pair.car.data_to_send() == []
    assert pair.car.session_id == pair.station.session_id


def test_no_common_protocol() -> None:
    pair = Pair(secure=False).run()  # neither side has anything to pay with
    for side in ("car", "station"):
        assert pair.ended(side).reason is EndReason.UNSUITABLE
        assert pair.ended(side).code == "Failed_NoNegotiation"
    assert not pair.of("car", SessionOpened)  # [V2G2-173]


@pytest.mark.parametrize(
    "answer",
    [
        sap.SupportedAppProtocolRes(response_code=sap.ResponseCode.OK_SuccessfulNegotiation, schema_id=9),
        offer([ISO2]),
    ],
    ids=["a schema that was not offered", "a request"],
)
def test_a_handshake_that_makes_no_sense(answer: Message) -> None:
    octets = pack(0x8001, exi.encode(answer))
    pair = Pair(tap=lambda side, number, frame: [octets] if side == "station" else [frame]).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR


def test_a_response_nobody_asked_for() -> None:
    pair = Pair(evcc=evcc_config(stop_after_seconds=None))
    pair.run(seconds=0.5)  # between two ChargingStatusReq
    header = iso2.MessageHeader(session_id=pair.car.session_id)
    goodbye = iso2.V2G_Message(header=header, body=iso2.SessionStopRes(response_code=CODE.OK))
    pair.car.receive(pair.now, pack(0x8001, exi.encode(goodbye)))
    pair.collect()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR
    assert [event.state for event in pair.of("car", ControlPilotWanted)] == [ControlPilot.C, ControlPilot.B]


def test_a_lost_connection_while_charging() -> None:
    pair = Pair(evcc=evcc_config(stop_after_seconds=None))
    pair.run(seconds=0.5)
    pair.car.connection_lost(pair.now)
    pair.collect()
    assert pair.ended("car").reason is EndReason.CONNECTION_LOST
    assert [event.state for event in pair.of("car", ControlPilotWanted)] == [ControlPilot.C, ControlPilot.B]
