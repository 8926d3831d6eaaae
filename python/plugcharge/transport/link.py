"""One connection: drives a sans-I/O session core over a stream, with or without TLS.

The core decides everything about messages and time limits; this file moves octets, keeps the core's
deadlines, and turns whatever happens to a socket (reset, half close, silence, a peer that does not read)
into calls of the core.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from plugcharge.errors import LocalError, PeerError, TlsError

if TYPE_CHECKING:
    from plugcharge.transport.tls import TlsEngine

__all__ = ["HANDSHAKE_TIMEOUT", "Clock", "Link", "LinkInfo", "SessionCore", "drive"]

Clock = Callable[[], float]
"""Gives the time in seconds of a steady clock."""

HANDSHAKE_TIMEOUT = 5.0
"""Seconds a peer has to finish its TLS handshake."""

_READ_PIECE = 65_536
_WRITE_HIGH_WATER = 65_536


@runtime_checkable
class SessionCore(Protocol):
    """What a session has to offer to be driven over a connection. It sees V2GTP octets, already decrypted."""

    @property
    def closed(self) -> bool:
        """The core wants the connection closed once everything in :meth:`data_to_send` is written."""
        ...

    @property
    def close_delay(self) -> float:
        """Seconds to leave the peer for closing first, when :attr:`closed` is true; 0 closes at once."""
        ...

    def receive(self, now: float, data: bytes) -> None:
        """Take octets from the peer, cut anywhere; its faults end in :attr:`closed`, not in an error."""

    def data_to_send(self) -> list[bytes]:
        """Octets to send now. Each item is written in one go: some peers do not put pieces together."""
        ...

    def next_deadline(self) -> float | None:
        """When :meth:`timeout` has to be called, on the clock of ``now``; ``None`` for never."""
        ...

    def timeout(self, now: float) -> None:
        """The deadline has come. It is called again until :meth:`next_deadline` lies in the future."""

    def connection_lost(self, now: float) -> None:
        """The peer closed or reset the connection, or it was given up; called once, at the end."""


@dataclass(frozen=True, slots=True)
class LinkInfo:
    """What is known about a connection that is ready for messages.

    Attributes:
        tls: whether it is encrypted.
        peer: the peer's address and port, for people.
        local: our address and port.
        peer_chain: the peer's verified TLS certificates as DER, leaf first; empty without TLS or on the
            station.
    """

    tls: bool
    peer: str
    local: str
    peer_chain: tuple[bytes, ...] = ()


class Link:
    """One open connection. Make it with :meth:`establish`, then hand it a core with :meth:`run`.

    Both ends may call :meth:`wake` when a core has something new to say without having been called by the
    link, for instance after an answer of the station's hardware.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tls: TlsEngine | None,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._tls = tls
        self._clock = clock
        self._reading: asyncio.Task[bytes] | None = None
        self._woken = False
        self._sleeper: asyncio.Future[None] | None = None
        self._early: list[bytes] = []
        self._finished = False

    @classmethod
    async def establish(
        cls,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        tls: TlsEngine | None,
        clock: Clock,
        timeout: float = HANDSHAKE_TIMEOUT,
    ) -> Link:
        """Take a connected stream and shake hands. On any error the stream is closed.

        Raises:
            TlsError: the handshake failed, was cut off, or took longer than ``timeout`` seconds.
            Exception: what the station's chain was refused with.
        """
        link = cls(reader, writer, tls, clock)
        writer.transport.set_write_buffer_limits(high=_WRITE_HIGH_WATER)
        if tls is not None:
            try:
                async with asyncio.timeout(timeout):
                    await link._shake_hands(tls)
            except TimeoutError:
                await link.abort()
                raise TlsError(
                    "the TLS handshake took too long", where=link.info.peer, why=f"{timeout} s"
                ) from None
            except OSError as error:
                await link.abort()
                raise TlsError("the connection broke in the TLS handshake", why=str(error)) from error
            except BaseException:
                await link.close()
                raise
        return link

    @property
    def info(self) -> LinkInfo:
        """What is known about this connection."""
        chain = self._tls.peer_chain if self._tls is not None else ()
        peer, local = (self._writer.get_extra_info(name) for name in ("peername", "sockname"))
        return LinkInfo(self._tls is not None, _address(peer), _address(local), chain)

    def wake(self) -> None:
        """Make the link look again at what the core has to send and when its deadline is."""
        self._woken = True
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def run(self, core: SessionCore) -> None:
        """Drive ``core`` until it wants the connection closed or the connection is gone; then close it.

        Returns normally for everything a peer can do. An error the core itself raises is passed on, after the
        connection was closed.
        """
        try:
            if self._early:
                core.receive(self._clock(), b"".join(self._early))
                self._early.clear()
            while await self._step(core):
                pass
            await self._flush(core)  # an answer to what came together with the peer's goodbye
            if core.closed and not self._finished:
                await self._linger(core.close_delay)
        finally:
            try:
                core.connection_lost(self._clock())
            finally:
                await self.close()

    async def close(self) -> None:
        """Say goodbye and close; never raises for what the peer did."""
        if self._tls is not None and not self._writer.is_closing():
            self._tls.close()
            self._writer.write(self._tls.data_to_send())
        # What the peer does not take within this time it does not get.
        await self._shut(patience=1.0)

    async def abort(self) -> None:
        """Drop the connection at once, and whatever was not sent yet."""
        self._writer.transport.abort()
        await self._shut(patience=1.0)

    async def _shut(self, patience: float) -> None:
        if self._reading is not None:
            reading, self._reading = self._reading, None
            reading.cancel()
            await asyncio.wait({reading})
            if not reading.cancelled():
                reading.exception()  # looked at, so that nobody reports it as forgotten
        self._writer.close()
        try:
            async with asyncio.timeout(patience):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _shake_hands(self, tls: TlsEngine) -> None:
        while True:
            self._writer.write(tls.data_to_send())
            if tls.handshake_done:
                return
            data = await self._reader.read(_READ_PIECE)
            if not data:
                raise TlsError("the peer closed the connection in the TLS handshake", where=self.info.peer)
            try:
                self._early += tls.receive(data)
            finally:
                self._writer.write(tls.data_to_send())

    async def _step(self, core: SessionCore) -> bool:
        """Send what the core has, then wait for octets, its deadline or a wake; ``False`` ends the run."""
        self._woken = False
        if not await self._flush(core) or core.closed:
            return False
        deadline = core.next_deadline()
        now = self._clock()
        if deadline is not None and deadline <= now:
            core.timeout(now)
            await asyncio.sleep(0)  # a core that is always late must not starve the others
            return True
        data = await self._wait(None if deadline is None else deadline - now)
        if data is None:
            return True
        return self._take(core, data)

    def _take(self, core: SessionCore, data: bytes) -> bool:
        """Hand octets to the core; ``False`` when the peer will send no more."""
        if not data:
            self._finished = True
            return False
        if self._tls is None:
            core.receive(self._clock(), data)
            return True
        try:
            # What came together is handed over together, so that a core can tell a peer that does not wait
            # for answers.
            if plaintext := b"".join(self._tls.receive(data)):
                core.receive(self._clock(), plaintext)
        except (TlsError, PeerError):
            if self._tls.failure is None:
                raise
        self._writer.write(self._tls.data_to_send())
        if self._tls.failure is not None or self._tls.peer_closed:
            self._finished = True
        return not self._finished

    async def _wait(self, seconds: float | None) -> bytes | None:
        """Give the next octets (empty at the end of the stream), or ``None`` after ``seconds`` or a wake."""
        reading = self._reading
        if reading is None:
            reading = self._reading = asyncio.create_task(self._reader.read(_READ_PIECE))
        if self._woken:
            return None
        self._sleeper = asyncio.get_running_loop().create_future()
        both: set[asyncio.Future[Any]] = {reading, self._sleeper}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._reading is not reading:
            return b""  # somebody closed or dropped the connection in the meantime
        if not reading.done():
            return None
        self._reading = None
        try:
            return reading.result()
        except OSError:
            return b""

    async def _flush(self, core: SessionCore) -> bool:
        """Write what the core has to say; ``False`` when the peer does not take it or is gone."""
        if self._tls is not None and self._tls.failure is not None:
            return False
        for item in core.data_to_send():
            if self._tls is None:
                self._writer.write(item)
            else:
                self._tls.send(item)
                self._writer.write(self._tls.data_to_send())
        if (
            self._writer.transport.get_write_buffer_size() <= _WRITE_HIGH_WATER
            and not self._writer.is_closing()
        ):
            return True
        deadline = core.next_deadline()
        patience = HANDSHAKE_TIMEOUT if deadline is None else max(deadline - self._clock(), 0.0)
        try:
            async with asyncio.timeout(patience):
                await self._writer.drain()
        except (OSError, TimeoutError):
            # A peer that does not read is as gone as one that reset the connection.
            self._writer.transport.abort()
            self._finished = True
            return False
        return True

    async def _linger(self, seconds: float) -> None:
        """Leave the peer time to close first; what it still sends is not looked at."""
        end = self._clock() + seconds
        while (left := end - self._clock()) > 0:
            self._woken = False
            if await self._wait(left) == b"":
                return


async def drive(
    core: SessionCore,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    tls: TlsEngine | None,
    clock: Clock,
    *,
    handshake_timeout: float = HANDSHAKE_TIMEOUT,
) -> None:
    """Shake hands and run ``core`` until the connection is over.

    This is :meth:`Link.establish` and :meth:`Link.run` in one.

    Use the two apart when the core's timers must not start before the connection is ready.

    Raises:
        TlsError: the handshake failed; the core was not called except for ``connection_lost``.
    """
    if core.closed:
        raise LocalError("this session is over already", where="drive")
    try:
        link = await Link.establish(reader, writer, tls=tls, clock=clock, timeout=handshake_timeout)
    except BaseException:
        core.connection_lost(clock())
        raise
    await link.run(core)


def _address(name: object) -> str:
    """Write a socket address for people: ``[fe80::1%4]:50000``."""
    if isinstance(name, tuple) and len(name) == 4:
        host, port, _flow, scope = name
        return f"[{host}%{scope}]:{port}" if scope and "%" not in host else f"[{host}]:{port}"
    if isinstance(name, tuple) and len(name) == 2:
        return f"{name[0]}:{name[1]}"
    return "unknown"
