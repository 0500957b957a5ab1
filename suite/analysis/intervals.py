"""Intervals over seeds: the seed is the unit of replication, never the episode.

Each covers about as often as it says, with two seeds as with ten, where percentiles of a bootstrap cover far less. A
quantity for which nothing covers has no interval. `docs/statistics.md` prints how often each covers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]
Samples = Sequence[FloatArray]
"""For each environment one array, a number a seed."""

CONFIDENCE = 0.95
TRIMMED = 0.25
"""Share that an interquartile mean leaves out at either end."""

LEARNT_SHARE = 0.1


def learnt(untrained: float, score: float) -> bool:
    """Tell whether a score is a gain worth comparing with: above untrained by a tenth of its size at least.

    Ratios of smaller gains are ratios of noise.
    """
    return score - untrained > LEARNT_SHARE * abs(untrained)


def mean_intervals(values: FloatArray, confidence: float = CONFIDENCE) -> FloatArray:
    """Return mean, lower and upper end of Student's t interval of independent seeds, for many quantities at once.

    With two or three seeds a percentile bootstrap covers far less than it says; t does not. One seed has no interval:
    both ends are NaN.

    Parameters
    ----------
    values : (seeds, quantities) one number a seed; NaN where a seed has none.

    Returns
    -------
    (3, quantities)
    """
    present = np.isfinite(values)
    count = present.sum(axis=0)
    missing = np.full(values.shape[1], np.nan)
    mean = np.divide(np.where(present, values, 0).sum(axis=0), count, out=missing.copy(), where=count > 0)
    squares = np.where(present, values - mean, 0) ** 2
    degrees = count - 1
    variance = np.divide(squares.sum(axis=0), degrees, out=missing.copy(), where=degrees > 0)
    half = special.stdtrit(np.maximum(degrees, 1), (1 + confidence) / 2) * np.sqrt(variance / np.maximum(count, 1))
    return np.stack([mean, mean - half, mean + half])


def mean_interval(values: FloatArray) -> tuple[float, float, float]:
    """Return mean, lower and upper end of the 95 % interval of one quantity: (seeds,) values."""
    mean, low, high = mean_intervals(values[:, None])[:, 0]
    return float(mean), float(low), float(high)


def difference_interval(ours: FloatArray, theirs: FloatArray) -> tuple[float, float, float]:
    """Return the difference of two means over seeds with Welch's 95 % interval; NaN ends with a single seed."""
    means, variances, sizes = _moments([ours, theirs])
    return _around(float(means[0] - means[1]), variances, sizes)


def stratified_mean_interval(samples: Samples, weights: FloatArray | None = None) -> tuple[float, float, float]:
    """Return the weighted mean of environments' means with its interval: Student's t, Welch's degrees of freedom.

    Parameters
    ----------
    weights : (environments,) adding up to one; equal by default. NaN ends with a single seed anywhere.
    """
    weight = np.full(len(samples), 1 / len(samples)) if weights is None else weights
    means, variances, sizes = _moments(samples)
    return _around(float(weight @ means), weight**2 * variances, sizes)


def interquartile_mean_interval(samples: Samples) -> tuple[float, float, float]:
    """Return the interquartile mean of all runs with its interval: Yuen's, with winsorised variances an environment.

    Yuen 1974, "The two-sample trimmed t for unequal population variances". NaN ends with a single seed anywhere.
    """
    runs = np.sort(np.concatenate(samples))
    total = len(runs)
    cut = int(TRIMMED * total)
    kept = total - 2 * cut
    low, high = runs[cut], runs[total - cut - 1]
    _, winsorised, sizes = _moments([np.clip(sample, low, high) for sample in samples])
    correction = total * (total - 1) / (kept * (kept - 1)) if kept > 1 else np.nan
    share = (kept - 1) / (total - 1) if total > 1 else np.nan
    return _around(float(runs[cut : total - cut].mean()), (sizes / total) ** 2 * winsorised * correction, sizes, share)


def ratio_interval(ours: Samples, theirs: Samples) -> tuple[float, float, float]:
    """Return the ratio of the two entries' means over environments with its interval, made of its logarithm.

    NaN ends with a single seed anywhere or where a mean is not above zero.
    """
    found = [_moments(entry) for entry in (ours, theirs)]
    totals = np.array([means.mean() for means, _, _ in found])
    ratio = float(totals[0] / totals[1]) if totals[1] else float("nan")
    if totals.min() <= 0:
        return ratio, float("nan"), float("nan")
    parts = np.stack([variances for _, variances, _ in found]) / (totals[:, None] * len(ours)) ** 2
    middle, low, high = _around(float(np.log(ratio)), parts, np.stack([sizes for _, _, sizes in found]))
    return float(np.exp(middle)), float(np.exp(low)), float(np.exp(high))


