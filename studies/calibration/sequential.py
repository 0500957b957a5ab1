"""The error rate of adaptive seeds on identical entries, and the seeds that a difference takes."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Cell:
    """One combination of comparisons and noise; with a difference, of one comparison among so many."""

    comparisons: int
    noise: str
    difference: float = 0.0


@dataclass(frozen=True)
class Decided:
    """The outcome of the trials of a cell."""

    cell: Cell
    trials: int
    decided: int
    """Trials in which an entry was called better: the better one, where there is a difference."""
    seeds: float
    """Mean seeds of each entry at the end."""


def comparison(name: str) -> Comparison:
    """Return a comparison of two entries whose runs are named."""
    ours, theirs = (tuple(f"{entry} {name} {seed}" for seed in range(MOST)) for entry in ("ours", "theirs"))
    return Comparison(environment=name, entries=("ours", "theirs"), batch=BATCH, runs=(ours, theirs))


def _scores(generator: np.random.Generator, of: Comparison, cell: Cell) -> dict[str, float]:
    step = cell.difference * DEVIATION * MEAN
    found: dict[str, float] = {}
    for runs, ahead in zip(of.runs, (step, 0.0), strict=True):
        values = draw(generator, cell.noise, np.array([MEAN]), DEVIATION, MOST)[0] + ahead
        found |= dict(zip(runs, values.tolist(), strict=True))
    return found


def identical(cell: Cell, trials: int) -> Decided:
    """Count the trials in which any comparison of a benchmark of identical entries is decided."""
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
        right += test.verdict == "decided" and test.analyses[-1].better == 0
        seeds += test.wanted
    return Decided(cell, trials, right, seeds / trials)
