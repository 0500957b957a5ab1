"""Humanoid: running in a hidden direction."""

from __future__ import annotations

import numpy as np

from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation
from environments.controls.specs import HUMANOID_DIR_2D
from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import FloatArray, Simulation
from environments.streams import task_stream


class HumanoidDir2D(TaskFamily):
    """Run in the direction d = (cos g, sin g), g ~ U(0, 2 pi); the task is d.

    The reward is 0.25 (dc . d) / timestep - 0.1 sum(u^2) - min(5e-7 sum(cfrc_ext^2), 10) + 5, where c is the centre of
    mass in the plane, u the torques' controls (at most 0.4) and timestep 3 ms, the model's and not the control step's:
    as released. An episode ends when the torso leaves [1, 2] m.

    Parameters
    ----------
    contact_forces : "filled" as in MuJoCo 1.50, or "zero" as in 2.0; they are observed, too.
    inertia : "compiled" or "2.1.0"; see `load_model`.
    """

    spec = HUMANOID_DIR_2D

    def __init__(self, *, contact_forces: str = "filled", inertia: str = "compiled") -> None:
        self._contact_forces = contact_forces == "filled"
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw directions of every angle."""
        count = self.spec.train_tasks + self.spec.test_tasks
        angles = task_stream(self.spec.name, seed).uniform(0.0, 2.0 * np.pi, count)
        directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        return TaskSplit(directions[: self.spec.train_tasks], directions[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _HumanoidSimulation(self.spec, copies, self._inertia, self._contact_forces)


class _HumanoidSimulation(ControlsSimulation):
    def __init__(self, spec: FamilySpec, copies: int, inertia: str, contact_forces: bool) -> None:
        model = load_model("humanoid", inertia)
        super().__init__(spec, [model] * copies, frame_skip=5, contact_forces=contact_forces)
        self._masses = model.body_mass / model.body_mass.sum()

    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        return self.uniform_start(generator, 0.01)

    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.views[copy]
        out[:22] = data.qpos[2:]
        out[22:45] = data.qvel
        out[45:185] = data.cinert.ravel()
        out[185:269] = data.cvel.ravel()
        out[269:292] = data.qfrc_actuator
        out[292:] = data.cfrc_ext.ravel()

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        data = self.views[copy]
        before = self._masses @ data.xipos[:, :2]
        self.simulate(copy, control)
        moved = self._masses @ data.xipos[:, :2] - before
        progress = 0.25 * float(moved.dot(self.tasks[copy])) / self.models[copy].opt.timestep
        impact = min(0.5e-6 * float(np.square(data.cfrc_ext).sum()), 10.0)
        reward = progress - 0.1 * float(control.dot(control)) - impact + 5.0
        return reward, not 1.0 <= data.qpos[2] <= 2.0
