"""SDP on real sockets: the station's server and the car's search, thin around ``plugcharge.wire.sdp``.

On a loopback address there is no multicast: the server is then bound to ``::1`` and the car is given its
port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import time
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, cast

from plugcharge.errors import LocalError, PeerError
from plugcharge.wire.sdp import (
    MULTICAST_GROUP,
    SDP_PORT,
    SdpClientCore,
    SdpConflict,
    SdpFailed,
    SdpFound,
    SdpServerCore,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SETTLE_TIME", "Found", "Interface", "SdpServer", "discover"]

SETTLE_TIME = 0.05
"""Seconds to listen for a second, different answer after the first usable one."""

_ANY_ADDRESS = "::"
_IPV6_MULTICAST_ALL = 29  # Linux: deliver only the groups that this socket has joined
_RECEIVE_BUFFER = 262_144


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with a link-local address.

    Attributes:
        name: such as ``"eth1"``.
        index: its number, which is the scope of its link-local addresses.
        address: its link-local IPv6 address.
    """

    name: str
    index: int
    address: IPv6Address

    @classmethod
    def find(cls, name_or_index: str | int) -> Interface:
        """Look an interface up.

        Raises:
            LocalError: there is no such interface, or it has no usable link-local address.
        """
        try:
            if isinstance(name_or_index, int):
                index, name = name_or_index, socket.if_indextoname(name_or_index)
            else:
                index, name = socket.if_nametoindex(name_or_index), name_or_index
        except (OSError, OverflowError) as error:
            known = ", ".join(name for _, name in socket.if_nameindex())
            raise LocalError(
                f"there is no network interface {name_or_index!r}", where="SDP", advice=f"there are: {known}"
            ) from error
        return cls(name, index, _link_local_address(name, index))


class SdpServer:
    """Answers cars' requests; make it with :meth:`start`, use it with ``async with``.

    Attributes:
        core: the rules and counters; set ``core.paused`` while a TCP connection exists.
    """

    def __init__(self, core: SdpServerCore, transport: asyncio.DatagramTransport, port: int) -> None:
        self.core = core
        self._transport = transport
        self._port = port

    @classmethod
    async def start(
        cls,
        core: SdpServerCore,
        *,
        interface: Interface | None,
        port: int = SDP_PORT,
        clock: Callable[[], float] = time.monotonic,
    ) -> SdpServer:
        """Open the UDP port and, on an interface, join ``ff02::1``.

        Args:
            core: decides the answers.
            interface: where to serve; ``None`` serves ``::1`` without multicast (then the core needs
                ``danger_any_source``).
            port: 15118, or any for tests; 0 takes a free one.
            clock: seconds of a steady clock.

        Raises:
            LocalError: the port is taken or the interface is gone.
        """
        try:
            listening = _server_socket(interface, port)
        except OSError as error:
            where = interface.name if interface else "::1"
            raise LocalError(
                f"SDP cannot listen on {where} port {port}",
                where="SDP",
                why=error.strerror or str(error),
                advice="another station program may have the port",
            ) from error
        bound_port = listening.getsockname()[1]
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _ServerProtocol(core, clock), sock=listening
        )
        return cls(core, transport, bound_port)

    @property
    def port(self) -> int:
        """The UDP port that is served."""
        return self._port

    async def close(self) -> None:
        """Stop answering and free the port."""
        self._transport.close()
        await asyncio.sleep(0)  # the socket is closed on the loop's next turn

    async def __aenter__(self) -> SdpServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class Found:
    """Where the station is.

    Attributes:
        answer: what it said, and whether that is a downgrade.
        scope: the interface index to connect with; 0 on loopback.
    """

    answer: SdpFound
    scope: int


