"""A MuJoCo state as a value, and what MuJoCo says of it."""

from __future__ import annotations

import logging

import mujoco
import numpy as np
from numpy.typing import NDArray

from environments.simulation import FloatArray

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""All that the next physics step depends on, the solver's warm start included; what derives from it is left out."""


def integration_state(model: mujoco.MjModel, data: mujoco.MjData) -> FloatArray:
    """Return the state from which `mj_setState` (with `STATE`) goes on bit for bit."""
    state = np.zeros(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state


def self_resets(data: mujoco.MjData) -> NDArray[np.int32]:
    """Return a live view, shape (3,), of what counts how often MuJoCo has reset the state by itself; zeros if never.

    It does so where a position, a velocity or an acceleration is not finite or exceeds 1e10, and goes on from the
    model's own pose as if nothing had happened. `mj_resetData` clears the counts.
    """
    counts: NDArray[np.int32] = data.warning.number[_BAD_POSITION : _BAD_ACCELERATION + 1]
    return counts


_BAD_POSITION = int(mujoco.mjtWarning.mjWARN_BADQPOS)
_BAD_ACCELERATION = int(mujoco.mjtWarning.mjWARN_BADQACC)


def lost(observation: FloatArray) -> bool:
    """Return whether an observation is that of a simulation which became unstable: it begins with NaN."""
    return bool(observation[0] != observation[0])


def log_warnings() -> None:
    """Have MuJoCo's warnings logged, unless a receiver is set: by itself it writes a file into the working folder.

    The receiver is one for the whole process.
    """
    if mujoco.get_mju_user_warning() is None:
        mujoco.set_mju_user_warning(logging.getLogger("mujoco").warning)


log_warnings()
