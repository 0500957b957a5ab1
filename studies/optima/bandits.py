"""Bernoulli bandits with uniform chances: what the best strategy, the greedy one and random pulls can expect.

A belief is what every arm has shown: (successes, failures). Arms that nobody pulled are alike, so that ten pulls meet
at most ten arms, and ten pulls of ten and of fifty arms are one problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import NamedTuple

Arm = tuple[int, int]
"""Successes and failures of an arm."""
Belief = tuple[Arm, ...]
"""The arms that were pulled, in order; which arm is which does not matter."""
FRESH: Arm = (0, 0)


class Moments(NamedTuple):
    """Moments of the total reward of all pulls."""

    mean: Fraction
    square: Fraction
    """Mean of its square."""

    @property
    def standard_deviation(self) -> float:
        """Over bandits and pulls."""
        return math.sqrt(self.square - self.mean**2)


Choose = Callable[[dict[Arm, Moments]], Moments]
"""The expectation of a strategy, from what each kind of arm would lead to."""


def best(options: dict[Arm, Moments]) -> Moments:
    """Take the arm after which most can be expected."""
    return max(options.values())


def greedy_at_least(options: dict[Arm, Moments]) -> Moments:
    """Take the arm with the highest posterior mean; of several, the one after which least can be expected."""
    return min(_highest(options))


def greedy_at_most(options: dict[Arm, Moments]) -> Moments:
    """Take the arm with the highest posterior mean; of several, the one after which most can be expected."""
    return max(_highest(options))


def _highest(options: dict[Arm, Moments]) -> list[Moments]:
    highest = max(map(chance, options))
    return [found for arm, found in options.items() if chance(arm) == highest]


def chance(arm: Arm) -> Fraction:
    """Posterior mean of an arm's chance of a reward, from a uniform prior."""
    successes, failures = arm
    return Fraction(successes + 1, successes + failures + 2)


def total(pulls: int, arms: int, choose: Choose) -> Moments:
    """Return mean and mean square of the total reward of a strategy, by dynamic programming without rounding."""

    @cache
    def after(belief: Belief) -> Moments:
        if sum(map(sum, belief)) == pulls:
            earned = Fraction(sum(successes for successes, _ in belief))
            return Moments(earned, earned**2)
        options = {}
        for arm in {*belief, *[FRESH] * (len(belief) < arms)}:
            rest = list(belief)
            if arm != FRESH:
                rest.remove(arm)
            p = chance(arm)
            won, lost = (after(tuple(sorted([*rest, (arm[0] + win, arm[1] + 1 - win)]))) for win in (1, 0))
            options[arm] = Moments(p * won.mean + (1 - p) * lost.mean, p * won.square + (1 - p) * lost.square)
        return choose(options)

    return after(())
