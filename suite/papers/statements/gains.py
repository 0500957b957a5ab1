"""Relative gains: mean or median ratios of mean returns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from environments import BoolArray
from suite.analysis import comparisons, hypotheses
from suite.analysis.hypotheses import LEVEL, Sides
from suite.analysis.moments import Moments
from suite.analysis.samples import Samples
from suite.errors import unknown
from suite.papers.statements.statement import LOST, OfMeans, lost, percent, sign
from suite.schema import Text
from suite.table import number

TESTED_GAINS = ("either above zero, negative ratios as 0", "both above zero")
"""Those of `comparisons.GAIN_RULES` whose ratios are never negative: a test may leave one out on the safe side."""


class Gain(OfMeans):
    """The first entry's returns are higher than the second's by a ratio above one."""

    statistic: Literal["gain"]
    average: comparisons.Average
    definition: Text
    """One of `TESTED_GAINS`."""
    default_boundary: ClassVar[float] = 1.0

    @model_validator(mode="after")
    def _known_definition(self) -> Gain:
        if self.definition not in TESTED_GAINS:
            raise ValueError(unknown("definition", self.definition, TESTED_GAINS))
        return self

    @property
    def rule(self) -> str:
        """The rule."""
        return f"{self.average} ratio ({self.definition}) {sign(self.side)} 1"

    @property
    def quantity(self) -> str:
        """An average."""
        return f"{self.average} ratio"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the gain."""
        return float(comparisons.gain(means, self.average, self.definition))

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Average under every definition, with the number of environments that it keeps."""
        found = {}
        for rule in comparisons.GAIN_RULES:
            kept = int(np.isfinite(comparisons.relative_gains(means[0], means[1], rule)).sum())
            value = number(float(comparisons.gain(means, self.average, rule)))
            found[f"{self.average} ratio ({rule})"] = f"{value} ({kept})"
        return found

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Leave out of a mean what is a ratio of noise; a median bears it."""
        if self.average == "median":
            return super().value(samples)
        ours, theirs = self.moments(samples)
        clear = hypotheses.has_ratio(theirs)
        out = int((~clear).sum())
        note = (
            f"the value leaves out {out} of {len(clear)} environments, in which {self.entries[1]}'s mean is not "
            "clearly away from zero"
        )
        return (self.of_means([ours.means[clear], theirs.means[clear]]) if clear.any() else math.nan), note * bool(out)

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test the average that is claimed."""
        if self.average == "mean":
            return hypotheses.mean_ratio(*entries)
        return hypotheses.median_ratio(*entries, either=self.definition == TESTED_GAINS[0])

    def directions(self, entries: Sequence[Moments]) -> NDArray[np.int64]:
        """Decide a mean by its limits at the level, which its p-values are found from."""
        if self.average == "median":
            return super().directions(entries)
        low, high = hypotheses.ratio_limits(entries[0], entries[1], LEVEL)
        return self._unless_doubtful(
            (1 if self.side == "above" else -1) * np.where(low > 1, 1, np.where(high < 1, -1, 0)), entries, (low, high)
        )

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the limits of a mean; of a median none covers."""
        if self.average == "median":
            return math.nan, math.nan
        ours, theirs = self.moments(samples)
        low, high = hypotheses.ratio_limits(ours, theirs, 0.025)
        return max(0.0, float(low)), float(high)

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold a mean of noisy ratios too, and of finished runs alone."""
        found = super().doubts(entries, sides)
        if self.average == "mean":
            share = percent(hypotheses.NOISIEST)
            found[f"runs vary by more than {share} over seeds: limits of a mean ratio err"] = hypotheses.noisy_ratios(
                *entries
            )
            found[LOST] = lost(entries)
        return found
