"""Administration: carries out a plan with a respondent. The durable question lives here.

    plan → presentations ┐
                         ├→ ask(question): stored? return it : ask, commit, return → coding → tally
    sessions → turns     ┘

Asks only what the store does not hold yet. At most `concurrency` questions are under way, and at most one group of
answers waits for its commit, so that a killed process asks at most that much again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from psychometrics.coding import Coding, Outcome, code
from psychometrics.errors import (
    AccessRefused,
    Diverged,
    EndpointError,
    EndpointUnavailable,
    Incomplete,
    PsychometricsError,
)
from psychometrics.plan import Form, Plan, Presentation, SessionPlan
from psychometrics.prompting import messages_for
from psychometrics.question import Attempt, Completion, Question, address_of, first_difference
from psychometrics.respondents.base import Respondent
from psychometrics.sessions import SESSIONS, Sitting
from psychometrics.store import Answer, Failure, Store
from psychometrics.template import Message
from psychometrics.writer import GROUP_SIZE, Writer

__all__ = ["Asker", "Halted", "Tally", "administer", "administer_async"]

FAILURES_IN_A_ROW: Final = 12
"""So many questions finally failing one after another end the asking: the endpoint is down, not one question bad."""


class Halted(Exception):
    """Asking has stopped; what is not asked yet stays unasked."""


@dataclass
class Tally:
    """How far an administration has come.

    `planned` presentations; `stored` answers found in the store; `asked` answers got now; `outcomes` of both;
    `failed` questions without an answer; `turns` of sessions; `halted` by a person or by an error.
    """

    planned: int = 0
    stored: int = 0
    asked: int = 0
    failed: int = 0
    turns: int = 0
    suspended_sessions: int = 0
    halted: bool = False
    last_failure: str = ""
    outcomes: Counter[Outcome] = field(default_factory=Counter)

    @property
    def complete(self) -> bool:
        """Whether everything planned is stored."""
        return self.stored + self.asked == self.planned and not self.suspended_sessions and not self.halted


class Asker:
    """Asks durable questions of one respondent: `ask` is the only way from a question to an answer."""

    def __init__(self, respondent: Respondent, store: Store, writer: Writer, stop: asyncio.Event) -> None:
        self.respondent = respondent
        self._store = store
        self._writer = writer
        self._slots = asyncio.Semaphore(respondent.concurrency)
        # What is asked and not yet stored: everything in flight and one group of answers, and no more. A killed process
        # asks at most this much again.
        self._unstored = asyncio.Semaphore(respondent.concurrency + GROUP_SIZE)
        self._in_flight: dict[str, tuple[Question, asyncio.Future[Completion]]] = {}
        self._stop = stop
        self._failures_in_a_row = 0
        self._answered_before = False
        self.fatal: PsychometricsError | None = None

    @property
    def stopping(self) -> bool:
        """Whether asking has stopped."""
        return self._stop.is_set()

    def halt(self, error: PsychometricsError | None = None) -> None:
        """Let no further question leave; the first error given is the reason."""
        self.fatal = self.fatal or error
        self._stop.set()

    async def ask(self, question: Question) -> tuple[Completion, bool]:
        """The stored answer to this question, or the respondent's, stored before it is returned; and whether it is new.

        Raises
            Diverged: the address is stored with another request.
            RequestRefused, EndpointUnavailable: this question finally failed; the failure is stored.
            Halted: asking has stopped.
        """
        if question.key in self._in_flight:
            first, answer = self._in_flight[question.key]
            if first.request.digest != question.request.digest:
                difference = first_difference(first.request, question.request)
                raise Diverged(f"{question.key} is being asked with another request: {difference}")
            return await asyncio.shield(answer), False
        body = self._store.response_at(question)
        if body is not None:
            return Completion.of(body), False
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._in_flight[question.key] = (question, future)
        try:
            async with self._unstored:
                completion = await self._ask_respondent(question)
        except BaseException as error:
            future.set_exception(error if isinstance(error, Exception) else Halted())
            future.exception()  # read once, so that a question nobody else waits for leaves no warning
            raise
        finally:
            del self._in_flight[question.key]
        future.set_result(completion)
        return completion, True

    async def _ask_respondent(self, question: Question) -> Completion:
        try:
            async with self._slots:  # ends at receipt: the next question leaves while this answer is being committed
                if self._stop.is_set():
                    raise Halted
                reply = await self.respondent.respond(question)
        except EndpointError as error:
            await self._failed(question, error)
            raise
        self._failures_in_a_row, self._answered_before = 0, True
        completion = Completion.of(reply.body)
        await self._writer.commit(Answer(question, reply, completion, _coding(completion, question.presentation)))
        return completion

    async def _failed(self, question: Question, error: EndpointError) -> None:
        self._failures_in_a_row += 1
        if isinstance(error, AccessRefused):
            self.halt(error)
        elif isinstance(error, EndpointUnavailable) and not self._answered_before:
            self.halt(error)  # nothing was ever answered here: the address is wrong or nobody is there
        elif self._failures_in_a_row >= FAILURES_IN_A_ROW:
            self.halt(Incomplete(f"stopped after {self._failures_in_a_row} failures in a row; the last: {error}"))
        attempts = tuple(attempt for attempt in error.attempts if isinstance(attempt, Attempt))
        await self._writer.commit(Failure(question, attempts, str(error)))


def _coding(completion: Completion, presentation: Presentation | None) -> Coding | None:
    return None if presentation is None else code(completion, presentation)


Progress = Callable[[Tally], None]


async def administer_async(
    plan: Plan | Sequence[Plan],
    respondent: Respondent,
    store: Store,
    *,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> Tally:
    """Ask a respondent everything planned that the store does not hold yet.

    progress
        Called with the tally after every answer.
    stop
        Set it to stop asking; what is under way is waited for and stored.
    Raises
        AccessRefused: the endpoint refuses key, model or path; nothing more was asked.
        EndpointUnavailable: nobody is there.
        Incomplete: the endpoint went away in between; what was answered is stored.
        StoreError: the store cannot be written to, or holds another question at an address.
    """
    plans = [plan] if isinstance(plan, Plan) else list(plan)
    stop = stop or asyncio.Event()
    tally = Tally(planned=sum(len(each) for each in plans))
    with store.writing():
        for each in plans:
            store.embed(each, respondent)
        await respondent.open()
        try:
            async with Writer(store) as writer:
                asker = Asker(respondent, store, writer, stop)
                await _carry_out(plans, asker, tally, progress)
        finally:
            await respondent.close()
    tally.halted = stop.is_set()
    if asker.fatal is not None:
        raise asker.fatal
    return tally


async def _carry_out(plans: Sequence[Plan], asker: Asker, tally: Tally, progress: Progress | None) -> None:
    report = progress or (lambda _: None)
    report(tally)
    questions = _questions(plans, asker.respondent)
    # so many workers that every slot is busy while one group of answers waits for its commit
    workers = min(asker.respondent.concurrency + GROUP_SIZE, max(1, tally.planned))
    try:
        async with asyncio.TaskGroup() as group:
            for each in plans:
                for session in each.sessions:
                    group.create_task(_sit(each, session, asker, tally, report))
            for _ in range(workers):
                group.create_task(_work(questions, asker, tally, report))
    except* Halted:
        pass


def _questions(plans: Sequence[Plan], respondent: Respondent) -> Iterator[Question]:
    for plan in plans:
        said: dict[tuple[str, Form], list[Message]] = {}
        for presentation in plan.presentations():
            form = presentation.form
            messages = said.get((presentation.item.id, form))
            if messages is None:
                messages = said[presentation.item.id, form] = messages_for(presentation, plan.template_of(form))
            address = address_of(presentation, respondent.identity, respondent.sampling, respondent.persona)
            request = respondent.request(messages, form.read_out, form.max_tokens, address)
            yield Question(address, request, presentation)


async def _work(questions: Iterator[Question], asker: Asker, tally: Tally, report: Progress) -> None:
    for question in questions:
        if asker.stopping:
            return
        try:
            completion, new = await asker.ask(question)
        except Halted:
            return
        except EndpointError as error:
            tally.failed += 1
            tally.last_failure = str(error)
        except PsychometricsError as error:
            asker.halt(error)
            return
        else:
            tally.asked += new
            tally.stored += not new
            if question.presentation is not None:
                tally.outcomes[code(completion, question.presentation).outcome] += 1
        report(tally)


async def _sit(plan: Plan, session: SessionPlan, asker: Asker, tally: Tally, report: Progress) -> None:
    async def asking(question: Question) -> Completion:
        completion, _ = await asker.ask(question)
        tally.turns += 1
        report(tally)
        return completion

    try:
        await SESSIONS[session.kind](Sitting(plan, session, asker.respondent, asking))
    except (Halted, EndpointError) as error:
        # A question that finally failed suspends its session: playing on would make another session of it.
        tally.suspended_sessions += 1
        tally.last_failure = tally.last_failure or str(error)
    except PsychometricsError as error:
        asker.halt(error)


def administer(
    plan: Plan | Sequence[Plan], respondent: Respondent, store: Store, *, progress: Progress | None = None
) -> Tally:
    """`administer_async` for a script, and for a notebook, where a loop already runs.

    Ctrl-C stops asking, waits for what is under way, stores it, and raises KeyboardInterrupt; a second one does not
    wait.
    """

    async def work() -> Tally:
        stop = asyncio.Event()
        with stopping_on_signals(stop) as stopped:
            tally = await administer_async(plan, respondent, store, progress=progress, stop=stop)
        if stopped:
            raise KeyboardInterrupt
        return tally

    return run_to_the_end(work)


T = TypeVar("T")


def run_to_the_end(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine from plain code; in a thread of its own where this one already runs a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(1, thread_name_prefix="administration") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


@contextlib.contextmanager
def stopping_on_signals(stop: asyncio.Event, said: Callable[[str], None] | None = None) -> Iterator[list[int]]:
    """Let the first Ctrl-C (or SIGTERM) set `stop` and the second cancel; yields the signals that came.

    Raises
        KeyboardInterrupt: the second one came, and the work inside was cancelled by it.
    """
    came: list[int] = []
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def receive(number: int) -> None:
        came.append(number)
        stop.set()
        if len(came) == 1 and said is not None:
            said("stopping: what is under way is waited for and stored; once more to leave at once")
        if len(came) > 1 and task is not None:
            task.cancel()

    installed = []
    # Only the main thread can listen to signals, and not on every system.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, receive, number)
            installed.append(number)
    try:
        yield came
    except asyncio.CancelledError:
        if len(came) > 1:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
