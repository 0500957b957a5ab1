from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from suite.analysis.moments import (
    above,
    at_least,
    below,
    fieller,
    higher,
    in_most,
    moments,
    more,
    spreads_differ,
    total_higher,
)

OURS, THEIRS = np.array([5.1, 4.2, 6.3, 5.5]), np.array([4.0, 3.1, 5.6])


def test_one_environment_is_welchs_t() -> None:
    found = higher(moments([OURS, OURS]), moments([THEIRS, THEIRS + 9]))
    expected = [
        stats.ttest_ind(OURS, THEIRS + more_, equal_var=False, alternative="greater").pvalue for more_ in (0, 9)
    ]
    assert found == pytest.approx(expected)


def test_a_level_is_students_t() -> None:
    entry = moments([OURS])
    assert above(entry, 4.0) == pytest.approx([stats.ttest_1samp(OURS, 4.0, alternative="greater").pvalue])
    assert below(entry, 4.0) == pytest.approx(1 - above(entry, 4.0))


def test_a_sum_over_environments_is_a_contrast_of_all_groups() -> None:
    """Satterthwaite 1946, written out."""
    ours, theirs = [OURS, OURS * 10], [THEIRS, THEIRS * 11]
    parts = [group.var(ddof=1) / len(group) for group in (*ours, *theirs)]
    freedom = sum(parts) ** 2 / sum(part**2 / (len(g) - 1) for part, g in zip(parts, (*ours, *theirs), strict=True))
    t = (sum(x.mean() for x in ours) - sum(y.mean() for y in theirs)) / np.sqrt(sum(parts))
    assert total_higher(moments(ours), moments(theirs)) == pytest.approx(stats.t.sf(t, freedom))


def test_what_does_not_vary_has_the_smallest_p_value_of_ranks() -> None:
    same = moments([np.ones(3)])
    assert higher(moments([np.full(3, 2.0)]), same) == pytest.approx([1 / 20])
    assert higher(same, same).tolist() == [1.0]
    assert higher(moments([np.ones(1)]), same).tolist() == [1.0]


def test_a_run_that_diverged_speaks_for_the_other_entry_alone() -> None:
    lost = moments([np.array([9.0, 9.1, 9.2, -np.inf])])
    low = moments([np.array([1.0, 1.1, 1.2])])
    assert higher(lost, low).tolist() == [1.0]
    assert higher(low, lost)[0] > 0.9  # of the finished runs, which favours who lost one
    assert (above(lost, 0.0).tolist(), lost.seeds.tolist()) == ([1.0], [3.0])


def test_a_partial_conjunction_leaves_out_the_smallest_p_values() -> None:
    p = np.array([0.001, 0.2, 0.04, 0.6])
    expected = [
        stats.combine_pvalues(p).pvalue,
        stats.combine_pvalues([0.6, 0.2, 0.04]).pvalue,
        stats.combine_pvalues([0.6, 0.2]).pvalue,
        0.6,
    ]
    assert at_least(p) == pytest.approx(np.maximum.accumulate(expected))
    assert in_most(p) == pytest.approx(expected[2])
    assert in_most(p[:3]) == pytest.approx(stats.combine_pvalues([0.2, 0.04]).pvalue)


def test_more_of_ours_than_of_theirs_needs_both_to_be_shown() -> None:
    sure, none = np.full(5, 1e-9), np.ones(5)
    assert more(sure, [sure]) < 1e-6
    assert more(sure, [none]) == 1
    assert more(none, [sure]) == 1
    # Three are ours for sure and three are not theirs: at least three of five, against at most two.
    three = np.array([1e-9, 1e-9, 1e-9, 1.0, 1.0])
    assert more(three, [three]) < 1e-6
    assert more(np.array([1e-9, 1e-9, 1.0, 1.0, 1.0]), [three]) == 1


def test_fiellers_limits_are_where_a_linear_contrast_is_just_not_significant() -> None:
    low, high = fieller(moments([OURS]), moments([OURS[::-1] * 2]), 0.05)
    ours, theirs = moments([OURS]), moments([OURS[::-1] * 2])
    ratio = ours.means / theirs.means
    parts = np.array([ours.errors[0], (ratio**2 * theirs.errors)[0]])
    t = stats.t.isf(0.05, parts.sum() ** 2 / (parts**2 / 3).sum())
    for limit in (low, high):
        distance = ours.means - limit * theirs.means
        assert np.abs(distance) == pytest.approx(t * np.sqrt(ours.errors + limit**2 * theirs.errors))


def test_unequal_spread_is_noticed_beyond_chance() -> None:
    draws = np.random.default_rng(0)
    calm, wild = ([draws.normal(10, sd, 3) for _ in range(50)] for sd in (1.0, 3.0))
    assert spreads_differ(moments(calm), moments(wild))
    assert not spreads_differ(moments(calm), moments([draws.normal(10, 1, 3) for _ in range(50)]))
    # Twice the score with twice the spread, or with the same: one of both spreads is equal.
    assert not spreads_differ(moments(calm), moments([2 * each for each in calm]))
    assert not spreads_differ(moments(calm), moments([10 + each for each in calm]))
