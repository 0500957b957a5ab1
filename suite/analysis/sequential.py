"""Looks at comparisons whose seeds are added in batches: decided or not, and how many seeds each gets.

Everything here is a function of the benchmark and of its finished runs, look by look: whoever looks, how often, and in
which order the runs were finished, changes nothing. `docs/statistics.md` argues the rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.analysis.permutations import permute_chances, smallest
from suite.errors import UsageError
from suite.plan.benchmark import Benchmark
from suite.plan.seeds import Comparison
from suite.spec import RunSpec
from suite.store.runs import Store

ERROR = 0.05
"""Rate of calling an entry of any comparison better, at any interim analysis, where all have the same distribution."""

DRAWN = 20_000
"""Rearrangements beyond those that are all visited: what a look may spend is a small part of `ERROR`."""

Verdict = Literal["decided", "goes on", "not decided"]


@dataclass(frozen=True)
class Look:
    """One look at a comparison, at so many seeds of each entry."""

    seeds: int
    ours: float
    theirs: float
    """Mean scores."""
    p: float
    """Two-sided."""
    level: float
    """At or below which this look decides; 0 where so few seeds cannot."""
    better: int
    """0 or 1, the entry that is called better; -1 for neither."""


@dataclass(frozen=True)
class Looked:
    """The state of a comparison: its interim analyses so far."""

    comparison: Comparison
    looks: tuple[Look, ...]
    missing: tuple[str, ...]
    """Runs that the next look waits for."""

    @property
    def verdict(self) -> Verdict:
        """True if it is decided, goes on, or was not decided by the last look."""
        if self.looks and self.looks[-1].better >= 0:
            return "decided"
        return "goes on" if len(self.looks) < len(self.comparison.looks) else "not decided"

    @property
    def wanted(self) -> int:
        """Seeds of each entry that it gets: up to the look that decided, or the next one."""
        looks = self.comparison.looks
        return looks[len(self.looks) - (self.verdict != "goes on")]

    @property
    def text(self) -> str:
        """Say it in a line."""
        ours, theirs = self.comparison.entries
        told = f"{ours} against {theirs} on {self.comparison.environment}: "
        if self.verdict == "decided":
            return told + f"{self.comparison.entries[self.looks[-1].better]} is better, decided at {self.wanted} seeds"
        if self.verdict == "not decided":
            return told + f"not decided at {self.wanted} seeds, the most there are"
        seen = f"not decided at {self.looks[-1].seeds} seeds, " if self.looks else ""
        return told + f"{seen}the look at {self.wanted} seeds waits for {len(self.missing)} runs"


def levels(comparison: Comparison, comparisons: int) -> list[float]:
    """Return what p-value decides at each look: an equal share of the error for each comparison and look.

    Looks of which even complete separation has a larger p-value get nothing, and leave theirs to the others.

    Parameters
    ----------
    comparisons : of the benchmark.
    """
    looks = list(comparison.looks)
    for idle in range(len(looks)):
        level = ERROR / comparisons / (len(looks) - idle)
        if 2 * smallest([looks[idle]], [looks[idle]]) <= level:
            return [0.0] * idle + [level] * (len(looks) - idle)
    return [0.0] * len(looks)


def look(comparison: Comparison, comparisons: int, scores: Mapping[str, float]) -> Looked:
    """Look at a comparison, batch by batch, until it is decided or a run is missing.

    Parameters
    ----------
    comparisons : of the benchmark.
    scores : of finished runs; others are not looked at, whatever there is.
    """
    looks: list[Look] = []
    for seeds, level in zip(comparison.looks, levels(comparison, comparisons), strict=True):
        runs = [entry[:seeds] for entry in comparison.runs]
        if missing := tuple(run for entry in runs for run in entry if run not in scores):
            return Looked(comparison, tuple(looks), missing)
        ours, theirs = (np.array([scores[run] for run in entry]) for entry in runs)
        looks.append(_look(ours, theirs, level))
        if looks[-1].better >= 0:
            break
    return Looked(comparison, tuple(looks), ())


def _look(ours: np.ndarray, theirs: np.ndarray, level: float) -> Look:
    found = permute_chances([ours], [theirs], drawn=DRAWN)
    p = min(1.0, 2 * min(found.above, found.below))
    better = -1 if p > level else int(found.below < found.above)
    return Look(len(ours), float(ours.mean()), float(theirs.mean()), p, level, better)


def look_at_all(comparisons: Sequence[Comparison], scores: Mapping[str, float]) -> list[Looked]:
    """Look at all comparisons of a benchmark."""
    return [look(comparison, len(comparisons), scores) for comparison in comparisons]


def planned(benchmark: Benchmark, store: Store) -> tuple[list[RunSpec], list[Looked]]:
    """Return the runs of a benchmark that the finished ones ask for, and the looks at its comparisons.

    Raises
    ------
    UsageError
        As `Benchmark.plan`, or if a comparison could not be decided by any look.
    """
    comparisons = benchmark.comparisons()
    if not comparisons:
        return benchmark.plan(), []
    for comparison in comparisons:
        if not any(levels(comparison, len(comparisons))):
            raise UsageError(
                f"benchmark {benchmark.name}: seeds: most: {comparison.most} seeds decide nothing at "
                f"{100 * ERROR:g} % over {len(comparisons)} comparisons; {_fewest(len(comparisons))} could"
            )
    from suite.analysis.results import read_results  # slow: most benchmarks have nothing to look at

    compared = {run for comparison in comparisons for entry in comparison.runs for run in entry}
    done = read_results(store, [spec for spec in benchmark.plan() if spec.run in compared]).done
    looked = look_at_all(comparisons, dict(zip(done["run"], done["score"].astype(float), strict=True)))
    return benchmark.plan({each.comparison: each.wanted for each in looked}), looked


def _fewest(comparisons: int) -> int:
    """Return the smallest number of seeds at which one look could decide."""
    seeds = 2
    while 2 / math.comb(2 * seeds, seeds) > ERROR / comparisons:
        seeds += 1
    return seeds
