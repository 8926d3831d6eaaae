"""SDP: octets, the station's answers, the car's search."""

from __future__ import annotations

import time
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugcharge.errors import LocalError, PeerError
from plugcharge.wire.sdp import (
    SdpClientCore,
    SdpConflict,
    SdpFailed,
    SdpFound,
    SdpRequest,
    SdpResponse,
    SdpServerCore,
    SdpStation,
    Security,
    Transport,
    decide_answer,
)

ADDRESS = IPv6Address("fe80::21a:2b3c:4d5e:6f70")
REQUEST = SdpRequest(Security.TLS)
ANSWER = SdpResponse(ADDRESS, 50_000, Security.TLS)
BOTH = SdpStation(ADDRESS, tls_port=50_000, plain_port=50_001)
CAR = "fe80::99%4"

# [what is wrong, datagram]; each one differs from a good request in one thing
BAD_REQUESTS = {
    "empty": b"",
    "half a header": bytes.fromhex("01fe9000"),
    "no body": bytes.fromhex("01fe900000000000"),
    "one octet": bytes.fromhex("01fe90000000000100"),
    "three octets": bytes.fromhex("01fe900000000003000000"),
    "length says 3": bytes.fromhex("01fe9000000000030000"),
    "length says 4 GiB": bytes.fromhex("01fe9000ffffffff0000"),
    "version": bytes.fromhex("02fd9000000000020000"),
    "a response": ANSWER.to_bytes(),
    "wireless": bytes.fromhex("01fe9002000000020000"),
    "a message": bytes.fromhex("01fe8001000000020000"),
    "security reserved": bytes.fromhex("01fe9000000000020100"),
    "transport reserved": bytes.fromhex("01fe9000000000020001"),
    "too long": bytes.fromhex("01fe900000000002") + bytes(60_000),
}


def test_request_octets() -> None:
    assert SdpRequest(Security.TLS).to_bytes() == bytes.fromhex("01fe9000000000020000")
    assert SdpRequest(Security.NONE).to_bytes() == bytes.fromhex("01fe9000000000021000")
    assert SdpRequest.from_bytes(bytes.fromhex("01fe9000000000021010")) == SdpRequest(
        Security.NONE, Transport.UDP
    )


def test_response_octets() -> None:
    octets = bytes.fromhex("01fe900100000014" + "fe80000000000000021a2b3c4d5e6f70" + "c350" + "0000")
    assert ANSWER.to_bytes() == octets
    assert SdpResponse.from_bytes(octets) == ANSWER


