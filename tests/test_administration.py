"""Asking: only what is missing, each thing once, nothing lost; a session never plays on without its answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from endpoint import LocalEndpoint

from psychometrics.administration import Asker, Tally, administer, administer_async
from psychometrics.coding import Outcome
from psychometrics.errors import AccessRefused, Diverged, EndpointUnavailable, Incomplete, RequestRefused
from psychometrics.library import load_instrument
from psychometrics.plan import make_plan
from psychometrics.question import Question, Reply, address_of
from psychometrics.respondents.base import Respondent, reply_body
from psychometrics.respondents.openai_compatible import OpenAIRespondent
from psychometrics.respondents.simulated import SimulatedRespondent
from psychometrics.sessions import TRIES
from psychometrics.store import open_store
from psychometrics.writer import Writer

MINI = load_instrument("mini-ipip")
TRAITS = {scale.id: 0.5 for scale in MINI.scales}


class Told(SimulatedRespondent):
    """Answers by a function, after a delay of its own, and remembers what it was asked."""

    def __init__(self, says: Callable[[Question], str], *, delay: Callable[[], float] | None = None, **faults: float):
        super().__init__(TRAITS, name="told", **faults)
        self.says, self.delay, self.asked = says, delay, list[Question]()

    async def respond(self, question: Question) -> Reply:
        self.asked.append(question)
        if self.delay is not None:
            await asyncio.sleep(self.delay())
        return Reply(reply_body(self.says(question), model="told"))


def test_everything_planned_is_asked_once_and_then_never_again(tmp_path: Path) -> None:
    plan = make_plan(MINI, templates=("plain", "first-person"), interviews=[["1", "6", "11"]])
    model = Told(lambda _: "4")
    with open_store(tmp_path / "s.sqlite") as store:
        first = administer(plan, model, store)
        keys = [question.key for question in model.asked]
        assert len(keys) == len(set(keys)) == len(plan) + 3
        assert (first.asked, first.turns, first.complete) == (80, 3, True)
        again = administer(plan, model, store)
        assert len(model.asked) == len(keys)
        assert (again.asked, again.stored, again.turns, again.complete) == (0, 80, 3, True)
        assert store.counts()["responses"] == 83


def test_shuffled_latencies_give_identical_addresses_and_requests(tmp_path: Path) -> None:
    plan = make_plan(MINI, interviews=[["1", "6", "11"], ["2", "7"]])
    stored = []
    for seed in (1, 2):
        rng = random.Random(seed)
        model = Told(lambda q: str(1 + len(q.key) % 5), delay=lambda rng=rng: rng.random() / 100)
        with open_store(tmp_path / f"{seed}.sqlite") as store:
            administer(plan, model, store)
            stored.append([(r.address, r.body, store.requests()[r.request].body) for r in store.replies()])
    assert stored[0] == stored[1]


def test_identical_questions_in_flight_share_one_call(tmp_path: Path) -> None:
    model = Told(lambda _: "4", delay=lambda: 0.01)
    presentation = next(iter(make_plan(MINI)))
    address = address_of(presentation, model.identity)
    question = Question(address, model.request([{"role": "user", "content": "?"}], "text", 1, address), presentation)

    async def ask() -> list[bool]:
        async with Writer(store) as writer:
            asker = Asker(model, store, writer, asyncio.Event())
            return [new for _, new in await asyncio.gather(*(asker.ask(question) for _ in range(5)))]

    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        assert sorted(asyncio.run(ask())) == [False, False, False, False, True]
    assert len(model.asked) == 1


def test_another_question_at_an_address_in_flight_is_divergence_too(tmp_path: Path) -> None:
    model = Told(lambda _: "4", delay=lambda: 0.01)
    presentation = next(iter(make_plan(MINI)))
    address = address_of(presentation, model.identity)
    one, other = (
        Question(address, model.request([{"role": "user", "content": said}], "text", 1, address), presentation)
        for said in ("?", "!")
    )

    async def ask() -> list[object]:
        async with Writer(store) as writer:
            asker = Asker(model, store, writer, asyncio.Event())
            return await asyncio.gather(asker.ask(one), asker.ask(other), return_exceptions=True)

    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        answered, refused = asyncio.run(ask())
    assert isinstance(answered, tuple)
    assert isinstance(refused, Diverged)
    assert 'messages.0.content was "?", is now "!"' in str(refused)
    assert len(model.asked) == 1


def test_a_changed_question_stops_the_asking_and_is_never_silently_asked_again(tmp_path: Path) -> None:
    plan = make_plan(MINI)

    class Wordier(Told):
        def request(self, messages, read_out, max_tokens, address):  # type: ignore[no-untyped-def]
            return super().request([*messages, {"role": "user", "content": "Please."}], read_out, max_tokens, address)

    with open_store(tmp_path / "s.sqlite") as store:
        administer(plan, Told(lambda _: "4"), store)
        model = Wordier(lambda _: "4")
        with pytest.raises(Diverged, match=r"was answered for another request: messages was "):
            administer(plan, model, store)
        assert not model.asked
        assert store.counts()["responses"] == 40


def test_a_session_asks_again_once_after_an_unreadable_reply_and_keeps_both_on_record(tmp_path: Path) -> None:
    plan = replace(make_plan(MINI, interviews=[["1", "6", "11"]]), forms=make_plan(MINI).forms[:1])
    model = Told(lambda q: "4" if q.address.turn != 2 or q.address.try_ == 2 else "What do you mean by that?")
    with open_store(tmp_path / "s.sqlite") as store:
        tally = administer(plan, model, store)
    turns = [(q.address.turn, q.address.try_) for q in model.asked if q.address.session]
    assert turns == [(1, 1), (2, 1), (2, 2), (3, 1)]
    assert (tally.turns, tally.complete) == (4, True)
    last = next(q for q in model.asked if q.address.turn == 3)
    roles = [message.split(b'"')[3] for message in last.request.messages]
    assert roles == [b"user", b"assistant", b"user", b"assistant", b"user", b"assistant", b"user"]
    assert b"What do you mean by that?" in last.request.body


def test_an_unreadable_reply_is_asked_again_a_bounded_number_of_times(tmp_path: Path) -> None:
    plan = make_plan(MINI, interviews=[["1", "6"]])
    model = Told(lambda _: "")
    with open_store(tmp_path / "s.sqlite") as store:
        administer(plan, model, store)
    assert len([q for q in model.asked if q.address.session]) == 2 * TRIES


def failing(name: str, error: Exception, when: Callable[[Question], bool]) -> Respondent:
    class Failing(Told):
        async def respond(self, question: Question) -> Reply:
            if when(question):
                self.asked.append(question)
                raise error
            return await super().respond(question)

    return Failing(lambda _: "4")


def test_a_question_that_finally_fails_suspends_its_session_and_is_asked_again_next_time(tmp_path: Path) -> None:
    plan = make_plan(MINI, interviews=[["1", "6", "11"]])
    gone = failing("gone", RequestRefused("the endpoint refused this request"), lambda q: q.address.turn == 2)
    with open_store(tmp_path / "s.sqlite") as store:
        tally = administer(plan, gone, store)
        assert (tally.suspended_sessions, tally.complete, tally.asked) == (1, False, 40)
        assert not [q for q in gone.asked if q.address.turn == 3]  # type: ignore[attr-defined]
        ((address, why),) = store.failures()
        assert "turn=2" in address
        assert why == "the endpoint refused this request"
        assert administer(plan, Told(lambda _: "4"), store).complete
        assert store.failures() == ()


def test_refused_access_stops_at_once(tmp_path: Path) -> None:
    plan = make_plan(MINI, occasions=20)
    with LocalEndpoint(always=401, error="bad key", latency_s=0.01) as endpoint, open_store(tmp_path / "s") as store:
        model = OpenAIRespondent("m", base_url=endpoint.base_url, concurrency=4)
        with pytest.raises(AccessRefused, match="bad key"):
            administer(plan, model, store)
        assert sum(endpoint.received.values()) <= 4
        assert store.counts()["responses"] == 0


def test_an_endpoint_that_is_not_there_stops_at_once(tmp_path: Path) -> None:
    with LocalEndpoint() as endpoint:
        url = endpoint.base_url
    model = OpenAIRespondent("m", base_url=url, concurrency=4, retries=1, retry_wait_s=0.01)
    with open_store(tmp_path / "s.sqlite") as store:
        with pytest.raises(EndpointUnavailable):
            administer(make_plan(MINI), model, store)
        assert store.counts()["attempts"] >= 2


def test_an_endpoint_that_goes_away_stops_after_a_row_of_failures(tmp_path: Path) -> None:
    answered = 0

    def gone(_: Question) -> bool:
        nonlocal answered
        answered += 1
        return answered > 10

    model = failing("gone", EndpointUnavailable("nobody there"), gone)
    with open_store(tmp_path / "s.sqlite") as store:
        with pytest.raises(Incomplete, match="12 failures in a row; the last: nobody there"):
            administer(make_plan(MINI, occasions=10), model, store)
        assert store.counts()["responses"] == 10


def test_stopping_stores_what_is_under_way_and_asks_nothing_more(tmp_path: Path) -> None:
    plan = make_plan(MINI, occasions=10)
    model = Told(lambda _: "4", delay=lambda: 0.02)

    async def stop_midway() -> Tally:
        stop = asyncio.Event()

        def watch(tally: Tally) -> None:
            if tally.asked >= 100:
                stop.set()

        return await administer_async(plan, model, store, progress=watch, stop=stop)

    with open_store(tmp_path / "s.sqlite") as store:
        tally = asyncio.run(stop_midway())
        assert tally.halted
        assert not tally.complete
        assert store.counts()["responses"] == len(model.asked) < len(plan)
        assert len({q.key for q in model.asked}) == len(model.asked)


def test_cancelling_stores_every_reply_that_came(tmp_path: Path) -> None:
    plan = make_plan(MINI, occasions=10)
    model = Told(lambda _: "4")

    async def cancel_midway() -> None:
        task: asyncio.Task[Tally]

        def watch(tally: Tally) -> None:
            if tally.asked >= 100:
                task.cancel()

        task = asyncio.create_task(administer_async(plan, model, store, progress=watch))
        with pytest.raises(asyncio.CancelledError):
            await task

    with open_store(tmp_path / "s.sqlite") as store:
        asyncio.run(cancel_midway())
        assert store.counts()["responses"] == len(model.asked)
        assert administer(plan, model, store).complete


def test_it_works_where_a_loop_already_runs_as_in_a_notebook(tmp_path: Path) -> None:
    async def cell() -> tuple[Tally, Tally]:
        with open_store(tmp_path / "s.sqlite") as store:
            waited = await administer_async(make_plan(MINI), Told(lambda _: "4"), store)
            return waited, administer(make_plan(MINI, occasions=2), Told(lambda _: "4"), store)

    waited, plain = asyncio.run(cell())
    assert (waited.asked, plain.asked, plain.stored) == (40, 40, 40)


def test_transport_faults_leave_the_same_store_as_a_clean_run(tmp_path: Path) -> None:
    plan = make_plan(MINI, templates=("plain", "first-person"), occasions=3, interviews=[["1", "6", "11"]])
    stored = []
    for faults in ({}, {"429": 0.02, "429-now": 0.02, "500": 0.02, "reset": 0.02, "truncated": 0.02}):
        with LocalEndpoint(faults=faults) as endpoint, open_store(tmp_path / f"{len(faults)}.sqlite") as store:
            model = OpenAIRespondent("m", base_url=endpoint.base_url, concurrency=16, retry_wait_s=0.01)
            assert administer(plan, model, store).complete
            stored.append([(r.address, r.body) for r in store.replies()])
            failed = store.counts()["attempts"]
            assert (failed > 0) == bool(faults)
            assert sum(endpoint.received.values()) == len(stored[0]) + failed
    assert stored[0] == stored[1]


def test_outcomes_are_counted_as_they_come(tmp_path: Path) -> None:
    with LocalEndpoint(refusals=0.3) as endpoint, open_store(tmp_path / "s.sqlite") as store:
        model = OpenAIRespondent("m", base_url=endpoint.base_url, concurrency=16)
        tally = administer(make_plan(MINI, occasions=1), model, store)
    assert tally.outcomes[Outcome.REFUSED] > 0
    assert tally.outcomes[Outcome.REFUSED] + tally.outcomes[Outcome.ANSWERED] == 40
