"""What a station writes down, and that it fails closed; whole sessions are in test_secc.py."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import pki
from plugcharge.backend import ContractBook, SessionStore, StationJournal, StopReason, StorageError
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
from plugcharge.station.accounting import (
    STOP_REASONS,
    AccountingStation,
    _ReceiptPlan,
    stop_reason,
)

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
