"""Internal consistency. It tells respondents apart: rows are respondents, and one respondent has none."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from psychometrics.errors import InsufficientData
from psychometrics.statistics.estimate import Estimate, Population, Statistic
from psychometrics.statistics.matrix import complete_matrix

__all__ = ["CRONBACH_ALPHA", "cronbach_alpha"]

CRONBACH_ALPHA = Statistic(
    name="cronbach_alpha",
    definition="k/(k − 1) × (1 − sum of the item variances / variance of the totals)",
    source="Cronbach (1951); interval Feldt, Woodruff & Salih (1987)",
    unit="respondent",
    object="respondents",
    generalises_to="items",
)


def cronbach_alpha(scores: ArrayLike, *, level: float = 0.95, population: Population = "humans") -> Estimate:
    """Cronbach's alpha: the share of a sum score's variance that its items have in common, if they are tau-equivalent.

    scores
        Respondents × items, keyed, without missing values; at least 2 × 2.
    Returns
        alpha = k/(k−1) · (1 − Σ s²ᵢ / s²ₜ), variances with ddof 1, and Feldt's interval
        1 − (1 − alpha) · F, F at (1 ± level)/2 with n − 1 and (n − 1)(k − 1) degrees of freedom. Unit: respondent.
    Raises
        InsufficientData: fewer than 2 respondents or items, a missing value, or totals that do not vary.
    Source: Cronbach (1951); interval Feldt, Woodruff & Salih (1987). Oracle: rel.bfi.*.alpha_complete, rel.bfi.*.feldt.
    """
    from scipy.special import fdtri

    matrix = complete_matrix(scores, rows="respondent", columns="item")
    n, k = matrix.shape
    totals = matrix.sum(axis=1)
    variance = totals.var(ddof=1)
    # identical totals may differ in their last bits, which would make a number of nothing
    if variance <= 1e-12 * max(1.0, float(np.square(totals).mean())):
        raise InsufficientData("the totals do not vary, so that alpha has no value")
    alpha = k / (k - 1) * (1 - matrix.var(axis=0, ddof=1).sum() / variance)
    tail = (1 - level) / 2
    dfn, dfd = n - 1, (n - 1) * (k - 1)
    return CRONBACH_ALPHA.estimate(
        alpha,
        1 - (1 - alpha) * fdtri(dfn, dfd, 1 - tail),
        1 - (1 - alpha) * fdtri(dfn, dfd, tail),
        n=n,
        population=population,
        level=level,
    )
