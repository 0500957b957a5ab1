from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from suite.analysis.equivalence import LEVEL, decision, equivalence, gains, on_one, over_all

OURS, THEIRS = np.array([9.8, 10.3, 10.1]), np.array([10.2, 9.9, 10.0])
UNTRAINED = np.array([1.9, 2.1, 2.0, 1.9, 2.1, 2.0])


def test_one_environment_has_two_one_sided_tests_of_welchs() -> None:
    """(A - u) against (1 - m)(B - u) from below and (1 + m)(B - u) from above, by scipy."""
    found = equivalence([OURS], [THEIRS], [UNTRAINED], 0.1)
    ours, theirs = OURS - 2.0, THEIRS - 2.0
    lower = stats.ttest_ind(ours, 0.9 * theirs, equal_var=False, alternative="greater").pvalue
    upper = stats.ttest_ind(ours, 1.1 * theirs, equal_var=False, alternative="less").pvalue
    assert found.within == pytest.approx(max(lower, upper))
    assert found.outside == pytest.approx(min(1, 2 * min(1 - lower, 1 - upper)))
    assert found.ratio == pytest.approx(ours.mean() / theirs.mean())
    assert found.environments == 1


def test_the_smallest_margin_is_the_one_at_which_the_test_holds() -> None:
    smallest = equivalence([OURS], [THEIRS], [UNTRAINED]).smallest
    assert 0 < smallest < 0.1
    assert equivalence([OURS], [THEIRS], [UNTRAINED], smallest).within == pytest.approx(LEVEL, rel=1e-4)
    assert equivalence([OURS], [THEIRS], [UNTRAINED], level=0.01).smallest > smallest


def test_environments_are_weighed_by_the_gain_of_both() -> None:
    """Another unit in one environment changes nothing, and neither does who stands first."""
    ours, theirs, untrained = [OURS, 0.9 * OURS, OURS], [THEIRS, THEIRS, 1.1 * THEIRS], [UNTRAINED] * 3
    found = equivalence(ours, theirs, untrained)
    scaled = [
        [sample * unit for sample, unit in zip(each, (1, 7, 1e-3), strict=True)] for each in (ours, theirs, untrained)
    ]
    again = equivalence(*scaled)
    assert (again.within, again.smallest) == pytest.approx((found.within, found.smallest))
    back = gains(theirs, ours, untrained)
    there = gains(ours, theirs, untrained)
    assert there.above(1.0) == pytest.approx(back.below(1.0))


def test_an_environment_where_no_gain_shows_is_left_out() -> None:
    flat = 2.0 + 0.1 * np.array([-1.0, 0.0, 1.0])
    found = equivalence([OURS, flat], [THEIRS, flat], [UNTRAINED, UNTRAINED])
    assert found.environments == 1
    assert found.within == equivalence([OURS], [THEIRS], [UNTRAINED]).within


@pytest.mark.parametrize(
    ("ours", "theirs", "untrained"),
    [
        (2.0 + 0.1 * np.array([-1.0, 0.0, 1.0]), 2.0 + 0.1 * np.array([1.0, -1.0, 0.0]), UNTRAINED),
        (OURS, THEIRS, np.full(6, np.nan)),
        (OURS[:1], THEIRS, UNTRAINED),
        (OURS - 20, THEIRS - 20, UNTRAINED),
    ],
    ids=["nothing learnt", "no untrained score", "a single seed", "worse than untrained"],
)
def test_without_a_gain_nothing_is_defined(ours: np.ndarray, theirs: np.ndarray, untrained: np.ndarray) -> None:
    found = equivalence([ours], [theirs], [untrained])
    assert found.environments == 0
    assert all(map(math.isnan, (found.ratio, found.within, found.outside, found.smallest)))


def test_a_margin_that_not_even_no_gain_would_break_is_none() -> None:
    noisy = np.array([8.0, 12.0, 10.0])
    assert math.isnan(equivalence([noisy * 3], [noisy], [UNTRAINED]).smallest)


@pytest.mark.parametrize(
    ("direction", "equivalent", "said"),
    [
        (1, False, "better"),
        (-1, False, "worse"),
        (0, True, "equivalent"),
        (0, False, "inconclusive"),
        (1, True, "better, yet equivalent"),
        (-1, True, "worse, yet equivalent"),
    ],
)
def test_text_of_each_decision(direction: int, equivalent: bool, said: str) -> None:
    assert decision(direction, equivalent) == said


def test_what_could_have_been_seen_is_seen_in_four_of_five_cases() -> None:
    """At the true spread; twenty seeds, so that the spread is about known."""
    generator = np.random.default_rng(0)
    size = 20
    quantiles = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    truth = quantiles * np.sqrt(2 / size)
    detectable, seen = [], 0
    for _ in range(400):
        ours, theirs = generator.normal(size=(2, size))
        detectable.append(on_one(ours, theirs, ours, 0.1).detectable)
        seen += on_one(ours + truth, theirs, ours, 0.1).direction == 1
    assert np.mean(detectable) == pytest.approx(truth, rel=0.05)
    assert seen / 400 == pytest.approx(0.8, abs=0.06)


def test_rows_read_together_ask_for_more() -> None:
    alone, one_of_ten = (on_one(OURS + 0.6, THEIRS, UNTRAINED, 0.1, rows) for rows in (1, 10))
    assert (alone.direction, one_of_ten.direction) == (1, 0)
    assert one_of_ten.high - one_of_ten.low > alone.high - alone.low
    assert one_of_ten.detectable > alone.detectable


def test_over_environments_better_is_more_often_than_not() -> None:
    """Three of three pairs on each of three environments: nine of nine, for which Clopper and Pearson have 0.664."""
    found = over_all([OURS + 5] * 3, [THEIRS] * 3, [UNTRAINED] * 3, 0.1)
    assert found.decision == "better"
    assert found.low == pytest.approx(0.025 ** (1 / 9))
    assert math.isnan(found.detectable)
