"""Half-cheetah: running forwards or backwards, or at a wanted velocity."""

from __future__ import annotations

import numpy as np

from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation, pair_of_directions
from environments.controls.specs import CHEETAH_FB, CHEETAH_VEL
from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import FloatArray, Simulation

VELOCITY_SEED = 1337


class CheetahFB(TaskFamily):
    """Run forwards or backwards; reward d dx/dt - 0.05 sum(a^2), d = +1 for the task (1, 0) and -1 for (0, 1).

    Both tasks are trained on and tested on, as in the paper.

    Parameters
    ----------
    inertia : "compiled" or "2.1.0"; see `load_model`.
    """

    spec = CHEETAH_FB

    def __init__(self, *, inertia: str = "compiled") -> None:
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return both directions, as train and as test tasks, whatever the seed."""
        return pair_of_directions(self.spec)

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _CheetahFBSimulation(self.spec, copies, self._inertia)


class CheetahVel(TaskFamily):
    """Run at a wanted velocity, v ~ U(0, 3) m/s; reward -abs(dx/dt - v) - 0.05 sum(a^2).

    The 130 velocities are the release's own, drawn under its fixed seed 1337: they are the same for every run. Where
    more tasks are asked for, its stream goes on.

    Parameters
    ----------
    inertia : "compiled" or "2.1.0"; see `load_model`.
    """

    spec = CHEETAH_VEL

    def __init__(self, *, inertia: str = "compiled") -> None:
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Return the release's velocities, by default 100 to train and 30 to test, whatever the seed."""
        count = self.spec.train_tasks + self.spec.test_tasks
        velocities = np.random.RandomState(VELOCITY_SEED).uniform(0.0, 3.0, (count, 1))
        return TaskSplit(velocities[: self.spec.train_tasks], velocities[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation on one shared model."""
        return _CheetahVelSimulation(self.spec, copies, self._inertia)


class _CheetahSimulation(ControlsSimulation):
    def __init__(self, spec: FamilySpec, copies: int, inertia: str) -> None:
        super().__init__(spec, [load_model("half_cheetah", inertia)] * copies, frame_skip=5)
        self._torso = self.models[0].body("torso").id

    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        return self.noisy_start(generator, position=0.1, velocity=0.1)

    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.views[copy]
        out[:8] = data.qpos[1:]
        out[8:17] = data.qvel
        out[17:] = data.xpos[self._torso]
        out[:] = out.astype(np.float32)  # the release observes in single precision

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        data = self.views[copy]
        before = data.qpos[0]
        self.simulate(copy, control)
        velocity = float(data.qpos[0] - before) / self.dt
        return self.progress(copy, velocity) - 0.05 * float(action.dot(action)), False

    def progress(self, copy: int, velocity: float) -> float:
        raise NotImplementedError


class _CheetahFBSimulation(_CheetahSimulation):
    def progress(self, copy: int, velocity: float) -> float:
        return velocity * float(self.tasks[copy, 0] - self.tasks[copy, 1])


class _CheetahVelSimulation(_CheetahSimulation):
    def progress(self, copy: int, velocity: float) -> float:
        return -abs(velocity - float(self.tasks[copy, 0]))
