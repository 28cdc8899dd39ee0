"""How a group of answers and failures becomes rows: bodies in shared parts, provenance once, attempts in their own."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from psychometrics.coding import CODER, Coding
from psychometrics.question import Attempt, Completion, Question, Reply, Request

__all__ = ["Answer", "Failure", "address_digest", "insert_answer", "insert_failure", "transaction"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A question with the reply it got, ready to be stored."""

    question: Question
    reply: Reply
    completion: Completion
    coding: Coding | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that finally failed: every attempt, and the sentence that ended it."""

    question: Question
    attempts: tuple[Attempt, ...]
    reason: str


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of what happens inside, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        # a full disk may have rolled back already
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def address_digest(address: str) -> bytes:
    """What a response is found by: BLAKE2b of the canonical address, 16 bytes."""
    return hashlib.blake2b(address.encode(), digest_size=16).digest()


def insert_answer(connection: sqlite3.Connection, answer: Answer, run: int) -> None:
    """One response with its request, provenance, coding and the attempts that failed before it."""
    question, reply = answer.question, answer.reply
    cursor = connection.execute(
        "INSERT INTO responses (address_digest, address, request, body, provenance, run, received_s, latency_s)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            address_digest(question.key),
            question.key,
            _request_id(connection, question.request),
            reply.body,
            _provenance_id(connection, reply.endpoint, answer.completion),
            run,
            time.time(),
            reply.latency_s,
        ),
    )
    if answer.coding is not None:
        coding = answer.coding
        connection.execute(
            "INSERT INTO codings VALUES (?, ?, ?, ?, ?)",
            (cursor.lastrowid, CODER, coding.outcome.value, coding.option, coding.label_mass),
        )
    _insert_attempts(connection, question.key, reply.attempts, run)


def insert_failure(connection: sqlite3.Connection, failure: Failure, run: int) -> None:
    """Every attempt of a question that finally failed, and the sentence that ended it."""
    _insert_attempts(connection, failure.question.key, failure.attempts, run)
    connection.execute(
        "INSERT INTO attempts (address, run, at_s, outcome, latency_s, final) VALUES (?, ?, ?, ?, 0, 1)",
        (failure.question.key, run, time.time(), failure.reason),
    )


def _insert_attempts(connection: sqlite3.Connection, address: str, attempts: Sequence[Attempt], run: int) -> None:
    if attempts:
        connection.executemany(
            "INSERT INTO attempts (address, run, at_s, outcome, latency_s, final) VALUES (?, ?, ?, ?, ?, 0)",
            [(address, run, attempt.at_s, attempt.outcome, attempt.latency_s) for attempt in attempts],
        )


def _request_id(connection: sqlite3.Connection, request: Request) -> int:
    row = connection.execute("SELECT id FROM requests WHERE digest = ?", (request.digest,)).fetchone()
    if row is not None:
        return int(row[0])
    parts = [_part_id(connection, part) for part in (request.settings, *request.messages)]
    cursor = connection.execute(
        "INSERT INTO requests (digest, parts) VALUES (?, ?)", (request.digest, " ".join(map(str, parts)))
    )
    return cursor.lastrowid or 0


def _part_id(connection: sqlite3.Connection, part: bytes) -> int:
    digest = _part_digest(part)
    row = connection.execute("SELECT id FROM parts WHERE digest = ?", (digest,)).fetchone()
    if row is not None:
        return int(row[0])
    cursor = connection.execute("INSERT INTO parts (digest, content) VALUES (?, ?)", (digest, part.decode()))
    return cursor.lastrowid or 0


@lru_cache(maxsize=4096)
def _part_digest(part: bytes) -> bytes:
    return hashlib.blake2b(part, digest_size=16).digest()


def _provenance_id(connection: sqlite3.Connection, endpoint: str, completion: Completion) -> int:
    key = (endpoint, completion.model, completion.fingerprint)
    row = connection.execute(
        "SELECT id FROM provenance WHERE endpoint = ? AND model = ? AND fingerprint = ?", key
    ).fetchone()
    if row is not None:
        return int(row[0])
    cursor = connection.execute("INSERT INTO provenance (endpoint, model, fingerprint) VALUES (?, ?, ?)", key)
    return cursor.lastrowid or 0
