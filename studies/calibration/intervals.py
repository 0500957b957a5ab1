"""The coverage of intervals that call themselves 95 %."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from studies.calibration.noise import draw
from suite.analysis.aggregates import performance_profile
from suite.analysis.intervals import (
    chance_interval,
    difference_interval,
    interquartile_mean_interval,
    mean_interval,
    ratio_interval,
    stratified_mean_interval,
    typical_ratio_interval,
)

FloatArray = NDArray[np.float64]
Ends = tuple[float, float]
Entries = tuple[list[FloatArray], list[FloatArray]]

ONE_ENVIRONMENT = ("score of an entry", "difference of two entries")
"""Intervals that are only made of one environment."""

AHEAD = 1.2
"""The first entry's means over the second's."""
POPULATION = 200_000
"""Runs that stand for all where a true value is not known in closed form."""


@dataclass(frozen=True)
class Cell:
    """One combination of interval, environments, noise, deviation and seeds."""

    interval: str
    environments: int
    noise: str
    deviation: float
    seeds: int


INTERVALS: dict[str, Callable[[Entries], Ends]] = {
    "score of an entry": lambda entries: mean_interval(entries[0][0])[1:],
    "difference of two entries": lambda entries: difference_interval(entries[0][0], entries[1][0])[1:],
    "P(improvement)": lambda entries: chance_interval(*entries)[1:],
    "typical ratio": lambda entries: typical_ratio_interval(*entries)[1:],
    "ratio of means": lambda entries: ratio_interval(*entries)[1:],
    "mean": lambda entries: stratified_mean_interval(entries[1])[1:],
    "IQM": lambda entries: interquartile_mean_interval(entries[1])[1:],
    "profile": lambda entries: tuple(performance_profile(entries[1], np.array([LEVEL]))[0, 1:]),
}

LEVEL = 0.7
"""Level of the profile: near the middle of the environments."""


def centres(environments: int) -> FloatArray:
    """Return the second entry's true means, spread as normalised scores are."""
    return np.linspace(0.2, 1.2, environments) if environments > 1 else np.array([0.8])


def covered(cell: Cell, trials: int) -> tuple[Cell, int, int]:
    """Return the cell, the trials, and in how many of them the interval held the true value."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    means = centres(cell.environments)
    truth = _truth(cell, means)
    hits = 0
    for _ in range(trials):
        entries = tuple(
            list(draw(generator, cell.noise, factor * means, cell.deviation, cell.seeds)) for factor in (AHEAD, 1.0)
        )
        low, high = INTERVALS[cell.interval](entries)  # type: ignore[arg-type]
        hits += bool(low <= truth <= high)
    return cell, trials, hits


def _truth(cell: Cell, means: FloatArray) -> float:
    known = {
        "score of an entry": AHEAD * means[0],
        "difference of two entries": (AHEAD - 1) * means[0],
        "typical ratio": AHEAD,
        "ratio of means": AHEAD,
        "mean": means.mean(),
    }
    if cell.interval in known:
        return float(known[cell.interval])
    generator = np.random.default_rng(0)
    each = POPULATION // len(means)
    ours, theirs = (draw(generator, cell.noise, factor * means, cell.deviation, each) for factor in (AHEAD, 1.0))
    if cell.interval == "P(improvement)":
        return float((ours > theirs).mean())
    if cell.interval == "IQM":
        return float(stats.trim_mean(theirs.ravel(), 0.25))
    return float((theirs > LEVEL).mean())
