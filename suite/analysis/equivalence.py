"""Two entries compared: better, worse, equivalent within a margin, or inconclusive.

That no difference was found is no evidence that there is none. Equivalence is tested by itself: that the first entry's
gain over untrained lies within a margin of the second's, by two one-sided tests (Schuirmann 1987) of Welch's kind.
`docs/statistics.md` prints how often each decision errs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from environments import BoolArray, FloatArray
from suite.analysis.hypotheses import NOISIEST
from suite.analysis.intervals import (
    CONFIDENCE,
    LEARNT_SHARE,
    chance_interval,
    difference_interval,
    difference_spread,
    moments,
    spread_of_differences,
)
from suite.analysis.samples import Samples

LEVEL = 0.05
"""Rate of wrong decisions, over all rows that are read together."""
POWER = 0.8
MARGIN = 0.1
"""Share of the second entry's gain, unless a claim or a command says otherwise."""
LARGEST = 1.0
"""Margins above it are not looked for: a gain of nothing would lie within it."""
STEPS = 30
"""Halvings by which margins and limits are found."""
FARTHEST = 10.0
"""Ratios farther than this from the one that was found are not looked for."""


@dataclass(frozen=True)
class Gains:
    """The gains of two entries over untrained; arrays end with the environments, axes before them are trials."""

    means: FloatArray
    """(2, ..., environments)"""
    variances: FloatArray
    """Variances of the means."""
    sizes: FloatArray
    """Seeds."""
    shown: BoolArray
    """True where the mean gain of both shows, (..., environments); elsewhere means and variances are 0."""

    @property
    def weights(self) -> FloatArray:
        """The scale that makes environments comparable: one over the mean gain of both, which prefers neither entry.

        One over the second's gain would: equal entries then differ, since a gain that came out small by chance weighs
        more (12 % of wrong decisions instead of 5 over 25 environments).
        """
        return np.where(self.shown, 2 / np.where(self.shown, self.means.sum(axis=0), 1), 0)

    @property
    def ratio(self) -> FloatArray:
        """The first entry's gain as a multiple of the second's; NaN where that one is not above zero."""
        ours, theirs = (self.weights * self.means).sum(axis=-1)
        return np.where(theirs > 0, ours / np.where(theirs > 0, theirs, 1), np.nan)

    def above(self, ratio: float) -> FloatArray:
        """Return the p-value for a first gain that is more than so many times the second."""
        return self._p_value(ratio, -1)

    def below(self, ratio: float) -> FloatArray:
        """Return the p-value for a first gain that is less than so many times the second."""
        return self._p_value(ratio, 1)

    def within(self, margin: float) -> FloatArray:
        """Return the p-value for a first gain that differs from the second by less than a share of it."""
        return np.maximum(self.above(1 - margin), self.below(1 + margin))

    def outside(self, margin: float) -> FloatArray:
        """Return the p-value for a first gain that differs from the second by more than a share of it, either way."""
        return np.asarray(np.minimum(1, 2 * np.minimum(self.below(1 - margin), self.above(1 + margin))), float)

    @property
    def noisy(self) -> BoolArray:
        """True where runs vary over seeds, on average over environments, by more than `NOISIEST` of what both gain."""
        squares = self.weights**2 * self.variances * self.sizes
        pooled = squares.sum(axis=-1) / np.maximum(self.shown.sum(axis=-1), 1)
        return np.asarray(pooled.max(axis=0) > NOISIEST**2, bool)

    def limits(self) -> tuple[float, float]:
        """Return the 95 % interval of `ratio`, of one trial: what it is neither more nor less than, at 2.5 % each.

        NaN where it is not known; infinite where nothing within `FARTHEST` of it is excluded.
        """
        ratio = float(self.ratio)
        if np.isnan(ratio) or np.isnan(self.above(ratio)):
            return np.nan, np.nan
        half = (1 - CONFIDENCE) / 2
        low = _last(lambda away: bool(self.above(ratio - away) > half), FARTHEST)
        high = _last(lambda away: bool(self.below(ratio + away) > half), FARTHEST)
        return ratio - low, ratio + high

    def _p_value(self, ratio: float, sign: int) -> FloatArray:
        """Return the p-value of Welch's t; NaN where no gain shows, or no run varies."""
        factors = np.stack([self.weights, ratio * self.weights])
        error, freedom = spread_of_differences(factors**2 * self.variances, self.sizes)
        ours, theirs = (factors * self.means).sum(axis=-1)
        return np.asarray(special.stdtr(freedom, sign * (ours - theirs) / error), float)


def gains(ours: Samples, theirs: Samples, untrained: Samples) -> Gains:
    """Return the gains of two entries on those environments where the mean gain of both shows.

    It shows where it is a tenth of the untrained score's size and its 95 % interval lies above zero. Both entries count
    alike: to ask the second entry alone keeps the environments in which it came out high (9 % of wrong decisions).

    Parameters
    ----------
    ours, theirs : the same environments in the same order.
    untrained : for each environment the scores of the runs of both before training. Their error enters a test only in
        proportion to the margin, and is left out there.
    """
    before = [runs[np.isfinite(runs)] for runs in untrained]
    return gains_of(*np.stack([moments(entry) for entry in (ours, theirs, before)], axis=1))


