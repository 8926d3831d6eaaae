"""The listener: crowds, garbage, resets, silence, faults of our own; a good exchange after all of them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plugcharge.errors import LocalError
from plugcharge.pki.test_pki import TestPki
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.station_link import StationListener
from plugcharge.transport.tls import ISO2, TlsClientContext, TlsServerContext
from plugcharge.transport.vehicle_link import connect
from plugcharge.wire.v2gtp import PayloadType, pack
from tests.unit.transport.echo_core import EchoCore, QuestionCore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from plugcharge.transport.link import Link, LinkInfo

PKI = TestPki(b"listener", now=datetime(2026, 6, 1, tzinfo=UTC))
SERVER_TLS = TlsServerContext(ISO2, TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key))
CLIENT_TLS = TlsClientContext(ISO2, lambda chain: None)
HELLO = pack(PayloadType.EXI, b"hello")


def run(scenario: Coroutine[None, None, None]) -> None:
    """Run a scenario in which nothing may reach the event loop's own error handler."""
    stray: list[dict[str, object]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: stray.append(context))
        await scenario

    asyncio.run(watched())
    gc.collect()
    assert stray == []


def make(listener_cores: list[EchoCore]) -> object:
    def factory(link: Link) -> EchoCore:
        core = EchoCore(time.monotonic(), patience=1.0)
        listener_cores.append(core)
        return core

    return factory


@contextlib.asynccontextmanager
async def listening(*, tls: bool, **options: object) -> AsyncIterator[tuple[StationListener, list[EchoCore]]]:
    cores: list[EchoCore] = []
    listener = await StationListener.start(
        make(cores),  # type: ignore[arg-type]  # a factory
        tls=SERVER_TLS if tls else None,
        host="::1",
        **options,  # type: ignore[arg-type]  # options of one test each
    )
    async with listener:
        yield listener, cores


async def good_exchange(listener: StationListener, *, tls: bool) -> None:
    link = await connect("::1", listener.port, tls=CLIENT_TLS if tls else None)
    questions = [b"a", b"b" * 1000, b"bye"]
    core = QuestionCore(time.monotonic(), questions)
    await link.run(core)
    assert core.answers == questions


def dial(port: int) -> socket.socket:
    peer = socket.create_connection(("::1", port))
    peer.setblocking(False)
    return peer


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


async def until(condition: object, patience: float = 1.5) -> None:
    assert callable(condition)
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("tls", [False, True])
def test_a_good_exchange(tls: bool) -> None:
    async def scenario() -> None:
        async with listening(tls=tls) as (listener, cores):
            assert 49_152 <= listener.port <= 65_535
            await good_exchange(listener, tls=tls)
            await good_exchange(listener, tls=tls)
            await until(lambda: listener.serving == listener.waiting == 0)
            assert [len(core.lost) for core in cores] == [1, 1]
            assert listener.counters.accepted == listener.counters.served == 2

    run(scenario())


def test_ipv4_loopback() -> None:
    async def scenario() -> None:
        async with await StationListener.start(
            lambda link: EchoCore(), tls=None, host="127.0.0.1"
        ) as listener:
            link = await connect("127.0.0.1", listener.port, tls=None)
            await link.run(core := QuestionCore(time.monotonic(), [b"x", b"bye"]))
            assert core.answers == [b"x", b"bye"]

    run(scenario())


def test_the_factory_learns_about_the_connection() -> None:
    async def scenario() -> None:
        infos: list[LinkInfo] = []

        def factory(link: Link) -> EchoCore:
            infos.append(link.info)
            return EchoCore()

        async with await StationListener.start(factory, tls=SERVER_TLS, host="::1") as listener:
            await good_exchange(listener, tls=True)
            assert infos[0].tls
            assert infos[0].local == f"[::1]:{listener.port}"
            assert infos[0].peer.startswith("[::1]:")

    run(scenario())


ATTACKS = [
    b"",
    b"\0",
    b"GET / HTTP/1.1\r\n\r\n",
    bytes(100_000),
    b"\xff" * 100_000,
    b"\x16\x03\x01\xff\xff" + bytes(70_000),
    HELLO[:7],
    HELLO * 50,
    pack(PayloadType.SDP_REQUEST, b"\0\0"),
    bytes.fromhex("01fe8001ffffffff"),
]


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("ending", ["close", "reset", "half close", "silence"])
def test_rude_peers_do_no_harm(tls: bool, ending: str) -> None:
    async def scenario() -> None:
        async with listening(tls=tls, handshake_timeout=0.4) as (listener, _):
            peers = []
            for attack in ATTACKS:
                peer = dial(listener.port)
                with contextlib.suppress(OSError):
                    peer.send(attack)
                peers.append(peer)
                await asyncio.sleep(0.002)
                if ending == "close":
                    peer.close()
                elif ending == "reset":
                    reset(peer)
                elif ending == "half close":
                    with contextlib.suppress(OSError):
                        peer.shutdown(socket.SHUT_WR)
            await good_exchange(listener, tls=tls)
            # "silence" after good frames is the core's business: its patience is 1 s
            await until(lambda: listener.waiting == listener.serving == 0)
            for peer in peers:
                peer.close()
            assert listener.counters.accepted == len(ATTACKS) + 1
            assert listener.counters.core_failed == 0

    run(scenario())


