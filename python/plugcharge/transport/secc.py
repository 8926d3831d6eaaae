"""A station on the network: listens, answers discovery, and runs a session for each car."""

from __future__ import annotations

import asyncio
import functools
import time
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Self

from plugcharge.errors import LocalError
from plugcharge.session import Authorized, Event, SeccConfig, SeccSession
from plugcharge.transport.controller import HostedSession, StationController
from plugcharge.transport.discovery import Interface, SdpServer
from plugcharge.transport.link import HANDSHAKE_TIMEOUT, Clock, Link, LinkInfo
from plugcharge.transport.station_link import MAX_CONNECTIONS, MAX_WAITING, ListenerCounters, StationListener
from plugcharge.transport.tls import ISO2, TlsServerContext
from plugcharge.wire.sdp import SDP_PORT, SdpServerCore, SdpStation

if TYPE_CHECKING:
    from collections.abc import Callable

    from plugcharge.transport.identity import TlsIdentity
    from plugcharge.transport.tls import KeyLog

__all__ = ["Secc", "SeccConfig", "StationSession"]

_SETTLE_TIME = 10.0
"""Seconds that controllers have for their last news when the station closes."""

_GONE_AFTER = 5.0
"""Seconds of silence after which another car takes the outlet; a charging car asks about once a second."""


@dataclass(frozen=True, slots=True)
class StationSession:
    """One connection of a car.

    Attributes:
        number: counts up from 1; never used twice by one :class:`Secc`.
        info: TLS or not, and the addresses.
        controller: the one that was made for it.
    """

    number: int
    info: LinkInfo
    controller: StationController


