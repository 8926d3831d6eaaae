"""A whole station with its back end and a whole car, joined by TLS on the loopback interface."""

from __future__ import annotations

import functools
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from plugcharge import Evcc, EvccConfig, Secc, SeccConfig, pki
from plugcharge.backend import Contract, ContractBook, SessionStore, StationJournal, Tariff
from plugcharge.session import Environment, EvccContract, Event
from plugcharge.simulation import SimulatedBattery, SimulatedOutlet, SimulatedVehicle
from plugcharge.station import AccountingStation
from plugcharge.transport.contract import signing_key
from plugcharge.transport.tls import TlsIdentity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from plugcharge.backend.records import SessionRecord
    from plugcharge.pki.issuing import Issued
    from plugcharge.transport.secc import StationSession

EVSE_ID = "DE*PLG*E0001*1"
EMAID = "DEPLGC00000001"
ENVIRONMENT = Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC))


@functools.cache
def world() -> pki.TestPki:
    return pki.TestPki(now=datetime.now(UTC))


def key_of(issued: Issued) -> pki.SigningKey:
    return signing_key(issued.key)


def contract_of(leaf: Issued | None = None, emaid: str = EMAID) -> EvccContract:
    leaf = leaf or world().contract_leaf
    return EvccContract(emaid=emaid, chain=leaf.chain, key=key_of(leaf))


def identity() -> TlsIdentity:
    secc = world().secc
    return TlsIdentity.from_der(secc.chain, secc.key)


def secc_config(**changes: Any) -> SeccConfig:
    trust = pki.TrustStore(mo=[world().mo_root.der], v2g=[world().v2g_root.der])
    base = SeccConfig(
        evse_id=EVSE_ID, environment=ENVIRONMENT, contract_trust=trust, failed_grace=0.3, close_delay=0.3
    )
    return replace(base, **changes)


def evcc_config(**changes: Any) -> EvccConfig:
    base = EvccConfig(
        evcc_id=bytes.fromhex("02aabbccddee"),
        environment=ENVIRONMENT,
        contract=contract_of(),
        energy_wanted=3_000,
        ask_continue=True,
        repeat_pause=0.1,
        status_pause=0.1,
    )
    return replace(base, **changes)


def car(port: int, config: EvccConfig | None = None, **options: Any) -> Evcc:
    """A car at the station on that port; 3 kWh fit into its battery."""
    options.setdefault("trust", pki.TrustStore(v2g=[world().v2g_root.der]))
    options.setdefault("controller", SimulatedVehicle(SimulatedBattery(60_000, charge=57_000)))
    return Evcc(config or evcc_config(), host="::1", port=port, **options)


@dataclass
class Station:
    """A running station and what it has seen."""

    secc: Secc
    store: SessionStore
    book: ContractBook
    controllers: list[AccountingStation] = field(default_factory=list)
    outlets: list[SimulatedOutlet] = field(default_factory=list)
    events: list[tuple[int, Event]] = field(default_factory=list)

    async def record(self, number: int = 0) -> SessionRecord:
        settled = await self.controllers[number].settled()
        assert settled.session_id is not None
        return self.store.record(settled.session_id)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for _, event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def station(
    folder: Path,
    *,
    config: SeccConfig | None = None,
    make: Callable[[Station], Any] | None = None,
    speed: float = 2_000.0,
    receipt_every: int = 3,
    **options: Any,
) -> AsyncIterator[Station]:
    """Run a station with a back end in ``folder`` that knows the contract of the test PKI."""
    import time

    store = SessionStore.open(folder / "hub.db")
    book = ContractBook(store.database)
    book.put_tariff(
        Tariff(
            tariff_id="day",
            currency="EUR",
            price_per_kwh=Decimal("0.49"),
            session_fee=Decimal("0.50"),
            vat_rate=Decimal("0.19"),
        )
    )
    now = datetime.now(UTC)
    book.put_contract(
        Contract(
            emaid=EMAID,
            tariff_id="day",
            valid_from=now - timedelta(days=1),
            valid_until=now + timedelta(days=9),
        )
    )
    journal = StationJournal(store, station_id="test station")

    def controller(_: Any) -> Any:
        if make is not None:
            return make(running)
        outlet = SimulatedOutlet(time.monotonic, speed=speed, contactor_delay=0.01)
        accounting = AccountingStation(outlet, book, journal, evse_id=EVSE_ID, receipt_every=receipt_every)
        running.outlets.append(outlet)
        running.controllers.append(accounting)
        return accounting

    def on_event(session: StationSession, event: Event) -> None:
        running.events.append((session.number, event))

    options.setdefault("identity", identity())
    secc = Secc(config or secc_config(), controller, on_event=on_event, **options)
    running = Station(secc, store, book)
    async with secc:
        yield running
    store.close()
