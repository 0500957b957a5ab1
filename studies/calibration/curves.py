"""Rates of wrong verdicts on fewer steps, on learning curves whose ratio of steps is exactly the boundary."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from environments import FloatArray
from studies.calibration.verdicts import Errors, entries, statement

SHAPES: dict[str, Callable[[FloatArray], FloatArray]] = {
    "exponential": lambda time: 1 - np.exp(-3 * time),
    "logarithmic": lambda time: np.log1p(10 * time) / np.log(11),
    "linear, then flat": lambda time: np.minimum(time, 1.0),
    "late": lambda time: 1 / (1 + np.exp(-12 * (time - 0.5))),
    "square root": np.sqrt,
}
"""Returns by time, of which 1 is when most have risen."""
ENVIRONMENTS = (1, 6)
HORIZONS = (0.7, 2.0)
"""Length of the second entry's training, in that time."""
EVALUATIONS = 50
SPREAD = 0.3
"""Standard deviation over seeds of the logarithm of how fast runs are."""
BUDGET = 1_000_000
PLACES = ["cheetah-vel", "cheetah-fb", "ant-fb", "humanoid-dir", "walker-2d-rand-params", "point-goal-2d"]


@dataclass(frozen=True)
class Cell:
    """One combination of curves."""

    shape: str
    environments: int
    horizon: float
    times: float
    """Factor by which the first entry is faster: the boundary."""
    same_budget: bool
    """False: the first entry's is so many times smaller."""
    noise: float
    """Standard deviation of an evaluation, in the curve's unit."""
    seeds: int


def count(cell: Cell, trials: int) -> Errors[Cell]:
    """Judge so many sets of curves."""
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    ours, theirs = entries(2)
    about = statement(
        statistic="ratio of steps", entries=[ours, theirs], times=cell.times, level=0.9, environments=PLACES
    )
    directions, silent = [], 0.0
    for _ in range(trials):
        samples = []
        for place in PLACES[: cell.environments]:
            runs, curves = _runs(generator, cell, place, ours, theirs)
            samples.append(about.samples(runs, curves, [place]))
        together = [[sample[entry][0] for sample in samples] for entry in (0, 1)]
        directions.append(about.find(together).direction)
        silent += float(np.mean([len(runs) == 0 for runs in together[0]]))
    return Errors(cell, trials, directions.count(1), directions.count(-1), silent / trials)


def _runs(
    generator: np.random.Generator, cell: Cell, place: str, ours: str, theirs: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make up the runs of both entries on an environment, and their curves."""
    rows, curves = [], []
    for entry, speed in ((ours, cell.times), (theirs, 1.0)):
        budget = BUDGET if entry == theirs or cell.same_budget else BUDGET / cell.times
        steps = np.linspace(0, budget, EVALUATIONS + 1)
        for seed in range(cell.seeds):
            time = steps / BUDGET * cell.horizon * speed * np.exp(SPREAD * generator.normal())
            returns = SHAPES[cell.shape](time) + cell.noise * generator.normal(size=len(steps))
            run = f"{entry} {place} {seed}"
            rows.append((run, entry, place, returns[0], returns[steps > 0.9 * budget].mean()))
            curves.append(
                pd.DataFrame({"run": run, "environment": place, "environment_steps": steps, "return": returns})
            )
    return pd.DataFrame(rows, columns=["run", "entry", "environment", "untrained", "score"]), pd.concat(curves)
