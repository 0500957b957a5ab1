from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from suite.analysis.intervals import (
    Scale,
    chance_interval,
    clearly_not_zero,
    curve_bands,
    difference_interval,
    interquartile_mean_interval,
    learnt,
    mean_interval,
    mean_intervals,
    ratio_interval,
    score_table,
    share_interval,
    stratified_mean_interval,
)
from suite.analysis.results import read_results
from suite.analysis.samples import Samples
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec, make_store


def test_interval_is_students() -> None:
    values = np.array([3.0, 5.0, 10.0])
    mean, low, high = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == 6
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_interval_covers_what_it_says_with_three_seeds() -> None:
    generator = np.random.default_rng(0)
    intervals = [mean_interval(generator.normal(2, 3, size=3)) for _ in range(2000)]
    covered = np.mean([low <= 2 <= high for _, low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)


def test_one_seed_has_no_interval() -> None:
    mean, low, high = mean_interval(np.array([4.0]))
    assert mean == 4
    assert math.isnan(low)
    assert math.isnan(high)


def test_many_quantities_at_once_leave_out_missing_seeds() -> None:
    values = np.array([[1.0, 5.0, np.nan], [3.0, np.nan, np.nan], [8.0, 7.0, np.nan]])
    found = mean_intervals(values)
    for column, present in ((0, [1.0, 3.0, 8.0]), (1, [5.0, 7.0])):
        expected = stats.ttest_1samp(present, 0).confidence_interval(0.95)
        assert found[:, column] == pytest.approx([np.mean(present), expected.low, expected.high])
    assert np.isnan(found[:, 2]).all()


def test_bands_count_the_runs_that_reached_each_step() -> None:
    def run(name: str, steps: list[int], returns: list[float]) -> pd.DataFrame:
        return pd.DataFrame(
            {"run": name, "entry": "pearl", "environment": "e", "environment_steps": steps, "return": returns}
        )

    bands = curve_bands(pd.concat([run("a", [0, 10, 20], [0.0, 10.0, 20.0]), run("b", [0, 12], [2.0, 14.0])]))
    assert bands["environment_steps"].tolist() == [0, 10, 20]
    assert bands["mean"].tolist() == pytest.approx([1.0, 11.0, 20.0])  # b is interpolated to 12 at step 10
    assert bands["seeds"].tolist() == [2, 2, 1]
    assert math.isnan(bands["low"].iloc[2])


def test_scores_by_entry_and_environment(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0, 3.0, 5.0], ("mql", "reach-v1"): [7.0]}, start=-1.0)
    finish(store, make_spec("pearl", "push-v1"), linear(0, 9))
    table = score_table(read_results(Store(tmp_path)).done).set_index(["environment", "entry"])
    assert table.loc[("reach-v1", "pearl"), "mean"] == pytest.approx(3)
    assert table.loc[("reach-v1", "pearl"), "seeds"] == 3
    assert table.loc[("reach-v1", "pearl"), "untrained"] == pytest.approx(-1)
    assert table.loc[("push-v1", "pearl"), "mean"] == pytest.approx(9)
    assert math.isnan(table.loc[("reach-v1", "mql"), "low"])


@pytest.mark.parametrize(
    ("untrained", "score", "expected"),
    [(0.0, 0.1, True), (-300.0, -280.0, False), (-300.0, -260.0, True), (20.0, 21.0, False), (5.0, 1.0, False)],
)
def test_what_counts_as_learning(untrained: float, score: float, expected: bool) -> None:
    assert learnt(untrained, score) is expected


def test_difference_is_welchs() -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5, 0.1])
    expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert difference_interval(x, y) == pytest.approx((x.mean() - y.mean(), expected.low, expected.high))
    assert all(math.isnan(end) for end in difference_interval(x, y[:1])[1:])


def test_means_of_one_environment_are_students() -> None:
    sample = np.array([1.0, 2.0, 4.0])
    assert stratified_mean_interval([sample]) == pytest.approx(mean_interval(sample))


def test_interquartile_mean_of_one_environment_is_yuens() -> None:
    sample = np.array([0.0, 1.0, 2.0, 4.0, 7.0, 9.0, 30.0, 31.0])
    expected = stats.trim_mean(sample, 0.25)
    winsorised = np.clip(sample, 2, 9)
    error = winsorised.std(ddof=1) * np.sqrt(7 / (4 * 3))
    half = stats.t.ppf(0.975, 3) * error
    assert interquartile_mean_interval([sample]) == pytest.approx((expected, expected - half, expected + half))


def test_ratio_of_means_is_told_on_a_logarithmic_scale() -> None:
    ours, theirs = [np.array([2.0, 2.2, 2.4])], [np.array([1.0, 1.1, 1.2])]
    ratio, low, high = ratio_interval(ours, theirs)
    assert ratio == pytest.approx(2)
    assert low * high == pytest.approx(ratio**2)
    # The relative standard errors are alike, so that Welch's degrees of freedom are 4.
    half = stats.t.ppf(0.975, 4) * np.sqrt(2 * (0.1 / 1.1) ** 2 / 3)
    assert np.log(high / ratio) == pytest.approx(half)
    assert all(math.isnan(end) for end in ratio_interval([np.array([-1.0, 0.5])], theirs)[1:])


def test_shares_have_clopper_and_pearsons_interval() -> None:
    expected = stats.binomtest(3, 10).proportion_ci(method="exact")
    assert share_interval(0.3, 10) == pytest.approx((expected.low, expected.high))
    assert share_interval(1.0, 2) == pytest.approx((0.025**0.5, 1))


