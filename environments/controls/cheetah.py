"""Half-cheetah: running forwards or backwards, or at a wanted velocity."""

from __future__ import annotations

import numpy as np

from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation
from environments.controls.specs import CHEETAH_VEL
from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import FloatArray, Simulation

VELOCITY_SEED = 1337


class CheetahVel(TaskFamily):
    """Run at a wanted velocity, v ~ U(0, 3) m/s; reward -abs(dx/dt - v) - 0.05 sum(a^2).

    The 130 velocities are the release's own, drawn under its fixed seed 1337: they are the same for every run.
    """

    spec = CHEETAH_VEL

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return the release's 100 train and 30 test velocities, whatever the seed."""
        velocities = np.random.RandomState(VELOCITY_SEED).uniform(0.0, 3.0, (130, 1))
        return TaskSplit(velocities[: self.spec.train_tasks], velocities[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _CheetahVelSimulation(self.spec, copies)


class _CheetahSimulation(ControlsSimulation):
    def __init__(self, spec: FamilySpec, copies: int) -> None:
        super().__init__(spec, load_model("half_cheetah"), copies, frame_skip=5)
        self._torso = self.models[0].body("torso").id

    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        qpos = self._initial_qpos + generator.uniform(-0.1, 0.1, self._initial_qpos.size)
        return qpos, self._initial_qvel + 0.1 * generator.standard_normal(self._initial_qvel.size)

    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.datas[copy]
        out[:8] = data.qpos[1:]
        out[8:17] = data.qvel
        out[17:] = data.xpos[self._torso]
        out[:] = out.astype(np.float32)  # the release observes in single precision

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        data = self.datas[copy]
        before = data.qpos[0]
        self.simulate(copy, control)
        velocity = (data.qpos[0] - before) / self.dt
        return self.progress_reward(copy, velocity) - 0.05 * float(np.square(action).sum()), False

    def progress_reward(self, copy: int, velocity: float) -> float:
        raise NotImplementedError


class _CheetahVelSimulation(_CheetahSimulation):
    def progress_reward(self, copy: int, velocity: float) -> float:
        return -abs(float(velocity) - float(self.tasks[copy, 0]))
