"""Intervals over seeds: the seed is the unit of replication, never the episode.

Each covers about as often as it says, with two seeds as with ten, where percentiles of a bootstrap cover far less. A
quantity for which nothing covers has no interval, nor has one whose runs are all the same: no spread is not certainty.
Each holds its estimate and lies in the range of its statistic. `docs/statistics.md` prints how often each covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from environments import FloatArray
from suite.analysis.samples import Samples, difference

if TYPE_CHECKING:
    import pandas as pd

Parts = tuple[FloatArray, NDArray[np.int64]]
"""Variances of independent parts of an estimate, and how many seeds each was estimated from; of any same shape."""

CONFIDENCE = 0.95
TRIMMED = 0.25
"""Share that an interquartile mean leaves out at either end."""

SCALE_ERROR = 0.1
"""Standard error of the gain that a scale is made of, as a share of it, up to which intervals on that scale cover."""

LEARNT_SHARE = 0.1


def learnt(untrained: float, score: float) -> bool:
    """Tell whether a score is a gain worth comparing with: above untrained by a tenth of its size at least.

    Ratios of smaller gains are ratios of noise.
    """
    return score - untrained > LEARNT_SHARE * abs(untrained)


def mean_intervals(values: FloatArray, confidence: float = CONFIDENCE) -> FloatArray:
    """Return mean, lower and upper end of Student's t interval of independent seeds, for many quantities at once.

    With two or three seeds a percentile bootstrap covers far less than it says; t does not. One seed, or seeds that are
    all the same, have no interval: both ends are NaN.

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
    highest, lowest = (np.where(present, values, fill) for fill in (-np.inf, np.inf))
    half = np.where(difference(highest.max(axis=0), lowest.min(axis=0)) > 0, half, np.nan)
    return np.stack([mean, mean - half, mean + half])


def mean_interval(values: FloatArray, lowest: float = -np.inf, highest: float = np.inf) -> tuple[float, float, float]:
    """Return mean, lower and upper end of the 95 % interval of one quantity: (seeds,) values.

    Parameters
    ----------
    lowest, highest : that the quantity can be: the interval ends there.
    """
    mean, low, high = mean_intervals(values[:, None])[:, 0]
    return float(mean), float(np.maximum(low, lowest)), float(np.minimum(high, highest))


class Spread(NamedTuple):
    """The precision of a sum of independent means."""

    error: float
    """Standard error; NaN where it is not known: a single seed somewhere, or no spread at all."""
    freedom: float
    """Degrees of freedom."""


def spread(parts: FloatArray, sizes: NDArray[np.int64]) -> Spread:
    """Return the standard error of a sum of independent means, with Welch and Satterthwaite's degrees of freedom.

    Parameters
    ----------
    parts, sizes : of any same shape: variances that add up to the sum's own, and the seeds each was estimated from.
    """
    variance = parts.sum()
    if not variance > 0:
        return Spread(float("nan"), float("nan"))
    freedom = max(1.0, float(variance**2 / (parts**2 / (sizes - 1)).sum()))
    return Spread(float(np.sqrt(variance)), freedom)


