"""Shares of environments: better, reaching a share, not worse, both matching a third."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from environments import BoolArray
from suite.analysis import comparisons, hypotheses
from suite.analysis.hypotheses import Sides
from suite.analysis.moments import Moments, in_most, spreads_differ
from suite.analysis.samples import Samples
from suite.papers.statements.statement import UNEQUAL, Number, OfMeans, Positive, check_said, percent, sign


class Share(OfMeans):
    """Something is true of more than half of the environments."""

    default_boundary: ClassVar[float] = 0.5

    @abstractmethod
    def events(self, entries: Sequence[Moments]) -> Sides:
        """Return, in each environment, p-values of it being true, and false."""

    def sides(self, entries: Sequence[Moments]) -> Sides:
        """Put the environments together (partial conjunction)."""
        yes, no = self.events(entries)
        return in_most(yes), in_most(no)

    def limits(self, samples: Sequence[Samples]) -> tuple[float, float]:
        """Return how many of the environments are shown to be so, and not to be so."""
        return hypotheses.share_limits(*self.events(self.moments(samples)))

    def doubts(self, entries: Sequence[Moments], sides: Sides) -> dict[str, BoolArray]:
        """Withhold where entries vary too differently in those environments on which the verdict depends."""
        leaning = (sides[0] <= sides[1])[..., None]
        speaking = np.where(leaning, *self.events(entries))
        pairs = self.pairs(entries)
        return {UNEQUAL: np.any([spreads_differ(*pair, speaking) for pair in pairs], axis=0)}

    def pairs(self, entries: Sequence[Moments]) -> list[tuple[Moments, Moments]]:
        """Return which entries are compared."""
        return [(entries[0], entries[1])]

    @property
    def quantity(self) -> str:
        """A share."""
        return "share of environments"

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Count the environments."""
        total = len(means[0])
        return {"environments": f"{round(self.of_means(means) * total)} of {total}"}


class ShareBetter(Share):
    """In most environments the first entry is better than the second."""

    statistic: Literal["share better"]
    margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Least difference that counts, as a share of the second's mean."""

    @property
    def rule(self) -> str:
        """The rule."""
        more = f" by more than {percent(self.margin)}" if self.margin else ""
        return f"share of environments with a higher mean score{more} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_better([means[0], means[1] + self.margin * np.abs(means[1])]))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean is higher."""
        return hypotheses.better(entries[0], entries[1], 1 + self.margin)


class ShareReaching(Share):
    """In most environments the first entry reaches a share of the second."""

    statistic: Literal["share reaching"]
    share: Positive
    """1.5: half as much again. Of a negative score, as far above it."""

    @property
    def tested(self) -> set[float]:
        """50 % better, and 50 % of the other, are a share of 1.5 and of 0.5."""
        return {100 * self.share, 100 * abs(self.share - 1)}

    def check_words(self) -> None:
        """Refuse words with another percentage, unless it is one of environments or of an interval."""
        other = r"(?:of (?:the )?(?:environments|tasks)|(?:\w+ )?(?:confidence|intervals?|CIs?)\b)"
        check_said(self.statement, rf"%(?! {other})", self.tested, f"share: {self.share:g}")

    @property
    def rule(self) -> str:
        """The rule."""
        return f"share of environments at or above {percent(self.share)} of {self.entries[1]} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_reaching(means, self.share))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean reaches the share."""
        return hypotheses.better(entries[0], entries[1], self.share)


class ShareNotWorse(Share):
    """In most environments the first entry is better than the second or comparable to it."""

    statistic: Literal["share not worse"]
    failure: Number | None = None
    """The score, in the paper's unit, at or below which both have failed and neither is worse."""

    @property
    def rule(self) -> str:
        """The rule."""
        if self.failure is None:
            share = percent(comparisons.COMPARABLE_SHARE)
            return f"share of environments at or above {share} of {self.entries[1]} {sign(self.side)} 0.5"
        return (
            f"share of environments that are better or comparable (failure threshold {self.failure:g}) "
            f"{sign(self.side)} 0.5"
        )

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_not_worse(means, self._failure))

    def summary(self, means: comparisons.Means) -> dict[str, str]:
        """Count each group beside them."""
        groups = comparisons.groups(means[0], means[1], self._failure)
        counts = " / ".join(str(int((groups == group).sum())) for group in (1, 0, -1))
        return {
            f"{words} (better / comparable / worse)": f"{each} ({counts})"
            for words, each in super().summary(means).items()
        }

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether the first mean reaches the margin, or both failed."""
        return hypotheses.comparable(entries[0], entries[1], comparisons.COMPARABLE_SHARE, self._failure)

    @property
    def _failure(self) -> float:
        return -math.inf if self.failure is None else self.failure


class ShareMatching(Share):
    """In most environments the first two entries are both comparable to the third."""

    statistic: Literal["share matching"]
    takes: ClassVar[tuple[int, int]] = (3, 3)

    @property
    def rule(self) -> str:
        """The rule."""
        share = percent(comparisons.COMPARABLE_SHARE)
        return f"share of environments in which both are at or above {share} of {self.entries[2]} {sign(self.side)} 0.5"

    def of_means(self, means: comparisons.Means) -> float:
        """Return the share."""
        return float(comparisons.share_matching(means))

    def events(self, entries: Sequence[Moments]) -> Sides:
        """Test whether both means reach the margin."""
        return hypotheses.both_comparable(entries[0], entries[1], entries[2], comparisons.COMPARABLE_SHARE)

    def pairs(self, entries: Sequence[Moments]) -> list[tuple[Moments, Moments]]:
        """Return both against the third."""
        return [(entries[0], entries[2]), (entries[1], entries[2])]
