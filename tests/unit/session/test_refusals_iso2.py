from __future__ import annotations

import pytest

from plugcharge import exi
from plugcharge.messages import iso2
from plugcharge.session.refusals_iso2 import refusal
from plugcharge.session.tables_iso2 import REQUESTS, RESPONSE_OF

FAILED = [code for code in iso2.ResponseCode if code.startswith("FAILED")]


@pytest.mark.parametrize("request_type", REQUESTS)
def test_each_refusal_is_valid_and_of_the_matching_type(request_type: type) -> None:
    for code in FAILED:
        body = refusal(request_type, code, evse_id="ZZ00000")
        assert type(body) is RESPONSE_OF[request_type]
        message = iso2.V2G_Message(header=iso2.MessageHeader(session_id=bytes(8)), body=body)  # type: ignore[arg-type]  # one of the union
        assert exi.decode(exi.encode(message), "iso2") == message  # encode checks every limit [V2G2-736]


def test_challenge_filler_has_its_length() -> None:
    body = refusal(iso2.PaymentDetailsReq, "FAILED_CertChainError", evse_id="ZZ00000")
    assert isinstance(body, iso2.PaymentDetailsRes)
    assert len(body.gen_challenge) == 16
