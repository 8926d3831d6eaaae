from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugcharge import sign
from plugcharge.messages import iso2
from plugcharge.session import PeerFault, PowerCut, ReceiptRefused, ReceiptVerified
from tests.unit.session.pair import EMAID, Driver, contract, driver_in, key_of, secc_config, test_pki

HERE = "WaitForMeteringReceipt"


def receipt(driver: Driver, **changes: Any) -> iso2.MeteringReceiptReq:
    meter = driver.core._record.metered
    assert meter is not None
    right = iso2.MeteringReceiptReq(
        id="ID1", session_id=driver.session_id, sa_schedule_tuple_id=1, meter_info=meter
    )
    meter_changes = {name: changes.pop(name) for name in list(changes) if name in meter.__struct_fields__}
    return msgspec.structs.replace(
        right, meter_info=msgspec.structs.replace(meter, **meter_changes), **changes
    )


def test_a_good_receipt_is_evidence() -> None:
    driver = driver_in(HERE)
    response = driver.ask(receipt(driver), signer=contract().key)
    assert response.response_code == "OK"
    (verified,) = driver.of(ReceiptVerified)
    assert verified.emaid == EMAID
    assert verified.meter.watt_hours == 1_000_100
    proof = sign.verify_message(verified.raw, public_key=contract().key.public_key)
    assert proof.names == (("MeteringReceiptReq", "ID1"),)
    assert driver.core.state == "WaitForChargingStatus"


def test_the_tuple_id_may_be_left_out() -> None:
    driver = driver_in(HERE)
    response = driver.ask(receipt(driver, sa_schedule_tuple_id=None), signer=contract().key)
    assert response.response_code == "OK"


@pytest.mark.parametrize(
    "changes",
    [
        {"meter_id": "METER-2"},
        {"meter_reading": 1_000_099},
        {"meter_reading": None},
        {"sig_meter_reading": b"\x5b" * 64},
        {"sig_meter_reading": None},
        {"meter_status": 1},
        {"t_meter": 0},
        {"session_id": bytes(8)},
        {"sa_schedule_tuple_id": 2},
    ],
    ids=str,
)
def test_a_receipt_for_something_else(changes: dict[str, Any]) -> None:
    driver = driver_in(HERE)
    response = driver.ask(receipt(driver, **changes), signer=contract().key)
    assert response.response_code == "FAILED_MeteringSignatureNotValid"  # [V2G2-904]
    (refused,) = driver.of(ReceiptRefused)
    assert refused.raw
    assert not driver.of(ReceiptVerified)
    assert len(driver.of(PowerCut)) == 1
    assert driver.of(PeerFault)


@pytest.mark.parametrize("kind", ["missing", "other key", "no id", "empty id"])
def test_a_receipt_that_is_not_signed_well(kind: str) -> None:
    driver = driver_in(HERE)
    body = receipt(driver)
    match kind:
        case "missing":
            response = driver.ask(body)
        case "other key":
            response = driver.ask(body, signer=key_of(test_pki().secc))
        case _:
            signature = sign.sign_elements([body], contract().key)
            bad = msgspec.structs.replace(body, id=None if kind == "no id" else "")
            response = driver.ask(bad, signature=signature)
    assert response.response_code == "FAILED_MeteringSignatureNotValid"
    assert driver.of(ReceiptRefused)


def test_not_verifying_reports_it_all_the_same() -> None:
    driver = driver_in(HERE, config=secc_config(danger_bad_receipts_taken=True))
    assert driver.ask(receipt(driver)).response_code == "OK"
    assert driver.of(ReceiptRefused)
    assert not driver.of(ReceiptVerified)


def test_a_receipt_cannot_be_used_twice() -> None:
    driver = driver_in(HERE)
    body = receipt(driver)
    driver.ask(body, signer=contract().key)
    driver.ask(iso2.ChargingStatusReq())
    assert driver.ask(body, signer=contract().key).response_code == "FAILED_MeteringSignatureNotValid"


def test_a_receipt_that_is_not_signed_well_names_the_rule() -> None:
    driver = driver_in(HERE)
    driver.ask(receipt(driver), signer=key_of(test_pki().secc))
    (fault,) = driver.of(PeerFault)
    assert fault.error.why == "[V2G2-481], [V2G2-904] [rule value-mismatch]"
