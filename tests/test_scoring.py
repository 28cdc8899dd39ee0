"""Item and scale scores: keying, missing answers, and what an option's place must never change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psychometrics.coding import Coding, Outcome
from psychometrics.instrument import Bounds, Instrument, Item, Keying, Option, ResponseFormat, Scale, keyed_value
from psychometrics.library import load_instrument
from psychometrics.scoring import MIN_ANSWERED_PERCENT, SCORING, item_score, raw_value, scale_score, scale_scores


def answered(option: str) -> Coding:
    return Coding(Outcome.ANSWERED, option)


def from_zero(n_items: int = 5, reverse: int = 1) -> Instrument:
    """A format of 0 to 3 and one scale, whose last items are keyed in reverse."""
    items = tuple(
        Item(f"i{k}", f"Stem {k}", "s", Keying.REVERSE if k >= n_items - reverse else Keying.FORWARD)
        for k in range(n_items)
    )
    options = tuple(Option(f"o{value}", f"text {value}", value) for value in range(4))
    return Instrument(
        "zero", "Zero", "1", "en", "Answer.", "", ResponseFormat(options), (Scale("s", "S"),), items, {}, {}
    )


def test_a_format_that_starts_at_0_is_reflected_about_its_own_bounds() -> None:
    instrument = from_zero()
    assert item_score(answered("o0"), instrument.by_id["i4"], instrument) == 3
    assert item_score(answered("o0"), instrument.by_id["i0"], instrument) == 0
    everything_at_0 = [(item, answered("o0")) for item in instrument.items]
    assert scale_scores(everything_at_0, instrument)[0].score == pytest.approx(3 / 5)


@given(st.floats(-100, 100), st.floats(-100, 100), st.floats(0, 1))
def test_reversing_twice_is_nothing_and_keying_stays_inside(low: float, width: float, share: float) -> None:
    bounds = Bounds(low, low + abs(width))
    value = low + share * abs(width)
    once = keyed_value(value, Keying.REVERSE, bounds)
    assert keyed_value(once, Keying.REVERSE, bounds) == pytest.approx(value, abs=1e-9)
    assert bounds.low - 1e-9 <= once <= bounds.high + 1e-9


@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5), st.permutations(range(5)))
def test_an_expected_value_is_keyed_and_ignores_the_order_shown(weights: list[float], order: list[int]) -> None:
    instrument = load_instrument("bfi-44")
    p = [weight / sum(weights) for weight in weights]
    expected = sum(share * value for share, value in zip(p, range(1, 6), strict=True))
    shown = tuple((str(k + 1), p[k]) for k in order)
    coding = Coding(Outcome.ANSWERED, max(shown, key=lambda pair: pair[1])[0], shown, 0.9)
    assert raw_value(coding, instrument) == pytest.approx(expected)
    assert item_score(coding, instrument.by_id["1"], instrument) == pytest.approx(expected)
    assert item_score(coding, instrument.by_id["2"], instrument) == pytest.approx(6 - expected)


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.ANSWERED])
def test_no_other_outcome_becomes_a_number(outcome: Outcome) -> None:
    instrument = load_instrument("bfi-44")
    coding = Coding(outcome, distribution=(("1", 0.5), ("5", 0.5)), label_mass=0.001)
    assert item_score(coding, instrument.items[0], instrument) is None
    assert raw_value(None, instrument) is None


@pytest.mark.parametrize(("n_items", "missing", "scored"), [(5, 1, True), (5, 2, False), (4, 1, False), (10, 2, True)])
def test_a_scale_needs_four_fifths_of_its_items(n_items: int, missing: int, scored: bool) -> None:
    assert MIN_ANSWERED_PERCENT == 80
    assert "80 %" in SCORING
    instrument = from_zero(n_items, reverse=0)
    found = scale_score(instrument.scales[0], {f"i{k}": 2.0 for k in range(missing, n_items)}, instrument)
    assert found.score == (2.0 if scored else None)
    assert found.low == pytest.approx(2 * (n_items - missing) / n_items)
    assert found.high == pytest.approx((2 * (n_items - missing) + 3 * missing) / n_items)
    assert (found.answered, found.total) == (n_items - missing, n_items)


def test_bounds_meet_at_the_score_when_nothing_is_missing_and_span_the_format_when_all_is() -> None:
    instrument = load_instrument("bfi-44")
    every = scale_scores([(item, answered("4")) for item in instrument.items], instrument)
    assert all(s.low == s.score == s.high for s in every)
    nothing = scale_scores([], instrument)
    assert all((s.score, s.low, s.high, s.answered) == (None, 1, 5, 0) for s in nothing)


@pytest.mark.parametrize(
    ("instrument", "expected"),
    [
        (
            "bfi-44",
            {
                "extraversion": (5 * 5 + 3 * 1) / 8,
                "agreeableness": (5 * 5 + 4 * 1) / 9,
                "conscientiousness": (5 * 5 + 4 * 1) / 9,
                "neuroticism": (5 * 5 + 3 * 1) / 8,
                "openness": (8 * 5 + 2 * 1) / 10,
            },
        ),
        (
            "mini-ipip",
            {
                "extraversion": 3,
                "agreeableness": 3,
                "conscientiousness": 3,
                "neuroticism": 3,
                "intellect": (1 * 5 + 3 * 1) / 4,
            },
        ),
    ],
)
def test_agreeing_with_everything_gives_the_baseline_of_the_key(instrument: str, expected: dict[str, float]) -> None:
    loaded = load_instrument(instrument)
    scores = scale_scores([(item, answered("5")) for item in loaded.items], loaded)
    assert {s.scale: s.score for s in scores} == expected
