"""Runs as the statistics take them; imports no SciPy, since plans read it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from environments import FloatArray

Samples = Sequence[FloatArray]
"""An entry's runs: for each environment one array, a number a seed; minus infinity where a run diverged."""

ROUNDING = 1e-9
"""Numbers that differ by less, relative to the smaller, are the same: means of the same numbers round differently."""


def difference(ours: FloatArray | float, theirs: FloatArray | float) -> FloatArray:
    """Return ours less theirs, and 0 where they are the same or differ by rounding alone."""
    with np.errstate(invalid="ignore"):  # two runs that diverged
        apart = np.subtract(ours, theirs)
        same = np.abs(apart) <= ROUNDING * np.minimum(np.abs(ours), np.abs(theirs))
    return np.where(np.equal(ours, theirs) | (same & np.isfinite(apart)), 0.0, apart)
