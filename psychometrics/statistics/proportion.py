"""Shares of a number of independent units."""

from __future__ import annotations

import math

from psychometrics.errors import InsufficientData
from psychometrics.statistics.estimate import Estimate, Population, Statistic

__all__ = ["SHARE", "share"]

SHARE = Statistic(
    name="share",
    definition="units that have the property, divided by all units",
    source="interval Wilson (1927)",
    unit="unit",
)


def share(
    count: float, n: int, *, level: float = 0.95, population: Population = "humans", statistic: Statistic = SHARE
) -> Estimate:
    """A share with Wilson's score interval, which stays inside 0 and 1 and has width at both ends.

    count
        How many of the units have the property. Where a unit was observed more than once, its own share counts
        (an item answered on one form of two counts 1/2): n then stays the number of independent units, and the
        interval is wide rather than narrow.
    n
        Independent units.
    statistic
        The words to carry, where the share has a name of its own.
    Raises
        InsufficientData: no unit, or a count outside 0 to n.
    Source: Wilson (1927); computed by statsmodels proportion_confint. Oracle: wilson.closed_form.
    """
    if n < 1:
        raise InsufficientData("no unit, so that a share has no value")
    if not math.isfinite(count) or not -1e-9 <= count <= n + 1e-9:
        raise InsufficientData(f"{count} of {n} units is no share")
    # statsmodels takes a second to import, which whoever only counts should not pay
    from statsmodels.stats.proportion import proportion_confint

    kept = min(max(count, 0.0), float(n))
    low, high = proportion_confint(kept, n, alpha=1 - level, method="wilson")
    return statistic.estimate(
        kept / n, max(float(low), 0.0), min(float(high), 1.0), n=n, population=population, level=level
    )
