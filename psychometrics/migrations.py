"""The store's schema as a history of small numbered steps. A released step is never edited; a change is a new step."""

from __future__ import annotations

import sqlite3
from typing import Final

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "migrate"]

APPLICATION_ID: Final = 0x50535943
"""Stands in every store's header ("PSYC"), so that another program's database is never taken for a store."""

_STEPS: Final[tuple[str, ...]] = (
    # 1: what was planned (embedded, by digest), what was asked (bodies in shared parts), what was said, what failed
    """
    CREATE TABLE instruments (digest TEXT PRIMARY KEY, id TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE templates (digest TEXT PRIMARY KEY, id TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE plans (digest TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE respondents (
        id INTEGER PRIMARY KEY,
        identity TEXT NOT NULL,
        sampling TEXT NOT NULL,
        persona TEXT NOT NULL,
        name TEXT NOT NULL,
        description TEXT NOT NULL,
        UNIQUE (identity, sampling, persona)
    );
    CREATE TABLE administrations (
        id INTEGER PRIMARY KEY,
        plan TEXT NOT NULL REFERENCES plans (digest),
        respondent INTEGER NOT NULL REFERENCES respondents (id),
        UNIQUE (plan, respondent)
    );
    CREATE TABLE titles (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE);
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        version TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started_s REAL NOT NULL
    );
    CREATE TABLE parts (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, content TEXT NOT NULL);
    CREATE TABLE requests (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, parts TEXT NOT NULL);
    CREATE TABLE provenance (
        id INTEGER PRIMARY KEY,
        endpoint TEXT NOT NULL,
        model TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        UNIQUE (endpoint, model, fingerprint)
    );
    CREATE TABLE responses (
        id INTEGER PRIMARY KEY,
        address_digest BLOB NOT NULL UNIQUE,
        address TEXT NOT NULL,
        request INTEGER NOT NULL REFERENCES requests (id),
        body TEXT NOT NULL,
        provenance INTEGER NOT NULL REFERENCES provenance (id),
        run INTEGER NOT NULL REFERENCES runs (id),
        received_s REAL NOT NULL,
        latency_s REAL NOT NULL
    );
    CREATE TABLE attempts (
        id INTEGER PRIMARY KEY,
        address TEXT NOT NULL,
        run INTEGER NOT NULL REFERENCES runs (id),
        at_s REAL NOT NULL,
        outcome TEXT NOT NULL,
        latency_s REAL NOT NULL,
        final INTEGER NOT NULL
    );
    CREATE TABLE codings (
        response INTEGER NOT NULL REFERENCES responses (id),
        coder INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        option TEXT,
        label_mass REAL,
        PRIMARY KEY (response, coder)
    ) WITHOUT ROWID;
    CREATE TABLE lease (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        since_s REAL NOT NULL
    );
    """,
)

SCHEMA_VERSION: Final = len(_STEPS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a database to the present schema; every step is one transaction together with its number."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, step in enumerate(_STEPS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {step} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number}; COMMIT;"
        )
