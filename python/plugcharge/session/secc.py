"""The station's side of a session: takes requests, checks their order, and gives answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plugcharge.errors import LocalError, PeerError
from plugcharge.messages.sap import SupportedAppProtocolReq
from plugcharge.session.engine import SessionCore, Settled
from plugcharge.session.events import PeerFault, PowerCut, ProtocolChosen
from plugcharge.session.secc_iso2 import STATION_ISO2
from plugcharge.session.secc_steps import Hold, Received, Refuse, Reply, StationRecord
from plugcharge.session.tables_iso2 import Outcome, SeccState
from plugcharge.session.timers_iso2 import TIMERS, Timer
from plugcharge.session.values import EndReason
from plugcharge.wire import sap

if TYPE_CHECKING:
    from plugcharge.messages import Message
    from plugcharge.session.config import SeccConfig
    from plugcharge.session.secc_steps import Step

__all__ = ["SeccSession"]

_DIALECTS = {dialect.schema: dialect for dialect in (STATION_ISO2,)}


@dataclass(frozen=True, slots=True)
class _Pending:
    """A request whose response is held."""

    request: type[Message]
    hold: Hold


class SeccSession(SessionCore):
    """One session of one outlet; make it when the connection is ready for messages.

    Args:
        config: the outlet.
        now: seconds on the clock that all later calls use.
        secure: the connection is TLS. Without it contracts are neither offered nor taken [V2G2-634].

    Raises:
        LocalError: the configuration names a protocol that no session speaks.
    """

    def __init__(self, config: SeccConfig, *, now: float, secure: bool) -> None:
        if unknown := [protocol.schema for protocol in config.protocols if protocol.schema not in _DIALECTS]:
            raise LocalError(
                f"{', '.join(unknown)} cannot be spoken",
                where="SeccConfig.protocols",
                why=f"can be: {', '.join(_DIALECTS)}",
            )
        super().__init__(
            now=now,
            environment=config.environment,
            max_payload=config.max_payload,
            timers=config.timers,
        )
        self._config = config
        self._state = SeccState.PROTOCOL
        self._dialect = STATION_ISO2  # until the handshake says which
        self._record = StationRecord(
            config=config,
            payments_offered=config.offered_payments(secure=secure),
            seconds=self._seconds,
        )
        self._pending: _Pending | None = None
        self._arm(Timer.SETUP_PERFORMANCE)

    @property
    def state(self) -> str:
        """The state by its name in the table of the protocol."""
        return self._state.value

    @property
    def session_id(self) -> bytes:
        """The id of the session; empty before SessionSetup."""
        return self._record.session_id

    # -- called by the engine ----------------------------------------------------------------------------

    def _expects_frame(self) -> bool:
        return self._pending is None

    def _take_payload(self, payload: bytes) -> None:
        if self._state is SeccState.PROTOCOL:
            self._choose_protocol(payload)
            return
        header, body = self._dialect.unwrap(self._decode(payload, self._dialect.schema))
        if body is None or type(body) not in self._dialect.requests:
            what = "a message without a request" if body is None else f"a {type(body).__name__}"
            raise PeerError(f"the car sent {what}", state=self.state, why="a car sends requests")
        self._disarm(Timer.SEQUENCE, Timer.SETUP_PERFORMANCE)
        self._handle(body, Received(self._now, payload, header))

    def _on_timer(self, timer: Timer) -> None:
        if self._pending is not None and timer is self._pending.hold.timer:
            hold = self._pending.hold
            if not hold.stays_open:
                self._asked = None
            self._perform(self._release(), hold.late(self._now))
        elif timer is Timer.GRACE:
            self._conclude(EndReason.REFUSED, "the car did not say goodbye")
        else:
            row = TIMERS[timer]
            self._end(EndReason.TIMEOUT, f"no request within {self._seconds(timer):g} s {row.requirement}")

    def _on_answered(self) -> None:
        if self._pending is not None:
            hold = self._pending.hold
            self._perform(self._release(), hold.resume(self._now))

    def _make_safe(self, why: str) -> None:
        self._pending = None
        if self._record.energized:
            self._record.energized = False
            self._emit(PowerCut(why=why))

    # -- the way of a request ----------------------------------------------------------------------------

    def _choose_protocol(self, payload: bytes) -> None:
        request = self._decode(payload, "sap")
        if not isinstance(request, SupportedAppProtocolReq):
            raise PeerError("the car answered instead of asking", state=self.state, why="[V2G2-169]")
        # Without anything to pay with there is no service to discover, so there is nothing to agree on.
        served = self._config.protocols if self._record.payments_offered else ()
        response, choice = sap.choose(request, served)
        self._disarm(Timer.SETUP_PERFORMANCE)
        if choice is None:
            self._send(response, "sap")
            # Quoted and cut: it is the car's text, and it gets into logs and onto screens.
            offered = ", ".join(ascii(entry.protocol_namespace[:80]) for entry in request.app_protocol[:5])
            detail = f"the car offers {offered}; nothing of it can be served here [V2G2-172]"
            self._end(
                EndReason.UNSUITABLE, detail, code=response.response_code, delay=self._config.close_delay
            )
            return
        self._emit(ProtocolChosen(schema=choice.protocol.schema, minor_deviation=choice.minor_deviation))
        self._send(response, "sap")
        self._dialect = _DIALECTS[choice.protocol.schema]
        self._state = self._dialect.first
        self._arm(Timer.SEQUENCE)

    def _handle(self, request: Message, received: Received) -> None:
        """Check order, then id, then content [V2G2-538]; on the way to an answer nothing else is touched."""
        kind, table = type(request), self._dialect.table
        if (self._state, kind) not in table:
            legal = sorted(row.request.__name__ for (state, _), row in table.items() if state is self._state)
            step: Step = Refuse(
                "FAILED_SequenceError",
                f"{kind.__name__} came in state {self.state}",
                f"legal here: {', '.join(legal) or 'nothing'} [V2G2-538], [V2G2-539]",
            )
        elif kind is not self._dialect.setup and received.header.session_id != self._record.session_id:
            step = Refuse(
                "FAILED_UnknownSession", "the SessionID is not the one of this session", "[V2G2-460]"
            )
        else:
            step = self._dialect.handlers[kind](self._record, request, received)
        self._perform(kind, step)

    def _perform(self, request: type[Message], step: Step) -> None:
        match step:
            case Hold():
                self._pending = _Pending(request, step)
                self._arm(step.timer, step.patience)
                if step.ask is not None:
                    self._ask(step.ask, step.accept)
            case Reply():
                self._reply(request, step)
            case Refuse():
                self._refuse(request, step)

    def _release(self) -> type[Message]:
        """The response is not held any more; give the request it is for."""
        pending = self._pending
        if pending is None:
            raise LocalError("no response is held", where=self.state)
        self._pending = None
        self._disarm(pending.hold.timer)
        return pending.request

    def _reply(self, request: type[Message], reply: Reply) -> None:
        row = self._dialect.table[self._state, request]
        target = row.leads_to[reply.outcome]
        self._emit(*reply.events)
        self._send_body(reply.body)
        if target is self._dialect.ended:
            self._goodbye()
            return
        self._state = target
        self._arm(row.timer)

    def _goodbye(self) -> None:
        """SessionStop was answered with OK: the car closes, or we do after a while [V2G2-571]."""
        delay = self._config.close_delay
        if self._record.paused:
            self._conclude(EndReason.PAUSED, "the car paused the session", delay=delay)
        else:
            self._conclude(EndReason.TERMINATED, "the car ended the session", delay=delay)

    def _refuse(self, request: type[Message], refuse: Refuse) -> None:
        row = self._dialect.table.get((self._state, request))
        tolerated = (
            row is not None and refuse.code != "FAILED_UnknownSession" and Outcome.FAILED in row.leads_to
        )
        error = PeerError(
            refuse.what,
            code=refuse.code,
            state=self.state,
            where=request.__name__,
            why=refuse.reason,
            advice=refuse.advice,
        )
        self._emit(*refuse.events, PeerFault(error=error))
        if tolerated and row is not None:
            self._send_body(self._dialect.refuse(request, refuse.code, evse_id=self._config.evse_id))
            self._state = row.leads_to[Outcome.FAILED]
            self._arm(row.timer)
            return
        self._asked = None
        self._make_safe(refuse.what)
        self._send_body(self._dialect.refuse(request, refuse.code, evse_id=self._config.evse_id))
        if self._settled is not None:
            self._conclude(EndReason.REFUSED, refuse.what)  # the second refusal is the last
            return
        self._state = self._dialect.failed
        self._settled = Settled(EndReason.REFUSED, refuse.what, refuse.code)
        self._arm(Timer.GRACE, self._config.failed_grace)

    def _send_body(self, body: Message) -> None:
        self._send(self._dialect.wrap(self._record.session_id, body), self._dialect.schema)
