"""Scripted answers: meaning follows the option, and nothing depends on what was asked before."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from psychometrics.errors import RespondentError
from psychometrics.library import load_instrument
from psychometrics.plan import Presentation, make_plan
from psychometrics.question import Address, Completion, Question, address_of
from psychometrics.respondents.base import Respondent
from psychometrics.respondents.scripted import CONTROLS, Answers, ScriptedRespondent, Verbatim, always_agree

BFI = load_instrument("bfi-44")
PLAN = make_plan(BFI, option_orders=("published", "reversed"), labels=("digits", "letters", "none"), occasions=2)
PRESENTATIONS = list(PLAN.presentations())


def about(presentation: Presentation, respondent: Respondent) -> Question:
    form = presentation.form
    address = address_of(presentation, respondent.identity)
    request = respondent.request([{"role": "user", "content": "?"}], form.read_out, form.max_tokens, address)
    return Question(address, request, presentation)


def said(respondent: Respondent, question: Question) -> str:
    return Completion.of(asyncio.run(respondent.respond(question)).body).text


def chosen(respondent: Respondent, presentation: Presentation) -> str:
    """The option whose label, or text, was said."""
    words = said(respondent, about(presentation, respondent))
    return next(option.id for label, option in presentation.shown if words == (label or option.text))


def one(item: str, *, labels: str = "digits", reverse: bool = False, occasion: int = 1) -> Presentation:
    order = BFI.response_format.published_order
    order = order[::-1] if reverse else order
    return next(
        p
        for p in PRESENTATIONS
        if (p.item.id, p.form.labels, p.form.option_order, p.occasion) == (item, labels, order, occasion)
    )


def test_an_option_id_means_the_option_wherever_it_stands() -> None:
    respondent = ScriptedRespondent({item.id: "2" for item in BFI.items})
    assert isinstance(respondent, Respondent)
    assert {chosen(respondent, presentation) for presentation in PRESENTATIONS} == {"2"}
    assert said(respondent, about(one("1", reverse=True), respondent)) == "4"
    assert said(respondent, about(one("1", labels="none"), respondent)) == BFI.response_format.by_id["2"].text


@pytest.mark.parametrize("words", ["I would rather not say.", Verbatim("2")])
def test_anything_else_is_said_as_it_stands(words: str) -> None:
    respondent = ScriptedRespondent({"1": words})
    assert said(respondent, about(one("1", reverse=True), respondent)) == words


def test_an_occasion_s_own_answer_goes_first() -> None:
    both: dict[object, str] = {"1": "5", ("1", 2): "1"}
    respondent = ScriptedRespondent(both)  # type: ignore[arg-type]
    assert [chosen(respondent, one("1", occasion=occasion)) for occasion in (1, 2)] == ["5", "1"]
    with pytest.raises(RespondentError, match='no answer for item "2"'):
        chosen(respondent, one("2"))


def test_a_sequence_is_taken_by_place_and_not_by_arrival() -> None:
    respondent = ScriptedRespondent([str(k % 5 + 1) for k in range(44)])
    forwards = [chosen(respondent, one(item.id)) for item in BFI.items]
    backwards = [chosen(respondent, one(item.id)) for item in reversed(BFI.items)]
    assert forwards == backwards[::-1] == [str(k % 5 + 1) for k in range(44)]


def test_a_session_takes_a_sequence_turn_by_turn() -> None:
    respondent = ScriptedRespondent(["north", "south"])
    request = respondent.request([], "text", 16, Address("x"))
    turns = [Question(Address("x", session="game#1", turn=turn), request) for turn in (1, 2, 3)]
    assert [said(respondent, turn) for turn in turns[:2]] == ["north", "south"]
    with pytest.raises(RespondentError, match="no answer 3"):
        said(respondent, turns[2])


def test_a_question_without_a_presentation_is_answered_by_its_address() -> None:
    respondent = ScriptedRespondent({"7": "yes"})
    question = Question(Address("x", item="bfi-44:7#abc"), respondent.request([], "text", 16, Address("x")))
    assert said(respondent, question) == "yes"
    with pytest.raises(RespondentError, match="shows no item"):
        said(ScriptedRespondent(always_agree), question)


def test_other_answers_are_another_respondent() -> None:
    scripts: list[Answers] = [{"1": "1"}, {"1": "2"}, ["1"], ["2"], *CONTROLS.values()]
    identities = [ScriptedRespondent(answers).identity for answers in scripts]
    assert len(set(identities)) == len(scripts)
    assert ScriptedRespondent({"1": "1"}).identity == identities[0]
    assert all(" at 0x" not in str(ScriptedRespondent(rule).describe()) for rule in CONTROLS.values())


@pytest.mark.parametrize("answers", ["1", {}, []])
def test_no_answers_at_all_are_refused(answers: Answers) -> None:
    with pytest.raises(RespondentError, match="expected a mapping, a sequence or a rule"):
        ScriptedRespondent(answers)


@pytest.mark.parametrize(
    ("control", "published", "reversed_"),
    [
        ("always-first", "1", "5"),
        ("always-last", "5", "1"),
        ("always-middle", "3", "3"),
        ("always-agree", "5", "5"),
        ("always-disagree", "1", "1"),
    ],
)
def test_controls_follow_place_or_value(control: str, published: str, reversed_: str) -> None:
    respondent = ScriptedRespondent(CONTROLS[control], name=control)
    assert chosen(respondent, one("1")) == published
    assert chosen(respondent, one("1", reverse=True)) == reversed_


def test_a_random_option_is_the_same_when_asked_again_and_evenly_spread() -> None:
    respondent = ScriptedRespondent(CONTROLS["random-option"])
    first, again = ([chosen(respondent, p) for p in PRESENTATIONS] for _ in range(2))
    assert first == again
    assert all(0.13 < count / len(first) < 0.27 for count in Counter(first).values())


def test_a_scripted_log_probability_read_out_is_certain() -> None:
    presentation = next(make_plan(BFI, read_outs="logprobs", option_orders="reversed").presentations())
    respondent = ScriptedRespondent(always_agree)
    completion = Completion.of(asyncio.run(respondent.respond(about(presentation, respondent))).body)
    assert completion.top_logprobs == (("1", 0.0),)