class Secc:
    """A station. ``async with`` it: inside, cars are served; leaving ends every session and frees the ports.

    Each connection gets a new session core and a new controller, so nothing of one session is left in the
    next. Whatever a car does ends its own session only, but for one case: when a car has proven its contract,
    older sessions that have been silent for 5 s are over, since there is one cable.

    Args:
        config: the outlet.
        controller: makes the controller of one session from what is known about the connection.
        identity: TLS chain and key. ``None`` only together with ``danger_plain_tcp``.
        interface: name or index of the network interface to serve, with discovery (SDP). ``None`` is the
            loopback mode: no discovery, ``host`` is listened on.
        host: address to listen on in loopback mode.
        port: TCP port; 0 takes a free one of the dynamic range.
        on_event: gets every event of every session at once; it must be quick.
        clock: seconds of a steady clock.
        handshake_timeout: seconds a connection has for its TLS handshake, or without TLS for its first octet;
            after that the timers of the session rule.
        max_waiting: connections that may wait for their first answer; one more displaces the oldest.
        max_connections: all connections together.
        sdp_port: another port than 15118 for discovery, for tests.
        danger_plain_tcp: speak TCP without TLS; contracts are not offered then [V2G2-634].
        danger_keylog: gets the TLS secrets of every connection. Test rigs only.

    Raises:
        LocalError: the arguments contradict each other, or the station could offer nothing. Nothing ever
            falls back to plain TCP.

    Example:
        A station on ``::1`` that refuses everybody at once::

            async with Secc(config, lambda info: MyController(), identity=identity) as secc:
                print(secc.port)
                await asyncio.Event().wait()
    """

    def __init__(
        self,
        config: SeccConfig,
        controller: Callable[[LinkInfo], StationController],
        *,
        identity: TlsIdentity | None = None,
        interface: str | int | None = None,
        host: str = "::1",
        port: int = 0,
        on_event: Callable[[StationSession, Event], None] | None = None,
        clock: Clock = time.monotonic,
        handshake_timeout: float = HANDSHAKE_TIMEOUT,
        max_waiting: int = MAX_WAITING,
        max_connections: int = MAX_CONNECTIONS,
        sdp_port: int = SDP_PORT,
        danger_plain_tcp: bool = False,
        danger_keylog: KeyLog | None = None,
    ) -> None:
        if (identity is None) != danger_plain_tcp:
            raise LocalError(
                "a station speaks TLS and needs a certificate"
                if identity is None
                else "a station speaks either TLS or plain TCP",
                where="Secc",
                advice="give identity=..., or danger_plain_tcp=True for charging without contracts",
            )
        if not config.offered_payments(secure=identity is not None):
            raise LocalError(
                "this station could take no payment",
                where="SeccConfig.payments",
                why="contracts need TLS and contract_trust [V2G2-634]",
            )
        self._config = config
        self._make_controller = controller
        self._tls = (
            None if identity is None else TlsServerContext(ISO2, identity, danger_keylog=danger_keylog)
        )
        self._interface_name = interface
        self._host, self._wanted_port, self._sdp_port = host, port, sdp_port
        self._on_event = on_event
        self._clock = clock
        self._limits = (max_waiting, max_connections, handshake_timeout)
        self._listener: StationListener | None = None
        self._sdp: SdpServer | None = None
        self._address = host
        self._numbers = 0
        self._hosted: dict[HostedSession, int] = {}
        self._settling: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The TCP port that cars connect to."""
        return self._running.port

    @property
    def address(self) -> str:
        """The address that is listened on, without scope."""
        return self._address

    @property
    def counters(self) -> ListenerCounters:
        """What happened to connections."""
        return self._running.counters

    @property
    def sessions(self) -> int:
        """How many connections wait or are served right now."""
        return self._running.waiting + self._running.serving

    @property
    def _running(self) -> StationListener:
        if self._listener is None:
            raise LocalError(
                "this station is not running", where="Secc", advice="async with Secc(...) as secc:"
            )
        return self._listener

    async def start(self) -> None:
        """Open the ports; ``async with`` does it.

        Raises:
            LocalError: a port is taken, the interface has no link-local address, or the configuration's
                clock, random source or protocols are of no use.
        """
        if self._listener is not None:
            raise LocalError("this station is running already", where="Secc")
        # What would end every session is better known before the first car comes.
        self._config.environment.time()
        SeccSession(self._config, now=self._clock(), secure=self._tls is not None)
        interface = None if self._interface_name is None else Interface.find(self._interface_name)
        self._address = self._host if interface is None else str(interface.address)
        max_waiting, max_connections, handshake_timeout = self._limits
        self._listener = await StationListener.start(
            self._new_core,
            tls=self._tls,
            host=self._address,
            port=self._wanted_port,
            scope=0 if interface is None else interface.index,
            clock=self._clock,
            max_waiting=max_waiting,
            max_connections=max_connections,
            handshake_timeout=handshake_timeout,
            on_connections=self._connections,
        )
        try:
            if interface is not None:
                await self._answer_discovery(interface, self._listener.port)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End every session, free the ports, and let the controllers finish what they write down."""
        if self._sdp is not None:
            await self._sdp.close()
            self._sdp = None
        if self._listener is not None:
            for hosted in tuple(self._hosted):
                hosted.abort("the station is being shut down")
            await self._listener.close()
            self._listener = None
        if self._settling:
            _, late = await asyncio.wait(self._settling, timeout=_SETTLE_TIME)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    def unplugged(self) -> None:
        """End every session at once: the control pilot says that the cable was pulled.

        Call it whenever that happens. A car whose link broke without a sign would otherwise keep the outlet
        until its timer is over.
        """
        for hosted in tuple(self._hosted):
            hosted.unplugged()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _answer_discovery(self, interface: Interface, port: int) -> None:
        tls = self._tls is not None
        station = SdpStation(
            IPv6Address(self._address),
            tls_port=port if tls else None,
            plain_port=None if tls else port,
            require_tls=tls,
        )
        self._sdp = await SdpServer.start(
            SdpServerCore(station), interface=interface, port=self._sdp_port, clock=self._clock
        )

    def _connections(self, number: int) -> None:
        """Discovery rests while a car is served; connections that say nothing do not stop it."""
        if self._sdp is not None:
            self._sdp.core.paused = number > 0

    def _new_core(self, link: Link) -> HostedSession:
        self._numbers += 1
        info = link.info
        session = StationSession(self._numbers, info, self._make_controller(info))
        core = SeccSession(self._config, now=self._clock(), secure=info.tls)
        observe = functools.partial(self._observe, session)
        hosted = HostedSession(core, session.controller, clock=self._clock, wake=link.wake, observe=observe)
        self._hosted[hosted] = session.number
        settling = asyncio.ensure_future(self._settle(hosted))
        self._settling.add(settling)
        settling.add_done_callback(self._settling.discard)
        return hosted

    def _observe(self, session: StationSession, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(session, event)
        if isinstance(event, Authorized):
            self._last_car(session)

    def _last_car(self, session: StationSession) -> None:
        """End sessions whose car must have gone; only a car with a proven contract has a say in that."""
        for hosted, number in tuple(self._hosted.items()):
            if number != session.number and hosted.silent_for > _GONE_AFTER:
                hosted.unplugged("it was silent and another car is at this outlet")

    async def _settle(self, hosted: HostedSession) -> None:
        """Keep a session until its controller has taken the last news."""
        try:
            await hosted.settled()
        finally:
            del self._hosted[hosted]
