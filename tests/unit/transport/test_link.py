"""One connection: deadlines, resets, half closes, slow peers, wake-ups, TLS."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from plugcharge.errors import ChainError, LocalError, TlsError
from plugcharge.pki.test_pki import TestPki
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.link import Link, SessionCore, drive
from plugcharge.transport.tls import ISO2, TlsClient, TlsClientContext, TlsServerContext
from plugcharge.wire.v2gtp import PayloadType, pack
from tests.unit.transport.echo_core import EchoCore, QuestionCore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

PKI = TestPki(b"link", now=datetime(2026, 6, 1, tzinfo=UTC))
SERVER_TLS = TlsServerContext(ISO2, TlsIdentity.from_der(PKI.secc.chain, PKI.secc.key))
CLIENT_TLS = TlsClientContext(ISO2, lambda chain: None)
HELLO = pack(PayloadType.EXI, b"hello")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def connected() -> AsyncIterator[tuple[Streams, socket.socket]]:
    """A stream for the link and a plain socket for the peer."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=ours)
    try:
        yield (reader, writer), theirs
    finally:
        theirs.close()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def receive(peer: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        piece = await asyncio.get_running_loop().sock_recv(peer, 65_536)
        if not piece:
            break
        data += piece
    return data


def start(core: SessionCore, streams: Streams) -> asyncio.Task[None]:
    return asyncio.create_task(drive(core, *streams, None, time.monotonic))


def test_the_test_cores_satisfy_the_protocol() -> None:
    assert isinstance(EchoCore(), SessionCore)
    assert isinstance(QuestionCore(0.0, []), SessionCore)
    assert not isinstance(object(), SessionCore)


@pytest.mark.parametrize("cut", range(1, len(HELLO)))
def test_a_frame_cut_anywhere(cut: int) -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            running = start(core := EchoCore(), streams)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(peer, HELLO[:cut])
            await asyncio.sleep(0.001)
            await loop.sock_sendall(peer, HELLO[cut:])
            assert await receive(peer, len(HELLO)) == HELLO
            peer.close()
            await asyncio.wait_for(running, 1)
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_each_item_is_one_write() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            writes: list[bytes] = []
            real_write = writer.write
            writer.write = lambda data: (writes.append(bytes(data)), real_write(data))[1]  # type: ignore[assignment, method-assign, func-returns-value, unused-ignore]  # a spy
            core = EchoCore()
            core.say(b"one")
            core.say(b"two")
            running = start(core, (reader, writer))
            await receive(peer, 22)
            assert writes == [pack(PayloadType.EXI, b"one"), pack(PayloadType.EXI, b"two")]
            peer.close()
            await running

    asyncio.run(scenario())


def test_a_goodbye_is_answered_before_the_connection_closes() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            running = start(core := EchoCore(), streams)
            goodbye = pack(PayloadType.EXI, b"bye")
            await asyncio.get_running_loop().sock_sendall(peer, goodbye)
            assert await receive(peer, 1000) == goodbye  # reads to the end of the stream
            await asyncio.wait_for(running, 1)
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_the_close_delay_lets_the_peer_close_first() -> None:
    async def scenario(peer_closes: bool) -> float:
        async with connected() as (streams, peer):
            running = start(EchoCore(close_delay=0.3), streams)
            goodbye = pack(PayloadType.EXI, b"bye")
            await asyncio.get_running_loop().sock_sendall(peer, goodbye)
            await receive(peer, len(goodbye))
            started = time.monotonic()
            if peer_closes:
                peer.close()
            await asyncio.wait_for(running, 1)
            return time.monotonic() - started

    assert asyncio.run(scenario(peer_closes=False)) == pytest.approx(0.3, abs=0.1)
    assert asyncio.run(scenario(peer_closes=True)) < 0.2


def test_the_cores_deadline_closes_a_silent_connection() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            started = time.monotonic()
            running = start(EchoCore(started, patience=0.2), streams)
            assert await receive(peer, 1) == b""
            await running
            assert time.monotonic() - started == pytest.approx(0.2, abs=0.1)

    asyncio.run(scenario())


def test_slow_octets_do_not_put_the_deadline_off() -> None:
    """[B8]: one octet now and then is no answer."""

    async def scenario() -> None:
        async with connected() as (streams, peer):
            started = time.monotonic()
            running = start(EchoCore(started, patience=0.3), streams)
            for octet in HELLO * 3:
                if running.done():
                    break
                with contextlib.suppress(OSError):
                    await asyncio.get_running_loop().sock_sendall(peer, bytes((octet,)))
                await asyncio.sleep(0.05)
            await running
            assert time.monotonic() - started == pytest.approx(0.3, abs=0.15)

    asyncio.run(scenario())


def test_a_half_close_still_gets_its_answer() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            running = start(core := EchoCore(), streams)
            await asyncio.get_running_loop().sock_sendall(peer, HELLO)
            peer.shutdown(socket.SHUT_WR)
            assert await receive(peer, 1000) == HELLO
            await running
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_garbage_closes_and_the_core_is_told_once() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            running = start(core := EchoCore(), streams)
            await asyncio.get_running_loop().sock_sendall(peer, b"GET / HTTP/1.1\r\n\r\n")
            assert await receive(peer, 1) == b""
            await running
            assert len(core.faults) == len(core.lost) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("before", [b"", HELLO[:5], HELLO])
def test_a_reset_at_any_time(before: bytes) -> None:
    async def scenario() -> None:
        server_side: list[asyncio.Task[None]] = []
        core = EchoCore()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            server_side.append(asyncio.create_task(drive(core, reader, writer, None, time.monotonic)))

        server = await asyncio.start_server(accept, "::1", 0)
        peer = socket.socket(socket.AF_INET6)
        peer.setblocking(False)
        await asyncio.get_running_loop().sock_connect(peer, server.sockets[0].getsockname())
        await asyncio.get_running_loop().sock_sendall(peer, before)
        await asyncio.sleep(0.02)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        await asyncio.sleep(0.02)
        await asyncio.wait_for(server_side[0], 1)
        assert len(core.lost) == 1
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())


