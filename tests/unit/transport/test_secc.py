"""A whole station on the network: good sessions, bad cars, and that one never disturbs another."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import socket
import struct
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import Evcc, Secc, pki
from plugcharge.backend import ReceiptVerdict, StationJournal, StopReason, StorageError
from plugcharge.errors import LocalError, TlsError
from plugcharge.session import (
    AuthorizationDecision,
    ChargingStarted,
    EndReason,
    Environment,
    MeterReadingSent,
    Payment,
    PowerCut,
    SessionEnded,
)
from plugcharge.simulation import SimulatedOutlet
from plugcharge.simulation.faults import break_authorization_signature, understate_receipts
from plugcharge.station import AccountingStation
from plugcharge.transport.evcc import ChargeResult, PlainVehicle
from plugcharge.transport.vehicle_link import connect
from plugcharge.wire.sap import DIN
from tests.unit.transport.loopback import (
    EMAID,
    EVSE_ID,
    Station,
    car,
    contract_of,
    evcc_config,
    identity,
    secc_config,
    station,
    world,
)

if TYPE_CHECKING:
    from pathlib import Path

    from plugcharge.transport.link import Link

pytestmark = pytest.mark.timeout(30)


async def until(holds: Any, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def good_session(running: Station) -> ChargeResult:
    result = await car(running.secc.port).charge()
    assert result.complete, result
    return result


def test_a_session_from_plug_to_bill(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            result = await good_session(running)
            record = await running.record()

        assert (result.reason, result.payment, result.emaid) == (
            EndReason.TERMINATED,
            Payment.CONTRACT,
            EMAID,
        )
        assert result.energy is not None
        assert result.energy >= 3_000
        assert result.station is not None
        assert result.station.subject_cn == world().secc.common_name
        assert record.v2g_session_id == result.session_id.hex().upper()
        assert record.evccid == "02AABBCCDDEE"
        assert (record.emaid, record.stop_reason) == (EMAID, StopReason.EV_TERMINATED)
        assert record.contract_sha256 == contract_fingerprint()
        assert len(record.receipts) == result.receipts > 0
        assert {receipt.verdict for receipt in record.receipts} == {ReceiptVerdict.VALID}
        assert [proof.message for proof in record.evidence] == ["PaymentDetailsReq", "AuthorizationReq"]
        contexts = [reading.context.value for reading in record.readings]
        assert contexts[0] == "begin"
        assert contexts[-1] == "end"
        assert set(contexts[1:-1]) == {"periodic"}
        assert record.energy_wh >= result.energy
        assert record.bill is not None
        assert record.bill.flags == ()
        assert record.bill.energy_wh == record.energy_wh
        assert running.outlets[0].switched == [True, False]
        # Never two receipts in a row, and the last reading before the end is signed.
        asked = [event.receipt_required for event in running.of(MeterReadingSent)]
        assert asked[-1] is True
        assert not any(first and second for first, second in itertools.pairwise(asked))

    asyncio.run(run())


def contract_fingerprint() -> str:
    return pki.parse_certificate(world().contract_leaf.der).signed_part_sha256.hex()


BAD_CARS: dict[str, tuple[Any, str, StopReason]] = {
    "expired": (
        lambda: {"config": evcc_config(contract=contract_of(world().expired_contract()))},
        "FAILED_CertificateExpired",
        StopReason.AUTHORIZATION_REFUSED,
    ),
    "unknown root": (
        lambda: {"config": evcc_config(contract=contract_of(world().stranger_contract()))},
        "FAILED_CertChainError",
        StopReason.AUTHORIZATION_REFUSED,
    ),
    "wrong emaid": (
        lambda: {"config": evcc_config(contract=contract_of(emaid="DEPLGC00000002"))},
        "FAILED_CertChainError",
        StopReason.AUTHORIZATION_REFUSED,
    ),
    "not in the book": (
        lambda: {
            "config": evcc_config(
                contract=contract_of(world().contract("DEPLGC00000009"), emaid="DEPLGC00000009")
            )
        },
        "FAILED_ContractCanceled",
        StopReason.AUTHORIZATION_REFUSED,
    ),
    "bad signature": (
        lambda: {"danger_rewrite": break_authorization_signature},
        "FAILED_SignatureError",
        StopReason.SECURITY_ERROR,
    ),
    "tampered receipt": (
        lambda: {"danger_rewrite": understate_receipts},
        "FAILED_MeteringSignatureNotValid",
        StopReason.SECURITY_ERROR,
    ),
}


@pytest.mark.parametrize("name", BAD_CARS)
def test_a_bad_car_is_refused_and_the_next_one_charges(tmp_path: Path, name: str) -> None:
    options, code, reason = BAD_CARS[name]

    async def run() -> None:
        async with station(tmp_path) as running:
            result = await car(running.secc.port, **options()).charge()
            assert (result.reason, result.code) == (EndReason.REFUSED_BY_PEER, code)
            record = await running.record()
            assert record.stop_reason is reason
            assert running.outlets[0].closed is False
            if name == "tampered receipt":
                assert [receipt.verdict for receipt in record.receipts] == [ReceiptVerdict.METER_INFO_DIFFERS]
                assert running.of(PowerCut)
                assert record.bill is not None
                assert record.bill.needs_review
            else:
                assert running.outlets[0].switched == []
                assert (record.bill, record.energy_wh) == (None, 0)
                expected = "AuthorizationReq" if "FAILED_S" in code else "PaymentDetailsReq"
                if name != "not in the book":
                    assert record.evidence[-1].message == expected
            await good_session(running)

    asyncio.run(run())


def test_garbage_silence_and_a_reset_disturb_no_other_session(tmp_path: Path) -> None:
    async def run() -> None:
        config = secc_config(timers={"V2G_SECC_Sequence_Timeout": 1.2})
        async with station(tmp_path, config=config, handshake_timeout=0.5, speed=600) as running:
            charging = asyncio.ensure_future(good_session(running))
            await until(lambda: running.of(ChargingStarted))
            garbage = [await connected(running) for _ in range(3)]
            garbage[0].send(b"GET / HTTP/1.1\r\n\r\n")
            garbage[1].send(bytes(300))
            reset(garbage[2])
            silent = await charge_and_fall_silent(running)
            broken = await charge_and_reset(running)
            result = await charging
            for one in garbage:
                one.close()
            assert result.complete
            ends = {number: end.reason for number, end in running.events if isinstance(end, SessionEnded)}
            assert sorted(ends.values()) == sorted(
                [EndReason.TERMINATED, EndReason.TIMEOUT, EndReason.CONNECTION_LOST]
            )
            assert silent == EndReason.TIMEOUT
            assert broken == EndReason.CONNECTION_LOST
            assert len(running.of(PowerCut)) == 2  # not for the one that ended in good order
            assert all(not outlet.closed for outlet in running.outlets)
            await good_session(running)
            assert running.secc.counters.core_failed == 0
            bills = [(await running.record(number)).bill for number in range(len(running.controllers))]
            assert all(bill is not None for bill in bills)

    asyncio.run(run())


async def connected(running: Station) -> socket.socket:
    one = socket.socket(socket.AF_INET6)
    one.setblocking(False)
    await asyncio.get_running_loop().sock_connect(one, ("::1", running.secc.port))
    return one


def reset(one: socket.socket) -> None:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()


async def end_of(running: Station, number: int) -> EndReason:
    def ends() -> list[EndReason]:
        return [end.reason for who, end in running.events if who == number and isinstance(end, SessionEnded)]

    await until(ends)
    return ends()[0]


async def charging_car(running: Station) -> tuple[Evcc, asyncio.Task[ChargeResult], int]:
    """Give a car that is charging and its number at the station."""
    before = {number for number, _ in running.events}
    vehicle = car(running.secc.port, controller=PlainVehicle())
    task = asyncio.ensure_future(vehicle.charge())

    def mine() -> list[int]:
        started = [number for number, event in running.events if isinstance(event, ChargingStarted)]
        return [number for number in started if number not in before]

    await until(mine)
    return vehicle, task, mine()[0]


async def charge_and_fall_silent(running: Station) -> EndReason:
    """The car's answers to its controller never come, so it asks nothing more."""

    class Silent(PlainVehicle):
        async def go_on(self, question: Any) -> Any:  # type: ignore[override]  # async is allowed as well
            await asyncio.Event().wait()

    before = len(running.events)
    vehicle = car(running.secc.port, controller=Silent())
    task = asyncio.ensure_future(vehicle.charge())
    await until(lambda: any(isinstance(event, ChargingStarted) for _, event in running.events[before:]))
    number = next(number for number, event in running.events[before:] if isinstance(event, ChargingStarted))
    reason = await end_of(running, number)
    await task
    return reason


