"""SDP: how a car finds the station's address and port, and whether TLS is spoken there.

Requests and answers are V2GTP frames in UDP datagrams: the car asks ``ff02::1`` port 15118, the station
answers the sender. Values, their octets, the station's rule and the car's search live here; sockets live in
``plugcharge.transport.discovery``.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv6Address, IPv6Network

from plugcharge.errors import LocalError, PeerError
from plugcharge.wire import v2gtp

__all__ = [
    "MAX_REQUESTS",
    "MULTICAST_GROUP",
    "RETRY_INTERVAL",
    "SDP_PORT",
    "SETUP_TIMEOUT",
    "SdpClientCore",
    "SdpConflict",
    "SdpCounters",
    "SdpFailed",
    "SdpFound",
    "SdpRequest",
    "SdpResponse",
    "SdpServerCore",
    "SdpStation",
    "Security",
    "Transport",
    "decide_answer",
]

SDP_PORT = 15118
MULTICAST_GROUP = "ff02::1"  # [V2G2-139]
RETRY_INTERVAL = 0.25  # seconds, [V2G2-159]
MAX_REQUESTS = 50  # [V2G2-161]
SETUP_TIMEOUT = 20.0  # seconds, V2G_EVCC_CommunicationSetup_Timeout [V2G2-446]

_LINK_LOCAL = IPv6Network("fe80::/10")
_MAX_DATAGRAM = v2gtp.HEADER_LENGTH + 20


class Security(IntEnum):
    """The security octet."""

    TLS = 0x00
    NONE = 0x10


class Transport(IntEnum):
    """The transport octet; UDP is reserved."""

    TCP = 0x00
    UDP = 0x10


@dataclass(frozen=True, slots=True)
class SdpRequest:
    """What a car asks for [V2G2-623].

    Example:
        >>> SdpRequest(Security.TLS).to_bytes().hex()
        '01fe9000000000020000'
    """

    security: Security
    transport: Transport = Transport.TCP

    def to_bytes(self) -> bytes:
        """Write the whole datagram, 10 octets."""
        return v2gtp.pack(v2gtp.PayloadType.SDP_REQUEST, bytes((self.security, self.transport)))

    @classmethod
    def from_bytes(cls, data: bytes) -> SdpRequest:
        """Read a whole datagram.

        Raises:
            PeerError: anything else than one request; drop the datagram.
        """
        payload = _payload(data, v2gtp.PayloadType.SDP_REQUEST, 2)
        return cls(*_octets(payload[0], payload[1]))


@dataclass(frozen=True, slots=True)
class SdpResponse:
    """Where a station listens.

    Attributes:
        address: the station's IPv6 address, without scope.
        port: TCP port, 0..65535 (0 is refused by the car).
        security: what is spoken there.
        transport: the transport, echoed from the request.
    """

    address: IPv6Address
    port: int
    security: Security
    transport: Transport = Transport.TCP

    def to_bytes(self) -> bytes:
        """Write the whole datagram, 28 octets; the port is big-endian [V2G2-156].

        Raises:
            LocalError: the port does not fit into 16 bits.
        """
        if not 0 <= self.port <= 0xFFFF:
            raise LocalError(f"port {self.port} does not fit", where="SDP response", why="16 bits")
        tail = bytes((self.security, self.transport))
        return v2gtp.pack(v2gtp.PayloadType.SDP_RESPONSE, self.address.packed + self.port.to_bytes(2) + tail)

    @classmethod
    def from_bytes(cls, data: bytes) -> SdpResponse:
        """Read a whole datagram; whether the car can use the answer is not judged here.

        Raises:
            PeerError: anything else than one response; drop the datagram.
        """
        payload = _payload(data, v2gtp.PayloadType.SDP_RESPONSE, 20)
        security, transport = _octets(payload[18], payload[19])
        return cls(IPv6Address(payload[:16]), int.from_bytes(payload[16:18]), security, transport)


@dataclass(frozen=True, slots=True)
class SdpStation:
    """What a station offers.

    Attributes:
        address: the IPv6 address its listeners are bound to, without scope.
        tls_port: port of the TLS listener; ``None`` when there is none.
        plain_port: port of the plain TCP listener; ``None`` when there is none.
        require_tls: answer "TLS" even to a car that asks for plain TCP (-20 always; -2 when only PnC is
            wanted).
    """

    address: IPv6Address
    tls_port: int | None = None
    plain_port: int | None = None
    require_tls: bool = False

    def __post_init__(self) -> None:
        if self.tls_port is None and (self.plain_port is None or self.require_tls):
            raise LocalError(
                "this station could answer nobody", where="SdpStation", why="no usable listener port"
            )


def decide_answer(request: SdpRequest, station: SdpStation) -> SdpResponse | None:
    """Decide a station's answer [V2G2-625], [V2G2-626], [V2G2-627].

    TLS is answered when asked for and available, or when the station insists on it; otherwise plain TCP.
    ``None`` when the station has nothing to offer: the reserved UDP transport is asked for, or TLS where
    there is only plain TCP that policy forbids.

    Example:
        >>> station = SdpStation(IPv6Address("fe80::1"), tls_port=50000, plain_port=50001)
        >>> decide_answer(SdpRequest(Security.NONE), station).port
        50001
    """
    if request.transport is not Transport.TCP:
        return None
    plain_forbidden = station.require_tls or station.plain_port is None
    if station.tls_port is not None and (request.security is Security.TLS or plain_forbidden):
        return SdpResponse(station.address, station.tls_port, Security.TLS, request.transport)
    if station.plain_port is not None and not station.require_tls:
        return SdpResponse(station.address, station.plain_port, Security.NONE, request.transport)
    return None


@dataclass(slots=True)
class SdpCounters:
    """What happened to the datagrams that came in; plain numbers that only grow."""

    answered: int = 0
    malformed: int = 0
    off_link: int = 0
    rate_limited: int = 0
    paused: int = 0
    not_served: int = 0


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class SdpServerCore:
    """The station's side: one datagram in, at most one out; nothing a peer sends raises or makes it grow.

    Args:
        station: what is offered; may be replaced at any time through :attr:`station`.
        rate: answers a second for one sender, after a burst of ``burst``. A car needs four.
        max_senders: senders remembered for that; the longest unheard is forgotten first.
        danger_any_source: also answer senders outside ``fe80::/10``, which are not on this link. For tests.
    """

    def __init__(
        self,
        station: SdpStation,
        *,
        rate: float = 20.0,
        burst: int = 20,
        max_senders: int = 256,
        danger_any_source: bool = False,
    ) -> None:
        if rate <= 0 or burst < 1 or max_senders < 1:
            raise LocalError("limits have to be positive", where="SdpServerCore")
        self.station = station
        self.paused = False
        self.counters = SdpCounters()
        self._rate = rate
        self._burst = float(burst)
        self._max_senders = max_senders
        self._any_source = danger_any_source
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def receive(self, now: float, data: bytes, source: str) -> bytes | None:
        """Give the datagram to send back to ``source`` (an IPv6 address, a scope is fine), or ``None``.

        While :attr:`paused` nobody is answered: a station stops discovery while a TCP connection exists.
        """
        counters = self.counters
        if self.paused:
            counters.paused += 1
            return None
        address = source.partition("%")[0]
        if not self._any_source and not _is_link_local(address):
            counters.off_link += 1
            return None
        if not self._may_answer(now, address):
            counters.rate_limited += 1
            return None
        try:
            request = SdpRequest.from_bytes(data)
        except PeerError:
            counters.malformed += 1
            return None
        answer = decide_answer(request, self.station)
        if answer is None:
            counters.not_served += 1
            return None
        counters.answered += 1
        return answer.to_bytes()

    def _may_answer(self, now: float, address: str) -> bool:
        bucket = self._buckets.get(address)
        if bucket is None:
            if len(self._buckets) >= self._max_senders:
                self._buckets.popitem(last=False)
            bucket = self._buckets[address] = _Bucket(self._burst, now)
        else:
            self._buckets.move_to_end(address)
            bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
            bucket.at = now
        if bucket.tokens < 1.0:
            return False
        bucket.tokens -= 1.0
        return True


@dataclass(frozen=True, slots=True)
class SdpFound:
    """The first usable answer.

    Attributes:
        response: where to connect, and whether TLS is spoken there.
        downgraded: TLS was asked for and the station has none; the car decides [V2G2-628].
    """

    response: SdpResponse
    downgraded: bool


@dataclass(frozen=True, slots=True)
class SdpConflict:
    """A second, different, usable answer came: somebody on the link pretends to be the station."""

    first: SdpResponse
    second: SdpResponse


@dataclass(frozen=True, slots=True)
class SdpFailed:
    """The search is over without an answer; ``error`` says why, with the counts."""

    error: PeerError


@dataclass(slots=True)
class _Refused:
    malformed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


class SdpClientCore:
    """The car's side: asks until an answer is usable, and keeps listening for a second one.

    Args:
        request: what to ask for.
        started: time of the first request; all times are seconds of one steady clock.
        require_tls: treat "no TLS" as a failure (Plug and Charge and -20 need TLS [V2G2-633], [V2G2-628]).
        retry_interval: time between two requests, at least 250 ms [V2G2-159].
        max_requests: how many requests [V2G2-161].
        budget: when to give up, counted from ``started``.
        danger_any_address: also take addresses outside ``fe80::/10``. For test rigs.
    """

    def __init__(
        self,
        request: SdpRequest,
        started: float,
        *,
        require_tls: bool = False,
        retry_interval: float = RETRY_INTERVAL,
        max_requests: int = MAX_REQUESTS,
        budget: float = SETUP_TIMEOUT,
        danger_any_address: bool = False,
    ) -> None:
        if max_requests < 1 or retry_interval <= 0 or budget <= 0:
            raise LocalError("limits have to be positive", where="SdpClientCore")
        self._datagram = request.to_bytes()
        self._request = request
        self._require_tls = require_tls
        self._interval = retry_interval
        self._max_requests = max_requests
        self._any_address = danger_any_address
        self._end = started + budget
        self._next_request: float | None = started
        self._sent = 0
        self._to_send = 0
        self._answer: SdpResponse | None = None
        self._no_tls = False
        self._over = False
        self._refused = _Refused()
        self._events: deque[SdpFound | SdpConflict | SdpFailed] = deque()
        self.timeout(started)

    @property
    def requests_sent(self) -> int:
        """How many requests were asked to be sent so far."""
        return self._sent

    @property
    def malformed(self) -> int:
        """How many datagrams were dropped because they were no SDP response."""
        return self._refused.malformed

    @property
    def refused(self) -> dict[str, int]:
        """Well-formed answers that cannot be used: reason and count."""
        return dict(self._refused.reasons)

    def data_to_send(self) -> list[bytes]:
        """Datagrams to send to ``ff02::1`` port 15118 now."""
        datagrams = [self._datagram] * self._to_send
        self._to_send = 0
        return datagrams

    def events(self) -> list[SdpFound | SdpConflict | SdpFailed]:
        """What has happened since the last call."""
        events = list(self._events)
        self._events.clear()
        return events

    def next_deadline(self) -> float | None:
        """When to call :meth:`timeout`; ``None`` when the search is over or has its answer."""
        if self._over or self._next_request is None:
            return None
        return min(self._next_request, self._end)

    def timeout(self, now: float) -> None:
        """Send the next request, or give up."""
        deadline = self.next_deadline()
        if deadline is None or now < deadline:
            return
        if self._no_tls:
            self._fail("the station offers no TLS", "Plug and Charge needs TLS [V2G2-633], [V2G2-628]")
        elif now >= self._end:
            self._fail("no station answered", f"{self._sent} requests, time is up [V2G2-446]")
        elif self._sent >= self._max_requests:
            self._fail("no station answered", f"{self._sent} requests [V2G2-161]")
        else:
            self._sent += 1
            self._to_send += 1
            self._next_request = now + self._interval

    def receive(self, now: float, data: bytes) -> None:
        """Take a datagram. Malformed ones are counted and dropped, never fatal."""
        self.timeout(now)
        if self._over:
            return
        try:
            response = SdpResponse.from_bytes(data)
        except PeerError:
            self._refused.malformed += 1
            return
        reason = self._why_unusable(response)
        if reason:
            self._refused.reasons[reason] = self._refused.reasons.get(reason, 0) + 1
        elif self._answer is None:
            self._answer = response
            self._next_request = None
            downgraded = self._request.security is Security.TLS and response.security is Security.NONE
            self._events.append(SdpFound(response, downgraded))
        elif response != self._answer:
            self._over = True
            self._events.append(SdpConflict(self._answer, response))

    def _why_unusable(self, response: SdpResponse) -> str:
        """Name the reason to refuse an answer; empty when it is usable."""
        address = response.address
        if response.transport is not Transport.TCP:
            return "transport is not TCP"
        if response.port == 0:
            return "port 0"
        if address.is_unspecified or address.is_multicast:
            return "unspecified or multicast address"
        if not self._any_address and address not in _LINK_LOCAL:
            return "address is not on this link (fe80::/10)"
        if self._require_tls and response.security is not Security.TLS:
            # Told at the end of this retry interval, so that a faked "no TLS" does not win over the real
            # answer.
            self._no_tls = True
            return "no TLS"
        return ""

    def _fail(self, what: str, why: str) -> None:
        self._over = True
        seen = [f"{count} x {reason}" for reason, count in self._refused.reasons.items()]
        if self._refused.malformed:
            seen.append(f"{self._refused.malformed} malformed")
        error = PeerError(
            what,
            where="SDP",
            why="; ".join([why, *(["refused: " + ", ".join(seen)] if seen else [])]),
            advice="check the cable, the interface name, and that the station is on this link",
        )
        self._events.append(SdpFailed(error))


def _payload(data: bytes, payload_type: v2gtp.PayloadType, length: int) -> bytes:
    if len(data) > _MAX_DATAGRAM:
        raise PeerError(f"a datagram of {len(data)} octets is no SDP message", where="SDP", why="28 at most")
    frame = v2gtp.unpack_datagram(data)
    if frame.payload_type != payload_type or len(frame.payload) != length:
        raise PeerError(
            f"type {frame.payload_type:#06x} with {len(frame.payload)} octets is not {payload_type.name}",
            where="SDP",
            why=f"{payload_type:#06x} has {length} octets",
        )
    return frame.payload


def _octets(security: int, transport: int) -> tuple[Security, Transport]:
    try:
        return Security(security), Transport(transport)
    except ValueError:
        raise PeerError(
            f"security {security:#04x}, transport {transport:#04x} are reserved values", where="SDP"
        ) from None


def _is_link_local(address: str) -> bool:
    """Tell whether the text is inside ``fe80::/10``, cheaply: this runs for every datagram of a flood."""
    head = address.partition(":")[0].lower()
    return len(head) == 4 and head[:2] == "fe" and head[2] in "89ab"
