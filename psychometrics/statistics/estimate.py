"""`Estimate`: a statistic with everything that is needed to read it rightly."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Estimate", "Population", "Status"]

Status = Literal["ok", "warned", "refused"]
Population = Literal["humans", "models", "personas within a model", "simulated", "one model"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """One number, and what it is a number of.

    name
        The statistic, in the field's standard term: `cronbach_alpha`, `same_option`.
    value, low, high, level
        The estimate and its interval; None where there is none. Never rounded.
    n, unit
        How many independent units, and which unit was resampled or counted ("item", "respondent", "none").
    population, object, generalises_to
        Whom it speaks about, what it tells apart, and over what it may be generalised (items, forms, occasions).
    definition, source
        The formula in words, and who defined it.
    status, reason
        `refused` has no value and says why; `warned` has one and says what is wrong with it.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = 0
    unit: str = "none"
    population: Population = "one model"
    object: str = ""
    generalises_to: str = ""
    definition: str = ""
    source: str = ""
    status: Status = "ok"
    reason: str = ""

    def as_record(self) -> dict[str, Any]:
        return asdict(self)
