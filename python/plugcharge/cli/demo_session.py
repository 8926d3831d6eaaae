"""One Plug and Charge session for people to watch: a station with its back end, a car, TLS on loopback."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from plugcharge import pki
from plugcharge.backend import Contract, ContractBook, SessionStore, StationJournal, Tariff
from plugcharge.backend.database import Database
from plugcharge.session import (
    Environment,
    EvccConfig,
    EvccContract,
    Event,
    MessageReceived,
    MessageSent,
    PeerFault,
    SeccConfig,
)
from plugcharge.simulation import SimulatedBattery, SimulatedOutlet, SimulatedVehicle
from plugcharge.simulation.faults import break_authorization_signature, understate_receipts
from plugcharge.station import AccountingStation
from plugcharge.transport.contract import signing_key
from plugcharge.transport.evcc import Evcc
from plugcharge.transport.identity import TlsIdentity
from plugcharge.transport.secc import Secc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plugcharge.backend.records import SessionRecord
    from plugcharge.messages import Message
    from plugcharge.pki.issuing import Issued
    from plugcharge.transport.evcc import ChargeResult

__all__ = ["ENERGY", "EVSE_ID", "FAULTS", "SPEED", "Demonstration", "Fault", "Passed", "Witness", "play"]

EVSE_ID = "DE*PLG*E0001*1"
ENERGY = 12_000
"""Watt hours that fit into the car."""
SPEED = 1000.0
"""How many seconds the simulated meter counts in one."""

_OTHER_EMAID = "DEPLGC00000002"
_TARIFF = Tariff(
    tariff_id="demo",
    currency="EUR",
    price_per_kwh=Decimal("0.49"),
    session_fee=Decimal("0.50"),
    vat_rate=Decimal("0.19"),
)


class Fault(NamedTuple):
    """Something that is wrong with the car, and how the station has to answer.

    Attributes:
        story: what the car does.
        message: the request that is refused.
        code: the response code.
        contract: gives the contract it shows.
        rewrite: what it does to its frames.
    """

    story: str
    message: str
    code: str
    contract: Callable[[pki.TestPki], EvccContract]
    rewrite: Callable[[bytes], bytes] | None = None


def _contract(leaf: Issued, emaid: str = "") -> EvccContract:
    return EvccContract(emaid=emaid or leaf.common_name, chain=leaf.chain, key=signing_key(leaf.key))


def _good(world: pki.TestPki) -> EvccContract:
    return _contract(world.contract_leaf)


FAULTS: dict[str, Fault] = {
    "expired-contract": Fault(
        "The car shows a contract certificate that ended yesterday.",
        "PaymentDetailsReq",
        "FAILED_CertificateExpired",
        lambda world: _contract(world.expired_contract()),
    ),
    "unknown-root": Fault(
        "The car shows a contract of a mobility operator whose root the station does not trust.",
        "PaymentDetailsReq",
        "FAILED_CertChainError",
        lambda world: _contract(world.stranger_contract()),
    ),
    "wrong-emaid": Fault(
        "The car names the contract of somebody else beside its own certificate.",
        "PaymentDetailsReq",
        "FAILED_CertChainError",
        lambda world: _contract(world.contract_leaf, _OTHER_EMAID),
    ),
    "bad-signature": Fault(
        "One bit of the signature that proves the contract's key is wrong.",
        "AuthorizationReq",
        "FAILED_SignatureError",
        _good,
        break_authorization_signature,
    ),
    "tampered-receipt": Fault(
        "The car signs for 1 kWh less than the meter showed.",
        "MeteringReceiptReq",
        "FAILED_MeteringSignatureNotValid",
        _good,
        understate_receipts,
    ),
}
"""By the name for the command line."""


@dataclass(frozen=True, slots=True)
class Passed:
    """One message that went over the wire.

    Attributes:
        seconds: since the car was plugged in.
        from_car: its direction.
        message: typed.
        answers: for a response, the request before it.
        octets: length of its EXI.
    """

    seconds: float
    from_car: bool
    message: Message
    answers: Message | None
    octets: int


class Witness:
    """Sees a demonstration while it runs; this one does not look."""

    def ready(self, demonstration: Demonstration) -> None:
        """The station waits and the car is about to be plugged in."""

    def passed(self, passed: Passed) -> None:
        """A message went over the wire."""

    def station(self, seconds: float, event: Event) -> None:
        """Something happened at the station."""


@dataclass(slots=True)
class Demonstration:
    """What was set up, and in the end what came of it.

    Attributes:
        fault: what is wrong with the car; empty when nothing is.
        database: where sessions are kept, as a path or URL.
        emaid: the contract the car names.
        address: where the station listens.
        station_id: CN of its certificate.
        tariff: what charging costs.
        messages: all that passed.
        refusals: what the station refused.
        result: how the car saw the session.
        record: what the back end has of it.
        receipts_verified: how many receipts of the car were good.
    """

    fault: str
    database: str
    emaid: str
    address: str = ""
    station_id: str = ""
    tariff: Tariff = _TARIFF
    messages: list[Passed] = field(default_factory=list)
    refusals: list[PeerFault] = field(default_factory=list)
    result: ChargeResult | None = None
    record: SessionRecord | None = None
    receipts_verified: int = 0

    @property
    def as_it_should_be(self) -> bool:
        """The session was charged and billed; or the fault was refused where and as it has to be."""
        result, record = self.result, self.record
        if result is None or record is None or record.ended is None:
            return False
        if not self.fault:
            bill = record.bill
            return result.complete and bill is not None and not bill.flags and bill.energy_wh > 0
        expected = FAULTS[self.fault]
        first = self.refusals[0].error if self.refusals else None
        return (
            first is not None
            and (first.where, first.code) == (expected.message, expected.code)
            and result.code == expected.code
            and not result.complete
        )


async def play(
    fault: str, *, database: str, contracts: Path, keys: Path | None = None, witness: Witness | None = None
) -> Demonstration:
    """Run one session, good or with a fault of :data:`FAULTS`.

    Args:
        fault: empty for none.
        database: path or URL of the session store.
        contracts: file for the demonstration's own contracts; they are not put into ``database``.
        keys: folder for the test PKI; ``None`` keeps it in memory.
        witness: sees it while it runs.

    Raises:
        LocalError: the folder for the keys is not empty, or the database is not usable.
        StorageError: the same for the database.
    """
    watching = witness or Witness()
    world = pki.TestPki(now=datetime.now(UTC))
    if keys is not None:
        world.write(keys)
    plan = FAULTS.get(fault)
    contract = (plan.contract if plan else _good)(world)
    demonstration = Demonstration(fault, database, contract.canonical_emaid)
    with SessionStore.open(database) as store:
        book = _contract_book(contracts, world.contract_leaf.common_name)
        try:
            await _charge(demonstration, world, contract, (store, book), watching)
        finally:
            book.close()
    return demonstration


async def _charge(
    demonstration: Demonstration,
    world: pki.TestPki,
    contract: EvccContract,
    back_end: tuple[SessionStore, ContractBook],
    witness: Witness,
) -> None:
    store, book = back_end
    journal = StationJournal(store, station_id="demo")
    await journal.recover()
    outlet = SimulatedOutlet(time.monotonic, speed=SPEED, contactor_delay=0.01)
    station = AccountingStation(outlet, book, journal, evse_id=EVSE_ID, receipt_every=8)
    plugged_in = time.monotonic()

    def elapsed() -> float:
        return time.monotonic() - plugged_in

    observe = _observer(demonstration, elapsed, witness)

    environment = Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC))
    config = SeccConfig(
        evse_id=EVSE_ID,
        environment=environment,
        contract_trust=pki.TrustStore(mo=[world.mo_root.der], v2g=[world.v2g_root.der]),
        failed_grace=1.0,
        close_delay=1.0,
    )
    identity = TlsIdentity.from_der(world.secc.chain, world.secc.key)
    async with Secc(
        config, lambda _: station, identity=identity, on_event=lambda _, event: observe(event)
    ) as secc:
        demonstration.address = f"[{secc.address}]:{secc.port}"
        demonstration.station_id = world.secc.common_name
        plan = FAULTS.get(demonstration.fault)
        car = Evcc(
            _car(contract, environment),
            SimulatedVehicle(SimulatedBattery(60_000, charge=60_000 - ENERGY)),
            trust=pki.TrustStore(v2g=[world.v2g_root.der]),
            host=secc.address,
            port=secc.port,
            danger_rewrite=plan.rewrite if plan else None,
        )
        witness.ready(demonstration)
        plugged_in = time.monotonic()
        demonstration.result = await car.charge()
        settled = await station.settled()
        demonstration.receipts_verified = station.receipts_verified
    if settled.session_id is not None:
        demonstration.record = store.record(settled.session_id)


def _observer(
    demonstration: Demonstration, elapsed: Callable[[], float], witness: Witness
) -> Callable[[Event], None]:
    """Note what the station sees: a car that cheats is seen as it is on the wire."""
    request: list[Message | None] = [None]

    def take(event: Event) -> None:
        if isinstance(event, MessageSent | MessageReceived):
            from_car = isinstance(event, MessageReceived)
            answers = None if from_car else request[0]
            passed = Passed(elapsed(), from_car, event.message, answers, len(event.raw))
            request[0] = event.message
            demonstration.messages.append(passed)
            witness.passed(passed)
            return
        if isinstance(event, PeerFault):
            demonstration.refusals.append(event)
        witness.station(elapsed(), event)

    return take


def _car(contract: EvccContract, environment: Environment) -> EvccConfig:
    base = EvccConfig(
        evcc_id=bytes.fromhex("02aabbccddee"),
        environment=environment,
        contract=contract,
        energy_wanted=ENERGY,
        ask_continue=True,
    )
    return replace(base, repeat_pause=0.1, status_pause=0.1)


def _contract_book(path: Path, emaid: str) -> ContractBook:
    """Register the contract of the car, as its mobility operator would."""
    book = ContractBook(Database.open(path))
    book.put_tariff(_TARIFF)
    now = datetime.now(UTC)
    book.put_contract(
        Contract(
            emaid=emaid,
            tariff_id=_TARIFF.tariff_id,
            valid_from=now - timedelta(days=1),
            valid_until=now + timedelta(days=365),
        )
    )
    return book
