"""Sample efficiency: area under the learning curve, and the environment steps that a level takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from environments import FloatArray
from suite.analysis.intervals import learnt, mean_interval

if TYPE_CHECKING:
    import pandas as pd

LEVEL_SHARE = 0.9
"""The level is this share of the baseline's way from untrained to its final score."""


def area_under_curve(steps: FloatArray, returns: FloatArray) -> float:
    """Return the mean return over the environment steps spent (trapezoids); of a single evaluation, its return."""
    if len(steps) < 2:
        return float(returns[-1])
    return float(np.trapezoid(returns, steps) / (steps[-1] - steps[0]))


def steps_to_reach(steps: FloatArray, returns: FloatArray, level: float) -> float:
    """Return the environment steps after which the curve first stands at a level, linear between evaluations.

    NaN if it never does.
    """
    reached = np.flatnonzero(returns >= level)
    if not len(reached):
        return float("nan")
    first = int(reached[0])
    if first == 0:
        return float(steps[0])
    share = (level - returns[first - 1]) / (returns[first] - returns[first - 1])
    return float(steps[first - 1] + share * (steps[first] - steps[first - 1]))


def efficiency(done: pd.DataFrame, curves: pd.DataFrame, baseline: str = "pearl") -> pd.DataFrame:
    """Compare how fast entries learn.

    Parameters
    ----------
    done, curves : `Results.done` and `Results.curves`.
    baseline : the entry whose final score sets the level; where it is absent or learnt nothing there is no level.

    Returns
    -------
    One row an (environment, entry): `seeds`, `area` with `low` and `high`, `level`, `reached` (seeds that reached it)
    and `steps` (median over those).
    """
    import pandas as pd  # takes a second, which an audit need not wait for

    rows = []
    for (environment, entry), runs in curves.groupby(["environment", "entry"], sort=True):
        reference = done[(done["environment"] == environment) & (done["entry"] == baseline)]
        untrained, final = reference["untrained"].mean(), reference["score"].mean()
        level = untrained + LEVEL_SHARE * (final - untrained) if learnt(untrained, final) else float("nan")
        areas, steps = [], []
        for _, run in runs.groupby("run", sort=True):
            marks, returns = run["environment_steps"].to_numpy(float), run["return"].to_numpy(float)
            areas.append(area_under_curve(marks, returns))
            steps.append(steps_to_reach(marks, returns, level))
        reached = np.array(steps)[np.isfinite(steps)]
        median = float(np.median(reached)) if len(reached) else float("nan")
        area, low, high = mean_interval(np.array(areas))
        rows.append((environment, entry, len(areas), area, low, high, level, len(reached), median))
    columns = ["environment", "entry", "seeds", "area", "low", "high", "level", "reached", "steps"]
    return pd.DataFrame(rows, columns=columns)


RISING_SHARE = 0.05
"""Curves still rise if their last tenth lies above the tenth before by this share of their whole gain."""


Curve = tuple[FloatArray, FloatArray]
"""Environment steps and returns of a run's evaluations."""


def still_rising(curves: Sequence[Curve]) -> bool:
    """Tell whether an entry's learning curves have not levelled off, in the mean over its runs.

    Too few evaluations cannot show that they have.
    """
    rises, gains = [], []
    for steps, returns in curves:
        last, before = steps > 0.9 * steps[-1], (steps > 0.8 * steps[-1]) & (steps <= 0.9 * steps[-1])
        if not before.any():
            return True
        rises.append(returns[last].mean() - returns[before].mean())
        gains.append(returns[last].mean() - returns[0])
    return bool(np.mean(rises) > RISING_SHARE * np.mean(gains) > 0)


def first_at(steps: FloatArray, returns: FloatArray, level: float) -> tuple[float, float]:
    """Return between which environment steps a curve first stands at a level: at least, at most.

    After the evaluation before the first one at the level, up to that one; beyond the last, without an upper bound, if
    it never does. No run takes less than one step.
    """
    reached = np.flatnonzero(returns >= level)
    if not len(reached):
        return float(steps[-1]), np.inf
    first = int(reached[0])
    return max(1.0, float(steps[max(first - 1, 0)])), max(1.0, float(steps[first]))


def steps_bounds(done: pd.DataFrame, curves: pd.DataFrame, entries: Sequence[str], share: float) -> list[FloatArray]:
    """Return what is known of the environment steps that two entries' runs take to the second entry's level.

    The level is a share of the second entry's way from untrained to its final score, means over its seeds. While that
    entry still rises its level says how long it was trained, and nothing is known.

    Parameters
    ----------
    done, curves : rows of `Results.done` and `Results.curves`, of one environment.
    entries : the entry that is said to be faster, and the one that sets the level.

    Returns
    -------
    For each entry (runs, 2): at least, at most; (0, 2) where the second entry learnt nothing or still rises.
    """
    reference = done[done["entry"] == entries[1]]
    untrained, final = reference["untrained"].mean(), reference["score"].mean()
    by_run = dict(iter(curves.groupby("run")))
    found = [[_curve(by_run[run]) for run in done.loc[done["entry"] == entry, "run"]] for entry in entries]
    if not learnt(untrained, final) or still_rising(found[1]):
        return [np.empty((0, 2)) for _ in entries]
    level = untrained + share * (final - untrained)
    return [np.array([first_at(*curve, level) for curve in each], float).reshape(-1, 2) for each in found]


def _curve(curve: pd.DataFrame) -> Curve:
    curve = curve.sort_values("environment_steps")
    return curve["environment_steps"].to_numpy(float), curve["return"].to_numpy(float)