def test_a_peer_that_does_not_read_is_dropped_at_the_deadline_and_memory_stays_bounded() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            core = EchoCore(time.monotonic(), patience=0.3)
            running = start(core, (reader, writer))
            frame = pack(PayloadType.EXI, bytes(60_000))
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(peer, frame * 60))
            started = time.monotonic()
            largest = 0
            while not running.done():
                held = writer.transport.get_write_buffer_size() + len(reader._buffer)  # type: ignore[attr-defined]  # asyncio's own buffer
                largest = max(largest, held)
                await asyncio.sleep(0.005)
            assert time.monotonic() - started < 1.5
            # what may be in flight: one read of 64 KiB answered, and the stream's limit twice
            assert largest <= 4 * 65_536 + 65_536
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending

    asyncio.run(scenario())


def test_wake_sends_what_the_core_thought_of_by_itself() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            core = EchoCore()
            link = await Link.establish(reader, writer, tls=None, clock=time.monotonic)
            running = asyncio.create_task(link.run(core))
            await asyncio.sleep(0.02)
            core.say(b"by myself")
            link.wake()
            assert await receive(peer, 17) == pack(PayloadType.EXI, b"by myself")
            core.closed = True
            link.wake()
            await asyncio.wait_for(running, 1)

    asyncio.run(scenario())


def test_a_wake_just_before_the_link_goes_to_sleep_is_not_lost() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            link = await Link.establish(reader, writer, tls=None, clock=time.monotonic)

            class Forgetful(EchoCore):
                def next_deadline(self) -> float | None:
                    if not self.received:
                        self.received = 1
                        self.say(b"by the way")
                        link.wake()
                    return None

            running = asyncio.create_task(link.run(Forgetful()))
            data = await asyncio.wait_for(receive(peer, 18), 1)
            assert data == pack(PayloadType.EXI, b"by the way")
            peer.close()
            await running

    asyncio.run(scenario())


def test_an_error_of_the_core_closes_the_connection_and_is_passed_on() -> None:
    class Broken(EchoCore):
        def receive(self, now: float, data: bytes) -> None:
            raise RuntimeError("a bug")

    async def scenario() -> None:
        async with connected() as (streams, peer):
            core = Broken()
            running = start(core, streams)
            await asyncio.get_running_loop().sock_sendall(peer, HELLO)
            assert await receive(peer, 1) == b""
            with pytest.raises(RuntimeError, match="a bug"):
                await running
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_a_core_that_is_always_late_does_not_starve_the_others() -> None:
    class Late(EchoCore):
        def next_deadline(self) -> float | None:
            return 0.0

        def timeout(self, now: float) -> None:
            """Does nothing about it."""

    async def scenario() -> None:
        async with connected() as (streams, _peer):
            running = start(Late(), streams)
            await asyncio.wait_for(asyncio.sleep(0.01), 1)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running

    asyncio.run(scenario())


def test_a_link_that_is_dropped_while_it_waits_ends_quietly() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            link = await Link.establish(reader, writer, tls=None, clock=time.monotonic)
            core = EchoCore()
            running = asyncio.create_task(link.run(core))
            await asyncio.get_running_loop().sock_sendall(peer, HELLO)
            await receive(peer, len(HELLO))
            await link.abort()
            await asyncio.wait_for(running, timeout=2.0)
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_a_session_that_is_over_is_not_driven() -> None:
    async def scenario() -> None:
        async with connected() as (streams, _peer):
            core = EchoCore()
            core.closed = True
            with pytest.raises(LocalError):
                await drive(core, *streams, None, time.monotonic)

    asyncio.run(scenario())