def spread_of_differences(parts: FloatArray, sizes: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Return the standard error of a sum of differences of two entries' means, and its degrees of freedom.

    Where an environment's numbers of seeds differ, its degrees of freedom are no more than the smaller one's: Welch's
    are too many if the few vary as much as the many (three seeds against fifteen: 7 % wrong instead of 5).

    Parameters
    ----------
    parts, sizes : (2, ..., environments): the variance of each mean, and its seeds.

    Returns
    -------
    error, freedom : (...), NaN as in `Spread`.
    """
    each = parts.sum(axis=0)
    total = each.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = (parts**2 / (sizes - 1)).sum(axis=0)  # the square of each variance over its degrees of freedom
        few = each**2 / (sizes.min(axis=0) - 1)
        inverse = np.where(sizes[0] == sizes[1], inverse, np.maximum(inverse, few))
        known = total > 0
        return np.where(known, np.sqrt(total), np.nan), np.where(known, total**2 / inverse.sum(axis=-1), np.nan)


def difference_spread(ours: FloatArray, theirs: FloatArray) -> Spread:
    """Return the standard error of the difference of two means over seeds, with its degrees of freedom."""
    _, variances, sizes = moments([ours, theirs])
    return Spread(*map(float, spread_of_differences(variances[:, None], sizes[:, None])))


def difference_interval(
    ours: FloatArray, theirs: FloatArray, confidence: float = CONFIDENCE
) -> tuple[float, float, float]:
    """Return the difference of two means over seeds with its interval, by `difference_spread`."""
    error, freedom = difference_spread(ours, theirs)
    half = float(special.stdtrit(freedom, (1 + confidence) / 2) * error)
    mean = mean_of(ours) - mean_of(theirs)
    return mean, mean - half, mean + half


def mean_of(values: FloatArray) -> float:
    """Return the mean; NaN of nothing."""
    return float(values.mean()) if len(values) else math.nan


class Scale(NamedTuple):
    """The scale that an environment's scores were normalised by: one entry's runs before and after training."""

    untrained: FloatArray
    trained: FloatArray


def stratified_mean_interval(samples: Samples, scales: Sequence[Scale] = ()) -> tuple[float, float, float]:
    """Return the mean of environments' means with its interval: Student's t, Welch's degrees of freedom.

    Parameters
    ----------
    samples : for each environment one array, a number a seed. NaN ends with a single seed anywhere.
    scales : what each environment's numbers were normalised by, if they were: the error of its ends is added. NaN ends
        where that error is above `SCALE_ERROR`.
    """
    means, variances, sizes = moments(samples)
    weights = np.full(len(samples), 1 / len(samples))
    return _around(float(means.mean()), (weights**2 * variances, sizes), _scaled(weights, means, scales))


def interquartile_mean_interval(samples: Samples, scales: Sequence[Scale] = ()) -> tuple[float, float, float]:
    """Return the interquartile mean of all runs with its interval: Yuen's, with winsorised variances an environment.

    Yuen 1974, "The two-sample trimmed t for unequal population variances". NaN ends with a single seed anywhere, and of
    two environments: their halves are cut off where single runs lie.

    Parameters
    ----------
    samples, scales : as of `stratified_mean_interval`.
    """
    runs = np.sort(np.concatenate(samples))
    total = len(runs)
    cut = int(TRIMMED * total)
    kept = total - 2 * cut
    low, high = runs[cut], runs[total - cut - 1]
    _, winsorised, sizes = moments([np.clip(sample, low, high) for sample in samples])
    correction = total * (total - 1) / (kept * (kept - 1)) if kept > 1 else np.nan
    share = (kept - 1) / (total - 1) if total > 1 else np.nan
    value = float(runs[cut : total - cut].mean())
    if len(samples) == 2:
        return value, float("nan"), float("nan")
    inside = [sample[(sample >= low) & (sample <= high)] for sample in samples]
    weights = np.array([len(each) / kept for each in inside])
    means = np.array([each.mean() if len(each) else 0.0 for each in inside])
    parts = (sizes / total) ** 2 * winsorised * correction
    return _around(value, (parts, sizes), _scaled(weights, means, scales), share=share)


def ratio_interval(ours: Samples, theirs: Samples) -> tuple[float, float, float]:
    """Return the ratio of the two entries' means over environments with its interval, made of its logarithm.

    NaN ends with a single seed or none anywhere, or where a mean is not above zero.
    """
    found = [moments(entry) for entry in (ours, theirs)]
    totals = np.array([means.mean() for means, _, _ in found])
    ratio = float(totals[0] / totals[1]) if totals[1] else float("nan")
    if not totals.min() > 0:
        return ratio, float("nan"), float("nan")
    parts = np.stack([variances for _, variances, _ in found]) / (totals[:, None] * len(ours)) ** 2
    middle, low, high = _around(float(np.log(ratio)), (parts, np.stack([sizes for _, _, sizes in found])))
    with np.errstate(over="ignore"):  # a limit beyond all numbers is infinite
        return float(np.exp(middle)), float(np.exp(low)), float(np.exp(high))


def share_interval(share: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Clopper and Pearson's interval of a share of so many independent trials; both need not be whole."""
    tail = (1 - confidence) / 2
    hits, misses = share * trials, (1 - share) * trials
    low = float(special.betaincinv(hits, misses + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, misses, 1 - tail)) if misses > 0 else 1.0
    return low, high


def chance_interval(ours: Samples, theirs: Samples, confidence: float = CONFIDENCE) -> tuple[float, float, float]:
    """Return the probability that a run of ours beats one of theirs, in the mean over environments, with its interval.

    A tie counts half. With n and m seeds in an environment, the mean over all their pairs varies no more than that over
    min(n, m) pairs without a common run (Hoeffding 1963), and a mean of shares no more than a share of as many trials.
    """
    chances = [(np.sign(difference(x[:, None], y)).mean() + 1) / 2 for x, y in zip(ours, theirs, strict=True)]
    pairs = np.array([min(len(x), len(y)) for x, y in zip(ours, theirs, strict=True)])
    value = float(np.mean(chances))
    return value, *share_interval(value, len(pairs) ** 2 / (1 / pairs).sum(), confidence)


def clearly_not_zero(values: FloatArray) -> bool:
    """Tell whether a mean may be divided by: its 95 % interval over seeds does not hold zero.

    Seeds that are all the same have no interval; their mean may be divided by unless it is zero.
    """
    if len(values) > 1 and not difference(values.max(), values.min()):
        return bool(values[0] != 0)
    _, low, high = mean_interval(values)
    return low > 0 or high < 0


def _scaled(weights: FloatArray, means: FloatArray, scales: Sequence[Scale]) -> Parts:
    """Return what the ends of the scale add to the variance of a weighted mean of normalised means: the delta method.

    A mean z on a scale from u to t moves by (z - 1) / (t - u) with u, and by -z / (t - u) with t.
    """
    if not scales:
        return np.zeros(0), np.zeros(0, int)
    (low, low_variances, sizes), (high, high_variances, _) = (
        moments([scale[end] for scale in scales]) for end in (0, 1)
    )
    gains = high - low
    if not np.mean((low_variances + high_variances) / gains**2) <= SCALE_ERROR**2:
        return np.full(1, np.nan), np.full(1, 2)
    slopes = np.stack([means - 1, means]) * weights / gains
    return slopes**2 * np.stack([low_variances, high_variances]), np.stack([sizes, sizes])


def moments(samples: Samples) -> tuple[FloatArray, FloatArray, NDArray[np.int64]]:
    """Return each sample's mean, the variance of that mean (NaN of a single seed) and its number of seeds.

    Both are NaN of an empty sample, as where every run of an entry diverged.
    """
    sizes = np.array([len(sample) for sample in samples])
    there = sizes > 0
    values = np.concatenate(samples)
    starts = (np.cumsum(sizes) - sizes)[there]
    means, squares = np.full((2, len(sizes)), np.nan)
    means[there] = np.add.reduceat(values, starts) / sizes[there]
    squares[there] = np.add.reduceat((values - np.repeat(means, sizes)) ** 2, starts)
    spread = difference(np.maximum.reduceat(values, starts), np.minimum.reduceat(values, starts))
    squares[np.flatnonzero(there)[spread == 0]] = 0.0  # not what rounding left
    degrees = np.where(sizes > 1, sizes - 1, np.nan)
    return means, squares / degrees / np.maximum(sizes, 1), sizes


def _around(value: float, *parts: Parts, share: float = 1.0) -> tuple[float, float, float]:
    """Return a value with its t interval, of independent parts whose variances add up to its own.

    Parameters
    ----------
    share : of the degrees of freedom that are left.
    """
    variances, sizes = (np.concatenate([np.ravel(each[place]) for each in parts]) for place in (0, 1))
    error, freedom = spread(variances, sizes)
    half = float(special.stdtrit(max(1.0, freedom * share), (1 + CONFIDENCE) / 2) * error)
    return value, value - half, value + half


def curve_on_grid(curve: pd.DataFrame, grid: FloatArray, column: str = "return") -> FloatArray:
    """Interpolate a run's returns linearly to given environment steps; NaN beyond its last evaluation.

    Parameters
    ----------
    column : what is interpolated instead.
    """
    steps = curve["environment_steps"].to_numpy(float)
    values: FloatArray = np.interp(grid, steps, curve[column].to_numpy(float), left=np.nan, right=np.nan)
    return values


def curve_bands(curves: pd.DataFrame) -> pd.DataFrame:
    """Average learning curves over seeds.

    Parameters
    ----------
    curves : rows of `Results.curves`; runs may have been evaluated at different steps and may end at different ones.

    Returns
    -------
    One row an (environment, entry, environment_steps) with `mean`, `low`, `high` (95 %, t) and `seeds`, the number of
    runs that reached those steps, and where those runs were on average in `gradient_steps` and `seconds`, if the
    curves have them. The grid is that of the run with the most evaluations.
    """
    import pandas as pd  # takes a second, which an audit need not wait for

    rows = []
    for (environment, entry), group in curves.groupby(["environment", "entry"], sort=True):
        runs = [run for _, run in group.groupby("run", sort=True)]
        longest = max(runs, key=lambda run: (len(run), run["environment_steps"].max()))
        grid = longest["environment_steps"].to_numpy(float)
        returns = np.stack([curve_on_grid(run, grid) for run in runs])  # (seeds, marks)
        mean, low, high = mean_intervals(returns)
        places = {
            column: np.stack([curve_on_grid(run, grid, column) for run in runs])
            for column in ("gradient_steps", "seconds")
            if column in group
        }
        rows.append(
            pd.DataFrame(
                {
                    "environment": environment,
                    "entry": entry,
                    "environment_steps": grid,
                    **{column: mean_intervals(found)[0] for column, found in places.items()},
                    "mean": mean,
                    "low": low,
                    "high": high,
                    "seeds": np.isfinite(returns).sum(axis=0),
                }
            )
        )
    columns = ["environment", "entry", "environment_steps", "gradient_steps", "seconds", "mean", "low", "high", "seeds"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def score_table(done: pd.DataFrame) -> pd.DataFrame:
    """Average final scores over seeds.

    Returns
    -------
    One row an (environment, entry): `seeds`, `mean`, `low`, `high` of the score, `untrained` and `success` (means).
    """
    import pandas as pd  # as above

    rows = []
    for (environment, entry), group in done.groupby(["environment", "entry"], sort=True):
        mean, low, high = mean_interval(group["score"].to_numpy(float))
        means = group[["untrained", "success"]].mean()
        rows.append((environment, entry, len(group), mean, low, high, means["untrained"], means["success"]))
    columns = ["environment", "entry", "seeds", "mean", "low", "high", "untrained", "success"]
    return pd.DataFrame(rows, columns=columns)
