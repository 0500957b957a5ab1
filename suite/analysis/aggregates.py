"""Aggregates of normalised scores over environments, with intervals that cover.

The aggregates are those of Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
as its library has them (the tests compare them with it, rliable). A stratum is one environment: an array of scores,
one a seed. Strata may have different numbers of seeds. The paper's intervals, percentiles of a stratified bootstrap,
cover 57 to 91 % with two or three seeds on one to six environments; those of `suite.analysis.intervals` stand here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import trim_mean

from environments import FloatArray
from suite.analysis.intervals import (
    Scale,
    interquartile_mean_interval,
    share_interval,
    stratified_mean_interval,
)
from suite.analysis.samples import Samples

AGGREGATES = ("IQM", "median", "mean", "optimality gap")
WITH_INTERVAL = ("IQM", "mean")
"""The median of few means, and a gap that runs above 1 add nothing to, jump with single runs: no interval covers."""


def aggregates(strata: Samples, scales: Sequence[Scale] = ()) -> FloatArray:
    """Aggregate normalised scores: interquartile mean, median, mean, optimality gap.

    Parameters
    ----------
    scales : what each stratum was normalised by; its ends are then not taken as exact.

    Returns
    -------
    (4, 3): for each of `AGGREGATES` the value and the ends of its 95 % interval: NaN for those that have none, and with
    a single seed anywhere.
    """
    scores = np.concatenate(strata)  # (runs,)
    means = np.array([stratum.mean() for stratum in strata])  # (environments,)
    none = (np.nan, np.nan)
    return np.array(
        [
            (trim_mean(scores, 0.25), *interquartile_mean_interval(strata, scales)[1:]),
            (np.median(means), *none),
            (means.mean(), *stratified_mean_interval(strata, scales)[1:]),
            (1 - np.minimum(scores, 1).mean(), *none),
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
