from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from suite.analysis.comparisons import (
    GAIN_RULES,
    failure_range,
    gain,
    groups,
    relative_gains,
    share_matching,
    share_reaching,
    tie_holders,
    wins,
    wins_ahead,
)

OURS = np.array([4.0, 6.0, -1.0, 1.0, -2.0, 0.0])
BASELINE = np.array([2.0, 8.0, 2.0, -4.0, -1.0, 0.0])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("either above zero, negative ratios as 0", [2.0, 0.75, 0.0, 0.0, None, None]),
        ("every ratio with a baseline that is not zero", [2.0, 0.75, -0.5, -0.25, 2.0, None]),
        ("both above zero", [2.0, 0.75, None, None, None, None]),
        ("baseline above zero", [2.0, 0.75, -0.5, None, None, None]),
    ],
)
def test_each_definition_of_relative_gain(rule: str, expected: list[float | None]) -> None:
    gains = relative_gains(OURS, BASELINE, rule)
    assert [None if np.isnan(gain) else gain for gain in gains] == expected


def test_every_definition_is_tested() -> None:
    assert len(GAIN_RULES) == 4


def test_resamples_are_axes_in_front() -> None:
    stacked = relative_gains(np.stack([OURS, 2 * OURS]), np.stack([BASELINE, BASELINE]), "both above zero")
    np.testing.assert_array_equal(stacked[1], 2 * relative_gains(OURS, BASELINE, "both above zero"))


@pytest.mark.parametrize(
    ("ties", "expected"), [("nobody", [1, 0, 0]), ("everybody", [2, 1, 1]), ("split", [1.5, 0.5, 1 / 2])]
)
def test_wins_under_each_tie_rule(ties: str, expected: list[float]) -> None:
    returns = np.array([[3.0, 1.0, 2.0], [5.0, 5.0, 1.0]])
    returns_with_third = np.vstack([returns, [0.0, 0.0, 0.0]])
    assert wins(returns, ties).tolist() == [expected[0], expected[1], 0]
    three = {"nobody": 0, "everybody": 1, "split": 1 / 3}[ties]
    assert wins(returns_with_third, ties).tolist() == pytest.approx([expected[0] + three, expected[1] + three, three])


@given(hnp.arrays(float, (6, 4), elements=st.integers(0, 3).map(float)))
def test_split_wins_add_up_to_the_environments(returns: np.ndarray) -> None:
    assert wins(returns, "split").sum() == pytest.approx(6)
    assert np.all(wins(returns, "nobody") <= wins(returns, "split"))


def test_ties_are_credited_so_that_the_printed_counts_come_out() -> None:
    returns = np.array([[3.0, 1.0], [5.0, 5.0], [2.0, 2.0]])
    assert tie_holders(returns, np.array([3.0, 0.0])) == [{1: 0, 2: 0}]
    assert tie_holders(returns, np.array([2.0, 1.0])) == [{1: 0, 2: 1}, {1: 1, 2: 0}]
    assert tie_holders(returns, np.array([0.0, 3.0])) == []


@pytest.mark.parametrize(
    ("ours", "baseline", "group"),
    [
        (2.0, 1.0, 1),
        (90.0, 100.0, 0),
        (89.0, 100.0, -1),
        (0.1, 2.0, 0),  # both fail
        (0.1, 2.1, -1),
        (-1.05, -1.0, 0),
        (-100.0, -90.0, 0),  # a threshold above both
    ],
)
def test_groups(ours: float, baseline: float, group: int) -> None:
    assert groups(np.array([ours]), np.array([baseline]), failure=2.0).tolist() == [group]


def test_a_negative_baseline_is_worse_beyond_a_tenth_of_its_size() -> None:
    assert groups(np.array([-109.0, -111.0]), np.array([-100.0, -100.0]), failure=-1000.0).tolist() == [0, -1]


@pytest.mark.parametrize(
    ("theirs", "share", "needed"), [(10.0, 1.5, 15.0), (-10.0, 1.5, -5.0), (10.0, 0.5, 5.0), (-10.0, 0.5, -15.0)]
)
def test_a_share_of_a_negative_mean_is_as_far_from_it_as_of_a_positive_one(
    theirs: float, share: float, needed: float
) -> None:
    ours = np.array([needed, needed - 0.01, needed + 1])
    assert share_reaching([ours, np.full(3, theirs)], share) == pytest.approx(2 / 3)


@given(
    hnp.arrays(float, 8, elements=st.floats(-5, 50)),
    hnp.arrays(float, 8, elements=st.floats(-5, 50)),
    st.floats(-1, 60),
)
def test_every_threshold_of_the_range_gives_the_groups(ours: np.ndarray, baseline: np.ndarray, failure: float) -> None:
    expected = groups(ours, baseline, failure)
    found = failure_range(ours, baseline, expected)
    if found is None:  # possible only for a threshold below every level
        assert failure < np.maximum(ours, baseline).min()
        return
    low, high = found
    for threshold in (low, (low + min(high, 1000.0)) / 2, np.nextafter(high, low)):
        np.testing.assert_array_equal(groups(ours, baseline, threshold), expected)


def test_gain_is_undefined_where_no_environment_counts() -> None:
    means = [np.array([[-1.0, 2.0], [-1.0, -2.0]]), np.array([[-1.0, 1.0], [-1.0, -2.0]])]
    found = gain(means, "mean", "both above zero")
    assert found[0] == 2
    assert np.isnan(found[1])


def test_the_reference_must_be_matched_by_both() -> None:
    means = [np.array([10.0, 10.0, 8.0]), np.array([9.0, 8.0, 10.0]), np.array([10.0, 10.0, 10.0])]
    assert share_matching(means) == pytest.approx(1 / 3)


def test_lead_in_wins() -> None:
    assert wins_ahead([np.array([3.0, 3.0, 0.0]), np.array([1.0, 1.0, 5.0]), np.array([0.0, 0.0, 5.0])]) == 2
