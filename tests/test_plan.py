"""Plans: crossed, counted, seeded; labels and bindings; what cannot be read is refused when planning."""

from __future__ import annotations

import subprocess
import sys
from itertools import permutations

import pytest

from psychometrics.errors import PlanError, TemplateError
from psychometrics.library import load_instrument, template_names
from psychometrics.plan import Form, Plan, Presentation, make_plan, order_name
from psychometrics.prompting import messages_for
from psychometrics.template import PromptTemplate

BFI = load_instrument("bfi-44")


def test_every_presentation_is_planned_once() -> None:
    plan = make_plan(BFI, templates=("plain", "first-person"), option_orders="balanced", occasions=2, seed=7)
    shown = [(p.item.id, p.form, p.occasion) for p in plan]
    assert len(shown) == len(set(shown)) == len(plan) == 2 * 5 * 2 * 44


def test_balanced_orders_show_each_option_in_each_place_once() -> None:
    plan = make_plan(BFI, option_orders="balanced")
    for place in range(5):
        assert sorted(form.option_order[place] for form in plan.forms) == ["1", "2", "3", "4", "5"]


def test_the_same_seed_gives_the_same_plan_byte_for_byte() -> None:
    program = (
        "import psychometrics as pm;"
        "p = pm.make_plan(pm.load_instrument('bfi-44'), templates=('plain', 'first-person'), seed=7);"
        "print(p.to_json().decode(), [(x.item.id, x.form.template, x.form.option_order) for x in p])"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(said) == 1
    one, other = (make_plan(BFI, seed=seed) for seed in (1, 2))
    assert [p.item.id for p in one] != [p.item.id for p in other]


def test_a_record_gives_the_same_plan_back() -> None:
    plan = make_plan(BFI, read_outs=("text", "logprobs"), labels=("digits", "letters"), interviews=[["1", "6"]])
    again = Plan.from_record(plan.as_record(), BFI, plan.templates)
    assert again.to_json() == plan.to_json()
    assert again.digest == plan.digest


def labels_of(binding: str, labels: str, order: tuple[str, ...]) -> dict[str, str]:
    return dict(Form("plain", "0", order, labels, binding).label_of(BFI))


def test_binding_by_place_numbers_places_and_binding_by_value_numbers_meanings() -> None:
    for order in permutations("12345"):
        assert [labels_of("place", "digits", order)[option] for option in order] == list("12345")
        assert labels_of("value", "digits", order) == dict(zip("12345", "12345", strict=True))
        assert labels_of("value-descending", "digits", order) == dict(zip("12345", "54321", strict=True))
        assert labels_of("value", "letters", order) == dict(zip("12345", "ABCDE", strict=True))


def test_what_cannot_be_read_is_refused_when_planning() -> None:
    with pytest.raises(PlanError, match='labels is "none"'):
        make_plan(BFI, labels="none", read_outs="logprobs")
    with pytest.raises(PlanError, match="option order is 1, 2, 3, expected each of"):
        make_plan(BFI, option_orders=[["1", "2", "3"]])
    with pytest.raises(PlanError, match='option order is "shuffled", expected one of'):
        make_plan(BFI, option_orders="shuffled")
    with pytest.raises(PlanError, match='binding is "plaice", expected one of'):
        make_plan(BFI, bindings="plaice")
    with pytest.raises(PlanError, match="expected an item id of bfi-44"):
        make_plan(BFI, interviews=[["1", "99"]])
    with pytest.raises(PlanError, match="occasions is 0"):
        make_plan(BFI, occasions=0)
    with pytest.raises(PlanError, match="expected each once"):
        make_plan(BFI, templates=("plain", "plain"))
    with pytest.raises(TemplateError, match="expected one of first-person, plain"):
        make_plan(BFI, templates="plane")


def test_a_form_without_labels_is_not_asked_once_for_each_binding() -> None:
    assert len(make_plan(BFI, labels="none", bindings=("place", "value"), option_orders="published").forms) == 1


def test_orders_have_names() -> None:
    assert order_name(("2", "3", "4", "5", "1"), BFI) == "rotated by 1"
    assert order_name(("2", "1", "3", "4", "5"), BFI) == "2 1 3 4 5"


@pytest.mark.parametrize("template", template_names())
def test_a_prompt_shows_statement_and_options_in_the_order_and_with_the_labels_of_its_form(template: str) -> None:
    plan = make_plan(BFI, templates=template, option_orders="reversed", labels=("letters", "none"))
    for form in plan.forms:
        presentation = Presentation(BFI, BFI.by_id["4"], form)
        (message,) = messages_for(presentation, plan.template_of(form))
        said = message["content"]
        assert "I see myself as someone who is depressed, blue." in said
        places = [said.index(option.text) for _, option in presentation.shown]
        assert places == sorted(places)
        assert ("the letter" in said) == (form.labels == "letters")
        assert ("A. Agree strongly" in said or "A = Agree strongly" in said) == (form.labels == "letters")


def test_templates_cannot_reach_python_and_unknown_names_are_refused() -> None:
    form = make_plan(BFI).forms[0]
    presentation = Presentation(BFI, BFI.items[0], form)
    for source, sentence in (
        ("{{ statment }}", "'statment' is undefined"),
        ("{{ ().__class__.__mro__ }}", "unsafe"),
        ("{{ options[0].__init__.__globals__ }}", "unsafe"),
        ("{{ options.append(1) }}", "unsafe"),
    ):
        with pytest.raises(TemplateError, match=sentence):
            messages_for(presentation, PromptTemplate("bad", "a test", (("user", source),)))
    with pytest.raises(TemplateError, match="line 1"):
        PromptTemplate("bad", "a test", (("user", "{% for %}"),))
    with pytest.raises(TemplateError, match='role is "boss"'):
        PromptTemplate("bad", "a test", (("boss", "hello"),))
