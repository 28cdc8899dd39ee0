"""The intraclass correlations against R and Shrout and Fleiss (1979)."""

from __future__ import annotations

import numpy as np
import pytest
from oracle import oracle, shrout_fleiss

from psychometrics.errors import InsufficientData
from psychometrics.statistics._pingouin import intraclass_correlations
from psychometrics.statistics.agreement import form_agreement, mean_squares
from psychometrics.statistics.position import item_variance_share


def test_agreement_and_its_interval_equal_r() -> None:
    found, expected = form_agreement(shrout_fleiss()), oracle("icc_irr.shrout_fleiss.twoway.agreement.single")
    assert found.value == pytest.approx(0.289764, abs=5e-7)
    assert found.value == pytest.approx(expected["value"], abs=1e-8)
    assert found.low == pytest.approx(expected["lbound"], abs=1e-8)
    assert found.high == pytest.approx(expected["ubound"], abs=1e-8)
    psych = oracle("icc.shrout_fleiss")["data"]
    assert found.value == pytest.approx(psych["ICC"][psych["type"].index("ICC2")], abs=1e-8)


def test_consistency_and_its_interval_equal_r() -> None:
    found, expected = item_variance_share(shrout_fleiss()), oracle("icc_irr.shrout_fleiss.twoway.consistency.single")
    assert found.value == pytest.approx(expected["value"], abs=1e-8)
    assert found.low == pytest.approx(expected["lbound"], abs=1e-8)
    assert found.high == pytest.approx(expected["ubound"], abs=1e-8)


def test_the_value_from_pingouin_is_the_formula_of_the_mean_squares() -> None:
    scores = np.random.default_rng(5).integers(1, 6, size=(20, 3)).astype(float)
    squares = mean_squares(scores)
    n, k = scores.shape
    below = squares.rows + (k - 1) * squares.error + k / n * (squares.columns - squares.error)
    expected = (squares.rows - squares.error) / below
    assert form_agreement(scores).value == pytest.approx(expected, abs=1e-12)
    icc = intraclass_correlations(scores)
    assert icc["ICC(A,1)"] == pytest.approx(expected, abs=1e-12)
    assert item_variance_share(scores).value == pytest.approx(icc["ICC(C,1)"], abs=1e-12)


def test_a_shift_of_one_form_lowers_agreement_and_leaves_the_item_variance_share() -> None:
    scores = shrout_fleiss()
    shifted = scores + np.array([0, 3, 0, 0])
    assert form_agreement(shifted).value != pytest.approx(form_agreement(scores).value)
    assert item_variance_share(shifted).value == pytest.approx(item_variance_share(scores).value)


def test_the_order_of_items_and_forms_changes_nothing() -> None:
    scores = shrout_fleiss()
    turned = scores[::-1, [2, 0, 3, 1]]
    assert form_agreement(turned).value == pytest.approx(form_agreement(scores).value)
    assert form_agreement(turned).low == pytest.approx(form_agreement(scores).low)


def test_answers_alike_on_every_form_agree_perfectly_and_are_warned() -> None:
    scores = np.repeat(np.array([[1.0], [5.0], [3.0]]), 2, axis=1)
    for found in (form_agreement(scores), item_variance_share(scores)):
        assert (found.value, found.low, found.high, found.status) == (1, 1, 1, "warned")


def test_a_pure_shift_orders_items_alike_without_full_agreement() -> None:
    scores = np.array([[1.0, 2.0], [3.0, 4.0], [4.0, 5.0], [2.0, 3.0]])
    agreement, shared = form_agreement(scores), item_variance_share(scores)
    assert shared.value == 1
    assert 0 < agreement.low < agreement.value < 1


def test_items_that_disagree_more_than_chance_get_negative_values() -> None:
    scores = np.array([[1.0, 5.0], [5.0, 1.0], [2.0, 4.0], [4.0, 2.0]])
    assert item_variance_share(scores).value == pytest.approx(-1)
    assert item_variance_share(scores).status == "warned"
    agreement = form_agreement(scores)
    assert agreement.value == pytest.approx(-2)
    assert (agreement.low, agreement.high, agreement.status) == (None, None, "warned")


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.ones((4, 2)), "do not differ between items"),
        (np.repeat([[1.0, 5.0]], 6, axis=0), "do not differ between items"),
        (np.full((6, 3), 0.1) * np.array([1, 2, 3]), "do not differ between items"),
        (np.ones((1, 2)), "1 item"),
        (np.ones((4, 1)), "1 form"),
        (np.array([[1, 2], [np.nan, 3]]), "missing"),
    ],
)
def test_what_has_no_agreement_is_refused_with_the_reason(scores: np.ndarray, reason: str) -> None:
    with pytest.raises(InsufficientData, match=reason):
        form_agreement(scores)
    with pytest.raises(InsufficientData, match=reason):
        item_variance_share(scores)
