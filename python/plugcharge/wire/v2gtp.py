"""V2GTP: the eight octets in front of every message and the reader that cuts a byte stream into frames.

A header is ``01 FE`` (version and its inverse), the payload type (16 bit) and the payload length (32 bit),
both big-endian. There is no mark to find the next frame by: after a wrong header a stream is lost and has
to be closed, while a wrong datagram is dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError, PeerError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "DEFAULT_MAX_FRAMES",
    "DEFAULT_MAX_PAYLOAD",
    "HEADER_LENGTH",
    "MESSAGE_TYPES",
    "VERSION",
    "Frame",
    "FrameReader",
    "PayloadType",
    "describe",
    "pack",
    "unpack_datagram",
]

VERSION = b"\x01\xfe"
HEADER_LENGTH = 8
DEFAULT_MAX_PAYLOAD = 65_536
DEFAULT_MAX_FRAMES = 2


class PayloadType(IntEnum):
    """What a frame carries."""

    EXI = 0x8001  # supportedAppProtocol, every DIN 70121 and -2 message
    COMMON_20 = 0x8002
    AC_20 = 0x8003
    DC_20 = 0x8004
    ACDP_20 = 0x8005
    WPT_20 = 0x8006
    AC_DER_IEC_20 = 0x8010
    AC_DER_SAE_20 = 0x8011
    SCHEDULE_RENEGOTIATION_20 = 0x8101
    METERING_CONFIRMATION_20 = 0x8102
    ACDP_SYSTEM_STATUS_20 = 0x8103
    PARKING_STATUS_20 = 0x8104
    SDP_REQUEST = 0x9000
    SDP_RESPONSE = 0x9001
    SDP_REQUEST_WIRELESS = 0x9002
    SDP_RESPONSE_WIRELESS = 0x9003


MESSAGE_TYPES = frozenset({PayloadType.EXI})
"""The types a -2 (or DIN) connection carries; the default of :class:`FrameReader`."""

_MANUFACTURER_SPECIFIC = range(0xA000, 0x1_0000)


@dataclass(frozen=True, slots=True)
class Frame:
    """One V2GTP frame without its header.

    Attributes:
        payload_type: see :class:`PayloadType`.
        payload: the octets after the header.
    """

    payload_type: int
    payload: bytes


def describe(payload_type: int) -> str:
    """Name a payload type for a person.

    Example:
        >>> describe(0x9000), describe(0xA123), describe(0x1234)
        ('SDP_REQUEST', 'manufacturer specific', 'reserved')
    """
    if payload_type in _MANUFACTURER_SPECIFIC:
        return "manufacturer specific"
    try:
        return PayloadType(payload_type).name
    except ValueError:
        return "reserved"


def pack(payload_type: int, payload: bytes) -> bytes:
    r"""Put the header in front of a payload.

    Write the result in one go: some peers do not put pieces together.

    Raises:
        LocalError: the type does not fit into 16 bits or the payload length into 32.

    Example:
        >>> pack(0x8001, b"\x80").hex()
        '01fe80010000000180'
    """
    if not 0 <= payload_type <= 0xFFFF:
        raise LocalError(f"payload type {payload_type:#x} does not fit", where="V2GTP header", why="16 bits")
    if len(payload) > 0xFFFF_FFFF:
        raise LocalError("the payload is too long", where="V2GTP header", why="its length has 32 bits")
    return b"".join((VERSION, payload_type.to_bytes(2), len(payload).to_bytes(4), payload))


def unpack_datagram(data: bytes, *, max_payload: int = DEFAULT_MAX_PAYLOAD) -> Frame:
    """Read a datagram that has to be exactly one frame, of any payload type.

    Raises:
        PeerError: shorter than a header, wrong version, or a length field that does not fit the datagram.
            Drop the datagram and go on.
    """
    if len(data) < HEADER_LENGTH:
        raise _fault(f"a datagram of {len(data)} octets has no whole header", "a header has 8 octets")
    payload_type, length = _read_header(data)
    if length > max_payload or length != len(data) - HEADER_LENGTH:
        raise _fault(
            f"payload length {length} does not fit",
            f"{len(data) - HEADER_LENGTH} octets follow the header, the limit is {max_payload}",
        )
    return Frame(payload_type, bytes(data[HEADER_LENGTH:]))


class FrameReader:
    r"""Cuts a byte stream into frames, however the stream was split.

    Feed it what arrives and ask for frames. A header is judged when its eight octets are there, before
    anything is kept of the body. A fault is raised by :meth:`next_frame` at the place where it lies in the
    stream, after the good frames before it; from then on the reader is dead: it keeps nothing and raises
    the same error each time.

    Args:
        max_payload: longest payload that is accepted, in octets.
        max_frames: how many complete frames may wait to be taken. ISO 15118 allows one outstanding request,
            so a peer that sends more is pipelining, which is a protocol error.
        allowed: payload types that are accepted.

    Example:
        >>> reader = FrameReader()
        >>> reader.feed(bytes.fromhex("01fe80010000"))
        >>> reader.next_frame() is None
        True
        >>> reader.feed(bytes.fromhex("000180"))
        >>> reader.next_frame()
        Frame(payload_type=32769, payload=b'\x80')
    """

    def __init__(
        self,
        *,
        max_payload: int = DEFAULT_MAX_PAYLOAD,
        max_frames: int = DEFAULT_MAX_FRAMES,
        allowed: Collection[int] = MESSAGE_TYPES,
    ) -> None:
        if max_payload < 1 or max_frames < 1:
            raise LocalError("a frame reader needs limits of at least 1", where="FrameReader")
        self._max_payload = max_payload
        self._max_frames = max_frames
        self._allowed = frozenset(allowed)
        self._frames: deque[Frame] = deque()
        self._partial = bytearray()
        self._header: tuple[int, int] | None = None
        self._fault: PeerError | None = None

    @property
    def dead(self) -> bool:
        """Whether a fault was met; frames from before it may still be waiting."""
        return self._fault is not None

    @property
    def waiting_frames(self) -> int:
        """How many complete frames have not been taken yet."""
        return len(self._frames)

    @property
    def buffered(self) -> int:
        """How many octets are held: waiting payloads and the unfinished frame."""
        return len(self._partial) + sum(len(frame.payload) for frame in self._frames)

    @property
    def in_frame(self) -> bool:
        """Whether the stream stands inside a frame: an end of the stream now would cut it."""
        return self._header is not None or bool(self._partial)

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets of the stream, any number of them. Never raises for what the peer sent."""
        rest = memoryview(data)
        while rest and self._fault is None:
            if len(self._frames) >= self._max_frames:
                why = f"at most {self._max_frames} frames may wait"
                self._die(_fault("the peer does not wait for answers", why))
                return
            wanted = HEADER_LENGTH if self._header is None else self._header[1]
            piece = rest[: wanted - len(self._partial)]
            self._partial += piece
            rest = rest[len(piece) :]
            if len(self._partial) == wanted:
                self._complete()

    def next_frame(self) -> Frame | None:
        """Give the next frame, or ``None`` when none is complete.

        Raises:
            PeerError: the stream is broken here (``code`` is empty: no answer is possible, close the
                connection).
        """
        if self._frames:
            return self._frames.popleft()
        if self._fault is not None:
            raise self._fault
        return None

    def _complete(self) -> None:
        """Use a whole header or a whole body."""
        if self._header is None:
            try:
                self._header = self._judge_header()
            except PeerError as fault:
                self._die(fault)
                return
        else:
            self._frames.append(Frame(self._header[0], bytes(self._partial)))
            self._header = None
        self._partial.clear()

    def _judge_header(self) -> tuple[int, int]:
        payload_type, length = _read_header(self._partial)
        if payload_type not in self._allowed:
            raise _fault(
                f"payload type {payload_type:#06x} ({describe(payload_type)}) is not taken here",
                "accepted: " + ", ".join(f"{allowed:#06x}" for allowed in sorted(self._allowed)),
            )
        if not 1 <= length <= self._max_payload:
            raise _fault(f"payload length {length} is not taken", f"1 to {self._max_payload} octets")
        return payload_type, length

    def _die(self, fault: PeerError) -> None:
        self._fault = fault
        self._header = None
        self._partial = bytearray()


def _read_header(data: bytes | bytearray) -> tuple[int, int]:
    """Give payload type and length; the caller has made sure that eight octets are there."""
    if data[:2] != VERSION:
        raise _fault(f"wrong version octets {bytes(data[:2]).hex()}", "01 and its inverse fe")
    return int.from_bytes(data[2:4]), int.from_bytes(data[4:8])


def _fault(what: str, why: str) -> PeerError:
    return PeerError(what, where="V2GTP header", why=why)
