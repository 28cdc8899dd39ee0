"""What can be said of one subject from its answers to one plan: every estimate, under its key.

The same function serves a respondent and its controls; only the population differs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from psychometrics.coding import Outcome
from psychometrics.errors import InsufficientData
from psychometrics.instrument import Instrument
from psychometrics.plan import Form, Plan
from psychometrics.records import Cell, CodedRecord, form_key
from psychometrics.scoring import MIN_ANSWERED_PERCENT, ScaleScore, item_score, raw_value, scale_scores
from psychometrics.statistics.agreement import FORM_AGREEMENT, form_agreement
from psychometrics.statistics.estimate import Estimate, Population, Statistic
from psychometrics.statistics.matrix import Codes, Matrix, complete_rows
from psychometrics.statistics.position import (
    ITEM_VARIANCE_SHARE,
    MODAL_OPTION_SHARE,
    PLACE_ADVANTAGE,
    POSITION_EFFECT,
    SAME_OPTION,
    SAME_OPTION_AGAIN,
    SAME_PLACE,
    item_variance_share,
    modal_option_share,
    place_advantage,
    place_share,
    place_share_statistic,
    position_effect,
    same_code,
)
from psychometrics.statistics.proportion import share
from psychometrics.statistics.resampling import ratio_interval

__all__ = ["AnswerMatrix", "answer_matrix", "item_estimate", "item_key", "subject_estimates"]

PLANNED: Final = Statistic("planned", "presentations planned: items × forms × occasions", "count", "presentation")
ASKED: Final = Statistic("asked", "planned presentations with a stored response", "count", "presentation")
ANSWERED_SHARE: Final = Statistic(
    "answered_share",
    "answered presentations of all planned ones, each item counting by its own share",
    "interval Wilson (1927) with items as units",
    "item",
    "items",
    "items",
)
LABEL_MASS: Final = Statistic(
    "label_mass",
    "mean probability of all labels together, before renormalising",
    "ours; interval by percentile bootstrap over items (Efron, 1979)",
    "item",
    "items",
    "items",
)
SCALE_SCORE: Final = Statistic(
    "scale_score",
    "mean of the answered, keyed item scores on one form, averaged over occasions",
    "scoring key of the instrument",
    "item",
    "scales",
    "nothing beyond these items on this form",
)
SCALE_OVER_FORMS: Final = Statistic(
    "scale_score_over_forms",
    "mean of the scale's scores over the forms that have one",
    "scoring key of the instrument",
    "item",
    "scales",
    "nothing beyond these items and forms",
)
SCALE_BOUND: Final = {
    end: Statistic(
        f"scale_score_{end}",
        f"the scale's score over forms if every missing item were answered at its {word}",
        "bounds without assumptions about missing answers (Manski, 1990)",
        "item",
        "scales",
        "nothing beyond these items and forms",
    )
    for end, word in (("lowest", "worst"), ("highest", "best"))
}
N_ITEMS: Final = Statistic("n_items", "items of the scale", "count", "item")
ITEM_SCORE: Final = Statistic(
    "item_score",
    "keyed value of the option, or keyed expected value over the labels, at the first occasion",
    "scoring key of the instrument",
    "none",
    "items",
    "nothing beyond this form and occasion",
)

REASON_OF_ONE_ORDER: Final = "every form shows the options in one order, so that place and option cannot be told apart"
REASON_OF_ONE_OCCASION: Final = "every form was asked once, so that nothing was repeated"
REASON_OF_DETERMINISM: Final = "repetition without sampling shows determinism, not reliability"


@dataclass(frozen=True)
class AnswerMatrix:
    """Answers as arrays: a row an item, a column a form at an occasion.

    options, places
        The option (by its number in the published order) and the place shown, from 0; -1 where unanswered.
    values
        Raw option values or expected values; NaN where unanswered.
    reordered, mirrored, repeated
        Pairs of columns that differ only in option order; of these, the mirrored ones with rising values first; and
        pairs that differ only in the occasion.
    """

    options: Codes
    places: Codes
    values: Matrix
    forms: tuple[int, ...]
    reordered: tuple[tuple[int, int], ...]
    mirrored: tuple[tuple[int, int], ...]
    repeated: tuple[tuple[int, int], ...]

    @property
    def by_form(self) -> Matrix:
        """Items × forms: values averaged over the occasions that were answered, NaN where none was."""
        columns = np.asarray(self.forms)
        kept = [self.values[:, columns == form] for form in dict.fromkeys(self.forms)]
        known = [np.isfinite(part) for part in kept]
        sums = [np.where(ok, part, 0.0).sum(axis=1) for part, ok in zip(kept, known, strict=True)]
        counts = [ok.sum(axis=1) for ok in known]
        means = [np.where(n > 0, s / np.maximum(n, 1), np.nan) for s, n in zip(sums, counts, strict=True)]
        return np.column_stack(means)


def answer_matrix(read: CodedRecord) -> AnswerMatrix:
    """The answers of a record as arrays, with the pairs of columns that its design makes comparable."""
    plan = read.record.plan
    instrument, n = plan.instrument, len(plan.instrument.items)
    shape = (n, len(read.cells) // n)
    options, places = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    values = np.full(shape, np.nan)
    number = {option: k for k, option in enumerate(instrument.response_format.published_order)}
    for position, cell in enumerate(read.cells):
        column, row = divmod(position, n)
        value = raw_value(cell.coding, instrument)
        if cell.coding is None or cell.coding.option is None or value is None:
            continue
        options[row, column] = number[cell.coding.option]
        places[row, column] = cell.presentation.form.option_order.index(cell.coding.option)
        values[row, column] = value
    columns = [(cell.form, cell.presentation.occasion) for cell in read.cells[::n]]
    reordered, mirrored, repeated = _pairs(columns, plan)
    return AnswerMatrix(options, places, values, tuple(form for form, _ in columns), reordered, mirrored, repeated)


def subject_estimates(read: CodedRecord, key: str, population: Population, seed: int) -> dict[str, Estimate]:
    """Every estimate of a subject, by key: counts, position and content, scales.

    A statistic that this design or these answers cannot support is there as well, refused with the reason.
    """
    found = dict(_coverage(read, population))
    found |= _position_and_content(read, population, seed)
    found |= _scales(read, population)
    return {f"{key}.{name}": estimate for name, estimate in found.items()}


def item_key(key: str, item: str, form: str) -> str:
    """Under which key an item's score stands."""
    return f"{key}.item.{item}.form.{form}"


