"""A station: Plug and Charge over TLS, with a simulated outlet and a back end in one SQLite file.

    plugcharge pki init ./pki                               # once: keys and certificates to try with
    python examples/station.py --pki ./pki --port 50000     # loopback: ::1, no discovery
    python examples/station.py --pki ./pki --interface eth1 # a real link: cars find it by SDP

Then start examples/car.py. Afterwards: plugcharge sessions list --db station.db
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from plugcharge import Secc, SeccConfig, pki
from plugcharge.backend import Contract, ContractBook, SessionStore, StationJournal, Tariff
from plugcharge.session import Environment, MessageReceived, MessageSent
from plugcharge.simulation import SimulatedOutlet
from plugcharge.station import AccountingStation
from plugcharge.transport.identity import load_identity

if TYPE_CHECKING:
    from plugcharge.transport.link import LinkInfo
    from plugcharge.transport.secc import StationSession

EVSE_ID = "DE*PLG*E0001*1"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pki", type=Path, required=True, help="folder made by: plugcharge pki init")
    parser.add_argument("--interface", help="network interface to serve; without it: loopback")
    parser.add_argument("--port", type=int, default=0, help="TCP port; by default any free one")
    parser.add_argument("--db", default="station.db", help="database file or URL")
    parser.add_argument("--emaid", default="DEPLGC00000001", help="the contract that may charge here")
    parser.add_argument("--sessions", type=int, default=0, help="end after so many sessions; 0: never")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster the simulated meter counts")
    return parser.parse_args()


def contract_book(store: SessionStore, emaid: str) -> ContractBook:
    """Register one contract and its price, as the mobility operator would."""
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
            emaid=emaid,
            tariff_id="day",
            valid_from=now - timedelta(days=1),
            valid_until=now + timedelta(days=365),
        )
    )
    return book


async def main() -> None:
    """Serve cars."""
    options = arguments()
    config = SeccConfig(
        evse_id=EVSE_ID,
        environment=Environment(random=secrets.token_bytes, utc=lambda: datetime.now(UTC)),
        contract_trust=pki.TrustStore.from_files(mo=[options.pki / "roots" / "mo_root.pem"]),
    )
    identity = load_identity(options.pki / "station" / "chain.pem", options.pki / "station" / "key.pem")

    with SessionStore.open(options.db) as store:
        book = contract_book(store, options.emaid)
        journal = StationJournal(store, station_id="example station")
        await journal.recover()  # bill what a crash left open, before the first car comes
        over: asyncio.Queue[AccountingStation] = asyncio.Queue()

        def controller(_: LinkInfo) -> AccountingStation:
            """Each car gets a controller of its own. Put your hardware in place of SimulatedOutlet."""
            outlet = SimulatedOutlet(time.monotonic, speed=options.speed)
            station = AccountingStation(outlet, book, journal, evse_id=EVSE_ID)
            over.put_nowait(station)
            return station

        def show(session: StationSession, event: object) -> None:
            if isinstance(event, MessageReceived | MessageSent):
                arrow = "<-" if isinstance(event, MessageReceived) else "->"
                body = getattr(event.message, "body", event.message)
                print(f"car {session.number} {arrow} {type(body).__name__}", flush=True)

        async with Secc(
            config,
            controller,
            identity=identity,
            interface=options.interface,
            port=options.port,
            on_event=show,
        ) as secc:
            print(f"waiting for cars on [{secc.address}]:{secc.port}", flush=True)
            served = 0
            while not options.sessions or served < options.sessions:
                settled = await (await over.get()).settled()
                if settled.session_id is None:
                    continue  # somebody connected and never opened a session
                served += 1
                bill = settled.bill
                price = f"{bill.energy_wh} Wh, {bill.total} {bill.tariff.currency}" if bill else "no bill"
                print(f"session {settled.session_id}: {settled.stop_reason}, {price}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
