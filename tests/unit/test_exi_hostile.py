"""Streams made to hurt: random octets, sizes that lie, lists and references that swell.

Rows B2 and B4 of the list of faults: nothing but our exceptions, memory within 64 KiB and 32 octets for
each octet of input, and no time to speak of.
"""

from __future__ import annotations

import gc
import math
import os
import random
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from plugcharge import exi
from plugcharge.errors import ExiError
from plugcharge.messages import xmldsig
from tests.unit.handmade_exi import Bits, bits_of

FORMS = [(schema, fragment) for schema in ("sap", "iso2", "xmldsig") for fragment in (False, True)]
RANDOM_INPUTS = int(os.environ.get("PLUGCHARGE_RANDOM_INPUTS", "100000"))
GROWTH = 5 * 1024 * 1024
# What a frame may carry at most.
FRAME = 65_536
# A mark far above what is needed on a slow machine, far below what an attack would want.
SECONDS = 0.05


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def outcome(data: bytes, schema: str, fragment: bool) -> str:
    try:
        exi.decode(data, schema, fragment=fragment)
    except ExiError as error:
        return error.kind
    return "message"


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_random_octets_raise_only_our_error_and_leave_nothing_behind() -> None:
    """[B2] 100,000 inputs; ``PLUGCHARGE_RANDOM_INPUTS`` sets another number."""
    source = random.Random(15118)
    kinds = set()

    def run(count: int) -> None:
        for at in range(count):
            schema, fragment = FORMS[at % len(FORMS)]
            data = source.randbytes(source.choice((3, 8, 20, 60, 200)))
            if at % 8:
                data = b"\x80" + data
            kinds.add(outcome(data, schema, fragment))

    run(2_000)
    gc.collect()
    before = resident()
    run(RANDOM_INPUTS)
    gc.collect()
    assert resident() - before < GROWTH
    assert {"header", "truncated", "trailing", "root", "event-code", "undeclared", "range"} <= kinds
    assert {"wildcard", "missing", "character", "string-table"} <= kinds


def peak_of(data: bytes, schema: str, *, fragment: bool = False) -> tuple[str, int, float]:
    """What came of it, the peak of Python's memory, and the time without measuring memory."""
    started = time.perf_counter()
    outcome(data, schema, fragment)
    seconds = time.perf_counter() - started
    gc.collect()
    tracemalloc.start()
    try:
        found = outcome(data, schema, fragment)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return found, peak, seconds


def check_cost(data: bytes, schema: str, expected: str, *, fragment: bool = False) -> None:
    assert len(data) <= FRAME + 16
    found, peak, seconds = peak_of(data, schema, fragment=fragment)
    assert found == expected
    assert peak <= 64 * 1024 + 32 * len(data)
    assert seconds < SECONDS


SIZES = [2**8, 2**16, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**200]


def namespace(length: int) -> bytes:
    return Bits().code(0, 2).code(0, 3).unsigned(length).data() + b"\x55" * 40


def session_id(length: int) -> bytes:
    setup = bits_of(bytes.fromhex("8098004011d018048d159e26ac00"))
    # The root has seven bits; Header, SessionID and its octets have one each.
    return Bits().raw(setup[8:18]).unsigned(length).data() + b"\x55" * 40


def reference_uri(length: int) -> bytes:
    whole = bits_of(exi.encode(xmldsig.X509Data((xmldsig.X509SKI(b""),))))
    return Bits().raw(whole[8:13]).code(1, 3).code(0, 1).unsigned(length).data() + b"\x55" * 40


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("make", "schema"),
    [(namespace, "sap"), (session_id, "iso2"), (reference_uri, "xmldsig")],
    ids=["text", "hex", "base64"],
)
def test_lengths_that_lie(make: Callable[[int], bytes], schema: str, size: int) -> None:
    check_cost(make(size), schema, "truncated")


def test_a_length_just_beyond_the_end_and_one_within() -> None:
    """The control arm: the streams above are refused for their length and nothing else."""
    offsets = []
    for size in (42, 43):
        with pytest.raises(ExiError) as caught:
            exi.decode(namespace(size), "sap")
        offsets.append(caught.value.bit_offset)
    assert offsets == [21 + 40 * 8, 21]


def test_a_length_of_endless_groups() -> None:
    data = Bits().code(0, 2).code(0, 3).data()[:1] + b"\xff" * 60_000
    for schema, fragment in FORMS:
        check_cost(data, schema, outcome(data, schema, fragment), fragment=fragment)
    check_cost(Bits().code(0, 2).code(0, 3).raw("1" * 400_000).data(), "sap", "truncated")


# KeyInfo holds lists in lists: the place where references and empty items weigh most.


Item = Callable[[Bits, int], Bits]


