"""The one door to pingouin (GPL-3): replace this module and nothing else knows.

Only values that pingouin returns unrounded pass through; it rounds intervals to two decimals, so these are computed
in `agreement`.
"""

from __future__ import annotations

import warnings

import numpy as np

from psychometrics.statistics.matrix import Matrix

__all__ = ["intraclass_correlations"]


def intraclass_correlations(scores: Matrix) -> dict[str, float]:
    """Unrounded intraclass correlations of a complete targets × raters matrix, by McGraw and Wong's names.

    Keys: "ICC(1,1)", "ICC(A,1)", "ICC(C,1)", "ICC(1,k)", "ICC(A,k)", "ICC(C,k)".
    """
    import pandas as pd

    n, k = scores.shape
    long = pd.DataFrame(
        {
            "target": np.repeat(np.arange(n), k),
            "rater": np.tile(np.arange(k), n),
            "score": scores.ravel(),
        }
    )
    # where items do not differ on average, pingouin divides by it for averages that nobody reads here
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # pingouin 0.7 hands pandas 3.1 an argument that pandas is going to drop
        warnings.filterwarnings(
            "ignore", message="The inplace keyword in DataFrame.dropna", category=DeprecationWarning
        )
        import pingouin

        table = pingouin.intraclass_corr(long, targets="target", raters="rater", ratings="score")
    return {str(kind): float(value) for kind, value in zip(table["Type"], table["ICC"], strict=True)}