async def tls_pair(
    client_tls: TlsClientContext, server_core: EchoCore, client_core: SessionCore
) -> tuple[object, object]:
    """Drive both ends of a connection; give what each of them ended with."""
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)
    server, client = await asyncio.open_connection(sock=ours), await asyncio.open_connection(sock=theirs)
    return await asyncio.gather(
        drive(server_core, *server, SERVER_TLS.new_connection(), time.monotonic),
        drive(client_core, *client, client_tls.new_connection(), time.monotonic),
        return_exceptions=True,
    )


def test_two_cores_over_tls() -> None:
    questions = [b"one", b"two" * 5000, b"bye"]
    server, client = EchoCore(), QuestionCore(time.monotonic(), questions)
    server_end, client_end = asyncio.run(tls_pair(CLIENT_TLS, server, client))
    assert server_end is None
    assert client_end is None
    assert client.answers == questions
    assert len(server.lost) == len(client.lost) == 1


def test_a_refused_station_gets_no_octet_of_the_core() -> None:
    def refuse(_chain: Sequence[bytes]) -> None:
        raise ChainError("not my root", code="FAILED_CertChainError", rule="test")

    server, client = EchoCore(), QuestionCore(time.monotonic(), [b"secret"])
    _, refused = asyncio.run(tls_pair(TlsClientContext(ISO2, refuse), server, client))
    assert isinstance(refused, ChainError)
    assert server.received == 0
    assert client.answers == []
    assert len(client.lost) == 1


async def tls_peer(peer: socket.socket) -> TlsClient:
    """Shake hands by hand over a plain socket."""
    client = CLIENT_TLS.new_connection()
    loop = asyncio.get_running_loop()
    while not client.handshake_done:
        await loop.sock_sendall(peer, client.data_to_send())
        client.receive(await loop.sock_recv(peer, 65_536))
    return client


def test_an_answer_to_what_came_together_with_the_peers_goodbye() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            tls = SERVER_TLS.new_connection()
            running = asyncio.create_task(drive(core := EchoCore(), *streams, tls, time.monotonic))
            client = await tls_peer(peer)
            client.send(HELLO)
            client.close()
            await asyncio.get_running_loop().sock_sendall(peer, client.data_to_send())
            assert client.receive(await receive(peer, 100_000)) == [HELLO]
            await asyncio.wait_for(running, 1)
            assert len(core.lost) == 1

    asyncio.run(scenario())


def test_frames_that_came_together_are_handed_over_together() -> None:
    """Over TLS as over plain TCP, so that pipelining is seen."""

    class Watching(EchoCore):
        def receive(self, now: float, data: bytes) -> None:
            handed.append(data)
            super().receive(now, data)

    handed: list[bytes] = []

    async def scenario() -> None:
        async with connected() as (streams, peer):
            tls = SERVER_TLS.new_connection()
            running = asyncio.create_task(drive(Watching(), *streams, tls, time.monotonic))
            client = await tls_peer(peer)
            client.send(HELLO)
            client.send(HELLO)
            client.close()
            await asyncio.get_running_loop().sock_sendall(peer, client.data_to_send())
            await asyncio.wait_for(running, 1)

    asyncio.run(scenario())
    assert handed == [HELLO + HELLO]


def test_a_damaged_record_ends_the_connection_with_an_alert() -> None:
    async def scenario() -> None:
        async with connected() as (streams, peer):
            tls = SERVER_TLS.new_connection()
            running = asyncio.create_task(drive(core := EchoCore(), *streams, tls, time.monotonic))
            client = await tls_peer(peer)
            client.send(HELLO)
            good = client.data_to_send()
            client.send(HELLO)
            bad = bytearray(client.data_to_send())
            bad[-1] ^= 1
            await asyncio.get_running_loop().sock_sendall(peer, good + bytes(bad))
            answer = await receive(peer, 100_000)
            assert answer[0] == 0x15  # alert
            await asyncio.wait_for(running, 1)
            assert len(core.lost) == 1
            assert core.received == len(HELLO)

    asyncio.run(scenario())


def test_a_handshake_that_never_comes() -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            core = EchoCore()
            started = time.monotonic()
            with pytest.raises(TlsError, match="too long"):
                await drive(
                    core,
                    reader,
                    writer,
                    SERVER_TLS.new_connection(),
                    time.monotonic,
                    handshake_timeout=0.1,
                )
            assert time.monotonic() - started < 0.5
            assert await receive(peer, 1) == b""
            assert len(core.lost) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", HELLO])
def test_a_peer_that_leaves_during_the_handshake_or_speaks_something_else(said: bytes) -> None:
    async def scenario() -> None:
        async with connected() as ((reader, writer), peer):
            await asyncio.get_running_loop().sock_sendall(peer, said)
            peer.shutdown(socket.SHUT_WR)
            with pytest.raises(TlsError):
                await Link.establish(reader, writer, tls=SERVER_TLS.new_connection(), clock=time.monotonic)
            answer = await receive(peer, 1000)
            assert HELLO not in answer

    asyncio.run(scenario())
