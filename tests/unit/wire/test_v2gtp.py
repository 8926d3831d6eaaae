"""V2GTP frames: headers that are refused, splits, pipelining, limits."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from plugcharge.errors import LocalError, PeerError
from plugcharge.wire.v2gtp import (
    MESSAGE_TYPES,
    Frame,
    FrameReader,
    PayloadType,
    describe,
    pack,
    unpack_datagram,
)

FIRST = pack(PayloadType.EXI, b"\x80\x01\x02\x03")
SECOND = pack(PayloadType.EXI, bytes(range(40)))


def header(version: bytes = b"\x01\xfe", payload_type: int = 0x8001, length: int = 4) -> bytes:
    return version + payload_type.to_bytes(2) + length.to_bytes(4)


def drain(reader: FrameReader) -> list[Frame]:
    frames = []
    while (frame := reader.next_frame()) is not None:
        frames.append(frame)
    return frames


def test_pack_writes_the_header() -> None:
    assert bytes.fromhex("01fe80010000000480010203") == FIRST
    assert pack(0x8002, b"") == bytes.fromhex("01fe800200000000")


@pytest.mark.parametrize("payload_type", [-1, 0x1_0000])
def test_pack_refuses_a_type_that_does_not_fit(payload_type: int) -> None:
    with pytest.raises(LocalError):
        pack(payload_type, b"")


def test_types_are_named() -> None:
    assert describe(0x8001) == "EXI"
    assert describe(0x9001) == "SDP_RESPONSE"
    assert describe(0x9FFF) == "reserved"
    assert describe(0xA000) == describe(0xFFFF) == "manufacturer specific"


@pytest.mark.parametrize("split", range(len(FIRST + SECOND) + 1))
def test_every_split_gives_the_same_frames(split: int) -> None:
    stream = FIRST + SECOND
    reader = FrameReader()
    frames = []
    for piece in (stream[:split], stream[split:]):
        reader.feed(piece)
        frames += drain(reader)
    assert frames == [Frame(0x8001, FIRST[8:]), Frame(0x8001, SECOND[8:])]
    assert not reader.in_frame
    assert reader.buffered == 0


def test_one_octet_at_a_time() -> None:
    reader = FrameReader()
    frames = []
    for octet in FIRST + SECOND:
        reader.feed(bytes((octet,)))
        frames += drain(reader)
    assert [frame.payload for frame in frames] == [FIRST[8:], SECOND[8:]]


def test_one_octet_at_a_time_takes_time_in_proportion() -> None:
    def seconds(length: int) -> float:
        stream = memoryview(pack(PayloadType.EXI, bytes(length)))
        reader = FrameReader()
        started = time.perf_counter()
        for position in range(len(stream)):
            reader.feed(stream[position : position + 1])
        assert reader.next_frame() == Frame(0x8001, bytes(length))
        return time.perf_counter() - started

    # Sixteen times as long; copying what is there for every octet would take some 256 times as long.
    assert min(seconds(65_536) for _ in range(2)) < 60 * min(seconds(4_096) for _ in range(3))


@pytest.mark.parametrize("first", range(256))
def test_every_wrong_version_is_refused_after_eight_octets(first: int) -> None:
    for version in (bytes((first, 0xFE)), bytes((0x01, first))):
        if version == b"\x01\xfe":
            continue
        reader = FrameReader()
        reader.feed(header(version)[:7])
        assert reader.next_frame() is None
        reader.feed(header(version)[7:])
        with pytest.raises(PeerError, match="version"):
            reader.next_frame()


def test_every_other_type_is_refused() -> None:
    for payload_type in range(0x1_0000):
        reader = FrameReader()
        reader.feed(header(payload_type=payload_type))
        assert reader.dead == (payload_type not in MESSAGE_TYPES), hex(payload_type)


def test_the_types_that_are_accepted_can_be_chosen() -> None:
    reader = FrameReader(allowed={PayloadType.EXI, PayloadType.AC_20})
    reader.feed(pack(PayloadType.AC_20, b"x"))
    assert reader.next_frame() == Frame(0x8003, b"x")
    reader.feed(header(payload_type=0x8004))
    with pytest.raises(PeerError, match="DC_20"):
        reader.next_frame()


@pytest.mark.parametrize("length", [0, 65_537, 2**31 - 1, 2**31, 2**32 - 1])
def test_lengths_outside_the_limit_are_refused_without_room_being_made(length: int) -> None:
    reader = FrameReader()
    tracemalloc.start()
    try:
        reader.feed(header(length=length))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000
    assert reader.buffered == 0
    with pytest.raises(PeerError) as fault:
        reader.next_frame()
    assert fault.value.code == ""
    assert str(length) in str(fault.value)


@pytest.mark.parametrize("length", [1, 65_536])
def test_lengths_at_the_limit_are_accepted_and_nothing_is_held_before_it_comes(length: int) -> None:
    reader = FrameReader()
    reader.feed(header(length=length))
    assert reader.buffered == 0
    assert reader.in_frame
    reader.feed(bytes(length))
    assert reader.next_frame() == Frame(0x8001, bytes(length))


def test_the_limit_is_an_argument() -> None:
    for length, dead in ((100, False), (101, True)):
        reader = FrameReader(max_payload=100)
        reader.feed(header(length=length))
        assert reader.dead is dead


@pytest.mark.parametrize("split", range(20))
def test_a_fault_comes_after_the_good_frame_before_it_and_stays(split: int) -> None:
    stream = FIRST + header(version=b"\x02\xfd") + FIRST
    reader = FrameReader()
    reader.feed(stream[:split])
    reader.feed(stream[split:])
    assert reader.next_frame() == Frame(0x8001, FIRST[8:])
    for _ in range(3):
        with pytest.raises(PeerError, match="version"):
            reader.next_frame()
        reader.feed(SECOND)
    assert reader.dead
    assert reader.buffered == 0


@pytest.mark.parametrize("count", range(3, 11))
def test_more_than_two_waiting_frames_are_a_fault(count: int) -> None:
    reader = FrameReader()
    reader.feed(FIRST * count)
    assert reader.next_frame() is not None
    assert reader.next_frame() is not None
    with pytest.raises(PeerError, match="wait for answers"):
        reader.next_frame()


def test_two_waiting_frames_are_none() -> None:
    reader = FrameReader()
    reader.feed(FIRST + SECOND)
    assert reader.waiting_frames == 2
    assert len(drain(reader)) == 2
    reader.feed(FIRST)
    assert len(drain(reader)) == 1
    strict = FrameReader(max_frames=1)
    strict.feed(FIRST + b"\x01")
    assert strict.next_frame() is not None
    assert strict.dead


def test_memory_is_bounded_whatever_comes() -> None:
    reader = FrameReader()
    body = pack(PayloadType.EXI, bytes(65_536))
    for _ in range(50):
        reader.feed(body)
        assert reader.buffered <= 2 * 65_536


@pytest.mark.parametrize("limits", [{"max_payload": 0}, {"max_frames": 0}])
def test_limits_have_to_make_sense(limits: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        FrameReader(**limits)  # type: ignore[arg-type]  # limits of one test each


def test_datagrams() -> None:
    assert unpack_datagram(FIRST) == Frame(0x8001, FIRST[8:])
    assert unpack_datagram(header(payload_type=0x1234, length=0)) == Frame(0x1234, b"")
    for wrong in (
        b"",
        FIRST[:7],
        FIRST[:-1],
        FIRST + b"\0",
        header(version=b"\x01\x01"),
        header(length=2**32 - 1),
    ):
        with pytest.raises(PeerError):
            unpack_datagram(wrong)
    with pytest.raises(PeerError):
        unpack_datagram(FIRST, max_payload=3)
