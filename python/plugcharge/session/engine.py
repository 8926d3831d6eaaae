"""What every session has in common: frames in and out, deadlines, questions to the host, and the end.

A session is driven from outside and owns nothing: no socket, clock, random source, task or log.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugcharge import exi
from plugcharge.errors import ExiError, LocalError, PeerError
from plugcharge.session.events import (
    AnswerIgnored,
    Event,
    MessageReceived,
    MessageSent,
    PeerFault,
    SessionEnded,
)
from plugcharge.session.timers_iso2 import Timer, checked, seconds
from plugcharge.session.values import EndReason
from plugcharge.wire.v2gtp import FrameReader, PayloadType, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plugcharge.messages import Message
    from plugcharge.session.config import Environment
    from plugcharge.session.questions import Answer, Question

__all__ = ["Asked", "SessionCore", "Settled"]

_TICKET_OCTETS = 12


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is open.

    Attributes:
        question: as the host got it.
        accept: takes the answer; raises LocalError when it cannot be used, and the question stays open.
    """

    question: Question
    accept: Callable[[Answer], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """How a session will have ended, when that is clear before it is over; a lost connection changes nothing.

    Attributes:
        reason: see :class:`~plugcharge.session.values.EndReason`.
        detail: one sentence for people.
        code: the response code, when there was one.
    """

    reason: EndReason
    detail: str
    code: str = ""


class SessionCore(ABC):
    """One session over one connection, on either side.

    Call :meth:`receive` with what arrives, :meth:`timeout` when :meth:`next_deadline` has come,
    :meth:`answer` when the host has decided, and :meth:`connection_lost` at the end. After **each** call take
    :meth:`events` and :meth:`data_to_send`. ``now`` is seconds on a steady clock of the caller's choice.

    What the peer does wrong never raises: it ends in an answer, an event, or :attr:`closed`.
    """

    def __init__(
        self, *, now: float, environment: Environment, max_payload: int, timers: Mapping[str, float]
    ) -> None:
        self._now = now
        self._environment = environment
        self._changed_timers = checked(timers)
        self._reader = FrameReader(max_payload=max_payload)
        self._events: deque[Event] = deque()
        self._outbox: list[bytes] = []
        self._deadlines: dict[Timer, float] = {}
        self._asked: Asked | None = None
        self._ticket_base = environment.draw(_TICKET_OCTETS).hex()
        self._tickets = 0
        self._closed = False
        self._close_delay = 0.0
        self._ended = False
        self._settled: Settled | None = None

    # -- what the driver calls -----------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Close the connection once everything in :meth:`data_to_send` is written."""
        return self._closed

    @property
    def close_delay(self) -> float:
        """Seconds to leave the peer for closing first, once :attr:`closed` is true."""
        return self._close_delay

    @property
    @abstractmethod
    def state(self) -> str:
        """The state by its name in the tables."""

    def receive(self, now: float, data: bytes) -> None:
        """Take octets of the peer, cut anywhere. What comes after :attr:`closed` is dropped."""
        self.timeout(now)
        if self._closed:
            return
        self._reader.feed(data)
        try:
            frame = self._reader.next_frame()
            if frame is None:
                return
            if not self._expects_frame():
                raise self._pipelining()
            self._take_payload(frame.payload)
            if not self._closed and (
                self._reader.dead or self._reader.waiting_frames or self._reader.in_frame
            ):
                raise self._pipelining()
        except PeerError as fault:
            self._protocol_error(fault)

    def events(self) -> list[Event]:
        """Give what happened since the last call, oldest first."""
        happened = list(self._events)
        self._events.clear()
        return happened

    def data_to_send(self) -> list[bytes]:
        """Give the frames to send, each to be written in one go."""
        waiting, self._outbox = self._outbox, []
        return waiting

    def next_deadline(self) -> float | None:
        """When :meth:`timeout` has to be called; ``None`` for never."""
        return None if self._closed else min(self._deadlines.values(), default=None)

    def timeout(self, now: float) -> None:
        """Do what is due by ``now``; calling it too early does nothing."""
        self._now = max(self._now, now)
        while not self._closed and self._deadlines:
            timer = min(self._deadlines, key=lambda timer: self._deadlines[timer])
            if self._deadlines[timer] > self._now:
                return
            del self._deadlines[timer]
            self._on_timer(timer)

    def answer(self, now: float, answer: Answer) -> None:
        """Answer a question. An answer to one that is not open is reported as ``AnswerIgnored``.

        Raises:
            LocalError: the answer has the wrong class or cannot be sent; the question stays open.
        """
        self.timeout(now)
        asked = self._asked
        if asked is None or answer.ticket != asked.question.ticket:
            mine = answer.ticket.startswith(self._ticket_base)
            why = "its question is not open any more" if mine else "it is for another session"
            self._emit(AnswerIgnored(answer=answer, why=why))
            return
        if type(answer) is not asked.question.answered_by:
            raise LocalError(
                f"{type(answer).__name__} does not answer {type(asked.question).__name__}",
                where="answer",
                why=f"{asked.question.answered_by.__name__} does",
            )
        asked.accept(answer)
        self._asked = None
        self._on_answered()

    def connection_lost(self, now: float) -> None:
        """The connection is gone; the session ends, whatever it was doing."""
        self._now = max(self._now, now)
        self._conclude(EndReason.CONNECTION_LOST, "the connection was lost")

    def abort(self, now: float, why: str) -> None:
        """End the session at once, without a goodbye: the program stops."""
        self._now = max(self._now, now)
        self._end(EndReason.ABORTED, why)

    def unplugged(self, now: float, why: str = "the cable was pulled") -> None:
        """End the session at once: the other side is not at this end of a cable any more."""
        self._now = max(self._now, now)
        self._conclude(EndReason.UNPLUGGED, why)

    # -- what a side of the session has to give --------------------------------------------------------

    @abstractmethod
    def _expects_frame(self) -> bool:
        """Whether the peer may send now: both sides take turns [V2G2-482]."""

    @abstractmethod
    def _take_payload(self, payload: bytes) -> None:
        """Handle one message; raise PeerError when no answer is possible."""

    @abstractmethod
    def _on_timer(self, timer: Timer) -> None:
        """A timer that was armed is over."""

    @abstractmethod
    def _on_answered(self) -> None:
        """The open question was answered."""

    @abstractmethod
    def _make_safe(self, why: str) -> None:
        """The session ends: tell the host to take the power away if there may be any."""

    # -- for the sides -----------------------------------------------------------------------------------

    def _emit(self, *events: Event) -> None:
        self._events.extend(events)

    def _arm(self, timer: Timer, after: float | None = None) -> None:
        """Let a timer run from now, for its own value or for ``after`` seconds."""
        self._deadlines[timer] = self._now + (self._seconds(timer) if after is None else after)

    def _disarm(self, *timers: Timer) -> None:
        for timer in timers:
            self._deadlines.pop(timer, None)

    def _seconds(self, timer: Timer) -> float:
        return seconds(timer, self._changed_timers)

    def _ask(self, make: Callable[[str], Question], accept: Callable[[Answer], None]) -> None:
        """Ask the host; a question that was open is closed."""
        self._tickets += 1
        question = make(f"{self._ticket_base}-{self._tickets}")
        self._asked = Asked(question, accept)
        self._emit(question)

    def _decode(self, payload: bytes, schema: str) -> Message:
        """Read a message; one that cannot be read gets no answer [V2G2-537]."""
        try:
            message = exi.decode(payload, schema)
        except ExiError as error:
            raise PeerError(
                f"a message cannot be read: {error.what}",
                state=self.state,
                where=error.where,
                why=f"{error.why} [V2G2-537]",
            ) from error
        self._emit(MessageReceived(now=self._now, schema=schema, message=message, raw=payload))
        return message

    def _send(self, message: Message, schema: str) -> bytes:
        """Write a message as one frame and give its EXI octets."""
        raw = exi.encode(message)
        self._outbox.append(pack(PayloadType.EXI, raw))
        self._emit(MessageSent(now=self._now, schema=schema, message=message, raw=raw))
        return raw

    def _pipelining(self) -> PeerError:
        return PeerError(
            "the peer sent before it was its turn",
            state=self.state,
            why="one request at a time, each waits for its response",
        )

    def _protocol_error(self, fault: PeerError) -> None:
        """End after a fault that has no answer."""
        fault.state = fault.state or self.state
        self._emit(PeerFault(error=fault))
        self._end(EndReason.PROTOCOL_ERROR, str(fault))

    def _conclude(self, reason: EndReason, detail: str, *, delay: float = 0.0) -> None:
        """End as it was settled before, or else for this reason."""
        end = self._settled or Settled(reason, detail)
        self._end(end.reason, end.detail, code=end.code, delay=delay)

    def _end(self, reason: EndReason, detail: str, *, code: str = "", delay: float = 0.0) -> None:
        """Be over: nothing is read, asked or timed any more."""
        self._closed = True
        self._deadlines.clear()
        self._asked = None
        if self._ended:
            return
        self._ended = True
        self._close_delay = delay
        self._make_safe(detail)
        self._emit(SessionEnded(reason=reason, detail=detail, code=code, state=self.state))
