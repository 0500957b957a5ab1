"""Single runs: how often one of an entry beats one of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from environments import FloatArray
from suite.analysis import hypotheses
from suite.analysis.hypotheses import LEVEL, Finding, Sides
from suite.analysis.intervals import chance_interval
from suite.analysis.moments import Moments
from suite.analysis.samples import Samples
from suite.analysis.strata import strata
from suite.papers.statements.statement import LAST, Statement, sign

if TYPE_CHECKING:
    import pandas as pd


class SingleRuns(Statement):
    """A run of the first entry beats one of the second more often than not, environments weighed alike."""

    statistic: Literal["single runs"]

    default_boundary: ClassVar[float] = 0.5

    @property
    def rule(self) -> str:
        """The rule."""
        of = f"P(a run of {self.entries[0]} is above one of {self.entries[1]})"
        return f"{of}, mean of environments {sign(self.side)} 0.5"

    @property
    def quantity(self) -> str:
        """A probability."""
        return "probability that a run is better"

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return all runs: ranks bear unequal numbers. One that diverged is below all others."""
        found = [strata(runs, entry, environments, self.measure) for entry in self.entries]
        return [[np.nan_to_num(each, neginf=-LAST) for each in entry] for entry in found]

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Return the probability."""
        return chance_interval(samples[0], samples[1])[0], ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return Clopper and Pearson's."""
        return chance_interval(samples[0], samples[1])[1:]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Is not made of means."""
        raise NotImplementedError

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Test the probability."""
        sides = hypotheses.chances(*(padded(entry) for entry in samples))
        claimed, other = (float(side) for side in (sides if self.side == "above" else sides[::-1]))
        return Finding(self.quantity, self.value(samples)[0], *self.limits(samples), claimed, other)

    def trial(self, truth: Sequence[Moments]) -> hypotheses.Trial:
        """Return a simulation with runs, not moments of them."""

        def directions(generator: np.random.Generator, seeds: int, trials: int) -> NDArray[np.int64]:
            runs = [
                entry.means[:, None]
                + np.sqrt(entry.variances)[:, None] * generator.normal(size=(trials, len(entry.means), seeds))
                for entry in truth
            ]
            claimed, other = hypotheses.chances(*runs)[:: 1 if self.side == "above" else -1]
            return np.where(claimed <= LEVEL, 1, np.where(other <= LEVEL, -1, 0))

        return directions


def padded(samples: Samples) -> FloatArray:
    """Return samples as (environments, most seeds), NaN where an environment has fewer."""
    found = np.full((len(samples), max(map(len, samples))), np.nan)
    for row, sample in zip(found, samples, strict=True):
        row[: len(sample)] = sample
    return found
