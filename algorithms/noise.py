"""Noise on actions: drawn for a whole episode when it begins, so that no draw depends on how the others are used."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from environments import FloatArray


class EpisodeNoise:
    """Standard normal draws of one episode, handed out one time step after the other.

    Parameters
    ----------
    draws : (copies, horizon, action_size); None for a policy that acts without noise.
    beyond : one generator a copy, for the steps of an episode that is longer than the horizon; training has none.
    """

    def __init__(self, draws: FloatArray | None, beyond: Sequence[np.random.Generator] = ()) -> None:
        self.draws, self.beyond = draws, beyond
        self.time = 0

    def next(self) -> FloatArray | None:
        """Return the draws of the next step, (copies, action_size), or None."""
        if self.draws is None:
            return None
        time, self.time = self.time, self.time + 1
        _, horizon, action_size = self.draws.shape
        return self.draws[:, time] if time < horizon else task_normals(self.beyond, action_size)


_GLOBAL = threading.RLock()


@contextmanager
def own_draws(generator: torch.Generator) -> Iterator[None]:
    """Have what draws from torch's global generator on the CPU draw from another one's seed; the global one is kept.

    Torch's own modules draw their first weights from it. It is one for the whole process: threads take turns.
    """
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(generator.initial_seed())
        yield


def spawned(generators: Sequence[np.random.Generator]) -> list[np.random.Generator]:
    """Return a generator of each task's own beside its first, which draws nothing by that: one for each episode."""
    return [generator.spawn(1)[0] for generator in generators]


def task_normals(generators: Sequence[np.random.Generator], *shape: int) -> FloatArray:
    """Draw from N(0, 1) for each task with its own generator, (tasks, *shape)."""
    return np.stack([generator.standard_normal(shape) for generator in generators])
