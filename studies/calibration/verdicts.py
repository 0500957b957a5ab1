"""The rate of wrong verdicts on entries that stand exactly at the boundary of a statement."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from studies.calibration.noise import draw
from suite.analysis import hypotheses
from suite.analysis.hypotheses import LEVEL, Finding, Hypothesis
from suite.analysis.permutations import FloatArray, Samples

DEVIATIONS = (0.1, 0.3, 0.5)

TIMES = 20


def _steps(entries: Sequence[Samples], budget: float = np.inf) -> Finding:
    """Test fewer steps, where no run takes more than a budget (a multiple of the second entry's typical steps)."""
    budgets = budget * np.geomspace(1, 10, len(entries[0]))

    def bounds(steps: FloatArray, most: float) -> FloatArray:
        return np.stack([np.minimum(steps, most), np.where(steps <= most, steps, np.inf)], axis=-1)

    # No run takes less than no steps: alike for both entries, which would else not stand at the boundary.
    least = (1e-3 / TIMES, 1e-3)
    known = [
        [bounds(np.maximum(steps, floor), most) for steps, most in zip(entry, budgets, strict=True)]
        for entry, floor in zip(entries, least, strict=True)
    ]
    return hypotheses.fewer_steps(known, TIMES)


STATEMENTS: dict[str, tuple[Hypothesis, tuple[float, ...], tuple[float, ...]]] = {
    "better in most": (hypotheses.better, (1, 1), (0.3,)),
    "most wins": (hypotheses.most_wins, (1, 1, 1, 1, 1), (0.3,)),
    "gain, mean": (hypotheses.gains, (1, 1), DEVIATIONS),
    "gain, median": (partial(hypotheses.gains, average="median"), (1, 1), DEVIATIONS),
    "time": (hypotheses.total_ratio, (1, 1), DEVIATIONS),
    "comparable": (hypotheses.not_worse, (0.9, 1), DEVIATIONS),
    "oracle matched": (hypotheses.both_not_worse, (0.9, 0.9, 1), DEVIATIONS),
    "ratio of steps": (_steps, (1 / TIMES, 1), DEVIATIONS),
    "the same, half of the runs cut off": (partial(_steps, budget=1.0), (1 / TIMES, 1), DEVIATIONS),
}
"""The test, the entries' means at its boundary, and std over seeds: ranks of entries of one distribution have "
"none."""


@dataclass(frozen=True)
class Cell:
    """One combination of statement, environments, noise, deviation and seeds."""

    statement: str
    environments: int
    noise: str
    deviation: float
    seeds: int
    spread: float = 1.0
    """The first entry's deviation over the others'."""


@dataclass(frozen=True)
class Errors:
    """Wrong verdicts among trials; None where so few runs cannot give that verdict."""

    cell: Cell
    trials: int
    reproduced: int | None
    not_reproduced: int | None


def count(cell: Cell, trials: int) -> Errors:
    """Judge so many draws of entries at the boundary."""
    hypothesis, means, _ = STATEMENTS[cell.statement]
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    scale = np.geomspace(1, 10, cell.environments)
    directions = []
    for _ in range(trials):
        deviations = [cell.deviation * cell.spread] + [cell.deviation] * (len(means) - 1)
        finding = hypothesis(
            [
                list(draw(generator, cell.noise, mean * scale, deviation, cell.seeds))
                for mean, deviation in zip(means, deviations, strict=True)
            ]
        )
        directions.append(finding.direction)
    rivals = {"most wins": 4, "oracle matched": 2}.get(cell.statement, 1)
    return Errors(
        cell,
        trials,
        directions.count(1) if finding.smallest <= LEVEL else None,
        directions.count(-1) if rivals * finding.smallest <= LEVEL else None,
    )
