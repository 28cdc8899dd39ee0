"""What separates place from content: arrays of items × presentations of each item, in, estimates out.

Rows are items, the independent units; forms and occasions of one item are never counted as further rows. Every
interval resamples items, with all that belongs to an item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from psychometrics.errors import InsufficientData
from psychometrics.statistics.agreement import mean_squares
from psychometrics.statistics.estimate import Estimate, Population, Statistic
from psychometrics.statistics.matrix import Codes, Matrix, complete_matrix
from psychometrics.statistics.proportion import share
from psychometrics.statistics.resampling import ratio_interval

__all__ = [
    "ITEM_VARIANCE_SHARE",
    "MODAL_OPTION_SHARE",
    "PLACE_ADVANTAGE",
    "POSITION_EFFECT",
    "SAME_OPTION",
    "SAME_OPTION_AGAIN",
    "SAME_PLACE",
    "item_variance_share",
    "modal_option_share",
    "place_advantage",
    "place_share",
    "place_share_statistic",
    "position_effect",
    "same_code",
]

Pairs = Sequence[tuple[int, int]]
"""Pairs of column numbers."""

_RESAMPLED = "ours; interval by percentile bootstrap over items (Efron, 1979)"
_PAIRS = "of two forms that differ only in the order of the options"

SAME_OPTION = Statistic(
    "same_option",
    f"share of answer pairs, {_PAIRS}, in which the same item gets the same option",
    _RESAMPLED,
    "item",
    "items",
    "option orders",
)
SAME_PLACE = Statistic(
    "same_place",
    f"share of answer pairs, {_PAIRS}, in which the same item gets the option at the same place",
    _RESAMPLED,
    "item",
    "items",
    "option orders",
)
PLACE_ADVANTAGE = Statistic(
    "place_advantage",
    (
        "same_place − same_option, over the same answer pairs: above 0 where the place decides, below 0 where the "
        "option does"
    ),
    _RESAMPLED,
    "item",
    "items",
    "option orders",
)
SAME_OPTION_AGAIN = Statistic(
    "same_option_again",
    "share of answer pairs, of two occasions of the same form, in which the same item gets the same option",
    _RESAMPLED,
    "item",
    "items",
    "occasions",
)
POSITION_EFFECT = Statistic(
    "position_effect",
    (
        "mean over items of half the difference in raw answer between the order whose values rise from first to last "
        "place and its mirror, in scale points; positive where late places attract, negative where early ones do"
    ),
    _RESAMPLED,
    "item",
    "items",
    "option orders",
)
ITEM_VARIANCE_SHARE = Statistic(
    "item_variance_share",
    (
        "share of the variance of raw answers that lies between items rather than between forms within items, after "
        "the mean of every form is taken out: two-way ANOVA estimator, ICC(C,1), negative where items differ less "
        "than chance would have them"
    ),
    "Shrout & Fleiss (1979), case 3, as a variance component share",
    "item",
    "items",
    "forms",
)
MODAL_OPTION_SHARE = Statistic(
    "modal_option_share",
    "share of all answers that are the most frequent option",
    "ours; interval Wilson (1927) with items as units",
    "item",
    "options",
    "items",
)


def place_share_statistic(place: int) -> Statistic:
    """The words of `place_share` for the place shown at this number, from 1."""
    return Statistic(
        f"place.{place}",
        f"share of answers that are the option shown at place {place}, each item counting by its own share",
        "interval Wilson (1927) with items as units",
        "item",
        "places",
        "items",
    )


def same_code(
    codes: Codes,
    pairs: Pairs,
    *,
    seed: int,
    statistic: Statistic = SAME_OPTION,
    level: float = 0.95,
    population: Population = "one model",
) -> Estimate:
    """How often an item has the same code in both columns of a pair, over all pairs with two answers.

    codes
        Items × columns; option numbers for `SAME_OPTION`, place numbers for `SAME_PLACE`, -1 where unanswered.
    pairs
        Columns that differ only in the order of the options, or only in the occasion for `SAME_OPTION_AGAIN`.
    Returns
        The share, and a percentile bootstrap interval over items, seeded. Warned, without width, where every item
        says the same.
    Raises
        InsufficientData: no pair, or fewer than 2 items answered in both columns of one.
    Source: ours. Checked against counts by hand and against exhaustive enumeration of small cases.
    """
    same, both = _matches(codes, pairs)
    return _resampled(statistic, same, both, seed, level, population)


def place_advantage(
    options: Codes,
    places: Codes,
    pairs: Pairs,
    *,
    seed: int,
    level: float = 0.95,
    population: Population = "one model",
) -> Estimate:
    """same_place − same_option: above 0 where answers follow the place shown, below 0 where they follow the option.

    options, places
        Items × columns, option and place numbers, -1 where unanswered (in both alike).
    pairs
        Columns that differ only in the order of the options.
    Returns
        The difference, and an interval that resamples items; answering at random gives 0 in expectation, and so does
        always choosing the option that stays in the middle.
    Raises
        InsufficientData: as `same_code`.
    Source: ours.
    """
    same_option, both = _matches(options, pairs)
    same_place, _ = _matches(places, pairs)
    return _resampled(PLACE_ADVANTAGE, same_place - same_option, both, seed, level, population)


def place_share(places: Codes, place: int, *, level: float = 0.95, population: Population = "one model") -> Estimate:
    """The share of answers at one place shown, with Wilson's interval and items as units.

    places
        Items × columns, numbered from 0, -1 where unanswered.
    place
        The place, numbered from 1 as people count.
    Raises
        InsufficientData: no answer at all.
    Source: Wilson (1927).
    """
    count, n = _item_shares(places == place - 1, places >= 0)
    return share(count, n, level=level, population=population, statistic=place_share_statistic(place))


def modal_option_share(options: Codes, *, level: float = 0.95, population: Population = "one model") -> Estimate:
    """The share of answers that are the most frequent option, whatever the item and the form.

    options
        Items × columns, option numbers, -1 where unanswered.
    Raises
        InsufficientData: no answer at all.
    Source: ours; interval Wilson (1927).
    """
    answered = options >= 0
    if not answered.any():
        raise InsufficientData("no answer, so that no option is the most frequent")
    modal = int(np.bincount(options[answered]).argmax())
    count, n = _item_shares(options == modal, answered)
    return share(count, n, level=level, population=population, statistic=MODAL_OPTION_SHARE)


def position_effect(
    values: Matrix,
    mirrors: Pairs,
    *,
    seed: int,
    level: float = 0.95,
    population: Population = "one model",
) -> Estimate:
    """How far the place shown moves a raw answer, in scale points.

    values
        Items × columns, raw option values or expected values, NaN where unanswered.
    mirrors
        (column whose values rise from first to last place, column of the mirrored order) pairs.
    Returns
        Mean over items of (rising − mirrored)/2: whoever always takes the first of five places gets (1 − 5)/2 = −2.
        Interval by resampling items.
    Raises
        InsufficientData: no pair of mirrored orders, or fewer than 2 items answered in both.
    Source: ours.
    """
    if not mirrors:
        raise InsufficientData("no form shows the mirrored option order of another, all else equal")
    half = np.column_stack([(values[:, a] - values[:, b]) / 2 for a, b in mirrors])
    known = np.isfinite(half)
    usable = known.any(axis=1)
    by_item = np.where(known, half, 0.0)[usable].sum(axis=1) / known[usable].sum(axis=1)
    return _resampled(POSITION_EFFECT, by_item, np.ones_like(by_item), seed, level, population)


def item_variance_share(scores: ArrayLike, *, level: float = 0.95, population: Population = "one model") -> Estimate:
    """The share of answer variance between items once each form's own mean is taken out, so that a shift of all
    answers with the option order neither hides nor makes content.

    scores
        Items × forms, raw answers in scale points, without missing values; at least 2 × 2.
    Returns
        σ²ᵢ / (σ²ᵢ + σ²ₑ) with σ²ₑ = MSE and σ²ᵢ = (MSR − MSE)/k, and the F interval: F = MSR/MSE divided by the
        upper quantile, multiplied by the lower one's inverse, each as (F − 1)/(F + k − 1). No residual at all gives
        1, warned, without width.
    Raises
        InsufficientData: fewer than 2 items or forms, a missing value, or answers that do not differ between items.
    Source: Shrout & Fleiss (1979), ICC(3,1). Oracle: icc_irr.shrout_fleiss.twoway.consistency.single.
    """
    from scipy.special import fdtri

    squares = mean_squares(complete_matrix(scores, rows="item", columns="form"))
    n, k = squares.n, squares.k
    if squares.error == 0:
        alike = "the forms order all items alike, so that the interval has no width"
        return ITEM_VARIANCE_SHARE.estimate(1.0, 1.0, 1.0, n=n, population=population, level=level, warning=alike)
    between = (squares.rows - squares.error) / k
    f, tail, dfd = squares.rows / squares.error, (1 - level) / 2, (n - 1) * (k - 1)
    smallest, largest = f / float(fdtri(n - 1, dfd, 1 - tail)), f * float(fdtri(dfd, n - 1, 1 - tail))
    return ITEM_VARIANCE_SHARE.estimate(
        between / (between + squares.error),
        (smallest - 1) / (smallest + k - 1),
        (largest - 1) / (largest + k - 1),
        n=n,
        population=population,
        level=level,
        warning="averaged over forms, no item differs from another" if squares.rows == 0 else "",
    )


def _matches(codes: Codes, pairs: Pairs) -> tuple[Matrix, Matrix]:
    """Per item: in how many pairs both columns have the same code, and in how many both have one."""
    if not pairs:
        raise InsufficientData("no two forms differ only in what is compared here")
    left, right = codes[:, [a for a, _ in pairs]], codes[:, [b for _, b in pairs]]
    both = (left >= 0) & (right >= 0)
    same = both & (left == right)
    return same.sum(axis=1).astype(np.float64), both.sum(axis=1).astype(np.float64)


def _resampled(
    statistic: Statistic, above: Matrix, below: Matrix, seed: int, level: float, population: Population
) -> Estimate:
    usable = below > 0
    above, below = above[usable], below[usable]
    n = int(usable.sum())
    if n < 2:
        raise InsufficientData(f"{n} item{'s' * (n != 1)} answered on both forms of a pair, at least 2 are needed")
    low, high = ratio_interval(above, below, seed=seed, level=level)
    alike = np.ptp(above / below) == 0
    return statistic.estimate(
        above.sum() / below.sum(),
        low,
        high,
        n=n,
        population=population,
        level=level,
        warning="every item gives the same value, so that resampling items shows no uncertainty" if alike else "",
    )


def _item_shares(
    hits: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], of: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> tuple[float, int]:
    """The sum over items of each item's share of hits, and the number of items with any answer."""
    answers = of.sum(axis=1)
    usable = answers > 0
    if not usable.any():
        raise InsufficientData("no answer, so that a share has no value")
    return float(((hits & of).sum(axis=1)[usable] / answers[usable]).sum()), int(usable.sum())
