"""ML1 near the speed of its physics."""

from __future__ import annotations

import copy as copying
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import mujoco
import numpy as np
from numpy.typing import NDArray

from environments.family import FamilySpec
from environments.ml1.compiled import pristine_model
from environments.ml1.rebinding import NamedViews, lean_class
from environments.ml1.resets import ResetRecord, recorded, reset_recorder, restore
from environments.ml1.success import CRITERIA
from environments.physics import lost, self_resets
from environments.rendering import Camera
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.validation import checked_actions, checked_tasks

FRAME_SKIP = 5
CURRENT, PREVIOUS = slice(0, 18), slice(18, 36)


class _Copied(NamedTuple):
    """One robot of a simulation that is copied."""

    begun: ResetRecord
    now: ResetRecord


class LeanSimulation(Simulation):
    """Meta-World's numbers at a fraction of its cost: same observations, same rewards, same reset states.

    One `MjModel` serves all copies: a task changes only where bodies and sites stand, and that is put in place before a
    copy moves. `mj_forward` after the physics steps is kept, because it changes the solver's warm start.

    Parameters
    ----------
    spec : the family.
    environment : Meta-World's name without its version, for example "push".
    copies : number of copies.
    reward : "v1" or "v2".
    hand_start : "fixed", or "random": drawn from the copy's generator, at the price of Meta-World's full reset.
    """

    def __init__(self, spec: FamilySpec, environment: str, copies: int, *, reward: str, hand_start: str) -> None:
        self.spec = spec
        self.copies = copies
        self._made_by = partial(LeanSimulation, spec, environment, copies, reward=reward, hand_start=hand_start)
        self._recorder = reset_recorder(environment, reward)
        sibling = self._recorder.sibling
        self._random_hand = hand_start == "random"
        self._solved = CRITERIA[environment].test
        self.model = copying.copy(pristine_model(sibling.fullpath))
        self.model.eq_data[:] = sibling.model.eq_data
        self._bodies, self._sites = self.model.body_pos, self.model.site_pos
        self.datas = [mujoco.MjData(self.model) for _ in range(copies)]
        self.environments = []
        with self._recorder.lock:
            attributes = dict(vars(sibling))
        for data in self.datas:
            member = lean_class(self._recorder.upstream).__new__(lean_class(self._recorder.upstream))
            vars(member).update(attributes)
            member.model, member.data = self.model, NamedViews(data)
            self.environments.append(member)
        self._moved = [(data.mocap_pos[0], data.mocap_quat[0], data.ctrl) for data in self.datas]
        self._mocap_range = sibling.mocap_low, sibling.mocap_high
        self._action_scale = sibling.action_scale
        self._hand_low, self._hand_high = sibling._HAND_SPACE.low.copy(), sibling._HAND_SPACE.high.copy()
        self._records: list[ResetRecord | None] = [None] * copies
        self._self_resets = [self_resets(data) for data in self.datas]
        self._loaded: ResetRecord | None = None
        self._observations = np.zeros((copies, spec.observation_size))
        self._camera = Camera("corner2", turned=True)

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Replay Meta-World's reset, which is run once for each task (and, if random, each start of the hand)."""
        tasks = checked_tasks(self.spec, copies, tasks, generators)
        for copy, task, generator in zip(map(int, copies), tasks, generators, strict=True):
            record = self._recorder.record(task, generator if self._random_hand else None)
            restore(self.environments[copy], self.model, self.datas[copy], record)
            self._self_resets[copy][:] = 0
            self._records[copy] = self._loaded = record
            self._observations[copy] = record.observation
        return self._observations[copies]

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Move the mocap body by at most 1 cm an axis, set the gripper, and let the physics follow."""
        actions = checked_actions(self.spec, actions, active)
        moves = actions[:, :3] * self._action_scale
        grips = np.stack([actions[:, 3], -actions[:, 3]], axis=1)
        rewards = np.zeros(self.copies)
        success = np.zeros(self.copies, dtype=np.bool_)
        for copy in np.flatnonzero(active).tolist():
            rewards[copy], success[copy] = self._advance(copy, actions[copy], moves[copy], grips[copy])
        return Step(self._observations.copy(), rewards, np.zeros(self.copies, dtype=np.bool_), success)

    def _advance(self, copy: int, action: FloatArray, move: FloatArray, grip: FloatArray) -> tuple[float, bool]:
        record, data, environment = self._records[copy], self.datas[copy], self.environments[copy]
        if record is None:
            raise ValueError(f"{self.spec.name}: copy {copy} was stepped before its first reset")
        observation = self._observations[copy]
        if lost(observation):
            return np.nan, False
        self._place(record)
        mocap_position, mocap_orientation, control = self._moved[copy]
        mocap_position += move
        np.maximum(mocap_position, self._mocap_range[0], out=mocap_position)
        np.minimum(mocap_position, self._mocap_range[1], out=mocap_position)
        mocap_orientation[:] = (1.0, 0.0, 1.0, 0.0)
        control[:] = grip
        mujoco.mj_step(self.model, data, FRAME_SKIP)
        mujoco.mj_forward(self.model, data)
        if self._self_resets[copy].any():
            observation[:] = np.nan
            return np.nan, False
        observation[PREVIOUS] = observation[CURRENT]
        environment.observe(observation[CURRENT])
        for hand in (observation[:3], observation[18:21]):
            np.maximum(hand, self._hand_low, out=hand)
            np.minimum(hand, self._hand_high, out=hand)
        return environment.compute_reward(action, observation)[0], self._solved(environment, observation)

    def _place(self, record: ResetRecord) -> None:
        if self._loaded is not record:
            self._bodies[:], self._sites[:] = record.body_positions, record.site_positions
            self._loaded = record

    def __reduce__(self) -> tuple[Callable[[], LeanSimulation], tuple[()], list[_Copied | None]]:
        """Make a copy anew, and put each of its robots where ours is: models are large, and their classes are local."""
        members = zip(self._records, self.environments, self.datas, self._observations, strict=True)
        return self._made_by, (), [None if record is None else self._copied(record, *rest) for record, *rest in members]

    def _copied(self, record: ResetRecord, environment: Any, data: mujoco.MjData, observation: FloatArray) -> _Copied:
        self._place(record)
        return _Copied(record, recorded(environment, self.model, data, observation))

    def __setstate__(self, state: list[_Copied | None]) -> None:
        """Take over what `__reduce__` returned."""
        for copy, copied in enumerate(state):
            if copied is not None:
                restore(self.environments[copy], self.model, self.datas[copy], copied.now)
                self._records[copy] = copied.begun
                self._observations[copy] = copied.now.observation
        self._loaded = None

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a picture from Meta-World's camera `corner2`, the right way up."""
        record = self._records[copy]
        if record is not None:
            self._place(record)
        return self._camera.picture(self.model, self.datas[copy], width, height)

    def close(self) -> None:
        """Release the renderer."""
        self._camera.close()
