"""From records to an `Analysis`: verdicts on what is known, refusals with reasons, nothing that depends on order."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest
from answering import record_of

from psychometrics.analysis import analyse_records, verdict_of
from psychometrics.coding import Coding, Outcome
from psychometrics.controls import Control, administered, controls_of, known_traits, seed_of
from psychometrics.findings import Analysis, Verdict
from psychometrics.indices import answer_matrix, subject_estimates
from psychometrics.library import load_instrument
from psychometrics.plan import Plan, Presentation, make_plan
from psychometrics.question import Request, address_of
from psychometrics.records import AdministrationRecord, StoredResponse, coded
from psychometrics.respondents.base import reply_body
from psychometrics.respondents.simulated import SimulatedRespondent
from psychometrics.statistics.estimate import Estimate

TWO_BY_TWO = make_plan(load_instrument("bfi-44"), templates=("plain", "first-person"))
DESIGNS = {
    "bfi-44, two wordings": TWO_BY_TWO,
    "bfi-44, one wording": make_plan(load_instrument("bfi-44")),
    "mini-ipip, two wordings": make_plan(load_instrument("mini-ipip"), templates=("plain", "first-person")),
    "mini-ipip, one wording": make_plan(load_instrument("mini-ipip")),
}


def first_place(presentation: Presentation) -> str:
    return presentation.form.option_order[0]


def last_place(presentation: Presentation) -> str:
    return presentation.form.option_order[-1]


def by_stem(presentation: Presentation) -> str:
    return str(random.Random(presentation.item.stem).randint(1, 5))


def leaning_to_the_first_place(presentation: Presentation) -> Mapping[str, float]:
    """Nine tenths at the first place, the rest leaning to an option that depends on the item."""
    liked = random.Random(presentation.item.stem).choice(presentation.form.option_order)
    first = presentation.form.option_order[0]
    return {o: 0.86 * (o == first) + 0.06 * (o == liked) + 0.016 for o in presentation.form.option_order}


def estimates_of(record: AdministrationRecord, seed: int = 0) -> dict[str, Estimate]:
    return subject_estimates(coded(record), "x", "simulated", seed)


def verdict(record: AdministrationRecord, seed: int = 0) -> Verdict:
    return verdict_of(estimates_of(record, seed), "x")


@pytest.mark.parametrize("plan", DESIGNS.values(), ids=DESIGNS)
def test_the_verdict_on_each_control_is_right(plan: Plan) -> None:
    found = {control.key: verdict(administered(plan, control)) for control in controls_of(plan)}
    assert found == {
        "always-first": Verdict.POSITION_DRIVEN,
        "always-middle": Verdict.ITEM_INSENSITIVE,
        "random": Verdict.UNDECIDED,
        "always-agree": Verdict.ITEM_INSENSITIVE,
        "known-traits": Verdict.MEASURABLE,
    }


@pytest.mark.parametrize("plan", DESIGNS.values(), ids=DESIGNS)
def test_always_last_is_position_driven_too(plan: Plan) -> None:
    assert verdict(record_of(plan, last_place)) is Verdict.POSITION_DRIVEN


@pytest.mark.parametrize("plan", DESIGNS.values(), ids=DESIGNS)
def test_a_model_whose_probabilities_lean_to_the_first_place_is_position_driven(plan: Plan) -> None:
    read = make_plan(plan.instrument, templates=plan.templates, read_outs="logprobs")
    record = record_of(read, leaning_to_the_first_place)
    assert verdict(record) is Verdict.POSITION_DRIVEN
    found = estimates_of(record)
    assert -1.8 < found["x.position_effect"].value < -1.5
    assert found["x.label_mass"].value == pytest.approx(1)


@pytest.mark.parametrize("plan", DESIGNS.values(), ids=DESIGNS)
def test_random_answers_are_undecided_at_nearly_every_seed(plan: Plan) -> None:
    found = Counter()
    for seed in range(50):
        rng = random.Random(seed)
        record = record_of(plan, lambda p, rng=rng: rng.choice(p.form.option_order))
        found[verdict(record, seed)] += 1
    assert found[Verdict.UNDECIDED] >= 45
    assert found[Verdict.MEASURABLE] <= 2


@pytest.mark.parametrize("plan", DESIGNS.values(), ids=DESIGNS)
def test_known_traits_are_measurable_at_every_seed_when_noise_is_low(plan: Plan) -> None:
    traits = known_traits(plan.instrument)
    for seed in range(10):
        drawn = SimulatedRespondent(traits, name="drawn", seed=seed, noise=0.1)
        assert verdict(administered(plan, Control("d", "d", "d", drawn)), seed) is Verdict.MEASURABLE


def test_a_respondent_that_mostly_agrees_is_item_insensitive() -> None:
    def agreeing(presentation: Presentation) -> str:
        rng = random.Random(f"{presentation.item.id}{presentation.form}")
        return "4" if rng.random() < 0.94 else rng.choice("1235")

    assert verdict(record_of(TWO_BY_TWO, agreeing)) is Verdict.ITEM_INSENSITIVE


def test_half_unanswered_is_unanswered_and_one_order_is_undecided() -> None:
    def few(presentation: Presentation) -> str | None:
        return "4" if int(presentation.item.id) <= 21 else None

    assert verdict(record_of(TWO_BY_TWO, few)) is Verdict.UNANSWERED
    one_order = make_plan(load_instrument("bfi-44"), option_orders="published")
    assert verdict(record_of(one_order, by_stem)) is Verdict.UNDECIDED
    refused = estimates_of(record_of(one_order, by_stem))["x.place_advantage"]
    assert (refused.status, refused.value) == ("refused", None)
    assert "one order" in refused.reason


def test_one_option_on_every_form_is_not_called_content_where_the_design_cannot_tell() -> None:
    one_order = make_plan(load_instrument("bfi-44"), option_orders="published")
    assert verdict(record_of(one_order, lambda p: "4")) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("instrument", "scale", "expected"),
    [("mini-ipip", s, 3) for s in ("extraversion", "agreeableness", "conscientiousness", "neuroticism")]
    + [("mini-ipip", "intellect", 2), ("bfi-44", "extraversion", 3.5), ("bfi-44", "openness", 4.2)],
)
def test_agreeing_with_everything_scores_the_baseline_of_the_key(instrument: str, scale: str, expected: float) -> None:
    plan = make_plan(load_instrument(instrument), templates=("plain", "first-person"))
    always_agree = next(control for control in controls_of(plan) if control.key == "always-agree")
    found = estimates_of(administered(plan, always_agree))
    assert found[f"x.scale.{scale}"].value == expected
    assert found[f"x.scale.{scale}.lowest"].value == expected == found[f"x.scale.{scale}.highest"].value
    assert found[f"x.scale.{scale}.form.f4"].value == expected


def test_known_traits_are_recovered_in_the_order_of_the_scales() -> None:
    traits = controls_of(TWO_BY_TWO)[-1]
    found = estimates_of(administered(TWO_BY_TWO, traits))
    scores = [found[f"x.scale.{scale.id}"].value for scale in TWO_BY_TWO.instrument.scales]
    assert scores == sorted(scores)
    assert scores[0] < 2 < 4 < scores[-1]


@pytest.mark.parametrize("order", [("3", "1", "5", "2", "4"), ("5", "4", "3", "2", "1")])
def test_permuting_the_options_never_alters_a_score(order: tuple[str, ...]) -> None:
    straight = make_plan(load_instrument("bfi-44"), option_orders="published")
    turned = make_plan(load_instrument("bfi-44"), option_orders=[order])
    one, other = (estimates_of(record_of(plan, by_stem)) for plan in (straight, turned))
    scales = [key for key in one if ".scale." in key]
    assert len(scales) == 25
    assert [one[key] for key in scales] == [other[key] for key in scales]


def test_pairs_differ_in_the_option_order_only_and_repetitions_in_the_occasion_only() -> None:
    plan = make_plan(load_instrument("mini-ipip"), templates=("plain", "first-person"), occasions=2)
    matrix = answer_matrix(coded(record_of(plan, by_stem)))
    # columns: plain published 1 2, plain reversed 1 2, first-person published 1 2, first-person reversed 1 2
    assert matrix.reordered == ((0, 2), (1, 3), (4, 6), (5, 7))
    assert matrix.mirrored == matrix.reordered
    assert matrix.repeated == ((0, 1), (2, 3), (4, 5), (6, 7))
    assert matrix.by_form.shape == (20, 4)


def test_the_rising_order_comes_first_whatever_the_plan_puts_first() -> None:
    plan = make_plan(load_instrument("mini-ipip"), option_orders=("reversed", "published"))
    assert answer_matrix(coded(record_of(plan, by_stem))).mirrored == ((1, 0),)
    assert estimates_of(record_of(plan, first_place))["x.position_effect"].value == -2
    assert estimates_of(record_of(plan, last_place))["x.position_effect"].value == 2


def test_rotated_orders_have_pairs_without_mirrors() -> None:
    found = estimates_of(record_of(make_plan(load_instrument("mini-ipip"), option_orders="balanced"), first_place))
    assert found["x.same_place"].value == 1
    assert found["x.position_effect"].status == "refused"
    assert "mirrored" in found["x.position_effect"].reason


def test_repetition_without_sampling_is_warned_and_without_occasions_refused() -> None:
    plan = make_plan(load_instrument("mini-ipip"), occasions=2)
    greedy = estimates_of(record_of(plan, by_stem, sampling="temperature:0"))["x.same_option_again"]
    assert (greedy.value, greedy.status) == (1, "warned")
    assert "determinism" in greedy.reason
    once = estimates_of(record_of(make_plan(load_instrument("mini-ipip")), by_stem))["x.same_option_again"]
    assert once.status == "refused"


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    def rule(presentation: Presentation) -> str | None:
        if presentation.item.id == "1":
            return None
        return "no idea" if presentation.item.id == "2" else by_stem(presentation)

    return analyse_records([record_of(TWO_BY_TWO, rule, name="one"), record_of(TWO_BY_TWO, first_place, name="two")])


def test_every_key_of_a_finding_has_an_estimate(analysis: Analysis) -> None:
    names = [
        *("planned", "asked", "answered_share", "same_option", "same_place", "place_advantage", "position_effect"),
        *("item_variance_share", "form_agreement", "label_mass", "same_option_again", "modal_option_share"),
        *("place.1", "place.5"),
    ]
    for finding in analysis.findings:
        keys = [f"{subject.key}.{name}" for subject in finding.subjects for name in names]
        keys += [f"{subject.key}.outcome.{outcome.value}" for subject in finding.subjects for outcome in Outcome]
        keys += [f"{finding.respondent.key}.coverage.{form.key}.{o.value}" for form in finding.forms for o in Outcome]
        for row in finding.scales:
            keys += [row.n_items, row.over_forms, row.lowest, row.highest, *row.by_form]
        keys += [key for row in finding.items for key in row.scores]
        keys += finding.reliability
        missing = [key for key in keys if key not in analysis.estimates]
        assert not missing


def test_every_estimate_says_what_it_is_and_no_number_is_nan(analysis: Analysis) -> None:
    for key, estimate in analysis.estimates.items():
        assert estimate.definition, key
        assert estimate.source, key
        assert estimate.unit, key
        assert estimate.population == ("simulated" if key.startswith("p") else "one model"), key
        assert (estimate.value is None) == (estimate.status == "refused"), key
        assert bool(estimate.reason) == (estimate.status != "ok"), key
        parts = [part for part in (estimate.value, estimate.low, estimate.high) if part is not None]
        assert all(math.isfinite(part) for part in parts), key
        if estimate.low is not None and estimate.high is not None:
            assert estimate.low - 1e-12 <= estimate.value <= estimate.high + 1e-12, key


def test_a_finding_counts_and_shows_what_happened(analysis: Analysis) -> None:
    finding = analysis.findings[0]
    key = finding.respondent.key
    assert analysis[f"{key}.planned"].value == 176
    assert analysis[f"{key}.asked"].value == 172
    assert analysis[f"{key}.outcome.answered"].value == 168
    assert analysis[f"{key}.answered_share"].value == pytest.approx(168 / 176)
    assert analysis[f"{key}.coverage.f1.asked"].value == 43
    assert finding.items[0].outcomes == ("not asked",) * 4
    assert finding.items[0].places == (None,) * 4
    assert analysis[finding.items[0].scores[0]].reason == "not asked"
    assert finding.items[1].outcomes == ("unreadable",) * 4
    assert analysis[finding.items[1].scores[0]].status == "refused"
    third = finding.items[2]
    chosen = by_stem(Presentation(TWO_BY_TWO.instrument, TWO_BY_TWO.instrument.items[2], TWO_BY_TWO.forms[0]))
    assert third.options[0] == TWO_BY_TWO.instrument.response_format.by_id[chosen].text
    assert third.places[:2] == (int(chosen), 6 - int(chosen))
    assert analysis[third.scores[1]].value == int(chosen)
    assert finding.reported_models == ("one",)
    assert finding.endpoints == ("http://localhost:1/v1",)


def test_the_example_is_the_first_answered_presentation_as_it_was_sent(analysis: Analysis) -> None:
    finding = analysis.findings[0]
    example = finding.example
    item = finding.instrument.items[2]
    assert example is not None
    assert example.form == finding.forms[0]
    assert example.statement == finding.instrument.statement(item)
    assert example.messages == ({"role": "user", "content": item.stem},)
    assert orjson.loads(example.settings) == {"model": "one", "max_tokens": 16}
    assert (example.reply, example.outcome) == (
        by_stem(Presentation(TWO_BY_TWO.instrument, item, TWO_BY_TWO.forms[0])),
        "answered",
    )


def test_one_model_has_no_alpha_and_the_reason_is_given(analysis: Analysis) -> None:
    (key,) = analysis.findings[0].reliability
    assert analysis[key].status == "refused"
    assert "one respondent" in analysis[key].reason


def test_controls_of_a_shared_plan_are_computed_once(analysis: Analysis) -> None:
    one, two = analysis.findings
    assert one.controls is two.controls
    assert {control.key for control in one.controls} == {
        f"p1.{name}" for name in ("always-first", "always-middle", "random", "always-agree", "known-traits")
    }
    assert all(control.is_control for control in one.controls)
    assert two.respondent.verdict is Verdict.POSITION_DRIVEN


def test_the_same_records_give_the_same_value_whatever_order_the_answers_came_in() -> None:
    record = record_of(TWO_BY_TWO, by_stem)
    arrived = list(record.responses.items())
    random.Random(4).shuffle(arrived)
    assert analyse_records([replace(record, responses=dict(arrived))]) == analyse_records([record])


def test_the_digest_changes_with_every_body_and_with_the_order_of_records() -> None:
    one, two = record_of(TWO_BY_TWO, by_stem, name="one"), record_of(TWO_BY_TWO, first_place, name="two")
    address = next(iter(one.responses))
    altered = {**one.responses, address: replace(one.responses[address], body=one.responses[address].body + " ")}
    digests = [
        analyse_records(records).store_digest
        for records in ([one, two], [two, one], [one], [replace(one, responses=altered), two])
    ]
    assert len(set(digests)) == 4


def test_nothing_stored_is_an_analysis_too() -> None:
    empty = analyse_records([])
    assert (empty.findings, dict(empty.estimates)) == ((), {})
    finding = analyse_records([record_of(TWO_BY_TWO, lambda p: None)]).findings[0]
    assert finding.respondent.verdict is Verdict.UNANSWERED
    assert finding.example is None


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"choices": []}', '{"choices": ["x"]}', "not json"])
def test_a_body_that_cannot_be_read_is_unreadable(body: str) -> None:
    record = record_of(TWO_BY_TWO, by_stem)
    address = str(address_of(next(TWO_BY_TWO.presentations()), "model"))
    broken = {**record.responses, address: replace(record.responses[address], body=body)}
    found = estimates_of(replace(record, responses=broken))
    assert found["x.outcome.unreadable"].value == 1
    assert found["x.outcome.answered"].value == 175


def test_another_coder_can_be_applied_to_what_was_said() -> None:
    def nothing(completion: object, presentation: Presentation) -> Coding:
        return Coding(Outcome.REFUSED)

    analysis = analyse_records([record_of(TWO_BY_TWO, by_stem)], code=nothing)
    key = analysis.findings[0].respondent.key
    assert analysis[f"{key}.outcome.refused"].value == 176
    assert analysis.findings[0].respondent.verdict is Verdict.UNANSWERED


INTERVIEW = make_plan(load_instrument("mini-ipip"), interviews=[["1", "2", "3"]], occasions=2)


def interviewed(turns: list[tuple[str, int, int, str]]) -> AdministrationRecord:
    """A record of one interview: (item, turn, try, reply) in the order of arrival."""
    session = INTERVIEW.sessions[0]
    responses = {}
    for item, turn, try_, reply in turns:
        presentation = Presentation(INTERVIEW.instrument, INTERVIEW.instrument.by_id[item], session.form)
        address = str(address_of(presentation, "m").within(session=session.id, turn=turn, try_=try_))
        said = [{"role": "assistant", "content": "before"}, {"role": "user", "content": f"item {item}, try {try_}"}]
        responses[address] = StoredResponse(address, Request.of(said, {"model": "m"}), reply_body(reply, model="m"))
    return AdministrationRecord(INTERVIEW, "m", "m", responses=responses)


@pytest.mark.parametrize(
    ("turns", "complete"),
    [
        ([("1", 1, 1, "2"), ("2", 2, 1, "3"), ("3", 3, 1, "4")], True),
        ([("3", 3, 1, "4"), ("2", 2, 2, "no idea"), ("2", 2, 1, "no idea"), ("1", 1, 1, "2")], True),
        ([("1", 1, 1, "2"), ("2", 2, 1, "no idea"), ("3", 3, 1, "4")], False),
        ([("1", 1, 1, "2"), ("2", 2, 1, "3")], False),
    ],
)
def test_a_transcript_is_complete_when_every_turn_is_answered_or_its_re_asks_are_used_up(
    turns: list[tuple[str, int, int, str]], complete: bool
) -> None:
    (transcript,) = analyse_records([interviewed(turns)]).findings[0].transcripts
    assert transcript.complete is complete
    assert [(turn.turn, turn.try_) for turn in transcript.turns] == sorted((t, n) for _, t, n, _ in turns)
    assert transcript.turns[0].said == "item 1, try 1"
    assert (transcript.kind, transcript.occasion, transcript.turns[0].option) == (
        "interview",
        1,
        "Moderately inaccurate",
    )


def test_another_respondents_session_and_session_answers_do_not_enter_scores() -> None:
    record = interviewed([("1", 1, 1, "2"), ("2", 2, 1, "3"), ("3", 3, 1, "4")])
    found = analyse_records([record])
    assert found[f"{found.findings[0].respondent.key}.asked"].value == 0
    assert analyse_records([replace(record, respondent="other")]).findings[0].transcripts == ()


def test_controls_follow_from_the_plan_alone() -> None:
    again = make_plan(load_instrument("bfi-44"), templates=("plain", "first-person"))
    assert seed_of(again) == seed_of(TWO_BY_TWO)
    for one, other in zip(controls_of(TWO_BY_TWO), controls_of(again), strict=True):
        assert administered(TWO_BY_TWO, one).responses == administered(again, other).responses
    other_seed = make_plan(load_instrument("bfi-44"), templates=("plain", "first-person"), seed=1)
    assert seed_of(other_seed) != seed_of(TWO_BY_TWO)


def test_controls_answer_log_probability_forms_as_well() -> None:
    plan = make_plan(load_instrument("mini-ipip"), read_outs="logprobs")
    found = {control.key: verdict(administered(plan, control)) for control in controls_of(plan)}
    assert found["always-first"] is Verdict.POSITION_DRIVEN
    assert found["known-traits"] is Verdict.MEASURABLE
