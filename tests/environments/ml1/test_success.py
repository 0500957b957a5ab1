"""Success is computed from the state: Meta-World's v2 flag, whichever reward is paid."""

from __future__ import annotations

import numpy as np
import pytest

from environments import make_family
from environments.ml1.success import CRITERIA
from tests.environments.ml1.rollouts import NAMES, ONE, expert_policy, pair

FIRST = np.zeros(1, dtype=np.int64)
WRONG_UNDER_V1 = ["hand-insert-v1", "stick-push-v1", "peg-insert-side-v1"]


def flags(name: str, reward: str, tasks: int, steps: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Return success at each step, (tasks, steps), by Meta-World's v2 flag and by the lean path under `reward`."""
    stock, _ = pair(name, reward="v2")
    _, lean = pair(name, reward=reward)
    act = expert_policy(name)
    wanted = np.zeros((tasks, steps), dtype=np.bool_)
    got = np.zeros((tasks, steps), dtype=np.bool_)
    for row, task in enumerate(make_family(name).sample_tasks(0).train[:tasks]):
        observation = stock.reset(FIRST, task[None], [np.random.default_rng(0)])
        lean.reset(FIRST, task[None], [np.random.default_rng(0)])
        for time in range(steps):
            action = act(observation[0], stock.environments[0]._target_pos)[None]
            step = stock.step(action, ONE)
            observation = step.observations
            wanted[row, time] = step.success[0]
            got[row, time] = lean.step(action, ONE).success[0]
    return wanted, got


def test_every_family_has_a_criterion() -> None:
    assert {f"{name}-v1" for name in CRITERIA} == set(NAMES)


@pytest.mark.parametrize("name", WRONG_UNDER_V1)
def test_success_is_right_where_the_v1_flag_is_not(name: str) -> None:
    wanted, got = flags(name, "v1", tasks=2)
    np.testing.assert_array_equal(got, wanted)
    assert wanted.any()


@pytest.mark.slow
@pytest.mark.parametrize("reward", ["v1", "v2"])
@pytest.mark.parametrize("name", NAMES)
def test_success_is_meta_worlds_v2_flag(name: str, reward: str) -> None:
    wanted, got = flags(name, reward, tasks=4)
    np.testing.assert_array_equal(got, wanted)
    assert wanted.any()
    assert not wanted.all()
