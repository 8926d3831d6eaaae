from __future__ import annotations

import pytest

from plugcharge import exi
from plugcharge.errors import PeerError
from plugcharge.messages import Message, iso2
from plugcharge.session import EndReason
from plugcharge.session.secc_iso2 import STATION_ISO2
from plugcharge.session.tables_iso2 import RESPONSE_OF
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import TERMINATE, driver_in, samples

BARE: tuple[Message, ...] = (TERMINATE, iso2.MessageHeader(session_id=bytes(8)))


@pytest.mark.parametrize("message", BARE, ids=lambda message: type(message).__name__)
def test_only_a_v2g_message_is_a_message(message: Message) -> None:
    with pytest.raises(PeerError) as refused:
        STATION_ISO2.unwrap(message)
    assert refused.value.code == ""


def test_a_bare_request_closes() -> None:
    driver = driver_in("WaitForServiceDiscovery")
    assert driver.frame(pack(0x8001, exi.encode(TERMINATE))) == []
    assert driver.ended().reason is EndReason.PROTOCOL_ERROR


def test_there_is_a_refusal_for_every_request() -> None:
    assert STATION_ISO2.requests == set(RESPONSE_OF)
    for request in STATION_ISO2.requests:
        refused = STATION_ISO2.refuse(request, "FAILED", evse_id="ZZ00000")
        assert type(refused) is RESPONSE_OF[request]


def test_wrapping_is_undone_by_unwrapping() -> None:
    for body in samples().values():
        header, again = STATION_ISO2.unwrap(STATION_ISO2.wrap(b"\x01" * 8, body))
        assert again is body
        assert header.session_id == b"\x01" * 8
