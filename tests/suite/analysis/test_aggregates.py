from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from rliable import library, metrics
from scipy import stats

from suite.analysis.aggregates import (
    aggregates,
    difference_interval,
    performance_profile,
    probability_of_improvement,
    statistic_of_means,
)

GENERATOR = np.random.default_rng(1)
SCORES = GENERATOR.normal(0.5, 0.3, size=(5, 4))  # (seeds, environments)
STRATA = list(SCORES.T)


def test_aggregates_by_hand() -> None:
    found = aggregates(STRATA)[:, 0]
    ordered = np.sort(SCORES.ravel())
    means = SCORES.mean(axis=0)
    expected = [
        ordered[5:-5].mean(),
        np.sort(means)[1:3].mean(),
        SCORES.mean(),
        np.mean([1 - min(score, 1) for score in ordered]),
    ]
    assert found == pytest.approx(expected)


def test_intervals_are_those_of_a_stratified_bootstrap() -> None:
    """Against resampling written out: one draw of seeds an environment, percentiles of the mean."""
    generator = np.random.default_rng(7)
    means = [np.mean([generator.choice(stratum, len(stratum)).mean() for stratum in STRATA]) for _ in range(4000)]
    _, low, high = aggregates(STRATA)[2]
    assert [low, high] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.012)


def test_strata_of_unequal_length_weigh_environments_equally() -> None:
    strata = [np.array([1.0, 1.0, 1.0, 1.0]), np.array([3.0, 5.0])]
    mean, low, high = aggregates(strata)[2]
    assert mean == 2.5
    # The second environment's mean of two draws is 3, 4 or 5 with probability 1/4, 1/2, 1/4.
    assert (low, high) == (2.0, 3.0)


def test_unequal_and_equal_strata_agree() -> None:
    ragged = [*STRATA[:-1], STRATA[-1][:-1]]
    assert np.abs(aggregates(ragged)[0] - aggregates(STRATA)[0]).max() < 0.1
    assert np.all(aggregates(ragged)[:, 1] <= aggregates(ragged)[:, 0])


def test_a_single_seed_anywhere_leaves_no_interval() -> None:
    found = aggregates([np.array([1.0]), np.array([1.0, 2.0])])
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1:]).all()


def test_same_numbers_every_time() -> None:
    np.testing.assert_array_equal(aggregates(STRATA), aggregates(STRATA))


def test_values_and_intervals_are_rliables() -> None:
    np.random.seed(0)  # noqa: NPY002 - rliable draws from it
    value, interval = library.get_interval_estimates(
        {"": SCORES},
        lambda scores: np.array(
            [
                metrics.aggregate_iqm(scores),
                metrics.aggregate_median(scores),
                metrics.aggregate_mean(scores),
                metrics.aggregate_optimality_gap(scores),
            ]
        ),
        reps=2000,
    )
    found = aggregates(STRATA)
    assert found[:, 0] == pytest.approx(value[""])
    np.testing.assert_allclose(found[:, 1:].T, interval[""], atol=0.02)


def test_profile_counts_runs_above_each_level() -> None:
    levels = np.array([-1.0, 0.5, 2.0])
    profile = performance_profile(STRATA, levels)
    assert profile[:, 0] == pytest.approx(library.score_distributions(SCORES, levels))
    assert profile[:, 0] == pytest.approx([1, np.mean(SCORES > 0.5), 0])
    assert profile[1, 1] < profile[1, 0] < profile[1, 2]


def test_probability_of_improvement_counts_pairs() -> None:
    ours, theirs = [np.array([1.0, 4.0]), np.array([2.0, 2.0])], [np.array([1.0, 3.0]), np.array([2.0, 2.0])]
    expected = np.mean(
        [np.mean([(x > y) + 0.5 * (x == y) for x, y in product(a, b)]) for a, b in zip(ours, theirs, strict=True)]
    )
    assert probability_of_improvement(ours, theirs)[0] == pytest.approx(expected)


def test_probability_of_improvement_has_rliables_interval() -> None:
    other = GENERATOR.normal(0.4, 0.3, size=(5, 4))
    np.random.seed(0)  # noqa: NPY002
    value, interval = library.get_interval_estimates(
        {"": [SCORES, other]}, lambda x, y: np.array([metrics.probability_of_improvement(x, y)]), reps=300
    )
    found = probability_of_improvement(STRATA, list(other.T))
    assert found[0] == pytest.approx(value[""][0])
    assert found[1:] == pytest.approx(interval[""][:, 0], abs=0.06)


def test_statistic_of_means_sees_the_means() -> None:
    value, low, high = statistic_of_means([STRATA, [2 * s for s in STRATA]], lambda m: (m[1] / m[0]).mean(axis=-1))
    assert value == pytest.approx(2)
    assert low < 2 < high


def test_a_statistic_undefined_in_some_resamples_has_no_interval() -> None:
    strata = [np.array([-1.0, 1.0, 3.0])]
    value, low, high = statistic_of_means(
        [strata], lambda means: np.sqrt(np.where(means[0] < 0, np.nan, means[0]))[..., 0]
    )
    assert value == 1
    assert math.isnan(low)
    assert math.isnan(high)


def test_difference_is_welchs() -> None:
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5])
    expected = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert difference_interval(x, y) == pytest.approx((x.mean() - y.mean(), expected.low, expected.high))
    assert difference_interval(np.ones(3), np.zeros(2)) == (1, 1, 1)
    assert all(math.isnan(end) for end in difference_interval(x, y[:1])[1:])
