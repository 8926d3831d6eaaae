"""Sessions without I/O: the two sides of an ISO 15118 charging session, driven from outside.

:class:`SeccSession` and :class:`EvccSession` take bytes and the time, and give bytes, events and the time of
their next deadline. They own no socket, clock, random source or task, so they fit into any program::

    core = SeccSession(config, now=clock(), secure=True)
    while not core.closed:
        for event in core.events():
            ...                                   # news; a Question wants core.answer(clock(), ...)
        for frame in core.data_to_send():
            ...                                   # write each in one go
        ...                                       # wait for octets, an answer, or core.next_deadline()
        core.receive(clock(), octets)             # or core.timeout(clock())
    ...                                           # write, wait core.close_delay for the peer to close, close
    core.connection_lost(clock())
"""

from __future__ import annotations

from plugcharge.session.config import Environment, EvccConfig, EvccContract, SeccConfig
from plugcharge.session.engine import SessionCore
from plugcharge.session.evcc import EvccSession
from plugcharge.session.events import (
    AnswerIgnored,
    Authorized,
    ChargingStarted,
    ChargingStopped,
    ContractVerified,
    ControlPilotWanted,
    Event,
    MessageReceived,
    MessageSent,
    MeterReadingReceived,
    MeterReadingSent,
    PeerFault,
    PowerCut,
    ProtocolChosen,
    ReceiptRefused,
    ReceiptSent,
    ReceiptVerified,
    SessionEnded,
    SessionOpened,
    Tolerated,
)
from plugcharge.session.questions import (
    Answer,
    AuthorizationDecision,
    AuthorizationWanted,
    ChargeScheduleOffer,
    ChargeScheduleWanted,
    ChargingProfileChoice,
    ChargingProfileWanted,
    ChargingUpdate,
    ContinueCharging,
    ContinueChargingWanted,
    MeterReadingWanted,
    PowerOffWanted,
    PowerOnWanted,
    PowerResult,
    Question,
)
from plugcharge.session.secc import SeccSession
from plugcharge.session.timers_iso2 import Timer
from plugcharge.session.values import (
    ControlPilot,
    EndReason,
    MeterReading,
    Notice,
    Payment,
    PowerLimit,
    PowerOutcome,
    PowerSchedule,
)

__all__ = [
    "Answer",
    "AnswerIgnored",
    "AuthorizationDecision",
    "AuthorizationWanted",
    "Authorized",
    "ChargeScheduleOffer",
    "ChargeScheduleWanted",
    "ChargingProfileChoice",
    "ChargingProfileWanted",
    "ChargingStarted",
    "ChargingStopped",
    "ChargingUpdate",
    "ContinueCharging",
    "ContinueChargingWanted",
    "ContractVerified",
    "ControlPilot",
    "ControlPilotWanted",
    "EndReason",
    "Environment",
    "EvccConfig",
    "EvccContract",
    "EvccSession",
    "Event",
    "MessageReceived",
    "MessageSent",
    "MeterReading",
    "MeterReadingReceived",
    "MeterReadingSent",
    "MeterReadingWanted",
    "Notice",
    "Payment",
    "PeerFault",
    "PowerCut",
    "PowerLimit",
    "PowerOffWanted",
    "PowerOnWanted",
    "PowerOutcome",
    "PowerResult",
    "PowerSchedule",
    "ProtocolChosen",
    "Question",
    "ReceiptRefused",
    "ReceiptSent",
    "ReceiptVerified",
    "SeccConfig",
    "SeccSession",
    "SessionCore",
    "SessionEnded",
    "SessionOpened",
    "Timer",
    "Tolerated",
]
