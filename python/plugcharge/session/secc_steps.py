"""What a station keeps of a session, and the three ways to go on with a request: reply, refuse, or hold.

A handler is a function of the record and the request. It reads no clock and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from plugcharge.session.tables_iso2 import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plugcharge.messages import Message, iso2
    from plugcharge.pki import ValidatedChain
    from plugcharge.session.config import SeccConfig
    from plugcharge.session.events import Event
    from plugcharge.session.questions import (
        Answer,
        AuthorizationDecision,
        ChargeScheduleOffer,
        PowerResult,
        Question,
    )
    from plugcharge.session.tables_iso2 import SeccRow, SeccState
    from plugcharge.session.timers_iso2 import Timer
    from plugcharge.session.values import MeterReading, Payment, PowerSchedule

__all__ = [
    "Contract",
    "Handler",
    "Hold",
    "Received",
    "Refuse",
    "Reply",
    "StationDialect",
    "StationRecord",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract whose chain was validated.

    Attributes:
        emaid: of the certificate, canonical.
        chain: the validated chain.
        certificates: as sent, DER, leaf first.
    """

    emaid: str
    chain: ValidatedChain
    certificates: tuple[bytes, ...]


@dataclass(slots=True)
class StationRecord:
    """What a station knows of one -2 session. Made new for every session; nothing outlives it.

    Attributes:
        config: the outlet.
        payments_offered: what this connection allows.
        seconds: gives the value of a timer.
        session_id: empty until SessionSetup.
        challenge: the one that was issued and not used yet [V2G2-697].
        ongoing_until: when the loop of Ongoing answers ends; ``None`` outside of one.
        charging: between PowerDelivery(Start) and PowerDelivery(Stop), both answered with OK.
        renegotiating: between PowerDelivery(Renegotiate) and the next PowerDelivery(Start).
        energized: power is on, or was asked for; whatever ends the session now has to cut it.
        metered: the reading that was sent last, as it was sent.
    """

    config: SeccConfig
    payments_offered: tuple[Payment, ...]
    seconds: Callable[[Timer], float]
    session_id: bytes = b""
    evcc_id: bytes = b""
    payment: Payment | None = None
    contract: Contract | None = None
    challenge: bytes = b""
    proven: bool = False
    authorization_raw: bytes = b""
    authorization_asked: bool = False
    decision: AuthorizationDecision | None = None
    authorized: bool = False
    schedule_asked: bool = False
    offer: ChargeScheduleOffer | None = None
    departure_time: int | None = None
    max_entries: int | None = None
    schedules: dict[int, PowerSchedule] = field(default_factory=dict)
    ongoing_until: float | None = None
    tuple_id: int = 1
    power: PowerResult | None = None
    energized: bool = False
    charging: bool = False
    renegotiating: bool = False
    stopped: bool = False
    paused: bool = False
    metered: iso2.MeterInfo | None = None
    meter: MeterReading | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """What came with a request.

    Attributes:
        now: on the clock of ``receive``.
        raw: the whole message as EXI.
        header: its header.
    """

    now: float
    raw: bytes
    header: iso2.MessageHeader


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the request.

    Attributes:
        body: the response.
        outcome: picks the next state in the table.
        events: news for the host, told before the response is sent.
    """

    body: Message
    outcome: Outcome = Outcome.OK
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the request with a FAILED code.

    Attributes:
        code: the ResponseCode.
        what: what is wrong, in one sentence.
        why: the rule, with its requirement number.
        events: news for the host, told before the response is sent.
        rule: the id of the rule of a certificate or signature that was broken; the host finds it at the end
            of the reason, and in docs/certificate-rules.md.
        advice: what the operator can do.
    """

    code: str
    what: str
    why: str = ""
    events: tuple[Event, ...] = ()
    rule: str = ""
    advice: str = ""

    @property
    def reason(self) -> str:
        """The reason with the rule's id.

        Example:
            >>> Refuse("FAILED_CertificateExpired", "too old", "it ended", rule="iso2::x::expired").reason
            'it ended [rule iso2::x::expired]'
        """
        if not self.rule:
            return self.why
        return (
            f"{self.why} [rule {self.rule}]" if self.why and self.why != self.rule else f"[rule {self.rule}]"
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the response until the host has answered or a deadline has come.

    Attributes:
        timer: which deadline.
        patience: seconds until it.
        resume: the next step after the answer; it is given the time.
        late: the next step after the deadline; it is given the time.
        ask: makes the question from a ticket; ``None`` while an earlier one is open.
        accept: takes the answer into the record.
        stays_open: the question outlives the deadline.
    """

    timer: Timer
    patience: float
    resume: Callable[[float], Step]
    late: Callable[[float], Step]
    ask: Callable[[str], Question] | None
    accept: Callable[[Answer], None]
    stays_open: bool = False


Step = Reply | Refuse | Hold
# Each handler takes its own class of request; the table that holds them knows which.
Handler = Callable[[StationRecord, Any, Received], Step]


class Refusing(Protocol):
    """Makes the response that refuses a request of a class."""

    def __call__(self, request: type[Message], code: str, *, evse_id: str) -> Message: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StationDialect:
    """One protocol as a station speaks it: everything in which -2 differs from its neighbours.

    Attributes:
        schema: the schema set of its messages.
        table: the legal requests of each state and where they lead.
        handlers: who handles which request.
        requests: every request of the protocol, legal somewhere or not.
        setup: the request that comes without a session id of ours.
        refuse: makes the response that refuses a request.
        wrap: puts a body into a message; the id is empty before there is one.
        unwrap: takes header and body out of a message.
        first: the state after the handshake.
        failed: the state after a FAILED response.
        ended: the state after the goodbye.
    """

    schema: str
    table: Mapping[tuple[SeccState, type[Message]], SeccRow]
    handlers: Mapping[type[Message], Handler]
    requests: frozenset[type[Message]]
    setup: type[Message]
    refuse: Refusing
    wrap: Callable[[bytes, Message], Message]
    unwrap: Callable[[Message], tuple[iso2.MessageHeader, Message | None]]
    first: SeccState
    failed: SeccState
    ended: SeccState
