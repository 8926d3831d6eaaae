"""A car on the network: finds the station, checks who it is, and charges."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Literal, Self

from plugcharge import pki
from plugcharge.errors import LocalError
from plugcharge.session import (
    Authorized,
    ContinueCharging,
    ControlPilotWanted,
    EndReason,
    EvccConfig,
    EvccSession,
    Event,
    MessageReceived,
    MessageSent,
    MeterReading,
    MeterReadingReceived,
    Payment,
    ReceiptSent,
    SessionEnded,
    SessionOpened,
)
from plugcharge.session.questions import ChargingProfileChoice
from plugcharge.transport.controller import HostedSession, VehicleController
from plugcharge.transport.discovery import Interface, discover
from plugcharge.transport.link import HANDSHAKE_TIMEOUT, Clock, Link
from plugcharge.transport.tls import ISO2, TlsClientContext
from plugcharge.transport.vehicle_link import connect, connect_found
from plugcharge.wire.sdp import SDP_PORT, SdpClientCore, SdpRequest, Security

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plugcharge.session import ChargingProfileWanted, ContinueChargingWanted
    from plugcharge.transport.tls import KeyLog

__all__ = ["ChargeResult", "Evcc", "EvccConfig", "PlainVehicle"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ChargeResult:
    """How a session went, as the car saw it.

    Attributes:
        reason: why it ended.
        detail: the same in one sentence.
        code: the ResponseCode that ended it, when there was one.
        state: the state it ended in.
        session_id: 8 octets; empty when no session was opened.
        evse_id: what the station calls itself; empty when no session was opened.
        payment: how it is paid; ``None`` when charging was never allowed.
        emaid: the contract it is paid by, canonical.
        energy: watt hours between the first reading and the last one that the station sent; 0 for a meter
            that went back, ``None`` without two readings.
        meter: the last reading.
        receipts: readings that the car signed.
        messages: how many were sent and received.
        seconds: from the call of :meth:`Evcc.charge` to the end.
        station: the station's validated certificate chain; ``None`` without TLS.
    """

    reason: EndReason
    detail: str
    code: str
    state: str
    session_id: bytes
    evse_id: str
    payment: Payment | None
    emaid: str | None
    energy: int | None
    meter: MeterReading | None
    receipts: int
    messages: int
    seconds: float
    station: pki.ValidatedChain | None = dataclasses.field(repr=False)

    @property
    def complete(self) -> bool:
        """The session was allowed and ended in good order."""
        return self.payment is not None and self.reason in {EndReason.TERMINATED, EndReason.PAUSED}


class PlainVehicle:
    """The decisions of a car without a driver: the best profile, and on until the configuration says stop."""

    def choose_profile(self, question: ChargingProfileWanted) -> ChargingProfileChoice:
        """Take what the session proposes."""
        return ChargingProfileChoice(
            ticket=question.ticket, tuple_id=question.proposal_tuple_id, profile=question.proposal
        )

    def go_on(self, question: ContinueChargingWanted) -> ContinueCharging:
        """Charge on."""
        return ContinueCharging(ticket=question.ticket, go_on=True)

    def control_pilot(self, event: ControlPilotWanted) -> None:
        """There is no line to show it on."""

    def notify(self, event: Event) -> None:
        """Nothing to do."""


class Evcc:
    """A car. Each :meth:`charge` is one session with a new core; ``async with`` it to hang up on leaving.

    Args:
        config: the car.
        controller: makes the car's decisions; by default those of :class:`PlainVehicle`.
        trust: roots that stations are trusted by: V2G, or private ones. Not needed with ``danger_plain_tcp``.
        interface: name or index of the network interface to find the station on (SDP).
        host: instead of an interface, the station's address.
        port: its TCP port.
        scope: index of the interface, for a link-local ``host``.
        chain_rules: how strictly the station's chain is judged.
        on_event: gets every event at once; it must be quick.
        clock: seconds of a steady clock.
        connect_timeout: seconds for TCP, and again for TLS.
        sdp_port: another port than 15118 for discovery, for tests.
        danger_plain_tcp: speak TCP without TLS; a contract cannot be used then [V2G2-635].
        danger_keylog: gets the TLS secrets. Test rigs only.
        danger_rewrite: changes each V2GTP frame before it is sent. For trying out what a station refuses.

    Raises:
        LocalError: the arguments contradict each other.

    Example:
        One session with the station on the link ``eth1``::

            async with Evcc(config, trust=trust, interface="eth1") as car:
                result = await car.charge()
            print(result.reason, result.energy)
    """

    def __init__(
        self,
        config: EvccConfig,
        controller: VehicleController | None = None,
        *,
        trust: pki.TrustStore | None = None,
        interface: str | int | None = None,
        host: str = "",
        port: int = 0,
        scope: int = 0,
        chain_rules: Literal["strict", "interop"] = "strict",
        on_event: Callable[[Event], None] | None = None,
        clock: Clock = time.monotonic,
        connect_timeout: float = HANDSHAKE_TIMEOUT,
        sdp_port: int = SDP_PORT,
        danger_plain_tcp: bool = False,
        danger_keylog: KeyLog | None = None,
        danger_rewrite: Callable[[bytes], bytes] | None = None,
    ) -> None:
        if (interface is None) == (not host) or bool(host) != bool(port):
            raise LocalError(
                "where is the station?", where="Evcc", advice="give an interface, or host and port"
            )
        if (trust is None) != danger_plain_tcp:
            raise LocalError(
                "a car recognises stations by roots that it trusts"
                if trust is None
                else "a car speaks either TLS or plain TCP",
                where="Evcc",
                advice="give trust=..., or danger_plain_tcp=True for charging without a contract",
            )
        self._config = config
        self._controller = controller or PlainVehicle()
        self._trust = trust
        self._chain_rules = chain_rules
        self._interface_name, self._sdp_port = interface, sdp_port
        self._host, self._port, self._scope = host, port, scope
        self._on_event = on_event
        self._clock = clock
        self._connect_timeout = connect_timeout
        self._keylog = danger_keylog
        self._rewrite = danger_rewrite
        self._core: EvccSession | None = None
        self._hosted: HostedSession | None = None
        self._station: pki.ValidatedChain | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._hosted is not None:
            self._hosted.abort("the car hangs up")

    async def charge(self) -> ChargeResult:
        """Find the station, connect, and go through one session to its end, whatever that is.

        Raises:
            PeerError: no station was found, or it cannot be reached.
            TlsError: the TLS handshake failed.
            ChainError: the station's certificate must not be trusted; nothing was said to it.
            LocalError: the link is down, or a session is running already.
        """
        if self._core is not None:
            raise LocalError("this car is charging already", where="Evcc.charge")
        started = self._clock()
        self._station = None
        link = await self._connect(started)
        ledger = _Ledger(self._on_event)
        try:
            left = self._config.setup_budget - (self._clock() - started)  # [V2G2-605] counts from plugging in
            config = dataclasses.replace(self._config, setup_budget=max(left, 0.001))
            self._core = core = EvccSession(config, now=self._clock(), secure=link.info.tls)
            self._hosted = HostedSession(
                core,
                self._controller,
                clock=self._clock,
                wake=link.wake,
                observe=ledger.take,
                danger_rewrite=self._rewrite,
            )
            await link.run(self._hosted)
            await self._hosted.settled()
        finally:
            self._core = self._hosted = None
            await link.close()
        return ledger.result(seconds=self._clock() - started, station=self._station)

    def stop(self, why: str = "the driver wants to stop") -> None:
        """End charging in good order as soon as it is the car's turn; nothing to do when no session runs."""
        if self._core is not None and self._hosted is not None:
            self._core.stop_charging(self._clock(), why)
            self._hosted.changed()

    async def _connect(self, started: float) -> Link:
        tls = None
        if self._trust is not None:
            tls = TlsClientContext(ISO2, self._verify_station, danger_keylog=self._keylog)
        if self._interface_name is None:
            return await connect(
                self._host,
                self._port,
                tls=tls,
                scope=self._scope,
                clock=self._clock,
                timeout=self._connect_timeout,
            )
        search = SdpClientCore(
            SdpRequest(Security.NONE if tls is None else Security.TLS),
            started,
            require_tls=tls is not None,
            budget=self._config.setup_budget,
        )
        found = await discover(
            search,
            interface=Interface.find(self._interface_name),
            port=self._sdp_port,
            clock=self._clock,
        )
        return await connect_found(
            found.answer.response,
            tls=tls,
            scope=found.scope,
            clock=self._clock,
            timeout=self._connect_timeout,
        )

    def _verify_station(self, chain: Sequence[bytes]) -> None:
        assert self._trust is not None  # noqa: S101 - TLS is spoken only with roots
        self._station = pki.validate(
            chain,
            purpose=pki.Purpose.SECC,
            trust=self._trust,
            at=self._config.environment.time(),
            rules=self._chain_rules,
        )


