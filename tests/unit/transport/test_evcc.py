"""A whole car on the network: what it trusts, what it tells, and how it ends."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from plugcharge import Evcc, pki
from plugcharge.errors import ChainError, LocalError, PeerError
from plugcharge.session import (
    ContinueCharging,
    ControlPilot,
    EndReason,
    MessageReceived,
    MeterReadingReceived,
    Payment,
    SessionEnded,
)
from plugcharge.simulation import SimulatedBattery, SimulatedVehicle
from plugcharge.transport.evcc import PlainVehicle
from plugcharge.transport.tls import TlsIdentity
from tests.unit.transport.loopback import EVSE_ID, car, evcc_config, station, world

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(30)


def test_a_car_tells_how_it_went(tmp_path: Path) -> None:
    async def run() -> None:
        seen: list[Any] = []
        vehicle = SimulatedVehicle(SimulatedBattery(60_000, charge=57_000))
        async with station(tmp_path) as running:
            mine = car(running.secc.port, controller=vehicle, on_event=seen.append)
            async with mine:
                result = await mine.charge()
        assert result.complete
        assert (result.evse_id, len(result.session_id), result.code) == (EVSE_ID, 8, "")
        assert result.messages == sum("Message" in type(event).__name__ for event in seen)
        readings = [event.meter for event in seen if isinstance(event, MeterReadingReceived)]
        assert result.meter == readings[-1]
        assert result.energy == (readings[-1].watt_hours or 0) - (readings[0].watt_hours or 0) > 0
        assert isinstance(seen[-1], SessionEnded)
        assert vehicle.battery.room == 0
        assert vehicle.pilot is ControlPilot.B
        assert 0 < result.seconds < 10

    asyncio.run(run())


def other_root() -> pki.TrustStore:
    other = pki.TestPki(now=world().now)
    return pki.TrustStore(v2g=[other.v2g_root.der])


@pytest.mark.parametrize(
    "trust",
    [
        lambda: pki.TrustStore(mo=[world().mo_root.der]),
        lambda: pki.TrustStore(oem=[world().oem_root.der]),
        other_root,
    ],
)
def test_a_station_that_is_not_trusted_is_told_nothing(tmp_path: Path, trust: Any) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            with pytest.raises(ChainError) as refused:
                await car(running.secc.port, trust=trust()).charge()
            assert refused.value.rule.startswith("iso2::")
            await asyncio.sleep(0.05)
            assert running.of(MessageReceived) == []

    asyncio.run(run())


def test_a_certificate_without_the_role_cpo_is_no_station(tmp_path: Path) -> None:
    """[V2G2-925]."""

    async def run() -> None:
        leaf = world().secc_leaf("DEPLGS000009", domain_component=None)
        async with station(tmp_path, identity=TlsIdentity.from_der(leaf.chain, leaf.key)) as running:
            with pytest.raises(ChainError):
                await car(running.secc.port).charge()
            assert running.of(MessageReceived) == []

    asyncio.run(run())


def test_a_private_root_is_as_good_as_a_v2g_root(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            trust = pki.TrustStore(private=[world().v2g_root.der])
            result = await car(running.secc.port, trust=trust).charge()
            assert result.complete
            assert result.station is not None
            assert result.station.anchor_kind == "private"

    asyncio.run(run())


def test_nobody_listens() -> None:
    async def run() -> None:
        with socket.socket(socket.AF_INET6) as taken:
            taken.bind(("::1", 0))
            with pytest.raises(PeerError, match="cannot be reached"):
                await car(taken.getsockname()[1]).charge()

    asyncio.run(run())


def test_the_driver_stops_in_good_order(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path, speed=1.0) as running:
            cars: list[Evcc] = []

            def stop(event: Any) -> None:
                if isinstance(event, MeterReadingReceived):
                    asyncio.get_running_loop().call_soon(cars[0].stop, "the driver is back")

            mine = car(running.secc.port, controller=PlainVehicle(), on_event=stop)
            cars.append(mine)
            result = await mine.charge()
            assert result.complete
            assert result.detail == "the driver is back"
            mine.stop()  # nothing runs: nothing happens

    asyncio.run(run())


def test_one_car_charges_once_at_a_time_and_hangs_up_when_left(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path, speed=1.0) as running:
            async with car(running.secc.port) as mine:
                first = asyncio.ensure_future(mine.charge())
                while not running.of(SessionEnded) and not running.controllers:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                with pytest.raises(LocalError, match="already"):
                    await mine.charge()
            result = await first
            assert (result.reason, result.detail) == (EndReason.ABORTED, "the car hangs up")
            assert not result.complete

    asyncio.run(run())


def test_a_car_charges_again_with_a_new_session(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            mine = car(
                running.secc.port, controller=PlainVehicle(), config=evcc_config(stop_after_seconds=0.2)
            )
            first, second = await mine.charge(), await mine.charge()
            assert first.complete
            assert second.complete
            assert first.session_id != second.session_id

    asyncio.run(run())


def test_a_car_whose_driver_fails_ends_its_session(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(PlainVehicle):
        def go_on(self, _: Any) -> ContinueCharging:
            raise RuntimeError("no driver")

    async def run() -> None:
        async with station(tmp_path) as running:
            result = await car(running.secc.port, controller=Broken()).charge()
            assert result.reason is EndReason.ABORTED
            assert "no driver" in result.detail

    asyncio.run(run())
    assert caplog.records


def test_without_a_contract_nothing_can_be_agreed_on(tmp_path: Path) -> None:
    async def run() -> None:
        async with station(tmp_path) as running:
            config = evcc_config(contract=None, payments=(Payment.CONTRACT, Payment.EXTERNAL))
            result = await car(running.secc.port, config=config).charge()
            assert result.reason is EndReason.UNSUITABLE
            assert result.payment is None

    asyncio.run(run())


TRUST = pki.TrustStore()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"trust": TRUST}, "where is the station"),
        ({"trust": TRUST, "host": "::1"}, "where is the station"),
        ({"trust": TRUST, "host": "::1", "port": 1, "interface": "eth1"}, "where is the station"),
        ({"host": "::1", "port": 1}, "roots that it trusts"),
        ({"host": "::1", "port": 1, "trust": TRUST, "danger_plain_tcp": True}, "either TLS or plain TCP"),
    ],
)
def test_arguments_that_contradict_each_other(options: dict[str, Any], what: str) -> None:
    with pytest.raises(LocalError, match=what):
        Evcc(evcc_config(), **options)


def test_an_unknown_interface_is_named() -> None:
    with pytest.raises(LocalError, match="nosuchlink0"):
        asyncio.run(Evcc(evcc_config(), trust=TRUST, interface="nosuchlink0").charge())
