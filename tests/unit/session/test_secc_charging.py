from __future__ import annotations

from typing import Any

import msgspec
import pytest

from plugcharge.errors import LocalError
from plugcharge.messages import iso2
from plugcharge.session import (
    AnswerIgnored,
    ChargeScheduleWanted,
    ChargingStarted,
    ChargingStopped,
    ChargingUpdate,
    EndReason,
    MeterReading,
    MeterReadingSent,
    MeterReadingWanted,
    Notice,
    Payment,
    PowerCut,
    PowerLimit,
    PowerOffWanted,
    PowerOnWanted,
    PowerOutcome,
    PowerResult,
    Question,
)
from tests.unit.session.pair import (
    EVSE_ID,
    PARAMETERS,
    PAUSE,
    RENEGOTIATE,
    SELECTION,
    START,
    STOP,
    TERMINATE,
    Hosts,
    driver_in,
    never,
    secc_config,
)

BEFORE = "WaitForPowerDelivery"
CHARGING = "WaitForChargingStatus"


def watts(number: int, multiplier: int = 0, unit: iso2.UnitSymbol = iso2.UnitSymbol.W) -> iso2.PhysicalValue:
    return iso2.PhysicalValue(multiplier=multiplier, unit=unit, value=number)


def start(*entries: tuple[int, iso2.PhysicalValue], tuple_id: int = 1) -> iso2.PowerDeliveryReq:
    profile = iso2.ChargingProfile(
        profile_entry=tuple(
            iso2.ProfileEntry(charging_profile_entry_start=at, charging_profile_entry_max_power=power)
            for at, power in entries
        )
    )
    return msgspec.structs.replace(
        START, charging_profile=profile if entries else None, sa_schedule_tuple_id=tuple_id
    )


def test_power_on_with_a_profile() -> None:
    driver = driver_in(BEFORE)
    assert driver.ask(start((0, watts(2_200, 1)), (3_600, watts(11_000)))).response_code == "OK"
    (wanted,) = driver.of(PowerOnWanted)
    assert wanted.profile == (PowerLimit(0, 22_000), PowerLimit(3_600, 11_000))
    assert not wanted.already_on
    assert driver.of(ChargingStarted)[0].tuple_id == 1
    assert driver.core.state == CHARGING


def test_a_profile_may_be_left_out() -> None:
    assert driver_in(BEFORE).ask(start()).response_code == "OK"


@pytest.mark.parametrize("tuple_id", [2, 255])
def test_a_schedule_that_was_not_offered(tuple_id: int) -> None:
    driver = driver_in(BEFORE)
    assert driver.ask(start(tuple_id=tuple_id)).response_code == "FAILED_TariffSelectionInvalid"  # [V2G2-479]
    assert not driver.of(PowerOnWanted)
    assert not driver.of(PowerCut)


@pytest.mark.parametrize(
    "entries",
    [
        ((0, watts(22_001)),),
        ((0, watts(11_000, 1)),),
        ((0, watts(32_767, 3)),),
        ((0, watts(22_000)),),  # holds for ever, but the schedule goes down after an hour
        ((0, watts(22_000)), (3_601, watts(11_000))),
        ((0, watts(-1)),),
        ((0, watts(11_000, unit=iso2.UnitSymbol.A)),),
        ((100, watts(1)), (50, watts(1))),
        ((100, watts(1)), (100, watts(1))),
        ((3_600, watts(11_001)),),
    ],
    ids=str,
)
def test_profiles_above_the_schedule(entries: tuple[tuple[int, iso2.PhysicalValue], ...]) -> None:
    driver = driver_in(BEFORE)
    assert driver.ask(start(*entries)).response_code == "FAILED_ChargingProfileInvalid"  # [V2G2-224]
    assert not driver.of(PowerOnWanted)


