"""The rates at which two entries are wrongly called equivalent, better or worse, and rightly equivalent."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import special

from environments import FloatArray
from studies.calibration.noise import KINDS
from studies.calibration.verdicts import EQUIVALENT, draws, of_runs
from suite.analysis.equivalence import LEVEL, MARGIN
from suite.analysis.intervals import spread_of_differences

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


def runs(generator: np.random.Generator, cell: Cell, trials: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Draw the scores of both entries, and those of their runs before training: (trials, environments, seeds)."""
    sizes = np.geomspace(1, 10, cell.environments)
    drawn = partial(draws, generator, trials=trials)
    before = drawn("normal", UNTRAINED_DEVIATION * sizes, 1.0, sum(cell.seeds)) - UNTRAINED_DEVIATION * sizes[:, None]
    ours = drawn(cell.noise, cell.ratio * sizes, cell.deviation * cell.spread, cell.seeds[0])
    theirs = drawn(cell.noise, sizes, cell.deviation, cell.seeds[1])
    return ours + UNTRAINED, theirs + UNTRAINED, before + UNTRAINED


def equivalent(cell: Cell, trials: int) -> Called:
    """Count the trials in which two entries are called equivalent within the margin."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    entries = [of_runs(each) for each in runs(generator, cell, trials)]
    found = EQUIVALENT.sides(entries)[0]
    return Called(cell, trials, int((found <= LEVEL).sum()))


def different(cell: Cell, trials: int) -> Called:
    """Count the trials in which any row of a comparison of equal means is called better or worse."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    ours, theirs, _ = (of_runs(each) for each in runs(generator, cell, trials))
    error, freedom = spread_of_differences(
        np.stack([ours.errors, theirs.errors])[..., None], np.stack([ours.seeds, theirs.seeds])[..., None]
    )
    half = special.stdtrit(freedom, 1 - LEVEL / cell.environments / 2) * error
    return Called(cell, trials, int((np.abs(ours.means - theirs.means) > half).any(axis=-1).sum()))
