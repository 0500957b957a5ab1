"""Decisions by adaptive seeds between entries of which neither tends to be higher, and what a difference takes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from studies.calibration.noise import draw
from suite.analysis.sequential import sequential_test, sequential_tests
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


def _scores(generator: np.random.Generator, of: Comparison, cell: Cell) -> dict[str, float]:
    step = cell.difference * DEVIATION * MEAN
    found: dict[str, float] = {}
    ours, theirs = of.runs
    moves = ((ours, step - _lead(cell.noise, cell.spread), cell.spread), (theirs, 0.0, 1.0))
    for runs, ahead, spread in moves:
        values = draw(generator, cell.noise, np.array([MEAN]), DEVIATION * spread, MOST)[0] + ahead
        found |= dict(zip(runs, values.tolist(), strict=True))
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
    wrong, seeds = 0, 0.0
    for _ in range(trials):
        scores: dict[str, float] = {}
        for each in of:
            scores |= _scores(generator, each, cell)
        tests = sequential_tests(of, scores)
        wrong += any(each.verdict == "decided" for each in tests)
        seeds += float(np.mean([each.wanted for each in tests]))
    return Decided(cell, trials, wrong, seeds / trials)


def different(cell: Cell, trials: int) -> Decided:
    """Count the trials in which one comparison, of so many, is decided for the better entry."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    of = comparison("one")
    right, seeds = 0, 0
    for _ in range(trials):
        test = sequential_test(of, cell.comparisons, _scores(generator, of, cell))
        right += test.verdict == "decided" and test.analyses[-1].higher == 0
        seeds += test.wanted
    return Decided(cell, trials, right, seeds / trials)
