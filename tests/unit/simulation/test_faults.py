"""Cheating cars change exactly one thing."""

from __future__ import annotations

from plugcharge import exi, sign
from plugcharge.messages import iso2
from plugcharge.simulation.faults import break_authorization_signature, understate_receipts
from plugcharge.wire.sap import ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.transport.loopback import key_of, world


def signed(body: iso2.AuthorizationReq | iso2.MeteringReceiptReq) -> bytes:
    signature = sign.sign_elements([body], key_of(world().contract_leaf))
    header = iso2.MessageHeader(session_id=bytes(8), signature=signature)
    return pack(0x8001, exi.encode(iso2.V2G_Message(header=header, body=body)))


AUTHORIZATION = iso2.AuthorizationReq(id="ID1", gen_challenge=bytes(16))
RECEIPT = iso2.MeteringReceiptReq(
    id="ID1", session_id=bytes(8), meter_info=iso2.MeterInfo(meter_id="M", meter_reading=5_000)
)


def read(frame: bytes) -> iso2.V2G_Message:
    message = exi.decode(frame[8:], "iso2")
    assert isinstance(message, iso2.V2G_Message)
    return message


def test_one_bit_of_the_signature_is_wrong() -> None:
    frame = signed(AUTHORIZATION)
    before, after = read(frame), read(break_authorization_signature(frame))
    assert before.body == after.body
    assert before.header.signature is not None
    assert after.header.signature is not None
    assert before.header.signature.signed_info == after.header.signature.signed_info
    good, bad = before.header.signature.signature_value.value, after.header.signature.signature_value.value
    assert int.from_bytes(good) ^ int.from_bytes(bad) == 1


def test_a_kilowatt_hour_is_missing_on_the_receipt() -> None:
    frame = signed(RECEIPT)
    before, after = read(frame), read(understate_receipts(frame))
    assert before.header == after.header
    assert isinstance(after.body, iso2.MeteringReceiptReq)
    assert after.body.meter_info.meter_reading == 4_000


def test_every_other_frame_stays_as_it_is() -> None:
    frames = [
        signed(RECEIPT),
        pack(0x8001, exi.encode(offer([ISO2]))),
        pack(
            0x8001,
            exi.encode(
                iso2.V2G_Message(
                    header=iso2.MessageHeader(session_id=bytes(8)), body=iso2.ServiceDiscoveryReq()
                )
            ),
        ),
    ]
    for frame in frames:
        assert break_authorization_signature(frame) == frame
    for frame in (signed(AUTHORIZATION), *frames[1:]):
        assert understate_receipts(frame) == frame
