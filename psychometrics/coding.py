"""From a completion to our reading of it. Pure and versioned: it can be applied again to all that was ever said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from psychometrics.plan import Presentation
from psychometrics.question import Completion

__all__ = ["CODER", "Coding", "Outcome", "code"]

CODER: Final = 1
"""The coder's version; any change in what it reads gets a new number."""


class Outcome(Enum):
    """What became of a question. Only `answered` has an option; no other outcome ever becomes a number."""

    ANSWERED = "answered"
    REFUSED = "refused"
    BLOCKED = "blocked"
    AMBIGUOUS = "ambiguous"
    OUT_OF_RANGE = "out of range"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    LOW_LABEL_MASS = "low label mass"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Coding:
    """Our reading of one response.

    option
        The option id; only where the outcome is `answered`.
    distribution
        (option id, probability) in the order shown, renormalised over the labels, for log-probability read-outs.
    label_mass
        The probability of all labels together before renormalising, for log-probability read-outs.
    evidence
        The part of the reply that was read.
    """

    outcome: Outcome
    option: str | None = None
    distribution: tuple[tuple[str, float], ...] | None = None
    label_mass: float | None = None
    evidence: str = ""


def code(completion: Completion, presentation: Presentation) -> Coding:
    """Read a completion as an answer to a presentation."""
    raise NotImplementedError
