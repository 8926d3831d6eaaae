"""What a station writes down, and that it fails closed; whole sessions are in test_secc.py."""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from plugcharge import exi, pki
from plugcharge.backend import (
    ContractBook,
    ReceiptVerdict,
    SessionStore,
    StationJournal,
    StopReason,
    StorageError,
)
from plugcharge.messages import iso2
from plugcharge.session import (
    AuthorizationWanted,
    EndReason,
    MeterReading,
    Payment,
    PowerOnWanted,
    PowerOutcome,
    SessionEnded,
    SessionOpened,
)
from plugcharge.simulation import SimulatedOutlet
from plugcharge.station import accounting
from plugcharge.station.accounting import (
    STOP_REASONS,
    AccountingStation,
    _ReceiptPlan,
    stop_reason,
)
from plugcharge.wire.sap import ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import SELECTION, START, STOP, TERMINATE
from tests.unit.station.hosted_car import BackEnd, HostedCar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OPENED = SessionOpened(session_id=bytes(range(1, 9)), evcc_id=bytes(6), evse_id="DE*PLG*E0001*1")
ENDED = SessionEnded(reason=EndReason.TERMINATED, detail="done")


class FlakyJournal(StationJournal):
    """A journal whose database does not answer a number of times."""

    failures: int = 0

    def _maybe_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StorageError("the database is locked", kind="locked")

    async def open_session(self, **fields: Any) -> str:
        self._maybe_fail()
        return await super().open_session(**fields)

    async def record_reading(self, *arguments: Any, **fields: Any) -> Any:
        self._maybe_fail()
        return await super().record_reading(*arguments, **fields)


def with_station(
    folder: Path, check: Callable[[AccountingStation, FlakyJournal, SimulatedOutlet], Any]
) -> None:
    async def run() -> None:
        with SessionStore.open(folder / "hub.db") as store:
            journal = FlakyJournal(store, station_id="s", clock=lambda: NOW)
            outlet = SimulatedOutlet(lambda: 0.0, contactor_delay=0.0)
            book = ContractBook(store.database)
            await check(AccountingStation(outlet, book, journal, evse_id="DE*PLG*E0001*1"), journal, outlet)

    asyncio.run(run())


def wanted(payment: Payment, chain: pki.ValidatedChain | None = None) -> AuthorizationWanted:
    return AuthorizationWanted(
        ticket="t",
        payment=payment,
        session_id=OPENED.session_id,
        evcc_id=bytes(6),
        at=NOW,
        emaid=chain.emaid if chain else None,
        chain=chain,
    )


def chain() -> pki.ValidatedChain:
    world = pki.TestPki(b"accounting", now=NOW)
    trust = pki.TrustStore(mo=[world.mo_root.der])
    return pki.validate(world.contract_leaf.chain, purpose=pki.Purpose.CONTRACT, trust=trust, at=NOW)


async def tell(station: AccountingStation, event: Any) -> None:
    work = station.notify(event)
    if work is not None:
        await work


def test_a_card_is_not_taken(tmp_path: Path) -> None:
    async def check(station: AccountingStation, *_: Any) -> None:
        await tell(station, OPENED)
        decision = await station.authorize(wanted(Payment.EXTERNAL))
        assert (decision.accepted, decision.ticket) == (False, "t")
        await tell(station, ENDED)
        assert (await station.settled()).stop_reason is StopReason.AUTHORIZATION_REFUSED

    with_station(tmp_path, check)


def test_a_contract_that_is_in_no_book_is_refused_with_its_code(tmp_path: Path) -> None:
    async def check(station: AccountingStation, *_: Any) -> None:
        await tell(station, OPENED)
        decision = await station.authorize(wanted(Payment.CONTRACT, chain()))
        assert (decision.accepted, decision.code) == (False, "FAILED_ContractCanceled")
        assert "not in the book" in decision.reason

    with_station(tmp_path, check)


def test_a_session_that_cannot_be_opened_authorizes_nobody(tmp_path: Path) -> None:
    async def check(station: AccountingStation, journal: FlakyJournal, _: Any) -> None:
        journal.failures = 9
        with pytest.raises(StorageError):
            await tell(station, OPENED)
        decision = await station.authorize(wanted(Payment.CONTRACT, chain()))
        assert not decision.accepted
        assert "locked" in decision.reason
        await tell(station, ENDED)
        assert await station.settled() == type(await station.settled())(None, None, None)

    with_station(tmp_path, check)


