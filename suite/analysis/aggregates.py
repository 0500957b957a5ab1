"""Aggregates over environments as rliable defines them, with intervals from resampling seeds within each environment.

Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice". A stratum is one
environment: an array of scores, one a seed. Strata may have different numbers of seeds.

Values come from rliable. Its bootstrap takes seconds a statistic and, in 1.2.0, ignores the random state it is given;
the same stratified resampling is done here by scipy, all resamples at once and always from the same random numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from rliable import metrics
from scipy import stats

FloatArray = NDArray[np.float64]
Strata = Sequence[FloatArray]

RESAMPLES = 2000
CONFIDENCE = 0.95
AGGREGATES = ("IQM", "median", "mean", "optimality gap")


def aggregates(strata: Strata) -> FloatArray:
    """Aggregate normalised scores: interquartile mean, median, mean, optimality gap.

    Returns
    -------
    (4, 3): for each of `AGGREGATES` the value and the ends of its 95 % interval (NaN with a single seed anywhere).
    """
    scores = np.concatenate(strata)[:, None]  # (runs, 1)
    means = np.array([[stratum.mean() for stratum in strata]])  # (1, environments)
    values = np.array(
        [
            metrics.aggregate_iqm(scores),
            metrics.aggregate_median(means),
            metrics.aggregate_mean(means),
            metrics.aggregate_optimality_gap(scores),
        ]
    )

    def compute(*samples: FloatArray, axis: int = -1) -> FloatArray:
        pooled = np.concatenate(samples, axis=-1)  # (resamples, runs)
        by_environment = np.stack([sample.mean(axis=-1) for sample in samples], axis=-1)
        return np.stack(
            [
                stats.trim_mean(pooled, 0.25, axis=-1),
                np.median(by_environment, axis=-1),
                by_environment.mean(axis=-1),
                1 - np.minimum(pooled, 1).mean(axis=-1),
            ]
        )

    return np.column_stack([values, *_resampled(strata, compute)])


def performance_profile(strata: Strata, levels: FloatArray) -> FloatArray:
    """Return the share of runs whose normalised score exceeds each level.

    Returns
    -------
    (levels, 3): share and the ends of its pointwise 95 % interval.
    """

    def compute(*samples: FloatArray, axis: int = -1) -> FloatArray:
        pooled = np.concatenate(samples, axis=-1)
        return np.stack([(pooled > level).mean(axis=-1) for level in levels])

    return np.column_stack([compute(*strata), *_resampled(strata, compute)])


def probability_of_improvement(ours: Strata, theirs: Strata) -> tuple[float, float, float]:
    """Return the probability that a run of ours beats one of theirs, averaged over environments, with its interval.

    A tie counts half.

    Parameters
    ----------
    ours, theirs : the same environments in the same order.
    """
    value = float(
        np.mean([metrics.probability_of_improvement(x[:, None], y[:, None]) for x, y in zip(ours, theirs, strict=True)])
    )

    def count(*samples: FloatArray, axis: int = -1) -> FloatArray:
        pairs = zip(samples[: len(ours)], samples[len(ours) :], strict=True)
        wins = [(np.sign(x[..., :, None] - y[..., None, :]).mean(axis=(-1, -2)) + 1) / 2 for x, y in pairs]
        return np.asarray(np.mean(wins, axis=0), float)

    low, high = _resampled([*ours, *theirs], count)
    return value, float(low), float(high)


def statistic_of_means(
    strata: Sequence[Strata], statistic: Callable[[list[FloatArray]], FloatArray]
) -> tuple[float, float, float]:
    """Return any statistic of per-environment means, with its interval over seeds.

    Parameters
    ----------
    strata : for each entry its strata: the same environments in the same order.
    statistic : maps, for each entry, the means (..., environments) to (...).
    """
    lengths = [len(entry) for entry in strata]
    ends = np.cumsum(lengths)

    def compute(*samples: FloatArray, axis: int = -1) -> FloatArray:
        means = [sample.mean(axis=-1) for sample in samples]
        return statistic(
            [np.stack(means[end - length : end], axis=-1) for end, length in zip(ends, lengths, strict=True)]
        )

    flat = [stratum for entry in strata for stratum in entry]
    low, high = _resampled(flat, compute)
    return float(compute(*flat)), float(low), float(high)


def difference_interval(ours: FloatArray, theirs: FloatArray) -> tuple[float, float, float]:
    """Return the difference of two means over seeds with Welch's 95 % interval; NaN ends with a single seed."""
    difference = float(ours.mean() - theirs.mean())
    if min(len(ours), len(theirs)) < 2:
        return difference, float("nan"), float("nan")
    variances = np.array([ours.var(ddof=1) / len(ours), theirs.var(ddof=1) / len(theirs)])
    if not variances.any():
        return difference, difference, difference
    freedom = variances.sum() ** 2 / (variances**2 / [len(ours) - 1, len(theirs) - 1]).sum()
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variances.sum()))
    return difference, difference - half, difference + half


def _resampled(samples: Strata, statistic: Callable[..., FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Resample every sample on its own and return the ends of the percentile interval.

    Parameters
    ----------
    statistic : maps samples (..., seeds) to (..., ) or, for k statistics at once, (k, ...).
    """
    if min(len(sample) for sample in samples) < 2:
        missing = np.full(np.shape(statistic(*samples)), np.nan)
        return missing, missing
    with warnings.catch_warnings():
        # A statistic that is undefined in some resamples has no interval: NaN says so.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        interval = stats.bootstrap(
            samples,
            statistic,
            n_resamples=RESAMPLES,
            vectorized=True,
            paired=False,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)
