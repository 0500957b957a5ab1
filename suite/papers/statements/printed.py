"""Printed values, and whether they fit what our runs say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from environments import FloatArray
from suite.analysis import comparisons, hypotheses
from suite.analysis.hypotheses import LEVEL, Finding, Sides
from suite.analysis.moments import Moments
from suite.analysis.samples import Samples
from suite.analysis.strata import strata
from suite.papers.folder import Printed, exact
from suite.papers.statements.means import OnOneEnvironment
from suite.papers.statements.statement import LOST, Verdict, lost

if TYPE_CHECKING:
    import pandas as pd


class PrintedValue(OnOneEnvironment):
    """The number that a paper prints for an entry fits what our runs say."""

    statistic: Literal["printed value"]
    published: Printed
    """The number, in the paper's unit."""
    runs: Annotated[int, Field(ge=1)] = 1
    """Over how many runs the paper averages."""
    side: Literal["above"] = "above"
    """It has none."""
    takes: ClassVar[tuple[int, int]] = (1, 1)
    verdicts: ClassVar[Mapping[int, Verdict]] = {1: "compatible", 0: "cannot tell", -1: "not compatible"}

    @property
    def rule(self) -> str:
        """The rule."""
        return (
            f"{self.published} lies in the 95 % interval of a mean of {self.runs} of {self.entries[0]}'s runs, and "
            "that is narrower than half of the gain over untrained"
        )

    @property
    def quantity(self) -> str:
        """A mean."""
        return f"mean; 95 % interval of a mean of {self.runs} further run" + "s" * (self.runs > 1)

    def of_means(self, means: comparisons.Means) -> float:
        """Return the mean."""
        return means[0].item()

    def samples(self, runs: pd.DataFrame, curves: pd.DataFrame, environments: list[str]) -> list[Samples]:
        """Return the scores and the untrained values."""
        return [strata(runs, self.entries[0], environments, column) for column in ("score", "untrained")]

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Return no p-value for fitting, and the one of not fitting."""
        p = self._fit(entries)[0]
        return np.full_like(p, np.nan), p

    def find(self, samples: Sequence[Samples]) -> Finding:
        """Say whether it fits."""
        entries = self.moments(samples)
        p, half, narrow = (float(each) for each in self._fit(entries))
        value = float(entries[0].means[0])
        fits = None if p > LEVEL and not narrow else p > LEVEL
        withheld = LOST if lost(entries) else ""
        return Finding(self.quantity, value, value - half, value + half, math.nan, p, withheld, fits)

    def directions(self, entries: Sequence[Moments]) -> NDArray[np.int64]:
        """Return 1 where it fits, -1 where it does not."""
        p, _, narrow = self._fit(entries)
        return np.where(p <= LEVEL, -1, np.where(narrow > 0, 1, 0))

    def _fit(self, entries: Sequence[Moments]) -> tuple[FloatArray, ...]:
        return hypotheses.prediction(entries[0], entries[1].means, float(exact(self.published)), self.runs)
