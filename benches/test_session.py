"""A whole -2 AC Plug and Charge session, both ends, TLS included, against the cryptography in it.

The peer is the floor: one bare TLS handshake with the same certificates through the same engines, and as many
P-256 signatures and verifications through the same key classes as the session makes. CPU time of the process.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benches.pairs import Call, measure
from benches.session_rig import Rig, signing_key, world

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

_DATA = bytes(range(200))  # a SignedInfo has about that length


def test_session(benchmark: BenchmarkFixture) -> None:
    rig = Rig()
    operations = rig.operations()
    key = signing_key(world().contract_leaf)
    public_key = key.public_key
    signature = key.sign_raw(_DATA)

    def bare() -> None:
        rig.bare_handshake()
        for _ in range(operations.signed):
            key.sign_raw(_DATA)
        for _ in range(operations.verified):
            public_key.verify_raw(_DATA, signature)

    benchmark.extra_info |= {"signed": operations.signed, "verified": operations.verified}
    measure(
        benchmark,
        "session",
        "iso2_AC_PnC",
        ours=Call(rig.session),
        peer=Call(bare),
        peer_name="bare crypto",
        rounds=40,
        clock=time.process_time,
    )