def gains_of(means: FloatArray, variances: FloatArray, sizes: FloatArray) -> Gains:
    """Return what `gains` does, of moments.

    Parameters
    ----------
    means, variances, sizes : of scores of the first and the second entry and before training, (3, ..., environments);
        the variances are those of the means.
    """
    before, middle = means[2], means[:2].mean(axis=0)
    parts = np.stack([variances[0] / 4, variances[1] / 4, variances[2]])
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.maximum(parts.sum(axis=0) ** 2 / (parts**2 / (sizes - 1)).sum(axis=0), 1)
        clear = middle - before > special.stdtrit(freedom, (1 + CONFIDENCE) / 2) * np.sqrt(parts.sum(axis=0))
    shown = clear & (middle - before > LEARNT_SHARE * np.abs(before)) & (parts.sum(axis=0) > 0)
    gained = np.where(shown, (means - before)[:2], 0)
    return Gains(gained, np.where(shown, variances[:2], 0), np.where(shown, sizes[:2], 2), shown)


def _last(holds: Callable[[float], bool], most: float) -> float:
    """Return up to where something holds from 0 on, by halving; infinity if still at `most`."""
    if holds(most):
        return np.inf
    low, high = 0.0, most
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


@dataclass(frozen=True)
class Equivalence:
    """The first entry's gain as a multiple of the second's, as far as it is known."""

    ratio: float
    environments: int
    """Those where a gain shows; 0: nothing is defined, and every number is NaN."""
    within: float
    """p-value for a ratio that differs from 1 by less than the margin."""
    outside: float
    """p-value for a ratio that differs from 1 by more than the margin, on either side."""
    smallest: float
    """The smallest margin within which it holds at the level; NaN if not even within `LARGEST`."""


UNDEFINED = Equivalence(np.nan, 0, np.nan, np.nan, np.nan)


def equivalence(
    ours: Samples, theirs: Samples, untrained: Samples, margin: float = MARGIN, level: float = LEVEL
) -> Equivalence:
    """Test whether the first entry's gain over untrained is the second's, give or take a margin.

    Over several environments it is the mean gain, each environment weighed by one over the gain of both. Environments
    in which the first gains more then make up for those in which it gains less.

    Parameters
    ----------
    ours, theirs, untrained : as of `gains`.
    margin : share of the second entry's gain.
    level : at which the smallest margin holds.
    """
    found = gains(ours, theirs, untrained)
    within, outside = float(found.within(margin)), float(found.outside(margin))
    if np.isnan(within):
        return UNDEFINED
    smallest = _last(lambda each: bool(found.within(each) > level), LARGEST)
    smallest = smallest if np.isfinite(smallest) else np.nan
    return Equivalence(float(found.ratio), int(found.shown.sum()), within, outside, smallest)


def decision(direction: int, equivalent: bool) -> str:
    """Say it in a word or two: 1 better, -1 worse, 0 neither shown."""
    if not direction:
        return "equivalent" if equivalent else "inconclusive"
    return ("better" if direction > 0 else "worse") + (", yet equivalent" if equivalent else "")


@dataclass(frozen=True)
class Compared:
    """Two entries compared, as one of so many rows."""

    direction: int
    """1 if the first is better, -1 if it is worse, 0 if neither is shown."""
    low: float
    high: float
    """Limits of the interval that decides the direction, so that the intervals of all rows hold together."""
    detectable: float
    """A difference that would have been found in 80 % of cases, at the spread of these runs; NaN if none is known."""
    equivalence: Equivalence
    decision: str


def on_one(ours: FloatArray, theirs: FloatArray, untrained: FloatArray, margin: float, rows: int = 1) -> Compared:
    """Compare mean scores on one environment.

    Parameters
    ----------
    rows : that are read together: each errs in at most a share of `LEVEL` (Bonferroni).
    """
    level = LEVEL / rows
    _, low, high = difference_interval(ours, theirs, 1 - level)
    error, freedom = difference_spread(ours, theirs)
    detectable = float((special.stdtrit(freedom, 1 - level / 2) + special.stdtrit(freedom, POWER)) * error)
    return _compared((low, high), 0.0, detectable, equivalence([ours], [theirs], [untrained], margin, level), level)


def over_all(ours: Samples, theirs: Samples, untrained: Samples, margin: float, rows: int = 1) -> Compared:
    """Compare runs over several environments: better is what beats a run of the other more often than not."""
    level = LEVEL / rows
    _, low, high = chance_interval(ours, theirs, 1 - level)
    return _compared((low, high), 0.5, float("nan"), equivalence(ours, theirs, untrained, margin, level), level)


def _compared(
    ends: tuple[float, float], nothing: float, detectable: float, found: Equivalence, level: float
) -> Compared:
    low, high = ends
    direction = int(low > nothing) - int(high < nothing)
    return Compared(direction, low, high, detectable, found, decision(direction, found.within <= level))
