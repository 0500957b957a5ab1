"""Navigation in the plane as MAML's paper has it: the point robot of Finn et al. (ICML 2017, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.streams import task_stream
from environments.validation import checked_actions, checked_tasks

STEP_LENGTH = 0.1
HALF_SIDE = 0.5
"""Half of the side of the square that goals lie in."""
REACHED = 0.01
"""Offset on both axes below which an episode ends."""

NAVIGATION_2D = FamilySpec(
    name="navigation-2d",
    kind="toy",
    observation_size=2,
    action_size=2,
    task_size=2,
    horizon=100,
    exploration_episodes=20,
    train_tasks=10_000,
    test_tasks=40,
    success=f"within {REACHED} of the goal on both axes",
    revision=1,
)


class Navigation(TaskFamily):
    """A point that starts at the origin and is rewarded by minus its distance to a hidden goal, where it ends.

    As in cbfinn/maml_rl, maml_examples/point_env_randgoal.py in rllab's normalising wrapper: an action of 1 moves the
    point by 0.1 along its axis; the reward is minus the distance after the move, the last one's included; the episode
    ends when both offsets are below 0.01. Goals are uniform in the square of side 1 around the origin. That code draws
    new ones in every iteration; here they come from 10,000, which a run of 20 an iteration hardly meets twice.

    Parameters
    ----------
    test_goals : "drawn", or "icml" for those of maml_examples/test_maml_point.py, the same 40 under every seed.
    """

    spec = NAVIGATION_2D

    def __init__(self, test_goals: str = "drawn") -> None:
        self.test_goals = test_goals

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw goals in the square."""
        stream = task_stream(self.spec.name, seed)
        train = stream.uniform(-HALF_SIDE, HALF_SIDE, (self.spec.train_tasks, 2))
        tests = np.random.RandomState(1) if self.test_goals == "icml" else stream
        return TaskSplit(train, tests.uniform(-HALF_SIDE, HALF_SIDE, (self.spec.test_tasks, 2)))

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation whose copies are rows of one array."""
        return _NavigationSimulation(copies)


class _NavigationSimulation(Simulation):
    def __init__(self, copies: int) -> None:
        self.copies = copies
        self._positions = np.zeros((copies, 2))
        self._goals = np.zeros((copies, 2))

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        self._goals[copies] = checked_tasks(NAVIGATION_2D, copies, tasks, generators)
        self._positions[copies] = 0.0
        return self._positions[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        self._positions += STEP_LENGTH * checked_actions(NAVIGATION_2D, actions, active)
        offsets = self._positions - self._goals
        distances = np.sqrt(offsets[:, 0] ** 2 + offsets[:, 1] ** 2)
        reached = active & (np.abs(offsets) < REACHED).all(axis=1)
        return Step(
            observations=self._positions.copy(),
            rewards=np.where(active, -distances, 0.0),
            terminated=reached,
            success=reached,
        )

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        picture = np.full((height, width, 3), 255, dtype=np.uint8)
        rows, columns = np.mgrid[0:height, 0:width]
        scale = 0.75 / min(width, height) * 2.0  # the square [-0.75, 0.75]^2 fits the picture
        x = (columns - width / 2) * scale
        y = (height / 2 - rows) * scale
        for centre, radius, colour in (
            (self._goals[copy], 0.03, (160, 210, 160)),
            (self._positions[copy], 0.02, (40, 80, 160)),
        ):
            picture[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = colour
        return picture
