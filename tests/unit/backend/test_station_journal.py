from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING

import pytest

from plugcharge.backend import ContractBook, ReadingContext, ReceiptVerdict, StopReason
from plugcharge.backend.contracts import Contract
from plugcharge.backend.station_journal import StationJournal
from plugcharge.backend.store import SessionStore
from plugcharge.errors import LocalError
from tests.unit.backend.samples import EMAID, START, TARIFF, FakeClock, accepted, after, refused, request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    with SessionStore.open(tmp_path / "hub.db") as store:
        yield store


@pytest.fixture
def journal(store: SessionStore) -> StationJournal:
    return StationJournal(store, station_id="garage", clock=FakeClock(), default_tariff=TARIFF)


async def open_one(journal: StationJournal, session_id: str | None = None) -> str:
    return await journal.open_session(
        v2g_session_id=bytes.fromhex("00112233AABBCCDD"),
        evccid="020000000001",
        evse_id="DE*ABC*E123",
        session_id=session_id,
    )


def test_from_plug_to_bill(journal: StationJournal, store: SessionStore) -> None:
    book = ContractBook(store.database)
    book.put_tariff(TARIFF)
    book.put_contract(Contract(emaid=EMAID, tariff_id="day", valid_from=START, valid_until=after(9_000)))

    async def session() -> str:
        session_id = await open_one(journal)
        question = request(session_id=session_id)
        await journal.record_authorization(question, await book.authorize(question))
        await journal.record_evidence(session_id, message="AuthorizationReq", exi=b"\x80\x98a")
        for number, wh in enumerate((1_000, 1_500, 13_345)):
            await journal.record_reading(
                session_id,
                meter_id="M1",
                import_wh=wh,
                context=ReadingContext.END if wh == 13_345 else ReadingContext.PERIODIC,
                key=f"reading-{number}",
            )
        await journal.record_receipt(
            session_id, exi=b"\x80\x98r", verdict=ReceiptVerdict.VALID, meter_id="M1", import_wh=13_345
        )
        bill = await journal.close_session(session_id, StopReason.EV_TERMINATED)
        assert bill is not None
        assert bill.energy_wh == 12_345
        assert bill.flags == ()
        return session_id

    session_id = asyncio.run(session())
    record = store.record(session_id)
    assert uuid.UUID(session_id).version == 7
    assert record.emaid == EMAID
    assert record.station_id == "garage"
    assert record.v2g_session_id == "00112233AABBCCDD"
    assert record.auth_result is not None
    assert record.auth_result.tariff == TARIFF
    assert record.bill is not None
    assert store.verify().entries == 9


def test_repeated_calls_change_nothing(journal: StationJournal, store: SessionStore) -> None:
    async def session() -> None:
        session_id = await open_one(journal)
        assert await open_one(journal, session_id) == session_id
        for _ in range(2):
            await journal.record_authorization(request(session_id=session_id), accepted())
            await journal.record_reading(session_id, meter_id="M1", import_wh=5, key="reading-1")
            await journal.record_receipt(
                session_id, exi=b"r", verdict=ReceiptVerdict.VALID, meter_id="M1", import_wh=5
            )
            digest = await journal.record_evidence(session_id, message="AuthorizationReq", exi=b"e")
            assert len(digest) == 64
        first = await journal.close_session(session_id, StopReason.EV_TERMINATED)
        assert await journal.close_session(session_id, StopReason.EV_TERMINATED) == first

    asyncio.run(session())
    assert store.verify().entries == 7


def test_an_own_tariff_holds_only_where_the_answer_brings_none(
    journal: StationJournal, store: SessionStore
) -> None:
    async def session() -> str:
        session_id = await open_one(journal)
        await journal.record_authorization(request(session_id=session_id), accepted(tariff=None))
        return session_id

    answer = store.record(asyncio.run(session())).auth_result
    assert answer is not None
    assert answer.tariff == TARIFF


def test_a_refusal_fixes_no_tariff_and_makes_no_bill(journal: StationJournal, store: SessionStore) -> None:
    async def session() -> str:
        session_id = await open_one(journal)
        await journal.record_authorization(request(session_id=session_id), refused())
        assert await journal.close_session(session_id, StopReason.AUTHORIZATION_REFUSED) is None
        return session_id

    record = store.record(asyncio.run(session()))
    assert record.auth_result == refused()


def test_calls_made_at_once_are_stored_in_order(journal: StationJournal, store: SessionStore) -> None:
    async def session() -> str:
        session_id = await open_one(journal)
        await asyncio.gather(
            *(journal.record_reading(session_id, meter_id="M1", import_wh=wh) for wh in range(30))
        )
        return session_id

    record = store.record(asyncio.run(session()))
    assert [reading.import_wh for reading in record.readings] == list(range(30))


def test_a_restart_closes_this_stations_sessions(journal: StationJournal, store: SessionStore) -> None:
    other = StationJournal(store, station_id="roof", clock=FakeClock())

    async def crash() -> tuple[str, str]:
        ours, theirs = await open_one(journal), await open_one(other)
        assert [found.session_id for found in await journal.recover()] == [ours]
        assert await journal.recover() == []
        with pytest.raises(LocalError, match="station-restart"):
            await journal.record_reading(ours, meter_id="M1", import_wh=1)
        return ours, theirs

    ours, theirs = asyncio.run(crash())
    assert store.record(ours).stop_reason is StopReason.STATION_RESTART
    assert store.record(theirs).stop_reason is None


def test_a_clock_that_is_set_right_bills_no_time(store: SessionStore) -> None:
    clock, steady = FakeClock(), [100.0]
    journal = StationJournal(
        store, station_id="garage", clock=clock, default_tariff=TARIFF, steady_clock=lambda: steady[0]
    )

    async def session() -> str:
        session_id = await open_one(journal)
        await journal.record_authorization(request(session_id=session_id), accepted())
        for wh, context in ((1_000, ReadingContext.BEGIN), (6_000, ReadingContext.END)):
            await journal.record_reading(session_id, meter_id="M1", import_wh=wh, context=context)
        clock.now = after(29 * 86_400)  # a time server was found
        steady[0] += 1800.9
        bill = await journal.close_session(session_id, StopReason.EV_TERMINATED)
        assert bill is not None
        assert bill.seconds == 1800
        assert [flag.partition(":")[0] for flag in bill.flags] == ["clock-jumped"]
        assert await journal.close_session(session_id, StopReason.EV_TERMINATED) == bill
        return session_id

    record = store.record(asyncio.run(session()))
    assert record.bill is not None
    assert record.bill.seconds == 1800


def test_nobody_is_authorized_without_a_tariff(store: SessionStore) -> None:
    journal = StationJournal(store, station_id="garage", clock=FakeClock())

    async def session() -> str:
        session_id = await open_one(journal)
        with pytest.raises(LocalError, match="without a tariff"):
            await journal.record_authorization(request(session_id=session_id), accepted(tariff=None))
        return session_id

    assert store.record(asyncio.run(session())).auth_result is None
