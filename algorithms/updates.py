"""The parts that off-policy algorithms share beside replay: a policy that is told of its task, and a run of updates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from algorithms.interface import MetaTestAgent, Metrics
from algorithms.networks import TanhGaussianPolicy
from algorithms.noise import EpisodeNoise
from algorithms.scaling import Standardisation
from environments import FloatArray


class ConditionedActor(MetaTestAgent):
    """Acts for one episode by a policy that is told something of each copy's task: z, or the task vector.

    Parameters
    ----------
    told : (copies, .)
    noise, beyond : as `EpisodeNoise`; None for the policy's mode.
    """

    def __init__(
        self,
        policy: TanhGaussianPolicy,
        scale: Standardisation,
        told: Tensor,
        noise: FloatArray | None,
        beyond: Sequence[np.random.Generator] = (),
    ) -> None:
        self.policy, self.scale, self.told = policy, scale, told
        self.noise = EpisodeNoise(noise, beyond)

    def act(self, observations: FloatArray) -> FloatArray:
        """Act in every copy."""
        return self.policy.act(self.scale(observations), self.told, self.noise.next())


def mean_of_updates(update: Callable[[], dict[str, Tensor]], count: int) -> Metrics:
    """Make `count` updates; return means over those that gave a quantity, with no synchronisation before the end."""
    totals: dict[str, Tensor] = {}
    given = Counter[str]()
    for _ in range(count):
        for name, value in update().items():
            totals[name] = totals[name] + value if name in totals else value
            given[name] += 1
    return {name: float(total) / given[name] for name, total in totals.items()}
