"""Aggregates over environments by rliable, with intervals from resampling seeds within each environment.

Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice". A stratum is one
environment: an array of scores, one a seed. Strata may have different numbers of seeds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from rliable import library, metrics
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

    def compute(columns: Strata) -> FloatArray:
        means = np.array([[column.mean() for column in columns]])  # (1, environments)
        scores = np.concatenate(columns)[:, None]  # (runs, 1)
        return np.array(
            [
                metrics.aggregate_iqm(scores),
                metrics.aggregate_median(means),
                metrics.aggregate_mean(means),
                metrics.aggregate_optimality_gap(scores),
            ]
        )

    return _estimates(strata, compute)


def performance_profile(strata: Strata, levels: FloatArray) -> FloatArray:
    """Return the share of runs whose normalised score exceeds each level.

    Returns
    -------
    (levels, 3): share and the ends of its pointwise 95 % interval.
    """

    def compute(columns: Strata) -> FloatArray:
        return np.asarray((np.concatenate(columns)[:, None] > levels).mean(axis=0), float)

    return _estimates(strata, compute)


def probability_of_improvement(ours: Strata, theirs: Strata) -> tuple[float, float, float]:
    """Return the probability that a run of ours beats one of theirs, averaged over environments, with its interval.

    The value is rliable's (a tie counts half); its bootstrap calls a rank test for every resample, so the same
    probability is resampled here by counting pairs.

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

    return (value, *_resampled([*ours, *theirs], count))


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
    return (float(compute(*flat)), *_resampled(flat, compute))


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


def _resampled(samples: Strata, statistic: Callable[..., FloatArray]) -> tuple[float, float]:
    """Percentile interval from resampling every sample on its own; always from the same random numbers."""
    if min(len(sample) for sample in samples) < 2:
        return float("nan"), float("nan")
    with warnings.catch_warnings():
        # A statistic that is undefined in some resamples has no interval: NaN says so.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            samples,
            statistic,
            n_resamples=RESAMPLES,
            vectorized=True,
            paired=False,
            confidence_level=CONFIDENCE,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _estimates(strata: Strata, compute: Callable[[Strata], FloatArray]) -> FloatArray:
    """Value and interval by rliable: a matrix where every environment has as many seeds, else one array a stratum."""
    value = compute(strata)
    if min(len(stratum) for stratum in strata) < 2:
        return np.stack([value, np.full_like(value, np.nan), np.full_like(value, np.nan)], axis=1)
    with _fixed_global_random_numbers():
        if len({len(stratum) for stratum in strata}) == 1:
            _, intervals = library.get_interval_estimates(
                {"": np.stack(strata, axis=1)},
                lambda scores: compute(list(scores.T)),
                reps=RESAMPLES,
                confidence_interval_size=CONFIDENCE,
            )
        else:
            _, intervals = library.get_interval_estimates(
                {"": [stratum[:, None] for stratum in strata]},
                lambda *columns: compute([column[:, 0] for column in columns]),
                reps=RESAMPLES,
                confidence_interval_size=CONFIDENCE,
            )
    return np.column_stack([value, *intervals[""]])


@contextmanager
def _fixed_global_random_numbers() -> Iterator[None]:
    """Seed numpy's global generator for a while: rliable 1.2.0 draws from it whatever `random_state` it is given."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
