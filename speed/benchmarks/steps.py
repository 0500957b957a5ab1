"""A step of ten copies of one environment of each kind, and of one behind Gymnasium's interface; resets included."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from environments import environment_id, family_names, family_spec, make_family

COPIES, STEPS, ROUNDS = 10, 20, 10
FIRST: dict[str, str] = {family_spec(name).kind: name for name in reversed(family_names())}
"""A family of each kind, the first by name."""


@pytest.mark.parametrize("kind", FIRST)
def test_steps(benchmark: Any, kind: str) -> None:
    """Time some steps from a reset on."""
    family = make_family(FIRST[kind])
    simulation, train = family.simulation(COPIES), family.sample_tasks(0).train
    tasks = np.resize(train, (COPIES, train.shape[1]))
    actions = np.random.default_rng(0).uniform(-1.0, 1.0, (STEPS, COPIES, family.spec.action_size))
    everyone = np.ones(COPIES, dtype=np.bool_)

    def work() -> None:
        simulation.reset(np.arange(COPIES), tasks, [np.random.default_rng(0)] * COPIES)
        for action in actions:
            simulation.step(action, everyone)

    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)


def test_gymnasium_steps(benchmark: Any) -> None:
    """Time as many of one copy."""
    environment = gymnasium.make(environment_id("point-goal-2d"))
    action = environment.action_space.sample()

    def work() -> None:
        environment.reset(seed=0)
        for _ in range(STEPS):
            environment.step(action)

    benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)
