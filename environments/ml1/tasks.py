"""Meta-World's own draws of ML1 tasks, without its cost."""

from __future__ import annotations

from functools import cache
from typing import Any

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from environments.ml1.compiled import with_shared_model
from environments.simulation import FloatArray

TASKS = 50


@cache
def benchmark_tasks(name: str, seed: int) -> FloatArray:
    """Return the 50 train tasks of `metaworld.ML1(f"{name}-v3", seed)`, shape (50, task_size); not to be written to.

    Its test tasks are the train tasks of `seed + 1`.

    Every task is what a reset drew last, redraws included: the resets are Meta-World's own, less the physics steps
    that bring the hand to its start, on which no draw depends.
    """
    environment = _drawing_class(ALL_V3_ENVIRONMENTS[f"{name}-v3"])()
    environment.np_random = np.random.RandomState(seed)
    environment.seeded_rand_vec = True
    environment._freeze_rand_vec = False
    environment._set_task_called = True
    tasks = np.zeros((TASKS, environment._random_reset_space.low.size))
    for task in tasks:
        environment.reset()
        task[:] = environment._last_rand_vec
    tasks.flags.writeable = False
    return tasks


def _drawing_class(upstream: type[Any]) -> type[Any]:
    class Drawing(with_shared_model(upstream)):  # type: ignore[misc]
        def _reset_hand(self, steps: int = 0) -> None:
            mujoco.mj_forward(self.model, self.data)
            super()._reset_hand(steps=0)

    return Drawing
