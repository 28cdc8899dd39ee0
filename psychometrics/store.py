"""The store: one SQLite file that holds plans, instruments, requests, responses, failures and codings, append-only.

Readers are free. One process writes at a time: it holds a lease (a lock file beside the store, with its process id in
the store for others to read). A store that nobody has open is one file that can be moved and mailed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock
import orjson

from psychometrics import store_file
from psychometrics.errors import Diverged, NotAStore, StoreError, StoreLocked, StoreUnwritable
from psychometrics.instrument import Instrument
from psychometrics.plan import Plan
from psychometrics.question import Address, Question, Request, first_difference
from psychometrics.respondents.base import Respondent
from psychometrics.store_rows import Answer, Failure, address_digest, insert_answer, insert_failure, transaction
from psychometrics.template import PromptTemplate
from psychometrics.version import __version__

__all__ = ["Answer", "Failure", "Planned", "Store", "StoredReply", "open_store"]


@dataclass(frozen=True, slots=True)
class StoredReply:
    """What is stored at an address: the reply verbatim, its request (a key of `Store.requests`), where it came from."""

    address: str
    body: str
    request: int
    endpoint: str
    model: str


@dataclass(frozen=True, slots=True)
class Planned:
    """An administration that the store knows of: a plan and who was to answer it."""

    plan: Plan
    identity: str
    sampling: str
    persona: str
    name: str
    description: Mapping[str, Any]

    @property
    def who(self) -> Address:
        """The part of an address that says who was asked."""
        return Address(self.identity, self.sampling, self.persona)


def open_store(path: str | Path, *, create: bool = True) -> Store:
    """Open a store, or make a new one where there is no file yet.

    Raises
        NotAStore: the file is something else, damaged, or of a newer version; or there is none and `create` is false.
        StoreUnwritable: a new one cannot be made here.
    """
    return Store(Path(path), create=create)


class Store:
    """An open store; see the module's text. Use it as a context manager, or call `close`."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self.path = path
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._lease = filelock.FileLock(f"{path}.lock", thread_local=False)
        self._run = 0
        self._reading = threading.RLock()
        if not path.exists() or (path.is_file() and path.stat().st_size == 0):
            if not create:
                raise NotAStore(f"{path}: there is no such store")
            store_file.create(path)
        store_file.refuse_foreign(path)
        with store_file.refusals(path, self._holder):
            self._reader = store_file.connect_reader(path)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the writing lease; entering it again inside costs nothing.

        Raises
            StoreLocked: another process holds it; the sentence names its process id.
            StoreUnwritable: the file is marked read-only, or its folder cannot be written to.
        """
        if self._writer is not None:
            yield
            return
        store_file.refuse_read_only(self.path)
        try:
            self._lease.acquire(blocking=False)
        except filelock.Timeout:
            raise StoreLocked(f"{self.path}: {self._holder()}; one process at a time may write to a store") from None
        except OSError as error:
            raise StoreUnwritable(f"{self.path}: the lock beside it cannot be made: {error.strerror}") from None
        try:
            with store_file.refusals(self.path, self._holder):
                self._writer = store_file.connect_writer(self.path)
                self._run = 0
                self._writer.execute(
                    "INSERT OR REPLACE INTO lease VALUES (1, ?, ?, ?)", (os.getpid(), socket.gethostname(), time.time())
                )
            yield
        finally:
            self._end_writing()
            self._lease.release()

    def _end_writing(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(sqlite3.Error):
                writer.execute("DELETE FROM lease")
            writer.close()

    def close(self) -> None:
        """Close the store, and leave it as one file where nobody else has it open."""
        self._end_writing()
        self._lease.release()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            with contextlib.suppress(StoreUnwritable, StoreLocked), self._folding():
                store_file.fold(self.path)

    @contextlib.contextmanager
    def _folding(self) -> Iterator[None]:
        store_file.refuse_read_only(self.path)
        try:
            with self._lease.acquire(blocking=False):
                yield
        except (filelock.Timeout, OSError):
            raise StoreLocked(f"{self.path}: {self._holder()}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # writing

    def _writing_connection(self) -> sqlite3.Connection:
        if self._writer is None:
            raise StoreError(f"{self.path}: is not open for writing; use `with store.writing():`")
        return self._writer

    def embed(self, plan: Plan, respondent: Respondent) -> None:
        """Keep everything that is needed to understand this administration from the store alone."""
        writer = self._writing_connection()
        instrument, key = plan.instrument, (respondent.identity, respondent.sampling, respondent.persona)
        with store_file.refusals(self.path, self._holder), transaction(writer):
            writer.execute(
                "INSERT OR IGNORE INTO instruments VALUES (?, ?, ?)",
                (instrument.digest, instrument.id, _json(instrument.as_record())),
            )
            writer.executemany(
                "INSERT OR IGNORE INTO templates VALUES (?, ?, ?)",
                [(template.digest, template.id, _json(template.as_record())) for template in plan.templates],
            )
            writer.execute("INSERT OR IGNORE INTO plans VALUES (?, ?)", (plan.digest, plan.to_json().decode()))
            writer.execute(
                "INSERT OR IGNORE INTO respondents (identity, sampling, persona, name, description)"
                " VALUES (?, ?, ?, ?, ?)",
                (*key, respondent.name, _json(dict(respondent.describe()))),
            )
            writer.execute(
                "INSERT OR IGNORE INTO administrations (plan, respondent)"
                " SELECT ?, id FROM respondents WHERE identity = ? AND sampling = ? AND persona = ?",
                (plan.digest, *key),
            )

    def entitle(self, title: str) -> None:
        """Keep what the audit behind these administrations is called."""
        with store_file.refusals(self.path, self._holder), transaction(self._writing_connection()) as writer:
            writer.execute("INSERT OR IGNORE INTO titles (title) VALUES (?)", (title,))

    def commit(self, group: Iterable[Answer | Failure]) -> None:
        """Store a group in one transaction: after this returns, every answer in it survives whatever happens next."""
        writer = self._writing_connection()
        with store_file.refusals(self.path, self._holder), transaction(writer):
            self._run = self._run or _new_run(writer)
            for member in group:
                if isinstance(member, Answer):
                    insert_answer(writer, member, self._run)
                else:
                    insert_failure(writer, member, self._run)

    # reading

    @contextlib.contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        if self._reader is None:
            raise StoreError(f"{self.path}: is closed")
        with self._reading, store_file.refusals(self.path, self._holder):
            yield self._reader

    def _holder(self) -> str:
        with contextlib.suppress(sqlite3.Error):
            row = self._reader.execute("SELECT pid, host FROM lease").fetchone() if self._reader else None
            if row:
                return f"is being written to by process {row[0]} on {row[1]}"
        return "is being written to by another process"

    def response_at(self, question: Question) -> str | None:
        """The stored reply to this question, verbatim, or None.

        Raises
            Diverged: the address is stored with another request; the sentence names the first difference.
        """
        with self._read() as reader:
            row = reader.execute(
                "SELECT body, requests.id, requests.digest FROM responses"
                " JOIN requests ON requests.id = responses.request WHERE address_digest = ?",
                (address_digest(question.key),),
            ).fetchone()
        if row is None:
            return None
        body, request, digest = row
        if digest != question.request.digest:
            difference = first_difference(self.requests(request)[request], question.request)
            raise Diverged(f"{self.path}: {question.key} was answered for another request: {difference}")
        return str(body)

    def requests(self, only: int | None = None) -> Mapping[int, Request]:
        """Every distinct request by its id, byte for byte as it was sent; the bytes they share are held once."""
        with self._read() as reader:
            if only is None:
                rows = reader.execute("SELECT id, parts FROM requests").fetchall()
                found = reader.execute("SELECT id, content FROM parts").fetchall()
            else:
                rows = reader.execute("SELECT id, parts FROM requests WHERE id = ?", (only,)).fetchall()
                ids = [int(part) for part in rows[0][1].split()]
                marks = ", ".join("?" * len(ids))
                found = reader.execute(f"SELECT id, content FROM parts WHERE id IN ({marks})", ids).fetchall()
        parts = {int(k): str(content).encode() for k, content in found}
        requests = {}
        for request, ids in rows:
            settings, *messages = (parts[int(part)] for part in ids.split())
            requests[int(request)] = Request(settings, tuple(messages))
        return requests

    def replies(self) -> tuple[StoredReply, ...]:
        """Everything ever said, in the order of addresses."""
        with self._read() as reader:
            rows = reader.execute(
                "SELECT address, body, request, endpoint, model FROM responses"
                " JOIN provenance ON provenance.id = responses.provenance ORDER BY address"
            )
            return tuple(StoredReply(*row) for row in rows)

    def planned(self) -> tuple[Planned, ...]:
        """Every administration, in the order in which they were first begun."""
        with self._read() as reader:
            instruments = dict(reader.execute("SELECT digest, record FROM instruments"))
            templates = dict(reader.execute("SELECT digest, record FROM templates"))
            rows = reader.execute(
                "SELECT plans.record, identity, sampling, persona, name, description FROM administrations"
                " JOIN plans ON plans.digest = administrations.plan"
                " JOIN respondents ON respondents.id = administrations.respondent ORDER BY administrations.id"
            ).fetchall()
        return tuple(
            Planned(_plan(record, instruments, templates), identity, sampling, persona, name, orjson.loads(description))
            for record, identity, sampling, persona, name, description in rows
        )

    def titles(self) -> tuple[str, ...]:
        """What the audits that wrote to this store are called, in the order in which they first did."""
        with self._read() as reader:
            return tuple(str(title) for (title,) in reader.execute("SELECT title FROM titles ORDER BY id"))

    def failures(self) -> tuple[tuple[str, str], ...]:
        """(address, sentence) of questions that finally failed and are not answered since."""
        with self._read() as reader:
            rows = reader.execute(
                "SELECT attempts.address, max(outcome) FROM attempts"
                " LEFT JOIN responses ON responses.address = attempts.address"
                " WHERE final = 1 AND responses.id IS NULL GROUP BY attempts.address ORDER BY attempts.address"
            )
            return tuple((str(address), str(outcome)) for address, outcome in rows)

    def counts(self) -> Mapping[str, int]:
        """How many responses, attempts without an answer, distinct requests and shared parts the store holds."""
        with self._read() as reader:
            return {
                table: int(reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
                for table in ("responses", "attempts", "requests", "parts")
            }

    def held_by(self) -> str:
        """Who writes to this store at the moment, in words; "" when nobody does."""
        if self._writer is not None:
            return self._holder()
        try:
            with self._lease.acquire(blocking=False):
                return ""
        except filelock.Timeout:
            return self._holder()
        except OSError:
            return ""


def _new_run(connection: sqlite3.Connection) -> int:
    cursor = connection.execute(
        "INSERT INTO runs (version, pid, started_s) VALUES (?, ?, ?)", (__version__, os.getpid(), time.time())
    )
    return cursor.lastrowid or 0


def _plan(record: str, instruments: Mapping[str, str], templates: Mapping[str, str]) -> Plan:
    members = orjson.loads(record)
    return Plan.from_record(
        members,
        Instrument.from_record(orjson.loads(instruments[members["instrument"]])),
        [PromptTemplate.from_record(orjson.loads(templates[digest])) for digest in members["templates"]],
    )


def _json(record: object) -> str:
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()
