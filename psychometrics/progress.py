"""Live progress of an administration: how many of how many, answered and not, time left. A bar, or lines in a log."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from psychometrics.administration import Tally
from psychometrics.coding import Outcome
from psychometrics.respondents.base import Respondent

__all__ = ["ProgressDisplay", "outcomes_in_words", "showing_progress"]

LOG_EVERY_S: Final = 10.0


def outcomes_in_words(tally: Tally) -> str:
    """Answered and everything else, in one phrase.

    >>> from collections import Counter
    >>> outcomes_in_words(Tally(outcomes=Counter({Outcome.ANSWERED: 9, Outcome.REFUSED: 2})))
    '9 answered, 2 refused'
    """
    counted = [f"{tally.outcomes[outcome]} {outcome.value}" for outcome in Outcome if tally.outcomes[outcome]]
    if not tally.outcomes[Outcome.ANSWERED]:
        counted.insert(0, "0 answered")
    if tally.failed:
        counted.append(f"{tally.failed} failed")
    return ", ".join(counted)


class ProgressDisplay:
    """Shows tallies as they come; call it with every respondent and tally."""

    def __init__(self, console: Console, bar: Progress | None) -> None:
        self._console, self._bar = console, bar
        self._tasks: dict[int, TaskID] = {}
        self._begun: dict[int, float] = {}
        self._logged_s, self._logged = 0.0, ""

    def __call__(self, respondent: Respondent, tally: Tally) -> None:
        key = id(respondent)
        begun_s = self._begun.setdefault(key, time.monotonic())
        if self._bar is not None:
            if key not in self._tasks:
                self._tasks[key] = self._bar.add_task(escape(respondent.name), total=tally.planned, said="")
            self._bar.update(self._tasks[key], completed=_done(tally), said=outcomes_in_words(tally))
        elif time.monotonic() - self._logged_s >= LOG_EVERY_S or _done(tally) == tally.planned:
            said = f"{respondent.name}: {_in_words(tally, time.monotonic() - begun_s)}"
            if said != self._logged:
                self._logged_s, self._logged = time.monotonic(), said
                self._console.print(said, markup=False, highlight=False)


def _done(tally: Tally) -> int:
    return tally.stored + tally.asked + tally.failed


def _in_words(tally: Tally, passed_s: float) -> str:
    done, now = _done(tally), tally.asked + tally.failed
    left = f", about {passed_s / now * (tally.planned - done):.0f} s left" if now and done < tally.planned else ""
    return f"{done} of {tally.planned}: {outcomes_in_words(tally)}{left}"


@contextmanager
def showing_progress(console: Console) -> Iterator[ProgressDisplay]:
    """A bar in a terminal, a line every ten seconds elsewhere."""
    if not console.is_terminal:
        yield ProgressDisplay(console, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, refresh_per_second=4) as bar:
        yield ProgressDisplay(console, bar)
