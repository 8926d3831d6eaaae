"""Cars that cheat, to see what a station says to them: each changes frames before they are sent.

They are given to ``Evcc(..., danger_rewrite=...)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from plugcharge import exi
from plugcharge.errors import ExiError
from plugcharge.messages import iso2
from plugcharge.wire.v2gtp import HEADER_LENGTH, PayloadType, pack

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["break_authorization_signature", "understate_receipts"]


def break_authorization_signature(frame: bytes) -> bytes:
    """Change one bit of the signature under AuthorizationReq; every other frame stays as it is."""
    return _changed(frame, iso2.AuthorizationReq, _flip_a_bit)


def understate_receipts(frame: bytes) -> bytes:
    """Take 1000 Wh off the reading in MeteringReceiptReq, under the old signature; else as it is."""
    return _changed(frame, iso2.MeteringReceiptReq, _less_energy)


def _changed(
    frame: bytes, kind: type[object], change: Callable[[iso2.V2G_Message], iso2.V2G_Message]
) -> bytes:
    try:
        message = exi.decode(frame[HEADER_LENGTH:], "iso2")
    except ExiError:
        return frame  # the first frame of a session is of another schema
    if not isinstance(message, iso2.V2G_Message) or not isinstance(message.body, kind):
        return frame
    return pack(PayloadType.EXI, exi.encode(change(message)))


def _flip_a_bit(message: iso2.V2G_Message) -> iso2.V2G_Message:
    signature = message.header.signature
    if signature is None:
        return message
    octets = bytearray(signature.signature_value.value)
    octets[-1] ^= 1
    value = msgspec.structs.replace(signature.signature_value, value=bytes(octets))
    broken = msgspec.structs.replace(signature, signature_value=value)
    return msgspec.structs.replace(message, header=msgspec.structs.replace(message.header, signature=broken))


def _less_energy(message: iso2.V2G_Message) -> iso2.V2G_Message:
    receipt = message.body
    if not isinstance(receipt, iso2.MeteringReceiptReq) or receipt.meter_info.meter_reading is None:
        return message
    reading = max(receipt.meter_info.meter_reading - 1000, 0)
    info = msgspec.structs.replace(receipt.meter_info, meter_reading=reading)
    return msgspec.structs.replace(message, body=msgspec.structs.replace(receipt, meter_info=info))