async def charge_and_reset(running: Station) -> EndReason:
    """The car's machine dies: its end of the connection answers with RST."""
    links: list[Link] = []

    async def connect_and_note(*arguments: Any, **options: Any) -> Link:
        links.append(await connect(*arguments, **options))
        return links[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugcharge.transport.evcc.connect", connect_and_note)
        _, task, number = await charging_car(running)
    (link,) = links
    linger = struct.pack("ii", 1, 0)
    link._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    link._writer.transport.abort()
    assert (await task).reason is EndReason.CONNECTION_LOST
    return await end_of(running, number)


def test_two_sessions_at_once_are_billed_apart(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            results = await asyncio.gather(good_session(running), good_session(running))
            records = [await running.record(number) for number in (0, 1)]
            assert {record.v2g_session_id for record in records} == {
                result.session_id.hex().upper() for result in results
            }
            assert len({record.session_id for record in records}) == 2
            assert all(record.bill is not None and not record.bill.flags for record in records)

    asyncio.run(run())


def test_closing_the_station_ends_a_session_and_bills_it(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            _, task, _ = await charging_car(running)
        result = await task
        assert result.reason is EndReason.CONNECTION_LOST
        settled = await running.controllers[0].settled()
        assert settled.stop_reason is StopReason.STATION_ERROR
        assert settled.bill is not None
        assert running.outlets[0].switched == [True, False]

    asyncio.run(run())


class Broken(AccountingStation):
    """A controller whose meter cannot be read."""

    async def read_meter(self, question: Any) -> Any:
        raise OSError("the meter does not answer")


def test_a_broken_controller_ends_its_session_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            original = running.secc._make_controller

            def make(info: Any) -> Any:
                controller: Any = original(info)
                if len(running.controllers) == 1:
                    controller.__class__ = Broken
                return controller

            running.secc._make_controller = make
            result = await car(running.secc.port).charge()
            assert result.reason is EndReason.CONNECTION_LOST
            record = await running.record()
            assert record.stop_reason is StopReason.STATION_ERROR
            (ended,) = running.of(SessionEnded)
            assert "the meter does not answer" in ended.detail
            assert running.of(PowerCut)
            assert running.outlets[0].switched == [True, False]
            await good_session(running)

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert "Broken failed on MeterReadingWanted" in caplog.text


def test_a_slow_back_end_is_waited_for_with_ongoing(tmp_path: Path) -> None:
    class Slow(AccountingStation):
        async def authorize(self, question: Any) -> AuthorizationDecision:
            await asyncio.sleep(0.5)
            return await super().authorize(question)

    async def run() -> None:
        async with station(tmp_path, config=secc_config(answer_patience=0.1)) as running:
            original = running.secc._make_controller

            def make(info: Any) -> Any:
                controller: Any = original(info)
                controller.__class__ = Slow
                return controller

            running.secc._make_controller = make
            seen: list[str] = []

            def note(event: Any) -> None:
                body = getattr(getattr(event, "message", None), "body", None)
                if getattr(body, "evse_processing", None) == "Ongoing":
                    seen.append(type(body).__name__)

            result = await car(running.secc.port, on_event=note).charge()
            assert result.complete
            assert seen.count("AuthorizationRes") >= 1

    asyncio.run(run())


def test_a_back_end_that_fails_lets_nobody_charge(tmp_path: Path) -> None:
    class Down:
        async def authorize(self, _: Any) -> Any:
            raise StorageError("the database is away", kind="locked")

    async def run() -> None:
        async with station(tmp_path) as running:
            original = running.secc._make_controller

            def make(info: Any) -> Any:
                controller: Any = original(info)
                controller._authorizer = Down()
                return controller

            running.secc._make_controller = make
            result = await car(running.secc.port).charge()
            assert (result.reason, result.code) == (EndReason.REFUSED_BY_PEER, "FAILED")
            record = await running.record()
            assert record.stop_reason is StopReason.AUTHORIZATION_REFUSED
            assert running.outlets[0].switched == []

    asyncio.run(run())


def test_the_station_can_ask_the_car_to_stop(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            _, task, _ = await charging_car(running)
            running.controllers[0].stop_charging()
            result = await task
            assert result.complete
            assert (await running.record()).stop_reason is StopReason.EVSE_STOPPED

    asyncio.run(run())


def test_a_stuck_contactor_gives_no_energy(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            original = running.secc._make_controller

            def make(info: Any) -> Any:
                controller: Any = original(info)
                controller._outlet = SimulatedOutlet(time.monotonic, stuck=True, contactor_delay=0.01)
                return controller

            running.secc._make_controller = make
            result = await car(running.secc.port).charge()
            assert (result.reason, result.code) == (EndReason.REFUSED_BY_PEER, "FAILED_ContactorError")
            record = await running.record()
            assert record.stop_reason is StopReason.STATION_ERROR
            assert record.energy_wh == 0

    asyncio.run(run())


def test_a_plain_tcp_car_gets_nowhere_at_a_tls_station(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path, handshake_timeout=1.0) as running:
            plain = car(
                running.secc.port,
                trust=None,
                danger_plain_tcp=True,
                config=evcc_config(payments=(Payment.EXTERNAL,)),
            )
            result = await plain.charge()
            assert result.session_id == b""
            assert running.events == []
            await good_session(running)

    asyncio.run(run())


def test_without_a_certificate_a_station_does_not_start() -> None:
    with pytest.raises(LocalError, match="needs a certificate"):
        Secc(secc_config(), lambda _: pytest.fail("never"))


def test_a_station_speaks_tls_or_plain_tcp() -> None:
    with pytest.raises(LocalError, match="either"):
        Secc(secc_config(), lambda _: pytest.fail("never"), identity=identity(), danger_plain_tcp=True)


def test_contracts_are_not_served_on_plain_tcp() -> None:
    with pytest.raises(LocalError, match="V2G2-634"):
        Secc(secc_config(), lambda _: pytest.fail("never"), danger_plain_tcp=True)


def test_a_station_that_is_not_running_has_no_port() -> None:
    secc = Secc(secc_config(), lambda _: pytest.fail("never"), identity=identity())
    with pytest.raises(LocalError, match="not running"):
        _ = secc.port


def test_a_station_starts_once_and_its_port_is_free_afterwards() -> None:
    async def run() -> None:
        secc = Secc(secc_config(), lambda _: pytest.fail("never"), identity=identity())
        async with secc:
            port = secc.port
            assert (secc.address, secc.sessions, port >= 49_152) == ("::1", 0, True)
            with pytest.raises(LocalError, match="already"):
                await secc.start()
        await secc.close()  # a second time does nothing
        async with Secc(secc_config(), lambda _: pytest.fail("never"), identity=identity(), port=port):
            pass

    asyncio.run(run())


def never_called(_: Any) -> Any:
    raise AssertionError("no car came")


def test_a_station_with_a_useless_clock_does_not_start() -> None:
    broken = Environment(random=secrets.token_bytes, utc=lambda: datetime(2026, 6, 1))
    for changes, why in (
        ({"environment": broken}, "zone"),
        ({"environment": Environment(random=lambda _: b"", utc=lambda: datetime.now(UTC))}, "octets"),
        ({"protocols": (DIN,)}, "cannot be spoken"),
    ):
        secc = Secc(secc_config(**changes), never_called, identity=identity())
        with pytest.raises(LocalError, match=why):
            asyncio.run(secc.start())


def test_an_unplugged_car_leaves_the_outlet_at_once(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            _, task, number = await charging_car(running)
            running.secc.unplugged()
            assert await end_of(running, number) is EndReason.UNPLUGGED
            assert running.outlets[0].switched == [True, False]
            assert (await task).reason is EndReason.CONNECTION_LOST
            assert (await running.record()).stop_reason is StopReason.UNPLUGGED

    asyncio.run(run())


def test_a_car_that_vanished_makes_room_for_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One outlet; the first car's link breaks without a sign while it charges."""
    monkeypatch.setattr("plugcharge.transport.secc._GONE_AFTER", 0.4)

    class Silent(PlainVehicle):
        async def go_on(self, question: Any) -> Any:  # type: ignore[override]  # async is allowed as well
            await asyncio.Event().wait()

    outlet = SimulatedOutlet(time.monotonic, speed=2_000.0, contactor_delay=0.01)

    def make(running: Station) -> AccountingStation:
        journal = StationJournal(running.store, station_id="test station")
        running.controllers.append(AccountingStation(outlet, running.book, journal, evse_id=EVSE_ID))
        return running.controllers[-1]

    async def run() -> None:
        async with station(tmp_path, make=make) as running:
            first = asyncio.ensure_future(car(running.secc.port, controller=Silent()).charge())
            await until(lambda: running.of(ChargingStarted))
            await asyncio.sleep(0.6)
            await good_session(running)
            assert await end_of(running, 1) is EndReason.UNPLUGGED
            ghost, live = await running.record(0), await running.record(1)
            assert ghost.stop_reason is StopReason.UNPLUGGED
            assert live.stop_reason is StopReason.EV_TERMINATED
            # What the meter counted is on one bill or the other, never on both.
            assert ghost.readings[-1].import_wh <= live.readings[0].import_wh
            assert outlet.switched == [True, False, True, False]
            await first

    asyncio.run(run())


def test_a_car_that_charges_is_not_driven_out_by_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            vehicle, task, number = await charging_car(running)
            await good_session(running)
            assert not [e for who, e in running.events if who == number and isinstance(e, SessionEnded)]
            vehicle.stop()
            assert (await task).complete

    asyncio.run(run())


def test_an_unknown_interface_is_named() -> None:
    async def run() -> None:
        secc = Secc(
            secc_config(), lambda _: pytest.fail("never"), identity=identity(), interface="nosuchlink0"
        )
        with pytest.raises(LocalError, match="nosuchlink0"):
            await secc.start()

    asyncio.run(run())


def test_a_tls_handshake_that_is_cut_off_is_no_session(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            with pytest.raises(TlsError):
                await asyncio.wait_for(handshake_with_garbage_server(), 5)
            assert running.events == []

    async def handshake_with_garbage_server() -> None:
        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "::1", 0)
        async with server:
            await car(server.sockets[0].getsockname()[1]).charge()

    asyncio.run(run())
