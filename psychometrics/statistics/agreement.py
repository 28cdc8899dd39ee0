"""Do the same items get the same answers on different forms? Items are what is told apart, forms are the raters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from psychometrics.errors import InsufficientData
from psychometrics.statistics.estimate import Estimate, Population, Statistic
from psychometrics.statistics.matrix import Matrix, complete_matrix

__all__ = ["FORM_AGREEMENT", "MeanSquares", "form_agreement", "mean_squares"]

FORM_AGREEMENT = Statistic(
    name="form_agreement",
    definition=(
        "ICC(A,1): variance between items, divided by itself plus the variance between forms and the residual, "
        "of raw answers in scale points"
    ),
    source="Shrout & Fleiss (1979), case 2; interval McGraw & Wong (1996)",
    unit="item",
    object="items",
    generalises_to="forms",
)


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """The two-way analysis of variance of an n × k matrix with one score a cell."""

    rows: float
    columns: float
    error: float
    n: int
    k: int


def mean_squares(scores: Matrix) -> MeanSquares:
    """Mean squares of rows, columns and residual.

    Raises
        InsufficientData: no score differs between rows, nor from what row and column predict.
    """
    n, k = scores.shape
    grand = scores.mean()
    by_row, by_column = scores.mean(axis=1), scores.mean(axis=0)
    residual = scores - by_row[:, None] - by_column[None, :] + grand
    rows = float(k * np.square(by_row - grand).sum() / (n - 1))
    columns = float(n * np.square(by_column - grand).sum() / (k - 1))
    error = float(np.square(residual).sum() / ((n - 1) * (k - 1)))
    # rounding leaves about 1e-31 where there is nothing, and a ratio of nothings would look like a number
    nothing = 1e-20 * max(1.0, float(np.square(scores).mean()))
    rows, columns, error = (0.0 if part <= nothing else part for part in (rows, columns, error))
    if rows == 0 and error == 0:
        raise InsufficientData("the answers do not differ between items at all, on any form")
    return MeanSquares(rows, columns, error, n, k)


def form_agreement(scores: ArrayLike, *, level: float = 0.95, population: Population = "one model") -> Estimate:
    """The intraclass correlation for absolute agreement of single scores, ICC(2,1) or ICC(A,1).

    scores
        Items × forms, raw answers in scale points, without missing values; at least 2 × 2. In general: targets ×
        raters.
    Returns
        (MSR − MSE) / (MSR + (k − 1) MSE + k/n (MSC − MSE)), and McGraw and Wong's interval by Satterthwaite's degrees
        of freedom. Negative values are shown as such. Identical answers on every form give 1, warned, without width.
        Where items do not differ on average and forms neither, there is a value, warned, and no interval.
    Raises
        InsufficientData: fewer than 2 items or forms, a missing value, or answers that do not differ between items.
    Source: Shrout & Fleiss (1979); McGraw & Wong (1996); value by pingouin.
    Oracle: icc.shrout_fleiss, icc_irr.shrout_fleiss.twoway.agreement.single.
    """
    from psychometrics.statistics._pingouin import intraclass_correlations

    matrix = complete_matrix(scores, rows="item", columns="form")
    squares = mean_squares(matrix)
    if squares.error == 0 and squares.columns == 0:
        same = "every form has the same answers, so that the interval has no width"
        return FORM_AGREEMENT.estimate(1.0, 1.0, 1.0, n=squares.n, population=population, level=level, warning=same)
    icc = intraclass_correlations(matrix)["ICC(A,1)"]
    low, high = _agreement_interval(icc, squares, level)
    lost = "" if low is not None else "the answers vary too little for McGraw and Wong's interval"
    return FORM_AGREEMENT.estimate(icc, low, high, n=squares.n, population=population, level=level, warning=lost)


def _agreement_interval(icc: float, squares: MeanSquares, level: float) -> tuple[float, float] | tuple[None, None]:
    """McGraw and Wong's (1996) limits of ICC(A,1), multiplied out so that a residual of zero is no division by it.

    None twice where Satterthwaite's degrees of freedom do not exist.
    """
    from scipy.special import fdtri

    n, k = squares.n, squares.k
    a = k * icc / (n * (1 - icc))
    b = 1 + k * icc * (n - 1) / (n * (1 - icc))
    columns, error = a * squares.columns, b * squares.error
    below = columns**2 / (k - 1) + error**2 / ((n - 1) * (k - 1))
    if below == 0 or columns + error == 0:
        return None, None
    v = (columns + error) ** 2 / below
    tail = (1 - level) / 2
    upper, lower = fdtri(n - 1, v, 1 - tail), fdtri(v, n - 1, 1 - tail)
    rest = k * squares.columns + (k * n - k - n) * squares.error
    low = n * (squares.rows - upper * squares.error) / (upper * rest + n * squares.rows)
    high = n * (lower * squares.rows - squares.error) / (rest + n * lower * squares.rows)
    return float(low), float(high)
