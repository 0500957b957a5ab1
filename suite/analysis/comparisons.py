"""The comparisons that papers make: relative gain, wins, better / comparable / worse groups.

The same functions judge papers' published tables and our own runs. The last axis (for `wins`, the last but one) is
the environment; axes before it are resamples. Returns may be in any unit, but `failure` is in the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from environments import BoolArray, FloatArray, IntArray
from suite.analysis.samples import difference

Means = Sequence[FloatArray]
"""For each entry its means (..., environments)."""
Average = Literal["mean", "median"]
AVERAGED: dict[Average, Callable[..., FloatArray]] = {"mean": np.nanmean, "median": np.nanmedian}

COMPARABLE_SHARE = 0.9
"""Comparable from 90 % of the baseline's performance on."""

GAIN_RULES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "either above zero, negative ratios as 0": lambda ours, baseline: np.where(
        (ours > 0) | (baseline > 0), np.maximum(_ratio(ours, baseline), 0), np.nan
    ),
    "every ratio with a baseline that is not zero": lambda ours, baseline: _ratio(ours, baseline),
    "both above zero": lambda ours, baseline: np.where((ours > 0) & (baseline > 0), _ratio(ours, baseline), np.nan),
    "baseline above zero": lambda ours, baseline: np.where(baseline > 0, _ratio(ours, baseline), np.nan),
}
"""Definitions of relative gain: (ours, baseline) -> ratio an environment, NaN where the rule leaves it out."""


def _ratio(ours: FloatArray, baseline: FloatArray) -> FloatArray:
    undefined = np.full(np.broadcast(ours, baseline).shape, np.nan)
    ratio: FloatArray = np.divide(ours, baseline, out=undefined, where=baseline != 0)
    return ratio


def relative_gains(ours: FloatArray, baseline: FloatArray, rule: str) -> FloatArray:
    """Return the ratio of ours to the baseline in each environment under one of `GAIN_RULES`; NaN where left out."""
    return GAIN_RULES[rule](np.asarray(ours, float), np.asarray(baseline, float))


def wins(returns: FloatArray, ties: str = "nobody") -> FloatArray:
    """Count the environments in which each algorithm has the highest return.

    Parameters
    ----------
    returns : (..., environments, algorithms).
    ties : who is credited where several share the highest return: `nobody`, `everybody`, or `split` (one win shared).

    Returns
    -------
    (..., algorithms)
    """
    best = _best(returns)
    sharers = best.sum(axis=-1, keepdims=True)
    credit = {"nobody": best & (sharers == 1), "everybody": best, "split": best / sharers}[ties]
    return np.asarray(credit.sum(axis=-2), float)


def tie_holders(returns: FloatArray, counts: FloatArray) -> list[dict[int, int]]:
    """Find who must be credited with each tie for the win counts to come out as printed.

    Returns
    -------
    Every assignment {environment index: algorithm index} that gives `counts`; empty if none does.
    """
    best = _best(returns)
    tied = np.flatnonzero(best.sum(axis=1) > 1)
    strict = wins(returns)
    found = []
    for holders in product(*(np.flatnonzero(best[environment]) for environment in tied)):
        total = strict + np.bincount(np.array(holders, int), minlength=len(strict))
        if np.array_equal(total, counts):
            found.append({int(environment): int(holder) for environment, holder in zip(tied, holders, strict=True)})
    return found


def _best(returns: FloatArray) -> BoolArray:
    """Mark the highest return of each environment, and what differs from it by rounding alone."""
    return np.asarray(difference(returns.max(axis=-1, keepdims=True), returns) == 0)


def groups(ours: FloatArray, baseline: FloatArray, failure: float) -> IntArray:
    """Sort environments into better (1), comparable (0) and worse (-1).

    Better if higher; else comparable if at least 90 % of the baseline, or if neither exceeds `failure` (both fail to
    learn); else worse. For a negative baseline, 90 % means a tenth of its size below it.
    """
    near = ours >= baseline - (1 - COMPARABLE_SHARE) * np.abs(baseline)
    failed = np.maximum(ours, baseline) <= failure
    return np.where(difference(ours, baseline) > 0, 1, np.where(near | failed, 0, -1))


def failure_range(
    ours: FloatArray, baseline: FloatArray, expected: NDArray[np.integer[Any]]
) -> tuple[float, float] | None:
    """Find the failure thresholds under which `groups` gives the expected groups.

    Returns
    -------
    (low, high): every threshold t with low <= t < high does; None if none does.
    """
    higher = np.sort(np.maximum(ours, baseline))
    working = [level for level in higher if np.array_equal(groups(ours, baseline, level), expected)]
    if not working:
        return None
    above = higher[higher > working[-1]]
    return float(working[0]), float(above[0]) if len(above) else float("inf")


def share_better(means: Means) -> FloatArray:
    """Share of environments in which the first entry's mean is higher than the second's."""
    return np.asarray((difference(means[0], means[1]) > 0).mean(axis=-1), float)


def share_not_worse(means: Means, failure: float = -math.inf) -> FloatArray:
    """Share of environments in which the first entry is better than or comparable to the second."""
    return np.asarray((groups(means[0], means[1], failure) >= 0).mean(axis=-1), float)


def share_reaching(means: Means, share: float) -> FloatArray:
    """Share of environments in which the first entry's mean reaches a share of the second's.

    1.5 asks for half as much again; of a negative mean, for as much above it.
    """
    ours, theirs = means
    return np.asarray((ours >= theirs + (share - 1) * np.abs(theirs)).mean(axis=-1), float)


def share_matching(means: Means) -> FloatArray:
    """Share of environments in which the first two entries are both at least comparable to the third."""
    matched = [groups(entry, means[2], -math.inf) >= 0 for entry in means[:2]]
    return np.asarray((matched[0] & matched[1]).mean(axis=-1), float)


def gain(means: Means, average: Average, rule: str) -> FloatArray:
    """Average relative gain of the first entry over the second; NaN where the rule leaves no environment."""
    gains = relative_gains(means[0], means[1], rule)
    defined = np.asarray(np.isfinite(gains).any(axis=-1))
    averaged = AVERAGED[average](np.where(defined[..., None], gains, 0.0), axis=-1)
    return np.where(defined, averaged, np.nan)


def wins_ahead(means: Means) -> FloatArray:
    """Wins of the first entry less those of the next best; a tie is nobody's."""
    counts = wins(np.stack(means, axis=-1))
    return np.asarray(counts[..., 0] - counts[..., 1:].max(axis=-1), float)


def ratio_of_means(means: Means) -> FloatArray:
    """Ratio of the first entry's mean over environments to the second's."""
    return np.asarray(means[0].mean(axis=-1) / means[1].mean(axis=-1), float)
