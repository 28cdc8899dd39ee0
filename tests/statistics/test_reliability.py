"""Alpha and Feldt's interval against R, and the laws that alpha obeys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import complete, keyed_scale, oracle

from psychometrics.errors import InsufficientData
from psychometrics.statistics.reliability import cronbach_alpha

SCALES = [("agree", "A"), ("neuroticism", "N")]


@pytest.mark.parametrize(("scale", "letter"), SCALES)
def test_alpha_and_feldt_equal_r(scale: str, letter: str) -> None:
    scores = complete(keyed_scale(letter))
    assert len(scores) == oracle(f"rel.bfi.{scale}.n")["n_complete"]
    found, expected = cronbach_alpha(scores), oracle(f"rel.bfi.{scale}.feldt")
    assert found.value == pytest.approx(oracle(f"rel.bfi.{scale}.alpha_complete")["raw_alpha"], abs=1e-8)
    assert found.low == pytest.approx(expected["lower"], abs=1e-8)
    assert found.high == pytest.approx(expected["upper"], abs=1e-8)
    assert (found.n, found.unit, found.population, found.status) == (len(scores), "respondent", "humans", "ok")


def test_another_level_is_wider_when_higher() -> None:
    scores = complete(keyed_scale("N"))[:40]
    narrow, wide = cronbach_alpha(scores, level=0.5), cronbach_alpha(scores, level=0.99)
    assert wide.low < narrow.low < narrow.value < narrow.high < wide.high
    assert wide.level == 0.99


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=5, max_size=5), st.floats(0.01, 100), st.permutations(range(5)))
def test_alpha_ignores_shifts_of_items_a_common_unit_and_the_order_of_items(
    shift: list[float], unit: float, order: list[int]
) -> None:
    scores = complete(keyed_scale("N"))[:60]
    moved = (scores * unit + np.array(shift))[:, order]
    assert cronbach_alpha(moved).value == pytest.approx(cronbach_alpha(scores).value, abs=1e-9)


def test_a_miskeyed_scale_shows_a_low_alpha() -> None:
    scores = complete(keyed_scale("A"))
    scores[:, 0] = 7 - scores[:, 0]
    assert cronbach_alpha(scores).value < oracle("rel.bfi.agree.alpha_complete")["raw_alpha"] - 0.1


def test_identical_items_give_one_with_feldts_limits_at_one() -> None:
    found = cronbach_alpha(np.repeat(np.arange(10.0)[:, None], 4, axis=1))
    assert found.value == pytest.approx(1)
    assert found.low == pytest.approx(1)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.ones((1, 5)), "1 respondent"),
        (np.ones((0, 5)), "0 respondent"),
        (np.arange(5.0)[:, None], "1 item"),
        (np.arange(5.0), "1 dimensions"),
        (np.ones((5, 4)), "do not vary"),
        (np.full((5, 4), 0.1) + np.arange(4), "do not vary"),
        (np.array([[1, 2], [2, np.nan], [3, 4]]), "missing"),
        (np.array([[1, 2], [2, np.inf], [3, 4]]), "infinite"),
        (np.array([[1.0, 5.0], [2.0, 4.0], [3.0, 3.0]]), "do not vary"),
    ],
)
def test_what_has_no_alpha_is_refused_with_the_reason(scores: np.ndarray, reason: str) -> None:
    with pytest.raises(InsufficientData, match=reason):
        cronbach_alpha(scores)
