"""Checks that run before a simulator sees a task or an action."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from environments.family import FamilySpec
from environments.simulation import BoolArray, FloatArray, IntArray


def checked_tasks(
    spec: FamilySpec, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]
) -> FloatArray:
    """Return the task vectors as float64, one a copy.

    Raises
    ------
    ValueError
        If there is not one task vector of `spec.task_size` finite numbers and one generator a copy.
    """
    tasks = np.asarray(tasks, dtype=np.float64)
    if tasks.shape != (len(copies), spec.task_size):
        raise ValueError(
            f"{spec.name}: tasks must have the shape {(len(copies), spec.task_size)}, "
            f"one vector of {spec.task_size} numbers a copy, not {tasks.shape}"
        )
    if len(generators) != len(copies):
        raise ValueError(f"{spec.name}: {len(copies)} copies need as many generators, not {len(generators)}")
    finite = np.isfinite(tasks).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ValueError(f"{spec.name}: the task of copy {int(copies[row])} is not finite: {tasks[row].tolist()}")
    return tasks


def checked_actions(spec: FamilySpec, actions: FloatArray, active: BoolArray) -> FloatArray:
    """Return a float64 copy of the actions clipped to [-1, 1]; rows of inactive copies are zero.

    Raises
    ------
    ValueError
        If the shape is not (copies, action_size), or an active copy's action is not finite.
    """
    actions = np.asarray(actions, dtype=np.float64)
    if actions.shape != (len(active), spec.action_size):
        raise ValueError(
            f"{spec.name}: actions must have the shape {(len(active), spec.action_size)}, not {actions.shape}"
        )
    actions = np.where(active[:, None], actions, 0.0)
    if not np.isfinite(actions).all():
        copy = int(np.argmin(np.isfinite(actions).all(axis=1)))
        raise ValueError(f"{spec.name}: the action of copy {copy} is not finite: {actions[copy].tolist()}")
    return np.clip(actions, -1.0, 1.0, out=actions)