def key_info(item: Item, count: int, per: int = 1_024) -> bytes:
    """A KeyInfo with X509Data elements that hold ``count`` X509SubjectName in all."""
    whole = bits_of(exi.encode(xmldsig.KeyInfo((xmldsig.X509Data((xmldsig.X509SKI(b""),)),))))
    bits = Bits().raw(whole[8:13])
    for start in range(0, count, per):
        bits.code(4 if start == 0 else 3, 4)
        for at in range(start, min(start + per, count)):
            item(bits.code(2, 3).code(0, 1), at).code(0, 1)
        bits.code(6, 3)
    return bits.code(8, 4).data()


def in_full(text: str) -> Item:
    return lambda bits, _: bits.text(text)


def referred(text: str, literals: int = 1, *, everywhere: bool = False) -> Item:
    """The first ones in full, the others as references to the last of these."""
    width = math.ceil(math.log2(literals))

    def item(bits: Bits, at: int) -> Bits:
        if at < literals:
            return bits.text(text)
        return (bits.global_hit if everywhere else bits.local_hit)(literals - 1, width)

    return item


def test_lists_in_lists_are_made_as_the_encoder_makes_them() -> None:
    message = xmldsig.KeyInfo((xmldsig.X509Data((xmldsig.X509SubjectName("AB"),) * 3),) * 2)
    assert key_info(in_full("AB"), 6, per=3) == exi.encode(message)
    assert exi.decode(key_info(referred("AB"), 6, per=3), "xmldsig") == message


@pytest.mark.parametrize("text", ["", "A", "AB"])
def test_many_short_texts(text: str) -> None:
    check_cost(key_info(in_full(text), 18_000), "xmldsig", "message")


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize("text", ["A", "A" * 64, "A" * 2_000, "ü" * 2_000, "\U0001f600" * 2_000])
def test_references_up_to_the_limit(text: str, everywhere: bool) -> None:
    count = 16_384 // max(len(text), 8)  # a reference counts for eight characters at least
    check_cost(key_info(referred(text, everywhere=everywhere), count + 1), "xmldsig", "message")
    check_cost(key_info(referred(text, everywhere=everywhere), count + 2), "xmldsig", "limit")


def test_references_to_two_characters() -> None:
    check_cost(key_info(referred("AB"), 2_049), "xmldsig", "message")
    check_cost(key_info(referred("AB"), 8_000), "xmldsig", "limit")


def test_references_anywhere_among_many_texts() -> None:
    check_cost(key_info(referred("A", literals=12_000, everywhere=True), 14_000), "xmldsig", "message")
    check_cost(key_info(referred("A", literals=12_000, everywhere=True), 22_000), "xmldsig", "limit")


def test_references_within_a_name_among_many_texts() -> None:
    check_cost(key_info(referred("A", literals=12_000), 14_000), "xmldsig", "message")
    check_cost(key_info(referred("A", literals=12_000), 22_000), "xmldsig", "limit")


def test_a_list_ends_at_its_limit() -> None:
    check_cost(key_info(in_full(""), 1_025, per=1_025), "xmldsig", "limit")


def test_objects_without_content() -> None:
    """The smallest element that becomes an object of its own."""
    message = xmldsig.KeyInfo((xmldsig.RetrievalMethod(),) * 1_024)
    check_cost(exi.encode(message), "xmldsig", "message")


def test_xml_with_deep_nesting_and_huge_names_is_refused_at_once() -> None:
    for xml in ("<a>" * 100_000, "<" + "a" * 1_000_000, "<a " + "b='c' " * 100_000 + "/>", "&" * 100_000):
        started = time.perf_counter()
        with pytest.raises(ExiError):
            exi.from_xml(xml, "iso2")
        assert time.perf_counter() - started < 1


def hostile_streams() -> list[tuple[bytes, str]]:
    """Every stream of this file that claims or makes more than it is."""
    makers: list[tuple[Callable[[int], bytes], str]] = [
        (namespace, "sap"),
        (session_id, "iso2"),
        (reference_uri, "xmldsig"),
    ]
    out = [(make(size), schema) for make, schema in makers for size in SIZES]
    texts = ("A", "A" * 2_000, "\U0001f600" * 2_000)
    out += [(key_info(referred(text), 16_384 // len(text)), "xmldsig") for text in texts]
    out += [(key_info(in_full(text), 18_000), "xmldsig") for text in ("", "AB")]
    return out


PEAK = """
import resource
from tests.unit.test_exi_hostile import hostile_streams, outcome
streams = hostile_streams()
outcome(streams[-1][0][:2000], "xmldsig", False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for data, schema in streams:
    outcome(data, schema, False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the unit of ru_maxrss is another one elsewhere")
def test_the_whole_process_does_not_swell() -> None:
    """What the compiled core takes is not seen by Python's own count."""
    command = [sys.executable, "-c", PEAK]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True)
    assert int(done.stdout) <= 64 + 32 * FRAME // 1024 + 1024
