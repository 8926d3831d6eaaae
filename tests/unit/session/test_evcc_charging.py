from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from plugcharge.messages import Message, iso2
from plugcharge.session import (
    AnswerIgnored,
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    ChargingProfileChoice,
    ChargingProfileWanted,
    ChargingStopped,
    ContinueCharging,
    ContinueChargingWanted,
    ControlPilot,
    ControlPilotWanted,
    EndReason,
    MeterReadingReceived,
    PeerFault,
    PowerLimit,
    PowerSchedule,
    Question,
    ReceiptSent,
    ReceiptVerified,
)
from plugcharge.session.evcc_charging import best_schedule
from tests.unit.session.pair import (
    SCHEDULE,
    Hosts,
    Pair,
    altering,
    evcc_config,
    never,
    secc_config,
    sent,
    with_body,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def schedule(tuple_id: int, *limits: tuple[int, int]) -> PowerSchedule:
    return PowerSchedule(tuple_id, tuple(PowerLimit(at, watts) for at, watts in limits))


@pytest.mark.parametrize(
    ("schedules", "most", "chosen", "profile"),
    [
        ([schedule(1, (0, 11_000))], 22_000, 1, [(0, 11_000)]),
        ([schedule(1, (0, 11_000))], 3_600, 1, [(0, 3_600)]),
        ([schedule(1, (0, 100)), schedule(2, (0, 200))], 9_000, 2, [(0, 200)]),
        ([schedule(2, (0, 200)), schedule(1, (0, 200))], 9_000, 1, [(0, 200)]),
        ([schedule(1, (0, 1_000)), schedule(2, (0, 0), (7_200, 9_000))], 9_000, 1, [(0, 1_000)]),
        (
            [schedule(1, (0, 22_000), (60, 0), (120, 22_000))],
            11_000,
            1,
            [(0, 11_000), (60, 0), (120, 11_000)],
        ),
    ],
)
def test_the_best_schedule(
    schedules: list[PowerSchedule], most: int, chosen: int, profile: list[tuple[int, int]]
) -> None:
    config = evcc_config(departure_time=7_200)
    tuple_id, limits = best_schedule(config, tuple(schedules), most)
    assert tuple_id == chosen
    assert [(limit.start, limit.watts) for limit in limits] == profile


def test_a_profile_has_at_most_24_entries() -> None:
    limits = tuple(PowerLimit(60 * step, 1_000 + 10 * (step % 7)) for step in range(100))
    _, profile = best_schedule(evcc_config(), (PowerSchedule(1, limits),), 22_000)
    assert len(profile) == 24
    assert profile[-1].watts == 1_000


def test_the_car_limits_itself() -> None:
    pair = Pair(evcc=evcc_config(max_current=16.0)).run()
    start = sent(pair, iso2.PowerDeliveryReq)[0]
    powers = [entry.charging_profile_entry_max_power for entry in start.charging_profile.profile_entry]
    assert [power.value * 10**power.multiplier for power in powers] == [16 * 3 * 230, 11_000]


def change_schedules(change: Any) -> Any:
    def apply(message: Any) -> Message:
        schedules = message.body.sa_schedules.sa_schedule_tuple
        changed = iso2.SAScheduleList(sa_schedule_tuple=tuple(change(offered) for offered in schedules))
        return with_body(sa_schedules=changed)(message)

    return altering(iso2.ChargeParameterDiscoveryRes, apply)


def with_limit(**changes: Any) -> Any:
    def change(offered: Any) -> Any:
        entries = offered.p_max_schedule.p_max_schedule_entry
        changed = tuple(
            msgspec.structs.replace(entry, p_max=msgspec.structs.replace(entry.p_max, **changes))
            for entry in entries
        )
        return msgspec.structs.replace(
            offered, p_max_schedule=iso2.PMaxSchedule(p_max_schedule_entry=changed)
        )

    return change


def backwards(offered: Any) -> Any:
    entries = tuple(reversed(offered.p_max_schedule.p_max_schedule_entry))
    return msgspec.structs.replace(offered, p_max_schedule=iso2.PMaxSchedule(p_max_schedule_entry=entries))


@pytest.mark.parametrize("change", [with_limit(unit=iso2.UnitSymbol.A), backwards], ids=["unit", "order"])
def test_schedules_that_cannot_be_followed(change: Any) -> None:
    pair = Pair(tap=change_schedules(change)).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR
    assert not sent(pair, iso2.PowerDeliveryReq)


def test_a_negative_limit_is_read_as_zero() -> None:
    pair = Pair(tap=change_schedules(with_limit(value=-100))).run()
    (entry,) = sent(pair, iso2.PowerDeliveryReq)[0].charging_profile.profile_entry
    assert entry.charging_profile_entry_max_power.value == 0


def test_finished_without_a_schedule() -> None:
    pair = Pair(tap=altering(iso2.ChargeParameterDiscoveryRes, with_body(sa_schedules=None))).run()
    assert "V2G2-905" in pair.ended("car").detail


def test_the_outlet_is_no_outlet() -> None:
    def change(message: Any) -> Message:
        volts = iso2.PhysicalValue(multiplier=0, unit=iso2.UnitSymbol.V, value=0)
        outlet = msgspec.structs.replace(message.body.evse_charge_parameter, evse_nominal_voltage=volts)
        return with_body(evse_charge_parameter=outlet)(message)

    pair = Pair(tap=altering(iso2.ChargeParameterDiscoveryRes, change)).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR


def test_the_host_chooses_the_profile() -> None:
    second = PowerSchedule(2, (PowerLimit(0, 5_000),))

    def offer(question: Question) -> ChargeScheduleOffer:
        return ChargeScheduleOffer(ticket=question.ticket, schedules=(SCHEDULE, second))

    def choose(question: ChargingProfileWanted) -> ChargingProfileChoice:
        assert question.proposal_tuple_id == 1
        assert {one.tuple_id for one in question.schedules} == {1, 2}
        return ChargingProfileChoice(ticket=question.ticket, tuple_id=2, profile=(PowerLimit(0, 4_000),))

    hosts = Hosts(replies={ChargeScheduleWanted: offer, ChargingProfileWanted: choose})
    pair = Pair(evcc=evcc_config(ask_charging_profile=True), hosts=hosts).run()
    assert sent(pair, iso2.PowerDeliveryReq)[0].sa_schedule_tuple_id == 2
    assert pair.ended("car").reason is EndReason.TERMINATED


@pytest.mark.parametrize(
    ("tuple_id", "limits"),
    [(9, ((0, 1),)), (1, ((0, 22_001),)), (1, ((0, 22_000),)), (1, ()), (1, ((5, 1), (5, 1)))],
)
def test_a_profile_that_cannot_be_sent(tuple_id: int, limits: tuple[tuple[int, int], ...]) -> None:
    from plugcharge.errors import LocalError

    pair = Pair(
        evcc=evcc_config(ask_charging_profile=True), hosts=Hosts(replies={ChargingProfileWanted: never})
    )
    pair.run(seconds=1.0)
    question = next(asked for asked in pair.hosts.asked if isinstance(asked, ChargingProfileWanted))
    profile = tuple(PowerLimit(at, watts) for at, watts in limits)
    choice = ChargingProfileChoice(ticket=question.ticket, tuple_id=tuple_id, profile=profile)
    with pytest.raises(LocalError):
        pair.car.answer(pair.now, choice)
    pair.run()
    assert pair.ended("car").reason is EndReason.TERMINATED  # the proposal is taken after 30 s


def test_without_an_answer_the_proposal_is_taken() -> None:
    pair = Pair(
        evcc=evcc_config(ask_charging_profile=True), hosts=Hosts(replies={ChargingProfileWanted: never})
    )
    before = pair.now
    pair.run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert 30.0 <= pair.now - before <= 45.0


def test_the_host_is_asked_whether_to_go_on() -> None:
    def go_on(question: ContinueChargingWanted) -> ContinueCharging:
        return ContinueCharging(ticket=question.ticket, go_on=question.energy < 500)

    config = evcc_config(ask_continue=True, stop_after_seconds=None)
    pair = Pair(evcc=config, hosts=Hosts(replies={ContinueChargingWanted: go_on})).run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert len(sent(pair, iso2.ChargingStatusReq)) == 6
    last = [asked for asked in pair.hosts.asked if isinstance(asked, ContinueChargingWanted)][-1]
    assert (last.energy, last.seconds) == (500, 5.0)


def test_without_an_answer_charging_stops() -> None:
    config = evcc_config(ask_continue=True, stop_after_seconds=None)
    pair = Pair(evcc=config, hosts=Hosts(replies={ContinueChargingWanted: never})).run()
    assert len(sent(pair, iso2.ChargingStatusReq)) == 1
    question = next(asked for asked in pair.hosts.asked if isinstance(asked, ContinueChargingWanted))
    pair.car.answer(pair.now, ContinueCharging(ticket=question.ticket, go_on=True))
    pair.collect()
    assert pair.of("car", AnswerIgnored)


def test_the_energy_goal() -> None:
    pair = Pair(evcc=evcc_config(stop_after_energy=250, stop_after_seconds=None)).run()
    assert pair.ended("car").detail == "300 Wh were charged"
    assert len(pair.of("car", MeterReadingReceived)) == 4


def test_status_requests_are_paced() -> None:
    config = evcc_config(status_pause=0.25, stop_after_seconds=1.0)
    pair = Pair(evcc=config, hosts=Hosts(receipts=False)).run()
    assert len(sent(pair, iso2.ChargingStatusReq)) == 5


def test_the_meter_reading_is_echoed_unchanged() -> None:
    pair = Pair().run()
    receipts = pair.of("car", ReceiptSent)
    assert [receipt.raw for receipt in receipts] == [
        event.raw for event in pair.of("station", ReceiptVerified)
    ]
    assert len(receipts) == 4


def test_a_receipt_for_nothing() -> None:
    pair = Pair(tap=altering(iso2.ChargingStatusRes, with_body(meter_info=None))).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR


@pytest.mark.parametrize("changes", [{"meter_id": "M" * 33}, {"sig_meter_reading": bytes(65)}], ids=str)
def test_a_reading_that_cannot_be_echoed(changes: dict[str, Any]) -> None:
    def change(message: Any) -> Message:
        return with_body(meter_info=msgspec.structs.replace(message.body.meter_info, **changes))(message)

    pair = Pair(tap=altering(iso2.ChargingStatusRes, change), hosts=Hosts(receipts=False)).run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR
    assert progress(pair) == ["Start", "Stop"]
    assert pair.of("station", ChargingStopped)
    assert pair.ended("station").reason is EndReason.TERMINATED
    assert not pair.of("station", PeerFault)
    shown = [event.state for event in pair.of("car", ControlPilotWanted)]
    assert shown == [ControlPilot.C, ControlPilot.B]


def progress(pair: Pair) -> list[str]:
    return [str(request.charge_progress) for request in sent(pair, iso2.PowerDeliveryReq)]


def test_a_fault_in_a_renegotiation_ends_in_order() -> None:
    wanted = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.ReNegotiation, rcd=False
    )
    renegotiate = altering(iso2.ChargingStatusRes, with_body(ac_evse_status=wanted), times=1)
    offers: list[bytes] = []

    def tap(side: str, number: int, frame: bytes) -> list[bytes]:
        (frame,) = renegotiate(side, number, frame)
        if side == "station" and pair.car.state == "ChargeParameterDiscovery":
            offers.append(frame)
            if len(offers) == 2:
                no_schedule = altering(iso2.ChargeParameterDiscoveryRes, with_body(sa_schedules=None))
                return no_schedule(side, number, frame)
        return [frame]

    pair = Pair(tap=tap, hosts=Hosts(receipts=False))
    pair.run()
    assert "V2G2-905" in pair.ended("car").detail
    assert progress(pair) == ["Start", "Renegotiate", "Stop"]
    assert pair.ended("station").reason is EndReason.TERMINATED
    assert not pair.of("station", PeerFault)


