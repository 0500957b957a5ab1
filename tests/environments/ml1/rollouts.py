"""Episodes of ML1 for the tests, by random actions or by Meta-World's scripted experts."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import mujoco
import numpy as np
from metaworld.policies import ENV_POLICY_MAP

from environments import FloatArray, family_names, family_spec, make_family
from environments.ml1.lean import LeanSimulation
from environments.ml1.resets import STATE
from environments.ml1.stock import StockSimulation

NAMES = [name for name in family_names() if family_spec(name).kind == "ml1"]
ONE = np.ones(1, dtype=np.bool_)

Policy = Callable[[FloatArray, FloatArray], FloatArray]
"""From an observation and the hidden goal to an action."""


def random_policy(seed: int) -> Policy:
    generator = np.random.default_rng(seed)
    return lambda observation, goal: generator.uniform(-1.0, 1.0, 4)


def expert_policy(name: str) -> Policy:
    policy = ENV_POLICY_MAP[name.removesuffix("-v1") + "-v3"]()

    def act(observation: FloatArray, goal: FloatArray) -> FloatArray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the experts warn of actions beyond 1
            action = policy.get_action(np.concatenate([observation[:36], goal]))
        return np.clip(action, -1.0, 1.0)

    return act


def pair(name: str, **options: str) -> tuple[StockSimulation, LeanSimulation]:
    stock = make_family(name, simulation="stock", **options).simulation(1)
    lean = make_family(name, simulation="lean", **options).simulation(1)
    assert isinstance(stock, StockSimulation)
    assert isinstance(lean, LeanSimulation)
    return stock, lean


def full_state(model: mujoco.MjModel, data: mujoco.MjData) -> FloatArray:
    state = np.zeros(mujoco.mj_stateSize(model, STATE))
    mujoco.mj_getState(model, data, state, STATE)
    return state
