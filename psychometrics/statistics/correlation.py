"""Correlations between two scores of the same respondents."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from psychometrics.errors import InsufficientData
from psychometrics.statistics.estimate import Estimate, Population, Statistic
from psychometrics.statistics.matrix import complete_matrix

__all__ = ["PEARSON", "pearson"]

PEARSON = Statistic(
    name="pearson",
    definition="covariance of the two scores, divided by the product of their standard deviations",
    source="Pearson (1896); interval Fisher (1921)",
    unit="respondent",
    object="respondents",
)


def pearson(x: ArrayLike, y: ArrayLike, *, level: float = 0.95, population: Population = "humans") -> Estimate:
    """Pearson's product-moment correlation with Fisher's interval.

    x, y
        One score per respondent each, without missing values; at least 4 respondents.
    Returns
        r, and tanh(artanh r ± z / √(n − 3)). Unit: respondent. Where r is 1 or −1 the interval has no width and the
        estimate is warned.
    Raises
        InsufficientData: unequal lengths, fewer than 4 respondents (Fisher's standard error needs n > 3), a missing
        value, or a score that does not vary.
    Source: Pearson (1896); interval Fisher (1921); computed by scipy.stats.pearsonr. Oracle: bfi.cor_pairwise.
    """
    # half a second that only a correlation needs to pay
    from scipy.stats import pearsonr

    a, b = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    if a.size != b.size:
        raise InsufficientData(f"{a.size} and {b.size} scores, expected one of each per respondent")
    if a.size < 4:
        raise InsufficientData(f"{a.size} respondents, at least 4 are needed for Fisher's interval")
    matrix = complete_matrix(np.column_stack([a, b]), rows="respondent", columns="score")
    spread = np.ptp(matrix, axis=0)
    if (spread <= 1e-12 * np.maximum(1.0, np.abs(matrix).max(axis=0))).any():
        raise InsufficientData("a score does not vary, so that the correlation has no value")
    result = pearsonr(matrix[:, 0], matrix[:, 1])
    r = float(result.statistic)
    if abs(r) >= 1 - 1e-15:
        return PEARSON.estimate(
            r, r, r, n=a.size, population=population, level=level, warning="a perfect correlation has no interval"
        )
    interval = result.confidence_interval(confidence_level=level)
    return PEARSON.estimate(r, interval.low, interval.high, n=a.size, population=population, level=level)
