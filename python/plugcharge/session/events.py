"""What a session tells its host: small frozen values, taken from ``events()`` in the order they happened.

An event that is a :class:`~plugcharge.session.questions.Question` wants an answer; all others are news.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plugcharge.errors import PeerError
    from plugcharge.messages import Message
    from plugcharge.pki import ValidatedChain
    from plugcharge.session.questions import Answer
    from plugcharge.session.values import ControlPilot, EndReason, MeterReading, Payment, PowerLimit

__all__ = [
    "AnswerIgnored",
    "Authorized",
    "ChargingStarted",
    "ChargingStopped",
    "ContractVerified",
    "ControlPilotWanted",
    "Event",
    "MessageReceived",
    "MessageSent",
    "MeterReadingReceived",
    "MeterReadingSent",
    "PeerFault",
    "PowerCut",
    "ProtocolChosen",
    "ReceiptRefused",
    "ReceiptSent",
    "ReceiptVerified",
    "SessionEnded",
    "SessionOpened",
    "Tolerated",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of everything that ``events()`` gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A message was understood; what became of it follows.

    Attributes:
        now: when, on the clock of ``receive``.
        schema: its schema set, such as ``"iso2"``.
        message: the typed message.
        raw: its EXI octets, without V2GTP header.
    """

    now: float
    schema: str
    message: Message
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSent(Event):
    """A message was made and waits in ``data_to_send()``; fields as in :class:`MessageReceived`."""

    now: float
    schema: str
    message: Message
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolChosen(Event):
    """Both sides agreed on a protocol.

    Attributes:
        schema: ``"iso2"``, ``"din"``, ...
        minor_deviation: the minor versions differ [V2G2-170].
    """

    schema: str
    minor_deviation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened(Event):
    """SessionSetup is done.

    Attributes:
        session_id: 8 octets.
        evcc_id: the car's identifier, usually its MAC address.
        evse_id: the station's identifier as it was sent.
    """

    session_id: bytes
    evcc_id: bytes
    evse_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractVerified(Event):
    """Station: the car's contract chain is valid. The car has not proven yet that it holds the key.

    Attributes:
        emaid: the contract id of the **certificate**, canonical; this is the one to bill.
        emaid_as_sent: what the message said; the same contract in some spelling.
        chain: the validated chain.
        certificates: the chain as it was sent, DER, leaf first.
        expires_soon: 21 days or less are left and the car was told so [V2G2-690].
        raw: the PaymentDetailsReq as EXI: evidence.
    """

    emaid: str
    emaid_as_sent: str
    chain: ValidatedChain
    certificates: tuple[bytes, ...]
    expires_soon: bool
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorized(Event):
    """Charging is allowed: the back end agreed and, under a contract, the car proved that it holds the key.

    Attributes:
        payment: how it is paid.
        emaid: the contract, canonical; ``None`` without a contract.
        raw: station: the signed AuthorizationReq as EXI (evidence); car and external payment: empty.
    """

    payment: Payment
    emaid: str | None
    raw: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingStarted(Event):
    """PowerDelivery(Start) was answered with OK; a second one comes after a renegotiation.

    Attributes:
        tuple_id: the schedule that was chosen.
        profile: the car's charging profile; empty when it sent none.
    """

    tuple_id: int
    profile: tuple[PowerLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingStopped(Event):
    """PowerDelivery(Stop) was answered with OK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadingSent(Event):
    """Station: a reading went to the car.

    Attributes:
        meter: the reading.
        receipt_required: the car has to sign it next.
    """

    meter: MeterReading
    receipt_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadingReceived(Event):
    """Car: a reading came from the station; fields as in :class:`MeterReadingSent`."""

    meter: MeterReading
    receipt_required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptVerified(Event):
    """Station: the car signed the reading it was sent and the signature fits its contract key.

    Attributes:
        meter: the reading.
        emaid: the contract, canonical.
        raw: the MeteringReceiptReq with its signature, as EXI: evidence.
    """

    meter: MeterReading
    emaid: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRefused(Event):
    """Station: the receipt is worth nothing and was refused.

    Attributes:
        why: which field differs, or what is wrong with the signature.
        raw: the MeteringReceiptReq as EXI.
    """

    why: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSent(Event):
    """Car: a signed receipt for this reading was made.

    Attributes:
        meter: the reading.
        raw: the MeteringReceiptReq as EXI.
    """

    meter: MeterReading
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPilotWanted(Event):
    """Car: show this state on the control pilot line within 250 ms [V2G2-847], [V2G2-848].

    Attributes:
        state: ``C`` to take energy, ``B`` to stop.
    """

    state: ControlPilot


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerCut(Event):
    """Station: switch the power off now, whatever state it is in; nobody waits for an answer.

    It comes when a session with power, or with power asked for, ends in any way but PowerDelivery(Stop).

    Attributes:
        why: for people.
    """

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerFault(Event):
    """The other side broke the protocol, or was refused.

    Attributes:
        error: what, where, why; ``code`` is the response code that was sent (station) or received (car),
            empty when the connection is closed without an answer.
    """

    error: PeerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerated(Event):
    """The other side bent a rule in a way that is known from the field; the session goes on.

    Attributes:
        what: what it did.
        rule: the rule it bent.
    """

    what: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerIgnored(Event):
    """An answer came for a question that is not open (any more); it changed nothing.

    Attributes:
        answer: the answer.
        why: too late, twice, or of another session.
    """

    answer: Answer
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded(Event):
    """The session is over; it comes exactly once and last but for :class:`AnswerIgnored`.

    Attributes:
        reason: see :class:`~plugcharge.session.values.EndReason`.
        detail: one sentence for people.
        code: the response code that ended it, when there was one.
        state: the state it ended in.
    """

    reason: EndReason
    detail: str
    code: str = ""
    state: str = ""
