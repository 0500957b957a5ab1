"""Meta-World's reset, run once for a task and replayed from a record."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, NamedTuple

import mujoco
import numpy as np
from metaworld.env_dict import ALL_V3_ENVIRONMENTS

from environments.ml1.compiled import with_shared_model
from environments.physics import STATE, integration_state, self_resets
from environments.simulation import FloatArray

RECORDS = 512
"""Records kept by a recorder before it forgets the oldest; a run needs at most 60."""

HAND_SPREAD = np.array([0.1, 0.1, 0.05])
"""Half the sides, in metres, of the box in which the hand starts when its start is random."""

_VIEWED = ("xpos", "xipos", "xquat", "geom_xpos", "site_xpos", "qpos", "qvel", "mocap_pos")


class ResetRecord(NamedTuple):
    """Everything that a reset leaves behind, or that goes on in an episode."""

    state: FloatArray  # the full integration state
    body_positions: FloatArray  # (bodies, 3), with the sites' all that a reset changes in a model
    site_positions: FloatArray  # (sites, 3)
    values: dict[str, Any]  # attributes that are immutable
    arrays: dict[str, FloatArray]  # attributes that are arrays
    views: dict[str, tuple[str, int, tuple[int, ...]]]  # attributes that are live views: field, offset, shape
    observation: FloatArray  # (39,)


class ResetRecorder:
    """One Meta-World environment that does nothing but reset, each time from the state of a newly made one.

    Simulations share it, in whatever threads they are: one reset is made at a time, and `lock` guards `sibling`.
    """

    def __init__(self, environment: str, reward: str) -> None:
        upstream: Any = ALL_V3_ENVIRONMENTS[f"{environment}-v3"]
        self.sibling = with_shared_model(upstream)(reward_function_version=reward)
        self.sibling._set_task_called = True
        self.lock = threading.Lock()
        self.upstream = upstream
        self._fresh = recorded(self.sibling, self.sibling.model, self.sibling.data, np.zeros(0))
        self._hand = self.sibling.hand_init_pos.copy()
        self._records: dict[bytes, ResetRecord] = {}

    def record(self, task: FloatArray, generator: np.random.Generator | None = None) -> ResetRecord:
        """Return what a reset to the task leaves behind; with a generator, the hand starts at a place drawn from it.

        Raises
        ------
        ValueError
            If Meta-World rejects the task, or its simulation becomes unstable in it.
        """
        with self.lock:
            if generator is not None:
                return self._reset(task, random_hand_start(self.sibling, self._hand, generator))
            key = task.tobytes()
            if key not in self._records:
                if len(self._records) == RECORDS:
                    del self._records[next(iter(self._records))]
                self._records[key] = self._reset(task, self._hand)
            return self._records[key]

    def _reset(self, task: FloatArray, hand: FloatArray) -> ResetRecord:
        restore(self.sibling, self.sibling.model, self.sibling.data, self._fresh)
        mujoco.mj_forward(self.sibling.model, self.sibling.data)
        self.sibling.hand_init_pos = hand.copy()
        self.sibling._last_rand_vec = task.copy()
        observation, _ = self.sibling.reset()
        if self_resets(self.sibling.data).any():
            raise ValueError(f"Meta-World's simulation becomes unstable in the reset to the task {task.tolist()}")
        return recorded(self.sibling, self.sibling.model, self.sibling.data, observation)


def recorded(environment: Any, model: mujoco.MjModel, data: mujoco.MjData, observation: FloatArray) -> ResetRecord:
    """Record the state of an environment, from which `restore` puts another one into it."""
    values, arrays, views = {}, {}, {}
    for name, value in vars(environment).items():
        if isinstance(value, np.ndarray):
            view = _find_view(value, data)
            if view is None:
                arrays[name] = value.copy()
            else:
                views[name] = view
        elif value is None or isinstance(value, bool | int | float | str | np.generic):
            values[name] = value
    return ResetRecord(
        state=integration_state(model, data),
        body_positions=model.body_pos.copy(),
        site_positions=model.site_pos.copy(),
        values=values,
        arrays=arrays,
        views=views,
        observation=observation.copy(),
    )


def random_hand_start(environment: Any, hand: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Draw a start for the hand, shape (3,) in metres: uniform in a box around the usual one, within reach."""
    start = hand + generator.uniform(-HAND_SPREAD, HAND_SPREAD)
    return np.clip(start, environment.mocap_low, environment.mocap_high)


@lru_cache(maxsize=4)
def reset_recorder(environment: str, reward: str) -> ResetRecorder:
    """Make the recorder of an environment such as "push", or return one of the last few."""
    return ResetRecorder(environment, reward)


def restore(target: Any, model: mujoco.MjModel, data: mujoco.MjData, record: ResetRecord) -> None:
    """Put an environment into the state that was recorded of a like one."""
    model.body_pos[:], model.site_pos[:] = record.body_positions, record.site_positions
    mujoco.mj_setState(model, data, record.state, STATE)
    attributes = vars(target)
    attributes.update(record.values)
    for name, array in record.arrays.items():
        attributes[name] = array.copy()
    for name, (field, offset, shape) in record.views.items():
        attributes[name] = getattr(data, field).reshape(-1)[offset : offset + int(np.prod(shape))].reshape(shape)


def _find_view(array: Any, data: mujoco.MjData) -> tuple[str, int, tuple[int, ...]] | None:
    for field in _VIEWED:
        whole = getattr(data, field)
        if np.shares_memory(array, whole):
            return field, (array.ctypes.data - whole.ctypes.data) // whole.itemsize, array.shape
    return None
