"""A MuJoCo state as a value."""

from __future__ import annotations

import mujoco
import numpy as np

from environments.simulation import FloatArray

STATE = mujoco.mjtState.mjSTATE_INTEGRATION
"""All that the next physics step depends on, the solver's warm start included; what derives from it is left out."""


def integration_state(model: mujoco.MjModel, data: mujoco.MjData) -> FloatArray:
    """Return the state from which `mj_setState` (with `STATE`) goes on bit for bit."""
    state = np.zeros(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state
