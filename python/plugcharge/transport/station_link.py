"""The station's listener: accepts cars over TCP, with or without TLS, and survives whatever they do."""

from __future__ import annotations

import asyncio
import errno
import functools
import logging
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError, PlugchargeError
from plugcharge.transport.link import HANDSHAKE_TIMEOUT, Clock, Link, SessionCore

if TYPE_CHECKING:
    from plugcharge.transport.tls import TlsServerContext

__all__ = ["MAX_CONNECTIONS", "MAX_WAITING", "CoreFactory", "ListenerCounters", "StationListener"]

CoreFactory = Callable[[Link], SessionCore]
"""Makes the session core of one connection when that is ready for messages, so that its timers start then.

It gets the link: ``link.info`` tells about TLS and the peer; ``link.wake()`` is for a core that has something
new to send without having been called, such as an answer of the station's hardware.
"""

MAX_WAITING = 16
MAX_CONNECTIONS = 64

# Together they bound what one connection can hold: the kernel gives at most twice the receive buffer at
# once, and the stream stops reading at twice its limit. 2 * 32 KiB + 2 * 32 KiB, plus 64 KiB for what is
# being written.
_RECEIVE_BUFFER = 32_768
_STREAM_LIMIT = 32_768

_DYNAMIC_PORTS = range(49_152, 65_536)
_PORT_TRIES = 50

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class ListenerCounters:
    """What happened to connections; plain numbers that only grow."""

    accepted: int = 0
    served: int = 0
    handshake_failed: int = 0
    displaced: int = 0
    refused: int = 0
    silent: int = 0
    core_failed: int = 0


