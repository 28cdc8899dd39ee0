"""The one writer task: collects answers and failures into groups and commits each group in one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

from psychometrics.store import Answer, Failure, Store

__all__ = ["GROUP_SIZE", "GROUP_WAIT_S", "Writer"]

GROUP_SIZE: Final = 64
GROUP_WAIT_S: Final = 0.05


class Writer:
    """Group commit: a group is full at 64 members, or after 50 ms, whichever comes first.

    `commit` returns when its member is stored; what code has seen is therefore stored. A failed commit is raised to
    everyone who waits on it, and to everyone who comes later.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Answer | Failure, asyncio.Future[None]]] = []
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._closing = False
        # SQLite waits for the disk; a thread of its own keeps the event loop asking meanwhile.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Commit what has arrived, even when the work around is being cancelled, and stop."""
        self._closing = True
        self._arrived.set()
        self._full.set()
        try:
            await asyncio.shield(self._task)
        finally:
            if not self._task.done():
                await asyncio.wait([self._task])
            self._thread.shutdown()

    async def commit(self, member: Answer | Failure) -> None:
        """Return when the member is stored.

        Raises
            StoreError: the group could not be committed.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((member, future))
        self._arrived.set()
        if len(self._waiting) >= GROUP_SIZE:
            self._full.set()
        # shielded: whoever waits may be cancelled, its answer is stored all the same
        await asyncio.shield(future)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._arrived.wait()
            if len(self._waiting) < GROUP_SIZE and not self._closing:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._full.wait(), GROUP_WAIT_S)
            group, self._waiting = self._waiting[:GROUP_SIZE], self._waiting[GROUP_SIZE:]
            self._full.clear()
            if not self._waiting:
                self._arrived.clear()
            if group:
                await self._commit_group(loop, group)
            elif self._closing:
                return
            if self._closing:
                self._arrived.set()

    async def _commit_group(
        self, loop: asyncio.AbstractEventLoop, group: list[tuple[Answer | Failure, asyncio.Future[None]]]
    ) -> None:
        failure: BaseException | None = None
        try:
            await loop.run_in_executor(self._thread, self._store.commit, [member for member, _ in group])
        except Exception as error:
            failure = error
        for _, future in group:
            if future.done():
                continue
            if failure is None:
                future.set_result(None)
            else:
                future.set_exception(failure)
