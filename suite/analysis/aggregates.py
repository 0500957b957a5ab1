"""Aggregates over environments as rliable defines them, with intervals that cover.

Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice". A stratum is one
environment: an array of scores, one a seed. Strata may have different numbers of seeds.

Values come from rliable. Its intervals, percentiles of a stratified bootstrap, cover 57 to 91 % with two or three seeds
on one to six environments; those of `suite.analysis.intervals` stand in their place.
"""

from __future__ import annotations

import numpy as np
from rliable import metrics

from suite.analysis.intervals import (
    FloatArray,
    Samples,
    interquartile_mean_interval,
    share_interval,
    stratified_mean_interval,
)

AGGREGATES = ("IQM", "median", "mean", "optimality gap")
WITH_INTERVAL = ("IQM", "mean")
"""The median of few means, and a gap that runs above 1 add nothing to, jump with single runs: no interval covers."""


def aggregates(strata: Samples) -> FloatArray:
    """Aggregate normalised scores: interquartile mean, median, mean, optimality gap.

    Returns
    -------
    (4, 3): for each of `AGGREGATES` the value and the ends of its 95 % interval: NaN for those that have none, and with
    a single seed anywhere.
    """
    scores = np.concatenate(strata)[:, None]  # (runs, 1)
    means = np.array([[stratum.mean() for stratum in strata]])  # (1, environments)
    none = (np.nan, np.nan)
    return np.array(
        [
            (metrics.aggregate_iqm(scores), *interquartile_mean_interval(strata)[1:]),
            (metrics.aggregate_median(means), *none),
            (metrics.aggregate_mean(means), *stratified_mean_interval(strata)[1:]),
            (metrics.aggregate_optimality_gap(scores), *none),
        ]
    )


def performance_profile(strata: Samples, levels: FloatArray) -> FloatArray:
    """Return the share of runs whose normalised score exceeds each level.

    Returns
    -------
    (levels, 3): share and the ends of its pointwise 95 % interval (Clopper and Pearson's, of all runs).
    """
    scores = np.concatenate(strata)
    shares = [float((scores > level).mean()) for level in levels]
    return np.array([(share, *share_interval(share, len(scores))) for share in shares])
