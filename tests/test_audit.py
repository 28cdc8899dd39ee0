"""Audit files: read, counted, held to their budget, and refused with a place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from psychometrics.audit import carry_out, load_audit, make_respondent
from psychometrics.errors import AuditError, InstrumentError, RespondentError
from psychometrics.library import shipped
from psychometrics.store import open_store

GOOD = """
title = "Small"
seed = 3
[budget]
questions = 1000
[[respondents]]
kind = "simulated"
name = "one"
traits = { extraversion = 1 }
[[respondents]]
kind = "simulated"
name = "two"
traits = { extraversion = -1 }
[[instruments]]
name = "mini-ipip"
templates = ["plain", "first-person"]
interviews = [["1", "6"]]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "small.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_respondent_answers_every_plan(tmp_path: Path) -> None:
    audit = load_audit(written(tmp_path, GOOD))
    assert (audit.name, audit.title, len(audit.plans)) == ("small", "Small", 1)
    assert audit.questions == 2 * (80 + 2 * 2)
    respondents = [make_respondent(entry) for entry in audit.respondents]
    with open_store(tmp_path / "s.sqlite") as store:
        tallies = asyncio.run(carry_out(audit, respondents, store))
        assert [(t.asked, t.turns) for t in tallies] == [(80, 2), (80, 2)]
        assert [planned.name for planned in store.planned()] == ["one", "two"]


def test_over_budget_stops_before_asking(tmp_path: Path) -> None:
    audit = load_audit(written(tmp_path, GOOD.replace("1000", "167")))
    with pytest.raises(AuditError, match="up to 168 questions are planned, expected at most the budget of 167"):
        audit.refuse_over_budget()


BAD = {
    "unknown member": ("seed = 3", "seeed = 3", 'small.toml: found "seeed", expected only title'),
    "wrong seed": ("seed = 3", 'seed = "three"', "small.toml: seed is text ('three'), expected a whole number"),
    "no respondents": ("[[respondents]]", "[[other]]", 'found "other"'),
    "unknown kind": ('kind = "simulated"\nname = "one"', 'kind = "robot"', 'respondent number 1: kind is "robot"'),
    "unknown setting": ('name = "one"', "concurency = 3", 'found "concurency", expected only kind, name'),
    "setting out of range": ('name = "one"', "refusals = 2", "refusals is 2, expected a number from 0 to 1"),
    "unknown instrument": ("mini-ipip", "maxi-ipip", 'instrument number 1: instrument is "maxi-ipip", expected one of'),
    "unknown template": ('"plain"', '"plane"', 'template is "plane", expected one of first-person, plain'),
    "unknown item": ('["1", "6"]', '["1", "60"]', 'interview: item is "60"'),
    "wrong list": ('[["1", "6"]]', '["1", "6"]', "interviews is a list"),
    "budget of nothing": (
        "questions = 1000",
        "questions = 0",
        "budget: questions is 0, expected a whole number from 1",
    ),
    "not TOML": ("[budget]", "[budget", "not valid TOML"),
    "file elsewhere": ('name = "mini-ipip"', 'file = "../x.toml"', 'names the file "../x.toml", expected one in'),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_audit_file_is_refused_with_its_place(fault: str, tmp_path: Path) -> None:
    good, bad, sentence = BAD[fault]
    assert good in GOOD
    with pytest.raises(AuditError) as raised:
        load_audit(written(tmp_path, GOOD.replace(good, bad, 1)))
    assert sentence in str(raised.value)
    assert str(raised.value).partition(": ")[0].endswith("small.toml")


def test_an_instrument_file_beside_the_audit_file_is_used(tmp_path: Path) -> None:
    text = shipped("instruments", "mini-ipip.toml").read_text(encoding="utf-8")
    (tmp_path / "own.toml").write_text(text.replace('id = "mini-ipip"', 'id = "own"'), encoding="utf-8")
    audit = load_audit(written(tmp_path, GOOD.replace('name = "mini-ipip"', 'file = "own.toml"')))
    assert audit.plans[0].instrument.id == "own"
    (tmp_path / "own.toml").write_text(text.replace("forward", "fwd"), encoding="utf-8")
    with pytest.raises((AuditError, InstrumentError), match=r'own\.toml: item "1": keying is "fwd"'):
        load_audit(written(tmp_path, GOOD.replace('name = "mini-ipip"', 'file = "own.toml"')))


def test_an_endpoint_without_a_model_says_which_variable_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PSYCHOMETRICS_MODEL", raising=False)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    audit = load_audit(shipped("examples", "audits", "endpoint.toml"))
    with pytest.raises(RespondentError, match="PSYCHOMETRICS_MODEL"):
        make_respondent(audit.respondents[0])
    monkeypatch.setenv("PSYCHOMETRICS_MODEL", "some-model")
    assert make_respondent(audit.respondents[0], concurrency=3).concurrency == 3


@pytest.mark.parametrize("path", sorted(shipped("examples", "audits").glob("*.toml")), ids=lambda path: path.stem)
def test_shipped_audit_files_load_and_keep_their_budget(path: Path) -> None:
    audit = load_audit(path)
    audit.refuse_over_budget()
    assert audit.questions > 0


def test_the_first_audit_asks_at_most_250_questions_of_one_token() -> None:
    audit = load_audit(shipped("examples", "audits", "small.toml"))
    assert audit.questions <= 250
    assert all(form.max_tokens == 1 for plan in audit.plans for form in plan.forms)
