"""Families as Gymnasium environments: tasks, time limits, pictures."""

from __future__ import annotations

import copy
import pickle
from ctypes.util import find_library

import gymnasium
import numpy as np
import pytest

from environments import FloatArray, family_names, make_family
from environments.gymnasium_env import FamilyEnvironment
from environments.registration import environment_id, register_families

KINDS = ["point-goal-2d", "cheetah-vel", "reach-v1"]


def test_every_family_is_registered_under_its_id() -> None:
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


def steps_until_truncated(environment: gymnasium.Env[FloatArray, FloatArray], most: int) -> int | None:
    environment.reset(seed=0)
    for step in range(1, most + 1):
        if environment.step(np.zeros(environment.action_space.shape))[3]:  # type: ignore[arg-type]
            return step
    return None


def test_the_horizon_truncates_and_can_be_chosen_at_make() -> None:
    name = environment_id("point-goal-2d")
    assert steps_until_truncated(gymnasium.make(name), 60) == 20
    assert steps_until_truncated(gymnasium.make(name, max_episode_steps=5), 60) == 5
    assert steps_until_truncated(gymnasium.make(name, max_episode_steps=50), 60) == 50
    assert steps_until_truncated(gymnasium.make(name, max_episode_steps=-1), 60) is None
    with pytest.raises(ValueError, match="point-goal-2d: horizon is not an option here; say max_episode_steps=50"):
        gymnasium.make(name, horizon=50)


def test_nothing_is_stepped_before_a_reset() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded, match="point-goal-2d: no episode is running"):
        FamilyEnvironment("point-goal-2d").step(np.zeros(2))


def test_numbers_of_tasks_and_episodes_are_chosen_at_make() -> None:
    environment = gymnasium.make(environment_id("cheetah-vel"), train_tasks=1, test_tasks=7, exploration_episodes=4)
    spec = environment.unwrapped.family.spec  # type: ignore[attr-defined]
    assert (spec.train_tasks, spec.test_tasks, spec.exploration_episodes) == (1, 7, 4)
    only = make_family("cheetah-vel").sample_tasks(0).train[0]
    assert {tuple(environment.reset()[1]["task"]) for _ in range(5)} == {tuple(only)}


def test_a_task_holds_until_another_is_chosen() -> None:
    environment = gymnasium.make(environment_id("cheetah-vel"), task=[1.25])
    tasks = [environment.reset(seed=0)[1]["task"], environment.reset()[1]["task"]]
    tasks += [environment.reset(options={"task": [2.5]})[1]["task"], environment.reset(options={})[1]["task"]]
    assert np.concatenate(tasks).tolist() == [1.25, 1.25, 2.5, 2.5]
    with pytest.raises(ValueError, match="cheetah-vel: tasks must have the shape"):
        environment.reset(options={"task": [1.0, 2.0]})
    assert environment.reset()[1]["task"].tolist() == [2.5]
    drawn = {environment.reset(options={"task": None} if first else None)[1]["task"][0] for first in (True, False)}
    assert len(drawn) == 2
    assert drawn <= set(make_family("cheetah-vel").sample_tasks(0).train[:, 0])


@pytest.mark.parametrize("mode", list(gymnasium.vector.AutoresetMode)[:2])
def test_each_environment_of_a_vector_keeps_its_own_task(mode: gymnasium.vector.AutoresetMode) -> None:
    name = environment_id("point-goal-2d")
    tasks = [[0.0, 1.0], [1.0, 0.0]]
    environments = gymnasium.vector.SyncVectorEnv(
        [lambda task=task: gymnasium.make(name, task=task, max_episode_steps=2) for task in tasks], autoreset_mode=mode
    )
    environments.reset(seed=0)
    seen = [environments.step(environments.action_space.sample())[-1] for _ in range(9)]
    after_resets = [info["task"].tolist() for info in seen if "task" in info]
    assert len(after_resets) >= 3
    assert all(task == tasks for task in after_resets)


def test_meta_world_s_own_simulation_refuses_to_be_copied() -> None:
    environment = gymnasium.make(environment_id("reach-v1"), simulation="stock")
    for duplicate in (copy.deepcopy, pickle.dumps):
        with pytest.raises(
            TypeError, match="reach-v1: Meta-World's own simulation cannot be copied; simulation='lean'"
        ):
            duplicate(environment)


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
    with pytest.raises(ValueError, match="cheetah-vel: tasks must have the shape"):
        FamilyEnvironment("cheetah-vel", task=[1.0, 2.0])
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
