"""Means and variances over seeds, one-sided tests of them, and what several environments say together.

Arrays end with the environments; axes before them are trials of a simulation. A p-value that cannot be had is 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from environments import BoolArray, FloatArray
from suite.analysis.samples import Samples, difference

SMALLEST = 1e-300
"""The smallest p-value: logarithms are added up."""


@dataclass(frozen=True)
class Moments:
    """All that the tests read of an entry's runs; every array is (..., environments)."""

    means: FloatArray
    variances: FloatArray
    """Variances of single runs; NaN of fewer than two."""
    seeds: FloatArray
    lost: BoolArray
    """True where a run diverged: it ranks last, so that nothing speaks for the entry there."""

    @property
    def errors(self) -> FloatArray:
        """Variances of the means."""
        return self.variances / self.seeds

    def times(self, factors: FloatArray | float) -> Moments:
        """Return the moments of the runs, multiplied."""
        return Moments(self.means * factors, self.variances * np.square(factors), self.seeds, self.lost)

    def at_share(self, share: float) -> Moments:
        """Return the runs moved to a share of their mean: 0.9 of a negative mean lies a tenth of its size below it."""
        return self.times(1 + (share - 1) * np.sign(self.means))

    def plus(self, amount: float) -> Moments:
        """Return the moments of the runs, shifted."""
        return Moments(self.means + amount, self.variances, self.seeds, self.lost)


def moments(samples: Samples) -> Moments:
    """Return the moments of an entry's finished runs on each environment."""
    finished = [sample[np.isfinite(sample)] for sample in samples]
    return Moments(
        np.array([each.mean() if len(each) else np.nan for each in finished]),
        np.array([_variance(each) for each in finished]),
        np.array([len(each) for each in finished], float),
        np.array([len(each) < len(sample) for each, sample in zip(finished, samples, strict=True)], bool),
    )


def _variance(runs: FloatArray) -> float:
    """Return the variance of runs, 0 where they are all the same, whatever rounding leaves; NaN of fewer than two."""
    if len(runs) < 2:
        return np.nan
    return float(runs.var(ddof=1)) if difference(runs.max(), runs.min()) else 0.0


def higher(first: Moments, second: Moments) -> FloatArray:
    """Return the p-value of the first mean being higher than the second, in each environment: Welch's t.

    Where nothing varies, the smallest that ranks allow.
    """
    parts = np.stack([first.errors, second.errors])
    degrees = np.stack(np.broadcast_arrays(first.seeds - 1, second.seeds - 1))
    orders = special.binom(first.seeds + second.seeds, first.seeds)
    p = _student(difference(first.means, second.means), parts, degrees, orders)
    return np.where(first.lost, 1.0, p)


def above(entry: Moments, level: float) -> FloatArray:
    """Return the p-value of a mean lying above a level, in each environment: Student's t."""
    beyond = difference(entry.means, level)
    p = _student(beyond, entry.errors[None], np.asarray(entry.seeds - 1)[None], 2.0**entry.seeds)
    return np.where(entry.lost, 1.0, p)


def below(entry: Moments, level: float) -> FloatArray:
    """Return the p-value of a mean lying below a level, in each environment; a run that diverged does not speak up."""
    return above(Moments(-entry.means, entry.variances, entry.seeds, np.zeros_like(entry.lost)), -level)


def total_higher(first: Moments, second: Moments) -> FloatArray:
    """Return the p-value of the first sum over environments being higher: Welch's t, Satterthwaite's degrees."""
    parts = np.concatenate(np.broadcast_arrays(first.errors, second.errors), axis=-1)
    degrees = np.concatenate(np.broadcast_arrays(first.seeds - 1, second.seeds - 1), axis=-1)
    total = difference(first.means, second.means).sum(axis=-1)
    with np.errstate(over="ignore"):
        orders = np.prod(special.binom(first.seeds + second.seeds, first.seeds), axis=-1)
    return _student(total, np.moveaxis(parts, -1, 0), np.moveaxis(degrees, -1, 0), orders)


def _student(value: FloatArray, parts: FloatArray, degrees: FloatArray, orders: FloatArray) -> FloatArray:
    """Return the p-value of a value above zero whose variance is a sum of parts (parts, ...), each with its degrees."""
    variance = parts.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = variance**2 / (parts**2 / degrees).sum(axis=0)
        p = special.stdtr(freedom, -value / np.sqrt(variance))
        p = np.where(variance > 0, p, np.where((variance == 0) & (value > 0), 1 / orders, 1.0))
    return np.asarray(np.where(np.isnan(p), 1.0, p), float)


