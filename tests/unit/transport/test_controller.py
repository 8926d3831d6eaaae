"""The runner between a session core and the host's controller."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, cast

import pytest

import plugcharge.session.questions
from plugcharge.session import (
    Answer,
    ContinueCharging,
    ContinueChargingWanted,
    ControlPilot,
    ControlPilotWanted,
    EndReason,
    Event,
    MeterReading,
    MeterReadingSent,
    PowerCut,
    PowerOnWanted,
    PowerResult,
    Question,
    SessionCore,
    SessionEnded,
)
from plugcharge.transport.controller import (
    QUESTION_METHODS,
    HostedSession,
    StationController,
    VehicleController,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GO_ON = ContinueChargingWanted(ticket="t1", meter=None, energy=0, seconds=0.0)
POWER_ON = PowerOnWanted(ticket="t2", tuple_id=1, profile=(), already_on=False)


class ScriptedCore:
    """A core that says what a test puts into it."""

    def __init__(self, *events: Event) -> None:
        self.waiting = list(events)
        self.answers: list[Answer] = []
        self.closed = False
        self.close_delay = 5.0
        self.aborted = ""
        self.frames = [b"frame"]

    def events(self) -> list[Event]:
        happened, self.waiting = self.waiting, []
        return happened

    def answer(self, _: float, answer: Answer) -> None:
        self.answers.append(answer)

    def data_to_send(self) -> list[bytes]:
        return self.frames

    def next_deadline(self) -> float | None:
        return 12.5

    def receive(self, _: float, data: bytes) -> None:
        assert data == b"cut"
        self.waiting.append(PowerCut(why="pulled"))

    def timeout(self, _: float) -> None: ...

    def connection_lost(self, _: float) -> None:
        self.abort(0.0, "gone")

    def abort(self, _: float, why: str) -> None:
        if not self.closed:
            self.closed, self.aborted = True, why
            self.waiting.append(PowerCut(why=why))
            self.waiting.append(SessionEnded(reason=EndReason.ABORTED, detail=why))


class Controller:
    """Answers as a test says, and notes what it was told."""

    def __init__(self, **methods: Callable[[Any], Any]) -> None:
        self.told: list[str] = []
        for name, method in methods.items():
            setattr(self, name, method)

    def cut_power(self, event: PowerCut) -> None:
        self.told.append(f"cut: {event.why}")

    def control_pilot(self, event: ControlPilotWanted) -> None:
        self.told.append(f"pilot {event.state}")

    def notify(self, event: Event) -> Any:
        self.told.append(type(event).__name__)


def host(core: ScriptedCore, controller: Controller, **options: Any) -> HostedSession:
    options.setdefault("wake", lambda: None)
    return HostedSession(
        cast("SessionCore", core), cast("StationController", controller), clock=lambda: 1.0, **options
    )


def test_every_question_has_a_method_on_one_side() -> None:
    members = vars(plugcharge.session.questions).values()
    questions = {one for one in members if isinstance(one, type) and issubclass(one, Question)} - {Question}
    assert set(QUESTION_METHODS) == questions
    for name in QUESTION_METHODS.values():
        assert hasattr(StationController, name) != hasattr(VehicleController, name), name


def test_a_plain_answer_is_given_at_once() -> None:
    async def run() -> None:
        core = ScriptedCore(GO_ON)
        host(core, Controller(go_on=lambda q: ContinueCharging(ticket=q.ticket, go_on=False)))
        assert core.answers == [ContinueCharging(ticket="t1", go_on=False)]

    asyncio.run(run())


def test_a_slow_answer_holds_up_nothing_and_wakes_the_link() -> None:
    async def run() -> None:
        released = asyncio.Event()
        woken: list[bool] = []

        async def go_on(question: ContinueChargingWanted) -> ContinueCharging:
            await released.wait()
            return ContinueCharging(ticket=question.ticket, go_on=True)

        core, controller = ScriptedCore(GO_ON), Controller(go_on=go_on)
        hosted = host(core, controller, wake=lambda: woken.append(True))
        await asyncio.sleep(0)
        hosted.timeout(2.0)
        hosted.receive(2.0, b"cut")  # is handed on although the question is still open
        assert controller.told == ["cut: pulled", "PowerCut"]
        assert (core.answers, woken) == ([], [])

    asyncio.run(run())


def test_an_answer_that_comes_later_reaches_the_core() -> None:
    async def run() -> None:
        async def go_on(question: ContinueChargingWanted) -> ContinueCharging:
            await asyncio.sleep(0.01)
            return ContinueCharging(ticket=question.ticket, go_on=True)

        woken = asyncio.Event()
        core = ScriptedCore(GO_ON)
        host(core, Controller(go_on=go_on), wake=woken.set)
        await asyncio.wait_for(woken.wait(), 1)
        assert core.answers == [ContinueCharging(ticket="t1", go_on=True)]

    asyncio.run(run())


def test_a_contactor_on_its_way_is_stopped_before_the_power_is_cut() -> None:
    async def run() -> None:
        moved: list[str] = []

        async def power_on(question: PowerOnWanted) -> PowerResult:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                moved.append("stopped")
                raise
            moved.append("closed")
            return PowerResult(ticket=question.ticket)

        core, controller = ScriptedCore(POWER_ON), Controller(power_on=power_on)
        hosted = host(core, controller)
        await asyncio.sleep(0)
        hosted.receive(2.0, b"cut")
        await asyncio.sleep(0.05)
        assert moved == ["stopped"]
        assert controller.told[0] == "cut: pulled"
        assert core.answers == []

    asyncio.run(run())


def raises(_: object) -> Any:
    raise ZeroDivisionError("broken")


async def raises_later(_: object) -> Any:
    raises(_)


@pytest.mark.parametrize("method", [raises, raises_later])
def test_an_exception_ends_the_session_with_a_reason_and_the_power_cut(
    method: Callable[[object], Any], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        core, controller = ScriptedCore(GO_ON), Controller(go_on=method)
        hosted = host(core, controller)
        await asyncio.sleep(0.01)
        assert core.closed
        assert core.aborted == "Controller failed on ContinueChargingWanted: broken"
        assert hosted.failure == core.aborted
        assert hosted.close_delay == 0.0
        assert controller.told == [f"cut: {core.aborted}", "PowerCut", "SessionEnded"]

    with caplog.at_level(logging.ERROR):
        asyncio.run(run())
    assert [record.exc_info is not None for record in caplog.records] == [True]  # told once, in full


def test_an_answer_with_another_ticket_is_a_fault_of_the_controller(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        core = ScriptedCore(GO_ON)
        host(core, Controller(go_on=lambda _: ContinueCharging(ticket="another", go_on=True)))
        assert core.answers == []
        assert "another ticket" in core.aborted

    asyncio.run(run())
    assert caplog.records


def test_news_is_taken_in_order_and_waited_for() -> None:
    async def run() -> None:
        done: list[int | None] = []

        async def write(event: MeterReadingSent) -> None:
            await asyncio.sleep(0.03 if event.meter.watt_hours == 1 else 0.0)
            done.append(event.meter.watt_hours)

        def notify(event: Event) -> Any:
            return write(event) if isinstance(event, MeterReadingSent) else None

        readings = [
            MeterReadingSent(meter=MeterReading("M", number), receipt_required=False) for number in (1, 2, 3)
        ]
        core = ScriptedCore(*readings)
        hosted = host(core, Controller(notify=notify))
        assert done == []
        settling = asyncio.ensure_future(hosted.settled())
        await asyncio.sleep(0.06)
        assert done == [1, 2, 3]
        assert not settling.done()  # the connection is still there
        hosted.connection_lost(3.0)
        await asyncio.wait_for(settling, 1)

    asyncio.run(run())


def test_news_that_takes_for_ever_is_dropped_with_the_session() -> None:
    async def run() -> None:
        async def for_ever() -> None:
            await asyncio.Event().wait()

        core = ScriptedCore()
        hosted = host(core, Controller(notify=lambda _: for_ever()))
        hosted.receive(1.0, b"cut")
        hosted.connection_lost(1.0)
        settling = asyncio.ensure_future(hosted.settled())
        await asyncio.sleep(0.01)
        settling.cancel()
        await asyncio.wait({settling})
        await asyncio.sleep(0)
        assert settling.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())  # an awaitable that is never awaited would be a warning, which is an error


def test_control_pilot_and_observer_are_told_at_once() -> None:
    async def run() -> None:
        seen: list[Event] = []
        pilot = ControlPilotWanted(state=ControlPilot.C)
        controller = Controller()
        host(ScriptedCore(pilot), controller, observe=seen.append)
        assert controller.told == ["pilot C", "ControlPilotWanted"]
        assert seen == [pilot]

    asyncio.run(run())


def test_frames_can_be_bent_on_purpose() -> None:
    async def run() -> None:
        hosted = host(ScriptedCore(), Controller(), danger_rewrite=lambda frame: frame + b"!")
        assert hosted.data_to_send() == [b"frame!"]
        assert hosted.next_deadline() == 12.5

    asyncio.run(run())


def test_nothing_that_must_happen_at_once_is_async() -> None:
    for protocol, name in ((StationController, "cut_power"), (VehicleController, "control_pilot")):
        assert inspect.signature(getattr(protocol, name)).return_annotation == "None"


def test_news_that_nobody_takes_end_the_session() -> None:
    async def run() -> None:
        taken = []

        async def slow(event: Event) -> None:
            await asyncio.sleep(0)
            taken.append(event)

        core = ScriptedCore()
        hosted = host(core, Controller(notify=slow))
        news = MeterReadingSent(meter=MeterReading("M"), receipt_required=False)
        for _ in range(2_000):
            core.waiting.append(news)
            hosted.changed()
            if core.closed:
                break
        assert "1000 events" in core.aborted
        assert len(hosted._news) <= 1_003  # with PowerCut and SessionEnded
        hosted.connection_lost(1.0)
        await hosted.settled()
        assert isinstance(taken[-1], SessionEnded)  # the end is not among what is lost

    asyncio.run(run())


def test_a_cut_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        tries: list[PowerCut] = []

        def cut(event: PowerCut) -> None:
            tries.append(event)
            if len(tries) < 3:
                raise OSError("the relay does not answer")

        core = ScriptedCore()
        hosted = host(core, Controller(cut_power=cut))
        hosted.receive(0.0, b"cut")
        assert core.closed  # its host's code failed
        hosted.connection_lost(1.0)
        await hosted.settled()
        assert "does not answer" in hosted.failure
        assert len(tries) >= 3

    asyncio.run(run())
    assert "cut at another try" in caplog.text
