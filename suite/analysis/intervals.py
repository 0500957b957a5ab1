"""Intervals over seeds: the seed is the unit of replication, never the episode."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

FloatArray = NDArray[np.float64]


LEARNT_SHARE = 0.1


def learnt(untrained: float, score: float) -> bool:
    """Tell whether a score is a gain worth comparing with: above untrained by a tenth of its size at least.

    Ratios of smaller gains are ratios of noise.
    """
    return score - untrained > LEARNT_SHARE * abs(untrained)


def mean_intervals(values: FloatArray, confidence: float = 0.95) -> FloatArray:
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