async def discover(
    core: SdpClientCore,
    *,
    interface: Interface | None = None,
    port: int = SDP_PORT,
    loopback_port: int | None = None,
    settle: float = SETTLE_TIME,
    danger_ignore_conflict: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Search the station.

    Args:
        core: the search; made with the present time of ``clock``.
        interface: the link to search on.
        port: where the stations of that link listen; another than 15118 only for tests.
        loopback_port: instead of an interface, the port of a server on ``::1``.
        settle: seconds to listen on for a conflicting answer.
        danger_ignore_conflict: take the first answer although another, different one came.
        clock: seconds of a steady clock.

    Raises:
        PeerError: nobody answered usefully, or two answers contradict each other.
        LocalError: neither or both of ``interface`` and ``loopback_port``, or the link is down.
    """
    if (interface is None) == (loopback_port is None):
        raise LocalError("give either an interface or a loopback port", where="discover")
    scope = interface.index if interface else 0
    target = (MULTICAST_GROUP, port, 0, scope) if interface else ("::1", loopback_port, 0, 0)
    arrived: asyncio.Queue[bytes] = asyncio.Queue(maxsize=64)
    try:
        asking = _client_socket(interface)
    except OSError as error:
        raise _link_down(interface, error) from error
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _ClientProtocol(arrived), sock=asking
    )
    try:
        answer = await _search(
            core,
            send=lambda datagram: transport.sendto(datagram, target),
            arrived=arrived,
            settle=settle,
            danger_ignore_conflict=danger_ignore_conflict,
            clock=clock,
        )
    finally:
        transport.close()
        await asyncio.sleep(0)
    return Found(answer, scope)


async def _search(
    core: SdpClientCore,
    *,
    send: Callable[[bytes], None],
    arrived: asyncio.Queue[bytes],
    settle: float,
    danger_ignore_conflict: bool,
    clock: Callable[[], float],
) -> SdpFound:
    found: SdpFound | None = None
    settled = 0.0
    while True:
        for datagram in core.data_to_send():
            send(datagram)
        for event in core.events():
            match event:
                case SdpFound():
                    found, settled = event, clock() + settle
                case SdpConflict():
                    if not danger_ignore_conflict:
                        raise _conflict(event)
                case SdpFailed():
                    raise event.error
        if found is not None and clock() >= settled:
            return found
        deadline = settled if found is not None else core.next_deadline()
        try:
            async with asyncio.timeout(None if deadline is None else max(deadline - clock(), 0.0)):
                data = await arrived.get()
        except TimeoutError:
            core.timeout(clock())
        else:
            core.receive(clock(), data)


class _ServerProtocol(asyncio.DatagramProtocol):
    def __init__(self, core: SdpServerCore, clock: Callable[[], float]) -> None:
        self._core = core
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio's own datagram transport is not a subclass of its interface in every Python version
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        answer = self._core.receive(self._clock(), data, str(addr[0]))
        if answer is not None and self._transport is not None and not self._full:
            self._transport.sendto(answer, addr)

    def pause_writing(self) -> None:
        """Drop answers while earlier ones cannot leave: a queue would grow in a flood, and cars ask again."""
        self._full = True

    def resume_writing(self) -> None:
        """Answer again."""
        self._full = False

    def error_received(self, exc: Exception) -> None:
        """An answer could not be delivered; the car asks again."""


class _ClientProtocol(asyncio.DatagramProtocol):
    def __init__(self, arrived: asyncio.Queue[bytes]) -> None:
        self._arrived = arrived

    def datagram_received(self, data: bytes, addr: tuple[object, ...]) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # a flood; what is dropped comes again
            self._arrived.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there yet; the next request may be heard."""


def _server_socket(interface: Interface | None, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        listening.setblocking(False)
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if interface is None:
            listening.bind(("::1", port))
            return listening
        _bind_to_device(listening, interface)
        listening.bind((_ANY_ADDRESS, port))
        index = interface.index.to_bytes(4, sys.byteorder)
        membership = socket.inet_pton(socket.AF_INET6, MULTICAST_GROUP) + index
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
    except BaseException:
        listening.close()
        raise
    return listening


def _client_socket(interface: Interface | None) -> socket.socket:
    asking = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        asking.setblocking(False)
        if interface is None:
            asking.bind(("::1", 0))
            return asking
        _bind_to_device(asking, interface)
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, interface.index)
        asking.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 1)
        asking.bind((str(interface.address), 0, 0, interface.index))
    except BaseException:
        asking.close()
        raise
    return asking


def _bind_to_device(of: socket.socket, interface: Interface) -> None:
    """Keep other links out where the system can; without it the source address still tells a stranger."""
    with contextlib.suppress(OSError):  # not permitted in some containers
        if hasattr(socket, "SO_BINDTODEVICE"):
            of.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.name.encode() + b"\0")
            of.setsockopt(socket.IPPROTO_IPV6, _IPV6_MULTICAST_ALL, 0)


def _link_local_address(name: str, index: int) -> IPv6Address:
    """Ask the system which address it would speak from on this link."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((MULTICAST_GROUP, SDP_PORT, 0, index))
            address = IPv6Address(probe.getsockname()[0].partition("%")[0])
        except OSError as error:
            raise _no_link_local(name, error.strerror or str(error)) from error
    if not address.is_link_local:
        raise _no_link_local(name, f"its address is {address}")
    return address


def _no_link_local(name: str, why: str) -> LocalError:
    return LocalError(
        f"the interface {name} has no link-local IPv6 address",
        where="SDP",
        why=why,
        advice="bring it up, switch IPv6 on, and leave it about 2 seconds to make its fe80:: address",
    )


def _link_down(interface: Interface | None, error: OSError) -> LocalError:
    where = interface.name if interface else "::1"
    return LocalError(
        f"no request can be sent on {where}",
        where="SDP",
        why=error.strerror or str(error),
        advice="is the link up?",
    )


def _conflict(event: SdpConflict) -> PeerError:
    return PeerError(
        "two stations answer, and differently",
        where="SDP",
        why=f"[{event.first.address}]:{event.first.port} and [{event.second.address}]:{event.second.port}",
        advice="somebody on this link may pretend to be the station; unplug and try again",
    )
