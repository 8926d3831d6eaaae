"""SDP on real sockets: loopback, an interface with a link-local address where there is one, floods."""

from __future__ import annotations

import asyncio
import socket
import time
import tracemalloc
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, cast

import pytest

from plugcharge.errors import LocalError, PeerError
from plugcharge.transport.discovery import Interface, SdpServer, discover
from plugcharge.transport.station_link import StationListener
from plugcharge.transport.vehicle_link import connect_found
from plugcharge.wire.sdp import (
    SdpClientCore,
    SdpRequest,
    SdpResponse,
    SdpServerCore,
    SdpStation,
    Security,
)
from tests.unit.transport.echo_core import EchoCore, QuestionCore

if TYPE_CHECKING:
    from collections.abc import Callable

LOOPBACK = IPv6Address("::1")
STATION = SdpStation(LOOPBACK, tls_port=50_000, plain_port=50_001)
REQUEST = SdpRequest(Security.TLS)


def loopback_core() -> SdpServerCore:
    return SdpServerCore(STATION, danger_any_source=True)


def car(**options: object) -> SdpClientCore:
    options = {"danger_any_address": True, "retry_interval": 0.05, **options}
    return SdpClientCore(REQUEST, time.monotonic(), **options)  # type: ignore[arg-type]  # options of one test each


class Fake(asyncio.DatagramProtocol):
    """A station that answers what a test wants."""

    def __init__(self, answers: Callable[[bytes], list[bytes]]) -> None:
        self._answers = answers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        for answer in self._answers(data):
            self.transport.sendto(answer, addr)


async def search_fake(
    answers: Callable[[bytes], list[bytes]], core: SdpClientCore, **options: object
) -> SdpResponse:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Fake(answers), local_addr=("::1", 0)
    )
    try:
        port = transport.get_extra_info("sockname")[1]
        found = await discover(core, loopback_port=port, **options)  # type: ignore[arg-type]  # options of one test each
        return found.answer.response
    finally:
        transport.close()
        await asyncio.sleep(0)


def test_a_search_on_loopback() -> None:
    async def scenario() -> None:
        async with await SdpServer.start(loopback_core(), interface=None, port=0) as server:
            started = time.monotonic()
            found = await discover(car(), loopback_port=server.port)
            assert found.answer.response == SdpResponse(LOOPBACK, 50_000, Security.TLS)
            assert found.scope == 0
            assert not found.answer.downgraded
            assert time.monotonic() - started < 0.5

    asyncio.run(scenario())


def test_a_paused_server_is_quiet_and_answers_again_afterwards() -> None:
    async def scenario() -> None:
        async with await SdpServer.start(loopback_core(), interface=None, port=0) as server:
            server.core.paused = True
            with pytest.raises(PeerError, match="no station answered"):
                await discover(car(max_requests=3), loopback_port=server.port)
            server.core.paused = False
            await discover(car(), loopback_port=server.port)

    asyncio.run(scenario())


def test_a_server_that_comes_later_is_found() -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
            free.bind(("::1", 0))
            port = free.getsockname()[1]
        searching = asyncio.create_task(discover(car(), loopback_port=port))
        await asyncio.sleep(0.12)
        async with await SdpServer.start(loopback_core(), interface=None, port=port):
            found = await asyncio.wait_for(searching, 1)
            assert found.answer.response.port == 50_000

    asyncio.run(scenario())


def test_nonsense_before_the_answer_is_ignored() -> None:
    good = SdpResponse(LOOPBACK, 50_000, Security.TLS)
    answers = [
        b"\0",
        b"junk",
        REQUEST.to_bytes(),
        good.to_bytes()[:-1],
        SdpResponse(LOOPBACK, 0, Security.TLS).to_bytes(),
    ]
    response = asyncio.run(search_fake(lambda _: [*answers, good.to_bytes()], core := car()))
    assert response == good
    assert core.malformed == 4
    assert core.refused == {"port 0": 1}


def test_two_different_answers_fail_closed_unless_the_danger_is_named() -> None:
    first = SdpResponse(LOOPBACK, 50_000, Security.TLS)
    second = SdpResponse(LOOPBACK, 50_002, Security.TLS)

    def both(_request: bytes) -> list[bytes]:
        return [first.to_bytes(), second.to_bytes()]

    with pytest.raises(PeerError, match="two stations answer"):
        asyncio.run(search_fake(both, car()))
    assert asyncio.run(search_fake(both, car(), danger_ignore_conflict=True)) == first


def test_a_downgrade_is_refused_when_tls_is_needed() -> None:
    plain = SdpResponse(LOOPBACK, 50_001, Security.NONE).to_bytes()
    with pytest.raises(PeerError, match="no TLS"):
        asyncio.run(search_fake(lambda _: [plain], car(require_tls=True)))


