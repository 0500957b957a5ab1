"""Directed statements about entries, tested: what is tested, its interval where one covers, and a p-value a side.

Each test holds its level at its statement's boundary: entries of the same distribution or, where a margin is part of
the statement, entries exactly at it. `docs/statistics.md` argues the choices and prints how often each errs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from suite.analysis.comparisons import COMPARABLE_SHARE, Average
from suite.analysis.intervals import (
    chance_interval,
    difference_interval,
    mean_interval,
    ratio_interval,
    typical_ratio_interval,
)
from suite.analysis.permutations import (
    FloatArray,
    Permuted,
    Samples,
    padded,
    permute_chances,
    permute_means,
    share_below,
    smallest,
)

LEVEL = 0.05
"""Error rate of each side: no state of the world makes both verdicts wrong."""
POWER = 0.8


@dataclass(frozen=True)
class Finding:
    """The finding of a test of the statement that a quantity lies above a boundary."""

    quantity: str
    """The tested quantity, in words."""
    estimate: float
    low: float
    high: float
    """95 % interval of the quantity; NaN where none covers."""
    above: float
    """p-value for the stated side: so far on it by chance, from exactly the boundary."""
    below: float
    """p-value for the other side."""
    distance: float
    """Distance of the estimate from the boundary, in standard deviations of the rearrangements."""
    smallest: float
    """The smallest p-value that these numbers of seeds and environments allow on either side."""
    fits: bool | None = None
    """Compatibility with a printed value, which is no side; None where the runs cannot tell."""

    @property
    def direction(self) -> int:
        """1 if decided for the statement, -1 if decided against it, else 0."""
        return 1 if self.fits or self.above <= LEVEL else -1 if self.below <= LEVEL else 0


NOTHING = Finding("no data", math.nan, math.nan, math.nan, 1.0, 1.0, math.nan, 1.0)
"""The finding of a rule that leaves no environment."""


def better(entries: Sequence[Samples]) -> Finding:
    """Test whether the first entry tends to be better than the second.

    The quantity is the probability that a run of the first scores higher than one of the second, in the mean over
    environments; the boundary one half, that of entries of the same distribution. It does not depend on the scale of
    any environment, and differs from the share of environments with a higher mean only in being free of the noise of
    means that lie close together.
    """
    ours, theirs = entries
    chance, low, high = chance_interval(ours, theirs)
    return _tested("chance that a run is better", (chance, low, high), [permute_chances(ours, theirs)], (ours, theirs))


def not_worse(entries: Sequence[Samples], share: float = COMPARABLE_SHARE, failure: float = -math.inf) -> Finding:
    """Test whether the first entry tends to reach a share of the second.

    As `better`, against the second entry's runs moved to the margin: multiplied by `share`, or where their mean is
    negative moved by as much in the same direction. Environments in which both fail, whose runs average at or below
    `failure`, speak for neither side and are left out.
    """
    ours, theirs = entries[0], _at_margin(entries[1], share)
    alive = [index for index, (x, y) in enumerate(zip(ours, theirs, strict=True)) if _pooled(x, y) > failure]
    if not alive:
        return NOTHING
    ours, theirs = [ours[index] for index in alive], [theirs[index] for index in alive]
    name = f"chance that a run reaches {share:.0%} of one of the other".replace("%", " %")
    return _tested(name, chance_interval(ours, theirs), [permute_chances(ours, theirs)], (ours, theirs))


def both_not_worse(entries: Sequence[Samples], share: float = COMPARABLE_SHARE) -> Finding:
    """Test whether two entries both tend to reach a share of the third.

    For the statement, in each environment the weaker of the two, by its mean, has to reach it; against it, either of
    them has to fail to (Bonferroni).
    """
    first, second, reference = entries[0], entries[1], _at_margin(entries[2], share)
    weaker = [x if x.mean() <= y.mean() else y for x, y in zip(first, second, strict=True)]
    joint = permute_chances(weaker, reference)
    each = [permute_chances(entry, reference) for entry in (first, second)]
    estimate = chance_interval(weaker, reference)[0]
    lower = min(each, key=lambda found: found.below)
    return Finding(
        f"chance that a run of the weaker one reaches {share:.0%} of the third".replace("%", " %"),
        estimate,
        math.nan,
        math.nan,
        joint.above,
        min(1.0, len(each) * lower.below),
        joint.distance if joint.above <= lower.below else lower.distance,
        smallest([len(x) for x in first], [len(x) for x in reference]),
    )


def gains(entries: Sequence[Samples], average: Average = "mean") -> Finding:
    """Test whether the first entry's returns are higher than the second's by a ratio above one.

    A ratio's arithmetic mean lies above one for entries of the same distribution, and may do so for A / B and B / A at
    once. Finding is what changes its sign with the order: (a - b) / (|a| + |b|) of the means a and b, which is
    tanh(log(a / b) / 2) where both are positive, averaged over environments; at the boundary it is zero. It is told as
    the ratio that it stands for. Environments whose runs average at or below zero have no ratio and are left out.
    """
    kept = [(x, y) for x, y in zip(*entries, strict=True) if _pooled(x, y) > 0]
    if not kept:
        return NOTHING
    ours, theirs = [x for x, _ in kept], [y for _, y in kept]

    def statistic(x: FloatArray, y: FloatArray) -> FloatArray:
        differences = relative_differences(x, y)
        return np.asarray(differences.mean(axis=0), float) if average == "mean" else _median(differences)

    ends = typical_ratio_interval(ours, theirs)
    if average == "median":
        means = [np.array([[sample.mean()] for sample in entry]) for entry in (ours, theirs)]
        middle = float(statistic(*means)[0])
        ends = ((1 + middle) / (1 - middle) if middle < 1 else math.inf, math.nan, math.nan)
    name = "typical ratio" if average == "mean" else "median ratio"
    return _tested(name, ends, [permute_means(ours, theirs, statistic)], (ours, theirs))


def _median(values: FloatArray) -> FloatArray:
    """Return the median over the first axis; sorting is several times faster here than `numpy.median`."""
    ordered, count = np.sort(values, axis=0), len(values)
    return np.asarray((ordered[(count - 1) // 2] + ordered[count // 2]) / 2, float)


def relative_differences(ours: FloatArray, theirs: FloatArray) -> FloatArray:
    """Return (a - b) / (|a| + |b|), 0 where both are 0."""
    size = np.abs(ours)
    size += np.abs(theirs)
    differences: FloatArray = np.subtract(ours, theirs)
    return np.divide(differences, size, out=differences, where=size > 0)


def total_ratio(entries: Sequence[Samples]) -> Finding:
    """Test whether the first entry's mean over environments is a larger positive number than the second's."""
    ours, theirs = entries

    def statistic(x: FloatArray, y: FloatArray) -> FloatArray:
        return np.asarray(x.mean(axis=0) / y.mean(axis=0), float)

    return _tested(
        "ratio of means", ratio_interval(ours, theirs), [permute_means(ours, theirs, statistic)], (ours, theirs)
    )


def most_wins(entries: Sequence[Samples]) -> Finding:
    """Test whether the first entry is the best of all most often.

    The quantity is how much more often a run of the first is the best of a run of each than one of its strongest
    rival, in the mean over environments. It has to be ahead of every rival; against it, one rival ahead is enough
    (Bonferroni). The boundary is the first and a rival of the same distribution, whatever the others do.
    """
    ours, rivals = entries[0], entries[1:]
    found = [permute_chances(ours, rival, [other for other in rivals if other is not rival]) for rival in rivals]
    chances = _chances_of_best(entries)
    return _tested(
        "chance that a run is the best, less the strongest rival's",
        (chances[0] - max(chances[1:]), math.nan, math.nan),
        found,
        (ours, rivals[0]),
    )


def fewer_steps(entries: Sequence[Samples], times: float) -> Finding:
    """Test whether the second entry takes more than so many times the environment steps of the first.

    Steps of a run may be known only to be at least so many, because it never got there. Each side is tested with what
    speaks against it: for the statement, the second entry's steps at their least and the first entry's at their most;
    against it, the other way round. Ranks do not depend on how far beyond its last step a run would have got there.

    Parameters
    ----------
    entries : for each environment (runs, 2), least and most steps, infinite where there is no bound; environments
        without runs are left out.
    times : the boundary, at which the second entry's steps are the first entry's times this.
    """
    kept = [(x, y) for x, y in zip(*entries, strict=True) if len(x) and len(y)]
    if not kept:
        return NOTHING
    least, most = ([[x[:, bound] for x in entry] for entry in zip(*kept, strict=True)] for bound in (0, 1))
    never = 10 * times * max(float(runs.max()) for entry in least for runs in entry)
    most = [[np.where(np.isfinite(runs), runs, never) for runs in entry] for entry in most]

    def scaled(samples: Samples) -> list[FloatArray]:
        return [np.minimum(times * runs, never) for runs in samples]

    above = permute_chances(least[1], scaled(most[0]))
    below = permute_chances(most[1], scaled(least[0]))
    ratios = [np.log(np.median(y) / np.median(x)) for x, y in zip(*least, strict=True)]
    return Finding(
        f"typical ratio of steps, against {times:g}",
        float(np.exp(np.mean(ratios))),
        math.nan,
        math.nan,
        above.above,
        below.below,
        above.distance if above.above <= below.below else below.distance,
        smallest([len(x) for x in least[0]], [len(y) for y in least[1]]),
    )


def difference(ours: FloatArray, theirs: FloatArray, margin: float = 0.0, *, paired: bool = False) -> Finding:
    """Test whether one mean over seeds lies above another by more than a margin: Welch's t, or Student's of pairs.

    Parameters
    ----------
    ours, theirs : a number a seed; where they are paired, both of the same runs in the same order.
    """
    value, low, high = mean_interval(ours - theirs) if paired else difference_interval(ours, theirs)
    groups = [ours - theirs] if paired else [ours, theirs]
    sizes = np.array([len(group) for group in groups])
    parts = np.array([group.var(ddof=1) / len(group) if len(group) > 1 else math.nan for group in groups])
    variance = float(parts.sum())
    if not variance > 0:  # a single seed, or nothing varies
        return Finding("difference of means", value, low, high, 1.0, 1.0, math.nan, 1.0)
    freedom = variance**2 / float((parts**2 / (sizes - 1)).sum())
    t = (value - margin) / math.sqrt(variance)
    above, below = (float(special.stdtr(freedom, sign * t)) for sign in (-1, 1))
    name = f"difference of means, of the same {len(ours)} runs" if paired else "difference of means"
    return Finding(name, value, low, high, above, below, t, 0.0)


INFORMATIVE = 0.5
"""A prediction interval narrower than this share of the gain over untrained can tell whether a print fits."""


def printed_value(scores: FloatArray, untrained: FloatArray, printed: float, runs: int) -> Finding:
    """Test whether a printed mean of so many runs fits what these seeds say: Student's prediction interval.

    It is not compatible where it lies outside; compatible where it lies inside and the interval is narrow against what
    was learnt, so that hardly anything else would have fitted: narrower than half the gain over untrained, which it
    then does not hold. Each seed draws its own test tasks, or all have the print's own: no error over tasks is added.

    Parameters
    ----------
    scores, untrained : (seeds,).
    """
    count, value = len(scores), float(scores.mean())
    name = f"mean; 95 % interval of a mean of {runs} further run" + "s" * (runs > 1)
    scale = float(scores.std(ddof=1)) * math.sqrt(1 / count + 1 / runs) if count > 1 else 0.0
    if not scale > 0:
        return Finding(name, value, math.nan, math.nan, math.nan, 1.0, math.nan, 1.0)
    half = float(special.stdtrit(count - 1, 0.975)) * scale
    p = 2 * float(special.stdtr(count - 1, -abs(printed - value) / scale))
    narrow = 2 * half < INFORMATIVE * abs(value - float(untrained.mean()))
    fits = True if p > LEVEL and narrow else False if p <= LEVEL else None
    return Finding(name, value, value - half, value + half, math.nan, p, math.nan, 0.0, fits)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm 1979): all at or below 5 % are right in 95 % of families."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, largest = [1.0] * len(order), 0.0
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _chances_of_best(entries: Sequence[Samples]) -> list[float]:
    """Return for each entry the probability that its run is above a run of each other one; a tie counts half."""
    runs = [padded(entry) for entry in entries]
    return [
        float(
            np.nanmean(np.prod([share_below(other, own) for other in runs if other is not own], axis=0), axis=1).mean()
        )
        for own in runs
    ]


def _tested(
    quantity: str, ends: tuple[float, float, float], found: Sequence[Permuted], pair: tuple[Samples, Samples]
) -> Finding:
    """Combine the tests against each rival: above all of them, or below any of them."""
    highest, lowest = max(each.above for each in found), min(each.below for each in found)
    below = min(1.0, len(found) * lowest)
    limiting = min(found, key=lambda each: each.distance if not math.isnan(each.distance) else math.inf)
    least = smallest([len(x) for x in pair[0]], [len(x) for x in pair[1]])
    return Finding(quantity, *ends, highest, below, limiting.distance, least)


def _at_margin(samples: Samples, share: float) -> list[FloatArray]:
    return [sample - (1 - share) * np.sign(sample.mean()) * sample for sample in samples]


def _pooled(ours: FloatArray, theirs: FloatArray) -> float:
    return float(ours.sum() + theirs.sum()) / (len(ours) + len(theirs))


def seeds_to_decide(found: Finding, seeds: int) -> float:
    """Return how many seeds an environment would need for the distance at hand to be decided in 80 % of trials.

    The standard deviation of the rearrangements falls with the square root of the number of seeds. Infinite so close to
    the boundary that more than a thousand are needed; NaN where nothing can be said.
    """
    if math.isnan(found.distance):
        return math.nan
    needed = seeds * (NORMAL_LEVEL + NORMAL_POWER) ** 2
    if needed > MOST_SEEDS * found.distance**2:
        return math.inf
    return max(float(seeds + 1), math.ceil(needed / found.distance**2))


MOST_SEEDS = 1000
NORMAL_LEVEL, NORMAL_POWER = 1.6449, 0.8416
"""Standard normal quantiles of 1 - `LEVEL` and `POWER`."""

Hypothesis = Callable[[Sequence[Samples]], Finding]
