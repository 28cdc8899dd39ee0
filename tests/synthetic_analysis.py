"""Synthetic analyses for the tests of reports: answers drawn from known rules, summed up by simple arithmetic.

The statistics here are stand-ins, good enough to fill a page with numbers that belong together; the real ones are
tested where they live.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, pstdev

from psychometrics.coding import Outcome
from psychometrics.findings import (
    Analysis,
    Example,
    Finding,
    ItemRow,
    NamedForm,
    ScaleRow,
    SessionTurn,
    Subject,
    Transcript,
    Verdict,
)
from psychometrics.instrument import Instrument, Item, keyed_value
from psychometrics.library import load_instrument
from psychometrics.plan import Form, Plan, Presentation, make_plan, order_name
from psychometrics.prompting import messages_for
from psychometrics.statistics.estimate import Estimate

__all__ = ["HOSTILE", "odd_analysis", "position_driven_analysis", "several_analysis"]

HOSTILE = (
    '</pre></script><script>document.title="ran"</script><img src="https://evil.example/x.png" '
    "onerror=\"document.title='ran'\"><style>body{display:none}</style> {{ 7*7 }} $x_1$ "
    "\u202egnp.exe\u202c \x00\x1b[31mred\x07 \u2028\u200b\ufeff end 42"
)
"""What a model may say to a page that trusts it: markup, template and formula source, bidi and control characters."""

Answer = tuple[str, str]
"""(outcome, option id or "")."""
Answers = Mapping[tuple[str, str], Answer]
"""(item id, form key) → answer."""
Rule = Callable[[Item, Form, random.Random], Answer]


@dataclass(frozen=True)
class Drawn:
    """A subject with the answers its rule gave."""

    subject: Subject
    answers: Answers


def at_place(form: Form, place: int) -> Answer:
    return ("answered", form.option_order[min(place, len(form.option_order)) - 1])


def mostly_first_places(item: Item, form: Form, rng: random.Random) -> Answer:
    return at_place(form, rng.choices([1, 2, 3, 4, 5], [3, 86, 8, 2, 1])[0])


def known_traits(item: Item, form: Form, rng: random.Random) -> Answer:
    random_of_item = random.Random(item.stem)
    value = random_of_item.choice([1, 2, 4, 5, 5]) if rng.random() < 0.92 else rng.choice([2, 3, 4])
    return ("answered", str(value))


def any_option(item: Item, form: Form, rng: random.Random) -> Answer:
    return ("answered", rng.choice(form.option_order))


def agrees_with_all(item: Item, form: Form, rng: random.Random) -> Answer:
    return ("answered", "5")


def first_place(item: Item, form: Form, rng: random.Random) -> Answer:
    return at_place(form, 1)


def middle_option(item: Item, form: Form, rng: random.Random) -> Answer:
    return ("answered", "3" if rng.random() < 0.97 else "4")


def rarely_answers(item: Item, form: Form, rng: random.Random) -> Answer:
    outcome = rng.choices([o.value for o in Outcome], [14, 60, 5, 6, 3, 4, 4, 2, 1, 1])[0]
    return at_place(form, 1) if outcome == "answered" else (outcome, "")


CONTROLS: tuple[tuple[str, str, str, Verdict, Rule], ...] = (
    ("known", "known traits", "simulated: answers drawn from set traits", Verdict.MEASURABLE, known_traits),
    ("random", "random", "any option with equal chance", Verdict.UNDECIDED, any_option),
    ("first", "first place", "always the first option shown", Verdict.POSITION_DRIVEN, first_place),
    ("yes", "always agrees", "the highest option whatever the item", Verdict.ITEM_INSENSITIVE, agrees_with_all),
    ("middle", "middle option", "the middle option, 97 % of the time", Verdict.ITEM_INSENSITIVE, middle_option),
)


def drawn(subject: Subject, rule: Rule, plan: Plan, forms: Sequence[NamedForm]) -> Drawn:
    rng = random.Random(subject.key)
    return Drawn(subject, {(i.id, f.key): rule(i, f.form, rng) for i in plan.instrument.items for f in forms})


def count(name: str, value: int) -> Estimate:
    return Estimate(name, float(value), n=value, definition="Number of questions.", source="counted")


def share(name: str, hits: Sequence[bool], definition: str) -> Estimate:
    if not hits:
        return Estimate(name, None, definition=definition, status="refused", reason="no pair of forms was answered")
    value = fmean(hits)
    half = 1.96 * pstdev(hits) / len(hits) ** 0.5
    return Estimate(
        name,
        value,
        max(0.0, value - half),
        min(1.0, value + half),
        n=len(hits),
        unit="item",
        object="forms",
        generalises_to="items",
        definition=definition,
        source="this project",
    )


def estimates_of(subject: Drawn, plan: Plan, forms: Sequence[NamedForm]) -> dict[str, Estimate]:
    """Every estimate that `Subject` names, by simple arithmetic over the drawn answers."""
    found: dict[str, Estimate] = {}
    instrument = plan.instrument
    outcomes = [outcome for outcome, _ in subject.answers.values()]
    found["planned"] = found["asked"] = count("planned", len(outcomes))
    for outcome in Outcome:
        found[f"outcome.{outcome.value}"] = count("outcome", outcomes.count(outcome.value))
        for form in forms:
            of_form = [subject.answers[i.id, form.key][0] for i in instrument.items]
            found[f"coverage.{form.key}.{outcome.value}"] = count("outcome", of_form.count(outcome.value))
            found[f"coverage.{form.key}.planned"] = count("planned", len(of_form))
            found[f"coverage.{form.key}.asked"] = count("asked", len(of_form))
    found["answered_share"] = share("answered_share", [o == "answered" for o in outcomes], "Answered of asked.")
    found |= _agreement(subject, instrument, forms)
    found |= _scales(subject, instrument, forms)
    found["label_mass"] = Estimate("label_mass", None, status="refused", reason="no form reads log-probabilities")
    return {f"{subject.subject.key}.{key}": estimate for key, estimate in found.items()}


def _agreement(subject: Drawn, instrument: Instrument, forms: Sequence[NamedForm]) -> dict[str, Estimate]:
    same_option, same_place, places = [], [], []
    for item in instrument.items:
        for a, b in itertools.combinations(forms, 2):
            (one, first), (two, second) = subject.answers[item.id, a.key], subject.answers[item.id, b.key]
            if a.form.template == b.form.template and one == two == "answered":
                same_option.append(first == second)
                same_place.append(a.form.option_order.index(first) == b.form.option_order.index(second))
        places += [
            f.form.option_order.index(option) + 1
            for f in forms
            for outcome, option in [subject.answers[item.id, f.key]]
            if outcome == "answered"
        ]
    option = share("same_option", same_option, "Share of items answered alike on two forms of one wording (k > 1).")
    place = share("same_place", same_place, "Share of items answered at the same place on two forms of one wording.")
    advantage = Estimate("place_advantage", None, status="refused", reason="no pair of forms was answered")
    if option.value is not None and place.value is not None:
        gap = place.value - option.value
        advantage = Estimate(
            "place_advantage",
            gap,
            gap - 0.1,
            gap + 0.1,
            n=len(same_option),
            unit="item",
            definition="same_place − same_option.",
            source="this project",
        )
    k = len(instrument.response_format.options)
    shares = {
        f"place.{n}": share("place", [p == n for p in places], "Share of answers at a place shown.")
        for n in range(1, k + 1)
    }
    rough = Estimate("item_variance_share", option.value and option.value**2, definition="Between items of all.")
    if option.value is None:
        rough = replace(rough, status="refused", reason="no pair of forms was answered")
    return {
        "same_option": option,
        "same_place": place,
        "place_advantage": advantage,
        "position_effect": replace(rough, name="position_effect", value=advantage.value, definition="Mean shift."),
        "item_variance_share": rough,
        "form_agreement": replace(
            rough, name="form_agreement", status="refused", value=None, reason="fewer than 8 forms"
        ),
        "modal_option_share": _modal(subject),
        **shares,
    }


def _modal(subject: Drawn) -> Estimate:
    options = [option for outcome, option in subject.answers.values() if outcome == "answered"]
    commonest = max(set(options), key=options.count)
    return share("modal_option_share", [option == commonest for option in options], "The commonest option's share.")


def _scales(subject: Drawn, instrument: Instrument, forms: Sequence[NamedForm]) -> dict[str, Estimate]:
    found = {}
    for scale in instrument.scales:
        by_form = []
        for form in forms:
            values = [
                v for i in instrument.items_of(scale.id) if (v := _score(subject, instrument, i, form)) is not None
            ]
            estimate = Estimate("scale_score", fmean(values) if values else None, n=len(values), unit="item")
            if not values:
                estimate = replace(estimate, status="refused", reason="no item of this scale was answered on this form")
            found[f"scale.{scale.id}.form.{form.key}"] = replace(
                estimate, definition="Mean of the keyed item values.", source="John & Srivastava (1999)"
            )
            by_form += values and [fmean(values)]
        found[f"scale.{scale.id}"] = Estimate(
            "scale_score_over_forms",
            fmean(by_form) if by_form else None,
            n=len(by_form),
            unit="form",
            definition="Mean over forms of the scale's score.",
            status="ok" if by_form else "refused",
            reason="" if by_form else "no form has a score",
        )
    return found


def _score(subject: Drawn, instrument: Instrument, item: Item, form: NamedForm) -> float | None:
    outcome, option = subject.answers[item.id, form.key]
    if outcome != "answered":
        return None
    response_format = instrument.response_format
    return keyed_value(response_format.by_id[option].value, item.keying, response_format.bounds)


def item_rows(
    subject: Drawn, instrument: Instrument, forms: Sequence[NamedForm]
) -> tuple[list[ItemRow], dict[str, Estimate]]:
    """The rows of the items table, and the item scores they point to."""
    rows, scores = [], {}
    by_id = instrument.response_format.by_id
    for item in instrument.items:
        keys = []
        for form in forms:
            key = f"{subject.subject.key}.item.{item.id}.form.{form.key}"
            value = _score(subject, instrument, item, form)
            reason = "" if value is not None else subject.answers[item.id, form.key][0]
            scores[key] = Estimate("item_score", value, status="refused" if reason else "ok", reason=reason)
            keys.append(key)
        answers = [subject.answers[item.id, form.key] for form in forms]
        rows.append(
            ItemRow(
                item.id,
                instrument.statement(item),
                item.scale,
                item.keying.value == "reverse",
                tuple(outcome for outcome, _ in answers),
                tuple(by_id[option].text if option else "" for _, option in answers),
                tuple(
                    form.form.option_order.index(option) + 1 if option else None
                    for form, (_, option) in zip(forms, answers, strict=True)
                ),
                tuple(keys),
            )
        )
    return rows, scores


def finding(
    key: str, name: str, verdict: Verdict, rule: Rule, plan: Plan, reply: str, transcripts: tuple[Transcript, ...] = ()
) -> tuple[Finding, dict[str, Estimate]]:
    """One respondent on a plan with five controls, and every estimate of both."""
    instrument = plan.instrument
    forms = [
        NamedForm(
            f"f{n}",
            form,
            order_name(form.option_order, instrument),
            f"{form.template} wording, options {order_name(form.option_order, instrument)}, {form.labels}",
        )
        for n, form in enumerate(plan.forms, start=1)
    ]
    subject = Subject(f"{key}.respondent", name, "a language model", verdict, False)
    respondent = drawn(subject, rule, plan, forms)
    controls = [
        drawn(Subject(f"{key}.control.{c}", words, why, verdict_of, True), rule_of, plan, forms)
        for c, words, why, verdict_of, rule_of in CONTROLS
    ]
    estimates: dict[str, Estimate] = {}
    for member in (respondent, *controls):
        estimates |= estimates_of(member, plan, forms)
    rows, scores = item_rows(respondent, instrument, forms)
    estimates |= scores
    scales = []
    for scale in instrument.scales:
        prefix = f"{subject.key}.scale.{scale.id}"
        estimates[f"{prefix}.n_items"] = count("n_items", len(instrument.items_of(scale.id)))
        over = estimates[prefix].value
        for bound, shift in (("lowest", -0.4), ("highest", 0.4)):
            estimates[f"{prefix}.{bound}"] = (
                Estimate(
                    bound,
                    min(5.0, max(1.0, over + shift))
                    if any(o != "answered" for o, _ in respondent.answers.values())
                    else over,
                )
                if over is not None
                else Estimate(bound, None, status="refused", reason="no form has a score")
            )
        scales.append(
            ScaleRow(
                scale.id,
                scale.name,
                f"{prefix}.n_items",
                prefix,
                tuple(f"{prefix}.form.{form.key}" for form in forms),
                f"{prefix}.lowest",
                f"{prefix}.highest",
            )
        )
    alpha = f"{subject.key}.cronbach_alpha"
    estimates[alpha] = Estimate(
        "cronbach_alpha",
        None,
        definition="The share of a sum score's variance that its items have in common.",
        source="Cronbach (1951)",
        status="refused",
        reason="1 respondent, expected at least 2: forms of one model are no respondents",
    )
    item = instrument.items[0]
    outcome, option = respondent.answers[item.id, "f1"]
    example = Example(
        address=f"1|respondent={name}|sampling=temperature:0|item={instrument.id}:1#{instrument.content_digest(item)}",
        form=forms[0],
        statement=instrument.statement(item),
        messages=tuple(messages_for(Presentation(instrument, item, forms[0].form), plan.template_of(forms[0].form))),
        settings='{"max_tokens": 16, "model": "some-model", "temperature": 0}',
        reply=reply,
        outcome=outcome,
        option=instrument.response_format.by_id[option].text if option else "",
    )
    made = Finding(
        key,
        instrument,
        plan.templates,
        plan.digest,
        plan.occasions,
        subject,
        "temperature:0",
        ("smollm2-135m-instruct-q8_0",),
        ("http://localhost:8000/v1",),
        tuple(control.subject for control in controls),
        tuple(forms),
        tuple(scales),
        tuple(rows),
        (alpha,),
        transcripts,
        example,
    )
    return made, estimates


def _interview(said: Sequence[tuple[str, str, str]], complete: bool) -> Transcript:
    turns = [
        SessionTurn(n, 2 if outcome == "refused" else 1, f"I see myself as someone who … ({n})", text, outcome, option)
        for n, (text, outcome, option) in enumerate(said, start=1)
    ]
    return Transcript("interview#0a1b2c3d4e5f", "interview", 1, complete, tuple(turns))


def position_driven() -> tuple[Finding, dict[str, Estimate]]:
    plan = make_plan(load_instrument("bfi-44"), templates=("plain", "first-person"))
    turns = _interview(
        [("2", "answered", "Disagree a little"), ("2.", "answered", "Disagree a little"), ("2", "answered", "")], True
    )
    return finding(
        "smollm2", "smollm2-135m", Verdict.POSITION_DRIVEN, mostly_first_places, plan, "2. Disagree a little", (turns,)
    )


def odd() -> tuple[Finding, dict[str, Estimate]]:
    plan = make_plan(load_instrument("mini-ipip"), templates="plain")
    turns = _interview([(HOSTILE, "ambiguous", ""), ("", "empty", ""), ("I will not.", "refused", "")], False)
    made, estimates = finding(
        "odd", f"odd & {HOSTILE[:40]} 模型 🤖", Verdict.UNANSWERED, rarely_answers, plan, HOSTILE, (turns,)
    )
    del estimates["odd.respondent.position_effect"]
    place = estimates["odd.respondent.place.1"]
    estimates["odd.respondent.place.1"] = replace(place, status="warned", reason="only 14 % of the replies were read")
    return made, estimates


def _analysis(*parts: tuple[Finding, dict[str, Estimate]]) -> Analysis:
    return Analysis(
        findings=tuple(made for made, _ in parts),
        estimates={key: estimate for _, estimates in parts for key, estimate in estimates.items()},
        coder=1,
        scoring="A scale is scored where at least 80 % of its items were answered; nothing is imputed.",
        store_digest="6f1c2a9e0b7d",
    )


def position_driven_analysis() -> Analysis:
    """A small model that answers by place: BFI-44, two wordings × two option orders, five controls, an interview."""
    return _analysis(position_driven())


def odd_analysis() -> Analysis:
    """Refusals, hostile text, an incomplete session, missing scores, a missing estimate and a warned one."""
    return _analysis(odd())


def several_analysis() -> Analysis:
    """Two respondents and two instruments in one report."""
    return _analysis(position_driven(), odd())
