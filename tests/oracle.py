"""The reference values under `oracles/`, by id, and the data they were computed from."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["bfi", "complete", "keyed_scale", "oracle", "shrout_fleiss"]

FOLDER = Path(__file__).parent / "oracles"
REVERSED = {"A1"}


@cache
def _values() -> dict[str, Any]:
    entries = json.loads((FOLDER / "reference.json").read_text(encoding="utf-8"))["values"]
    return {entry["id"]: entry["value"] for entry in entries}


def oracle(identifier: str) -> Any:
    """The value under an id."""
    return _values()[identifier]


@cache
def _columns(name: str) -> dict[str, NDArray[np.float64]]:
    with (FOLDER / "data" / name).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) if row[key] else np.nan for row in rows]) for key in rows[0]}


def bfi(column: str) -> NDArray[np.float64]:
    """One item as answered, NaN where it was not."""
    return _columns("bfi.csv")[column]


def keyed_scale(letter: str) -> NDArray[np.float64]:
    """Five items, keyed on their format of 1 to 6."""
    items = [f"{letter}{k}" for k in range(1, 6)]
    return np.column_stack([7 - bfi(item) if item in REVERSED else bfi(item) for item in items])


def complete(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rows without a missing value."""
    return scores[np.isfinite(scores).all(axis=1)]


def shrout_fleiss() -> NDArray[np.float64]:
    """Six targets × four judges."""
    return np.column_stack(list(_columns("shrout_fleiss_1979.csv").values()))
