"""A fixed standardisation of inputs, fitted once on a first sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from algorithms.interface import Episodes, State
from environments import FloatArray


class Standardisation:
    """x -> (x - mean) / deviation; the identity until it is fitted. Coordinates that do not vary are only shifted."""

    def __init__(self, size: int) -> None:
        self.mean = np.zeros(size)
        self.deviation = np.ones(size)

    def fit_episodes(self, sample: Sequence[Episodes]) -> None:
        """Take mean and deviation from all observations of some episodes."""
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
        """Take mean and deviation from a sample (rows, size)."""
        self.mean = sample.mean(axis=0)
        deviation = sample.std(axis=0)
        self.deviation = np.where(deviation > 1e-6, deviation, 1.0)

    def __call__(self, values: FloatArray) -> FloatArray:
        """Standardise values (..., size)."""
        return (values - self.mean) / self.deviation

    def state(self) -> State:
        """Return mean and deviation."""
        return {"mean": torch.tensor(self.mean), "deviation": torch.tensor(self.deviation)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.mean = state["mean"].numpy().copy()
        self.deviation = state["deviation"].numpy().copy()
