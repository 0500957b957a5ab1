"""Times: seconds a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from environments import BoolArray
from suite.analysis import comparisons
from suite.analysis.hypotheses import Sides
from suite.analysis.intervals import ratio_interval
from suite.analysis.moments import Moments, total_higher
from suite.analysis.samples import Samples
from suite.papers.statements.statement import LOST, OfMeans, lost, sign


class RatioOfSeconds(OfMeans):
    """Runs of the first entry take longer than those of the second, on one machine type."""

    statistic: Literal["ratio of seconds"]
    measure: ClassVar[Literal["score", "seconds", "steps"]] = "seconds"
    default_boundary: ClassVar[float] = 1.0

    @property
    def rule(self) -> str:
        """The rule."""
        seconds = "seconds that the processor worked for a run, or else that a run took"
        where = "over runs of one machine type (processor and device)"
        return f"ratio of mean {seconds} {sign(self.side)} 1, {where}"

    @property
    def quantity(self) -> str:
        """A ratio."""
        return "ratio of means"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the ratio."""
        return float(comparisons.ratio_of_means(means))

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Average the seconds beside their ratio."""
        seconds = " / ".join(f"{each.mean():,.0f}" for each in means)
        return {f"{words} (seconds)": f"{each} ({seconds})" for words, each in super().summary(means).items()}

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test the sum of differences."""
        return total_higher(entries[0], entries[1]), total_higher(entries[1], entries[0])

    def value(self, samples: Sequence[Samples]) -> tuple[float, str]:
        """Compute it of the finished runs."""
        return self.of_means([entry.means for entry in self.moments(samples)]), ""

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return the limits of the ratio."""
        return ratio_interval(*([runs[np.isfinite(runs)] for runs in entry] for entry in samples))[1:]

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold what finished runs alone would say, too."""
        return {**super().doubts(entries, sides), LOST: lost(entries)}
