"""Sequential tests of comparisons whose seeds are added in batches: decided or not, and how many seeds each gets.

Everything here is a function of the benchmark and of its finished runs, one interim analysis after the other: who asks,
how often, and in which order the runs were finished, changes nothing. `docs/statistics.md` argues the rule.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from suite.analysis.permutations import permute_chances, smallest
from suite.analysis.samples import difference
from suite.errors import UsageError
from suite.plan.benchmark import Benchmark
from suite.plan.seeds import Comparison
from suite.spec import RunSpec
from suite.store.runs import Store

ERROR = 0.05
"""Rate of deciding, of any comparison of a benchmark at any interim analysis, if neither entry tends to be higher."""

DRAWN = 20_000
"""Rearrangements beyond those that are all visited: what an interim analysis may spend is a small part of `ERROR`."""

Verdict = Literal["decided", "continue", "not decided"]


@dataclass(frozen=True)
class InterimAnalysis:
    """One interim analysis of a comparison, at so many seeds of each entry."""

    seeds: int
    chance: float
    """Probability that a run of the first entry is higher than one of the second: what is decided."""
    p: float
    """The two-sided p-value, the larger of the rank test's and Welch's; 1 where their directions differ."""
    critical_p: float
    """The p-value at or below which it decides; 0 where so few seeds cannot."""
    higher: int
    """0 or 1, the entry whose runs tend to be higher; -1 for neither."""


@dataclass(frozen=True)
class SequentialTest:
    """A comparison, with its interim analyses so far."""

    comparison: Comparison
    analyses: tuple[InterimAnalysis, ...]
    missing: tuple[str, ...]
    """Runs that the next interim analysis waits for."""

    @property
    def verdict(self) -> Verdict:
        """Decided, continue, or not decided by the last interim analysis."""
        if self.analyses and self.analyses[-1].higher >= 0:
            return "decided"
        return "continue" if len(self.analyses) < len(self.comparison.stages) else "not decided"

    @property
    def wanted(self) -> int:
        """Seeds of each entry that it gets: up to the interim analysis that decided, or the next one."""
        stages = self.comparison.stages
        return stages[len(self.analyses) - (self.verdict != "continue")]

    @property
    def text(self) -> str:
        """Say it in a line."""
        ours, theirs = self.comparison.entries
        told = f"{ours} against {theirs} on {self.comparison.environment}: "
        if self.verdict == "decided":
            last = self.analyses[-1]
            higher, chance = self.comparison.entries[last.higher], abs(last.higher - last.chance)
            return told + f"a run of {higher} tends to be higher (P = {chance:.2f}), decided at {self.wanted} seeds"
        if self.verdict == "not decided":
            return told + f"not decided at {self.wanted} seeds, the most there are"
        seen = f"not decided at {self.analyses[-1].seeds} seeds, " if self.analyses else ""
        return told + f"{seen}the interim analysis at {self.wanted} seeds waits for {len(self.missing)} runs"


def critical_p_values(comparison: Comparison, comparisons: int) -> list[float]:
    """Return the critical p-value of each interim analysis: an equal share of the error each.

    Analyses of which even complete separation has a larger p-value get nothing, and leave theirs to the others.

    Parameters
    ----------
    comparisons : of the benchmark.
    """
    stages = list(comparison.stages)
    for idle in range(len(stages)):
        critical_p = ERROR / comparisons / (len(stages) - idle)
        if 2 * smallest([stages[idle]], [stages[idle]]) <= critical_p:
            return [0.0] * idle + [critical_p] * (len(stages) - idle)
    return [0.0] * len(stages)


def sequential_test(comparison: Comparison, comparisons: int, scores: Mapping[str, float]) -> SequentialTest:
    """Analyse a comparison, batch by batch, until it is decided or a run is missing.

    Parameters
    ----------
    comparisons : of the benchmark.
    scores : of finished runs; others are not used, whatever there is.
    """
    analyses: list[InterimAnalysis] = []
    for seeds, critical_p in zip(comparison.stages, critical_p_values(comparison, comparisons), strict=True):
        runs = [entry[:seeds] for entry in comparison.runs]
        if missing := tuple(run for entry in runs for run in entry if run not in scores):
            return SequentialTest(comparison, tuple(analyses), missing)
        ours, theirs = (np.array([scores[run] for run in entry]) for entry in runs)
        analyses.append(_analysis(ours, theirs, critical_p))
        if analyses[-1].higher >= 0:
            break
    return SequentialTest(comparison, tuple(analyses), ())


def _analysis(ours: np.ndarray, theirs: np.ndarray, critical_p: float) -> InterimAnalysis:
    """Test ranks and means together: of entries that differ in their noise, either alone errs too often."""
    from suite.analysis.intervals import chance_interval  # slow: most benchmarks have nothing to analyse

    found = permute_chances([ours], [theirs], drawn=DRAWN)
    welch = _welch(ours, theirs)
    above, below = max(found.above, 1 - welch), max(found.below, welch)
    p = min(1.0, 2 * min(above, below))
    higher = -1 if p > critical_p else int(below < above)
    return InterimAnalysis(len(ours), chance_interval([ours], [theirs])[0], p, critical_p, higher)


def _welch(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return Welch's p-value for a lower mean of ours; where nothing varies, the means themselves decide."""
    from scipy import special  # as above

    from suite.analysis.intervals import difference_spread

    lead = float(difference(ours.mean(), theirs.mean()))
    error, freedom = difference_spread(ours, theirs)
    if math.isnan(error):
        return float(1 + np.sign(lead)) / 2
    return float(special.stdtr(freedom, lead / error))


def sequential_tests(comparisons: Sequence[Comparison], scores: Mapping[str, float]) -> list[SequentialTest]:
    """Analyse all comparisons of a benchmark."""
    return [sequential_test(comparison, len(comparisons), scores) for comparison in comparisons]


def planned(benchmark: Benchmark, store: Store) -> tuple[list[RunSpec], list[SequentialTest]]:
    """Return the runs of a benchmark that the finished ones ask for, and the sequential tests of its comparisons.

    Raises
    ------
    UsageError
        As `Benchmark.plan`, or if a comparison could not be decided by any interim analysis.
    """
    comparisons = benchmark.comparisons()
    if not comparisons:
        return benchmark.plan(), []
    for comparison in comparisons:
        if not any(critical_p_values(comparison, len(comparisons))):
            raise UsageError(
                f"benchmark {benchmark.name}: seeds: most: {comparison.most} seeds decide nothing at "
                f"{100 * ERROR:g} % over {len(comparisons)} comparisons; {_fewest(len(comparisons))} could"
            )
    from suite.analysis.results import read_results  # slow: most benchmarks have nothing to test

    compared = {run for comparison in comparisons for entry in comparison.runs for run in entry}
    done = read_results(store, [spec for spec in benchmark.plan() if spec.run in compared]).done
    tests = sequential_tests(comparisons, dict(zip(done["run"], done["score"].astype(float), strict=True)))
    return benchmark.plan({each.comparison: each.wanted for each in tests}), tests


def _fewest(comparisons: int) -> int:
    """Return the smallest number of seeds at which one analysis could decide."""
    seeds = 2
    while 2 / math.comb(2 * seeds, seeds) > ERROR / comparisons:
        seeds += 1
    return seeds
