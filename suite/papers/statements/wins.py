"""Wins: the highest score of an environment, counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from suite.analysis import comparisons, hypotheses
from suite.analysis.hypotheses import Sides
from suite.analysis.moments import Moments
from suite.papers.statements.statement import OfMeans, sign


class MostWins(OfMeans):
    """The first entry has the highest score more often than any other."""

    statistic: Literal["most wins"]
    takes: ClassVar[tuple[int, int]] = (2, 100)
    default_boundary: ClassVar[float] = 0.0

    @property
    def rule(self) -> str:
        """The rule."""
        return f"wins ahead of the next (a tie is nobody's) {sign(self.side)} 0"

    @property
    def quantity(self) -> str:
        """A lead."""
        return "wins ahead of the next"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the lead."""
        return float(comparisons.wins_ahead(means))

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Count the wins of every entry, and what they are where numbers tie as papers print them."""
        returns = np.stack(means, axis=-1)
        counts = {
            "wins": comparisons.wins(returns),
            "wins at two decimals, a tie is everybody's": comparisons.wins(np.round(returns, 2), "everybody"),
        }
        return {
            words: ", ".join(f"{entry} {count:g}" for entry, count in zip(self.entries, won, strict=True))
            for words, won in counts.items()
        }

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Test its wins at their fewest against each rival's at their most."""
        return hypotheses.most_wins(entries)
