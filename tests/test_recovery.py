"""Ground truth: what is known of simulated respondents must be recovered through the whole path, store included."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import psychometrics as pm
from psychometrics.coding import Outcome
from psychometrics.findings import Verdict
from psychometrics.respondents.simulated import theoretical_recovery, theoretical_reliability
from psychometrics.retrieval import records_of
from psychometrics.statistics.correlation import pearson
from psychometrics.statistics.reliability import cronbach_alpha
from psychometrics.tables import responses_table, scores_table

BFI = pm.load_instrument("bfi-44")
N = 200
SCALE = "extraversion"


def noise_for(reliability: float) -> float:
    """The noise at which the scale's theoretical reliability is this, by bisection."""
    low, high = 0.01, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if theoretical_reliability(BFI, SCALE, noise=middle) > reliability else (low, middle)
    return (low + high) / 2


def simulated(folder: Path, noise: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True levels, scale scores and keyed item scores (respondents × items) of 200 simulated respondents."""
    drawn = random.Random(20260101)
    thetas = np.array([drawn.gauss(0, 1) for _ in range(N)])
    plan = pm.make_plan(BFI, option_orders="published", seed=1)
    with pm.open_store(folder / "s.sqlite") as store:
        for k, theta in enumerate(thetas):
            traits = {scale.id: float(theta) for scale in BFI.scales}
            pm.administer(plan, pm.SimulatedRespondent(traits, name=f"sim-{k}", noise=noise), store)
        records = records_of(store)
    scores = [row["score"] for row in scores_table(records) if row["scale"] == SCALE]
    items = [row["score"] for row in responses_table(records) if row["scale"] == SCALE]
    return thetas, np.array(scores, float), np.array(items, float).reshape(N, -1)


def test_two_hundred_simulated_respondents_are_recovered(tmp_path: Path) -> None:
    noise = noise_for(0.80)
    assert theoretical_reliability(BFI, SCALE, noise=noise) == pytest.approx(0.80, abs=1e-6)
    thetas, scores, items = simulated(tmp_path, noise)
    np.testing.assert_allclose(scores, items.mean(axis=1))
    alpha = cronbach_alpha(items, population="simulated")
    assert alpha.low is not None
    assert alpha.high is not None
    assert alpha.low <= 0.80 <= alpha.high
    recovered = pearson(thetas, scores)
    assert recovered.low is not None
    assert recovered.high is not None
    assert recovered.low <= 0.80**0.5 <= recovered.high
    # the exact expectation of r differs a little from √reliability, since options are few; it is in there as well
    assert recovered.low <= theoretical_recovery(BFI, SCALE, noise=noise) <= recovered.high


def test_without_noise_the_true_order_comes_back(tmp_path: Path) -> None:
    thetas, scores, _ = simulated(tmp_path, 0.02)
    recovered = pearson(thetas, scores)
    assert recovered.value is not None
    assert recovered.value >= 0.99


def analysed(folder: Path, respondent: pm.Respondent, instrument: pm.Instrument, **factors: object) -> pm.Analysis:
    plan = pm.make_plan(instrument, templates=("plain", "first-person"), seed=2, **factors)  # type: ignore[arg-type]
    with pm.open_store(folder / f"{respondent.name}.sqlite") as store:
        pm.administer(plan, respondent, store)
        return pm.analyse(store)


def test_always_agree_scores_what_the_key_makes_of_it(tmp_path: Path) -> None:
    from psychometrics.respondents.scripted import always_agree

    mini = pm.load_instrument("mini-ipip")
    analysis = analysed(tmp_path, pm.ScriptedRespondent(always_agree, name="yes"), mini)
    (finding,) = analysis.findings
    over_forms = {row.scale: analysis[row.over_forms].value for row in finding.scales}
    assert over_forms == {
        "extraversion": 3.0,
        "agreeableness": 3.0,
        "conscientiousness": 3.0,
        "neuroticism": 3.0,
        "intellect": 2.0,  # one forward and three reverse items
    }
    analysis = analysed(tmp_path, pm.ScriptedRespondent(always_agree, name="yes again"), BFI)
    (finding,) = analysis.findings
    for row in finding.scales:
        items = BFI.items_of(row.scale)
        reverse = sum(item.keying is pm.Keying.REVERSE for item in items)
        assert analysis[row.over_forms].value == (5 * (len(items) - reverse) + reverse) / len(items)


def test_always_first_is_called_position_driven(tmp_path: Path) -> None:
    from psychometrics.respondents.scripted import always_first

    analysis = analysed(tmp_path, pm.ScriptedRespondent(always_first, name="first"), BFI)
    assert analysis.findings[0].respondent.verdict is Verdict.POSITION_DRIVEN


def test_no_refusal_moves_a_score(tmp_path: Path) -> None:
    """10 % refusals: exactly the refused presentations lack an item score, and every other one is as it was."""
    traits = {scale.id: 0.7 for scale in BFI.scales}
    rows = {}
    plan = pm.make_plan(BFI, templates=("plain", "first-person"), seed=2)
    for refusals in (0.0, 0.1):
        with pm.open_store(tmp_path / f"{refusals}.sqlite") as store:
            model = pm.SimulatedRespondent(traits, name="sim", noise=0.5, refusals=refusals)
            pm.administer(plan, model, store)
            table = responses_table(records_of(store))
            rows[refusals] = {(row["form"], row["item"]): row for row in table}
    refused = {key for key, row in rows[0.1].items() if row["outcome"] == Outcome.REFUSED.value}
    assert 0.05 < len(refused) / len(plan) < 0.15
    assert {key for key, row in rows[0.1].items() if row["score"] is None} == refused
    for key in rows[0.0].keys() - refused:
        assert rows[0.1][key]["score"] == rows[0.0][key]["score"]
        assert rows[0.1][key]["option"] == rows[0.0][key]["option"]


@pytest.mark.parametrize("binding", ["place", "value", "value-descending"])
@pytest.mark.parametrize("labels", ["digits", "letters", "none"])
def test_permuting_options_never_moves_a_content_driven_score(labels: str, binding: str, tmp_path: Path) -> None:
    traits = {scale.id: level for scale, level in zip(BFI.scales, (1.5, -1.0, 0.5, -0.5, 1.0), strict=True)}
    plan = pm.make_plan(
        BFI, option_orders=["published", "reversed", ["3", "1", "5", "2", "4"]], labels=labels, bindings=binding
    )
    with pm.open_store(tmp_path / "s.sqlite") as store:
        pm.administer(plan, pm.SimulatedRespondent(traits, name="sim", noise=0.0), store)
        by_scale: dict[object, set[object]] = {}
        for row in scores_table(records_of(store)):
            by_scale.setdefault(row["scale"], set()).add(row["score"])
    assert all(len(scores) == 1 for scores in by_scale.values())
    assert len(by_scale) == 5


@pytest.mark.parametrize(("bias", "said"), [(1.0, ", not what it says"), (0.6, " more than what it says")])
def test_the_headline_does_not_say_more_than_the_numbers(bias: float, said: str, tmp_path: Path) -> None:
    """A respondent that mostly follows the first place, but not only, is not told that it never reads."""
    traits = {scale.id: level for scale, level in zip(BFI.scales, (1.5, -1.5, 1.0, -1.0, 1.5), strict=True)}
    respondent = pm.SimulatedRespondent(traits, name="biased", noise=0.2, position_bias=bias)
    analysis = analysed(tmp_path, respondent, BFI)
    assert analysis.findings[0].respondent.verdict is Verdict.POSITION_DRIVEN
    assert f"Its answers follow the place an option is shown in{said}" in pm.render_report(analysis)