def test_off_link_answers_are_refused_by_default() -> None:
    good = SdpResponse(LOOPBACK, 50_000, Security.TLS).to_bytes()
    with pytest.raises(PeerError, match="not on this link"):
        asyncio.run(search_fake(lambda _: [good], car(danger_any_address=False, max_requests=2)))


def test_a_flood_does_not_starve_a_good_request_or_the_loop() -> None:
    """[B9], for half a second: 5,000 datagrams, good answers < 250 ms, no growth."""

    async def scenario() -> None:
        async with await SdpServer.start(loopback_core(), interface=None, port=0) as server:
            server.core._may_answer = lambda now, address: True  # type: ignore[method-assign]  # one address here
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as flood:
                flood.setblocking(False)
                flood.connect(("::1", server.port))
                junk = [b"junk", REQUEST.to_bytes()[:-1], b"\xff" * 1200]
                tracemalloc.start()
                try:
                    before = tracemalloc.get_traced_memory()[0]
                    slowest = 0.0
                    for burst in range(50):
                        for number in range(100):
                            try:
                                flood.send(junk[number % 3])
                            except BlockingIOError:
                                break
                        if burst % 10 == 5:
                            started = time.monotonic()
                            await discover(car(), loopback_port=server.port, settle=0.0)
                            slowest = max(slowest, time.monotonic() - started)
                        await asyncio.sleep(0.001)
                    grown = tracemalloc.get_traced_memory()[0] - before
                finally:
                    tracemalloc.stop()
                assert slowest < 0.25
                assert grown < 1_000_000
                assert server.core.counters.malformed > 1_000
                assert server.core.counters.answered >= 5

    asyncio.run(scenario())


def test_the_port_is_taken() -> None:
    async def scenario() -> None:
        async with await SdpServer.start(loopback_core(), interface=None, port=0) as server:
            with pytest.raises(LocalError, match="cannot listen"):
                await SdpServer.start(loopback_core(), interface=None, port=server.port)

    asyncio.run(scenario())


def test_interface_or_loopback_has_to_be_chosen() -> None:
    with pytest.raises(LocalError, match="either"):
        asyncio.run(discover(car()))
    with pytest.raises(LocalError, match="either"):
        asyncio.run(discover(car(), interface=Interface("x", 1, LOOPBACK), loopback_port=1))


@pytest.mark.parametrize("name", ["nosuch0", 99_999, ""])
def test_an_interface_that_is_not_there(name: str | int) -> None:
    with pytest.raises(LocalError, match="there is no network interface") as error:
        Interface.find(name)
    assert "lo" in str(error.value)


def test_an_interface_without_a_link_local_address() -> None:
    with pytest.raises(LocalError, match="no link-local IPv6 address"):
        Interface.find("lo")


def link_local_interface() -> Interface:
    for _, name in socket.if_nameindex():
        try:
            return Interface.find(name)
        except LocalError:
            continue
    pytest.skip("no interface here has a link-local IPv6 address")


def test_an_interface_is_found_by_name_and_by_number() -> None:
    interface = link_local_interface()
    assert Interface.find(interface.index) == interface
    assert interface.address.is_link_local


def test_discovery_and_tcp_on_a_link_local_address() -> None:
    interface = link_local_interface()

    async def scenario() -> None:
        host = str(interface.address)
        async with await StationListener.start(
            lambda link: EchoCore(), tls=None, host=host, scope=interface.index
        ) as listener:
            core = SdpServerCore(SdpStation(interface.address, plain_port=listener.port))
            async with await SdpServer.start(core, interface=interface, port=0) as server:
                search = SdpClientCore(SdpRequest(Security.NONE), time.monotonic())
                found = await discover(search, interface=interface, port=server.port)
            link = await connect_found(found.answer.response, tls=None, scope=found.scope)
            assert link.info.peer == f"[{host}%{interface.index}]:{listener.port}"
            await link.run(car_core := QuestionCore(time.monotonic(), [b"q", b"bye"]))
            assert car_core.answers == [b"q", b"bye"]

    asyncio.run(scenario())


def test_multicast_on_a_real_interface() -> None:
    """The kernel loops multicast back to its own members, so one machine is enough."""
    interface = link_local_interface()

    async def scenario() -> None:
        core = SdpServerCore(SdpStation(interface.address, tls_port=50_000))
        async with await SdpServer.start(core, interface=interface, port=0) as server:
            search = SdpClientCore(REQUEST, time.monotonic(), max_requests=4)
            found = await discover(search, interface=interface, port=server.port)
            assert found.answer.response == SdpResponse(interface.address, 50_000, Security.TLS)
            assert found.scope == interface.index
            assert core.counters.off_link == 0

    asyncio.run(scenario())
