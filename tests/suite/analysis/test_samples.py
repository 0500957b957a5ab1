"""Runs that differ by rounding alone: means of the same numbers, added up in another order, are no evidence."""

from __future__ import annotations

import numpy as np
import pytest

from suite.analysis import comparisons
from suite.analysis.hypotheses import chances, prediction
from suite.analysis.intervals import chance_interval, difference_interval, mean_interval
from suite.analysis.moments import above, below, higher, moments, total_higher
from suite.analysis.permutations import permute_chances
from suite.analysis.samples import difference
from suite.analysis.sequential import _welch

ROUNDED = 0.1 + 0.2 + 0.3
ONE, OTHER = np.full(5, ROUNDED), np.full(5, 0.6)
MIXED = np.array([0.6, ROUNDED, 0.6, ROUNDED, 0.6])


def test_a_difference_is_zero_where_rounding_alone_makes_it() -> None:
    assert ROUNDED != 0.6
    ours = np.array([ROUNDED, 1e-300 * ROUNDED, -1e5 * ROUNDED, 0.6, 0.0, 5.0, -np.inf, 1.0 + 1e-6])
    theirs = np.array([0.6, 1e-300 * 0.6, -1e5 * 0.6, 0.5, 1e-17, -np.inf, 5.0, 1.0])
    found = difference(ours, theirs)
    assert found[:3].tolist() == [0.0, 0.0, 0.0]
    assert found[3:] == pytest.approx([0.1, -1e-17, np.inf, -np.inf, 1e-6])
    assert difference(-np.inf, -np.inf) == 0.0  # two runs that diverged
    assert np.isnan(difference(np.nan, 1.0))


@pytest.mark.parametrize("ours", [ONE, MIXED])
def test_no_test_finds_anything_in_rounding(ours: np.ndarray) -> None:
    pairs = [(moments([ours]), moments([OTHER])), (moments([OTHER]), moments([ours]))]
    for first, second in pairs:
        assert higher(first, second) == 1.0
        assert total_higher(first, second) == 1.0
    assert above(moments([ours]), 0.6) == below(moments([ours]), 0.6) == 1.0
    assert chance_interval([ours], [OTHER])[0] == 0.5
    first, second = chances(ours[None], OTHER[None])
    assert first == second > 0.5
    permuted = permute_chances([ours], [OTHER])
    assert permuted.above == permuted.below == 1.0
    assert _welch(ours, OTHER) == 0.5


def test_runs_that_are_the_same_but_for_rounding_have_no_interval() -> None:
    assert np.isnan(mean_interval(MIXED)[1:]).all()
    assert np.isnan(difference_interval(MIXED, OTHER)[1:]).all()
    p, half, narrow = prediction(moments([MIXED]), np.zeros(1), 0.6, 3)
    assert (float(p), float(half), bool(narrow)) == (1.0, 0.0, False)


def test_means_that_are_the_same_but_for_rounding_are_a_tie() -> None:
    ours, theirs = np.array([ROUNDED, 1.0]), np.array([0.6, 0.5])
    returns = np.stack([ours, theirs], axis=-1)
    assert comparisons.wins(returns).tolist() == [1.0, 0.0]
    assert comparisons.wins(returns, "split").tolist() == [1.5, 0.5]
    assert comparisons.groups(ours, theirs, -np.inf).tolist() == [0, 1]
    assert comparisons.share_better([ours, theirs]) == 0.5
