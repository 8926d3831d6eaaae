"""Decode and encode typed messages, against msgspec's MessagePack of the same Struct types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from benches.inputs import Case, messages
from benches.pairs import Call, measure
from plugcharge import exi

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

every_message = pytest.mark.parametrize("case", messages(), ids=lambda case: case.name)


@every_message
def test_decode(benchmark: BenchmarkFixture, case: Case) -> None:
    message = exi.decode(case.data, case.schema)
    packed = msgspec.msgpack.encode(message)
    decoder = msgspec.msgpack.Decoder(type(message))
    assert decoder.decode(packed) == message
    measure(
        benchmark,
        "decode",
        case.name,
        ours=Call(exi.decode, (case.data, case.schema)),
        peer=Call(decoder.decode, (packed,)),
        peer_name="msgspec",
    )


@every_message
def test_encode(benchmark: BenchmarkFixture, case: Case) -> None:
    message = exi.decode(case.data, case.schema)
    assert exi.encode(message) == case.data
    measure(
        benchmark,
        "encode",
        case.name,
        ours=Call(exi.encode, (message,)),
        peer=Call(msgspec.msgpack.Encoder().encode, (message,)),
        peer_name="msgspec",
    )
