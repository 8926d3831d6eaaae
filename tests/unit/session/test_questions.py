"""Answers reach the question they were made for, and no other."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from plugcharge.messages import iso2
from plugcharge.session import (
    Answer,
    AnswerIgnored,
    AuthorizationDecision,
    AuthorizationWanted,
    Authorized,
    PowerOnWanted,
    Question,
    questions,
)
from tests.unit.session.pair import (
    PARAMETERS,
    START,
    TERMINATE,
    Driver,
    Hosts,
    authorization,
    driver_in,
    environment,
    never,
    secc_config,
)


def test_every_question_names_its_answer() -> None:
    kinds = [getattr(questions, name) for name in questions.__all__ if name.endswith("Wanted")]
    assert len(kinds) == 7
    for kind in kinds:
        assert issubclass(kind, Question)
        assert issubclass(kind.answered_by, Answer)
        assert kind.__name__ in (questions.__doc__ or "")
        assert kind.answered_by.__name__ in (questions.__doc__ or "")


def waiting(seed: int) -> tuple[Driver, AuthorizationWanted]:
    config = secc_config(environment=environment(seed))
    driver = driver_in(
        "WaitForAuthorization", config=config, hosts=Hosts(replies={AuthorizationWanted: never})
    )
    authorization(driver)
    (wanted,) = driver.of(AuthorizationWanted)
    assert isinstance(wanted, AuthorizationWanted)
    return driver, wanted


def yes(question: Question) -> AuthorizationDecision:
    return AuthorizationDecision(ticket=question.ticket, accepted=True)


def test_an_answer_for_another_session() -> None:
    _old, old_question = waiting(1)
    new, new_question = waiting(2)
    assert old_question.ticket != new_question.ticket
    new.core.answer(new.now, yes(old_question))
    assert new.pump() == []
    (ignored,) = new.of(AnswerIgnored)
    assert ignored.why == "it is for another session"
    assert not new.of(Authorized)


def test_an_answer_twice() -> None:
    driver, question = waiting(1)
    driver.core.answer(driver.now, yes(question))
    driver.core.answer(driver.now, AuthorizationDecision(ticket=question.ticket, accepted=False))
    driver.pump()
    (ignored,) = driver.of(AnswerIgnored)
    assert ignored.why == "its question is not open any more"
    assert driver.core.state == "WaitForChargeParameterDiscovery"


@pytest.mark.parametrize("end", ["lost", "aborted", "stopped", "timeout", "refused"])
def test_an_answer_after_the_end(end: str) -> None:
    driver, question = waiting(1)
    match end:
        case "lost":
            driver.core.connection_lost(driver.now)
        case "aborted":
            driver.core.abort(driver.now, "test")
        case "stopped":
            driver.wait(0.5)
            driver.ask(TERMINATE)
        case "timeout":
            driver.wait(0.5)
            driver.wait(60.0)
        case _:
            driver.wait(0.5)
            driver.ask(START)
    driver.core.answer(driver.now, yes(question))
    assert driver.pump() == []
    assert len(driver.of(AnswerIgnored)) == 1
    assert not driver.of(Authorized) + driver.of(PowerOnWanted)


@dataclass
class Life:
    """One session in the random mix, with every question it ever asked."""

    driver: Driver
    questions: list[Question] = field(default_factory=list)
    accepted: bool = False


STEPS = ("poll", "parameters", "start", "stop", "lost", "own yes", "own no", "foreign yes", "wait")


def step(life: Life, others: list[Life], name: str, chance: random.Random) -> None:
    driver = life.driver
    asked = driver.of(AuthorizationWanted)
    match name:
        case "poll":
            driver.frame(driver.message(iso2.AuthorizationReq()))
        case "parameters":
            driver.frame(driver.message(PARAMETERS))
        case "start":
            driver.frame(driver.message(START))
        case "stop":
            driver.frame(driver.message(TERMINATE))
        case "lost":
            driver.core.connection_lost(driver.now)
        case "own yes" if asked:
            open_now = not driver.core.closed and driver.core._asked is not None
            life.accepted = life.accepted or open_now
            driver.core.answer(driver.now, yes(asked[0]))
        case "own no" if asked:
            driver.core.answer(driver.now, AuthorizationDecision(ticket=asked[0].ticket, accepted=False))
        case "foreign yes":
            for question in chance.choice(others).driver.of(AuthorizationWanted):
                driver.core.answer(driver.now, yes(question))
        case "wait":
            driver.wait(chance.choice([0.1, 0.5, 3.0, 61.0]))
    driver.pump()


@pytest.mark.parametrize("seed", range(100))
def test_no_order_of_events_authorizes_the_wrong_session(seed: int) -> None:
    chance = random.Random(seed)
    lives = [Life(waiting(10 * seed + number)[0]) for number in range(3)]
    for _ in range(25):
        life = chance.choice(lives)
        others = [other for other in lives if other is not life]
        step(life, others, chance.choice(STEPS), chance)
    for life in lives:
        if not life.accepted:
            assert not life.driver.of(Authorized)
        if not life.driver.of(Authorized):
            assert not life.driver.of(PowerOnWanted)
        assert len(life.driver.of(Authorized)) <= 1
