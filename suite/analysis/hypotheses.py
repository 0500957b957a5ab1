"""Directed statements about entries, tested: for each side of a boundary a p-value, and what a verdict may not rest on.

Each test holds its level wherever its statement is false, not only where entries have one distribution, and decides
nothing whose value lies on the other side. `docs/statistics.md` argues the choices and prints how often each errs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from environments import BoolArray, FloatArray
from suite.analysis.moments import (
    Moments,
    above,
    at_least,
    below,
    fieller,
    higher,
    more,
)
from suite.analysis.samples import difference

LEVEL = 0.05
"""Error of each side: no state of the world makes both verdicts wrong."""
POWER = 0.8
Sides = tuple[FloatArray, FloatArray]
"""p-values for a statement and for its contrary, an axis for each of the moments' but the environments."""


@dataclass(frozen=True)
class Finding:
    """Finding of a test about a statement that a quantity lies above a boundary."""

    quantity: str
    """The statement that is tested, in words."""
    estimate: float
    low: float
    high: float
    """95 % interval of the quantity; NaN where none covers."""
    above: float
    """p-value for the stated side; NaN where there are no sides."""
    below: float
    """p-value for the other side."""
    withheld: str = ""
    """Why nothing is decided whatever the p-values; empty if it may be."""
    fits: bool | None = None
    """True if a printed value, which has no sides, is compatible; None where the runs cannot tell."""

    @property
    def direction(self) -> int:
        """1 if decided for the statement, -1 if decided against it, else 0."""
        if self.withheld:
            return 0
        return 1 if self.fits or self.above <= LEVEL else -1 if self.below <= LEVEL else 0


NOTHING = Finding("no data", math.nan, math.nan, math.nan, 1.0, 1.0)
"""Finding where a rule leaves no environment."""


def better(ours: Moments, theirs: Moments, share: float = 1.0) -> Sides:
    """Return, in each environment, p-values of one mean lying above a share of the other's, and below it."""
    moved = theirs.at_share(share)
    return higher(ours, moved), higher(moved, ours)


MARGIN_SHARE = 0.9
"""Share of the error of calling an environment comparable that is for the margin; the rest for both having failed."""


def comparable(ours: Moments, theirs: Moments, share: float, failure: float) -> Sides:
    """Return, in each environment, p-values of ours reaching a share of theirs or both failing, and of neither.

    Parameters
    ----------
    failure : an entry whose mean is at or below it has failed.
    """
    reaches, misses = better(ours, theirs, share)
    if failure == -math.inf:
        return reaches, misses
    failed = np.maximum(below(ours, failure), below(theirs, failure))
    yes = np.minimum(reaches / MARGIN_SHARE, failed / (1 - MARGIN_SHARE))
    return np.where(ours.lost, 1.0, np.minimum(yes, 1.0)), np.maximum(misses, above(theirs, failure))


def both_comparable(first: Moments, second: Moments, reference: Moments, share: float) -> Sides:
    """Return, in each environment, p-values of both reaching a share of the third, and of one of them missing it."""
    sides = [better(entry, reference, share) for entry in (first, second)]
    yes, no = (np.stack(each) for each in zip(*sides, strict=True))
    return yes.max(axis=0), np.minimum(1.0, 2 * no.min(axis=0))


def share_limits(yes: FloatArray, no: FloatArray) -> tuple[float, float]:
    """Return 95 % limits of the share of environments of which something is true, of p-values for and against it."""
    tail, count = (1 - 0.95) / 2, len(yes)
    return float((at_least(yes) <= tail).sum()) / count, 1 - float((at_least(no) <= tail).sum()) / count


