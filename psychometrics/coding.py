"""From a completion to our reading of it. Pure and versioned: it can be applied again to all that was ever said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp
from typing import Final

from psychometrics.instrument import Option
from psychometrics.lexicon import cleaned, lexicon
from psychometrics.plan import Presentation
from psychometrics.question import Completion
from psychometrics.reading import Finding, read

__all__ = ["CODER", "MINIMUM_LABEL_MASS", "Coding", "Outcome", "code"]

CODER: Final = 1
"""The coder's version; any change in what it reads gets a new number."""

MINIMUM_LABEL_MASS: Final = 0.10
"""Probability that all labels together must have before their shares are read as an answer.

Ours, not from a source: below it nine tenths of what the model would have said is something other than an answer.
"""

LONGEST_EVIDENCE: Final = 200
"""Characters of a refusal that are kept as evidence; the response holds the whole of it."""


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


_OUTCOME_OF: Final = {
    Finding.SEVERAL: Outcome.AMBIGUOUS,
    Finding.OUTSIDE: Outcome.OUT_OF_RANGE,
    Finding.DECLINED: Outcome.REFUSED,
    Finding.NOTHING: Outcome.UNREADABLE,
}


def code(completion: Completion, presentation: Presentation) -> Coding:
    """Read a completion as an answer to a presentation."""
    if completion.refusal and completion.refusal.strip():
        return Coding(Outcome.REFUSED, evidence=completion.refusal.strip()[:LONGEST_EVIDENCE])
    if completion.finish_reason == "content_filter":
        return Coding(Outcome.BLOCKED)
    if presentation.form.read_out == "logprobs":
        return _code_logprobs(completion.top_logprobs, presentation.shown)
    return _code_text(completion, presentation)


def _code_logprobs(top_logprobs: Sequence[tuple[str, float]] | None, shown: Sequence[tuple[str, Option]]) -> Coding:
    """Share out the probability of the first token over the labels.

    A token speaks for a label when it equals it but for white space around it; a label that the endpoint did not
    report has probability zero.
    """
    masses = {label: 0.0 for label, _ in shown if label}
    if top_logprobs is None or len(masses) < len(shown):
        return Coding(Outcome.UNSUPPORTED)
    for token, logprob in top_logprobs:
        label = token.strip()
        if label in masses:
            masses[label] += exp(min(logprob, 0.0))  # no probability exceeds one, whatever an endpoint sends
    label_mass = sum(masses.values())
    distribution = None
    if label_mass > 0:
        distribution = tuple([(option.id, masses[label] / label_mass) for label, option in shown])
    if distribution is None or label_mass < MINIMUM_LABEL_MASS:
        return Coding(Outcome.LOW_LABEL_MASS, distribution=distribution, label_mass=label_mass)
    top = max(masses.values())
    best = [(label, option.id) for label, option in shown if masses[label] == top]
    if len(best) > 1:
        return Coding(Outcome.AMBIGUOUS, None, distribution, label_mass, " | ".join(label for label, _ in best))
    return Coding(Outcome.ANSWERED, best[0][1], distribution, label_mass, best[0][0])


def _code_text(completion: Completion, presentation: Presentation) -> Coding:
    shown = presentation.shown
    words = lexicon(presentation.form.labels, tuple([(label, option.text) for label, option in shown]))
    said = completion.text
    cut = completion.finish_reason == "length"
    place = words.bare.get(said, -1)
    if place >= 0 and not cut:  # most replies by far are a bare label
        return Coding(Outcome.ANSWERED, shown[place][1].id, evidence=said)
    text = cleaned(said)
    if not text.strip():
        return Coding(Outcome.TRUNCATED if cut else Outcome.EMPTY)
    reading = read(text, words)
    if reading.finding is Finding.NAMED and reading.place is not None and (reading.settled or not cut):
        return Coding(Outcome.ANSWERED, shown[reading.place][1].id, evidence=reading.evidence)
    # what was refused, or given as 7 of 5, stays so however the reply would have gone on
    if cut and not (reading.finding in (Finding.DECLINED, Finding.OUTSIDE) and reading.settled):
        return Coding(Outcome.TRUNCATED, evidence=reading.evidence)
    return Coding(_OUTCOME_OF[reading.finding], evidence=reading.evidence)
