"""The lean path gives Meta-World's own numbers."""

from __future__ import annotations

import numpy as np
import pytest

from environments import make_family
from tests.environments.ml1.rollouts import NAMES, ONE, Policy, expert_policy, full_state, pair, random_policy

SAMPLE = ["push-v1", "door-open-v1", "assembly-v1", "stick-pull-v1", "basketball-v1", "lever-pull-v1"]


def assert_equal_to_stock(name: str, reward: str, policy: Policy, tasks: int, steps: int) -> None:
    stock, lean = pair(name, reward=reward)
    generator = [np.random.default_rng(0)]
    train = make_family(name).sample_tasks(0).train
    for task in [*train[:tasks], train[0]]:
        expected = stock.reset(np.zeros(1, dtype=np.int64), task[None], generator)
        observation = lean.reset(np.zeros(1, dtype=np.int64), task[None], generator)
        np.testing.assert_array_equal(observation, expected)
        environment = stock.environments[0]
        np.testing.assert_array_equal(
            full_state(lean.model, lean.datas[0]), full_state(environment.model, environment.data)
        )
        for _ in range(steps):
            action = policy(observation[0], environment._target_pos)[None]
            wanted = stock.step(action, ONE)
            got = lean.step(action, ONE)
            np.testing.assert_allclose(got.observations, wanted.observations, rtol=0.0, atol=1e-12)
            np.testing.assert_allclose(got.rewards, wanted.rewards, rtol=0.0, atol=1e-12)
            observation = got.observations


@pytest.mark.parametrize("reward", ["v1", "v2"])
@pytest.mark.parametrize("name", SAMPLE)
def test_lean_equals_stock(name: str, reward: str) -> None:
    assert_equal_to_stock(name, reward, random_policy(0), tasks=2, steps=30)


@pytest.mark.parametrize("name", SAMPLE[:3])
def test_lean_equals_stock_where_the_expert_goes(name: str) -> None:
    assert_equal_to_stock(name, "v1", expert_policy(name), tasks=1, steps=120)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["random", "expert"])
@pytest.mark.parametrize("reward", ["v1", "v2"])
@pytest.mark.parametrize("name", NAMES)
def test_lean_equals_stock_everywhere(name: str, reward: str, policy: str) -> None:
    act = expert_policy(name) if policy == "expert" else random_policy(1)
    assert_equal_to_stock(name, reward, act, tasks=3, steps=200)


def test_a_task_that_meta_world_would_draw_again_is_refused() -> None:
    simulation = make_family("push-v1").simulation(1)
    on_the_goal = np.array([[0.0, 0.65, 0.02, 0.0, 0.7, 0.02]])
    with pytest.raises(ValueError, match="object and goal are too close together"):
        simulation.reset(np.zeros(1, dtype=np.int64), on_the_goal, [np.random.default_rng(0)])


def test_a_copy_must_be_reset_before_it_is_stepped() -> None:
    simulation = make_family("push-v1").simulation(1)
    with pytest.raises(ValueError, match="push-v1: copy 0 was stepped before its first reset"):
        simulation.step(np.zeros((1, 4)), ONE)
