"""A whole station in memory: the session core, its runner, an accounting station, a back end, and a car."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from plugcharge import exi
from plugcharge.backend import Contract, ContractBook, SessionStore, StationJournal, Tariff
from plugcharge.messages import iso2
from plugcharge.station import AccountingStation
from plugcharge.transport.controller import HostedSession
from plugcharge.wire.sap import ISO2, offer
from plugcharge.wire.v2gtp import pack
from tests.unit.session.pair import (
    EMAID,
    EVSE_ID,
    NOW,
    PARAMETERS,
    SELECTION,
    Driver,
    contract,
    payment_details,
)

if TYPE_CHECKING:
    from pathlib import Path

    from plugcharge.messages import Message
    from plugcharge.station import Outlet
    from plugcharge.station.accounting import Settled

__all__ = ["BackEnd", "HostedCar"]


class BackEnd:
    """A back end in a folder that knows the contract of the test PKI."""

    def __init__(self, folder: Path) -> None:
        self.store = SessionStore.open(folder / "hub.db")
        self.book = ContractBook(self.store.database)
        self.book.put_tariff(
            Tariff(tariff_id="t", currency="EUR", price_per_kwh=Decimal("0.5"), vat_rate=Decimal(0))
        )
        self.book.put_contract(
            Contract(
                emaid=EMAID,
                tariff_id="t",
                valid_from=NOW - timedelta(days=999),
                valid_until=NOW + timedelta(days=999),
            )
        )
        self.journal = StationJournal(self.store, station_id="s")

    def station(self, outlet: Outlet, *, receipt_every: int = 2) -> AccountingStation:
        return AccountingStation(
            outlet, self.book, self.journal, evse_id=EVSE_ID, receipt_every=receipt_every
        )


class HostedCar(Driver):
    """Asks a station whose host is an accounting station; may send whatever it likes."""

    def __init__(self, station: AccountingStation) -> None:
        super().__init__()
        self.station = station
        self.hosted = HostedSession(
            self.core, station, clock=lambda: self.now, wake=lambda: None, observe=self.events.append
        )

    async def send(self, octets: bytes) -> Message | None:
        """Give the response; ``None`` when the station closed instead."""
        self.hosted.receive(self.now, octets)
        async with asyncio.timeout(5.0):
            while not (frames := self.hosted.data_to_send()) and not self.core.closed:
                await asyncio.sleep(0.001)
        if not frames:
            return None
        self.raw.append(frames[0][8:])
        return exi.decode(frames[0][8:], "sap" if len(self.raw) == 1 else "iso2")

    async def say(self, body: Message, **header: Any) -> Any:
        """Send a request and give the body of the response."""
        message = await self.send(self.message(body, **header))
        assert isinstance(message, iso2.V2G_Message)
        self.header = message.header
        return message.body

    async def plug_in(self) -> HostedCar:
        """Go as far as the schedule."""
        await self.send(pack(0x8001, exi.encode(offer([ISO2]))))
        await self.say(iso2.SessionSetupReq(evcc_id=bytes(6)), session_id=bytes(8))
        self.session_id = self.header.session_id
        await self.say(iso2.ServiceDiscoveryReq())
        await self.say(SELECTION)
        challenge = (await self.say(payment_details())).gen_challenge
        request = iso2.AuthorizationReq(id="ID1", gen_challenge=challenge)
        answer = await self.say(request, signer=contract().key)
        assert answer.response_code == "OK"
        while answer.evse_processing != "Finished":
            answer = await self.say(iso2.AuthorizationReq())
        while (await self.say(PARAMETERS)).evse_processing != "Finished":
            pass
        return self

    async def gone(self) -> Settled:
        """The connection is over; give what the back end made of the session."""
        self.hosted.connection_lost(self.now)
        async with asyncio.timeout(20.0):
            await self.hosted.settled()
            return await self.station.settled()
