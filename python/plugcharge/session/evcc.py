"""The car's side of a session: asks in the order of the table and judges what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plugcharge import sign
from plugcharge.errors import LocalError, PeerError
from plugcharge.messages.sap import SupportedAppProtocolRes
from plugcharge.session.engine import SessionCore, Settled
from plugcharge.session.evcc_iso2 import CAR_ISO2
from plugcharge.session.evcc_steps import AskHost, CarRecord, Go, Halt, Response
from plugcharge.session.events import ControlPilotWanted, PeerFault, ProtocolChosen, ReceiptSent
from plugcharge.session.tables_iso2 import EvccState, Outcome
from plugcharge.session.timers_iso2 import TIMERS, Timer
from plugcharge.session.values import ControlPilot, EndReason
from plugcharge.wire import sap

if TYPE_CHECKING:
    from plugcharge.messages import Message
    from plugcharge.session.config import EvccConfig
    from plugcharge.session.evcc_steps import CarStep, Outgoing

__all__ = ["EvccSession"]

_DIALECTS = {dialect.schema: dialect for dialect in (CAR_ISO2,)}

# After these a station closes without looking at anything else.
_NO_GOODBYE = {"FAILED_SequenceError", "FAILED_UnknownSession"}


class EvccSession(SessionCore):
    """One session of one car. Made when the connection is ready; the first request waits to be sent at once.

    Args:
        config: the car.
        now: seconds on the clock that all later calls use.
        secure: the connection is TLS. Without it no contract is used [V2G2-635].

    Raises:
        LocalError: the configuration names a protocol that no session speaks.
    """

    def __init__(self, config: EvccConfig, *, now: float, secure: bool) -> None:
        if unknown := [protocol.schema for protocol in config.protocols if protocol.schema not in _DIALECTS]:
            raise LocalError(
                f"{', '.join(unknown)} cannot be spoken",
                where="EvccConfig.protocols",
                why=f"can be: {', '.join(_DIALECTS)}",
            )
        super().__init__(
            now=now,
            environment=config.environment,
            max_payload=config.max_payload,
            timers=config.timers,
        )
        self._config = config
        self._state: EvccState = EvccState.PROTOCOL
        self._dialect = CAR_ISO2  # until the handshake says which
        self._record = CarRecord(config=config, secure=secure)
        self._waiting: AskHost | None = None
        self._offer = sap.offer(config.protocols)
        self._send(self._offer, "sap")
        self._outstanding: Timer | None = Timer.MESSAGE
        self._arm(Timer.MESSAGE)
        self._arm(Timer.SETUP, config.setup_budget)

    @property
    def state(self) -> str:
        """The state by its name in the table of the protocol."""
        return self._state.value

    @property
    def session_id(self) -> bytes:
        """The id of the session; empty before SessionSetupRes."""
        return self._record.session_id

    def stop_charging(self, now: float, why: str = "the host wants to stop") -> None:
        """Stop as soon as it is the car's turn: PowerDelivery(Stop), then SessionStop."""
        self.timeout(now)
        if self._closed:
            return
        self._record.stop_wanted = self._record.stop_wanted or why
        if self._outstanding is not None or self._state is self._dialect.goodbye:
            return  # the next response is acted on accordingly
        if self._waiting is not None:
            self._asked = self._waiting = None
            self._disarm(Timer.SEQUENCE_PERFORMANCE)
            in_loop = self._state in {self._dialect.loop, self._dialect.receipt}
            self._perform(Go(Outcome.STOP if in_loop else Outcome.OK))
        elif self._state is self._dialect.loop:
            self._disarm(Timer.STATUS_PACE)
            self._enter(self._dialect.stop)
        elif not self._record.power_asked:
            self._stop(Halt(EndReason.TERMINATED, self._record.stop_wanted))

    # -- called by the engine ----------------------------------------------------------------------------

    def _expects_frame(self) -> bool:
        return self._outstanding is not None

    def _take_payload(self, payload: bytes) -> None:
        if self._state is EvccState.PROTOCOL:
            self._read_protocol(payload)
            return
        row = self._dialect.table[self._state]
        header, body = self._dialect.unwrap(self._decode(payload, self._dialect.schema))
        if body is None or type(body) is not row.response:
            what = "nothing" if body is None else f"a {type(body).__name__}"
            raise PeerError(
                f"{row.request.__name__} was answered with {what}", state=self.state, why="[V2G2-482]"
            )
        self._answered()
        code = str(getattr(body, "response_code", ""))
        if code.startswith("FAILED"):
            self._refused(row.request, code)
            return
        if self._state is not self._dialect.first and header.session_id != self._record.session_id:
            raise PeerError(
                "the station answered under another SessionID", state=self.state, why="[V2G2-460]"
            )
        self._perform(self._dialect.readers[self._state](self._record, body, Response(self._now, header)))

    def _on_timer(self, timer: Timer) -> None:
        if timer in {Timer.PACE, Timer.STATUS_PACE}:
            self._ask_station()
        elif timer is Timer.SEQUENCE_PERFORMANCE and self._waiting is not None:
            waiting, self._waiting, self._asked = self._waiting, None, None
            self._perform(waiting.late(self._now))
        else:
            row = TIMERS[timer]
            after = self._config.setup_budget if timer is Timer.SETUP else self._seconds(timer)
            self._stop(
                Halt(EndReason.TIMEOUT, f"{timer} of {after:g} s is over in {self.state} {row.requirement}")
            )

    def _on_answered(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self._disarm(Timer.SEQUENCE_PERFORMANCE)
            self._perform(waiting.then(self._now))

    def _make_safe(self, why: str) -> None:
        self._waiting = None
        self._outstanding = None
        if self._record.power_asked:
            self._record.power_asked = False
            self._emit(ControlPilotWanted(state=ControlPilot.B))

    # -- the way of a response ---------------------------------------------------------------------------

    def _read_protocol(self, payload: bytes) -> None:
        response = self._decode(payload, "sap")
        if not isinstance(response, SupportedAppProtocolRes):
            raise PeerError("the station asked instead of answering", state=self.state, why="[V2G2-173]")
        self._answered()
        try:
            choice = sap.accept(self._offer, response)
        except PeerError as fault:
            if not fault.code:
                raise
            fault.state = self.state
            self._emit(PeerFault(error=fault))
            self._end(EndReason.UNSUITABLE, str(fault), code=fault.code)
            return
        self._emit(ProtocolChosen(schema=choice.protocol.schema, minor_deviation=choice.minor_deviation))
        self._dialect = _DIALECTS[choice.protocol.schema]
        self._enter(self._dialect.first)

    def _answered(self) -> None:
        if self._outstanding is not None:
            self._disarm(self._outstanding)
        self._outstanding = None

    def _refused(self, request: type[Message], code: str) -> None:
        """The station said FAILED: nothing else in its response is looked at [V2G2-735]."""
        fault = PeerError(f"the station refused {request.__name__}", code=code, state=self.state, why=code)
        self._emit(PeerFault(error=fault))
        self._stop(Halt(EndReason.REFUSED_BY_PEER, f"{request.__name__} was answered with {code}", code))

    def _perform(self, step: CarStep) -> None:
        match step:
            case Halt():
                self._stop(step)
            case AskHost():
                self._emit(*step.events)
                self._waiting = step
                self._arm(Timer.SEQUENCE_PERFORMANCE)
                self._ask(step.ask, step.accept)
            case Go():
                self._go(step)

    def _go(self, step: Go) -> None:
        self._emit(*step.events)
        if step.outcome is not Outcome.ONGOING:
            self._disarm(Timer.ONGOING, Timer.CUSTOMER)
        elif step.patience not in self._deadlines:
            self._arm(step.patience)  # from the first Ongoing, not started again by the next [V2G2-710]
        if self._state is self._dialect.first:
            self._disarm(Timer.SETUP)
        target = self._dialect.table[self._state].leads_to[step.outcome]
        if target is self._dialect.ended:
            self._finish()
        elif self._record.stop_wanted and target not in {
            self._dialect.receipt,
            self._dialect.stop,
            self._dialect.goodbye,
        }:
            self._leave(target, step.pause)
        else:
            self._enter(target, step.pause)

    def _leave(self, target: EvccState, pause: float) -> None:
        """Turn away from the way to (more) energy as soon as the order of messages allows it."""
        if not self._record.power_asked:
            self._stop(Halt(EndReason.TERMINATED, self._record.stop_wanted))
        elif target in {self._dialect.start, self._dialect.loop}:
            self._enter(self._dialect.stop)
        else:
            self._enter(target, pause)  # a renegotiation has to be finished first [V2G2-813]

    def _enter(self, state: EvccState, pause: float = 0.0) -> None:
        self._state = state
        if pause > 0:
            self._arm(Timer.STATUS_PACE if state is self._dialect.loop else Timer.PACE, pause)
        else:
            self._ask_station()

    def _ask_station(self) -> None:
        row = self._dialect.table[self._state]
        outgoing = self._dialect.writers[self._state](self._record)
        raw = self._send_request(outgoing)
        self._outstanding = row.timer
        self._arm(row.timer)
        if self._state is self._dialect.loop:
            self._record.status_sent = self._now
        if self._state is self._dialect.receipt and self._record.meter is not None:
            self._emit(ReceiptSent(meter=self._record.meter, raw=raw))
        self._emit(*outgoing.events)

    def _send_request(self, outgoing: Outgoing) -> bytes:
        signature = None
        if outgoing.signed:
            contract = self._config.contract
            if contract is None:
                raise LocalError("there is no contract key to sign with", where=self.state)
            signature = sign.sign_elements([outgoing.body], contract.key)
        message = self._dialect.wrap(self._record.session_id, signature, outgoing.body)
        return self._send(message, self._dialect.schema)

    def _stop(self, halt: Halt) -> None:
        """End early, and in order when it is our turn and the station still listens.

        With power on the order is PowerDelivery(Stop), then SessionStop [V2G2-568]. After a FAILED response
        it is SessionStop at once, which is all that a station takes then.
        """
        goodbye = (
            self._outstanding is None
            and self._record.session_id
            and self._state is not self._dialect.goodbye
            and halt.code not in _NO_GOODBYE
        )
        self._settled = self._settled or Settled(halt.reason, halt.what, halt.code)
        if not goodbye:
            self._conclude(halt.reason, halt.what)
            return
        self._asked = self._waiting = None
        self._deadlines.clear()
        if self._record.power_asked and not halt.code:
            self._enter(self._dialect.stop)
            return
        self._make_safe(halt.what)
        self._enter(self._dialect.goodbye)

    def _finish(self) -> None:
        """SessionStop was answered: the car closes first [V2G2-571]."""
        self._conclude(EndReason.TERMINATED, self._record.stop_wanted or "the car has finished")
