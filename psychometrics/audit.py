"""Audits: an audit file (who is asked what, on which forms, within which budget) and the batch around it.

audit file (TOML) → respondents × plans → budget → administration, one respondent after another → store
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from psychometrics.administration import Tally, administer_async
from psychometrics.errors import AuditError, InputError, RespondentError
from psychometrics.library import Table, load_instrument, load_template, read_table
from psychometrics.plan import BINDINGS, LABEL_SETS, READ_OUTS, TEXT_MAX_TOKENS, Plan, make_plan
from psychometrics.respondents.base import Respondent
from psychometrics.sessions import TRIES
from psychometrics.store import Store
from psychometrics.template import PromptTemplate

__all__ = ["Audit", "RespondentEntry", "carry_out", "load_audit", "make_respondent"]

MODEL_VARIABLE: Final = "PSYCHOMETRICS_MODEL"
RESPONDENT_KINDS: Final = ("embedded", "endpoint", "simulated")
TOP_FIELDS: Final = ("title", "seed", "respondents", "instruments", "budget")
PLAN_FIELDS: Final = (
    "name",
    "file",
    "templates",
    "option_orders",
    "labels",
    "bindings",
    "read_outs",
    "max_tokens",
    "occasions",
    "interviews",
)


@dataclass(frozen=True)
class RespondentEntry:
    """A respondent as an audit file describes it; `make_respondent` makes one of it."""

    kind: str
    place: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Audit:
    """What an audit file says: every respondent answers every plan."""

    name: str
    title: str
    respondents: tuple[RespondentEntry, ...]
    plans: tuple[Plan, ...]
    budget_questions: int | None = None

    @property
    def questions(self) -> int:
        """How many questions it can come to: presentations, and session turns with every re-ask they may need."""
        turns = sum(len(session.items) * TRIES for plan in self.plans for session in plan.sessions)
        return len(self.respondents) * (sum(len(plan) for plan in self.plans) + turns)

    def refuse_over_budget(self) -> None:
        """Raise AuditError where the plan could come to more questions than the budget allows."""
        if self.budget_questions is not None and self.questions > self.budget_questions:
            raise AuditError(
                f"{self.name}: up to {self.questions} questions are planned, expected at most the budget of "
                f"{self.budget_questions}; nothing was asked"
            )


def load_audit(path: str | Path) -> Audit:
    """Read an audit file.

    Raises
        AuditError: names the file and the place in it, what was found, and what is allowed.
    """
    path = Path(path)
    top = read_table(path, AuditError)
    top.only(*TOP_FIELDS)
    seed = top.whole("seed", 0, low=0)
    budget = top.table("budget") if "budget" in top.members else None
    if budget is not None:
        budget.only("questions")
    return Audit(
        name=path.stem,
        title=top.text("title", path.stem),
        respondents=tuple(_respondent_entry(table) for table in top.tables("respondents")),
        plans=tuple(_plan(table, seed, path.parent) for table in top.tables("instruments")),
        budget_questions=None if budget is None else budget.whole("questions", low=1),
    )


def _respondent_entry(table: Table) -> RespondentEntry:
    kind = table.text("kind")
    if kind not in RESPONDENT_KINDS:
        table.refuse(f'kind is "{kind}", expected one of {", ".join(RESPONDENT_KINDS)}')
    table.only("kind", *_SETTINGS[kind])
    settings = {name: _SETTINGS[kind][name](table, name) for name in table.members if name != "kind"}
    return RespondentEntry(kind, table.place, settings)


def _real(low: float, high: float) -> Callable[[Table, str], float]:
    return lambda table, name: table.number(name, low, high)


def _whole(low: int) -> Callable[[Table, str], int]:
    return lambda table, name: table.whole(name, low=low)


def _words(table: Table, name: str) -> str:
    return table.text(name)


def _levels_of_traits(table: Table, name: str) -> dict[str, float]:
    members = table.table(name)
    return {trait: members.number(trait, -10, 10) for trait in members.members}


_SETTINGS: Final[Mapping[str, Mapping[str, Callable[[Table, str], Any]]]] = {
    "embedded": {"gguf": _words, "threads": _whole(1), "temperature": _real(0, 2)},
    "endpoint": {
        "model": _words,
        "base_url": _words,
        "temperature": _real(0, 2),
        "top_p": _real(0, 1),
        "concurrency": _whole(1),
        "timeout_s": _real(0.1, 86400),
        "retries": _whole(0),
        "retry_wait_s": _real(0, 600),
        "send_seed": lambda table, name: table.truth(name),
    },
    "simulated": {
        "name": _words,
        "traits": _levels_of_traits,
        "seed": _whole(0),
        "noise": _real(0, 100),
        **dict.fromkeys(("position_bias", "refusals", "carelessness"), _real(0, 1)),
        **dict.fromkeys(("acquiescence", "extremity"), _real(-10, 10)),
    },
}


def _plan(table: Table, seed: int, folder: Path) -> Plan:
    table.only(*PLAN_FIELDS)
    orders = table.members.get("option_orders", ["published", "reversed"])
    try:
        instrument = load_instrument(
            _beside(table, table.text("file"), folder) if "file" in table.members else table.text("name")
        )
        return make_plan(
            instrument,
            templates=[_template(table, name, folder) for name in table.texts("templates", ["plain"])],
            option_orders=orders if isinstance(orders, list) else table.texts("option_orders"),
            labels=table.texts("labels", ["digits"], LABEL_SETS),
            bindings=table.texts("bindings", ["place"], BINDINGS),
            read_outs=table.texts("read_outs", ["text"], READ_OUTS),
            max_tokens=table.whole("max_tokens", TEXT_MAX_TOKENS, low=1),
            occasions=table.whole("occasions", 1, low=1),
            seed=seed,
            interviews=table.lists_of_texts("interviews"),
        )
    except AuditError:
        raise
    except InputError as error:
        raise AuditError(f"{table.place}: {error}") from None


def _template(table: Table, name: str, folder: Path) -> PromptTemplate:
    return load_template(_beside(table, name, folder) if name.endswith(".toml") else name)


def _beside(table: Table, name: str, folder: Path) -> Path:
    """A file named in an audit file: beside it or below, never elsewhere on the disk."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        table.refuse(f'names the file "{name}", expected one in the audit file\'s own folder')
    return path


