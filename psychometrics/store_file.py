"""The file under a store: what it must be, how it is connected to, and a sentence for everything that goes wrong."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from psychometrics.errors import NotAStore, StoreLocked, StoreUnwritable
from psychometrics.migrations import APPLICATION_ID, SCHEMA_VERSION, migrate

__all__ = ["connect_reader", "connect_writer", "create", "fold", "refusals", "refuse_foreign", "refuse_read_only"]

SQLITE_MAGIC: Final = b"SQLite format 3\x00"
BUSY_TIMEOUT_S: Final = 10.0


@contextlib.contextmanager
def refusals(path: Path, holder: Callable[[], str]) -> Iterator[None]:
    """Turn every database error into one sentence of the store's family; `holder` says who is writing."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "locked" in said or "busy" in said:
            raise StoreLocked(f"{path}: {holder()} ({said})") from None
        if any(word in said for word in ("readonly", "full", "I/O", "unable to open")):
            raise StoreUnwritable(f"{path}: {said}; nothing stored before is lost") from None
        raise NotAStore(f"{path}: is damaged or no store ({said})") from None


def refuse_foreign(path: Path) -> None:
    """Refuse a file that is no database, another program's database, or a newer version's store."""
    try:
        with path.open("rb") as file:
            header = file.read(100)
    except OSError as error:
        raise NotAStore(f"{path}: cannot be read: {error.strerror}") from None
    if not header.startswith(SQLITE_MAGIC) or int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise NotAStore(f"{path}: is no store of this program, expected a file made by it")
    version = int.from_bytes(header[60:64], "big")
    if version > SCHEMA_VERSION:
        raise NotAStore(
            f"{path}: has schema {version}, expected at most {SCHEMA_VERSION}: it was written by a newer version"
        )


def refuse_read_only(path: Path) -> None:
    """Refuse to write to a file marked read-only, or where the folder cannot be written to.

    The mode bits are read, since a superuser could write to a file that its owner marked read-only.
    """
    if path.exists() and not path.stat().st_mode & 0o222:
        raise StoreUnwritable(f"{path}: is marked read-only, expected a store that can be written to")
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK):
        raise StoreUnwritable(f"{path}: cannot be written to, expected a writable file in a writable folder")


def connect_reader(path: Path) -> sqlite3.Connection:
    """A reading connection; a store in a folder that cannot be written to is read as an immutable file."""
    address = path.resolve().as_uri()
    try:
        return _opened(f"{address}?mode=ro")
    except sqlite3.OperationalError:
        log = Path(f"{path}-wal")
        if log.exists() and log.stat().st_size:
            # read as immutable, what stands in the log only would be missing without a word
            raise StoreUnwritable(
                f"{path}: its last answers stand in {log.name}, which cannot be read in a folder that is not writable; "
                "copy both files to another folder"
            ) from None
        return _opened(f"{address}?immutable=1")


def _opened(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, check_same_thread=False, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def create(path: Path) -> None:
    """Make an empty store beside its place and move it there, so that a half-made store is never found."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnwritable(f"{path}: its folder cannot be made: {error.strerror}") from None
    refuse_read_only(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with contextlib.closing(sqlite3.connect(unfinished, isolation_level=None)) as connection:
            migrate(connection)
        unfinished.replace(path)
    except (sqlite3.Error, OSError) as error:
        raise StoreUnwritable(f"{path}: cannot be made: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)


def connect_writer(path: Path) -> sqlite3.Connection:
    """A writing connection to a store of the present schema, in write-ahead mode."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S, cached_statements=256
    )
    migrate(connection)
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a committed answer survives not only a killed process but a machine that loses power.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def fold(path: Path) -> None:
    """Put the write-ahead log back into the file, so that it can be moved alone; does nothing while others read it."""
    if not Path(f"{path}-wal").exists():
        return
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
