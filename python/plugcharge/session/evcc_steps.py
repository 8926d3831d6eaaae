"""What a car keeps of a session, and the ways to go on after a response: go, halt, or ask the host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plugcharge.session.tables_iso2 import Outcome
from plugcharge.session.timers_iso2 import Timer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugcharge.messages import Message, iso2, xmldsig
    from plugcharge.session.config import EvccConfig
    from plugcharge.session.events import Event
    from plugcharge.session.questions import Answer, Question
    from plugcharge.session.tables_iso2 import EvccRow, EvccState
    from plugcharge.session.values import EndReason, MeterReading, Payment, PowerLimit, PowerSchedule

__all__ = [
    "AskHost",
    "CarDialect",
    "CarRecord",
    "CarStep",
    "Go",
    "Halt",
    "Outgoing",
    "Reader",
    "Response",
    "Writer",
]


@dataclass(slots=True)
class CarRecord:
    """What a car knows of one -2 session. Made new for every session; nothing outlives it.

    Attributes:
        config: the car.
        secure: the connection is TLS.
        session_id: empty until SessionSetupRes.
        charge_service: the id the station gave it; never assumed.
        challenge: to be signed in the first AuthorizationReq; empty afterwards [V2G2-684].
        power_asked: PowerDelivery(Start) was sent and the control pilot shows C.
        stop_wanted: by the host, by the station, or because the goal is reached.
        meter_info: the last one, to be echoed unchanged in a receipt [V2G2-903].
        counted: the last reading with a count in it.
    """

    config: EvccConfig
    secure: bool
    session_id: bytes = b""
    charge_service: int = 0
    payment: Payment | None = None
    challenge: bytes = b""
    schedules: dict[int, PowerSchedule] = field(default_factory=dict)
    tuple_id: int = 1
    profile: tuple[PowerLimit, ...] = ()
    power_asked: bool = False
    charging_since: float | None = None
    stop_wanted: str = ""
    renegotiation_wanted: bool = False
    meter_info: iso2.MeterInfo | None = None
    charged_tuple_id: int | None = None
    meter: MeterReading | None = None
    counted: MeterReading | None = None
    first_reading: int | None = None
    status_sent: float = 0.0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send.

    Attributes:
        body: the request.
        signed: with the contract key.
        events: news for the host, told after the message.
    """

    body: Message
    signed: bool = False
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What came with a response.

    Attributes:
        now: on the clock of ``receive``.
        header: its header.
    """

    now: float
    header: iso2.MessageHeader


@dataclass(frozen=True, slots=True)
class Go:
    """Go on as the table says.

    Attributes:
        outcome: picks the next state in the table.
        pause: seconds before the next request.
        patience: how long the outcome may be ``ONGOING``, from the first time on.
        events: news for the host.
    """

    outcome: Outcome = Outcome.OK
    pause: float = 0.0
    patience: Timer = Timer.ONGOING
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Halt:
    """End the session; the station is told by SessionStop where that makes sense.

    Attributes:
        reason: how the session will have ended.
        what: one sentence for people.
        code: the response code, when one was the cause.
    """

    reason: EndReason
    what: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class AskHost:
    """Ask the host, and go on with its answer or without it.

    Attributes:
        ask: makes the question from a ticket.
        accept: takes the answer into the record.
        then: the next step after the answer; it is given the time.
        late: the next step when none came in time.
        events: news for the host, told before the question.
    """

    ask: Callable[[str], Question]
    accept: Callable[[Answer], None]
    then: Callable[[float], CarStep]
    late: Callable[[float], CarStep]
    events: tuple[Event, ...] = ()


CarStep = Go | Halt | AskHost
# Each reader takes its own class of response; the table that holds them knows which.
Reader = Callable[[CarRecord, Any, Response], CarStep]
Writer = Callable[[CarRecord], Outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class CarDialect:
    """One protocol as a car speaks it: everything in which -2 differs from its neighbours.

    Attributes:
        schema: the schema set of its messages.
        table: what is sent in each state and where the response leads.
        writers: who writes the request of a state.
        readers: who reads the response in a state.
        wrap: puts a body into a message, signed or not; the id is empty before there is one.
        unwrap: takes header and body out of a message.
        first: the state after the handshake.
        start: asks for power.
        loop: asks for the state of the charge.
        receipt: signs a reading.
        stop: gives the power back.
        goodbye: ends the session.
        ended: the state after it.
    """

    schema: str
    table: Mapping[EvccState, EvccRow]
    writers: Mapping[EvccState, Writer]
    readers: Mapping[EvccState, Reader]
    wrap: Callable[[bytes, xmldsig.Signature | None, Message], Message]
    unwrap: Callable[[Message], tuple[iso2.MessageHeader, Message | None]]
    first: EvccState
    start: EvccState
    loop: EvccState
    receipt: EvccState
    stop: EvccState
    goodbye: EvccState
    ended: EvccState