def test_a_database_that_comes_back_is_tried_again(tmp_path: Path) -> None:
    async def check(station: AccountingStation, journal: FlakyJournal, _: Any) -> None:
        journal.failures = 2
        await tell(station, OPENED)
        await tell(station, ENDED)
        assert (await station.settled()).session_id is not None

    with_station(tmp_path, check)


def test_no_power_before_the_first_reading_is_stored(tmp_path: Path) -> None:
    question = PowerOnWanted(ticket="t", tuple_id=1, profile=(), already_on=False)

    async def check(station: AccountingStation, journal: FlakyJournal, outlet: SimulatedOutlet) -> None:
        await tell(station, OPENED)
        journal.failures = 9
        result = await station.power_on(question)
        assert result.outcome is PowerOutcome.NOT_READY
        assert outlet.switched == []
        journal.failures = 0
        assert (await station.power_on(question)).outcome is PowerOutcome.DONE
        await tell(station, ENDED)
        session_id = (await station.settled()).session_id
        assert session_id is not None
        readings = journal._store.record(session_id).readings
        assert [reading.context.value for reading in readings] == ["begin", "end"]

    with_station(tmp_path, check)


def test_no_power_from_a_meter_that_does_not_count(tmp_path: Path) -> None:
    async def check(station: AccountingStation, _: FlakyJournal, outlet: SimulatedOutlet) -> None:
        await tell(station, OPENED)
        outlet.meter.read = lambda: MeterReading("M")  # type: ignore[method-assign]  # a broken meter
        question = PowerOnWanted(ticket="t", tuple_id=1, profile=(), already_on=False)
        assert (await station.power_on(question)).outcome is PowerOutcome.NOT_READY
        assert outlet.switched == []

    with_station(tmp_path, check)


def test_a_car_that_never_opened_a_session_leaves_nothing(tmp_path: Path) -> None:
    async def check(station: AccountingStation, *_: Any) -> None:
        await tell(station, SessionEnded(reason=EndReason.CONNECTION_LOST, detail="gone"))
        settled = await station.settled()
        assert (settled.session_id, settled.stop_reason, settled.bill) == (None, None, None)

    with_station(tmp_path, check)


def test_every_end_has_a_reason_for_the_record() -> None:
    assert set(STOP_REASONS) == set(EndReason)
    refused = SessionEnded(reason=EndReason.REFUSED, detail="", code="FAILED_SequenceError")
    assert stop_reason(refused) is StopReason.PROTOCOL_ERROR
    assert stop_reason(refused, refused_by_back_end=True) is StopReason.AUTHORIZATION_REFUSED
    assert stop_reason(ENDED) is StopReason.EV_TERMINATED


def asked(plan: _ReceiptPlan, first: int, step: int, count: int) -> list[bool]:
    plan.started_at(first)
    return [plan.due(first + step * number) for number in range(1, count + 1)]


@pytest.mark.parametrize("every", [1, 2, 3, 5])
def test_never_two_receipts_in_a_row(every: int) -> None:
    plan = _ReceiptPlan(every)
    plan.wanted = 1_000.0
    due = asked(plan, 500, 100, 30)
    assert not any(one and other for one, other in itertools.pairwise(due))
    assert sum(due) >= 30 // max(every, 2) - 2


