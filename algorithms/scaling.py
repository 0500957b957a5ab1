"""A fixed standardisation of inputs, fitted once on a first sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from algorithms.interface import Episodes, State
from environments import FloatArray

LEAST_DEVIATION = 0.05
"""Least standard deviation of an observation or a task vector that a first sample standardises: 5 cm, or 3 degrees.

What hardly moves under an untrained policy moves under a trained one. In Meta-World's warm-up data the object's
coordinates deviate by 1e-5 to 3e-4 and the hand's by 0.03 to 0.2; pushing moves the object by 0.1.
"""


class Standardisation:
    """x -> (x - mean) / std; the identity until it is fitted. Coordinates that do not vary are only shifted.

    Parameters
    ----------
    size : number of coordinates.
    least : the least std that is divided by, for inputs that may come to vary more than the sample.
    """

    def __init__(self, size: int, least: float = 0.0) -> None:
        self.least = least
        self.mean = np.zeros(size)
        self.deviation = np.ones(size)

    def fit_episodes(self, sample: Sequence[Episodes]) -> None:
        """Take mean and std from all observations of some episodes."""
        self.fit(
            np.concatenate(
                [
                    episodes.observations[copy, : length + 1]
                    for episodes in sample
                    for copy, length in enumerate(episodes.lengths)
                ]
            )
        )

    def fit(self, sample: FloatArray) -> None:
        """Take mean and std from a sample (rows, size)."""
        self.mean = sample.mean(axis=0)
        std = np.maximum(sample.std(axis=0), self.least)
        self.deviation = np.where(std > 1e-6, std, 1.0)

    def __call__(self, values: FloatArray) -> FloatArray:
        """Standardise values (..., size)."""
        return (values - self.mean) / self.deviation

    def state(self) -> State:
        """Return mean and std."""
        return {"mean": torch.tensor(self.mean), "deviation": torch.tensor(self.deviation)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.mean = state["mean"].numpy().copy()
        self.deviation = state["deviation"].numpy().copy()
