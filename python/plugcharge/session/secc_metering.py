"""Station: the receipt, the car's signature under what it was metered."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from plugcharge import sign
from plugcharge.errors import ExiError, SignatureError
from plugcharge.messages import iso2
from plugcharge.session.events import ReceiptRefused, ReceiptVerified
from plugcharge.session.secc_parameters import STATUS
from plugcharge.session.secc_steps import Refuse, Reply

if TYPE_CHECKING:
    from plugcharge.session.secc_steps import Received, StationRecord, Step

__all__ = ["metering_receipt"]


_CODE = "FAILED_MeteringSignatureNotValid"
_RULE = "[V2G2-481], [V2G2-904]"


def metering_receipt(record: StationRecord, request: iso2.MeteringReceiptReq, received: Received) -> Step:
    """Check that the car signed exactly what it was sent, with its contract key [V2G2-904]."""
    difference = _difference(record, request)
    fault = Refuse(_CODE, difference, _RULE) if difference else _signature_fault(record, request, received)
    response = iso2.MeteringReceiptRes(response_code=iso2.ResponseCode.OK, evse_status=STATUS)
    if fault is not None:
        refused = ReceiptRefused(why=fault.what, raw=received.raw)
        if not record.config.danger_bad_receipts_taken:
            return replace(fault, events=(refused,))
        return Reply(response, events=(refused,))
    # Both were looked at in finding no fault.
    assert record.meter is not None and record.contract is not None  # noqa: S101, PT018
    verified = ReceiptVerified(meter=record.meter, emaid=record.contract.emaid, raw=received.raw)
    return Reply(response, events=(verified,))


def _difference(record: StationRecord, request: iso2.MeteringReceiptReq) -> str:
    """Say which field is not the one that was sent; empty when all are."""
    sent, got = record.metered, request.meter_info
    if sent is None or record.meter is None:
        return "no reading was sent that could be signed"
    if request.session_id != record.session_id:
        return "the receipt is for another session"
    # A receipt without a tuple id is known from the field.
    if request.sa_schedule_tuple_id not in {None, record.tuple_id}:
        return f"the receipt is for schedule {request.sa_schedule_tuple_id}, charged was {record.tuple_id}"
    for field in ("meter_id", "meter_reading", "sig_meter_reading", "meter_status", "t_meter"):
        if getattr(sent, field) != getattr(got, field):
            return f"the receipt's {field} is not the one that was sent"
    return ""


def _signature_fault(
    record: StationRecord, request: iso2.MeteringReceiptReq, received: Received
) -> Refuse | None:
    if record.contract is None:
        return Refuse(_CODE, "there is no contract whose key could have signed", _RULE)
    if not request.id:
        return Refuse(_CODE, "the MeteringReceiptReq has no Id to sign", _RULE)
    try:
        sign.verify_elements(
            (request,), received.header.signature, public_key=record.contract.chain.public_key
        )
    except (ExiError, SignatureError) as error:
        return Refuse(
            _CODE,
            f"the receipt is not signed well: {error.what}",
            _RULE,
            rule=error.rule if isinstance(error, SignatureError) else error.kind,
            advice=error.advice,
        )
    return None
