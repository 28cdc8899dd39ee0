"""What the statistics accept: complete matrices of finite numbers, refused with a reason where they are not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from psychometrics.errors import InsufficientData

__all__ = ["Codes", "Matrix", "complete_matrix", "complete_rows"]

Matrix = NDArray[np.float64]
Codes = NDArray[np.int64]
"""Places or options by number; -1 where there is no answer."""


def complete_matrix(scores: ArrayLike, *, rows: str, columns: str) -> Matrix:
    """The scores as a matrix of at least 2 × 2 finite numbers.

    rows, columns
        What a row and a column is ("respondent", "item"), for the reason.
    Raises
        InsufficientData: too few rows or columns, or a value that is missing or infinite.
    """
    matrix = np.asarray(scores, dtype=np.float64)
    if matrix.ndim != 2:
        raise InsufficientData(f"the scores have {matrix.ndim} dimensions, expected {rows}s × {columns}s")
    n, k = matrix.shape
    if n < 2:
        raise InsufficientData(f"{n} {rows} with complete answers, at least 2 are needed")
    if k < 2:
        raise InsufficientData(f"{k} {columns}, at least 2 are needed")
    if not np.isfinite(matrix).all():
        raise InsufficientData(f"a score is missing or infinite; nothing is imputed, so give complete {rows}s only")
    return matrix


def complete_rows(scores: ArrayLike) -> Matrix:
    """The rows without a missing value: what "listwise" means."""
    matrix = np.asarray(scores, dtype=np.float64)
    complete: Matrix = matrix[np.isfinite(matrix).all(axis=1)]
    return complete
