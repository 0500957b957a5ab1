"""Walker whose masses, inertias, damping and friction are the task."""

from __future__ import annotations

import copy as copying
from collections.abc import Sequence

import numpy as np

from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation
from environments.controls.specs import WALKER_2D_RAND_PARAMS
from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import FloatArray, IntArray, Simulation
from environments.streams import task_stream
from environments.validation import checked_tasks

EXPONENT_LIMIT = 3.0
TIMESTEP = 0.004

SCALED = (("body_mass", 8, 1.5), ("body_inertia", 24, 1.5), ("dof_damping", 9, 1.3), ("geom_friction", 24, 1.5))
"""Model field, number of entries, and base of their scale factors; 65 in all, not the 67 that the paper counts."""


class Walker2DRandParams(TaskFamily):
    """Walk forwards in a body of unknown parameters; reward dx/dt + 1 - 0.001 sum(a^2).

    The task is 65 factors on the nominal model: base ** U(-3, 3), independently for each entry of `SCALED`. They are
    written straight into the model, without `mj_setConst`, as released. An episode ends when the torso leaves
    (0.8, 2) m or tilts by 1 rad. A factor that is not positive is refused with a `ValueError`.

    Parameters
    ----------
    inertia : "compiled" or "2.1.0", of the nominal model; see `load_model`.
    """

    spec = WALKER_2D_RAND_PARAMS

    def __init__(self, *, inertia: str = "compiled") -> None:
        self._inertia = inertia

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw bodies, each entry independently."""
        stream = task_stream(self.spec.name, seed)
        bases = np.concatenate([np.full(entries, base) for _, entries, base in SCALED])
        count = self.spec.train_tasks + self.spec.test_tasks
        factors = bases ** stream.uniform(-EXPONENT_LIMIT, EXPONENT_LIMIT, (count, bases.size))
        return TaskSplit(factors[: self.spec.train_tasks], factors[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation with a model for each copy."""
        return _WalkerSimulation(self.spec, copies, self._inertia)


class _WalkerSimulation(ControlsSimulation):
    def __init__(self, spec: FamilySpec, copies: int, inertia: str) -> None:
        self._nominal = load_model("walker2d", inertia)
        self._nominal.opt.timestep = TIMESTEP
        super().__init__(spec, [copying.copy(self._nominal) for _ in range(copies)], frame_skip=4)

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Refuse what is no body, and start as every family."""
        lowest = checked_tasks(self.spec, copies, tasks, generators).min(axis=1, initial=np.inf)
        for copy, factor in zip(copies, lowest, strict=True):
            if factor <= 0.0:
                raise ValueError(f"{self.spec.name}: the task of copy {copy}: factors must be positive, not {factor:g}")
        return super().reset(copies, tasks, generators)

    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        first = 0
        for field, entries, _ in SCALED:
            nominal = getattr(self._nominal, field)
            scaled = nominal * task[first : first + entries].reshape(nominal.shape)
            getattr(self.models[copy], field)[:] = scaled
            first += entries
        return self.uniform_start(generator, 0.005)

    def observe(self, copy: int, out: FloatArray) -> None:
        data = self.views[copy]
        out[:8] = data.qpos[1:]
        np.minimum(np.maximum(data.qvel, -10.0), 10.0, out=out[8:])

    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        data = self.views[copy]
        before = data.qpos[0]
        self.simulate(copy, control)
        reward = float(data.qpos[0] - before) / self.dt + 1.0 - 1e-3 * float(action.dot(action))
        upright = 0.8 < data.qpos[1] < 2.0 and abs(data.qpos[2]) < 1.0
        return reward, not upright