def item_estimate(cell: Cell, population: Population) -> Estimate:
    """The score of one item on one form at one occasion."""
    score = item_score(cell.coding, cell.presentation.item, cell.presentation.instrument)
    if score is None:
        return ITEM_SCORE.refused(cell.coding.outcome.value if cell.coding else "not asked", population=population)
    return ITEM_SCORE.estimate(score, n=1, population=population)


def _pairs(
    columns: Sequence[tuple[int, int]], plan: Plan
) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
    reordered, mirrored, repeated = [], [], []
    for (a, (form_a, time_a)), (b, (form_b, time_b)) in itertools.combinations(enumerate(columns), 2):
        one, other = plan.forms[form_a], plan.forms[form_b]
        if form_a == form_b:
            repeated.append((a, b))
        elif time_a == time_b and replace(other, option_order=one.option_order) == one:
            reordered.append((a, b))
            if one.option_order == other.option_order[::-1] and (rise := _rise(one, plan.instrument)):
                mirrored.append((a, b) if rise > 0 else (b, a))
    return tuple(reordered), tuple(mirrored), tuple(repeated)


def _rise(form: Form, instrument: Instrument) -> float:
    """Above 0 where values rise with the place shown, below where they fall; 0 where neither can be said."""
    values = [instrument.response_format.by_id[option].value for option in form.option_order]
    middle = (len(values) - 1) / 2
    return sum((place - middle) * value for place, value in enumerate(values))


def _try(statistic: Statistic, compute: Callable[[], Estimate], population: Population) -> Estimate:
    """The estimate, or the statistic refused with the reason."""
    try:
        return compute()
    except InsufficientData as error:
        return statistic.refused(str(error), population=population)


def _coverage(read: CodedRecord, population: Population) -> Iterator[tuple[str, Estimate]]:
    yield from _counts("", "outcome.", read.cells, population)
    for form, cells in enumerate(read.by_form):
        prefix = f"coverage.{form_key(form)}."
        yield from _counts(prefix, prefix, cells, population)
    n = len(read.record.plan.instrument.items)
    per_item = len(read.cells) // n
    count = sum(cell.answered for cell in read.cells) / per_item
    yield (
        "answered_share",
        _try(ANSWERED_SHARE, lambda: share(count, n, population=population, statistic=ANSWERED_SHARE), population),
    )


def _counts(
    prefix: str, outcome_prefix: str, cells: Sequence[Cell], population: Population
) -> Iterator[tuple[str, Estimate]]:
    planned, outcomes = len(cells), [cell.coding.outcome for cell in cells if cell.coding]
    yield f"{prefix}planned", PLANNED.estimate(planned, n=planned, population=population)
    yield f"{prefix}asked", ASKED.estimate(len(outcomes), n=planned, population=population)
    for outcome in Outcome:
        words = Statistic(f"outcome.{outcome.value}", f'responses read as "{outcome.value}"', "count", "presentation")
        yield (
            f"{outcome_prefix}{outcome.value}",
            words.estimate(outcomes.count(outcome), n=planned, population=population),
        )


