"""Decisions by adaptive seeds between entries of which neither tends to be higher, and what a difference takes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from environments import BoolArray, FloatArray
from studies.calibration.noise import draw
from studies.calibration.verdicts import of_runs
from suite.analysis import sequential as tested
from suite.analysis.moments import higher
from suite.analysis.samples import ROUNDING
from suite.plan.seeds import Comparison

BATCH, MOST = 3, 15
COMPARISONS = (1, 5, 12)
"""Comparisons of a benchmark: one an environment."""
DIFFERENCES = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Between the two entries' means, in standard deviations over seeds."""
MEAN, DEVIATION = 10.0, 0.1
SPREADS = (1.0, 3.0, 10.0)
"""The first entry's deviation over the second's."""
POPULATION = 20_000
"""Runs that stand for all where a median is not known."""


@dataclass(frozen=True)
class Cell:
    """One combination of comparisons and noise; with a difference, of one comparison among so many."""

    comparisons: int
    noise: str
    difference: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class Decided:
    """The outcome of the trials of a cell."""

    cell: Cell
    trials: int
    decided: int
    """Trials in which it was decided: for the right entry, where there is a difference."""
    seeds: float
    """Mean seeds of each entry at the end."""


def comparison(name: str) -> Comparison:
    """Return a comparison of two entries whose runs are named."""
    ours, theirs = (tuple(f"{entry} {name} {seed}" for seed in range(MOST)) for entry in ("ours", "theirs"))
    return Comparison(environment=name, entries=("ours", "theirs"), batch=BATCH, runs=(ours, theirs))


def _scores(generator: np.random.Generator, cell: Cell, shape: tuple[int, int]) -> FloatArray:
    """Draw the scores of both entries: (2, trials, comparisons, seeds)."""
    step = cell.difference * DEVIATION * MEAN
    means = np.full(np.prod(shape), MEAN)
    moves = ((step - _lead(cell.noise, cell.spread), cell.spread), (0.0, 1.0))
    drawn = [draw(generator, cell.noise, means, DEVIATION * spread, MOST) + ahead for ahead, spread in moves]
    return np.stack(drawn).reshape(2, *shape, MOST)


def _named(of: Sequence[Comparison], scores: FloatArray) -> dict[str, float]:
    """Return the scores of a trial, (2, comparisons, seeds), by the names of the runs."""
    return {
        run: float(score)
        for comparison, both in zip(of, scores.swapaxes(0, 1), strict=True)
        for runs, entry in zip(comparison.runs, both, strict=True)
        for run, score in zip(runs, entry, strict=True)
    }


def may_decide(scores: FloatArray, comparisons: int) -> BoolArray:
    """Tell in which trials Welch's test decides at some interim analysis; the rank test, which is slow, has to agree.

    Parameters
    ----------
    scores : (2, trials, comparisons, seeds).
    comparisons : of the benchmark.

    Returns
    -------
    (trials,)
    """
    of = comparison("one")
    found = np.zeros(scores.shape[1], bool)
    for seeds, critical_p in zip(of.stages, tested.critical_p_values(of, comparisons), strict=True):
        ours, theirs = (of_runs(entry[..., :seeds]) for entry in scores)
        p = 2 * np.minimum(higher(ours, theirs), higher(theirs, ours))
        found |= (p <= critical_p * (1 + ROUNDING)).any(axis=-1)
    return found


@cache
def _lead(noise: str, spread: float) -> float:
    """Return by how much a run of the first entry is typically above one of the second, if their means are the same.

    Less this, either is higher as often as the other. Entries of other noise can differ in that though not in means.
    """
    if spread == 1:
        return 0.0
    generator = np.random.default_rng(0)
    ours, theirs = (draw(generator, noise, np.array([MEAN]), DEVIATION * each, POPULATION)[0] for each in (spread, 1.0))
    return float(np.median(ours - theirs))


def identical(cell: Cell, trials: int) -> Decided:
    """Count the trials in which any comparison of a benchmark is decided, where neither entry tends to be higher."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    of = [comparison(str(index)) for index in range(cell.comparisons)]
    scores = _scores(generator, cell, (trials, cell.comparisons))
    wrong, seeds = 0, float(MOST * trials)
    for trial in np.flatnonzero(may_decide(scores, cell.comparisons)):
        tests = tested.sequential_tests(of, _named(of, scores[:, trial]))
        wrong += any(each.verdict == "decided" for each in tests)
        seeds += float(np.mean([each.wanted for each in tests])) - MOST
    return Decided(cell, trials, wrong, seeds / trials)


def different(cell: Cell, trials: int) -> Decided:
    """Count the trials in which one comparison, of so many, is decided for the better entry."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    of = comparison("one")
    scores = _scores(generator, cell, (trials, 1))
    right, seeds = 0, MOST * trials
    for trial in np.flatnonzero(may_decide(scores, cell.comparisons)):
        test = tested.sequential_test(of, cell.comparisons, _named([of], scores[:, trial]))
        right += test.verdict == "decided" and test.analyses[-1].higher == 0
        seeds += test.wanted - MOST
    return Decided(cell, trials, right, seeds / trials)
