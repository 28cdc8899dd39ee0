"""Wilson's interval against its closed form, and at both ends."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from psychometrics.errors import InsufficientData
from psychometrics.statistics.proportion import share


def wilson(count: float, n: int, level: float) -> tuple[float, float]:
    z, p = NormalDist().inv_cdf((1 + level) / 2), count / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


@pytest.mark.parametrize(("count", "n", "level"), [(3, 10, 0.95), (22, 44, 0.95), (12.5, 20, 0.9), (1, 2, 0.99)])
def test_the_interval_is_wilsons(count: float, n: int, level: float) -> None:
    found = share(count, n, level=level)
    assert found.value == count / n
    assert (found.low, found.high) == pytest.approx(wilson(count, n, level), abs=1e-12)


def test_at_both_ends_the_interval_has_width_and_stays_inside() -> None:
    none, every = share(0, 20), share(20, 20)
    assert (none.value, none.low, every.value, every.high) == (0, 0, 1, 1)
    assert none.high == pytest.approx(1 - every.low)
    assert 0.1 < none.high < 0.2


@pytest.mark.parametrize(("count", "n"), [(0, 0), (3, 2), (-1, 2), (float("nan"), 2)])
def test_what_is_no_share_is_refused(count: float, n: int) -> None:
    with pytest.raises(InsufficientData):
        share(count, n)