@pytest.mark.parametrize(
    "entries",
    [
        ((0, watts(11_000)),),
        ((0, watts(22_000)), (3_600, watts(11_000))),
        ((0, watts(0)),),
        ((0, watts(11_000)), (200_000, watts(11_000))),  # longer than the schedule
        ((0, watts(10_999_900 // 1000, 0)),),
        ((4_294_967_295, watts(11_000)),),
    ],
    ids=str,
)
def test_profiles_within_the_schedule(entries: tuple[tuple[int, iso2.PhysicalValue], ...]) -> None:
    assert driver_in(BEFORE).ask(start(*entries)).response_code == "OK"


def test_the_contactor_has_three_seconds() -> None:
    driver = driver_in(BEFORE, hosts=Hosts(replies={PowerOnWanted: never}))
    assert driver.ask(START) is None
    assert driver.wait(2.9) == []
    (message,) = driver.wait(0.1)
    assert message.body.response_code == "FAILED_ContactorError"  # type: ignore[attr-defined]  # [V2G2-860]
    assert len(driver.of(PowerCut)) == 1
    (wanted,) = driver.of(PowerOnWanted)
    driver.core.answer(driver.now, PowerResult(ticket=wanted.ticket))
    driver.pump()
    assert len(driver.of(AnswerIgnored)) == 1
    assert not driver.of(ChargingStarted)


def test_a_late_contactor_in_time() -> None:
    driver = driver_in(BEFORE, hosts=Hosts(replies={PowerOnWanted: never}))
    driver.ask(START)
    driver.wait(2.0)
    (wanted,) = driver.of(PowerOnWanted)
    driver.core.answer(driver.now, PowerResult(ticket=wanted.ticket))
    (message,) = driver.pump()
    assert message.body.response_code == "OK"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (PowerOutcome.NOT_READY, "FAILED_PowerDeliveryNotApplied"),
        (PowerOutcome.CONTACTOR_FAULT, "FAILED_ContactorError"),
    ],
)
@pytest.mark.parametrize("question", [PowerOnWanted, PowerOffWanted])
def test_the_outlet_cannot(question: type[Question], outcome: PowerOutcome, code: str) -> None:
    hosts = Hosts(replies={question: lambda asked: PowerResult(ticket=asked.ticket, outcome=outcome)})
    driver = driver_in(BEFORE if question is PowerOnWanted else CHARGING, hosts=hosts)
    response = driver.ask(START if question is PowerOnWanted else STOP)
    assert response.response_code == code
    assert len(driver.of(PowerCut)) == 1


def test_start_while_charging() -> None:
    driver = driver_in(CHARGING)
    assert driver.ask(START).response_code == "FAILED"
    assert len(driver.of(PowerCut)) == 1


def test_renegotiation_before_any_start() -> None:
    assert driver_in(BEFORE).ask(RENEGOTIATE).response_code == "FAILED"  # [V2G2-812]


def test_renegotiation_while_charging() -> None:
    driver = driver_in(CHARGING)
    assert driver.ask(RENEGOTIATE).response_code == "OK"  # [V2G2-813]
    assert driver.ask(PARAMETERS).evse_processing == "Finished"
    assert len(driver.of(ChargeScheduleWanted)) == 2
    assert driver.ask(START).response_code == "OK"
    assert [wanted.already_on for wanted in driver.of(PowerOnWanted)] == [False, True]
    assert driver.core.state == CHARGING
    assert driver.ask(STOP).response_code == "OK"
    assert not driver.of(PowerCut)


def test_after_a_renegotiation_only_start_or_stop() -> None:
    driver = driver_in("WaitForPowerDeliveryWhileCharging")
    assert driver.ask(RENEGOTIATE).response_code == "FAILED"  # [V2G2-842]
    driver = driver_in("WaitForPowerDeliveryWhileCharging")
    assert driver.ask(STOP).response_code == "OK"
    assert len(driver.of(PowerOffWanted)) == 1


def test_stop_before_start_needs_no_contactor() -> None:
    driver = driver_in(BEFORE)
    assert driver.ask(STOP).response_code == "OK"
    assert not driver.of(PowerOffWanted) + driver.of(ChargingStopped)
    assert driver.ask(TERMINATE).response_code == "OK"


def test_status() -> None:
    driver = driver_in(CHARGING, hosts=Hosts(receipts=False))
    response = driver.ask(iso2.ChargingStatusReq())
    assert (response.evse_id, response.sa_schedule_tuple_id) == (EVSE_ID, 1)
    assert response.receipt_required is False
    assert response.meter_info.meter_reading == 1_000_100
    assert response.ac_evse_status.evse_notification == "None"
    (sent,) = driver.of(MeterReadingSent)
    assert not sent.receipt_required
    assert driver.core.state == CHARGING


def test_a_silent_meter_does_not_end_the_session() -> None:
    driver = driver_in(CHARGING, hosts=Hosts(replies={MeterReadingWanted: never}))
    driver.ask(iso2.ChargingStatusReq())
    (message,) = driver.wait(1.2)
    assert message.body.response_code == "OK"  # type: ignore[attr-defined]
    assert message.body.meter_info is None  # type: ignore[attr-defined]
    (wanted,) = driver.of(MeterReadingWanted)
    driver.core.answer(driver.now, ChargingUpdate(ticket=wanted.ticket))
    driver.pump()
    assert len(driver.of(AnswerIgnored)) == 1


def test_the_station_asks_to_stop() -> None:
    def stop(question: Question) -> ChargingUpdate:
        return ChargingUpdate(
            ticket=question.ticket, notice=Notice.STOP_CHARGING, notice_delay=10, max_current=16.0
        )

    driver = driver_in(CHARGING, hosts=Hosts(replies={MeterReadingWanted: stop}))
    response = driver.ask(iso2.ChargingStatusReq())
    assert response.ac_evse_status.evse_notification == "StopCharging"
    assert response.ac_evse_status.notification_max_delay == 10
    assert response.evse_max_current.value == 16


METER = MeterReading("M", 1)


@pytest.mark.parametrize(
    "update",
    [{"receipt_required": True}, {"notice_delay": 65_536}, {"notice_delay": -1}, {"max_current": -1.0}],
)
def test_updates_that_cannot_be_sent(update: dict[str, Any]) -> None:
    driver = driver_in(CHARGING, hosts=Hosts(replies={MeterReadingWanted: never}))
    driver.ask(iso2.ChargingStatusReq())
    (wanted,) = driver.of(MeterReadingWanted)
    with pytest.raises(LocalError):
        driver.core.answer(driver.now, ChargingUpdate(ticket=wanted.ticket, **update))
    driver.core.answer(driver.now, ChargingUpdate(ticket=wanted.ticket, meter=METER))
    assert len(driver.pump()) == 1


def test_no_receipt_without_a_contract() -> None:
    driver = driver_in("WaitForPaymentServiceSelection", config=secc_config(payments=(Payment.EXTERNAL,)))
    driver.ask(msgspec.structs.replace(SELECTION, selected_payment_option=iso2.PaymentOption.ExternalPayment))
    for body in (iso2.AuthorizationReq(), PARAMETERS, START):
        assert driver.ask(body).response_code == "OK"
    response = driver.ask(iso2.ChargingStatusReq())
    assert response.receipt_required is False  # [V2G2-691]
    assert driver.core.state == CHARGING


@pytest.mark.parametrize(
    ("state", "body", "code", "reason"),
    [
        ("WaitForServiceDiscovery", TERMINATE, "OK", EndReason.TERMINATED),
        ("WaitForServiceDiscovery", PAUSE, "FAILED", EndReason.REFUSED),
        ("WaitForSessionStop", TERMINATE, "OK", EndReason.TERMINATED),
        ("WaitForSessionStop", PAUSE, "OK", EndReason.PAUSED),
        ("Failed", TERMINATE, "OK", EndReason.REFUSED),
        ("Failed", PAUSE, "FAILED", EndReason.REFUSED),
        (CHARGING, TERMINATE, "FAILED_SequenceError", EndReason.REFUSED),
    ],
)
def test_goodbye(state: str, body: iso2.SessionStopReq, code: str, reason: EndReason) -> None:
    driver = driver_in(state)
    assert driver.ask(body).response_code == code
    if code == "OK":
        assert driver.core.closed  # [V2G2-571]
        assert driver.core.close_delay == 5.0
    driver.wait(5.0)
    assert driver.ended().reason is reason
