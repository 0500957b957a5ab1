"""Means over seeds on one environment: their difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from environments import BoolArray
from suite.analysis import comparisons
from suite.analysis.hypotheses import Sides
from suite.analysis.intervals import difference_interval, mean_interval, mean_of
from suite.analysis.moments import Moments, above, below, higher, spreads_differ
from suite.analysis.samples import Samples
from suite.papers.statements.statement import LOST, UNEQUAL, Number, Statement, label, lost, sign
from suite.schema import Text

if TYPE_CHECKING:
    import pandas as pd


class OnOneEnvironment(Statement):
    """A statement about means over seeds on one environment."""

    environments: Annotated[list[Text], Field(min_length=1, max_length=1)]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the mean over seeds; of a difference, the difference."""
        return float(samples[0][0].mean()), ""

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold what finished runs alone would say."""
        return {LOST: lost(entries)}


class Difference(OnOneEnvironment):
    """On one environment the first entry's mean over seeds is higher than the second's."""

    statistic: Literal["difference"]
    margin: Number = 0.0
    """Least difference that counts, in the paper's unit."""

    @property
    def boundary(self) -> float:
        """The least difference that counts."""
        return self.margin

    @property
    def paired(self) -> bool:
        """True if the same runs give both."""
        return len({label(entry) for entry in self.entries}) == 1

    @property
    def rule(self) -> str:
        """The rule."""
        how = ", of the same runs" if self.paired else ""
        return f"mean of {self.entries[0]} less that of {self.entries[1]}{how} {sign(self.side)} {self.margin:g}"

    @property
    def quantity(self) -> str:
        """A difference."""
        return "difference of means" + ", of the same runs" * self.paired

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return both entries' runs; where the same runs give both, their differences."""
        if not self.paired:
            return super().samples(runs, curves, environments)
        scores = [runs[runs["entry"] == entry].set_index("run")["score"] for entry in self.entries]
        runs_of_both = scores[0].index.intersection(scores[1].index).sort_values()
        both = np.column_stack([each[runs_of_both].to_numpy(float) for each in scores])
        lost_runs = ~np.isfinite(both).all(axis=1)
        return [[np.where(lost_runs, -np.inf, both[:, 0] - np.where(lost_runs, 0, both[:, 1]))]]

    def of_means(self, means: comparisons.Means) -> float:
        """Return the difference."""
        return means[0].item() - means[1].item()

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the difference."""
        means = [mean_of(entry[0][np.isfinite(entry[0])]) for entry in samples]
        return means[0] - sum(means[1:]), ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return Welch's interval, or Student's of differences."""
        finished = [entry[0][np.isfinite(entry[0])] for entry in samples]
        return (mean_interval(finished[0]) if self.paired else difference_interval(finished[0], finished[1]))[1:]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test it: Welch's t, or Student's of the differences where the same runs give both."""
        if self.paired:
            up, down = above(entries[0], self.margin), below(entries[0], self.margin)
        else:
            moved = entries[1].plus(self.margin)
            up, down = higher(entries[0], moved), higher(moved, entries[0])
        return up[..., 0], down[..., 0]

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where the entries vary too differently."""
        found = super().doubts(entries, sides)
        return found if self.paired else {**found, UNEQUAL: spreads_differ(entries[0], entries[1])}
