from __future__ import annotations

import pytest

from plugcharge import exi, sign
from plugcharge.errors import PeerError
from plugcharge.messages import iso2
from plugcharge.session import EndReason
from plugcharge.session.evcc_iso2 import CAR_ISO2
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import Pair, contract

GOODBYE = iso2.SessionStopRes(response_code=iso2.ResponseCode.OK)


def test_only_a_v2g_message_is_a_message() -> None:
    with pytest.raises(PeerError):
        CAR_ISO2.unwrap(GOODBYE)


def test_a_bare_response_closes() -> None:
    bare = pack(0x8001, exi.encode(GOODBYE))
    pair = Pair(tap=lambda side, number, frame: [bare] if (side, number) == ("station", 2) else [frame]).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR


def test_the_signature_goes_into_the_header() -> None:
    body = iso2.AuthorizationReq(id="ID1", gen_challenge=bytes(16))
    signature = sign.sign_elements([body], contract().key)
    header, again = CAR_ISO2.unwrap(CAR_ISO2.wrap(b"", signature, body))
    assert (header.session_id, header.signature, again) == (bytes(8), signature, body)