def test_after_failed_while_charging_the_goodbye_comes_at_once() -> None:
    refused = with_body(response_code=iso2.ResponseCode.FAILED)
    pair = Pair(tap=altering(iso2.ChargingStatusRes, refused)).run()
    assert progress(pair) == ["Start"]
    assert len(sent(pair, iso2.SessionStopReq)) == 1
    assert pair.ended("car").reason is EndReason.REFUSED_BY_PEER


def test_a_stop_that_fails_keeps_the_first_reason() -> None:
    refused = altering(iso2.PowerDeliveryRes, with_body(response_code=iso2.ResponseCode.FAILED))
    nothing = altering(iso2.ChargingStatusRes, with_body(meter_info=None))

    def tap(side: str, number: int, frame: bytes) -> list[bytes]:
        bend = refused if pair.car.state == "PowerDelivery(Stop)" else nothing
        return bend(side, number, frame)

    pair = Pair(tap=tap)
    pair.run()
    assert pair.ended("car").reason is EndReason.PROTOCOL_ERROR
    assert sent(pair)[-1] == sent(pair, iso2.SessionStopReq)[0]


def changed_meter(changes: Callable[[int], dict[str, Any]]) -> Callable[[Any], Message]:
    """Change the meter's fields of the first, the second, ... ChargingStatusRes."""
    count = itertools.count(1)

    def change(message: Any) -> Message:
        info = msgspec.structs.replace(message.body.meter_info, **changes(next(count)))
        return with_body(meter_info=info)(message)

    return change


