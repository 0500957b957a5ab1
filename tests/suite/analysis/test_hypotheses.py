from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from scipy import stats

from suite.analysis.hypotheses import (
    LEVEL,
    Finding,
    Hypothesis,
    better,
    both_not_worse,
    difference,
    gains,
    holm,
    most_wins,
    not_worse,
    printed_value,
    seeds_to_decide,
    total_ratio,
)
from suite.analysis.permutations import Samples

BOUNDARIES: dict[str, tuple[Hypothesis, tuple[float, ...]]] = {
    "better": (better, (1.0, 1.0)),
    "gain, mean": (gains, (1.0, 1.0)),
    "gain, median": (partial(gains, average="median"), (1.0, 1.0)),
    "comparable": (not_worse, (0.9, 1.0)),
    "comparable, below zero": (not_worse, (-1.1, -1.0)),
    "oracle": (both_not_worse, (0.9, 0.9, 1.0)),
    "oracle, one far above": (both_not_worse, (0.9, 2.0, 1.0)),
    "wins": (most_wins, (1.0, 1.0, 1.0, 1.0, 1.0)),
    "wins, others far behind": (most_wins, (1.0, 1.0, 0.1, 0.1, 0.1)),
    "time": (total_ratio, (1.0, 1.0)),
}
"""Each test with the means of its entries at its boundary."""


def draw(
    generator: np.random.Generator, means: Sequence[float], environments: int, seeds: int, deviation: float
) -> list[Samples]:
    return [[mean * (1 + deviation * generator.normal(size=seeds)) for _ in range(environments)] for mean in means]


def flat(*values: Sequence[float], environments: int = 6) -> list[Samples]:
    """The same runs on every environment."""
    return [[np.array(each, float)] * environments for each in values]


@pytest.mark.parametrize("name", BOUNDARIES)
def test_neither_wrong_verdict_falls_too_often_at_the_boundary(name: str) -> None:
    test, means = BOUNDARIES[name]
    generator = np.random.default_rng(0)
    found = [test(draw(generator, means, 6, 3, 0.5)).direction for _ in range(200)]
    # Of 200 at 5 %, one in a million has 27 or more.
    assert found.count(1) < 27
    assert found.count(-1) < 27


@pytest.mark.parametrize(
    ("test", "above", "below"),
    [
        (better, [[7, 8, 9], [1, 2, 3]], [[1, 2, 3], [7, 8, 9]]),
        (not_worse, [[9.3, 9.4, 9.5], [10, 10.1, 10.2]], [[8.5, 8.6, 8.7], [10, 10.1, 10.2]]),
        (not_worse, [[-10.8, -10.7, -10.6], [-10, -10.1, -10.2]], [[-13, -12.9, -12.8], [-10, -10.1, -10.2]]),
        (gains, [[7, 8, 9], [1, 2, 3]], [[1, 2, 3], [7, 8, 9]]),
        (partial(gains, average="median"), [[7, 8, 9], [1, 2, 3]], [[1, 2, 3], [7, 8, 9]]),
        (total_ratio, [[7, 8, 9], [1, 2, 3]], [[1, 2, 3], [7, 8, 9]]),
        (most_wins, [[7, 8, 9], [1, 2, 3], [0, 1, 2]], [[1, 2, 3], [7, 8, 9], [0, 1, 2]]),
        (both_not_worse, [[7, 8, 9], [5, 6, 7], [1, 2, 3]], [[7, 8, 9], [1, 2, 3], [5, 6, 7]]),
    ],
)
def test_both_sides_can_be_decided(test: Hypothesis, above: list[list[float]], below: list[list[float]]) -> None:
    assert test(flat(*above)).direction == 1
    assert test(flat(*below)).direction == -1


def test_three_seeds_decide_on_one_environment_if_all_agree_and_two_never() -> None:
    assert better(flat([7, 8, 9], [1, 2, 3], environments=1)).above == pytest.approx(LEVEL)
    found = better(flat([7, 8], [1, 2], environments=1))
    assert (found.direction, found.smallest) == (0, pytest.approx(1 / 6))


def test_a_gain_of_identical_algorithms_is_not_reproduced() -> None:
    """The mean of noisy ratios lies above one: percentiles of a bootstrap called it reproduced in most trials."""
    generator = np.random.default_rng(1)
    found = [gains(draw(generator, (1, 1), 50, 3, 0.5)).direction for _ in range(100)]
    assert found.count(1) <= 15


def test_a_gain_is_told_as_a_ratio() -> None:
    found = gains(flat([2.9, 3.0, 3.1], [0.99, 1.0, 1.01]))
    assert found.estimate == pytest.approx(3)
    assert found.low < 3 < found.high


def test_a_gain_and_its_inverse_are_each_others_mirror() -> None:
    ours, theirs = draw(np.random.default_rng(2), (1.2, 1.0), 2, 3, 0.2)
    there, back = gains([ours, theirs]), gains([theirs, ours])
    assert there.estimate == pytest.approx(1 / back.estimate)
    assert (there.low, there.high) == pytest.approx((1 / back.high, 1 / back.low))
    assert (there.above, there.below) == pytest.approx((back.below, back.above))


def test_a_gain_leaves_out_environments_without_a_ratio() -> None:
    alive, dead = flat([2, 2.1, 2.2], [1, 1.1, 1.2], environments=3), flat([-2, -2, -2], [-1, -1, -1], environments=3)
    both = [[*x, *y] for x, y in zip(alive, dead, strict=True)]
    assert gains(both) == gains(alive)
    assert gains(dead).direction == 0
    assert math.isnan(gains(dead).estimate)


