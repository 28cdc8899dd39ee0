"""Place against option on arrays made by hand, and the intervals against enumeration."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from psychometrics.errors import InsufficientData
from psychometrics.statistics.position import (
    SAME_PLACE,
    modal_option_share,
    place_advantage,
    place_share,
    position_effect,
    same_code,
)
from psychometrics.statistics.resampling import ratio_interval

PAIRS = [(0, 1)]
OPTIONS = np.array([[0, 0], [4, 0], [2, 2], [1, 3], [3, -1]])
PLACES = np.array([[0, 4], [4, 4], [2, 2], [1, 1], [3, -1]])


def test_shares_count_the_pairs_with_two_answers() -> None:
    option, place = same_code(OPTIONS, PAIRS, seed=1), same_code(PLACES, PAIRS, seed=1, statistic=SAME_PLACE)
    assert (option.name, option.value, option.n) == ("same_option", 0.5, 4)
    assert (place.name, place.value, place.n) == ("same_place", 0.75, 4)
    advantage = place_advantage(OPTIONS, PLACES, PAIRS, seed=1)
    assert (advantage.name, advantage.value, advantage.unit) == ("place_advantage", 0.25, "item")


def test_an_item_with_more_pairs_counts_more_but_is_one_unit() -> None:
    options = np.array([[1, 1, 1], [2, 3, -1]])
    found = same_code(options, [(0, 1), (0, 2), (1, 2)], seed=1)
    assert (found.value, found.n) == (3 / 4, 2)


def test_the_interval_is_the_percentile_of_all_resamples() -> None:
    above, below = np.array([0.0, 1.0, 1.0, 2.0, 0.0]), np.array([1.0, 1.0, 2.0, 2.0, 2.0])
    every = [above[list(drawn)].sum() / below[list(drawn)].sum() for drawn in itertools.product(range(5), repeat=5)]
    expected = np.quantile(every, [0.1, 0.9])
    found = ratio_interval(above, below, seed=3, level=0.8, draws=40_000)
    assert found == pytest.approx(expected, abs=0.02)


def test_the_same_seed_gives_the_same_limits_and_another_seed_others() -> None:
    above = np.random.default_rng(0).normal(size=30)
    assert ratio_interval(above, np.ones(30), seed=5) == ratio_interval(above, np.ones(30), seed=5)
    assert ratio_interval(above, np.ones(30), seed=5) != ratio_interval(above, np.ones(30), seed=6)


def test_resampling_takes_whole_items() -> None:
    one_form = np.repeat([[1, 1], [1, 2]], 10, axis=0)
    copied = np.tile(one_form, 5)
    pairs = [(2 * k, 2 * k + 1) for k in range(5)]
    alone, often = same_code(one_form, PAIRS, seed=2), same_code(copied, pairs, seed=2)
    assert (often.value, often.low, often.high, often.n) == (alone.value, alone.low, alone.high, 20)


def test_the_position_effect_is_half_the_difference_between_mirrored_orders() -> None:
    first_place = np.repeat([[1.0, 5.0]], 6, axis=0)
    found = position_effect(first_place, PAIRS, seed=1)
    assert (found.value, found.n, found.status) == (-2, 6, "warned")
    assert position_effect(first_place, [(1, 0)], seed=1).value == 2


def test_the_position_effect_averages_over_pairs_and_leaves_out_what_was_not_answered() -> None:
    values = np.array([[1.0, 2.0, 3.0, 3.0], [2.0, np.nan, 4.0, 2.0], [np.nan, 1.0, 1.0, np.nan]])
    found = position_effect(values, [(0, 1), (2, 3)], seed=1)
    assert found.value == pytest.approx(np.mean([(-0.5 + 0) / 2, 1.0]))
    assert found.n == 2


def test_place_shares_add_up_to_one_and_each_item_counts_once() -> None:
    shares = [place_share(PLACES, place) for place in range(1, 6)]
    assert sum(share.value for share in shares) == pytest.approx(1)
    assert shares[0].value == pytest.approx(0.5 / 5)
    assert {share.n for share in shares} == {5}


def test_the_modal_option_is_the_most_frequent_one() -> None:
    found = modal_option_share(np.array([[4, 4], [4, -1], [4, 1]]))
    assert found.value == pytest.approx(2.5 / 3)


@pytest.mark.parametrize(
    ("codes", "pairs", "reason"),
    [
        (OPTIONS, [], "no two forms"),
        (np.full((4, 2), -1), PAIRS, "0 items"),
        (np.array([[1, 1], [2, -1]]), PAIRS, "1 item answered"),
    ],
)
def test_too_few_pairs_are_refused_with_the_reason(codes: np.ndarray, pairs: list, reason: str) -> None:
    with pytest.raises(InsufficientData, match=reason):
        same_code(codes, pairs, seed=1)
    with pytest.raises(InsufficientData, match=reason):
        place_advantage(codes, codes, pairs, seed=1)


def test_no_answer_and_no_mirror_are_refused() -> None:
    nothing = np.full((4, 2), -1)
    with pytest.raises(InsufficientData, match="no answer"):
        place_share(nothing, 1)
    with pytest.raises(InsufficientData, match="no answer"):
        modal_option_share(nothing)
    with pytest.raises(InsufficientData, match="mirrored"):
        position_effect(np.ones((4, 2)), [], seed=1)
    with pytest.raises(InsufficientData, match="without any observation"):
        ratio_interval([1.0, 2.0], [1.0, 0.0], seed=1)
    with pytest.raises(InsufficientData, match="1 unit"):
        ratio_interval([1.0], [1.0], seed=1)
