"""Pearson's correlation against R, and Fisher's interval against its formula."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from oracle import bfi, oracle

from psychometrics.errors import InsufficientData
from psychometrics.statistics.correlation import pearson


@pytest.mark.parametrize(("a", "b"), [("A1", "A2"), ("A3", "N5"), ("N1", "N2")])
def test_pearson_equals_r_and_its_interval_the_formula(a: str, b: str) -> None:
    x, y = bfi(a), bfi(b)
    both = np.isfinite(x) & np.isfinite(y)
    matrix = oracle("bfi.cor_pairwise")
    found = pearson(x[both], y[both])
    r = matrix["matrix"][matrix["rows"].index(a)][matrix["columns"].index(b)]
    assert found.value == pytest.approx(r, abs=1e-8)
    half = NormalDist().inv_cdf(0.975) / math.sqrt(both.sum() - 3)
    assert found.low == pytest.approx(math.tanh(math.atanh(r) - half), abs=1e-8)
    assert found.high == pytest.approx(math.tanh(math.atanh(r) + half), abs=1e-8)
    assert found.n == both.sum()


def test_exchanging_and_rescaling_the_scores_changes_nothing_and_reflecting_one_changes_the_sign() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=30)
    y = x + rng.normal(size=30)
    r = pearson(x, y).value
    assert pearson(y, x).value == pytest.approx(r)
    assert pearson(3 * x + 2, y).value == pytest.approx(r)
    assert pearson(-x, y).value == pytest.approx(-r)


def test_a_perfect_correlation_is_warned() -> None:
    found = pearson([1, 2, 3, 4], [2, 4, 6, 8])
    assert found.value == pytest.approx(1)
    assert found.status == "warned"


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([1, 2, 3], [1, 2, 3], "at least 4"),
        ([1, 2, 3, 4], [1, 2, 3], "4 and 3"),
        ([1, 2, 3, 4], [5, 5, 5, 5], "does not vary"),
        ([1, 2, 3, float("nan")], [1, 2, 3, 4], "missing"),
    ],
)
def test_what_has_no_correlation_is_refused_with_the_reason(x: list[float], y: list[float], reason: str) -> None:
    with pytest.raises(InsufficientData, match=reason):
        pearson(x, y)