@pytest.mark.parametrize("every", [2, 3, 5, 8])
@pytest.mark.parametrize("wanted_wh", [900, 1_000, 1_050, 1_700])
def test_the_reading_that_reaches_what_the_car_wanted_is_signed(every: int, wanted_wh: int) -> None:
    plan = _ReceiptPlan(every)
    plan.wanted = float(wanted_wh)
    due = asked(plan, 0, 100, 30)
    reached = -(-wanted_wh // 100)  # the number of the reading, from 1
    assert due[reached - 1], due


def test_no_receipts_when_none_are_wanted_or_the_meter_says_nothing() -> None:
    plan = _ReceiptPlan(0)
    assert not any(asked(plan, 0, 100, 10))
    assert _ReceiptPlan(2).due(None) is False


def test_a_car_that_wants_nothing_is_still_asked_now_and_then() -> None:
    plan = _ReceiptPlan(3)
    plan.wanted = 60.0
    due = asked(plan, 0, 1_000, 12)
    assert 3 <= sum(due) <= 6


# -- whole sessions, in memory -----------------------------------------------------------------------------


def with_back_end(folder: Path, check: Callable[[BackEnd], Any]) -> None:
    back_end = BackEnd(folder)
    asyncio.run(check(back_end))
    back_end.store.close()


def quick_outlet() -> SimulatedOutlet:
    return SimulatedOutlet(time.monotonic, speed=36_000.0, contactor_delay=0.0)


TOO_LONG: dict[str, Callable[[Any], iso2.MeterInfo]] = {
    "a long meter id": lambda info: msgspec.structs.replace(info, meter_id="M" * 33),
    "a long signature": lambda info: msgspec.structs.replace(info, sig_meter_reading=bytes(65)),
    "a huge count": lambda info: msgspec.structs.replace(info, meter_reading=(1 << 64) - 1),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_bad_receipt_is_kept_and_flagged_however_it_is_made(tmp_path: Path, name: str) -> None:
    async def check(back_end: BackEnd) -> None:
        car = await HostedCar(back_end.station(quick_outlet())).plug_in()
        await car.say(START)
        status = await car.say(iso2.ChargingStatusReq())
        while not status.receipt_required:
            status = await car.say(iso2.ChargingStatusReq())
        forged = iso2.MeteringReceiptReq(
            id="ID1",
            session_id=car.session_id,
            sa_schedule_tuple_id=1,
            meter_info=TOO_LONG[name](status.meter_info),
        )
        answer = await car.say(forged)
        assert answer.response_code == "FAILED_MeteringSignatureNotValid"
        settled = await car.gone()
        assert car.hosted.failure == ""
        assert settled.stop_reason is StopReason.SECURITY_ERROR
        assert settled.session_id is not None
        (kept,) = back_end.store.record(settled.session_id).receipts
        assert kept.verdict is ReceiptVerdict.METER_INFO_DIFFERS
        assert settled.bill is not None
        assert settled.bill.flags[0].startswith("receipt-not-valid")

    with_back_end(tmp_path, check)


class BadMeter(SimulatedOutlet):
    """An outlet whose meter fails when a test says so."""

    fault = ""

    def read(self) -> Any:
        match self.fault:
            case "raises":
                raise OSError("the meter does not answer")
            case "hangs":
                return asyncio.Event().wait()
            case "nonsense":
                return MeterReading("M", 1 << 63)
        return super().read()


@pytest.mark.parametrize("fault", ["raises", "hangs", "nonsense"])
def test_a_meter_that_fails_at_the_end_does_not_cost_the_bill(
    tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accounting, "_METER_TIME", 0.1)

    async def check(back_end: BackEnd) -> None:
        outlet = BadMeter(time.monotonic, speed=36_000.0, contactor_delay=0.0)
        car = await HostedCar(back_end.station(outlet, receipt_every=0)).plug_in()
        await car.say(START)
        await asyncio.sleep(0.05)
        await car.say(iso2.ChargingStatusReq())
        outlet.fault = fault
        await car.say(STOP)
        await car.say(TERMINATE)
        settled = await car.gone()
        assert settled.stop_reason is StopReason.EV_TERMINATED
        assert settled.bill is not None
        assert settled.bill.energy_wh > 0
        assert "no last reading" in caplog.text

    with_back_end(tmp_path, check)


def test_an_outlet_gives_power_to_one_session_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "_HANDOVER_TIME", 0.05)

    async def check(back_end: BackEnd) -> None:
        outlet = quick_outlet()
        first = await HostedCar(back_end.station(outlet)).plug_in()
        assert (await first.say(START)).response_code == "OK"
        second = await HostedCar(back_end.station(outlet)).plug_in()
        assert (await second.say(START)).response_code == "FAILED_PowerDeliveryNotApplied"
        assert outlet.switched == [True]  # the second session's end switches nothing off
        refused = await second.gone()
        assert refused.session_id is not None
        assert back_end.store.record(refused.session_id).readings == ()
        assert outlet.closed
        settled = await first.gone()
        assert outlet.switched == [True, False]
        assert settled.bill is not None
        # Once that is settled the outlet is free.
        third = await HostedCar(back_end.station(outlet)).plug_in()
        assert (await third.say(START)).response_code == "OK"
        await third.gone()

    with_back_end(tmp_path, check)


def test_the_next_session_waits_for_the_end_of_the_one_before(tmp_path: Path) -> None:
    async def check(back_end: BackEnd) -> None:
        outlet = quick_outlet()
        first = await HostedCar(back_end.station(outlet)).plug_in()
        second = await HostedCar(back_end.station(outlet)).plug_in()
        await first.say(START)
        starting = asyncio.ensure_future(second.say(START))
        await asyncio.sleep(0.02)
        await first.gone()
        assert (await starting).response_code == "OK"
        assert outlet.closed
        bills = [(await first.station.settled()).bill, (await second.gone()).bill]
        readings = [back_end.store.record(bill.session_id).readings for bill in bills if bill]
        assert readings[0][-1].import_wh <= readings[1][0].import_wh

    with_back_end(tmp_path, check)


def test_a_hasty_car_makes_no_queue(tmp_path: Path) -> None:
    async def check(back_end: BackEnd) -> None:
        car = await HostedCar(back_end.station(quick_outlet(), receipt_every=0)).plug_in()
        await car.say(START)
        for _ in range(50):
            await car.say(iso2.ChargingStatusReq())
            assert len(car.hosted._news) <= 1
        await car.gone()

    with_back_end(tmp_path, check)


def test_unplugged_is_written_down_as_that(tmp_path: Path) -> None:
    async def check(back_end: BackEnd) -> None:
        outlet = quick_outlet()
        car = await HostedCar(back_end.station(outlet)).plug_in()
        await car.say(START)
        car.hosted.unplugged()
        assert not outlet.closed
        assert car.ended().reason is EndReason.UNPLUGGED
        assert (await car.gone()).stop_reason is StopReason.UNPLUGGED

    with_back_end(tmp_path, check)


def test_a_car_that_never_asks_is_metered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "_METERING_PAUSE", 0.2)

    async def check(back_end: BackEnd) -> None:
        car = await HostedCar(back_end.station(quick_outlet())).plug_in()
        await car.say(START)
        await asyncio.sleep(0.7)
        settled = await car.gone()
        assert settled.session_id is not None
        readings = back_end.store.record(settled.session_id).readings
        contexts = [reading.context.value for reading in readings]
        assert (contexts[0], contexts[-1]) == ("begin", "end")
        assert 2 <= contexts.count("periodic") <= 3
        assert settled.bill is not None
        assert settled.bill.flags == ()

    with_back_end(tmp_path, check)