@pytest.mark.parametrize(
    ("change", "receipts", "why"),
    [
        (with_body(sa_schedule_tuple_id=77), 0, "for schedule 77, the car chose 1"),
        (changed_meter(lambda number: {"meter_reading": 10_000 // number}), 1, "from 10000 Wh to 5000 Wh"),
        (changed_meter(lambda number: {"meter_id": f"METER-{number}"}), 1, "comes from meter METER-2"),
    ],
    ids=["schedule", "backwards", "other meter"],
)
def test_what_contradicts_the_session_is_not_signed(
    change: Callable[[Any], Message], receipts: int, why: str
) -> None:
    # Both ends in one: a station that sends this would also take the receipt for it.
    pair = Pair(
        secc=secc_config(danger_bad_receipts_taken=True), tap=altering(iso2.ChargingStatusRes, change)
    ).run()
    assert len(pair.of("car", ReceiptSent)) == receipts
    end = pair.ended("car")
    assert end.reason is EndReason.PROTOCOL_ERROR
    assert why in end.detail
    assert progress(pair)[-1] == "Stop"


def test_a_reading_without_a_count_does_not_hide_a_meter_that_went_back() -> None:
    counts = {1: 10_000, 2: None, 3: 5_000}
    change = changed_meter(lambda number: {"meter_reading": counts[number]})
    pair = Pair(
        secc=secc_config(danger_bad_receipts_taken=True), tap=altering(iso2.ChargingStatusRes, change)
    ).run()
    assert len(pair.of("car", ReceiptSent)) == 2
    assert "from 10000 Wh to 5000 Wh" in pair.ended("car").detail


def test_a_station_that_always_wants_to_renegotiate_is_paced() -> None:
    wanted = iso2.AC_EVSEStatus(
        notification_max_delay=0, evse_notification=iso2.EVSENotification.ReNegotiation, rcd=False
    )
    bend = altering(iso2.ChargingStatusRes, with_body(ac_evse_status=wanted))
    pair = Pair(evcc=evcc_config(stop_after_seconds=10.0), tap=bend, hosts=Hosts(receipts=False)).run()
    assert pair.ended("car").reason is EndReason.TERMINATED
    assert 5 <= len(sent(pair, iso2.ChargingStatusReq)) <= 12
