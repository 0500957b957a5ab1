"""Random tabular MDPs as RL2 and SNAIL draw them: what an episode gives if the MDP is known, and what at random.

Ten states, five actions, ten steps from the first state; mean rewards normal with mean 1 and deviation 1, transitions
from a flat Dirichlet distribution.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

STATES, ACTIONS, STEPS = 10, 5, 10
CHUNK = 5_000
"""MDPs at once."""


class Episodes(NamedTuple):
    """Returns of an episode that can be expected, one for each MDP."""

    optimum: NDArray[np.float64]
    """Expected return of the best policy."""
    discounted: NDArray[np.float64]
    """Discounted sum, of the policy that is best for it."""
    random: NDArray[np.float64]
    """Expected return of uniform actions."""


def episodes(count: int, discount: float, seed: int) -> Episodes:
    """Solve `count` MDPs by `STEPS` iterations of value iteration."""
    rng = np.random.default_rng(seed)
    parts = [_solve(min(CHUNK, count - start), discount, rng) for start in range(0, count, CHUNK)]
    return Episodes(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _solve(count: int, discount: float, rng: np.random.Generator) -> Episodes:
    rewards = rng.normal(1, 1, (count, STATES, ACTIONS))
    weights = rng.standard_exponential((count, STATES, ACTIONS, STATES))  # normalised: a flat Dirichlet draw
    transitions = weights / weights.sum(axis=-1, keepdims=True)
    best, discounted, uniform = (np.zeros((count, STATES)) for _ in range(3))
    for _ in range(STEPS):
        best = (rewards + _next(transitions, best)).max(axis=2)
        discounted = (rewards + discount * _next(transitions, discounted)).max(axis=2)
        uniform = (rewards + _next(transitions, uniform)).mean(axis=2)
    return Episodes(best[:, 0], discounted[:, 0], uniform[:, 0])


def _next(transitions: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean value of the next state (MDPs, states, actions)."""
    return np.asarray((transitions @ values[:, None, :, None])[..., 0])
