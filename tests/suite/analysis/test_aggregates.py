from __future__ import annotations

import numpy as np
import pytest
from rliable import library, metrics
from scipy import stats

from suite.analysis.aggregates import AGGREGATES, WITH_INTERVAL, aggregates, performance_profile

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


def test_values_are_rliables() -> None:
    expected = [
        metrics.aggregate_iqm(SCORES),
        metrics.aggregate_median(SCORES),
        metrics.aggregate_mean(SCORES),
        metrics.aggregate_optimality_gap(SCORES),
    ]
    assert aggregates(STRATA)[:, 0] == pytest.approx(expected)


def test_environments_of_unequal_length_weigh_equally_in_the_mean() -> None:
    mean, low, high = aggregates([np.array([1.0, 1.0, 1.0, 1.0]), np.array([3.0, 5.0])])[2]
    assert mean == 2.5
    # Only the second varies: half of its standard error of 1, with one degree of freedom.
    assert (low, high) == pytest.approx((2.5 - stats.t.ppf(0.975, 1) / 2, 2.5 + stats.t.ppf(0.975, 1) / 2))


def test_a_single_seed_anywhere_leaves_no_interval() -> None:
    found = aggregates([np.array([1.0]), np.array([1.0, 2.0])])
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[:, 1:]).all()


def test_only_what_an_interval_covers_has_one() -> None:
    finite = np.isfinite(aggregates(STRATA)[:, 1:]).all(axis=1)
    assert [name for name, has in zip(AGGREGATES, finite, strict=True) if has] == list(WITH_INTERVAL)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("environments", [1, 6])
def test_intervals_cover(seeds: int, environments: int) -> None:
    """Percentiles of a bootstrap cover 57 to 91 % here."""
    generator = np.random.default_rng(2)
    centres = np.linspace(0.2, 1.2, environments)
    trials = generator.normal(centres[:, None], 0.3, size=(500, environments, seeds))
    mixture = generator.normal(centres, 0.3, size=(200_000, environments))
    truths = {"IQM": stats.trim_mean(mixture.ravel(), 0.25), "mean": centres.mean()}
    for name, truth in truths.items():
        ends = [aggregates(list(trial))[AGGREGATES.index(name), 1:] for trial in trials]
        assert np.mean([low <= truth <= high for low, high in ends]) > 0.92


def test_profile_counts_runs_above_each_level() -> None:
    levels = np.array([-1.0, 0.5, 2.0])
    profile = performance_profile(STRATA, levels)
    assert profile[:, 0] == pytest.approx(library.score_distributions(SCORES, levels))
    assert profile[:, 0] == pytest.approx([1, np.mean(SCORES > 0.5), 0])
    for share, low, high in profile:
        expected = stats.binomtest(round(20 * share), 20).proportion_ci(method="exact")
        assert (low, high) == pytest.approx((expected.low, expected.high))
