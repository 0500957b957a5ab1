"""ML1 as Meta-World steps it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS
from numpy.typing import NDArray

from environments.family import FamilySpec
from environments.ml1.compiled import with_shared_model
from environments.ml1.resets import random_hand_start
from environments.physics import lost, self_resets
from environments.rendering import Camera
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.validation import checked_actions, checked_tasks


class StockSimulation(Simulation):
    """One Meta-World environment a copy; success is Meta-World's own flag."""

    def __init__(self, spec: FamilySpec, environment: str, copies: int, *, reward: str, hand_start: str) -> None:
        self.spec = spec
        self.copies = copies
        upstream = with_shared_model(ALL_V3_ENVIRONMENTS[f"{environment}-v3"])
        self.environments: list[Any] = [upstream(reward_function_version=reward) for _ in range(copies)]
        for member in self.environments:
            member.max_path_length = sys.maxsize  # time limits are the caller's business
        self._random_hand = hand_start == "random"
        self._hand = self.environments[0].hand_init_pos.copy()
        self._observations = np.zeros((copies, spec.observation_size))
        self._camera = Camera("corner2", turned=True)

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Reset with Meta-World's own procedure, in which the task fixes the whole initial state."""
        tasks = checked_tasks(self.spec, copies, tasks, generators)
        for copy, task, generator in zip(copies, tasks, generators, strict=True):
            environment = self.environments[copy]
            if self._random_hand:
                environment.hand_init_pos = random_hand_start(environment, self._hand, generator)
            environment._set_task_called = True
            environment._last_rand_vec = task.copy()
            self._observations[copy] = environment.reset()[0]
        return self._observations[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step Meta-World with float64 actions."""
        actions = checked_actions(self.spec, actions, active)
        rewards = np.zeros(self.copies)
        success = np.zeros(self.copies, dtype=np.bool_)
        for copy in map(int, np.flatnonzero(active)):
            environment, observation = self.environments[copy], self._observations[copy]
            if not lost(observation):
                observation[:], rewards[copy], _, _, info = environment.step(actions[copy])
                success[copy] = info["success"]
            if lost(observation) or self_resets(environment.data).any():
                observation[:] = rewards[copy] = np.nan
                success[copy] = False
        return Step(self._observations.copy(), rewards, np.zeros(self.copies, dtype=np.bool_), success)

    def __reduce__(self) -> NoReturn:
        """Refuse to be copied: Meta-World's own copies share what they should not."""
        raise TypeError(f"{self.spec.name}: Meta-World's own simulation cannot be copied; simulation='lean' can")

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a picture from Meta-World's camera `corner2`, the right way up."""
        environment = self.environments[copy]
        return self._camera.picture(environment.model, environment.data, width, height)

    def close(self) -> None:
        """Release the renderer."""
        self._camera.close()
