"""The frame reader: no split matters, and any octets give frames or one documented fault."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plugcharge.errors import PeerError
from plugcharge.wire.v2gtp import Frame, FrameReader, pack

payloads = st.binary(min_size=1, max_size=300)


def read_all(pieces: list[bytes]) -> tuple[list[Frame], str]:
    """Take every frame as soon as it is there; give them and the fault, if any."""
    reader = FrameReader(max_payload=300)
    frames: list[Frame] = []
    try:
        for piece in pieces:
            for octet in range(len(piece)):
                reader.feed(piece[octet : octet + 1])
                while (frame := reader.next_frame()) is not None:
                    frames.append(frame)
            assert reader.buffered <= 300
    except PeerError as fault:
        return frames, str(fault)
    return frames, ""


@given(st.lists(payloads, max_size=5), st.data())
def test_splits_do_not_matter(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(pack(0x8001, body) for body in bodies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader = FrameReader(max_payload=300, max_frames=5)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
    frames = [reader.next_frame() for _ in bodies]
    assert frames == [Frame(0x8001, body) for body in bodies]
    assert reader.next_frame() is None


@given(st.lists(payloads, max_size=2), st.binary(max_size=40), st.integers(0, 700))
def test_any_octets_after_good_frames_give_the_frames_and_then_at_most_a_fault(
    bodies: list[bytes], garbage: bytes, cut: int
) -> None:
    stream = b"".join(pack(0x8001, body) for body in bodies) + garbage
    whole = read_all([stream])
    assert read_all([stream[:cut], stream[cut:]]) == whole
    assert whole[0][: len(bodies)] == [Frame(0x8001, body) for body in bodies]
