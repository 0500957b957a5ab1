"""Noise on actions: drawn for a whole episode when it begins, so that no draw depends on how the others are used."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from environments import FloatArray


class EpisodeNoise:
    """Standard normal draws of one episode, handed out one time step after the other.

    Parameters
    ----------
    draws : (copies, horizon, action_size); None for a policy that acts without noise.
    """

    def __init__(self, draws: FloatArray | None) -> None:
        self.draws = draws
        self.time = 0

    def next(self) -> FloatArray | None:
        """Return the draws of the next step, (copies, action_size), or None."""
        time, self.time = self.time, self.time + 1
        return None if self.draws is None else self.draws[:, time]


def task_normals(generators: Sequence[np.random.Generator], *shape: int) -> FloatArray:
    """Draw from N(0, 1) for each task with its own generator, (tasks, *shape)."""
    return np.stack([generator.standard_normal(shape) for generator in generators])