def test_the_handshake_timeout_covers_the_handshake_only() -> None:
    """A slow but legal car: TLS stands at once, its first message comes later."""

    async def scenario() -> None:
        async with listening(tls=True, handshake_timeout=0.3) as (listener, _):
            link = await connect("::1", listener.port, tls=CLIENT_TLS)
            await asyncio.sleep(0.6)
            assert listener.waiting == 1
            await link.run(core := QuestionCore(time.monotonic(), [b"late", b"bye"]))
            assert core.answers == [b"late", b"bye"]
            assert listener.counters.silent == 0

    run(scenario())


@pytest.mark.parametrize("tls", [False, True])
def test_after_the_handshake_the_timers_of_the_core_rule(tls: bool) -> None:
    """Without TLS the first octet counts as the handshake; the core's patience is 1 s."""

    async def scenario() -> None:
        async with listening(tls=tls, handshake_timeout=0.2) as (listener, cores):
            link = await connect("::1", listener.port, tls=CLIENT_TLS if tls else None)
            if not tls:
                link._writer.write(HELLO[:1])
            started = time.monotonic()
            assert await link._reader.read(100) is not None  # the station's close, in TLS with an alert
            assert 0.7 < time.monotonic() - started < 1.6
            await link.close()
            await until(lambda: bool(cores[0].lost))
            assert listener.counters.silent == 0
            assert listener.counters.core_failed == 0

    run(scenario())


@pytest.mark.parametrize("tls", [False, True])
def test_a_peer_that_says_nothing_at_all_is_given_up(tls: bool) -> None:
    async def scenario() -> None:
        async with listening(tls=tls, handshake_timeout=0.2) as (listener, _):
            peer = dial(listener.port)
            await until(lambda: listener.counters.silent == 1, patience=0.7)
            peer.close()

    run(scenario())


def test_the_longest_waiting_is_displaced_after_its_handshake_too() -> None:
    async def scenario() -> None:
        async with listening(tls=True, max_waiting=2) as (listener, _):
            links = [await connect("::1", listener.port, tls=CLIENT_TLS) for _ in range(3)]
            assert await links[0]._reader.read(100) is not None
            assert (listener.waiting, listener.counters.displaced) == (2, 1)
            await good_exchange(listener, tls=True)
            for link in links:
                await link.close()

    run(scenario())


def test_silent_connections_do_not_pause_discovery() -> None:
    async def scenario() -> None:
        told: list[int] = []
        async with listening(tls=False, on_connections=told.append) as (listener, _):
            peer = dial(listener.port)
            await until(lambda: listener.waiting == 1)
            assert told == []
            peer.close()
            await until(lambda: listener.waiting == 0)
        assert told == []

    run(scenario())


