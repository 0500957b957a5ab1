"""Rates of wrong verdicts where a statement is false, or true: many small effects against few large ones.

Each world gives the true means of the entries on the environments. In most worlds some environments differ by far and
the others stand exactly at the boundary, or barely on one side: there a wrong verdict is most likely.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from environments import FloatArray
from studies.calibration.noise import draw
from suite.analysis.hypotheses import LEVEL, chances
from suite.analysis.moments import Moments
from suite.papers.claims import ClaimsFile
from suite.papers.statements import Gain, PrintedValue, SingleRuns, Statement

Means = list[FloatArray]
"""True means of each entry, (environments,)."""

TINY = 1e-6


def statement(**fields: object) -> Statement:
    """Return a statement of a paper that nobody wrote."""
    plain = {"statement": "s", "where": "w", "published": "1", "environments": ["point-goal-2d"], "side": "above"}
    return ClaimsFile.model_validate({"x": {**plain, **fields}}).root["x"]


def entries(count: int) -> list[str]:
    """Name so many entries."""
    return [f"entry-{index}" for index in range(count)]


def scale(environments: int) -> FloatArray:
    """Return the second entry's means: environments whose scores differ tenfold."""
    return np.geomspace(1, 10, environments)


def factors(environments: int, first: float, rest: float, more: int = 0) -> FloatArray:
    """Return one factor for as many environments as half of them allow, or so many more, and another for the rest."""
    found = np.full(environments, rest)
    found[: environments // 2 + more] = first
    return found


def of_two(environments: int, first: float, rest: float, more: int = 0) -> Means:
    """Return the means of two entries whose ratios are these factors."""
    return [scale(environments) * factors(environments, first, rest, more), scale(environments)]


def balanced(environments: int, first: float, count: int) -> Means:
    """Return the means of two entries whose mean ratio is 1: `first` on so many environments, one value on the rest."""
    if environments == 1:
        return of_two(1, 1, 1)
    ratios = np.full(environments, (environments - first * count) / (environments - count))
    ratios[:count] = first
    return [scale(environments) * ratios, scale(environments)]


def seconds(environments: int) -> Means:
    """Return means with equal sums, of which one environment holds four fifths."""
    if environments == 1:
        return of_two(1, 1, 1)
    theirs = np.full(environments, 0.2 / (environments - 1))
    theirs[0] = 0.8
    ours = 1.5 * theirs
    ours[0] = 1 - ours[1:].sum()
    return [ours, theirs]


def wins(environments: int, lead: int) -> Means:
    """Return means of five entries: the first and its rival win by far, half each; the first so many more, barely."""
    base = scale(environments)
    each = environments // 2
    first, rival = np.where(np.arange(environments) < each, 5.0, 0.5), np.full(environments, 0.5)
    rival[each : 2 * each] = 5.0
    if environments % 2:
        first[-1], rival[-1] = 5.0, 5.0
    if lead:
        first[-1], rival[-1] = 5.0 + TINY, 5.0
    return [base * first, base * rival, *(base * 0.4 for _ in range(3))]


BETTER, COMPARABLE = (statement(statistic=name, entries=entries(2)) for name in ("share better", "share not worse"))
FAILING = statement(statistic="share not worse", entries=entries(2), failure=0.5)
MATCHING = statement(statistic="share matching", entries=entries(3))
MEAN, MEDIAN = (
    statement(
        statistic="gain", entries=entries(2), average=average, definition="either above zero, negative ratios as 0"
    )
    for average in ("mean", "median")
)
WINS = statement(statistic="most wins", entries=entries(5))
TIME = statement(statistic="ratio of seconds", entries=entries(2))
RUNS = statement(statistic="single runs", entries=entries(2))
DIFFERENCE = statement(statistic="difference", entries=entries(2))
EQUIVALENT = statement(statistic="equivalent within", entries=entries(2))
UNTRAINED = 0.1
"""Untrained score, as a share of the gain."""


def gained(environments: int, ratio: float) -> Means:
    """Return means of two entries whose gains over untrained have a ratio, and those before training."""
    before = UNTRAINED * scale(environments)
    return [ratio * scale(environments) + before, scale(environments) + before, before]


def failing(environments: int) -> Means:
    """Return means of which a quarter failed in both, a quarter is far better, and the rest stands at the margin."""
    ours, theirs = of_two(environments, 5.0, 0.9 - TINY)
    failed = np.arange(environments) < environments // 4
    return [np.where(failed, 0.1, ours), np.where(failed, 0.2, theirs)]


def mixed_signs(environments: int) -> Means:
    """Return means of which a third lies below zero in both; fewer than half of the rest are far better."""
    ours, theirs = of_two(environments, 1.0, 1.0)
    none = np.arange(environments) % 3 == 0
    better = np.cumsum(~none) <= ((~none).sum() - 1) // 2
    return [np.where(none, -1.0, np.where(better, 5.0, 1.0) * ours), np.where(none, -2.0, theirs)]


def shifted(environments: int) -> Means:
    """Return means whose entries are better by one standard deviation in as many environments as they are worse in."""
    sides = np.where(np.arange(environments) % 2, 1.0, -1.0)
    if environments % 2:
        sides[-1] = 0.0
    return [np.full(environments, 10.0) + sides, np.full(environments, 10.0)]


@dataclass(frozen=True)
class World:
    """True means under which a verdict would be wrong."""

    statement: Statement
    means: Callable[[int], Means]
    wrong: tuple[int, ...]
    """Directions: 1 reproduced, -1 not reproduced; both at a boundary that belongs to neither."""
    noise: float | None = None
    """Standard deviation, the same on every environment, instead of a share of each mean."""


WORLDS: dict[str, World] = {
    "better: half x5, the rest equal": World(BETTER, lambda n: of_two(n, 5, 1), (1,)),
    "better: half x20, the rest x0.98": World(BETTER, lambda n: of_two(n, 20, 0.98), (1,)),
    "better: most barely, the rest x0.2": World(BETTER, lambda n: of_two(n, 1 + TINY, 0.2, 1), (-1,)),
    "better: most x1.02, the rest x0.05": World(BETTER, lambda n: of_two(n, 1.02, 0.05, 1), (-1,)),
    "comparable: half x5, the rest x0.9": World(COMPARABLE, lambda n: of_two(n, 5, 0.9 - TINY), (1,)),
    "comparable: most x0.9, the rest x0.2": World(COMPARABLE, lambda n: of_two(n, 0.9 + TINY, 0.2, 1), (-1,)),
    "comparable: a quarter failed, a quarter x5": World(FAILING, failing, (1,)),
    "oracle matched: half by both, the rest by one": World(
        MATCHING, lambda n: [*of_two(n, 5, 5), scale(n)][:1] + of_two(n, 5, 0.9 - TINY), (1,)
    ),
    "oracle matched: most by both, barely": World(
        MATCHING, lambda n: [of_two(n, 0.9 + TINY, 0.9, 1)[0], *of_two(n, 0.9 + TINY, 0.2, 1)], (-1,)
    ),
    "mean ratio: all equal": World(MEAN, lambda n: balanced(n, 1, 1), (1, -1)),
    "mean ratio: one environment holds 80 %": World(MEAN, lambda n: balanced(n, 0.8 * n, 1), (1, -1)),
    "mean ratio: half x0.5": World(MEAN, lambda n: balanced(n, 0.5, n // 2), (1, -1)),
    "median ratio: fewer than half x5, the rest equal": World(MEDIAN, lambda n: of_two(n, 5, 1, n % 2 - 1), (1,)),
    "median ratio: most barely, the rest x0.2": World(MEDIAN, lambda n: of_two(n, 1 + TINY, 0.2, 1), (-1,)),
    "median ratio: a third without, few of the rest x5": World(MEDIAN, mixed_signs, (1,)),
    "most wins: as many as a rival": World(WINS, lambda n: wins(n, 0), (1, -1)),
    "most wins: one more than a rival, barely": World(WINS, lambda n: wins(n, 1), (-1,)),
    "time: one environment holds 80 %": World(TIME, seconds, (1, -1)),
    "equivalent within 10 %: gains 10 % lower": World(EQUIVALENT, lambda n: gained(n, 0.9), (1, -1)),
    "equivalent within 10 %: gains 10 % higher": World(EQUIVALENT, lambda n: gained(n, 1.1), (1, -1)),
    "single runs: half better, half worse": World(RUNS, shifted, (1, -1), 1.0),
}
"""Worlds of several environments, and of one where half of one is none."""
ALONE = {"difference: equal": World(DIFFERENCE, lambda n: of_two(n, 1, 1), (1, -1))}
"""Worlds of one environment."""


@dataclass(frozen=True)
class Cell:
    """One combination of world, environments, noise, deviation and seeds."""

    world: str
    environments: int
    noise: str
    deviation: float
    seeds: int
    spread: float = 1.0
    """The first entry's deviation over the others'."""
    lost: float = 0.0
    """Share of the environments in which the first entry's two worst runs diverge."""


AnyCell = TypeVar("AnyCell", covariant=True)


@dataclass(frozen=True)
class Errors(Generic[AnyCell]):
    """Wrong verdicts among the trials of a cell."""

    cell: AnyCell
    trials: int
    reproduced: int
    """0 where that would be right."""
    not_reproduced: int
    silent: float
    """Share of the trials in which the verdict was withheld; of curves, of environments that decided nothing."""

    @property
    def worst(self) -> float:
        """The larger of both verdicts' shares."""
        return max(self.reproduced, self.not_reproduced) / self.trials


def count(cell: Cell, trials: int) -> Errors[Cell]:
    """Judge so many draws of a world."""
    world = (WORLDS | ALONE)[cell.world]
    generator = np.random.default_rng(zlib.crc32(repr(cell).encode()))
    directions, withheld = judged(world.statement, world.means(cell.environments), world.noise, cell, generator, trials)
    reproduced, not_reproduced = (int((directions == side).sum()) if side in world.wrong else 0 for side in (1, -1))
    return Errors(cell, trials, reproduced, not_reproduced, float(withheld.mean()))


def judged(
    about: Statement, means: Means, noise: float | None, cell: Cell, generator: np.random.Generator, trials: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return directions (trials,) of draws about true means, and where a verdict was withheld."""
    deviations = [cell.deviation * cell.spread] + [cell.deviation] * (len(means) - 1)
    runs = [
        draws(generator, cell.noise, mean, deviation, cell.seeds, trials, noise)
        for mean, deviation in zip(means, deviations, strict=True)
    ]
    if isinstance(about, SingleRuns):
        above, below = chances(*runs)
        return np.where(above <= LEVEL, 1, np.where(below <= LEVEL, -1, 0)), np.zeros(trials, bool)
    found = [of_runs(each) for each in runs]
    if cell.lost:
        found[0] = without_worst(runs[0], round(cell.lost * cell.environments))
    if isinstance(about, Gain) and about.average == "mean":  # its p-values take twenty times as long as its limits
        sides = (np.ones(trials), np.ones(trials))
        directions = about.directions(found)
    else:
        sides = about.sides(found)
        directions = np.where(sides[0] <= LEVEL, 1, np.where(sides[1] <= LEVEL, -1, 0))
    doubtful = [np.broadcast_to(each, (trials,)) for each in about.doubts(found, sides).values()]
    withheld = np.any(doubtful, axis=0) if doubtful else np.zeros(trials, bool)
    return np.where(withheld, 0, directions), withheld


def draws(
    generator: np.random.Generator,
    kind: str,
    means: FloatArray,
    deviation: float,
    seeds: int,
    trials: int,
    noise: float | None = None,
) -> FloatArray:
    """Return runs (trials, environments, seeds)."""
    if noise is not None:
        return np.asarray(
            means[:, None]
            + draw(generator, kind, np.full(means.size * trials, noise), 1.0, seeds).reshape(trials, -1, seeds)
            - noise
        )
    return draw(generator, kind, np.tile(means, trials), deviation, seeds).reshape(trials, -1, seeds)


def of_runs(runs: FloatArray) -> Moments:
    """Return the moments of runs (trials, environments, seeds)."""
    shape = runs.shape[:-1]
    return Moments(
        runs.mean(axis=-1), runs.var(axis=-1, ddof=1), np.full(shape, float(runs.shape[-1])), np.zeros(shape, bool)
    )


def without_worst(runs: FloatArray, environments: int) -> Moments:
    """Return the moments of runs whose two worst diverged in the first environments."""
    found = of_runs(runs)
    kept = of_runs(np.sort(runs, axis=-1)[..., 2:])
    there = np.arange(runs.shape[1]) < environments
    return Moments(
        np.where(there, kept.means, found.means),
        np.where(there, kept.variances, found.variances),
        np.where(there, kept.seeds, found.seeds),
        np.broadcast_to(there, found.lost.shape),
    )


def prints(seeds: int, deviation: float, away: float, noise: str, trials: int) -> tuple[float, float]:
    """Return how often a printed value is called compatible, and not compatible.

    Parameters
    ----------
    away : the true mean of what is printed less ours, as a share of the gain.
    """
    generator = np.random.default_rng(zlib.crc32(f"{seeds} {deviation} {away} {noise}".encode()))
    gain = np.ones(trials)
    ours = draw(generator, noise, gain, deviation, seeds)
    theirs = draw(generator, noise, gain, deviation, 1)[:, 0] + away
    untrained = Moments(np.zeros(1), np.zeros(1), np.full(1, float(seeds)), np.zeros(1, bool))
    found = [
        PrintedValue.model_validate(
            {
                "statement": "s",
                "where": "w",
                "published": f"{value:.9f}",
                "environments": ["point-goal-2d"],
                "statistic": "printed value",
                "entries": ["entry-0"],
            }
        ).directions([of_runs(runs[None, None]), untrained])
        for runs, value in zip(ours, theirs, strict=True)
    ]
    directions = np.concatenate(found)
    return float((directions == 1).mean()), float((directions == -1).mean())