def typical_ratio_interval(ours: Samples, theirs: Samples) -> tuple[float, float, float]:
    """Return the ratio that the mean relative difference (a - b) / (|a| + |b|) of environments stands for.

    The interval is the relative difference's, by the delta method. An end is infinite where the difference reaches 1;
    both are NaN with a single seed anywhere.
    """
    (a, a_variances, a_sizes), (b, b_variances, b_sizes) = _moments(ours), _moments(theirs)
    size = np.abs(a) + np.abs(b)
    defined = size > 0
    differences = np.divide(a - b, size, out=np.zeros(len(a)), where=defined)
    slopes = np.stack([np.divide(2 * np.abs(other), size**2, out=np.zeros(len(a)), where=defined) for other in (b, a)])
    parts = (slopes / len(a)) ** 2 * np.stack([a_variances, b_variances])
    found = _around(float(differences.mean()), parts, np.stack([a_sizes, b_sizes]))
    with np.errstate(divide="ignore"):
        clipped = np.clip(found, -1, 1)
        value, low, high = (1 + clipped) / (1 - clipped)
    return float(value), float(low), float(high)


def share_interval(share: float, trials: float) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval of a share of so many independent trials; both need not be whole."""
    tail = (1 - CONFIDENCE) / 2
    hits, misses = share * trials, (1 - share) * trials
    low = float(special.betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


def chance_interval(ours: Samples, theirs: Samples) -> tuple[float, float, float]:
    """Return the probability that a run of ours beats one of theirs, in the mean over environments, with its interval.

    A tie counts half. With n and m seeds in an environment, the mean over all their pairs varies no more than that over
    min(n, m) pairs without a common run (Hoeffding 1963), and a mean of shares no more than a share of as many trials.
    """
    chances = [(np.sign(x[:, None] - y).mean() + 1) / 2 for x, y in zip(ours, theirs, strict=True)]
    pairs = np.array([min(len(x), len(y)) for x, y in zip(ours, theirs, strict=True)])
    value = float(np.mean(chances))
    return value, *share_interval(value, len(pairs) ** 2 / (1 / pairs).sum())


def clearly_not_zero(values: FloatArray) -> bool:
    """Tell whether a mean may be divided by: its 95 % interval over seeds does not hold zero."""
    _, low, high = mean_interval(values)
    return low > 0 or high < 0


def _moments(samples: Samples) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return each sample's mean, the variance of that mean (NaN of a single seed) and its number of seeds."""
    sizes = np.array([len(sample) for sample in samples])
    values = np.concatenate(samples)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    means = np.add.reduceat(values, starts) / sizes
    squares = np.add.reduceat((values - np.repeat(means, sizes)) ** 2, starts)
    degrees = np.where(sizes > 1, sizes - 1, np.nan)
    return means, squares / degrees / sizes, sizes


def _around(
    value: float, parts: FloatArray, sizes: NDArray[np.int64], share: float = 1.0
) -> tuple[float, float, float]:
    """Return a value with its t interval, of the variances of independent parts that add up to its own.

    Parameters
    ----------
    parts, sizes : of any same shape; `sizes` are the seeds that each variance was estimated from.
    share : of the degrees of freedom that are left.
    """
    variance = parts.sum()
    if np.isnan(variance):
        return value, float("nan"), float("nan")
    if not variance > 0:
        return value, value, value
    freedom = variance**2 / (parts**2 / (sizes - 1)).sum()
    half = float(special.stdtrit(max(1.0, freedom * share), (1 + CONFIDENCE) / 2) * np.sqrt(variance))
    return value, value - half, value + half


def curve_on_grid(curve: pd.DataFrame, grid: FloatArray) -> FloatArray:
    """Interpolate a run's returns linearly to given environment steps; NaN beyond its last evaluation."""
    steps = curve["environment_steps"].to_numpy(float)
    returns: FloatArray = np.interp(grid, steps, curve["return"].to_numpy(float), left=np.nan, right=np.nan)
    return returns


def curve_bands(curves: pd.DataFrame) -> pd.DataFrame:
    """Average learning curves over seeds.

    Parameters
    ----------
    curves : rows of `Results.curves`; runs may have been evaluated at different steps and may end at different ones.

    Returns
    -------
    One row an (environment, entry, environment_steps) with `mean`, `low`, `high` (95 %, t) and `seeds`, the number of
    runs that reached those steps. The grid is that of the run with the most evaluations.
    """
    rows = []
    for (environment, entry), group in curves.groupby(["environment", "entry"], sort=True):
        runs = [run for _, run in group.groupby("run", sort=True)]
        longest = max(runs, key=lambda run: (len(run), run["environment_steps"].max()))
        grid = longest["environment_steps"].to_numpy(float)
        returns = np.stack([curve_on_grid(run, grid) for run in runs])  # (seeds, marks)
        mean, low, high = mean_intervals(returns)
        rows.append(
            pd.DataFrame(
                {
                    "environment": environment,
                    "entry": entry,
                    "environment_steps": grid,
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "seeds": np.isfinite(returns).sum(axis=0),
                }
            )
        )
    columns = ["environment", "entry", "environment_steps", "mean", "low", "high", "seeds"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def score_table(done: pd.DataFrame) -> pd.DataFrame:
    """Average final scores over seeds.

    Returns
    -------
    One row an (environment, entry): `seeds`, `mean`, `low`, `high` of the score, `untrained` and `success` (means).
    """
    rows = []
    for (environment, entry), group in done.groupby(["environment", "entry"], sort=True):
        mean, low, high = mean_interval(group["score"].to_numpy(float))
        means = group[["untrained", "success"]].mean()
        rows.append((environment, entry, len(group), mean, low, high, means["untrained"], means["success"]))
    columns = ["environment", "entry", "seeds", "mean", "low", "high", "untrained", "success"]
    return pd.DataFrame(rows, columns=columns)
