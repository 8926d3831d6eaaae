"""What a real device decides, as two small protocols, and the runner that asks it on behalf of a session.

One method for each question of :mod:`plugcharge.session.questions`; each may be plain or ``async``. The
answer carries the question's ticket. What must happen at once (cutting the power, the control pilot) is plain
only.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar, cast

from plugcharge.errors import LocalError
from plugcharge.session import (
    AuthorizationWanted,
    ChargeScheduleWanted,
    ChargingProfileWanted,
    ContinueChargingWanted,
    ControlPilotWanted,
    MeterReadingWanted,
    PowerCut,
    PowerOffWanted,
    PowerOnWanted,
    Question,
    SessionEnded,
)

if TYPE_CHECKING:
    from plugcharge.session import (
        Answer,
        AuthorizationDecision,
        ChargeScheduleOffer,
        ChargingProfileChoice,
        ChargingUpdate,
        ContinueCharging,
        Event,
        PowerResult,
        SessionCore,
    )
    from plugcharge.transport.link import Clock

__all__ = ["QUESTION_METHODS", "HostedSession", "Now", "StationController", "VehicleController"]

_T = TypeVar("_T")
Now: TypeAlias = _T | Awaitable[_T]
"""A value at once, or something to wait for: what a plain or an ``async`` method gives."""

_CUT_RETRIES = (0.1, 0.4, 1.0, 2.0, 4.0)
"""Seconds between the tries to cut the power."""

_MAX_NEWS = 1000
"""Events that may wait for a controller, so that no peer makes memory grow."""

_log = logging.getLogger(__name__)


class StationController(Protocol):
    """What a station decides in one session; make a new one for each.

    An exception in any method ends the session, with the power cut; other sessions go on. A method that is
    still running when the session ends or the power is cut is cancelled.
    """

    def authorize(self, question: AuthorizationWanted) -> Now[AuthorizationDecision]:
        """May this customer charge here? Up to 55 s; the car is told ``Ongoing`` meanwhile."""
        ...

    def plan_charge(self, question: ChargeScheduleWanted) -> Now[ChargeScheduleOffer]:
        """How much power, when? Up to 55 s; the car is told ``Ongoing`` meanwhile."""
        ...

    def power_on(self, question: PowerOnWanted) -> Now[PowerResult]:
        """Close the contactor, within 3 s.

        When the power is cut meanwhile, this is cancelled; a thread is not, so what works in one has to look
        whether ``cut_power`` was called before it moves the contactor.
        """
        ...

    def power_off(self, question: PowerOffWanted) -> Now[PowerResult]:
        """Open the contactor, within 3 s."""
        ...

    def read_meter(self, question: MeterReadingWanted) -> Now[ChargingUpdate]:
        """Read the meter, within 1.2 s; later the car is answered without a reading."""
        ...

    def cut_power(self, event: PowerCut) -> None:
        """Open the contactor now, whatever it is doing; called before anything else goes on."""
        ...

    def notify(self, event: Event) -> Now[None]:
        """Take news. What ``async`` does for one event is finished before the next one is begun."""
        ...


class VehicleController(Protocol):
    """What a car decides in one session; exceptions and cancelling as in :class:`StationController`."""

    def choose_profile(self, question: ChargingProfileWanted) -> Now[ChargingProfileChoice]:
        """Which schedule, how much? Asked with ``EvccConfig.ask_charging_profile``."""
        ...

    def go_on(self, question: ContinueChargingWanted) -> Now[ContinueCharging]:
        """Charge on, or stop? Asked with ``EvccConfig.ask_continue``."""
        ...

    def control_pilot(self, event: ControlPilotWanted) -> None:
        """Show that state on the control pilot line, within 250 ms [V2G2-847], [V2G2-848]."""
        ...

    def notify(self, event: Event) -> Now[None]:
        """Take news; as in :class:`StationController`."""
        ...


QUESTION_METHODS: dict[type[Question], str] = {
    AuthorizationWanted: "authorize",
    ChargeScheduleWanted: "plan_charge",
    PowerOnWanted: "power_on",
    PowerOffWanted: "power_off",
    MeterReadingWanted: "read_meter",
    ChargingProfileWanted: "choose_profile",
    ContinueChargingWanted: "go_on",
}
"""Which method answers which question."""


class HostedSession:
    """A session core with its controller: looks like a core to :class:`plugcharge.transport.link.Link`.

    Questions go to the controller and its answers back into the core; a slow one holds up nothing else. News
    go to ``observe``, then to ``controller.notify``.

    Args:
        core: the session.
        controller: a :class:`StationController` or :class:`VehicleController`, whichever fits the core.
        clock: the clock of the link.
        wake: the link's, called when an answer came while the link was waiting.
        observe: gets every event at once; it must be quick.
        danger_rewrite: changes each frame before it is sent. For trying out what the peer refuses.
    """

    def __init__(
        self,
        core: SessionCore,
        controller: StationController | VehicleController,
        *,
        clock: Clock,
        wake: Callable[[], None],
        observe: Callable[[Event], None] | None = None,
        danger_rewrite: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self._core = core
        self._controller = controller
        self._clock = clock
        self._wake = wake
        self._observe = observe
        self._rewrite = danger_rewrite
        self._asking: set[asyncio.Task[None]] = set()
        self._news: deque[Awaitable[None]] = deque()
        self._telling: asyncio.Task[None] | None = None
        self._cutting: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._failed = ""
        self._heard = clock()
        self._dispatch()

    # -- what the link calls -----------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """As of the core."""
        return self._core.closed

    @property
    def close_delay(self) -> float:
        """As of the core; nothing to wait for when the controller failed."""
        return 0.0 if self._failed else self._core.close_delay

    def receive(self, now: float, data: bytes) -> None:
        """Hand octets to the core."""
        self._heard = now
        self._core.receive(now, data)
        self._dispatch()

    def data_to_send(self) -> list[bytes]:
        """Give the core's frames."""
        frames = self._core.data_to_send()
        return frames if self._rewrite is None else [self._rewrite(frame) for frame in frames]

    def next_deadline(self) -> float | None:
        """As of the core."""
        return self._core.next_deadline()

    def timeout(self, now: float) -> None:
        """Tell the core the time."""
        self._core.timeout(now)
        self._dispatch()

    def connection_lost(self, now: float) -> None:
        """Tell the core that the connection is gone."""
        self._core.connection_lost(now)
        self._dispatch()
        self._over.set()

    # -- what the owner calls ----------------------------------------------------------------------------

    @property
    def failure(self) -> str:
        """Why the controller ended the session by an exception; empty when it did not."""
        return self._failed

    def abort(self, why: str) -> None:
        """End the session at once."""
        self._core.abort(self._clock(), why)
        self._dispatch()
        self._wake()

    @property
    def silent_for(self) -> float:
        """Seconds since the peer sent anything."""
        return self._clock() - self._heard

    def unplugged(self, why: str = "the cable was pulled") -> None:
        """End the session at once: the peer is not there any more."""
        self._core.unplugged(self._clock(), why)
        self._dispatch()
        self._wake()

    def changed(self) -> None:
        """The core was called by somebody else: look at what came of it."""
        self._dispatch()
        self._wake()

    async def settled(self) -> None:
        """Wait until the connection is gone and the controller has taken all news; cancelling drops them."""
        try:
            await self._over.wait()
            while self._telling is not None and not self._telling.done():
                await asyncio.wait({self._telling})
            if self._cutting is not None:
                await asyncio.wait({self._cutting})
        except asyncio.CancelledError:
            self._drop_news()
            raise

    def _drop_news(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        for waiting in self._news:
            asyncio.ensure_future(waiting).cancel()
        self._news.clear()

    # -- events ------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        """Hand on what happened, until answers given at once lead to nothing new."""
        while events := self._core.events():
            for event in events:
                self._handle(event)

    def _handle(self, event: Event) -> None:
        if isinstance(event, (PowerCut, SessionEnded)):
            for task in self._asking:  # a contactor that is on its way must not close after the cut
                task.cancel()
        try:
            if isinstance(event, PowerCut):
                self._cut(event)
            elif isinstance(event, ControlPilotWanted):
                cast("VehicleController", self._controller).control_pilot(event)
            if self._observe is not None:
                self._observe(event)
            if isinstance(event, Question):
                self._ask(event)
            else:
                self._tell(event)
        except Exception as error:  # noqa: BLE001 - whatever the host's code raises ends this session only
            self._fail(error, type(event).__name__)

    def _cut(self, event: PowerCut) -> None:
        """Cut the power; when that fails it is tried again for a while, whatever becomes of the session."""
        try:
            cast("StationController", self._controller).cut_power(event)
        except Exception:
            self._cutting = asyncio.ensure_future(self._cut_again(event))
            raise

    async def _cut_again(self, event: PowerCut) -> None:
        for pause in _CUT_RETRIES:
            await asyncio.sleep(pause)
            try:
                cast("StationController", self._controller).cut_power(event)
            except Exception:  # noqa: BLE001 - as in _handle
                _log.exception("the power could not be cut; it may still be on")
            else:
                _log.warning("the power was cut at another try")
                return
        _log.critical(
            "the power could not be cut and may still be on; %d tries failed", len(_CUT_RETRIES) + 1
        )

    def _ask(self, question: Question) -> None:
        given: Any = getattr(self._controller, QUESTION_METHODS[type(question)])(question)
        if inspect.isawaitable(given):
            task = asyncio.ensure_future(self._answer_later(question, given))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        else:
            self._answer(question, given)

    async def _answer_later(self, question: Question, given: Awaitable[Answer]) -> None:
        try:
            self._answer(question, await given)
        except Exception as error:  # noqa: BLE001 - as in _handle
            self._fail(error, type(question).__name__)
        self._dispatch()
        self._wake()

    def _answer(self, question: Question, answer: Answer) -> None:
        if answer.ticket != question.ticket:
            raise LocalError(
                f"the answer to {type(question).__name__} carries another ticket",
                where=type(self._controller).__name__,
                advice="write ticket=question.ticket",
            )
        self._core.answer(self._clock(), answer)

    def _tell(self, event: Event) -> None:
        waiting = self._controller.notify(event)
        if inspect.isawaitable(waiting):
            self._news.append(waiting)
            if self._telling is None or self._telling.done():
                self._telling = asyncio.ensure_future(self._tell_in_order())
            if len(self._news) > _MAX_NEWS and not self._failed:
                raise LocalError(
                    f"more than {_MAX_NEWS} events wait to be taken",
                    where=f"{type(self._controller).__name__}.notify",
                    why="the peer makes them faster than they are written down",
                )

    async def _tell_in_order(self) -> None:
        while self._news:
            try:
                await self._news.popleft()
            except Exception as error:  # noqa: BLE001 - as in _handle
                self._fail(error, "news")
                self._dispatch()
                self._wake()

    def _fail(self, error: Exception, what: str) -> None:
        """End this session because of its host's code; the fault is told in full once."""
        name = type(self._controller).__name__
        _log.error("%s failed on %s; its session ends", name, what, exc_info=error)
        if not self._failed:
            self._failed = f"{name} failed on {what}: {error}"
            self._core.abort(self._clock(), self._failed)
