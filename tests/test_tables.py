"""The tidy tables: rows, order, and what a spreadsheet must not run."""

from __future__ import annotations

import csv
import io
import json

import pytest
from answering import record_of

from psychometrics.library import load_instrument
from psychometrics.plan import Plan, Presentation, make_plan
from psychometrics.records import AdministrationRecord
from psychometrics.tables import (
    RESPONSE_COLUMNS,
    SCORE_COLUMNS,
    responses_table,
    scores_table,
    to_csv_text,
    to_json_lines,
    to_pandas,
)


@pytest.fixture
def plan() -> Plan:
    return make_plan(load_instrument("mini-ipip"), occasions=2, seed=5)


def highest(presentation: Presentation) -> str:
    return "5"


def test_scores_have_a_row_per_form_occasion_and_scale_in_the_plans_order(plan: Plan) -> None:
    rows = scores_table([record_of(plan, highest)])
    assert len(rows) == 2 * 2 * 5
    assert all(list(row) == list(SCORE_COLUMNS) for row in rows)
    scales = [scale.id for scale in plan.instrument.scales]
    expected = [(f, o, s) for f in ("f1", "f2") for o in (1, 2) for s in scales]
    assert [(row["form"], row["occasion"], row["scale"]) for row in rows] == expected
    assert {row["score"] for row in rows if row["scale"] == "neuroticism"} == {3}
    assert rows[0]["options"] == "1,2,3,4,5"
    assert rows[-1]["options"] == "5,4,3,2,1"
    assert rows[-1]["option_order"] == "reversed"
    assert all(row["complete"] is True for row in rows)


def test_too_few_answers_leave_the_score_empty_with_its_bounds(plan: Plan) -> None:
    def not_the_first_item(presentation: Presentation) -> str | None:
        return None if presentation.item.id == "1" else "5"

    row = scores_table([record_of(plan, not_the_first_item)])[0]
    assert (row["scale"], row["score"], row["items_answered"], row["complete"]) == ("extraversion", None, 3, False)
    assert (row["score_low"], row["score_high"]) == ((5 + 1 + 1 + 1) / 4, (5 + 5 + 1 + 1) / 4)


def test_responses_have_a_row_per_stored_response_in_published_order(plan: Plan) -> None:
    def not_item_3(presentation: Presentation) -> str | None:
        return None if presentation.item.id == "3" else "4"

    rows = responses_table([record_of(plan, not_item_3)])
    assert len(rows) == 4 * 19
    assert all(list(row) == list(RESPONSE_COLUMNS) for row in rows)
    assert [row["item"] for row in rows[:19]] == [i.id for i in plan.instrument.items if i.id != "3"]
    reverse = next(row for row in rows if row["item"] == "6" and row["form"] == "f2")
    assert (reverse["option"], reverse["option_value"], reverse["place"]) == ("4", 4, 2)
    assert (reverse["score"], reverse["keying"], reverse["reply"]) == (2, "reverse", "2")
    assert str(reverse["address"]).startswith("1|respondent=model|")
    assert reverse["reported_model"] == "model"


def test_the_order_of_arrival_changes_no_byte(plan: Plan) -> None:
    record = record_of(plan, highest)
    backwards = AdministrationRecord(
        plan, record.respondent, record.name, responses=dict(reversed(list(record.responses.items())))
    )
    assert list(backwards.responses) != list(record.responses)
    for table in (scores_table, responses_table):
        assert to_csv_text(table([backwards])) == to_csv_text(table([record]))


def test_records_stand_in_the_order_given(plan: Plan) -> None:
    records = [record_of(plan, highest, name=name) for name in ("zebra", "ant")]
    assert list(dict.fromkeys(row["respondent"] for row in scores_table(records))) == ["zebra", "ant"]


@pytest.mark.parametrize("evil", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_reply_is_no_formula_in_a_spreadsheet(plan: Plan, evil: str) -> None:
    rows = responses_table([record_of(plan, lambda presentation: evil)])
    assert rows[0]["reply"] == evil
    read = next(csv.DictReader(io.StringIO(to_csv_text(rows), newline="")))
    assert read["reply"] == f"'{evil}"
    assert json.loads(to_json_lines(rows).splitlines()[0])["reply"] == evil


def test_numbers_are_never_neutralised_even_as_text() -> None:
    rows = [{"value": -1.5, "text": "-1.5", "plain": "a=b"}]
    assert to_csv_text(rows) == '"value","text","plain"\n-1.5,"-1.5","a=b"\n'


def test_csv_keeps_quotes_line_ends_and_separators(plan: Plan) -> None:
    awkward = 'say "no", then\nnothing; ünï'
    rows = responses_table([record_of(plan, lambda presentation: awkward)])
    read = list(csv.DictReader(io.StringIO(to_csv_text(rows), newline="")))
    assert {row["reply"] for row in read} == {awkward}
    assert len(read) == len(rows)


def test_numbers_travel_whole_through_csv_and_json() -> None:
    rows = [{"score": 10 / 3}]
    assert float(to_csv_text(rows).splitlines()[1]) == 10 / 3
    assert json.loads(to_json_lines(rows))["score"] == 10 / 3


def test_a_frame_keeps_its_columns_where_there_is_no_row(plan: Plan) -> None:
    assert list(to_pandas([], SCORE_COLUMNS).columns) == list(SCORE_COLUMNS)
    frame = to_pandas(scores_table([record_of(plan, highest)]), SCORE_COLUMNS)
    assert frame.shape == (20, len(SCORE_COLUMNS))
    assert frame.groupby("scale")["score"].mean()["intellect"] == 2
    assert to_csv_text([]) == ""
