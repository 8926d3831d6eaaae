"""Whatever a peer does: no crash, no hang, no power without authorization, one end."""

from __future__ import annotations

import functools
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugcharge.messages import iso2
from plugcharge.session import (
    Authorized,
    ChargingStopped,
    ControlPilot,
    ControlPilotWanted,
    EndReason,
    Payment,
    PowerCut,
    PowerOnWanted,
    SessionEnded,
)
from plugcharge.session.tables_iso2 import RESPONSE_OF
from plugcharge.wire.v2gtp import pack
from tests.shared_material import json_lines
from tests.unit.session.pair import (
    PAUSE,
    RENEGOTIATE,
    STOP,
    TERMINATE,
    Driver,
    Hosts,
    Pair,
    authorization,
    contract,
    driver_in,
    evcc_config,
    samples,
    secc_config,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.session import Event

BOTH = (Payment.CONTRACT, Payment.EXTERNAL)
REFERENCES: dict[str, Callable[..., Pair]] = {
    "contract": lambda **more: Pair(evcc=evcc_config(stop_after_seconds=1.0), **more),
    "contract, no receipts": lambda **more: Pair(
        evcc=evcc_config(stop_after_seconds=1.0), hosts=Hosts(receipts=False), **more
    ),
    "external": lambda **more: Pair(
        secc=secc_config(payments=BOTH),
        evcc=evcc_config(payments=(Payment.EXTERNAL,), stop_after_seconds=1.0),
        secure=False,
        **more,
    ),
}


@functools.cache
def length(reference: str, side: str) -> int:
    pair = REFERENCES[reference]().run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    return pair.frames[side]


def positions() -> list[tuple[str, str, int]]:
    return [
        (reference, side, number)
        for reference in REFERENCES
        for side in ("car", "station")
        for number in range(length(reference, side))
    ]


def check_station(events: list[Event]) -> None:
    """Hold what a station said to its host against the rules that matter most."""
    authorized = energized = False
    for event in events:
        match event:
            case Authorized():
                authorized = True
            case PowerOnWanted():
                assert authorized, "power without authorization"
                energized = True
            case ChargingStopped() | PowerCut():
                energized = False
            case SessionEnded():
                assert not energized, "the session ended with the power on"
    assert len([event for event in events if isinstance(event, SessionEnded)]) <= 1


def check_car(events: list[Event]) -> None:
    shown = [event.state for event in events if isinstance(event, ControlPilotWanted)]
    assert shown in ([], [ControlPilot.C], [ControlPilot.C, ControlPilot.B])
    if any(isinstance(event, SessionEnded) for event in events):
        assert shown != [ControlPilot.C]


def check(pair: Pair) -> None:
    check_station(pair.events["station"])
    check_car(pair.events["car"])
    assert pair.car.closed
    assert pair.station.closed
    assert pair.car.next_deadline() is pair.station.next_deadline() is None


@pytest.mark.parametrize(("reference", "side", "number"), positions())
@pytest.mark.parametrize("fault", ["dropped", "doubled", "late", "cut short", "replaced by the one before"])
def test_one_fault_at_each_position(reference: str, side: str, number: int, fault: str) -> None:
    frames: list[bytes] = []

    def tap(sender: str, at: int, frame: bytes) -> list[bytes]:
        if sender != side:
            return [frame]
        frames.append(frame)
        if at != number:
            return [frame]
        match fault:
            case "doubled":
                return [frame, frame]
            case "cut short":
                return [frame[:-3]]
            case "replaced by the one before":
                return [frames[-2]] if len(frames) > 1 else []
        return []

    pair = REFERENCES[reference](tap=tap)
    begin = pair.now
    pair.run()
    check(pair)
    assert pair.now - begin <= 60.0 + 5.0 + 5.0 + 2.0  # the longest timer, with what came before it
    if fault == "late":
        before = [len(events) for events in pair.events.values()]
        receiver = pair.core("station" if side == "car" else "car")
        receiver.receive(pair.now + 100.0, frames[number])
        pair.collect()
        assert receiver.data_to_send() == []
        assert [len(events) for events in pair.events.values()] == before


@settings(max_examples=150, deadline=None)
@given(
    reference=st.sampled_from(sorted(REFERENCES)),
    side=st.sampled_from(["car", "station"]),
    number=st.integers(0, 16),
    seed=st.integers(0, 2**32),
)
def test_flipped_bits(reference: str, side: str, number: int, seed: int) -> None:
    chance = random.Random(seed)

    def tap(sender: str, at: int, frame: bytes) -> list[bytes]:
        if (sender, at) != (side, number):
            return [frame]
        octets = bytearray(frame)
        for _ in range(chance.randint(1, 4)):
            octets[chance.randrange(8, len(octets))] ^= 1 << chance.randrange(8)
        return [bytes(octets)]

    pair = REFERENCES[reference](tap=tap).run(seconds=3_000.0)
    check(pair)


REQUESTS = [*samples().values(), STOP, RENEGOTIATE, PAUSE]
actions = st.one_of(
    st.tuples(st.just("ask"), st.sampled_from(REQUESTS)),
    st.tuples(st.just("ask"), st.sampled_from(REQUESTS)),
    st.tuples(st.just("foreign"), st.sampled_from(REQUESTS)),
    st.tuples(st.just("sign"), st.none()),
    st.tuples(st.just("raw"), st.binary(max_size=40)),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 0.5, 1.2, 3.0, 60.0])),
    st.tuples(st.just("lost"), st.none()),
)
NEXT = {
    "WaitForSupportedAppProtocol": "sap",
    "WaitForSessionSetup": iso2.SessionSetupReq,
    "WaitForServiceDiscovery": iso2.ServiceDiscoveryReq,
    "WaitForPaymentServiceSelection": iso2.PaymentServiceSelectionReq,
    "WaitForPaymentDetailsOrInstallation": iso2.PaymentDetailsReq,
    "WaitForPaymentDetails": iso2.PaymentDetailsReq,
    "WaitForAuthorization": "sign",
    "WaitForChargeParameterDiscovery": iso2.ChargeParameterDiscoveryReq,
    "WaitForPowerDelivery": iso2.PowerDeliveryReq,
}