def make_respondent(entry: RespondentEntry, *, concurrency: int | None = None) -> Respondent:
    """The respondent that an audit file's entry describes; keys and unset addresses come from the environment.

    Raises
        RespondentError: something that it needs is missing; the sentence says what.
    """
    settings = dict(entry.settings)
    if entry.kind == "embedded":
        from psychometrics.respondents.embedded import EmbeddedRespondent

        return EmbeddedRespondent(**settings)
    if entry.kind == "simulated":
        from psychometrics.respondents.simulated import SimulatedRespondent

        return SimulatedRespondent(**{"traits": {}, "name": "simulated", **settings})
    from psychometrics.respondents.openai_compatible import OpenAIRespondent

    model = settings.pop("model", "") or os.environ.get(MODEL_VARIABLE, "")
    if not model:
        raise RespondentError(f"{entry.place}: no model is named, expected `model` here or {MODEL_VARIABLE} to be set")
    if concurrency is not None:
        settings["concurrency"] = concurrency
    return OpenAIRespondent(model, **settings)


Progress = Callable[[Respondent, Tally], None]


async def carry_out(
    audit: Audit,
    respondents: Sequence[Respondent],
    store: Store,
    *,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
) -> tuple[Tally, ...]:
    """Administer every plan to every respondent, one respondent after another; a tally for each that was begun."""
    audit.refuse_over_budget()
    stop = stop or asyncio.Event()
    tallies = []
    with store.writing():
        store.entitle(audit.title)
        for respondent in respondents:
            if stop.is_set():
                break
            watch = None if progress is None else _watching(progress, respondent)
            tallies.append(await administer_async(audit.plans, respondent, store, progress=watch, stop=stop))
    return tuple(tallies)


def _watching(progress: Progress, respondent: Respondent) -> Callable[[Tally], None]:
    return lambda tally: progress(respondent, replace(tally))
