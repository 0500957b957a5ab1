"""Ant: running in one of two directions, or to a hidden place.

The release's model is Gymnasium's `ant.xml` with two sites more, which neither move nor are observed.
"""

from __future__ import annotations

import numpy as np

from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation, pair_of_directions
from environments.controls.specs import ANT_FB, ANT_GOAL_2D
from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import FloatArray, Simulation
from environments.streams import task_stream


class AntFB(TaskFamily):
    """Run in one of two directions d; reward v.d - 0.5 sum(a^2) - contact + 1, v the torso's velocity in the plane.

    The contact cost is 0.0005 sum(clip(cfrc_ext, -1, 1)^2). An episode ends when the torso leaves [0.2, 1] m.

    Parameters
    ----------
    directions : "opposite", the paper's forwards (1, 0) and backwards (0, 1), one-hot; or "random", what the release's
        configuration really draws: two random directions, the task then being the unit vector itself. Both tasks are
        trained on and tested on.
    contact_forces : "filled" as in MuJoCo 1.50, or "zero" as in 2.0.
    inertia : "compiled" or "2.1.0"; see `load_model`.
    """

    spec = ANT_FB

    def __init__(
        self, *, directions: str = "opposite", contact_forces: str = "filled", inertia: str = "compiled"
    ) -> None:
        self._directions = directions
        self._contact_forces = contact_forces == "filled"
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return the two directions, as train and as test tasks."""
        if self._directions == "opposite":
            return pair_of_directions(self.spec)
        angles = task_stream(self.spec.name, seed).uniform(0.0, 2.0 * np.pi, self.spec.most_tasks)
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return TaskSplit(directions[: self.spec.train_tasks].copy(), directions[: self.spec.test_tasks].copy())

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _AntFBSimulation(
            self.spec, copies, self._inertia, self._contact_forces, one_hot=self._directions == "opposite"
        )


class AntGoal2D(TaskFamily):
    """Go to a hidden place g in the disc of radius 3 m, uniform over its area.

    The reward is -(abs(x - g_x) + abs(y - g_y)) - 0.1 sum(a^2) - contact, with the contact cost of `AntFB`. It never
    ends.

    Parameters
    ----------
    contact_forces : "filled" as in MuJoCo 1.50, or "zero" as in 2.0; they are observed, too.
    inertia : "compiled" or "2.1.0"; see `load_model`.
    """

    spec = ANT_GOAL_2D

    def __init__(self, *, contact_forces: str = "filled", inertia: str = "compiled") -> None:
        self._contact_forces = contact_forces == "filled"
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw places in the disc."""
        stream = task_stream(self.spec.name, seed)
        count = self.spec.train_tasks + self.spec.test_tasks
        angles = stream.uniform(0.0, 2.0 * np.pi, count)
        radii = 3.0 * np.sqrt(stream.uniform(0.0, 1.0, count))
        goals = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
        return TaskSplit(goals[: self.spec.train_tasks], goals[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _AntGoalSimulation(self.spec, copies, self._inertia, self._contact_forces)


class _AntSimulation(ControlsSimulation):
    def __init__(self, spec: FamilySpec, copies: int, inertia: str, contact_forces: bool) -> None:
        super().__init__(spec, [load_model("ant", inertia)] * copies, frame_skip=5, contact_forces=contact_forces)
        self._torso = self.models[0].body("torso").id

    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        return self.noisy_start(generator, position=0.1, velocity=0.1)

    def contact_cost(self, copy: int) -> float:
        forces = np.clip(self.views[copy].cfrc_ext, -1.0, 1.0)
        return 0.5e-3 * float(np.square(forces).sum())


class _AntFBSimulation(_AntSimulation):
    def __init__(self, spec: FamilySpec, copies: int, inertia: str, contact_forces: bool, *, one_hot: bool) -> None:
        super().__init__(spec, copies, inertia, contact_forces)
        self._one_hot = one_hot

    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.views[copy]
        out[:13] = data.qpos[2:]
        out[13:] = data.qvel

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        data = self.views[copy]
        before = data.xpos[self._torso, :2].copy()
        self.simulate(copy, control)
        x, y = (data.xpos[self._torso, :2] - before) / self.dt
        first, second = self.tasks[copy]
        progress = x * (first - second) if self._one_hot else x * first + y * second
        reward = float(progress) - 0.5 * float(action.dot(action)) - self.contact_cost(copy) + 1.0
        standing = 0.2 <= data.qpos[2] <= 1.0 and np.isfinite(data.qpos).all() and np.isfinite(data.qvel).all()
        return reward, not standing


class _AntGoalSimulation(_AntSimulation):
    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.views[copy]
        out[:15] = data.qpos
        out[15:29] = data.qvel
        np.clip(data.cfrc_ext.ravel(), -1.0, 1.0, out=out[29:])

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        self.simulate(copy, control)
        distance = float(np.abs(self.views[copy].xpos[self._torso, :2] - self.tasks[copy]).sum())
        return -distance - 0.1 * float(action.dot(action)) - self.contact_cost(copy), False