def test_the_end_is_tried_for_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounting, "_END_RETRIES", (0.01,) * 8)

    async def check(station: AccountingStation, journal: FlakyJournal, _: Any) -> None:
        await tell(station, OPENED)
        question = PowerOnWanted(ticket="t", tuple_id=1, profile=(), already_on=False)
        assert (await station.power_on(question)).outcome is PowerOutcome.DONE
        journal.failures = 7
        await tell(station, ENDED)
        settled = await station.settled()
        assert settled.session_id is not None
        readings = journal._store.record(settled.session_id).readings
        assert [reading.context.value for reading in readings] == ["begin", "end"]

    with_station(tmp_path, check)


@pytest.mark.parametrize(("padding", "kept"), [(100, 1), (8_000, 0)])
def test_a_stranger_cannot_fill_the_disk(tmp_path: Path, padding: int, kept: int) -> None:
    async def check(back_end: BackEnd) -> None:
        car = HostedCar(back_end.station(quick_outlet()))
        await car.send(pack(0x8001, exi.encode(offer([ISO2]))))
        await car.say(iso2.SessionSetupReq(evcc_id=bytes(6)), session_id=bytes(8))
        car.session_id = car.header.session_id
        await car.say(iso2.ServiceDiscoveryReq())
        await car.say(SELECTION)
        rubbish = iso2.CertificateChain(certificate=bytes(padding))
        await car.say(iso2.PaymentDetailsReq(emaid="x", contract_signature_cert_chain=rubbish))
        settled = await car.gone()
        assert settled.session_id is not None
        assert len(back_end.store.record(settled.session_id).evidence) == kept

    with_back_end(tmp_path, check)


def test_a_meter_that_fails_between_two_questions_makes_the_car_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(accounting, "_METERING_PAUSE", 0.05)

    async def check(back_end: BackEnd) -> None:
        outlet = BadMeter(time.monotonic, contactor_delay=0.0)
        car = await HostedCar(back_end.station(outlet)).plug_in()
        await car.say(START)
        outlet.fault = "raises"
        await asyncio.sleep(0.15)
        outlet.fault = ""
        status = await car.say(iso2.ChargingStatusReq())
        assert status.ac_evse_status.evse_notification == "StopCharging"
        await car.gone()
        assert "the car is asked to stop" in caplog.text

    with_back_end(tmp_path, check)
