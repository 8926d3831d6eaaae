"""Framing, turns, ends: what holds for both sides."""

from __future__ import annotations

import random

import pytest

from plugcharge import exi
from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session import (
    ContinueCharging,
    EndReason,
    Environment,
    MessageReceived,
    PeerFault,
    PowerCut,
    SeccSession,
    SessionEnded,
    SessionOpened,
)
from plugcharge.wire.sap import ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import NOW, TERMINATE, Driver, Pair, driver_in, never, secc_config


def bodies(pair: Pair, side: str) -> list[object]:
    messages = [event.message for event in pair.of(side, MessageReceived)]
    return [getattr(message, "body", message) for message in messages]


def test_a_whole_session_from_plug_to_bill() -> None:
    pair = Pair().run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert pair.ended("station").reason is EndReason.TERMINATED
    assert not pair.of("station", PowerCut)
    assert not pair.of("car", PeerFault) + pair.of("station", PeerFault)


@pytest.mark.parametrize("cut", ["whole", "octets", "random", "halves"])
def test_the_way_a_stream_is_cut_does_not_matter(cut: str) -> None:
    chance = random.Random(7)

    def split(data: bytes) -> list[bytes]:
        if cut == "octets":
            return [data[at : at + 1] for at in range(len(data))]
        if cut == "halves":
            return [data[: len(data) // 2], data[len(data) // 2 :]]
        points = sorted(chance.sample(range(1, len(data)), min(5, len(data) - 1)))
        return [data[a:b] for a, b in zip([0, *points], [*points, len(data)], strict=True)]

    whole = Pair().run()
    other = Pair(cut=None if cut == "whole" else split).run()
    assert bodies(other, "car") == bodies(whole, "car")
    assert bodies(other, "station") == bodies(whole, "station")
    assert other.ended("station").reason is EndReason.TERMINATED


@pytest.mark.parametrize("count", range(2, 11))
def test_more_than_one_frame_in_one_write_is_refused(count: int) -> None:
    driver = driver_in("WaitForServiceDiscovery")
    messages = driver.frame(driver.message(iso2.ServiceDiscoveryReq()) * count)
    assert len(messages) == 1  # the first one is answered
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR
    assert driver.core.closed
    assert driver.of(PeerFault)[0].error.code == ""


def test_a_frame_with_the_beginning_of_another_is_refused_too() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    driver.frame(driver.message(iso2.ServiceDiscoveryReq()) + b"\x01")
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_a_second_request_before_the_answer_is_refused() -> None:
    driver = driver_in("WaitForChargingStatus")
    driver.hosts.usual = never  # type: ignore[method-assign, assignment]  # the meter does not answer
    assert driver.ask(iso2.ChargingStatusReq()) is None
    assert driver.ask(iso2.ChargingStatusReq()) is None
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR
    assert len(driver.of(PowerCut)) == 1


@pytest.mark.parametrize("side", ["car", "station"])
def test_two_responses_or_requests_glued(side: str) -> None:
    def tap(sender: str, number: int, frame: bytes) -> list[bytes]:
        return [frame + frame] if (sender, number) == (side, 3) else [frame]

    pair = Pair(tap=tap).run()
    receiver = "station" if side == "car" else "car"
    assert pair.ended(receiver).reason is EndReason.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "octets",
    [
        pack(0x8001, b"\x80"),
        pack(0x8001, b"\x00" * 40),
        pack(0x8001, b"\x80\xff\xff\xff\xff"),
        pack(0x8002, b"\x80\x98\x00"),
        pack(0x9000, b"\x00\x00"),
        b"\x01\xfd\x80\x01\x00\x00\x00\x01\x80",
        b"\x01\xfe\x80\x01\xff\xff\xff\xff",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=["empty", "header", "garbage", "type -20", "type SDP", "version", "length", "other protocol"],
)
@pytest.mark.parametrize(
    "state", ["WaitForSupportedAppProtocol", "WaitForServiceDiscovery", "WaitForChargingStatus"]
)
def test_what_cannot_be_read_closes_without_an_answer(state: str, octets: bytes) -> None:
    driver = Driver() if state == "WaitForSupportedAppProtocol" else driver_in(state)
    assert driver.frame(octets) == []  # [V2G2-537]
    assert driver.core.closed
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR
    assert driver.of(PeerFault)[0].error.state == state
    assert len(driver.of(PowerCut)) == (1 if state == "WaitForChargingStatus" else 0)
    assert driver.frame(driver.message(TERMINATE)) == []  # what comes later is dropped


def test_a_response_from_a_car_is_no_request() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    assert driver.ask(iso2.SessionStopRes(response_code=iso2.ResponseCode.OK)) is None
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_a_message_without_a_body_is_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = driver_in("WaitForServiceDiscovery")
    octets = driver.message(iso2.ServiceDiscoveryReq())
    message = iso2.V2G_Message(header=iso2.MessageHeader(session_id=driver.session_id), body=None)
    monkeypatch.setattr(exi, "decode", lambda *_: message)  # the schema allows it, our encoder does not
    assert driver.frame(octets) == []
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_a_second_handshake_is_fatal() -> None:
    driver = driver_in("WaitForSessionSetup")
    assert driver.frame(pack(0x8001, exi.encode(offer([ISO2])))) == []
    assert driver.core.closed


def test_the_payload_limit_is_configurable() -> None:
    driver = Driver(secc_config(max_payload=16))
    driver.frame(pack(0x8001, bytes(17)))
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_a_lost_connection_ends_once_and_cuts_the_power() -> None:
    driver = driver_in("WaitForChargingStatus")
    driver.core.connection_lost(driver.now)
    driver.core.connection_lost(driver.now)
    driver.pump()
    assert driver.ended().reason is EndReason.CONNECTION_LOST
    assert len(driver.of(PowerCut)) == 1
    assert driver.core.next_deadline() is None
    assert [type(event) for event in driver.events[-2:]] == [PowerCut, SessionEnded]


def test_the_host_can_abort() -> None:
    driver = driver_in("WaitForChargingStatus")
    driver.core.abort(driver.now, "the cable was pulled")
    driver.pump()
    assert driver.ended().reason is EndReason.ABORTED
    assert driver.ended().detail == "the cable was pulled"
    assert len(driver.of(PowerCut)) == 1


def test_a_clock_that_steps_back_is_survived() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    driver.now = -1e9
    assert driver.ask(iso2.ServiceDiscoveryReq()).response_code == "OK"
    deadline = driver.core.next_deadline()
    assert deadline == 60.0


def test_a_wrong_answer_class_leaves_the_question_open() -> None:
    driver = driver_in("WaitForChargingStatus")
    usual = driver.hosts.usual
    driver.hosts.usual = never  # type: ignore[method-assign, assignment]  # answered by hand below
    driver.ask(iso2.ChargingStatusReq())
    question = driver.hosts.asked[-1]
    with pytest.raises(LocalError, match="does not answer MeterReadingWanted"):
        driver.core.answer(driver.now, ContinueCharging(ticket=question.ticket, go_on=True))
    driver.core.answer(driver.now, usual(question))
    assert len(driver.pump()) == 1


def test_session_ids_are_new_and_not_zero() -> None:
    draws = iter([bytes(12), bytes(8), b"\x00" * 7 + b"\x01"])  # ticket base, a zero id, a good one
    world = Environment(random=lambda _: next(draws), utc=lambda: NOW)
    core = SeccSession(secc_config(environment=world), now=0.0, secure=True)
    core.receive(0.0, pack(0x8001, exi.encode(offer([ISO2]))))
    request = iso2.V2G_Message(
        header=iso2.MessageHeader(session_id=b"\x00"), body=iso2.SessionSetupReq(evcc_id=bytes(6))
    )
    core.receive(0.0, pack(0x8001, exi.encode(request)))
    (opened,) = [event for event in core.events() if isinstance(event, SessionOpened)]
    assert opened.session_id == b"\x00" * 7 + b"\x01"  # [V2G2-835]


def test_a_dead_random_source_is_our_fault_not_a_hang() -> None:
    world = Environment(random=bytes, utc=lambda: NOW)
    core = SeccSession(secc_config(environment=world), now=0.0, secure=True)
    core.receive(0.0, pack(0x8001, exi.encode(offer([ISO2]))))
    request = iso2.V2G_Message(
        header=iso2.MessageHeader(session_id=b"\x00"), body=iso2.SessionSetupReq(evcc_id=bytes(6))
    )
    with pytest.raises(LocalError, match="SessionID"):
        core.receive(0.0, pack(0x8001, exi.encode(request)))
