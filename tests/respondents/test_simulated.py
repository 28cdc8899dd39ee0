"""Known traits must come back: recovery, reliability, symmetry, and faults that touch only what they hit."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from psychometrics.errors import InstrumentError, RespondentError
from psychometrics.instrument import Instrument, Keying, keyed_value
from psychometrics.library import load_instrument
from psychometrics.plan import Presentation, make_plan
from psychometrics.question import Address, Completion, Question, address_of
from psychometrics.respondents.base import Respondent
from psychometrics.respondents.simulated import (
    SimulatedRespondent,
    theoretical_recovery,
    theoretical_reliability,
    thresholds,
)

BFI, MINI = load_instrument("bfi-44"), load_instrument("mini-ipip")
FORMS = list(make_plan(BFI, option_orders="balanced", occasions=2).presentations())


def completions(respondent: Respondent, presentations: Iterable[Presentation]) -> list[Completion]:
    async def ask() -> list[Completion]:
        found = []
        for presentation in presentations:
            form = presentation.form
            address = address_of(presentation, respondent.identity)
            request = respondent.request([], form.read_out, form.max_tokens, address)
            reply = await respondent.respond(Question(address, request, presentation))
            found.append(Completion.of(reply.body))
        return found

    return asyncio.run(ask())


def said(respondent: Respondent, presentations: Iterable[Presentation] = FORMS) -> list[str]:
    return [completion.text for completion in completions(respondent, presentations)]


def scale_means(instrument: Instrument, scale: str, thetas: Iterable[float], noise: float) -> list[float]:
    """The mean keyed value of each simulated respondent, item by item as published."""
    form = make_plan(instrument, option_orders="published").forms[0]
    presentations = [Presentation(instrument, item, form) for item in instrument.items_of(scale)]
    bounds = instrument.response_format.bounds
    means = []
    for n, theta in enumerate(thetas):
        respondent = SimulatedRespondent({scale: theta}, name=f"s{n}", noise=noise)
        values = [
            keyed_value(dict(presentation.shown)[words].value, presentation.item.keying, bounds)
            for presentation, words in zip(presentations, said(respondent, presentations), strict=True)
        ]
        means.append(float(np.mean(values)))
    return means


@pytest.mark.parametrize(("instrument", "scale"), [(BFI, "extraversion"), (MINI, "extraversion")])
def test_traits_are_recovered_when_there_is_hardly_any_noise(instrument: Instrument, scale: str) -> None:
    thetas = np.random.default_rng(7).standard_normal(200)
    found = np.corrcoef(thetas, scale_means(instrument, scale, thetas, 0.02))[0, 1]
    assert found >= 0.99
    assert theoretical_recovery(instrument, scale, noise=0.02) >= 0.99


def test_recovery_and_reliability_are_what_the_model_says() -> None:
    thetas = np.random.default_rng(8).standard_normal(600)
    once, again = (
        np.array(scale_means(MINI, "extraversion", thetas, 0.5)),
        # Another name draws other noise, so that this is a second measurement of the same respondents.
        np.array(scale_means(MINI, "extraversion", [*np.zeros(600), *thetas], 0.5)[600:]),
    )
    reliability = theoretical_reliability(MINI, "extraversion", noise=0.5)
    assert np.corrcoef(once, again)[0, 1] == pytest.approx(reliability, abs=0.05)
    assert np.corrcoef(thetas, once)[0, 1] == pytest.approx(
        theoretical_recovery(MINI, "extraversion", noise=0.5), abs=0.03
    )


def test_theory_knows_its_limits() -> None:
    for noise in (0.1, 0.5, 2.0):
        reliability = theoretical_reliability(BFI, "openness", noise=noise)
        assert theoretical_recovery(BFI, "openness", noise=noise) <= math.sqrt(reliability)
    assert theoretical_reliability(BFI, "openness", noise=0.02) > 0.997
    assert theoretical_reliability(BFI, "openness", noise=50) < 0.01
    coarse, fine = (theoretical_reliability(BFI, "openness", noise=0.5, n_nodes=n) for n in (2001, 40001))
    assert coarse == pytest.approx(fine, abs=1e-9)
    with pytest.raises(RespondentError):
        theoretical_reliability(BFI, "openness", noise=0)
    with pytest.raises(InstrumentError, match='scale is "x"'):
        theoretical_reliability(BFI, "x", noise=1)


@pytest.mark.parametrize("scale", [scale.id for scale in BFI.scales])
def test_a_scale_s_thresholds_share_one_even_symmetric_grid(scale: str) -> None:
    on_theta: list[float] = []
    for item, points in thresholds(BFI, scale).items():
        assert list(points) == sorted(points)
        on_theta += [-p for p in points] if BFI.by_id[item].keying is Keying.REVERSE else points
    grid = np.sort(on_theta)
    assert np.allclose(np.diff(grid), grid[1] - grid[0])
    assert np.allclose(grid, -grid[::-1])


def test_mirrored_traits_give_mirrored_means() -> None:
    thetas = np.array([0.31, 0.77, 1.49])
    up, down = (scale_means(BFI, "neuroticism", sign * thetas, 0.0) for sign in (1, -1))
    assert np.allclose(np.array(up) + down, 6)


@pytest.mark.parametrize("fault", ["refusals", "carelessness", "position_bias"])
def test_a_fault_changes_what_it_hits_and_nothing_else(fault: str) -> None:
    traits = {scale.id: 0.4 for scale in BFI.scales}
    others = {"refusals": 0.1, "carelessness": 0.1, "position_bias": 0.1, fault: 0.0}
    without = said(SimulatedRespondent(traits, name="s", **others))  # type: ignore[arg-type]
    little, much = (
        said(SimulatedRespondent(traits, name="s", **{**others, fault: share}))  # type: ignore[arg-type]
        for share in (0.1, 0.3)
    )
    hit_little, hit_much = (
        {k for k, (a, b) in enumerate(zip(without, found, strict=True)) if a != b} for found in (little, much)
    )
    assert 0 < len(hit_little) / len(FORMS) < 0.1 * 1.3
    assert hit_little < hit_much
    assert all(little[k] == much[k] for k in hit_little)


def test_faults_look_as_they_are_called() -> None:
    traits = {scale.id: 0.0 for scale in BFI.scales}
    first = [p.shown[0][0] for p in FORMS]
    assert said(SimulatedRespondent(traits, name="s", position_bias=1)) == first
    assert all("AI" in words for words in said(SimulatedRespondent(traits, name="s", refusals=1)))

    def values(**faults: float) -> list[float]:
        words = said(SimulatedRespondent(traits, name="s", **faults))  # type: ignore[arg-type]
        return [dict(p.shown)[said_].value for p, said_ in zip(FORMS, words, strict=True)]

    assert np.mean(values(acquiescence=1.0)) > np.mean(values()) + 0.5
    assert np.mean(np.isin(values(extremity=2.0), (1, 5))) > np.mean(np.isin(values(), (1, 5))) + 0.2
    counts = np.bincount(np.array(values(carelessness=1.0), dtype=int))[1:]
    assert (abs(counts / len(FORMS) - 0.2) < 0.07).all()


def test_the_same_question_gets_the_same_answer_whoever_else_is_asked() -> None:
    traits = {scale.id: 0.4 for scale in BFI.scales}
    one = SimulatedRespondent(traits, name="s", seed=3)
    assert isinstance(one, Respondent)
    assert said(one) == said(SimulatedRespondent(traits, name="s", seed=3))
    assert said(one, reversed(FORMS)) == said(one)[::-1]
    assert said(one) != said(SimulatedRespondent(traits, name="s", seed=4))


def test_log_probabilities_are_the_model_s_own() -> None:
    plan = make_plan(BFI, read_outs=("text", "logprobs"), option_orders="reversed", occasions=400)
    item = BFI.by_id["1"]
    respondent = SimulatedRespondent(
        {scale.id: 0.6 for scale in BFI.scales}, name="s", position_bias=0.2, carelessness=0.1, acquiescence=0.2
    )
    drawn_form, read_form = plan.forms
    (read,) = completions(respondent, [Presentation(BFI, item, read_form)])
    assert read.top_logprobs is not None
    chances = {label: math.exp(logprob) for label, logprob in read.top_logprobs}
    assert sum(chances.values()) == pytest.approx(1)
    assert list(chances.values()) == sorted(chances.values(), reverse=True)
    drawn = said(respondent, [Presentation(BFI, item, drawn_form, occasion) for occasion in range(1, 4001)])
    for label, chance in chances.items():
        assert drawn.count(label) / 4000 == pytest.approx(chance, abs=0.03)


def test_impossible_categories_and_refusals_in_log_probabilities() -> None:
    presentations = [p for p in make_plan(BFI, read_outs="logprobs").presentations() if p.item.id == "1"]
    traits: Mapping[str, float] = {scale.id: 9.0 for scale in BFI.scales}
    (sure, _) = completions(SimulatedRespondent(traits, name="s", noise=0.0), presentations)
    assert sure.top_logprobs is not None
    assert len(sure.top_logprobs) == 1
    (refused, _) = completions(SimulatedRespondent(traits, name="s", refusals=1.0), presentations)
    assert refused.top_logprobs == (("I'm", 0.0),)


def test_identity_is_name_and_parameters() -> None:
    one = SimulatedRespondent({"x": 1}, name="s")
    assert one.identity == SimulatedRespondent({"x": 1.0}, name="s", noise=0.5).identity
    assert one.identity != SimulatedRespondent({"x": 1}, name="s", refusals=0.1).identity
    assert one.describe()["traits"] == {"x": 1.0}


@pytest.mark.parametrize(
    ("traits", "settings"),
    [
        ({"x": math.nan}, {}),
        ({}, {"noise": -1.0}),
        ({}, {"refusals": 1.1}),
        ({}, {"extremity": -1.0}),
        ({}, {"acquiescence": math.inf}),
    ],
)
def test_impossible_parameters_are_refused(traits: dict[str, float], settings: dict[str, float]) -> None:
    with pytest.raises(RespondentError, match=r"^s: "):
        SimulatedRespondent(traits, name="s", **settings)  # type: ignore[arg-type]


def test_questions_that_it_cannot_answer() -> None:
    respondent = SimulatedRespondent({"bravery": 1}, name="s")
    with pytest.raises(RespondentError, match="no trait is a scale of"):
        said(respondent)
    bare = Question(Address("s"), respondent.request([], "text", 16, Address("s")))
    with pytest.raises(RespondentError, match="shows no item"):
        asyncio.run(respondent.respond(bare))
    assert len(set(said(SimulatedRespondent({}, name="s")))) == 5
