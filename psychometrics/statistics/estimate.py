"""`Estimate`: a statistic with everything that is needed to read it rightly."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from psychometrics.errors import InsufficientData

__all__ = ["Estimate", "Population", "Statistic", "Status"]

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


@dataclass(frozen=True, slots=True)
class Statistic:
    """What a statistic is before it has a value: the words that every estimate of it carries, refused ones too."""

    name: str
    definition: str
    source: str
    unit: str = "none"
    object: str = ""
    generalises_to: str = ""

    def estimate(
        self,
        value: float,
        low: float | None = None,
        high: float | None = None,
        *,
        n: int,
        population: Population,
        level: float = 0.95,
        warning: str = "",
    ) -> Estimate:
        """The statistic with its value, warned where `warning` says what is wrong with it.

        Raises
            InsufficientData: the value or a limit is not a finite number; no NaN leaves this package in silence.
        """
        for part in (value, low, high):
            if part is not None and not math.isfinite(part):
                raise InsufficientData(f"{self.name} has no finite value for these answers")
        return Estimate(
            self.name,
            float(value),
            None if low is None else float(low),
            None if high is None else float(high),
            level,
            int(n),
            self.unit,
            population,
            self.object,
            self.generalises_to,
            self.definition,
            self.source,
            "warned" if warning else "ok",
            warning,
        )

    def refused(self, reason: str, *, population: Population, n: int = 0) -> Estimate:
        """The statistic without a value, and why."""
        return Estimate(
            self.name,
            None,
            n=n,
            unit=self.unit,
            population=population,
            object=self.object,
            generalises_to=self.generalises_to,
            definition=self.definition,
            source=self.source,
            status="refused",
            reason=reason,
        )
