"""Families as Gymnasium environments: tasks, time limits, pictures."""

from __future__ import annotations

from ctypes.util import find_library

import gymnasium
import numpy as np
import pytest

from environments import family_names, make_family
from environments.gymnasium_env import FamilyEnvironment
from environments.registration import environment_id, register_families

KINDS = ["point-goal-2d", "cheetah-vel", "reach-v1"]


def test_ids() -> None:
    assert environment_id("cheetah-vel") == "suite/CheetahVel-v0"
    assert environment_id("point-goal-2d") == "suite/PointGoal2d-v0"
    assert environment_id("peg-insert-side-v1") == "suite/PegInsertSide-v1"
    assert {environment_id(name) for name in family_names()} <= set(gymnasium.registry)


def test_registering_twice_is_harmless() -> None:
    register_families()


@pytest.mark.parametrize("name", KINDS)
def test_it_runs_the_family_s_simulation(name: str) -> None:
    family = make_family(name)
    task = family.sample_tasks(0).test[0]
    environment = FamilyEnvironment(name)
    observation, info = environment.reset(seed=11, options={"task": task})
    np.testing.assert_array_equal(info["task"], task)
    simulation = family.simulation(1)
    generator, _ = gymnasium.utils.seeding.np_random(11)
    np.testing.assert_array_equal(
        simulation.reset(np.zeros(1, dtype=np.int64), task[None], [generator])[0], observation
    )
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, (5, family.spec.action_size)):
        observation, reward, terminated, truncated, info = environment.step(action)
        step = simulation.step(action[None], np.ones(1, dtype=np.bool_))
        np.testing.assert_array_equal(observation, step.observations[0])
        assert (reward, terminated, truncated) == (step.rewards[0], step.terminated[0], False)
        assert info["success"] == step.success[0]


@pytest.mark.parametrize("name", KINDS)
def test_without_a_task_a_train_task_is_drawn_by_the_seed(name: str) -> None:
    environment = FamilyEnvironment(name)
    drawn = [environment.reset(seed=seed)[1]["task"] for seed in (0, 0, 1, 2, 3)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len({tuple(task) for task in drawn}) > 1
    train = {tuple(task) for task in make_family(name).sample_tasks(0).train}
    assert {tuple(task) for task in drawn} <= train


def test_the_horizon_truncates_and_is_not_stepped_past() -> None:
    environment = FamilyEnvironment("point-goal-2d")
    with pytest.raises(gymnasium.error.ResetNeeded, match="no episode is running"):
        environment.step(np.zeros(2))
    environment.reset(seed=0)
    truncated = [environment.step(np.zeros(2))[3] for _ in range(20)]
    assert truncated == [False] * 19 + [True]
    with pytest.raises(gymnasium.error.ResetNeeded, match=r"point-goal-2d: no episode .* after 20 steps"):
        environment.step(np.zeros(2))


def test_a_fallen_ant_needs_a_reset() -> None:
    environment = FamilyEnvironment("ant-fb")
    environment.reset(seed=0)
    generator = np.random.default_rng(0)
    for _ in range(200):
        _, _, terminated, truncated, _ = environment.step(generator.uniform(-1.0, 1.0, 8))
        if terminated:
            break
    assert terminated
    assert not truncated
    with pytest.raises(gymnasium.error.ResetNeeded):
        environment.step(np.zeros(8))


def test_bad_input_is_refused() -> None:
    environment = FamilyEnvironment("cheetah-vel")
    with pytest.raises(ValueError, match="reset has no option 'velocity'; its options: task"):
        environment.reset(options={"velocity": 1.0})
    with pytest.raises(ValueError, match="cheetah-vel: tasks must have the shape"):
        environment.reset(options={"task": [1.0, 2.0]})
    with pytest.raises(ValueError, match="cheetah-vel: the task of copy 0 is not finite"):
        environment.reset(options={"task": [np.nan]})
    environment.reset(seed=0)
    with pytest.raises(ValueError, match="the action of copy 0 is not finite"):
        environment.step(np.full(6, np.inf))
    with pytest.raises(ValueError, match="render_mode must be None or 'rgb_array', not 'human'"):
        FamilyEnvironment("cheetah-vel", render_mode="human")
    with pytest.raises(ValueError, match="did you mean cheetah-vel"):
        FamilyEnvironment("cheetah-val")


@pytest.mark.skipif(not (find_library("OSMesa") or find_library("EGL")), reason="no OpenGL without a display")
@pytest.mark.parametrize("name", ["cheetah-vel", "walker-2d-rand-params", "reach-v1"])
def test_pictures_without_a_display(name: str) -> None:
    environment = gymnasium.make(environment_id(name), render_mode="rgb_array", width=120, height=80)
    plain = FamilyEnvironment(name)
    environment.reset(seed=0)
    plain.reset(seed=0)
    first = environment.render()
    assert first.shape == (80, 120, 3)
    assert first.std() > 10.0
    for action in np.random.default_rng(0).uniform(-1.0, 1.0, (20, environment.action_space.shape[0])):
        seen = environment.step(action)
        environment.render()
        np.testing.assert_array_equal(seen[0], plain.step(action)[0])  # looking changes nothing
        if seen[2]:
            break
    assert (environment.render() != first).any()
    environment.close()