def test_chance_counts_pairs() -> None:
    ours, theirs = [np.array([1.0, 4.0]), np.array([2.0, 2.0])], [np.array([1.0, 3.0]), np.array([2.0, 2.0])]
    expected = np.mean(
        [np.mean([(x > y) + 0.5 * (x == y) for x, y in product(a, b)]) for a, b in zip(ours, theirs, strict=True)]
    )
    chance, low, high = chance_interval(ours, theirs)
    assert chance == pytest.approx(expected)
    assert (low, high) == pytest.approx(share_interval(chance, 4))


@pytest.mark.parametrize("seeds", [2, 3])
def test_an_even_chance_is_not_missed(seeds: int) -> None:
    """Percentiles of a bootstrap missed one half in 37 and 21 % of trials."""
    generator = np.random.default_rng(3)
    missed = 0
    for _ in range(500):
        _, low, high = chance_interval([generator.normal(size=seeds)], [generator.normal(size=seeds)])
        missed += not low <= 0.5 <= high
    assert missed <= 25


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([9.0, 10.0, 11.0], True),
        ([-9.0, -10.0, -11.0], True),
        ([-1.0, 2.0, 5.0], False),
        ([10.0], False),
        ([3.0, 3.0], True),
    ],
)
def test_what_may_be_divided_by(values: list[float], expected: bool) -> None:
    assert clearly_not_zero(np.array(values)) is expected


RANGES: dict[str, tuple[Callable[[Samples, Samples], tuple[float, float, float]], float, float]] = {
    "mean": (lambda ours, _: mean_interval(ours[0]), -math.inf, math.inf),
    "silhouette": (lambda ours, _: mean_interval(np.clip(ours[0], -1, 1), -1, 1), -1, 1),
    "difference": (lambda ours, theirs: difference_interval(ours[0], theirs[0]), -math.inf, math.inf),
    "mean over environments": (lambda ours, _: stratified_mean_interval(ours), -math.inf, math.inf),
    "interquartile mean": (lambda ours, _: interquartile_mean_interval(ours), -math.inf, math.inf),
    "ratio of means": (ratio_interval, 0, math.inf),
    "chance": (chance_interval, 0, 1),
    "share": (lambda ours, _: (share := float((ours[0] > 0).mean()), *share_interval(share, len(ours[0]))), 0, 1),
}
"""Every kind of interval, and what its statistic can be."""

score = st.sampled_from([0.0, 0.1, 1.0, 1.0, 1.5, -2.0, 90.0]) | st.integers(-(10**6), 10**6).map(
    lambda whole: whole / 1000
)
entry = st.lists(st.lists(score, min_size=1, max_size=5).map(np.array), min_size=3, max_size=3)


@pytest.mark.parametrize("kind", RANGES)
@given(entry, entry)
def test_an_interval_holds_its_estimate_and_stays_where_its_statistic_is(
    kind: str, ours: list[np.ndarray], theirs: list[np.ndarray]
) -> None:
    find, lowest, highest = RANGES[kind]
    value, low, high = find(ours, theirs)
    assert math.isnan(low) == math.isnan(high)
    if not math.isnan(low):
        assert lowest <= low <= value <= high <= highest
        assert low < high


@pytest.mark.parametrize("kind", [kind for kind in RANGES if kind not in ("chance", "share")])
def test_equal_values_have_no_interval(kind: str) -> None:
    """A share is another matter: its spread follows from its value."""
    same = [np.full(3, 0.1)] * 3
    _, low, high = RANGES[kind][0](same, same)
    assert math.isnan(low)
    assert math.isnan(high)


def test_two_environments_have_no_interval_of_an_interquartile_mean() -> None:
    """It would have no width where both their halves are cut off at single runs: two seeds covered 0 to 1 %."""
    apart = [np.array([0.1, 0.2]), np.array([1.1, 1.2])]
    value, low, high = interquartile_mean_interval(apart)
    assert value == pytest.approx(0.65)
    assert math.isnan(low)
    assert math.isnan(high)


def test_with_other_numbers_of_seeds_the_smaller_one_counts() -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5, 0.1, 0.3, 0.2, 0.4])
    difference, low, high = difference_interval(x, y, 0.9)
    error = np.sqrt(x.var(ddof=1) / 3 + y.var(ddof=1) / 6)
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.95, 2) * error)
    assert difference == pytest.approx(x.mean() - y.mean())


def test_the_ends_of_a_scale_are_not_exact() -> None:
    """An entry of one value on a scale from 0 to 10, whose upper end is known to 0.2: the delta method by hand."""
    scale = Scale(np.zeros(3), 10 + 0.2 * np.sqrt(3) * np.array([-1.0, 0.0, 1.0]))
    value, low, high = stratified_mean_interval([np.array([0.5, 0.5, 0.5])], [scale])
    assert value == 0.5
    assert (high - low) / 2 == pytest.approx(stats.t.ppf(0.975, 2) * 0.5 / 10 * 0.2)
    assert interquartile_mean_interval([np.array([0.5, 0.5, 0.5])], [scale]) == pytest.approx((value, low, high))


def test_a_scale_that_is_hardly_known_gives_no_interval() -> None:
    scale = Scale(np.zeros(3), np.array([5.0, 10.0, 15.0]))
    value, low, high = stratified_mean_interval([np.array([0.4, 0.5, 0.6])], [scale])
    assert value == pytest.approx(0.5)
    assert math.isnan(low)
    assert math.isnan(high)
