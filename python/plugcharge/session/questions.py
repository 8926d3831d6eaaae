"""What a session asks its host, and the answers.

A question is an event with a ``ticket``; its answer carries the same ticket to ``answer(now, ...)``, at once
or later. Tickets are unguessable and never used twice, so an answer can only reach the question it was made
for; any other is reported as :class:`~plugcharge.session.events.AnswerIgnored` and changes nothing.

==========================  =======================  ======================================================
Question                    Answer                   Without an answer
==========================  =======================  ======================================================
AuthorizationWanted         AuthorizationDecision    ``Ongoing``, FAILED after 55 s, no contract: 240 s
ChargeScheduleWanted        ChargeScheduleOffer      ``Ongoing``, FAILED after 55 s
PowerOnWanted               PowerResult              FAILED_ContactorError after 3 s, and ``PowerCut``
PowerOffWanted              PowerResult              FAILED_ContactorError after 3 s, and ``PowerCut``
MeterReadingWanted          ChargingUpdate           answered without a reading after 1.2 s
ChargingProfileWanted       ChargingProfileChoice    the proposal is taken after 30 s
ContinueChargingWanted      ContinueCharging         charging is stopped after 30 s
==========================  =======================  ======================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from plugcharge.session.events import Event
from plugcharge.session.values import Notice, PowerOutcome

if TYPE_CHECKING:
    from datetime import datetime

    from plugcharge.pki import ValidatedChain
    from plugcharge.session.values import MeterReading, Payment, PowerLimit, PowerSchedule

__all__ = [
    "Answer",
    "AuthorizationDecision",
    "AuthorizationWanted",
    "ChargeScheduleOffer",
    "ChargeScheduleWanted",
    "ChargingProfileChoice",
    "ChargingProfileWanted",
    "ChargingUpdate",
    "ContinueCharging",
    "ContinueChargingWanted",
    "MeterReadingWanted",
    "PowerOffWanted",
    "PowerOnWanted",
    "PowerResult",
    "Question",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Base of all answers.

    Attributes:
        ticket: the ticket of the question.
    """

    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationDecision(Answer):
    """May this customer charge here?

    Attributes:
        accepted: yes or no.
        code: for a no, the ResponseCode to send, such as ``"FAILED_CertificateRevoked"``; every other text
            than a FAILED code of -2 is a :class:`~plugcharge.errors.LocalError`.
        reason: for a no, one sentence for the log.
    """

    accepted: bool
    code: str = "FAILED"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeScheduleOffer(Answer):
    """What the station can give.

    Attributes:
        schedules: 1 to 3 of them, with different ids [V2G2-773].
        max_current: amperes a phase; ``None`` for what the configuration says. Lower, never higher.
    """

    schedules: tuple[PowerSchedule, ...]
    max_current: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerResult(Answer):
    """What the contactor did.

    Attributes:
        outcome: see :class:`~plugcharge.session.values.PowerOutcome`.
        reason: one sentence for the log when it is not ``DONE``.
    """

    outcome: PowerOutcome = PowerOutcome.DONE
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingUpdate(Answer):
    """The state of the charge, for the car.

    Attributes:
        meter: the meter's reading, or ``None`` when there is none.
        receipt_required: the car has to sign this reading; needs ``meter``. Left out without a contract
            [V2G2-691].
        notice: what the station asks of the car.
        notice_delay: seconds the car has for it, 0 to 65535.
        max_current: amperes a phase, ``None`` to leave it out.
    """

    meter: MeterReading | None = None
    receipt_required: bool = False
    notice: Notice = Notice.NONE
    notice_delay: int = 0
    max_current: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfileChoice(Answer):
    """Car: the schedule to charge by.

    Attributes:
        tuple_id: one of those offered.
        profile: 1 to 24 limits, nowhere above the schedule.
    """

    tuple_id: int
    profile: tuple[PowerLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueCharging(Answer):
    """Car: go on charging, or stop."""

    go_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Event):
    """Base of all questions.

    Attributes:
        ticket: copy it into the answer.
        answered_by: the class of the answer.
    """

    answered_by: ClassVar[type[Answer]] = Answer

    ticket: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationWanted(Question):
    """Station: may this customer charge here? Asked once a session, after the car proved to hold the key.

    Attributes:
        payment: how it is to be paid; the fields below it are ``None`` or empty without a contract.
        session_id: 8 octets.
        evcc_id: the car's identifier, usually its MAC address.
        emaid: the contract id of the certificate, canonical.
        chain: the validated chain.
        certificates: the chain as it was sent, DER, leaf first.
        at: the station's clock.
    """

    answered_by: ClassVar[type[Answer]] = AuthorizationDecision

    payment: Payment
    session_id: bytes
    evcc_id: bytes
    at: datetime
    emaid: str | None = None
    chain: ValidatedChain | None = None
    certificates: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeScheduleWanted(Question):
    """Station: how much power, when? Asked for each ChargeParameterDiscovery, again after a renegotiation.

    Attributes:
        mode: EnergyTransferMode, such as ``"AC_three_phase_core"``.
        energy_wanted: watt hours.
        max_voltage: the car's limit.
        max_current: the car's limit, amperes a phase.
        min_current: below this the car does not charge.
        departure_time: seconds from now; ``None`` when the driver gave none.
        max_entries: the car reads at most that many limits in a schedule; ``None`` for no limit. More are
            merged downwards before they are sent.
    """

    answered_by: ClassVar[type[Answer]] = ChargeScheduleOffer

    mode: str
    energy_wanted: float
    max_voltage: float
    max_current: float
    min_current: float
    departure_time: int | None
    max_entries: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOnWanted(Question):
    """Station: close the contactor (never asked before ``Authorized``).

    Attributes:
        tuple_id: the schedule the car chose.
        profile: the car's charging profile, nowhere above that schedule; empty when it sent none.
        already_on: after a renegotiation the power is on; only the limits change.
    """

    answered_by: ClassVar[type[Answer]] = PowerResult

    tuple_id: int
    profile: tuple[PowerLimit, ...]
    already_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerOffWanted(Question):
    """Station: open the contactor; the car asked for it."""

    answered_by: ClassVar[type[Answer]] = PowerResult


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterReadingWanted(Question):
    """Station: the car asks for the state of the charge."""

    answered_by: ClassVar[type[Answer]] = ChargingUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfileWanted(Question):
    """Car: which schedule, how much? Asked only with ``ask_charging_profile``.

    Attributes:
        schedules: what the station offers.
        proposal_tuple_id: what would be taken without an answer.
        proposal: the profile to it.
    """

    answered_by: ClassVar[type[Answer]] = ChargingProfileChoice

    schedules: tuple[PowerSchedule, ...]
    proposal_tuple_id: int
    proposal: tuple[PowerLimit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinueChargingWanted(Question):
    """Car: go on? Asked after each ChargingStatusRes, only with ``ask_continue``.

    Attributes:
        meter: the last reading, ``None`` when the station sent none.
        energy: watt hours since the first reading of this session.
        seconds: since PowerDelivery(Start) was answered.
    """

    answered_by: ClassVar[type[Answer]] = ContinueCharging

    meter: MeterReading | None
    energy: int
    seconds: float
