"""The coverage of intervals that call themselves 95 %."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

from environments import FloatArray
from studies.calibration.noise import draw
from suite.analysis.aggregates import performance_profile
from suite.analysis.intervals import (
    Scale,
    chance_interval,
    difference_interval,
    interquartile_mean_interval,
    mean_interval,
    ratio_interval,
    stratified_mean_interval,
)

Ends = tuple[float, float]
Entries = tuple[list[FloatArray], list[FloatArray]]

ONE_ENVIRONMENT = ("score of an entry", "difference of two entries", "difference to three seeds", "silhouette")
"""Intervals that are only made of one environment."""
FEW = 3
"""Seeds of the entry that others are normalised by, or that they are compared with, where it has fewer than they."""
UNTRAINED = 0.05
"""Deviation over seeds of what is 0 on a normalised scale."""
FAILING = 0.4
"""Share of seeds in which an entry fails: no interval of a mean then covers, and none can tell from few seeds."""

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


def _normalised(entries: Entries, find: Callable[..., tuple[float, float, float]], seeds: int | None) -> Ends:
    """Return an interval of the second entry's scores on the scale of another, which has the same true means."""
    ours, theirs = entries
    generator = np.random.default_rng(zlib.crc32(np.concatenate([*ours, *theirs]).tobytes()))
    scales = [Scale(generator.normal(0, UNTRAINED, size=seeds or len(own)), own[:seeds] / AHEAD) for own in ours]
    samples = [
        (sample - scale.untrained.mean()) / (scale.trained.mean() - scale.untrained.mean())
        for sample, scale in zip(theirs, scales, strict=True)
    ]
    return find(samples, scales)[1:]


INTERVALS: dict[str, Callable[[Entries], Ends]] = {
    "score of an entry": lambda entries: mean_interval(entries[0][0])[1:],
    "difference of two entries": lambda entries: difference_interval(entries[0][0], entries[1][0])[1:],
    "P(improvement)": lambda entries: chance_interval(*entries)[1:],
    "ratio of means": lambda entries: ratio_interval(*entries)[1:],
    "mean": lambda entries: stratified_mean_interval(entries[1])[1:],
    "IQM": lambda entries: interquartile_mean_interval(entries[1])[1:],
    "mean, normalised": lambda entries: _normalised(entries, stratified_mean_interval, None),
    "mean, normalised by three seeds": lambda entries: _normalised(entries, stratified_mean_interval, FEW),
    "silhouette": lambda entries: mean_interval(np.tanh(entries[0][0]), -1, 1)[1:],
    "difference to three seeds": lambda entries: difference_interval(entries[0][0], entries[1][0][:FEW])[1:],
    "profile": lambda entries: tuple(performance_profile(entries[1], np.array([LEVEL]))[0, 1:]),
}

DEVIATIONS = (0.1, 0.3, 0.5)
LEVEL = 0.7
"""Level of the profile: near the middle of the environments."""


def centres(environments: int) -> FloatArray:
    """Return the second entry's true means, spread as normalised scores are."""
    return np.linspace(0.2, 1.2, environments) if environments > 1 else np.array([0.8])


@dataclass(frozen=True)
class Covered:
    """The outcome of the trials of a cell: those without an interval are the rest."""

    cell: Cell
    trials: int
    hits: int
    """Intervals that hold the true value."""
    misses: int


def covered(cell: Cell, trials: int) -> Covered:
    """Count the trials in which the interval holds the true value."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    means = centres(cell.environments)
    truth = _truth(cell, means)
    hits = misses = 0
    for _ in range(trials):
        entries = tuple(_runs(generator, cell, factor * means, cell.seeds) for factor in (AHEAD, 1.0))
        low, high = INTERVALS[cell.interval](entries)  # type: ignore[arg-type]
        given = not np.isnan(low)
        hits += bool(given and low <= truth <= high)
        misses += bool(given and not low <= truth <= high)
    return Covered(cell, trials, hits, misses)


def _runs(generator: np.random.Generator, cell: Cell, means: FloatArray, seeds: int) -> list[FloatArray]:
    """Draw runs about the means; of a cell with failing seeds those score nothing."""
    if cell.noise != "failing":
        return list(draw(generator, cell.noise, means, cell.deviation, seeds))
    found = draw(generator, "normal", means, cell.deviation, seeds)
    return list(np.where(generator.random(found.shape) < FAILING, found - means[:, None], found))


def _truth(cell: Cell, means: FloatArray) -> float:
    known = {
        "score of an entry": AHEAD * means[0],
        "difference of two entries": (AHEAD - 1) * means[0],
        "difference to three seeds": (AHEAD - 1) * means[0],
        "mean, normalised": 1.0,
        "mean, normalised by three seeds": 1.0,
        "ratio of means": AHEAD,
        "mean": means.mean(),
    }
    if cell.interval in known:
        return float(known[cell.interval]) * (1 - FAILING if cell.noise == "failing" else 1)
    generator = np.random.default_rng(0)
    each = POPULATION // len(means)
    ours, theirs = (draw(generator, cell.noise, factor * means, cell.deviation, each) for factor in (AHEAD, 1.0))
    if cell.interval == "P(improvement)":
        return float((ours > theirs).mean())
    if cell.interval == "silhouette":
        return float(np.tanh(ours).mean())
    if cell.interval == "IQM":
        return float(stats.trim_mean(theirs.ravel(), 0.25))
    return float((theirs > LEVEL).mean())
