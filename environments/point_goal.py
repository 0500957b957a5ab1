"""Navigation in the plane to a hidden goal: a task family that trains in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.streams import task_stream
from environments.validation import checked_actions, checked_tasks

STEP_LENGTH = 0.1
START_NOISE = 0.01
SUCCESS_RADIUS = 0.2

POINT_GOAL_2D = FamilySpec(
    name="point-goal-2d",
    kind="toy",
    observation_size=2,
    action_size=2,
    task_size=2,
    horizon=20,
    exploration_episodes=2,
    train_tasks=40,
    test_tasks=20,
    success=f"within {SUCCESS_RADIUS} of the goal",
    revision=1,
)


class PointGoal(TaskFamily):
    """A point that starts near the origin and is rewarded by minus its distance to a hidden goal.

    Goals lie on the upper half circle of radius 1, angle ~ U(0, pi); the task vector is the goal. Each action component
    moves the point by at most 0.1 along its axis. The start is drawn from N(0, 0.01^2) per axis.
    """

    spec = POINT_GOAL_2D

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw goals on the half circle."""
        angles = task_stream(self.spec.name, seed).uniform(0.0, np.pi, self.spec.train_tasks + self.spec.test_tasks)
        goals = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return TaskSplit(goals[: self.spec.train_tasks], goals[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation whose copies are rows of one array."""
        return _PointGoalSimulation(copies)


class _PointGoalSimulation(Simulation):
    def __init__(self, copies: int) -> None:
        self.copies = copies
        self._positions = np.zeros((copies, 2))
        self._goals = np.zeros((copies, 2))

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        self._goals[copies] = checked_tasks(POINT_GOAL_2D, copies, tasks, generators)
        for copy, generator in zip(copies, generators, strict=True):
            self._positions[copy] = START_NOISE * generator.standard_normal(2)
        return self._positions[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        self._positions += STEP_LENGTH * checked_actions(POINT_GOAL_2D, actions, active)
        offsets = self._goals - self._positions
        distances = np.sqrt(offsets[:, 0] ** 2 + offsets[:, 1] ** 2)
        return Step(
            observations=self._positions.copy(),
            rewards=np.where(active, -distances, 0.0),
            terminated=np.zeros(self.copies, dtype=np.bool_),
            success=active & (distances <= SUCCESS_RADIUS),
        )

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        picture = np.full((height, width, 3), 255, dtype=np.uint8)
        rows, columns = np.mgrid[0:height, 0:width]
        scale = 1.5 / min(width, height) * 2.0  # the square [-1.5, 1.5]^2 fits the picture
        x = (columns - width / 2) * scale
        y = (height / 2 - rows) * scale
        for centre, radius, colour in (
            (self._goals[copy], SUCCESS_RADIUS, (160, 210, 160)),
            (self._positions[copy], 0.05, (40, 80, 160)),
        ):
            picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = colour
        return picture
