"""The rates at which two entries are wrongly called equivalent, better or worse, and rightly equivalent."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from environments import FloatArray
from studies.calibration.noise import KINDS, draw
from suite.analysis.equivalence import LEVEL, MARGIN, gains
from suite.analysis.intervals import difference_interval

BOUNDARIES = (1 - MARGIN, 1 + MARGIN)
"""The first entry's gain as a multiple of the second's, where they are not equivalent and hardly differ by more."""
DEVIATIONS = (0.03, 0.1, 0.3)
"""Over seeds, as a share of the gain."""
SEEDS = (3, 5, 10, 20)
ENVIRONMENTS = (1, 6, 25)
UNTRAINED, UNTRAINED_DEVIATION = 2.0, 0.02
"""The untrained score and its deviation over seeds, as shares of the smallest and of each gain."""
ROWS = 6
"""Rows of a comparison whose wrong decisions are counted over all rows."""


@dataclass(frozen=True)
class Cell:
    """One combination of gains, environments, noise, deviation and seeds."""

    ratio: float
    environments: int
    noise: str
    deviation: float
    seeds: tuple[int, int]
    spread: float = 1.0
    """The first entry's deviation over the second's."""


@dataclass(frozen=True)
class Called:
    """Trials in which something was decided."""

    cell: Cell
    trials: int
    decided: int


def boundary_cells() -> list[Cell]:
    """Return the cells in which equivalence is wrong."""
    equal = [
        Cell(ratio, environments, noise, deviation, (seeds, seeds))
        for ratio in BOUNDARIES
        for environments in ENVIRONMENTS
        for noise in KINDS
        for deviation in DEVIATIONS
        for seeds in SEEDS
    ]
    unequal = [
        Cell(ratio, environments, noise, 0.05, seeds, spread)
        for ratio in BOUNDARIES
        for environments in (1, 6)
        for noise in KINDS
        for seeds, spread in (((3, 15), 1.0), ((15, 3), 1.0), ((5, 15), 2.0), ((10, 10), 2.0))
    ]
    return equal + unequal


def equal_cells() -> list[Cell]:
    """Return the cells in which equivalence is right."""
    return [
        Cell(1.0, environments, "normal", deviation, (seeds, seeds))
        for environments in ENVIRONMENTS
        for deviation in DEVIATIONS
        for seeds in SEEDS
    ]


def identical_cells() -> list[Cell]:
    """Return the cells in which better and worse are wrong: equal means, also with other seeds or noise."""
    return [
        Cell(1.0, ROWS, noise, 0.3, seeds, spread)
        for noise in KINDS
        for seeds, spread in (
            *(((each, each), 1.0) for each in SEEDS),
            ((3, 15), 1.0),
            ((15, 3), 1.0),
            ((5, 5), 2.0),
            ((10, 10), 2.0),
            ((3, 15), 2.0),
        )
    ]


Runs = tuple[list[FloatArray], list[FloatArray], list[FloatArray]]


def runs(generator: np.random.Generator, cell: Cell) -> Runs:
    """Draw the scores of both entries, and those of their runs before training."""
    sizes = np.geomspace(1, 10, cell.environments)
    before = draw(generator, "normal", UNTRAINED_DEVIATION * sizes, 1.0, sum(cell.seeds)) + UNTRAINED
    ours = draw(generator, cell.noise, cell.ratio * sizes, cell.deviation * cell.spread, cell.seeds[0])
    theirs = draw(generator, cell.noise, sizes, cell.deviation, cell.seeds[1])
    return list(ours + UNTRAINED), list(theirs + UNTRAINED), list(before - UNTRAINED_DEVIATION * sizes[:, None])


def equivalent(cell: Cell, trials: int) -> Called:
    """Count the trials in which two entries are called equivalent within the margin."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    called = 0
    for _ in range(trials):
        found = gains(*runs(generator, cell))
        called += found.means.shape[1] > 0 and found.within(MARGIN) <= LEVEL
    return Called(cell, trials, called)


def different(cell: Cell, trials: int) -> Called:
    """Count the trials in which any row of a comparison of equal means is called better or worse."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    called = 0
    for _ in range(trials):
        ours, theirs, _ = runs(generator, cell)
        ends = [difference_interval(*row, 1 - LEVEL / cell.environments)[1:] for row in zip(ours, theirs, strict=True)]
        called += any(low > 0 or high < 0 for low, high in ends)
    return Called(cell, trials, called)