class StationListener:
    """A TCP port on which a station serves cars; make it with :meth:`start`, use it with ``async with``.

    A connection *waits* until its TLS handshake is done and its core has answered for the first time. At most
    ``max_waiting`` may wait: one more displaces the one that has waited longest, so a crowd of silent
    connections cannot keep a car out. A connection is closed when its TLS handshake is not done, or without
    TLS its first octet not there, after ``handshake_timeout`` seconds; from then on the timers of its core
    rule.

    Attributes:
        counters: see :class:`ListenerCounters`.
        tls: the TLS context for new connections. Replace it to load a new certificate: building a context
            from broken files raises before anything is replaced.
    """

    def __init__(
        self,
        core_factory: CoreFactory,
        *,
        tls: TlsServerContext | None,
        clock: Clock = time.monotonic,
        max_waiting: int = MAX_WAITING,
        max_connections: int = MAX_CONNECTIONS,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        on_connections: Callable[[int], None] | None = None,
    ) -> None:
        if max_waiting < 1 or max_connections < max_waiting or handshake_timeout <= 0:
            raise LocalError(
                "the limits of the listener do not fit",
                where="StationListener",
                why="1 <= max_waiting <= max_connections and handshake_timeout > 0",
            )
        self.tls = tls
        self.counters = ListenerCounters()
        self._core_factory = core_factory
        self._clock = clock
        self._max_waiting = max_waiting
        self._max_connections = max_connections
        self._handshake_timeout = handshake_timeout
        self._on_connections = on_connections
        self._server: asyncio.Server | None = None
        self._waiting: dict[asyncio.Task[None], None] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._port = 0
        self._told = 0

    @classmethod
    async def start(
        cls,
        core_factory: CoreFactory,
        *,
        tls: TlsServerContext | None,
        host: str = "::",
        port: int = 0,
        scope: int = 0,
        clock: Clock = time.monotonic,
        max_waiting: int = MAX_WAITING,
        max_connections: int = MAX_CONNECTIONS,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        on_connections: Callable[[int], None] | None = None,
    ) -> StationListener:
        """Open the port.

        Args:
            core_factory: makes the core of each connection.
            tls: how to speak TLS; ``None`` for plain TCP, on which Plug and Charge is not offered [V2G2-634].
            host: IPv6 or IPv4 address to listen on; a link-local one needs ``scope``.
            port: 0 takes a free one from the dynamic range, which is what SDP expects (49152 to 65535).
            scope: index of the interface, for a link-local address.
            clock: the time the cores are given.
            max_waiting: connections that may wait for TLS or for their first answer.
            max_connections: all connections together; more are refused.
            handshake_timeout: seconds a connection has for its TLS handshake, or for its first octet.
            on_connections: told how many connections are served whenever that changes; a station pauses its
                discovery while there are any. Those that wait are not counted: they cost nothing to make.

        Raises:
            LocalError: the address cannot be listened on, or the limits do not fit.
        """
        listener = cls(
            core_factory,
            tls=tls,
            clock=clock,
            max_waiting=max_waiting,
            max_connections=max_connections,
            handshake_timeout=handshake_timeout,
            on_connections=on_connections,
        )
        listening = _listening_socket(host, port, scope)
        listener._port = listening.getsockname()[1]
        listener._server = await asyncio.start_server(listener._accept, sock=listening, limit=_STREAM_LIMIT)
        return listener

    @property
    def port(self) -> int:
        """The TCP port cars connect to."""
        return self._port

    @property
    def waiting(self) -> int:
        """How many connections have not got their first answer yet."""
        return len(self._waiting)

    @property
    def serving(self) -> int:
        """How many connections have got their first answer."""
        return len(self._serving)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        tasks = [*self._waiting, *self._serving, *self._leaving]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    async def __aenter__(self) -> StationListener:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counters.accepted += 1
        full = len(self._waiting) + len(self._serving) >= self._max_connections
        if full and not self._waiting:
            self.counters.refused += 1
            writer.transport.abort()
            return
        if full or len(self._waiting) >= self._max_waiting:
            self.counters.displaced += 1
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            self._leaving.add(longest)
            longest.cancel()
        task = asyncio.create_task(self._serve(reader, writer))
        self._waiting[task] = None
        task.add_done_callback(functools.partial(self._forget, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Run one connection from its first octet to its last; nothing escapes but cancellation."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        alarm = asyncio.get_running_loop().call_later(self._handshake_timeout, self._give_up, task)
        try:
            tls = self.tls.new_connection() if self.tls is not None else None
            link = await Link.establish(
                reader, writer, tls=tls, clock=self._clock, timeout=self._handshake_timeout
            )
            core = self._core_factory(link)
            if tls is not None:
                alarm.cancel()
            await link.run(_FirstAnswer(core, alarm.cancel, lambda: self._promote(task)))
        except LocalError:
            self.counters.core_failed += 1
            _log.exception("this station is at fault; the connection was closed")
        except PlugchargeError as error:
            self.counters.handshake_failed += 1
            _log.info("connection ended: %s", error)
        except Exception:  # noqa: BLE001 - the last line of defence of the listener
            # One broken session must not take the station down; the fault is ours and is told in full.
            self.counters.core_failed += 1
            _log.exception("the session core failed; its connection was closed")
        finally:
            alarm.cancel()

    def _promote(self, task: asyncio.Task[None]) -> None:
        """The core has answered: this peer is no longer one of the crowd."""
        if task in self._waiting:
            del self._waiting[task]
            self._serving.add(task)
            self.counters.served += 1
            self._tell()

    def _give_up(self, task: asyncio.Task[None]) -> None:
        if task in self._waiting:
            self.counters.silent += 1
            task.cancel()

    def _forget(self, writer: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
        writer.transport.abort()  # a task that is cancelled before its first step never got to close anything
        self._waiting.pop(task, None)
        self._serving.discard(task)
        self._leaving.discard(task)
        self._tell()

    def _tell(self) -> None:
        if self._on_connections is not None and self._told != len(self._serving):
            self._told = len(self._serving)
            self._on_connections(self._told)


class _FirstAnswer:
    """A session core that tells when the core inside hears something, and when it first answers."""

    def __init__(self, core: SessionCore, heard: Callable[[], None], answered: Callable[[], None]) -> None:
        self._core = core
        self._heard = heard
        self._answered: Callable[[], None] | None = answered
        self.next_deadline = core.next_deadline
        self.timeout = core.timeout
        self.connection_lost = core.connection_lost

    @property
    def closed(self) -> bool:
        return self._core.closed

    @property
    def close_delay(self) -> float:
        return self._core.close_delay

    def receive(self, now: float, data: bytes) -> None:
        self._heard()
        self._core.receive(now, data)

    def data_to_send(self) -> list[bytes]:
        items = self._core.data_to_send()
        if items and self._answered is not None:
            self._answered()
            self._answered = None
        return items


def _listening_socket(host: str, port: int, scope: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        _bind(listening, host, port, scope)
        listening.listen(128)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise LocalError(
            f"cannot listen on [{host}]:{port}",
            where="TCP",
            why=error.strerror or str(error),
            advice="check that the address belongs to this machine and that no other program has the port",
        ) from error
    return listening


def _bind(listening: socket.socket, host: str, port: int, scope: int) -> None:
    """Bind to ``port``, or for 0 to a free one of the dynamic range: some cars refuse a lower one."""
    candidates = [port] if port else [secrets.choice(_DYNAMIC_PORTS) for _ in range(_PORT_TRIES)]
    for position, candidate in enumerate(candidates):
        try:
            listening.bind((host, candidate, 0, scope) if ":" in host else (host, candidate))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or position == len(candidates) - 1:
                raise
        else:
            return
