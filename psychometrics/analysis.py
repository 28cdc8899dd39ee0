"""From records to an `Analysis`: which statistics belong to which design, gathered in one value.

Pure and repeatable: no clock, no locale, no order of arrival. The same records give the same value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from psychometrics.coding import CODER, code
from psychometrics.controls import administered, controls_of, seed_of
from psychometrics.findings import Analysis, Example, Finding, ItemRow, NamedForm, ScaleRow, Subject
from psychometrics.indices import item_estimate, item_key, subject_estimates
from psychometrics.instrument import Item, Keying
from psychometrics.plan import Plan, order_name
from psychometrics.records import (
    AdministrationRecord,
    Cell,
    CodedRecord,
    Coder,
    coded,
    digest_of_records,
    form_key,
    form_words,
)
from psychometrics.retrieval import records_of
from psychometrics.scoring import SCORING
from psychometrics.statistics.estimate import Estimate
from psychometrics.statistics.reliability import CRONBACH_ALPHA
from psychometrics.store import Store
from psychometrics.transcripts import conversation_of, transcripts_of
from psychometrics.verdict import verdict_of

__all__ = ["analyse", "analyse_records", "verdict_of"]

NOT_ASKED = "not asked"

REASON_OF_ONE_RESPONDENT = (
    "one model is one respondent: internal consistency needs respondents that differ, and forms, occasions and seeds "
    "of one model are no respondents"
)


def analyse(store: Store) -> Analysis:
    """Everything that can be said from a store, read again with the present coder; nothing is asked."""
    return analyse_records(records_of(store), title=" · ".join(store.titles()))


def analyse_records(records: Sequence[AdministrationRecord], *, title: str = "", code: Coder = code) -> Analysis:
    """Everything that can be said from these records: one finding each, in their order.

    title
        What the page is to be called.
    code
        How a completion is read; another coder can be applied again to all that was ever said.
    """
    work = _Work(code)
    findings = tuple(work.finding(f"a{number}", record) for number, record in enumerate(records, start=1))
    return Analysis(findings, work.estimates, CODER, SCORING, digest_of_records(records), title, tuple(records))


@dataclass
class _Work:
    """Estimates as they gather, and the controls of every plan already met: many respondents share a plan."""

    code: Coder
    estimates: dict[str, Estimate] = field(default_factory=dict)
    controls: dict[str, tuple[Subject, ...]] = field(default_factory=dict)

    def finding(self, key: str, record: AdministrationRecord) -> Finding:
        read, plan = coded(record, self.code), record.plan
        subject_key = f"{key}.respondent"
        self.estimates |= subject_estimates(read, subject_key, "one model", seed_of(plan))
        alpha = f"{subject_key}.{CRONBACH_ALPHA.name}"
        self.estimates[alpha] = CRONBACH_ALPHA.refused(REASON_OF_ONE_RESPONDENT, population="one model", n=1)
        forms = _named_forms(plan)
        return Finding(
            key=key,
            instrument=plan.instrument,
            templates=plan.templates,
            plan_digest=plan.digest,
            occasions=plan.occasions,
            respondent=Subject(
                subject_key,
                record.name,
                _described(record.description),
                verdict_of(self.estimates, subject_key),
                is_control=False,
            ),
            sampling=record.sampling,
            reported_models=_distinct(reading.stored.reported_model for reading in read.readings),
            endpoints=_distinct(reading.stored.endpoint for reading in read.readings),
            controls=self.controls_on(plan),
            forms=forms,
            scales=_scale_rows(subject_key, plan),
            items=self.item_rows(subject_key, read),
            reliability=(alpha,),
            transcripts=tuple(transcripts_of(read)),
            example=_example(read, forms),
        )

    def controls_on(self, plan: Plan) -> tuple[Subject, ...]:
        """The controls of a plan, computed when the plan is first met."""
        if plan.digest not in self.controls:
            subjects, number = [], len(self.controls) + 1
            for control in controls_of(plan):
                key = f"p{number}.{control.key}"
                read = coded(administered(plan, control), self.code)
                self.estimates |= subject_estimates(read, key, "simulated", seed_of(plan))
                verdict = verdict_of(self.estimates, key)
                subjects.append(Subject(key, control.name, control.description, verdict, is_control=True))
            self.controls[plan.digest] = tuple(subjects)
        return self.controls[plan.digest]

    def item_rows(self, subject_key: str, read: CodedRecord) -> tuple[ItemRow, ...]:
        """Every item with its answers on every form, at the first occasion."""
        first = [{cell.presentation.item.id: cell for cell in cells[::-1]} for cells in read.by_form]
        rows = []
        for item in read.record.plan.instrument.items:
            cells = [of_form[item.id] for of_form in first]
            for cell in cells:
                self.estimates[item_key(subject_key, item.id, form_key(cell.form))] = item_estimate(cell, "one model")
            rows.append(_item_row(subject_key, item, cells))
        return tuple(rows)


def _named_forms(plan: Plan) -> tuple[NamedForm, ...]:
    return tuple(
        NamedForm(form_key(number), form, order_name(form.option_order, plan.instrument), form_words(form, plan))
        for number, form in enumerate(plan.forms)
    )


def _described(description: Mapping[str, object]) -> str:
    """A respondent in words: what kind it is and which model it names."""
    kind, model = description.get("kind"), description.get("model")
    return ", ".join(str(part) for part in (kind, model) if part) or "a respondent"


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def _scale_rows(subject_key: str, plan: Plan) -> tuple[ScaleRow, ...]:
    rows = []
    for scale in plan.instrument.scales:
        key = f"{subject_key}.scale.{scale.id}"
        rows.append(
            ScaleRow(
                scale.id,
                scale.name,
                f"{key}.n_items",
                key,
                tuple(f"{key}.form.{form_key(number)}" for number in range(len(plan.forms))),
                f"{key}.lowest",
                f"{key}.highest",
            )
        )
    return tuple(rows)


def _item_row(subject_key: str, item: Item, cells: Sequence[Cell]) -> ItemRow:
    return ItemRow(
        item.id,
        cells[0].presentation.instrument.statement(item),
        item.scale,
        item.keying is Keying.REVERSE,
        tuple(cell.coding.outcome.value if cell.coding else NOT_ASKED for cell in cells),
        tuple(_option_text(cell) for cell in cells),
        tuple(_place(cell) for cell in cells),
        tuple(item_key(subject_key, item.id, form_key(cell.form)) for cell in cells),
    )


def _option_text(cell: Cell) -> str:
    option = cell.coding.option if cell.coding else None
    return "" if option is None else cell.presentation.instrument.response_format.by_id[option].text


def _place(cell: Cell) -> int | None:
    option = cell.coding.option if cell.coding else None
    return None if option is None else cell.presentation.form.option_order.index(option) + 1


def _example(read: CodedRecord, forms: Sequence[NamedForm]) -> Example | None:
    """The first planned presentation that was answered; where none was, the first that was asked."""
    asked = [cell for cell in read.cells if cell.reading is not None]
    cell = next((cell for cell in asked if cell.answered), asked[0] if asked else None)
    if cell is None or cell.reading is None:
        return None
    messages, settings = conversation_of(cell.reading.stored.request)
    return Example(
        address=cell.address,
        form=forms[cell.form],
        statement=cell.presentation.instrument.statement(cell.presentation.item),
        messages=messages,
        settings=settings,
        reply=cell.reading.text,
        outcome=cell.reading.coding.outcome.value,
        option=_option_text(cell),
    )