def at_least(p: FloatArray) -> FloatArray:
    """Return p-values of at least 1, 2, ... of the environments being what each p-value speaks for.

    Partial conjunction (Benjamini and Heller 2008): that at least u of E are is shown by all but the u - 1 smallest
    p-values, put together as Fisher does. Made to rise with u.

    Parameters
    ----------
    p : (..., environments).

    Returns
    -------
    (..., environments): at least 1 first.
    """
    largest = -np.sort(-p, axis=-1)
    sums = -np.log(np.maximum(largest, SMALLEST)).cumsum(axis=-1)[..., ::-1]  # of the E - u + 1 largest, u = 1 first
    counts = np.arange(p.shape[-1], 0, -1)
    return np.maximum.accumulate(special.gammaincc(counts, sums), axis=-1)


def in_most(p: FloatArray) -> FloatArray:
    """Return the p-value of more than half of the environments being what each p-value speaks for."""
    return np.asarray(at_least(p)[..., p.shape[-1] // 2], float)


def more(ours: FloatArray, not_theirs: list[FloatArray]) -> FloatArray:
    """Return the p-value of more environments being ours than theirs, whoever they are.

    There is a number that ours reach and theirs stay below: either half of the error (Bonferroni).

    Parameters
    ----------
    ours : p-values of an environment being ours, (..., environments).
    not_theirs : for each of them, p-values of it not being theirs.
    """
    reach = at_least(ours)
    stay_below = np.max([at_least(p)[..., ::-1] for p in not_theirs], axis=0)  # E - t + 1 are not theirs, t = 1 first
    return np.asarray(np.minimum(1.0, 2 * np.maximum(reach, stay_below).min(axis=-1)), float)


SPREAD = 1.2
"""Factor by which two entries' spreads may differ, and chance besides."""
SURE = 0.84
"""Normal quantile of 80 %."""


def spreads_differ(first: Moments, second: Moments, speaking: FloatArray | None = None) -> BoolArray:
    """Tell whether two entries vary so differently over seeds that tests of their means would err.

    Compared are standard deviations and, as shares of their means, relative ones, geometric means over environments:
    both have to differ. At the boundary of a statement the means are equal, and so are the two; far from it one of them
    may differ for good reasons.

    Parameters
    ----------
    speaking : p-values. The relative ones are compared everywhere, and both in the environments with the larger half
        of these p-values, on which a verdict depends.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        absolute = np.log(first.variances / second.variances)
        relative = absolute - 2 * np.log(np.abs(first.means / second.means))
    ratios = np.stack(np.broadcast_arrays(absolute, relative))
    ratios = np.clip(np.where(np.isnan(ratios), 0.0, ratios), -10, 10)
    chance = sum(special.polygamma(1, np.maximum(each.seeds - 1, 1) / 2) for each in (first, second))
    chance = np.broadcast_to(chance, ratios.shape[1:])
    if speaking is None:
        return np.asarray(_beyond_chance(ratios, chance).all(axis=0), bool)
    half = np.argsort(-speaking, axis=-1)[..., : (speaking.shape[-1] + 1) // 2]
    there = np.stack([np.take_along_axis(each, half, axis=-1) for each in ratios])
    differ = _beyond_chance(there, np.take_along_axis(chance, half, axis=-1)).all(axis=0)
    return np.asarray(differ & _beyond_chance(ratios[1], chance), bool)


def _beyond_chance(ratios: FloatArray, chance: FloatArray) -> BoolArray:
    """Tell whether logarithms of variance ratios (..., environments) differ from 0 by more than chance explains."""
    error = np.sqrt(chance.sum(axis=-1)) / chance.shape[-1] / 2
    return np.asarray(np.abs(ratios.mean(axis=-1)) / 2 > np.log(SPREAD) + SURE * error, bool)


def fieller(first: Moments, second: Moments, level: FloatArray | float) -> tuple[FloatArray, FloatArray]:
    """Return one-sided limits of the ratio of two means in each environment (Fieller 1954), Welch's degrees.

    Parameters
    ----------
    level : of each limit; infinite where the second mean is not clear of zero at it.
    """
    a, b = first.means, second.means
    ratio = a / b
    parts = np.stack([first.errors, ratio**2 * second.errors])
    degrees = np.stack(np.broadcast_arrays(first.seeds - 1, second.seeds - 1))
    t = special.stdtrit(parts.sum(axis=0) ** 2 / (parts**2 / degrees).sum(axis=0), 1 - level)
    leading = b**2 - t**2 * second.errors
    root = np.sqrt(np.maximum((a * b) ** 2 - leading * (a**2 - t**2 * first.errors), 0))
    clear = leading > 0
    low, high = (
        np.where(clear, (a * b + sign * root) / np.where(clear, leading, 1), sign * np.inf) for sign in (-1, 1)
    )
    return low, high