@pytest.mark.parametrize("wrong", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
def test_wrong_requests_are_refused(wrong: bytes) -> None:
    with pytest.raises(PeerError):
        SdpRequest.from_bytes(wrong)


@pytest.mark.parametrize("octet", range(28))
def test_a_response_with_one_wrong_octet_is_refused_or_differs(octet: int) -> None:
    good = ANSWER.to_bytes()
    for flipped in range(1, 256, 7):
        wrong = bytearray(good)
        wrong[octet] ^= flipped
        try:
            assert SdpResponse.from_bytes(bytes(wrong)) != ANSWER
        except PeerError:
            assert (
                octet < 8 or octet >= 26
            )  # header, security and transport have wrong values; the rest does not


def test_a_port_has_to_fit() -> None:
    with pytest.raises(LocalError):
        SdpResponse(ADDRESS, 65_536, Security.TLS).to_bytes()


@given(st.binary(max_size=64))
def test_any_datagram_is_read_or_refused(data: bytes) -> None:
    for kind in (SdpRequest, SdpResponse):
        try:
            value = kind.from_bytes(data)
        except PeerError:
            continue
        assert value.to_bytes() == data


TLS_ONLY = SdpStation(ADDRESS, tls_port=50_000)
PLAIN_ONLY = SdpStation(ADDRESS, plain_port=50_001)
INSISTS = SdpStation(ADDRESS, tls_port=50_000, plain_port=50_001, require_tls=True)


@pytest.mark.parametrize(
    ("station", "asked", "port", "answered"),
    [
        (BOTH, Security.TLS, 50_000, Security.TLS),
        (BOTH, Security.NONE, 50_001, Security.NONE),
        (TLS_ONLY, Security.TLS, 50_000, Security.TLS),
        (TLS_ONLY, Security.NONE, 50_000, Security.TLS),
        (PLAIN_ONLY, Security.TLS, 50_001, Security.NONE),  # the conforming downgrade
        (PLAIN_ONLY, Security.NONE, 50_001, Security.NONE),
        (INSISTS, Security.TLS, 50_000, Security.TLS),
        (INSISTS, Security.NONE, 50_000, Security.TLS),
    ],
)
def test_the_stations_answer(station: SdpStation, asked: Security, port: int, answered: Security) -> None:
    """[V2G2-625], [V2G2-626], [V2G2-627]."""
    assert decide_answer(SdpRequest(asked), station) == SdpResponse(ADDRESS, port, answered)
    assert decide_answer(SdpRequest(asked, Transport.UDP), station) is None


def test_a_station_without_a_port_is_refused() -> None:
    for nothing in ({}, {"plain_port": 1, "require_tls": True}):
        with pytest.raises(LocalError):
            SdpStation(ADDRESS, **nothing)  # type: ignore[arg-type]  # ports of one test each


def test_the_server_answers_and_counts() -> None:
    server = SdpServerCore(BOTH)
    assert server.receive(0.0, REQUEST.to_bytes(), CAR) == ANSWER.to_bytes()
    for wrong in BAD_REQUESTS.values():
        assert server.receive(10.0, wrong, "fe80::5") is None
    assert server.receive(11.0, SdpRequest(Security.TLS, Transport.UDP).to_bytes(), CAR) is None
    counters = server.counters
    assert (counters.answered, counters.malformed, counters.not_served) == (1, len(BAD_REQUESTS), 1)


def test_the_server_is_quiet_while_paused() -> None:
    server = SdpServerCore(BOTH)
    server.paused = True
    assert server.receive(0.0, REQUEST.to_bytes(), CAR) is None
    server.paused = False
    assert server.receive(0.0, REQUEST.to_bytes(), CAR) is not None
    assert server.counters.paused == 1


@pytest.mark.parametrize(
    "source", ["fd00::1", "2001:db8::1", "::1", "::", "fec0::1", "127.0.0.1", "fe8::1", ""]
)
def test_senders_of_other_links_are_not_answered(source: str) -> None:
    server = SdpServerCore(BOTH)
    assert server.receive(0.0, REQUEST.to_bytes(), source) is None
    assert server.counters.off_link == 1
    assert SdpServerCore(BOTH, danger_any_source=True).receive(0.0, REQUEST.to_bytes(), source) is not None


@pytest.mark.parametrize("source", ["fe80::1", "FE80::1%eth0", "febf::1"])
def test_link_local_senders_are_answered(source: str) -> None:
    assert SdpServerCore(BOTH).receive(0.0, REQUEST.to_bytes(), source) is not None


def test_one_loud_sender_does_not_cost_another_its_answer() -> None:
    server = SdpServerCore(BOTH, rate=20, burst=20)
    for number in range(10_000):
        server.receive(number / 10_000, REQUEST.to_bytes(), "fe80::bad")
    assert server.counters.answered <= 41
    assert server.receive(1.0, REQUEST.to_bytes(), CAR) is not None
    assert server.receive(1.0, REQUEST.to_bytes(), "fe80::bad") is None
    assert server.receive(2.0, REQUEST.to_bytes(), "fe80::bad") is not None


def test_many_senders_do_not_make_the_server_grow() -> None:
    server = SdpServerCore(BOTH, max_senders=16)
    for number in range(2_000):
        server.receive(0.0, REQUEST.to_bytes(), f"fe80::{number:x}")
    assert len(server._buckets) == 16


def test_the_sender_unheard_for_longest_is_forgotten_first() -> None:
    server = SdpServerCore(BOTH, rate=0.001, burst=1, max_senders=2)

    def answered(source: str) -> bool:
        return server.receive(0.0, REQUEST.to_bytes(), source) is not None

    assert answered("fe80::a")
    assert answered("fe80::b")
    assert not answered("fe80::a")
    assert answered("fe80::c")  # takes the place of b
    assert not answered("fe80::a")
    assert answered("fe80::b")


def test_a_flood_is_cheap() -> None:
    server = SdpServerCore(BOTH)
    started = time.perf_counter()
    for number in range(10_000):
        server.receive(number / 10_000, BAD_REQUESTS["version"], "fe80::bad")
    assert time.perf_counter() - started < 1.0  # the share of one second that 10,000 a second may take


def client(**options: object) -> SdpClientCore:
    return SdpClientCore(REQUEST, 100.0, **options)  # type: ignore[arg-type]  # options of one test each


def test_the_car_asks_every_250_ms_and_at_most_50_times() -> None:
    """[V2G2-159], [V2G2-161]."""
    car = client()
    sent_at = []
    now = 100.0
    while (deadline := car.next_deadline()) is not None:
        sent_at += [now] * len(car.data_to_send())
        car.timeout(deadline - 0.001)
        assert car.data_to_send() == []
        now = deadline
        car.timeout(now)
    assert len(sent_at) == car.requests_sent == 50
    assert sent_at == pytest.approx([100.0 + 0.25 * number for number in range(50)])
    [failed] = car.events()
    assert isinstance(failed, SdpFailed)
    assert "no station answered" in str(failed.error)
    assert now == pytest.approx(112.5)


def test_the_budget_ends_the_search() -> None:
    """[V2G2-446]."""
    car = client(retry_interval=3.0)
    while (deadline := car.next_deadline()) is not None:
        now = deadline
        car.timeout(now)
    assert now == 120.0
    assert car.requests_sent == 7
    assert isinstance(car.events()[0], SdpFailed)


def test_the_first_usable_answer_is_found_and_asking_stops() -> None:
    car = client()
    assert car.data_to_send() == [REQUEST.to_bytes()]
    car.receive(100.1, ANSWER.to_bytes())
    assert car.events() == [SdpFound(ANSWER, downgraded=False)]
    assert car.next_deadline() is None
    assert car.data_to_send() == []
    car.receive(100.2, ANSWER.to_bytes())  # some stations answer twice
    assert car.events() == []


def test_a_second_different_answer_is_a_conflict() -> None:
    car = client()
    other = SdpResponse(IPv6Address("fe80::bad"), 50_000, Security.TLS)
    car.receive(100.1, ANSWER.to_bytes())
    car.receive(100.2, other.to_bytes())
    assert car.events() == [SdpFound(ANSWER, downgraded=False), SdpConflict(ANSWER, other)]


BAD_ANSWERS = {name: data for name, data in BAD_REQUESTS.items() if name != "a response"} | {
    "a request": REQUEST.to_bytes(),
    "cut off": ANSWER.to_bytes()[:-1],
}


@pytest.mark.parametrize("wrong", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_malformed_answers_are_counted_and_the_search_goes_on(wrong: bytes) -> None:
    car = client()
    car.receive(100.1, wrong)
    assert car.malformed == 1
    assert car.events() == []
    car.receive(100.2, ANSWER.to_bytes())
    assert car.events() == [SdpFound(ANSWER, downgraded=False)]


UNUSABLE = {
    "port 0": SdpResponse(ADDRESS, 0, Security.TLS),
    "unspecified": SdpResponse(IPv6Address("::"), 50_000, Security.TLS),
    "multicast": SdpResponse(IPv6Address("ff02::1"), 50_000, Security.TLS),
    "off link": SdpResponse(IPv6Address("2001:db8::1"), 50_000, Security.TLS),
    "loopback": SdpResponse(IPv6Address("::1"), 50_000, Security.TLS),
    "udp": SdpResponse(ADDRESS, 50_000, Security.TLS, Transport.UDP),
}


@pytest.mark.parametrize("answer", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_answers_are_refused(answer: SdpResponse) -> None:
    car = client()
    car.receive(100.1, answer.to_bytes())
    assert car.events() == []
    assert sum(car.refused.values()) == 1
    car.receive(100.1, ANSWER.to_bytes())
    assert car.events() == [SdpFound(ANSWER, downgraded=False)]
    car.receive(100.1, answer.to_bytes())  # nor is it a conflict
    assert car.events() == []


def test_addresses_of_other_links_can_be_allowed_and_the_rest_cannot() -> None:
    for name, answer in UNUSABLE.items():
        car = client(danger_any_address=True)
        car.receive(100.1, answer.to_bytes())
        assert bool(car.events()) == (name in {"off link", "loopback"}), name


def test_an_upgrade_is_followed_and_a_downgrade_is_told() -> None:
    """[V2G2-628]."""
    upgraded = SdpClientCore(SdpRequest(Security.NONE), 0.0)
    upgraded.receive(0.1, ANSWER.to_bytes())
    assert upgraded.events() == [SdpFound(ANSWER, downgraded=False)]
    plain = SdpResponse(ADDRESS, 50_001, Security.NONE)
    downgraded = client()
    downgraded.receive(100.1, plain.to_bytes())
    assert downgraded.events() == [SdpFound(plain, downgraded=True)]


def test_a_downgrade_fails_when_tls_is_needed_unless_a_real_answer_comes_in_time() -> None:
    plain = SdpResponse(ADDRESS, 50_001, Security.NONE).to_bytes()
    car = client(require_tls=True)
    car.receive(100.1, plain)
    assert car.events() == []
    car.timeout(100.25)
    [failed] = car.events()
    assert isinstance(failed, SdpFailed)
    assert "no TLS" in str(failed.error)
    car = client(require_tls=True)
    car.receive(100.1, plain)
    car.receive(100.2, ANSWER.to_bytes())
    assert car.events() == [SdpFound(ANSWER, downgraded=False)]


def test_after_failure_nothing_happens_any_more() -> None:
    car = client(max_requests=1)
    car.timeout(100.25)
    assert isinstance(car.events()[0], SdpFailed)
    car.receive(100.3, ANSWER.to_bytes())
    assert car.events() == []


@pytest.mark.parametrize("limits", [{"max_requests": 0}, {"retry_interval": 0.0}, {"budget": 0.0}])
def test_limits_have_to_make_sense(limits: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        client(**limits)
    with pytest.raises(LocalError):
        SdpServerCore(BOTH, burst=0)
