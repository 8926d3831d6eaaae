"""Car and station without a network: two session cores in memory, a clock of our own, and a host for each.

It shows all that a host has to do. Put your sockets in place of ``carry``, a steady clock in place of the
virtual one, your hardware and back end in place of the answers. docs/use-the-core.md explains it.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from plugcharge import pki
from plugcharge.session import (
    Answer,
    AuthorizationDecision,
    AuthorizationWanted,
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    ChargingUpdate,
    ControlPilotWanted,
    Environment,
    EvccConfig,
    EvccContract,
    EvccSession,
    Event,
    MessageSent,
    MeterReading,
    MeterReadingWanted,
    PowerCut,
    PowerLimit,
    PowerOffWanted,
    PowerOnWanted,
    PowerResult,
    PowerSchedule,
    Question,
    ReceiptVerified,
    SeccConfig,
    SeccSession,
    SessionCore,
    SessionEnded,
)
from plugcharge.transport.contract import signing_key

EMAID = "DEPLGC00000001"
MIDDAY = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Host:
    """What surrounds a core: answers its questions and does what its events say; here for both sides."""

    def __init__(self, name: str, core: SessionCore) -> None:
        self.name = name
        self.core = core
        self.contactor_closed = False
        self.watt_hours = 1_000

    def take_events(self, now: float) -> None:
        """Empty the core's events. An answer makes new ones, so look until there are none."""
        while events := self.core.events():
            for event in events:
                self.act(event, now)
                if isinstance(event, Question):
                    self.core.answer(now, self.decide(event))

    def act(self, event: Event, now: float) -> None:
        """Do what cannot wait and write down what counts."""
        match event:
            case PowerCut():
                self.contactor_closed = False  # at once, whatever the contactor is doing
            case ControlPilotWanted(state=state):
                print(f"{now:5.2f} {self.name}: control pilot shows {state}")  # within 250 ms
            case MessageSent(message=message):
                print(f"{now:5.2f} {self.name}: {type(getattr(message, 'body', message)).__name__}")
            case ReceiptVerified(meter=meter, emaid=emaid, raw=raw):
                print(f"{now:5.2f} {self.name}: {emaid} signed {meter.watt_hours} Wh, {len(raw)} octets")
            case SessionEnded(reason=reason, detail=detail):
                print(f"{now:5.2f} {self.name}: SessionEnded, {reason}: {detail}")

    def decide(self, question: Question) -> Answer:
        """Answer at once. A host may also keep the ticket and answer later."""
        ticket = question.ticket
        match question:
            case AuthorizationWanted(emaid=emaid):
                return AuthorizationDecision(ticket=ticket, accepted=emaid == EMAID)
            case ChargeScheduleWanted():
                schedule = PowerSchedule(1, (PowerLimit(0, 11_000),))
                return ChargeScheduleOffer(ticket=ticket, schedules=(schedule,))
            case PowerOnWanted() | PowerOffWanted():
                self.contactor_closed = isinstance(question, PowerOnWanted)
                return PowerResult(ticket=ticket)
            case MeterReadingWanted():
                self.watt_hours += 3
                meter = MeterReading("METER-1", self.watt_hours)
                return ChargingUpdate(ticket=ticket, meter=meter, receipt_required=True)
        raise NotImplementedError(type(question).__name__)


def carry(sender: Host, receiver: Host, now: float) -> bool:
    """Take what the sender has to say to the receiver; tell whether there was anything."""
    sender.take_events(now)
    frames = sender.core.data_to_send()
    for frame in frames:
        receiver.core.receive(now, frame)
    return bool(frames)


def run(car: Host, station: Host, now: float) -> None:
    """Carry octets; when there are none, go on to the next deadline; at the end, hang up."""
    while not (car.core.closed or station.core.closed):
        if carry(car, station, now) | carry(station, car, now):
            continue
        deadlines = (car.core.next_deadline(), station.core.next_deadline())
        now = min(deadline for deadline in deadlines if deadline is not None)  # real hosts wait until then
        car.core.timeout(now)
        station.core.timeout(now)
    while carry(car, station, now) | carry(station, car, now):
        pass  # the last words of the side that is closed
    # A real host leaves its peer core.close_delay seconds to hang up first, closes the socket, and then:
    for host in (car, station):
        host.core.connection_lost(now)
        host.take_events(now)


def main() -> None:
    """Charge for a few seconds."""
    world = pki.TestPki(now=MIDDAY, emaid=EMAID)
    leaf = world.contract_leaf
    environment = Environment(random=secrets.token_bytes, utc=lambda: MIDDAY)  # really: datetime.now(UTC)
    outlet = SeccConfig(
        evse_id="DE*ABC*E0001*1",
        environment=environment,
        contract_trust=pki.TrustStore(mo=[world.mo_root.der]),
    )
    vehicle = EvccConfig(
        evcc_id=bytes.fromhex("02aabbccddee"),
        environment=environment,
        contract=EvccContract(emaid=EMAID, chain=leaf.chain, key=signing_key(leaf.key)),
        stop_after_seconds=3.0,
    )
    # secure=True says: this connection is TLS, and I have checked the station's certificate.
    station = Host("station", SeccSession(outlet, now=0.0, secure=True))
    car = Host("car", EvccSession(vehicle, now=0.0, secure=True))
    run(car, station, now=0.0)


if __name__ == "__main__":
    main()
