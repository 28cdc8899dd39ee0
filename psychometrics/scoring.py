"""From codings to scores. Only answers become numbers; nothing is imputed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from psychometrics.coding import Coding, Outcome
from psychometrics.instrument import Instrument, Item, Scale, keyed_value

__all__ = ["MIN_ANSWERED_PERCENT", "SCORING", "ScaleScore", "item_score", "raw_value", "scale_scores"]

MIN_ANSWERED_PERCENT: Final = 80
"""The share of a scale's items that must be answered before it has a score."""

SCORING: Final = (
    f"A scale's score is the mean of its answered, keyed items where at least {MIN_ANSWERED_PERCENT} % of them are "
    "answered, and is missing otherwise; nothing is imputed, and beside it stand the lowest and highest score that the "
    "missing items could have made. A log-probability read-out scores an item by its expected value over the labels."
)
"""The missing-item policy in words."""


@dataclass(frozen=True, slots=True)
class ScaleScore:
    """One scale on one form at one occasion.

    score
        Mean of the answered, keyed items; None where too few are answered.
    low, high
        What the score would be if every missing item were answered at its worst or best: never missing, and equal to
        the score where nothing is.
    """

    scale: str
    score: float | None
    low: float
    high: float
    answered: int
    total: int


def raw_value(coding: Coding | None, instrument: Instrument) -> float | None:
    """The answer in scale points before keying: the option's value, or the expected value over the labels.

    None where the outcome is anything but `answered`.
    """
    if coding is None or coding.outcome is not Outcome.ANSWERED:
        return None
    by_id = instrument.response_format.by_id
    if coding.distribution is not None:
        return float(sum(p * by_id[option].value for option, p in coding.distribution))
    return float(by_id[coding.option].value) if coding.option is not None else None


def item_score(coding: Coding | None, item: Item, instrument: Instrument) -> float | None:
    """The keyed score of an item, or None where it has no answer.

    Keying is linear, so that the keyed expected value is the expected keyed value.
    """
    value = raw_value(coding, instrument)
    return None if value is None else keyed_value(value, item.keying, instrument.response_format.bounds)


def scale_score(scale: Scale, scores: Mapping[str, float | None], instrument: Instrument) -> ScaleScore:
    """A scale's score from item scores by item id; an item that is absent is missing."""
    items = instrument.items_of(scale.id)
    known = [score for item in items if (score := scores.get(item.id)) is not None]
    bounds, missing = instrument.response_format.bounds, len(items) - len(known)
    enough = bool(known) and len(known) * 100 >= MIN_ANSWERED_PERCENT * len(items)
    total = sum(known)
    return ScaleScore(
        scale.id,
        total / len(known) if enough else None,
        (total + missing * bounds.low) / len(items),
        (total + missing * bounds.high) / len(items),
        len(known),
        len(items),
    )


def scale_scores(answers: Sequence[tuple[Item, Coding | None]], instrument: Instrument) -> tuple[ScaleScore, ...]:
    """The score of every scale on one form at one occasion, in the instrument's order of scales."""
    scores = {item.id: item_score(coding, item, instrument) for item, coding in answers}
    return tuple(scale_score(scale, scores, instrument) for scale in instrument.scales)