def median_ratio(ours: Moments, theirs: Moments, *, either: bool) -> Sides:
    """Return p-values of the median ratio of two means lying above one, and below.

    It lies above one where more environments have a ratio above one than one that is not, of those that have any.

    Parameters
    ----------
    either : environments have a ratio where either mean is above zero; else where both are.
    """
    better_there, worse_there = better(ours, theirs)
    positive = [above(entry, 0.0) for entry in (ours, theirs)]
    negative = np.stack([below(entry, 0.0) for entry in (ours, theirs)])
    none = negative.max(axis=0) if either else np.minimum(1.0, 2 * negative.min(axis=0))
    over = np.maximum(better_there, positive[1])
    under = np.maximum(worse_there, positive[0])
    not_under = np.where(ours.lost, 1.0, np.minimum(1.0, 2 * np.minimum(over, none)))
    not_over = np.where(theirs.lost, 1.0, np.minimum(1.0, 2 * np.minimum(worse_there, negative[1])))
    return more(over, [not_under]), more(under, [not_over])


NOISIEST = 0.4
"""Relative spread over seeds beyond which the limits of mean ratios, and tests of ratios of gains, err."""


def has_ratio(theirs: Moments) -> BoolArray:
    """Tell in which environments a ratio to theirs is no ratio of noise: their mean is clear of zero at 95 %."""
    clear = np.minimum(above(theirs, 0.0), below(theirs, 0.0)) <= 0.025
    return np.asarray(clear | ((theirs.variances == 0) & (theirs.means != 0)), bool)