def test_a_fault_of_our_own_is_told_as_that(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        def factory(link: Link) -> EchoCore:
            raise LocalError("the clock gave a time without a zone")

        async with await StationListener.start(factory, tls=None, host="::1") as listener:
            peer = dial(listener.port)
            await until(lambda: listener.counters.core_failed == 1)
            assert listener.counters.handshake_failed == 0
            peer.close()

    with caplog.at_level(logging.ERROR, "plugcharge.transport.station_link"):
        run(scenario())
    assert "without a zone" in caplog.text


def test_a_crowd_of_silent_peers_is_bounded_and_keeps_nobody_out() -> None:
    """[L1]: half TLS, half plain; a running session goes on and newcomers get in."""

    async def scenario() -> None:
        async with (
            listening(tls=True, handshake_timeout=0.5) as (secure, _),
            listening(tls=False, handshake_timeout=0.5) as (plain, _),
        ):
            link = await connect("::1", plain.port, tls=None)
            slowest = 0.0
            core = QuestionCore(time.monotonic(), [b"first"], patience=10.0, stay=True)
            running = asyncio.create_task(link.run(core))
            await until(lambda: core.answers == [b"first"])
            handles = len(list(Path("/proc/self/fd").iterdir()))
            crowd = []
            for number in range(60):
                crowd += [dial(secure.port), dial(plain.port)]
                started = time.monotonic()
                core.ask(b"charge loop")
                link.wake()
                await until(lambda expected=number + 2: len(core.answers) == expected)
                slowest = max(slowest, time.monotonic() - started)
                assert secure.waiting <= 16
                assert plain.waiting <= 16
            assert slowest < 0.5
            await good_exchange(secure, tls=True)
            await good_exchange(plain, tls=False)
            # 120 of our own ends are open; the stations' ends are capped
            assert len(list(Path("/proc/self/fd").iterdir())) - handles <= 120 + 2 * (16 + 4)
            await until(lambda: secure.waiting == plain.waiting == 0)
            assert secure.counters.displaced + secure.counters.silent == 60
            assert plain.serving == 1
            core.closed = True
            link.wake()
            await running
            for peer in crowd:
                peer.close()

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("counts open files through /proc")
    run(scenario())


def test_a_full_house_refuses() -> None:
    async def scenario() -> None:
        async with listening(tls=False, max_waiting=1, max_connections=2) as (listener, _):
            peers = []
            for _ in range(2):
                peer = dial(listener.port)
                peer.send(HELLO)
                assert await asyncio.get_running_loop().sock_recv(peer, 100) == HELLO
                peers.append(peer)
            assert listener.serving == 2
            third = dial(listener.port)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.get_running_loop().sock_recv(third, 1) == b""
            assert listener.counters.refused == 1
            third.close()
            for peer in peers:
                peer.close()
            await until(lambda: listener.serving == 0)
            await good_exchange(listener, tls=False)

    run(scenario())


def test_a_broken_core_is_reported_and_the_next_car_is_served(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        broken = True

        def factory(link: Link) -> EchoCore:
            if broken:
                raise RuntimeError("a bug in the factory")
            return EchoCore()

        async with await StationListener.start(factory, tls=None, host="::1") as listener:
            peer = dial(listener.port)
            await until(lambda: listener.counters.core_failed == 1)
            peer.close()
            broken = False
            await good_exchange(listener, tls=False)

    with caplog.at_level(logging.ERROR, "plugcharge.transport.station_link"):
        run(scenario())
    assert "a bug in the factory" in caplog.text


def test_connections_are_told_so_that_discovery_can_pause() -> None:
    async def scenario() -> None:
        told: list[int] = []
        async with listening(tls=False, on_connections=told.append) as (listener, _):
            await good_exchange(listener, tls=False)
            await until(lambda: told[-1:] == [0])
            assert told == [1, 0]

    run(scenario())


def test_a_new_certificate_is_used_for_new_connections() -> None:
    async def scenario() -> None:
        seen: list[bytes] = []
        watching = TlsClientContext(ISO2, lambda chain: seen.append(chain[0]))
        renewed = PKI.secc_leaf("DEPLGS000002")
        async with listening(tls=True) as (listener, _):
            for _ in range(2):
                link = await connect("::1", listener.port, tls=watching)
                await link.run(QuestionCore(time.monotonic(), [b"bye"]))
                listener.tls = TlsServerContext(ISO2, TlsIdentity.from_der(renewed.chain, renewed.key))
        assert seen == [PKI.secc.der, renewed.der]

    run(scenario())


def test_one_connection_holds_at_most_256_kib() -> None:
    """[B8]: the peer sends for ever and reads nothing."""

    async def scenario() -> None:
        held = 0
        streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        async with listening(tls=False) as (listener, cores):
            accept = listener._accept
            serving = listener._server
            assert serving is not None

            def spy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                streams.append((reader, writer))
                accept(reader, writer)

            server = await asyncio.start_server(spy, sock=_same_kind_of_socket(), limit=32_768)
            peer = dial(server.sockets[0].getsockname()[1])
            frame = pack(PayloadType.EXI, bytes(65_536))
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(peer, frame * 100))
            await until(lambda: bool(cores))
            while not cores[0].lost:
                reader, writer = streams[0]
                buffered = len(reader._buffer)  # type: ignore[attr-defined]  # asyncio's own buffer
                held = max(held, buffered + writer.transport.get_write_buffer_size())
                await asyncio.sleep(0.002)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending
            peer.close()
            server.close()
            await server.wait_closed()
        assert 0 < held <= 262_144

    run(scenario())


def _same_kind_of_socket() -> socket.socket:
    from plugcharge.transport.station_link import _listening_socket

    return _listening_socket("::1", 0, 0)


@pytest.mark.parametrize(
    "limits", [{"max_waiting": 0}, {"max_waiting": 5, "max_connections": 4}, {"handshake_timeout": 0}]
)
def test_limits_have_to_make_sense(limits: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        StationListener(lambda link: EchoCore(), tls=None, **limits)  # type: ignore[arg-type]  # limits of one test each


def test_an_address_or_port_that_cannot_be_used_is_told() -> None:
    async def scenario() -> None:
        async with listening(tls=False) as (listener, _):
            for host, port in (("::1", listener.port), ("2001:db8::1", 0), ("nonsense:", 0)):
                with pytest.raises(LocalError, match="cannot listen"):
                    await StationListener.start(lambda link: EchoCore(), tls=None, host=host, port=port)

    run(scenario())


def test_closing_drops_everybody() -> None:
    async def scenario() -> None:
        async with listening(tls=False) as (listener, cores):
            peers = [dial(listener.port) for _ in range(3)]
            peers[0].send(HELLO)
            await until(lambda: len(cores) == 3)
        assert all(core.lost for core in cores)
        for peer in peers:
            with contextlib.suppress(ConnectionError):
                await asyncio.get_running_loop().sock_recv(peer, 100)
                assert await asyncio.get_running_loop().sock_recv(peer, 100) == b""
            peer.close()

    run(scenario())
