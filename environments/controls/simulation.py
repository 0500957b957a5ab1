"""Several copies of one MuJoCo model, stepped one after the other."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence

os.environ.setdefault("MUJOCO_GL", "osmesa")

import mujoco
import numpy as np
from numpy.typing import NDArray

from environments.family import FamilySpec
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.validation import checked_actions, checked_tasks


class ControlsSimulation(Simulation):
    """One `MjData` a copy and, unless a task changes the model, one `MjModel` for all.

    A subclass says what an initial state, an observation and a reward are, for one copy at a time: no sum runs over
    copies, so that stepping them together is bit-equal to stepping them one by one.

    As with mujoco-py, quantities derived from positions (`xpos`, `xipos`) are read as the last substep left them.

    Parameters
    ----------
    spec : the family.
    model : the compiled model.
    copies : number of copies.
    frame_skip : physics steps in a control step.
    contact_forces : fill `cfrc_ext` after each control step, as MuJoCo 1.50 did; since 2.0 it stays zero by default.
    """

    def __init__(
        self, spec: FamilySpec, model: mujoco.MjModel, copies: int, frame_skip: int, *, contact_forces: bool = False
    ) -> None:
        self.spec = spec
        self.copies = copies
        self.frame_skip = frame_skip
        self.dt = model.opt.timestep * frame_skip
        self.contact_forces = contact_forces
        self.models = [model] * copies
        self.datas = [mujoco.MjData(model) for _ in range(copies)]
        self.tasks = np.zeros((copies, spec.task_size))
        self._initial_qpos = self.datas[0].qpos.copy()
        self._initial_qvel = self.datas[0].qvel.copy()
        self._control_low, self._control_high = model.actuator_ctrlrange.T.copy()
        self._observations = np.zeros((copies, spec.observation_size))
        self._renderer: mujoco.Renderer | None = None

    @abstractmethod
    def begin(self, copy: int, task: FloatArray, generator: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Take the task on and return the initial (qpos, qvel)."""

    @abstractmethod
    def observe(self, copy: int, out: FloatArray) -> None:
        """Write the copy's observation into `out`."""

    @abstractmethod
    def advance(self, copy: int, action: FloatArray, control: FloatArray) -> tuple[float, bool]:
        """Take one control step and return (reward, terminated)."""

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Set the initial state that `begin` names, and derive the rest from it."""
        tasks = checked_tasks(self.spec, copies, tasks, generators)
        for copy, task, generator in zip(copies, tasks, generators, strict=True):
            data = self.datas[copy]
            self.tasks[copy] = task
            qpos, qvel = self.begin(copy, task, generator)
            mujoco.mj_resetData(self.models[copy], data)
            data.qpos[:] = qpos
            data.qvel[:] = qvel
            mujoco.mj_forward(self.models[copy], data)
            if self.contact_forces:
                mujoco.mj_rnePostConstraint(self.models[copy], data)
            self.observe(copy, self._observations[copy])
        return self._observations[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Clip, rescale to the actuators' range, and advance the active copies in order."""
        actions = checked_actions(self.spec, actions, active)
        controls = self._control_low + (actions + 1.0) * 0.5 * (self._control_high - self._control_low)
        rewards = np.zeros(self.copies)
        terminated = np.zeros(self.copies, dtype=np.bool_)
        for copy in map(int, np.flatnonzero(active)):
            rewards[copy], terminated[copy] = self.advance(copy, actions[copy], controls[copy])
            self.observe(copy, self._observations[copy])
        return Step(self._observations.copy(), rewards, terminated, np.zeros(self.copies, dtype=np.bool_))

    def simulate(self, copy: int, control: FloatArray) -> None:
        """Hold a control for one control step."""
        model, data = self.models[copy], self.datas[copy]
        data.ctrl[:] = control
        mujoco.mj_step(model, data, self.frame_skip)
        if self.contact_forces:
            mujoco.mj_rnePostConstraint(model, data)

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a picture from the camera that follows the body."""
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (width, height):
            self.close()
            self._renderer = mujoco.Renderer(self.models[copy], height, width)
        self._renderer.update_scene(self.datas[copy], camera="track")
        picture: NDArray[np.uint8] = self._renderer.render()
        return picture

    def close(self) -> None:
        """Release the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
