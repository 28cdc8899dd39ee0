"""Intervals from resampling independent units, all draws at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from psychometrics.errors import InsufficientData
from psychometrics.statistics.matrix import Matrix

__all__ = ["DRAWS", "ratio_interval"]

DRAWS = 4000
"""Bootstrap samples: the limits of a 95 % interval then rest on a hundred draws at either end."""


def ratio_interval(
    numerators: ArrayLike, denominators: ArrayLike, *, seed: int, level: float = 0.95, draws: int = DRAWS
) -> tuple[float, float]:
    """The percentile bootstrap interval of a ratio of sums, resampling whole units.

    numerators, denominators
        One of each per unit (an item with all of its forms): the statistic is Σ numerators / Σ denominators. A mean
        over units is the case in which every denominator is 1.
    Returns
        The (1 − level)/2 and (1 + level)/2 quantiles over the draws. A draw is a vector of counts, how often each unit
        was drawn, so that all draws are two matrix products.
    Raises
        InsufficientData: fewer than 2 units, or a draw without any denominator.
    Source: Efron (1979), percentile method. The same seed gives the same limits.
    """
    above = np.asarray(numerators, dtype=np.float64)
    below = np.asarray(denominators, dtype=np.float64)
    n = above.size
    if n < 2:
        raise InsufficientData(f"{n} unit to resample, at least 2 are needed")
    if not (below > 0).all():
        raise InsufficientData("a unit without any observation cannot be resampled")
    counts = _counts(n, seed, draws)
    drawn = (counts @ above) / (counts @ below)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@lru_cache(maxsize=4)
def _counts(n: int, seed: int, draws: int) -> Matrix:
    """How often each of n units was drawn, a row a draw; kept, since one seed serves every statistic of a plan."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws).astype(np.float64)
    counts.flags.writeable = False
    return counts
