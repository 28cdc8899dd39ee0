"""Tidy tables: one row per scale score and one per stored response, as plain dicts with the columns in a fixed order.

Rows follow the records as given, then the plan's forms, occasions and published item order; there are no times in
them. The same store gives the same bytes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import orjson

from psychometrics.coding import code
from psychometrics.plan import Form, Plan, Presentation, order_name
from psychometrics.records import AdministrationRecord, CodedRecord, Coder, Reading, coded, form_key
from psychometrics.scoring import item_score, scale_scores

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "RESPONSE_COLUMNS",
    "SCORE_COLUMNS",
    "responses_table",
    "scores_table",
    "to_csv_text",
    "to_json_lines",
    "to_pandas",
]

CellValue = str | int | float | bool | None
Row = dict[str, CellValue]

_WHO: Final = {
    "respondent": "who answered, as in addresses",
    "sampling": "sampling as sent; empty where nothing was set",
    "persona": "standing condition; empty for none",
    "instrument": "instrument id",
}
_FORM: Final = {
    "form": "key of the form within its plan: f1 is the plan's first; empty for a form that only a session uses",
    "template": "wording",
    "option_order": "what the order shown is called",
    "options": "option ids in the order shown, between commas",
    "labels": "label set",
    "binding": "what a label is bound to",
    "read_out": "how the answer was read",
    "occasion": "repetition of the form, from 1",
}
SCORE_COLUMNS: Final[Mapping[str, str]] = {
    **_WHO,
    **_FORM,
    "scale": "scale id",
    "score": "mean of the answered, keyed items; empty where too few are answered",
    "score_low": "the score if every missing item were answered at its worst",
    "score_high": "the score if every missing item were answered at its best",
    "items_answered": "answered items of the scale",
    "items_total": "items of the scale",
    "complete": "whether every item is answered",
}
"""Columns of `scores_table`, in order, and what each means."""

RESPONSE_COLUMNS: Final[Mapping[str, str]] = {
    **_WHO,
    **_FORM,
    "session": "the sitting; empty for an item asked alone",
    "turn": "turn of the sitting, from 1; empty for an item asked alone",
    "try": "1, or 2 for a re-ask within a sitting",
    "item": "item id",
    "scale": "scale id",
    "keying": "forward or reverse",
    "outcome": "what became of the question; only answered ones have an option",
    "option": "option id",
    "option_value": "the option's value before keying",
    "place": "the place at which the option was shown, from 1",
    "score": "keyed value, or keyed expected value for a log-probability read-out",
    "label_mass": "probability of all labels together, for a log-probability read-out",
    "reply": "the reply's text, as it came",
    "reported_model": "the model that the endpoint named",
    "address": "the question's address",
}
"""Columns of `responses_table`, in order, and what each means."""


def scores_table(records: Sequence[AdministrationRecord], *, code: Coder = code) -> list[Row]:
    """One row per respondent × form × occasion × scale, planned or not yet asked, with the columns `SCORE_COLUMNS`."""
    return [row for record in records for row in _score_rows(coded(record, code))]


def responses_table(records: Sequence[AdministrationRecord], *, code: Coder = code) -> list[Row]:
    """One row per stored response, items asked alone first, then session turns, with the columns `RESPONSE_COLUMNS`."""
    return [row for record in records for row in _response_rows(coded(record, code))]


def to_csv_text(rows: Sequence[Row]) -> str:
    """The rows as CSV with a header line, safe to open in a spreadsheet; empty for no rows.

    Text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a carriage return, and is no
    plain number) gets an apostrophe in front. Numbers are written whole, texts in quotation marks, missing values as
    empty ones. JSON lines keep every text as it came.
    """
    if not rows:
        return ""
    text = io.StringIO()
    # minimal quoting would leave a bare carriage return, at which a reader ends the row
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writeheader()
    for row in rows:
        writer.writerow({column: _neutral(value) for column, value in row.items()})
    return text.getvalue()


def to_json_lines(rows: Sequence[Row]) -> str:
    """The rows as JSON, one object a line, every text as it came."""
    return "".join(orjson.dumps(row).decode() + "\n" for row in rows)


def to_pandas(rows: Sequence[Row], columns: Mapping[str, str]) -> pd.DataFrame:
    """The rows as a data frame with these columns, which it keeps where there is no row."""
    import pandas as pd

    return pd.DataFrame(list(rows), columns=list(columns))


def _neutral(value: CellValue) -> CellValue:
    if not isinstance(value, str) or not value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _who(record: AdministrationRecord) -> Row:
    return {
        "respondent": record.respondent,
        "sampling": record.sampling,
        "persona": record.persona,
        "instrument": record.plan.instrument.id,
    }


def _shown(form: Form, occasion: int, plan: Plan) -> Row:
    return {
        "form": form_key(plan.forms.index(form)) if form in plan.forms else "",
        "template": form.template,
        "option_order": order_name(form.option_order, plan.instrument),
        "options": ",".join(form.option_order),
        "labels": form.labels,
        "binding": form.binding,
        "read_out": form.read_out,
        "occasion": occasion,
    }


def _score_rows(read: CodedRecord) -> Iterator[Row]:
    plan = read.record.plan
    size = len(plan.instrument.items)
    for start in range(0, len(read.cells), size):
        cells = read.cells[start : start + size]
        first = cells[0].presentation
        answers = [(cell.presentation.item, cell.coding) for cell in cells]
        for score in scale_scores(answers, plan.instrument):
            yield {
                **_who(read.record),
                **_shown(first.form, first.occasion, plan),
                "scale": score.scale,
                "score": score.score,
                "score_low": score.low,
                "score_high": score.high,
                "items_answered": score.answered,
                "items_total": score.total,
                "complete": score.answered == score.total,
            }


def _response_rows(read: CodedRecord) -> Iterator[Row]:
    record = read.record
    for cell in read.cells:
        if cell.reading:
            yield _response_row(record, cell.presentation, cell.reading, cell.address, ("", None, 1))
    for session, turns in read.sittings:
        for turn in turns:
            where = (session.id, turn.address.turn, turn.address.try_)
            yield _response_row(record, turn.presentation, turn.reading, str(turn.address), where)


def _response_row(
    record: AdministrationRecord,
    presentation: Presentation,
    reading: Reading,
    address: str,
    where: tuple[str, int | None, int],
) -> Row:
    item, form, coding = presentation.item, presentation.form, reading.coding
    instrument = presentation.instrument
    option = coding.option
    session, turn, try_ = where
    return {
        **_who(record),
        **_shown(form, presentation.occasion, record.plan),
        "session": session,
        "turn": turn,
        "try": try_,
        "item": item.id,
        "scale": item.scale,
        "keying": item.keying.value,
        "outcome": coding.outcome.value,
        "option": option,
        "option_value": None if option is None else instrument.response_format.by_id[option].value,
        "place": None if option is None else form.option_order.index(option) + 1,
        "score": item_score(coding, item, instrument),
        "label_mass": coding.label_mass,
        "reply": reading.text,
        "reported_model": reading.stored.reported_model,
        "address": address,
    }
