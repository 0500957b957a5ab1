"""Several copies of one MuJoCo model, stepped one after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from environments.family import FamilySpec, TaskSplit
from environments.physics import STATE, integration_state, lost, self_resets
from environments.rendering import Camera
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.validation import checked_actions, checked_tasks

_MADE = ("datas", "views", "_self_resets")
"""The parts that a copy makes anew."""

FIELDS = ("qpos", "qvel", "ctrl", "xpos", "xipos", "cfrc_ext", "cinert", "cvel", "qfrc_actuator")


def pair_of_directions(spec: FamilySpec) -> TaskSplit:
    """Return forwards (1, 0) and backwards (0, 1), one-hot, as both train and test tasks."""
    return TaskSplit(np.eye(2)[: spec.train_tasks], np.eye(2)[: spec.test_tasks])


class ControlsSimulation(Simulation):
    """One `MjData` a copy and, unless a task changes the model, one `MjModel` for all.

    A subclass says what an initial state, an observation and a reward are, for one copy at a time: no sum runs over
    copies, so that stepping them together is bit-equal to stepping them one by one. `views` holds, for each copy, live
    arrays of its `MjData`, whose own attributes are slow to read.

    As with mujoco-py, quantities derived from positions (`xpos`, `xipos`) are read as the last substep left them.

    Parameters
    ----------
    spec : the family.
    models : a compiled model for each copy; the same one for several, where no task changes it.
    frame_skip : physics steps in a control step.
    contact_forces : fill `cfrc_ext` after each control step, as MuJoCo 1.50 did; since 2.0 it stays zero by default.
    """

    def __init__(
        self, spec: FamilySpec, models: Sequence[mujoco.MjModel], *, frame_skip: int, contact_forces: bool = False
    ) -> None:
        self.spec = spec
        self.copies = len(models)
        self.frame_skip = frame_skip
        self.contact_forces = contact_forces
        self.models = models
        self._make_datas()
        self.dt = models[0].opt.timestep * frame_skip
        self.control_low, self.control_high = models[0].actuator_ctrlrange.T.copy()
        # The release rescales in single precision; MuJoCo 1.50 to 2.1.0 then clamped `ctrl` in place.
        single = models[0].actuator_ctrlrange.T.astype(np.float32)
        self._rescaled_low, self._rescaled_high = single.astype(np.float64)
        self.tasks = np.zeros((self.copies, spec.task_size))
        self._initial_qpos = models[0].qpos0.copy()
        self._observations = np.zeros((self.copies, spec.observation_size))
        self._camera = Camera("track")

    def _make_datas(self) -> None:
        self.datas = [mujoco.MjData(model) for model in self.models]
        self.views = [SimpleNamespace(**{field: getattr(data, field) for field in FIELDS}) for data in self.datas]
        self._self_resets = [self_resets(data) for data in self.datas]

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of: an `MjData` by its integration state and by the fields that are read of it."""
        kept = {name: value for name, value in vars(self).items() if name not in _MADE}
        states = [integration_state(model, data) for model, data in zip(self.models, self.datas, strict=True)]
        fields = [{field: getattr(view, field).copy() for field in FIELDS} for view in self.views]
        return {"kept": kept, "states": states, "fields": fields}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over what `__getstate__` returned."""
        vars(self).update(state["kept"])
        self._make_datas()
        for model, data, view, integrated, fields in zip(
            self.models, self.datas, self.views, state["states"], state["fields"], strict=True
        ):
            mujoco.mj_setState(model, data, integrated, STATE)
            for field, values in fields.items():
                getattr(view, field)[:] = values

    @abstractmethod
    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Take the task on and return the initial (qpos, qvel)."""

    @abstractmethod
    def observe(self, copy: int, out: FloatArray) -> None:
        """Write the copy's observation into `out`."""

    @abstractmethod
    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        """Take one control step and return (reward, terminated)."""

    def noisy_start(
        self, generator: np.random.Generator, *, position: float, velocity: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return (qpos, qvel): the model's own pose + U(-position, position), at rest + N(0, velocity^2)."""
        qpos = self._initial_qpos + generator.uniform(-position, position, self._initial_qpos.size)
        return qpos, velocity * generator.standard_normal(self.models[0].nv)

    def uniform_start(self, generator: np.random.Generator, noise: float) -> tuple[FloatArray, FloatArray]:
        """Return (qpos, qvel): the model's own pose, at rest, each + U(-noise, noise)."""
        qpos = self._initial_qpos + generator.uniform(-noise, noise, self._initial_qpos.size)
        return qpos, generator.uniform(-noise, noise, self.models[0].nv)

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Set the initial state that `begin` names, and derive the rest from it."""
        tasks = checked_tasks(self.spec, copies, tasks, generators)
        for copy, task, generator in zip(map(int, copies), tasks, generators, strict=True):
            model, data = self.models[copy], self.datas[copy]
            self.tasks[copy] = task
            qpos, qvel = self.begin(copy, task, generator)
            mujoco.mj_resetData(model, data)
            data.qpos[:] = qpos
            data.qvel[:] = qvel
            mujoco.mj_forward(model, data)
            if self.contact_forces:
                mujoco.mj_rnePostConstraint(model, data)
            self.observe(copy, self._observations[copy])
        return self._observations[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Clip, rescale to the actuators' range, and advance the active copies in order.

        A copy whose simulation became unstable has no state any more: its observation and reward are NaN from then on.
        """
        actions = checked_actions(self.spec, actions, active)
        controls = self._rescaled_low + (actions + 1.0) * 0.5 * (self._rescaled_high - self._rescaled_low)
        controls = np.clip(controls, self.control_low, self.control_high)
        rewards = np.zeros(self.copies)
        terminated = np.zeros(self.copies, dtype=np.bool_)
        for copy in map(int, np.flatnonzero(active)):
            if not lost(self._observations[copy]):
                rewards[copy], terminated[copy] = self.advance(copy, actions[copy], controls[copy])
                self.observe(copy, self._observations[copy])
            if self._self_resets[copy].any() or lost(self._observations[copy]):
                self._observations[copy] = rewards[copy] = np.nan
                terminated[copy] = False
        return Step(self._observations.copy(), rewards, terminated, np.zeros(self.copies, dtype=np.bool_))

    def simulate(self, copy: int, control: FloatArray) -> None:
        """Hold a control for one control step."""
        model, data = self.models[copy], self.datas[copy]
        self.views[copy].ctrl[:] = control
        mujoco.mj_step(model, data, self.frame_skip)
        if self.contact_forces:
            mujoco.mj_rnePostConstraint(model, data)

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a picture from the camera that follows the body."""
        return self._camera.picture(self.models[copy], self.datas[copy], width, height)

    def close(self) -> None:
        """Release the renderer."""
        self._camera.close()
