"""What an analysis has found, as values: the shape that reports and exports read. Numbers stand in `estimates` only.

Every number that a page may show is an `Estimate` under a key; everything else here is words, names and keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

from psychometrics.instrument import Instrument
from psychometrics.plan import Form
from psychometrics.records import AdministrationRecord
from psychometrics.statistics.estimate import Estimate
from psychometrics.tables import RESPONSE_COLUMNS, SCORE_COLUMNS, responses_table, scores_table, to_pandas
from psychometrics.template import Message, PromptTemplate

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Analysis",
    "Example",
    "Finding",
    "ItemRow",
    "NamedForm",
    "ScaleRow",
    "SessionTurn",
    "Subject",
    "Transcript",
    "Verdict",
]


class Verdict(Enum):
    """What drives the answers of a subject, read from its answers alone. The rule stands in `verdict.verdict_of`."""

    MEASURABLE = "measurable"
    """Answers follow the options' meaning and differ between items alike on every form."""
    POSITION_DRIVEN = "position-driven"
    """Answers follow the place an option is shown in, whatever it says."""
    ITEM_INSENSITIVE = "item-insensitive"
    """The same option whatever the item."""
    UNDECIDED = "undecided"
    """Answers repeat across forms no more than chance, or the design cannot tell."""
    UNANSWERED = "unanswered"
    """Too few answers to say anything."""


@dataclass(frozen=True)
class Subject:
    """A respondent, or a control computed on the same plan.

    Its estimates stand under `key` + "." + one of: `planned`, `asked`, `outcome.<outcome>` (counts), the same three by
    form as `coverage.<form key>.planned`, `.asked`, `.<outcome>`, `answered_share`, `same_option`, `same_place`,
    `place_advantage`, `position_effect`, `item_variance_share`, `form_agreement`, `modal_option_share`,
    `same_option_again` (over occasions), `label_mass` (log-probability read-outs), `place.<k>` (share of answers at the
    k-th place shown, from 1), `scale.<scale>` (over forms), `scale.<scale>.form.<form key>`, `scale.<scale>.n_items`,
    `scale.<scale>.lowest`, `scale.<scale>.highest`. A respondent has `item.<item>.form.<form key>` and reliability
    besides. Controls of one plan are shared by every finding on it.
    """

    key: str
    name: str
    description: str
    verdict: Verdict
    is_control: bool


@dataclass(frozen=True)
class NamedForm:
    """A form with its key in this finding ("f1") and its words for people."""

    key: str
    form: Form
    order: str
    words: str


@dataclass(frozen=True)
class ScaleRow:
    """A scale, and the keys of its scores: over forms, and by form in the order of `Finding.forms`."""

    scale: str
    name: str
    n_items: str
    over_forms: str
    by_form: tuple[str, ...]
    lowest: str
    highest: str


@dataclass(frozen=True)
class ItemRow:
    """An item's answers at the first occasion: for each form the outcome ("not asked" where nothing is stored), the
    option's text ("" unless answered), the place, and the score's key."""

    item: str
    statement: str
    scale: str
    reverse: bool
    outcomes: tuple[str, ...]
    options: tuple[str, ...]
    places: tuple[int | None, ...]
    scores: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """One question in full: what was sent, what came back, and how it was read."""

    address: str
    form: NamedForm
    statement: str
    messages: tuple[Message, ...]
    settings: str
    reply: str
    outcome: str
    option: str


@dataclass(frozen=True)
class SessionTurn:
    """One turn: what was said to the respondent, what it said, how that was read; `try_` above 1 is a re-ask."""

    turn: int
    try_: int
    said: str
    reply: str
    outcome: str
    option: str


@dataclass(frozen=True)
class Transcript:
    """A session as it went: complete, or suspended at the turn where a question failed."""

    session: str
    kind: str
    occasion: int
    complete: bool
    turns: tuple[SessionTurn, ...]


@dataclass(frozen=True)
class Finding:
    """One respondent with one instrument: the unit of a report."""

    key: str
    instrument: Instrument
    templates: tuple[PromptTemplate, ...]
    plan_digest: str
    occasions: int
    respondent: Subject
    sampling: str
    reported_models: tuple[str, ...]
    endpoints: tuple[str, ...]
    controls: tuple[Subject, ...]
    forms: tuple[NamedForm, ...]
    scales: tuple[ScaleRow, ...]
    items: tuple[ItemRow, ...]
    reliability: tuple[str, ...]
    """Keys of reliability estimates of this respondent; refused ones say why."""
    transcripts: tuple[Transcript, ...]
    example: Example | None

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """The respondent first, then its controls."""
        return (self.respondent, *self.controls)


@dataclass(frozen=True)
class Analysis:
    """Everything that can be said from a store: findings in the order of planning, and every number by key."""

    findings: tuple[Finding, ...]
    estimates: Mapping[str, Estimate]
    coder: int
    scoring: str
    """The missing-item policy in one sentence."""
    store_digest: str
    """Digest of everything the analysis read: equal stores give equal digests."""
    title: str = ""
    """What the audit is called; "" for administrations that belong to none."""
    records: tuple[AdministrationRecord, ...] = field(default=(), repr=False, compare=False)
    """What was read; `to_pandas` makes its tables of it."""

    def to_pandas(self, what: Literal["scores", "responses"]) -> pd.DataFrame:
        """A tidy data frame: "scores", one row a respondent × form × occasion × scale, or "responses", one a response.

        The columns and what each means: `tables.SCORE_COLUMNS` and `tables.RESPONSE_COLUMNS`.
        """
        if what == "scores":
            return to_pandas(scores_table(self.records), SCORE_COLUMNS)
        return to_pandas(responses_table(self.records), RESPONSE_COLUMNS)

    def __getitem__(self, key: str) -> Estimate:
        return self.estimates[key]