def advance(driver: Driver, steps: int) -> None:
    """Go some steps on the usual way, so that the walk does not always end at the first door."""
    for _ in range(steps):
        wanted: Any = NEXT.get(driver.core.state)
        if wanted is None or driver.core.closed:
            return
        act(driver, *(("ask", samples()[wanted]) if isinstance(wanted, type) else (wanted, None)))


def act(driver: Driver, kind: str, value: Any) -> None:
    closed = driver.core.closed
    match kind:
        case "sap":
            driver.sap()
        case "ask":
            answer = driver.ask(value)
            if answer is not None:
                assert type(answer) is RESPONSE_OF[type(value)]
                assert not closed
                if isinstance(answer, iso2.SessionSetupRes):
                    driver.session_id = driver.header.session_id
                driver.challenge = getattr(answer, "gen_challenge", driver.challenge)
        case "foreign":
            driver.frame(driver.message(value, session_id=b"\xee" * 8))
        case "sign":
            driver.challenge = driver.challenge or bytes(16)
            authorization(driver)
        case "raw":
            driver.frame(value)
        case "wait":
            driver.wait(value)
        case _:
            driver.core.connection_lost(driver.now)
            driver.pump()


@settings(max_examples=300, deadline=None)
@given(start=st.integers(0, 9), walk=st.lists(actions, max_size=12), silent=st.sets(st.integers(0, 5)))
def test_random_walks(start: int, walk: list[tuple[str, Any]], silent: set[int]) -> None:
    hosts = Hosts()
    usual = hosts.usual

    def sometimes(question: Any) -> Any:
        return None if len(hosts.asked) - 1 in silent else usual(question)

    hosts.usual = sometimes  # type: ignore[method-assign]  # a host that forgets some questions
    driver = Driver(secc_config(payments=BOTH), hosts=hosts)
    advance(driver, start)
    for kind, value in walk:
        act(driver, kind, value)
    for _ in range(3):  # an answer that is held, the request after it, the grace after a refusal
        driver.wait(60.0)
    check_station(driver.events)
    assert driver.core.closed
    driver.ended()


@settings(max_examples=200, deadline=None)
@given(octets=st.binary(max_size=300), prefix=st.booleans())
def test_any_octets(octets: bytes, prefix: bool) -> None:
    driver = Driver()
    frame = b"\x01\xfe\x80\x01" + len(octets).to_bytes(4) + octets
    driver.core.receive(driver.now, frame if prefix else octets)
    driver.pump()
    driver.wait(200.0)
    check_station(driver.events)
    driver.ended()
    assert contract().canonical_emaid not in repr(driver.events)


STATES = ("WaitForServiceDiscovery", "WaitForAuthorization", "WaitForPowerDelivery", "WaitForChargingStatus")


@pytest.mark.parametrize("state", STATES)
def test_messages_of_others_in_any_state(state: str) -> None:
    """Requests, responses and broken messages that others wrote; no session of theirs is ours."""
    seen = 0
    for name in ("captures", "malformed"):
        for line in json_lines(f"vectors/exi/{name}.jsonl")[::4]:
            if line["schema_set"] not in {"iso2", "sap", "din"} or len(line["hex"]) < 2:
                continue
            driver = driver_in(state)
            driver.frame(pack(0x8001, bytes.fromhex(line["hex"])))
            driver.wait(5.0)
            check_station(driver.events)
            assert driver.core.closed, line["id"]
            seen += 1
    assert seen > 200


def test_goodbye_is_heard_after_any_refusal() -> None:
    driver = Driver(secc_config()).to("WaitForChargingStatus")
    driver.ask(samples()[iso2.CableCheckReq])
    assert driver.ask(TERMINATE).response_code == "OK"
    check_station(driver.events)