class _Ledger:
    """Adds the events of one session up to a result."""

    def __init__(self, then: Callable[[Event], None] | None) -> None:
        self._then = then
        self._opened: SessionOpened | None = None
        self._authorized: Authorized | None = None
        self._ended: SessionEnded | None = None
        self._first: int | None = None
        self._meter: MeterReading | None = None
        self._readings = self._receipts = self._messages = 0

    def take(self, event: Event) -> None:
        match event:
            case MessageSent() | MessageReceived():
                self._messages += 1
            case SessionOpened():
                self._opened = event
            case Authorized():
                self._authorized = event
            case MeterReadingReceived(meter=meter) if meter.watt_hours is not None:
                self._first = meter.watt_hours if self._first is None else self._first
                self._meter = meter
                self._readings += 1
            case ReceiptSent():
                self._receipts += 1
            case SessionEnded():
                self._ended = event
        if self._then is not None:
            self._then(event)

    def result(self, *, seconds: float, station: pki.ValidatedChain | None) -> ChargeResult:
        ended, opened, authorized, meter = self._ended, self._opened, self._authorized, self._meter
        if ended is None:
            raise LocalError("the session has no end", where="Evcc.charge")
        energy = None
        if self._readings > 1 and meter is not None and meter.watt_hours is not None:
            energy = max(meter.watt_hours - (self._first or 0), 0)
        return ChargeResult(
            reason=ended.reason,
            detail=ended.detail,
            code=ended.code,
            state=ended.state,
            session_id=opened.session_id if opened else b"",
            evse_id=opened.evse_id if opened else "",
            payment=authorized.payment if authorized else None,
            emaid=authorized.emaid if authorized else None,
            energy=energy,
            meter=meter,
            receipts=self._receipts,
            messages=self._messages,
            seconds=seconds,
            station=station,
        )