def ratio_limits(ours: Moments, theirs: Moments, level: FloatArray | float) -> Sides:
    """Return one-sided limits of the mean over environments of the ratio of two means, negative ratios counted as none.

    Fieller's limits of each environment put together by their distances from the estimates (MOVER, Zou and Donner
    2008), around ratios without their first-order bias. An environment whose ratio is one of noise counts as 0 for the
    lower limit, and leaves no upper one.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        clear = has_ratio(theirs)
        kept = clear & (theirs.means > 0)
        ratio = np.maximum(ours.means / theirs.means, 0)
        low, high = fieller(ours, theirs, level)
        bias = ratio * theirs.errors / theirs.means**2
    down = np.sqrt(np.where(kept, ratio - np.maximum(low, 0), 0) ** 2 @ np.ones(kept.shape[-1]))
    up = np.sqrt(np.where(kept, high - ratio, 0) ** 2 @ np.ones(kept.shape[-1]))
    lower = (np.where(kept, ratio - bias, 0).sum(axis=-1) - down) / kept.shape[-1]
    upper = (np.where(kept, ratio, 0).sum(axis=-1) + up) / np.maximum(kept.sum(axis=-1), 1)
    return lower, np.where(clear.all(axis=-1) & kept.any(axis=-1), upper, np.inf)


HALVINGS = 20


def mean_ratio(ours: Moments, theirs: Moments) -> Sides:
    """Return p-values of the mean ratio lying above one, and below: the levels at which its limits reach one."""
    found = []
    for side in (0, 1):
        least, most = (np.full(ours.means.shape[:-1], math.log(level)) for level in (1e-6, 0.5))
        for _ in range(HALVINGS):
            middle = (least + most) / 2
            beyond = _beyond(ours, theirs, np.exp(middle), side)
            least, most = np.where(beyond, least, middle), np.where(beyond, middle, most)
        found.append(np.where(_beyond(ours, theirs, np.exp(most), side), np.exp(most), 1.0))
    return found[0], found[1]


def _beyond(ours: Moments, theirs: Moments, level: FloatArray, side: int) -> BoolArray:
    limit = ratio_limits(ours, theirs, level[..., None])[side]
    return np.asarray(limit < 1 if side else limit > 1, bool)


def noisy_ratios(ours: Moments, theirs: Moments) -> BoolArray:
    """Tell whether runs vary so much over seeds that the limits of a mean ratio err."""
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = has_ratio(theirs) & (theirs.means > 0)
        size = np.maximum(np.abs(ours.means), np.abs(theirs.means))
        squares = np.stack([ours.variances / size**2, theirs.variances / theirs.means**2])
    pooled = np.where(kept, squares, 0).sum(axis=-1) / np.maximum(kept.sum(axis=-1), 1)
    return np.asarray(pooled.max(axis=0) > NOISIEST**2, bool)


def most_wins(entries: Sequence[Moments]) -> Sides:
    """Return p-values of the first entry being the best more often than any other, and of another being so."""
    count = len(entries)
    wins = [np.max([higher(own, other) for other in entries if other is not own], axis=0) for own in entries]
    losses = [
        np.minimum(1.0, (count - 1) * np.min([higher(other, own) for other in entries if other is not own], axis=0))
        for own in entries
    ]
    ahead = more(wins[0], losses[1:])
    behind = np.min([more(rival, [losses[0]]) for rival in wins[1:]], axis=0)
    return ahead, np.minimum(1.0, (count - 1) * behind)


def chances(ours: FloatArray, theirs: FloatArray) -> Sides:
    """Return p-values of a run of ours beating one of theirs more often than not, and less, environments weighed alike.

    Binomial: the mean over all pairs of runs varies no more than that over min(n, m) pairs without a common run
    (Hoeffding 1963). A tie counts half.

    Parameters
    ----------
    ours, theirs : (..., environments, seeds), NaN where there is none.
    """
    there = ~(np.isnan(ours)[..., :, None] | np.isnan(theirs)[..., None, :])
    won = (np.sign(difference(ours[..., :, None], theirs[..., None, :])) + 1) / 2
    chance = (np.where(there, won, 0).sum(axis=(-1, -2)) / there.sum(axis=(-1, -2))).mean(axis=-1)
    pairs = np.minimum((~np.isnan(ours)).sum(axis=-1), (~np.isnan(theirs)).sum(axis=-1))
    trials = pairs.shape[-1] ** 2 / (1 / pairs).sum(axis=-1)
    return _binomial(chance, trials), _binomial(1 - chance, trials)


def _binomial(share: FloatArray, trials: FloatArray) -> FloatArray:
    """Return the p-value of a share of trials, both need not be whole, lying above one half."""
    hits = share * trials
    p = special.betainc(np.maximum(hits, 1e-9), trials - hits + 1, 0.5)
    return np.asarray(np.where(hits > 0, p, 1.0), float)


def prediction(scores: Moments, untrained: FloatArray, printed: float, runs: int) -> tuple[FloatArray, ...]:
    """Return how a printed mean of so many runs fits: its p-value, half of the interval, whether that is narrow.

    A print is not compatible where it lies outside of Student's interval of a mean of so many further runs; compatible
    where it lies inside and the interval is narrow against what was learnt, so that hardly anything else would have
    fitted: narrower than half of the gain over untrained, which it then does not hold. Each seed draws test tasks of
    its own, or all have the print's: no error over tasks is added.

    Parameters
    ----------
    scores : (..., 1 environment).
    untrained : the mean before training, (..., 1).
    """
    scale = np.sqrt(scores.errors + scores.variances / runs)
    freedom = np.maximum(scores.seeds - 1, 1)
    half = special.stdtrit(freedom, 0.975) * scale
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(freedom, -np.abs(printed - scores.means) / scale)
    narrow = (scale > 0) & (2 * half < INFORMATIVE * np.abs(scores.means - untrained))
    return np.where(scale > 0, p, 1.0)[..., 0], half[..., 0], narrow[..., 0]


INFORMATIVE = 0.5
"""A prediction interval narrower than this share of the gain over untrained can tell whether a print fits."""


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979): all at or below 5 % are right in 95 % of families."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [1.0] * len(order), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


SEEDS_TRIED = (3, 4, 5, 6, 8, 10, 15, 20, 30, 50)
"""Numbers of seeds that are tried until one decides often enough."""
TRIALS = 200

Trial = Callable[[np.random.Generator, int, int], NDArray[np.int64]]
"""Generator, seeds, trials -> directions (trials,)."""


def seeds_to_decide(trial: Trial, more_than: int) -> int | None:
    """Return the fewest seeds tried that decide, either way, in 80 % of simulated trials; None if none does."""
    for seeds in SEEDS_TRIED:
        if seeds > more_than:
            found = trial(np.random.default_rng(seeds), seeds, TRIALS)
            if max((found == 1).mean(), (found == -1).mean()) >= POWER:
                return seeds
    return None