def _position_and_content(read: CodedRecord, population: Population, seed: int) -> dict[str, Estimate]:
    answers = answer_matrix(read)
    among = partial(_try, population=population)
    options, places, pairs = answers.options, answers.places, answers.reordered
    found: dict[str, Estimate] = {}
    if pairs:
        same = partial(same_code, pairs=pairs, seed=seed, population=population)
        found["same_option"] = among(SAME_OPTION, lambda: same(options))
        found["same_place"] = among(SAME_PLACE, lambda: same(places, statistic=SAME_PLACE))
        found["place_advantage"] = among(
            PLACE_ADVANTAGE, lambda: place_advantage(options, places, pairs, seed=seed, population=population)
        )
        found["position_effect"] = among(
            POSITION_EFFECT,
            lambda: position_effect(answers.values, answers.mirrored, seed=seed, population=population),
        )
    else:
        for statistic in (SAME_OPTION, SAME_PLACE, PLACE_ADVANTAGE, POSITION_EFFECT):
            found[statistic.name] = statistic.refused(REASON_OF_ONE_ORDER, population=population)
    found["same_option_again"] = _again(read, answers, population, seed)
    complete = complete_rows(answers.by_form)
    found["item_variance_share"] = among(
        ITEM_VARIANCE_SHARE, lambda: item_variance_share(complete, population=population)
    )
    found["form_agreement"] = among(FORM_AGREEMENT, lambda: form_agreement(complete, population=population))
    found["modal_option_share"] = among(MODAL_OPTION_SHARE, lambda: modal_option_share(options, population=population))
    for place in range(1, len(read.record.plan.instrument.response_format.options) + 1):
        shown = partial(place_share, places, place, population=population)
        found[f"place.{place}"] = among(place_share_statistic(place), shown)
    found["label_mass"] = _label_mass(read, population, seed)
    return found


def _again(read: CodedRecord, answers: AnswerMatrix, population: Population, seed: int) -> Estimate:
    """How often the same form asked again gets the same option: the noise against which forms are compared."""
    if not answers.repeated:
        return SAME_OPTION_AGAIN.refused(REASON_OF_ONE_OCCASION, population=population)
    estimate = _try(
        SAME_OPTION_AGAIN,
        lambda: same_code(
            answers.options, answers.repeated, seed=seed, statistic=SAME_OPTION_AGAIN, population=population
        ),
        population,
    )
    unsampled = "temperature:0" in read.record.sampling.split(",") or all(
        form.read_out == "logprobs" for form in read.record.plan.forms
    )
    if unsampled and estimate.status != "refused":
        return replace(estimate, status="warned", reason=REASON_OF_DETERMINISM)
    return estimate


def _label_mass(read: CodedRecord, population: Population, seed: int) -> Estimate:
    by_item: dict[str, list[float]] = {}
    for cell in read.cells:
        if cell.coding and cell.coding.label_mass is not None:
            by_item.setdefault(cell.presentation.item.id, []).append(cell.coding.label_mass)
    if not by_item:
        return LABEL_MASS.refused("no stored response has label log-probabilities", population=population)
    sums, counts = [sum(masses) for masses in by_item.values()], [len(masses) for masses in by_item.values()]
    mass, n = sum(sums) / sum(counts), len(by_item)
    if n < 2:
        return LABEL_MASS.estimate(mass, n=n, population=population)
    low, high = ratio_interval(sums, counts, seed=seed)
    return LABEL_MASS.estimate(mass, low, high, n=n, population=population)


def _scales(read: CodedRecord, population: Population) -> Iterator[tuple[str, Estimate]]:
    instrument = read.record.plan.instrument
    size = len(instrument.items)
    by_form: list[list[tuple[ScaleScore, ...]]] = [
        [
            scale_scores([(cell.presentation.item, cell.coding) for cell in cells[start : start + size]], instrument)
            for start in range(0, len(cells), size)
        ]
        for cells in read.by_form
    ]
    for number, scale in enumerate(instrument.scales):
        name, n = f"scale.{scale.id}", len(instrument.items_of(scale.id))
        means: list[float] = []
        for form, occasions in enumerate(by_form):
            scores = [s for occasion in occasions if (s := occasion[number].score) is not None]
            if scores:
                means.append(sum(scores) / len(scores))
                estimate = SCALE_SCORE.estimate(means[-1], n=n, population=population)
            else:
                most = max(occasion[number].answered for occasion in occasions)
                estimate = SCALE_SCORE.refused(_too_few(most, n), population=population, n=most)
            yield f"{name}.form.{form_key(form)}", estimate
        over = SCALE_OVER_FORMS.refused("no form has a score for this scale", population=population)
        if means:
            over = SCALE_OVER_FORMS.estimate(sum(means) / len(means), n=n, population=population)
        yield name, over
        yield f"{name}.n_items", N_ITEMS.estimate(n, n=n, population=population)
        every = [occasion[number] for occasions in by_form for occasion in occasions]
        for end, limits in (("lowest", [s.low for s in every]), ("highest", [s.high for s in every])):
            yield f"{name}.{end}", SCALE_BOUND[end].estimate(sum(limits) / len(limits), n=n, population=population)


def _too_few(answered: int, total: int) -> str:
    return f"{answered} of {total} items answered, at least {MIN_ANSWERED_PERCENT} % are needed"
