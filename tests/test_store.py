"""The store: nothing said is lost, nothing is stored twice, and whatever is wrong with the file is one sentence."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from psychometrics.administration import administer
from psychometrics.errors import Diverged, NotAStore, StoreError, StoreLocked, StoreUnwritable
from psychometrics.library import load_instrument
from psychometrics.migrations import SCHEMA_VERSION
from psychometrics.plan import make_plan
from psychometrics.question import Address, Completion, Question, Reply, Request
from psychometrics.respondents.base import reply_body
from psychometrics.respondents.simulated import SimulatedRespondent
from psychometrics.store import Answer, Store, open_store
from psychometrics.writer import Writer

MINI = load_instrument("mini-ipip")
RESPONDENT = SimulatedRespondent({"extraversion": 1.0}, name="sim", seed=1)


def question(item: str, said: str = "Am I?") -> Question:
    return Question(Address("m", item=item), Request.of([{"role": "user", "content": said}], {"model": "m"}))


def answer(item: str, text: str = "4", said: str = "Am I?") -> Answer:
    body = reply_body(text, model="m")
    return Answer(question(item, said), Reply(body, 0.1, "http://here"), Completion.of(body))


def test_what_is_committed_is_read_back_verbatim(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        with store.writing():
            store.commit([answer("a", "4 – ‮yes\n"), answer("b")])
        assert store.response_at(question("a")) == reply_body("4 – ‮yes\n", model="m")
        assert store.response_at(question("absent")) is None
        assert [reply.address for reply in store.replies()] == ["1|respondent=m|item=a", "1|respondent=m|item=b"]
        (reply, _) = store.replies()
        assert store.requests()[reply.request].body == question("a").request.body


def test_another_question_at_a_stored_address_is_divergence_and_names_the_first_difference(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        with store.writing():
            store.commit([answer("a")])
        with pytest.raises(Diverged, match=r'messages\.0\.content was "Am I\?", is now "Are you\?"'):
            store.response_at(question("a", "Are you?"))


def test_an_address_is_never_stored_twice(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        store.commit([answer("a", "4")])
        with pytest.raises(StoreError):
            store.commit([answer("b", "1"), answer("a", "5")])
        # the whole group is rolled back, and what stood before stands
        assert store.counts()["responses"] == 1
        assert store.response_at(question("a")) == reply_body("4", model="m")


def test_bodies_share_their_parts(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        store.commit([answer(str(k), said=f"question {k % 3}") for k in range(300)])
        assert store.counts() == {"responses": 300, "attempts": 0, "requests": 3, "parts": 4}


def test_a_store_that_nobody_has_open_is_one_file(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        store.commit([answer("a")])
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == ["s.sqlite"]


def test_what_is_no_store_is_refused_in_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to have a header of a hundred bytes" * 3)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    for path in (text, foreign):
        with pytest.raises(NotAStore, match="is no store of this program"):
            open_store(path)
    with pytest.raises(NotAStore, match="there is no such store"):
        open_store(tmp_path / "absent.sqlite", create=False)
    assert not (tmp_path / "absent.sqlite").exists()
    with pytest.raises(NotAStore, match="cannot be read"):
        open_store(tmp_path)


def test_a_newer_or_damaged_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with open_store(path) as store, store.writing():
        store.commit([answer(str(k)) for k in range(500)])
    raw = path.read_bytes()
    newer = tmp_path / "newer.sqlite"
    newer.write_bytes(raw[:60] + (SCHEMA_VERSION + 1).to_bytes(4, "big") + raw[64:])
    with pytest.raises(NotAStore, match=f"has schema {SCHEMA_VERSION + 1}"):
        open_store(newer)
    cut = tmp_path / "cut.sqlite"
    cut.write_bytes(raw[:100] + b"\xff" * (len(raw) - 100))
    with pytest.raises(NotAStore, match="damaged"):
        open_store(cut).replies()


def test_a_read_only_store_can_be_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with open_store(path) as store, store.writing():
        store.commit([answer("a")])
    path.chmod(0o444)
    with open_store(path) as store:
        assert store.counts()["responses"] == 1
        with pytest.raises(StoreUnwritable, match="is marked read-only"), store.writing():
            pass


def test_a_second_writer_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    program = (
        "import sys; from psychometrics.store import open_store\n"
        "with open_store(sys.argv[1]) as store, store.writing():\n"
        "    print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "held\n"
        with open_store(path) as store:
            assert store.counts()["responses"] == 0
            assert f"process {first.pid} on" in store.held_by()
            with pytest.raises(StoreLocked, match=f"is being written to by process {first.pid} on"), store.writing():
                pass
        first.kill()
    # a killed writer's lease dies with it
    with open_store(path) as store:
        assert store.held_by() == ""
        with store.writing():
            store.commit([answer("a")])
            assert f"process {os.getpid()} on" in store.held_by()


def test_writing_needs_the_lease(tmp_path: Path) -> None:
    with open_store(tmp_path / "s.sqlite") as store:
        with pytest.raises(StoreError, match="is not open for writing"):
            store.commit([answer("a")])
        with store.writing(), store.writing():
            store.commit([answer("a")])
        store.close()
        with pytest.raises(StoreError, match="is closed"):
            store.counts()


def test_a_full_disk_loses_nothing_that_was_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_store(tmp_path / "s.sqlite") as store, store.writing():
        store.commit([answer("a")])
        connection = store._writing_connection()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 1}")
        with pytest.raises(StoreUnwritable, match="full"):
            store.commit([answer(f"b{k}", "x" * 4000) for k in range(64)])
        connection.execute("PRAGMA max_page_count = 1000000")
        assert store.counts()["responses"] == 1
        store.commit([answer("c")])
        assert store.counts()["responses"] == 2


def test_the_plan_comes_back_from_the_store_alone(tmp_path: Path) -> None:
    plan = make_plan(MINI, templates=("plain", "first-person"), read_outs="logprobs", interviews=[["1", "6"]], seed=3)
    with open_store(tmp_path / "s.sqlite") as store:
        with store.writing():
            store.embed(plan, RESPONDENT)
            store.embed(plan, RESPONDENT)
        (planned,) = store.planned()
    assert planned.plan.to_json() == plan.to_json()
    assert planned.plan.instrument == MINI
    assert planned.plan.templates == plan.templates
    assert (planned.identity, planned.name) == (RESPONDENT.identity, "sim")


class SlowStore(Store):
    """Counts the groups it commits."""

    groups: list[int]

    def commit(self, group: object) -> None:
        members = list(group)  # type: ignore[call-overload]
        self.groups.append(len(members))
        super().commit(members)


def test_groups_hold_at_most_64_and_what_returns_is_stored(tmp_path: Path) -> None:
    store = SlowStore(tmp_path / "s.sqlite")
    store.groups = []

    async def write() -> None:
        async with Writer(store) as writer:

            async def one(k: int) -> None:
                await writer.commit(answer(str(k)))
                assert store.response_at(question(str(k))) is not None

            await asyncio.gather(*(one(k) for k in range(150)))

    with store, store.writing():
        asyncio.run(write())
    assert sum(store.groups) == 150
    assert max(store.groups) <= 64
    assert len(store.groups) <= 5


def test_a_failed_commit_reaches_everyone_who_waits(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.sqlite")

    async def write() -> list[object]:
        async with Writer(store) as writer:
            members = [answer("a"), answer("a"), answer("b")]
            return await asyncio.gather(*(writer.commit(m) for m in members), return_exceptions=True)

    with store, store.writing():
        outcomes = asyncio.run(write())
    assert all(isinstance(outcome, StoreError) for outcome in outcomes)


def test_an_administration_goes_on_where_a_store_ends(tmp_path: Path) -> None:
    plan = make_plan(MINI, seed=3)
    with open_store(tmp_path / "s.sqlite") as store:
        first = administer(plan, RESPONDENT, store)
        assert (first.planned, first.asked, first.stored) == (40, 40, 0)
        longer = make_plan(MINI, seed=3, occasions=2)
        second = administer(longer, RESPONDENT, store)
        assert (second.planned, second.asked, second.stored) == (80, 40, 40)
        assert second.complete


def test_answers_in_a_log_that_cannot_be_read_are_never_silently_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that cannot be written to, SQLite refuses a write-ahead log; reading past it would lose answers."""
    path, copy = tmp_path / "s.sqlite", tmp_path / "copy.sqlite"
    with open_store(path) as store, store.writing():
        store.commit([answer("a")])
        for suffix in ("", "-wal"):
            Path(f"{copy}{suffix}").write_bytes(Path(f"{path}{suffix}").read_bytes())
    connect = sqlite3.connect

    def as_in_a_read_only_folder(address: str, **more: object) -> sqlite3.Connection:
        if "mode=ro" in address:
            address = "file:/nowhere/at/all?mode=ro"
        return connect(address, **more)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", as_in_a_read_only_folder)
    with pytest.raises(StoreUnwritable, match=r"stand in copy\.sqlite-wal, which cannot be read"):
        open_store(copy)
    Path(f"{copy}-wal").unlink()
    with open_store(copy) as store:
        assert store.counts()["responses"] == 0