def test_environments_in_which_both_fail_speak_for_neither_side() -> None:
    failing = flat([1, 1.1, 1.2], [2, 2.1, 2.2])
    assert not_worse(failing).direction == -1
    assert not_worse(failing, failure=2.53).direction == 0


def test_the_oracle_is_matched_only_if_the_weaker_one_does_in_each_environment() -> None:
    """Each matches in four of six, both in two: no verdict that both match in most."""
    strong, weak, oracle = np.array([9.7, 9.8, 9.9]), np.array([1.0, 1.1, 1.2]), np.array([10.0, 10.1, 10.2])
    first, second = [strong] * 4 + [weak] * 2, [weak] * 2 + [strong] * 4
    found = both_not_worse([first, second, [oracle] * 6])
    assert found.direction != 1
    assert found.estimate == pytest.approx(2 / 6)


def test_the_winner_is_ahead_of_every_rival() -> None:
    first, second, third = flat([7, 8, 9], [6.9, 8.1, 9.05], [1, 2, 3])
    assert most_wins([first, third, third]).direction == 1
    found = most_wins([first, second, third])
    assert found.direction == 0
    assert found.estimate < 0.2


def test_intervals_of_the_tested_quantity() -> None:
    found = better(flat([7, 8, 9], [1, 2, 3]))
    # Clopper and Pearson's, of 18 of 18.
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(0.025 ** (1 / 18))
    ratio = total_ratio(flat([2, 2.2], [1, 1.1]))
    assert ratio.low < 2 < ratio.high


SEPARATED = flat([7, 8, 9], [1, 2, 3])


@pytest.mark.parametrize("test", [better, partial(gains, average="median"), most_wins])
def test_more_seeds_at_the_same_distance_decide(test: Callable[[Sequence[Samples]], Finding]) -> None:
    """About 80 % of trials with as many seeds as are said to be needed decide."""
    generator = np.random.default_rng(3)
    found = [test(draw(generator, (1.1, 1.0), 6, 40, 0.5)) for _ in range(30)]
    seeds = seeds_to_decide(Finding("", 0, 0, 0, 1, 1, float(np.median([each.distance for each in found])), 0), 40)
    assert 10 < seeds < 150
    decided = np.mean([test(draw(generator, (1.1, 1.0), 6, int(seeds), 0.5)).direction == 1 for _ in range(60)])
    assert decided == pytest.approx(0.8, abs=0.2)


def test_at_the_boundary_no_number_of_seeds_decides() -> None:
    found = better(flat([1, 2, 3], [1, 2, 3]))
    assert found.direction == 0
    assert seeds_to_decide(found, 3) == math.inf


OURS, THEIRS = np.array([5.1, 4.2, 6.3, 5.5]), np.array([4.0, 3.1, 5.6])


def test_a_difference_is_welchs() -> None:
    found = difference(OURS, THEIRS)
    expected = stats.ttest_ind(OURS, THEIRS, equal_var=False, alternative="greater")
    assert (found.estimate, found.above) == pytest.approx((OURS.mean() - THEIRS.mean(), expected.pvalue))
    assert found.below == pytest.approx(1 - expected.pvalue)
    limits = stats.ttest_ind(OURS, THEIRS, equal_var=False).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))
    assert difference(OURS, THEIRS, margin=1.0).above == pytest.approx(
        stats.ttest_ind(OURS - 1, THEIRS, equal_var=False, alternative="greater").pvalue
    )


def test_a_difference_of_the_same_runs_is_paired() -> None:
    found = difference(OURS[:3], THEIRS, paired=True)
    expected = stats.ttest_rel(OURS[:3], THEIRS, alternative="greater")
    assert found.above == pytest.approx(expected.pvalue)
    assert "the same 3 runs" in found.quantity


def test_a_single_seed_and_runs_that_do_not_vary_decide_no_difference() -> None:
    assert difference(np.array([5.0]), THEIRS).direction == 0
    assert difference(np.ones(3), np.zeros(3)).direction == 0


@pytest.mark.parametrize(
    ("printed", "untrained", "direction"),
    [(10.2, 0.0, 1), (13.0, 0.0, -1), (10.2, 8.5, 0), (13.0, 8.5, -1)],
)
def test_a_print_fits_only_where_little_else_would_have(printed: float, untrained: float, direction: int) -> None:
    """The interval of one further run of 9.5, 10, 10.5 is 10 +- 4.303 * 0.5 * sqrt(4 / 3) = 10 +- 2.484."""
    scores = np.array([9.5, 10.0, 10.5])
    found = printed_value(scores, np.full(3, untrained), printed, 1)
    assert (found.low, found.high) == pytest.approx((10 - 2.4842, 10 + 2.4842), abs=1e-3)
    assert found.direction == direction


def test_an_interval_as_wide_as_half_of_what_was_learnt_cannot_tell() -> None:
    scores = np.array([9.5, 10.0, 10.5])
    assert printed_value(scores, np.array([0.06]), 10.0, 1).direction == 1
    assert printed_value(scores, np.array([0.07]), 10.0, 1).direction == 0


def test_a_mean_of_more_runs_is_known_better() -> None:
    found = printed_value(np.array([9.5, 10.0, 10.5]), np.zeros(3), 10.0, 3)
    assert found.high == pytest.approx(10 + 4.3027 * 0.5 * math.sqrt(2 / 3), abs=1e-3)


def test_a_single_run_cannot_tell_whether_a_print_fits() -> None:
    assert printed_value(np.array([10.0]), np.zeros(1), 10.0, 1).direction == 0


def test_p_values_are_adjusted_for_their_number() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
