"""Requirements on every registered family, and on those made of Gymnasium environments."""

from __future__ import annotations

import copy as copying
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from environments import (
    FloatArray,
    Simulation,
    Step,
    TaskFamily,
    family_names,
    family_spec,
    make_family,
    register_families,
    register_family,
)
from environments.registration import environment_id
from tests.environments.of_gymnasium import OF_GYMNASIUM
from tests.suite.forgetting import forgetting

COPIES = 3
STEPS = 5

SAME_TASKS_FOR_EVERY_SEED = {"cheetah-fb", "cheetah-vel", "ant-fb"}
TRAINED_ON_TEST_TASKS = {"cheetah-fb", "ant-fb"}


@dataclass
class Case:
    family: TaskFamily
    together: Simulation
    alone: Simulation
    tasks: FloatArray  # (COPIES, task_size)
    actions: FloatArray  # (STEPS, COPIES, action_size)


@pytest.fixture(scope="module", params=[*family_names(), *(family.spec.name for family in OF_GYMNASIUM)])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    with forgetting():
        for own in OF_GYMNASIUM:
            register_family(own)
        register_families()
        family = make_family(request.param)
        tasks = np.resize(family.sample_tasks(0).train, (COPIES, family.spec.task_size))
        actions = np.random.default_rng(7).uniform(-1.0, 1.0, (STEPS, COPIES, family.spec.action_size))
        yield Case(family, family.simulation(COPIES), family.simulation(1), tasks, actions)


def generators(seeds: list[int]) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def start(simulation: Simulation, tasks: FloatArray, seeds: list[int]) -> FloatArray:
    return simulation.reset(np.arange(len(seeds)), tasks, generators(seeds))


def everyone(simulation: Simulation) -> np.ndarray:
    return np.ones(simulation.copies, dtype=np.bool_)


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def assert_equal_steps(ours: Step, theirs: Step) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_specification_is_that_of_the_registry(case: Case) -> None:
    assert case.family.spec == family_spec(case.family.spec.name)
    assert case.together.copies == COPIES


def test_tasks_are_a_function_of_the_seed(case: Case) -> None:
    spec = case.family.spec
    first, again, other = (case.family.sample_tasks(seed) for seed in (0, 0, 1))
    assert first.train.shape == (spec.train_tasks, spec.task_size)
    assert first.test.shape == (spec.test_tasks, spec.task_size)
    assert np.isfinite(first.train).all()
    assert np.isfinite(first.test).all()
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert np.array_equal(first.train, other.train) == (spec.name in SAME_TASKS_FOR_EVERY_SEED)
    train, test = ({tuple(task) for task in tasks} for tasks in first)
    assert len(train) == spec.train_tasks
    assert len(test) == spec.test_tasks
    assert train == test if spec.name in TRAINED_ON_TEST_TASKS else train.isdisjoint(test)


def test_sampled_tasks_belong_to_the_caller(case: Case) -> None:
    split = case.family.sample_tasks(0)
    kept = split.train.copy(), split.test.copy()
    split.train[:] = 0.0
    split.test[:] = 0.0
    again = case.family.sample_tasks(0)
    np.testing.assert_array_equal(again.train, kept[0])
    np.testing.assert_array_equal(again.test, kept[1])


def test_shapes_and_types_of_a_step(case: Case) -> None:
    spec = case.family.spec
    observations = start(case.together, case.tasks, [0, 1, 2])
    step = case.together.step(case.actions[0], everyone(case.together))
    assert observations.shape == step.observations.shape == (COPIES, spec.observation_size)
    assert observations.dtype == step.observations.dtype == step.rewards.dtype == np.float64
    assert step.rewards.shape == step.terminated.shape == step.success.shape == (COPIES,)
    assert step.terminated.dtype == step.success.dtype == np.bool_
    assert np.isfinite(step.observations).all()
    assert np.isfinite(step.rewards).all()


def test_an_initial_state_depends_on_task_and_generator_only(case: Case) -> None:
    first = start(case.together, case.tasks, [0, 1, 2])
    case.together.step(case.actions[0], everyone(case.together))
    swapped = case.together.reset(np.array([2, 0]), case.tasks[[0, 2]], generators([0, 2]))
    np.testing.assert_array_equal(swapped, first[[0, 2]])


def test_a_copy_among_others_is_bit_equal_to_a_single_one(case: Case) -> None:
    observations = start(case.together, case.tasks, [0, 1, 2])
    steps = [case.together.step(actions, everyone(case.together)) for actions in case.actions]
    for copy in range(COPIES):
        np.testing.assert_array_equal(start(case.alone, case.tasks[copy : copy + 1], [copy])[0], observations[copy])
        for time, actions in enumerate(case.actions):
            alone = case.alone.step(actions[copy : copy + 1], everyone(case.alone))
            for one, many in zip(alone, steps[time], strict=True):
                np.testing.assert_array_equal(one[0], many[copy])


def test_an_episode_leaves_nothing_behind(case: Case) -> None:
    def episode(copy: int) -> list[FloatArray]:
        observations = start(case.alone, case.tasks[copy : copy + 1], [copy])
        steps = [case.alone.step(actions[copy : copy + 1], everyone(case.alone)) for actions in case.actions]
        return [observations, *(part for step in steps for part in step)]

    first = episode(0)
    episode(1)
    for before, after in zip(first, episode(0), strict=True):
        np.testing.assert_array_equal(before, after)


def test_inactive_copies_are_left_alone(case: Case) -> None:
    first = start(case.together, case.tasks, [0, 1, 2])
    active = np.array([True, False, True])
    actions = case.actions.copy()
    actions[:, 1] = np.nan
    for time in range(2):
        step = case.together.step(actions[time], active)
        np.testing.assert_array_equal(step.observations[1], first[1])
        assert step.rewards[1] == 0.0
        assert not step.terminated[1]
        assert not step.success[1]
    woken = case.together.step(case.actions[0], ~active)
    start(case.alone, case.tasks[1:2], [1])
    alone = case.alone.step(case.actions[0][1:2], everyone(case.alone))
    np.testing.assert_array_equal(woken.observations[1], alone.observations[0])
    assert woken.rewards[1] == alone.rewards[0]


def test_resetting_one_copy_leaves_the_others_in_their_episodes(case: Case) -> None:
    start(case.together, case.tasks, [0, 1, 2])
    case.together.step(case.actions[0], everyone(case.together))
    case.together.reset(np.array([1]), case.tasks[:1], generators([5]))
    step = case.together.step(case.actions[1], everyone(case.together))
    for copy in (0, 2):
        start(case.alone, case.tasks[copy : copy + 1], [copy])
        for time in range(2):
            alone = case.alone.step(case.actions[time][copy : copy + 1], everyone(case.alone))
        for one, many in zip(alone, step, strict=True):
            np.testing.assert_array_equal(one[0], many[copy])


def test_success_is_reported_only_where_it_is_defined(case: Case) -> None:
    start(case.together, case.tasks, [0, 1, 2])
    if not case.family.spec.success:
        for actions in case.actions:
            assert not case.together.step(actions, everyone(case.together)).success.any()


@pytest.mark.parametrize("duplicate", [copying.deepcopy, copying.copy, pickled], ids=["deepcopy", "copy", "pickle"])
def test_a_copy_steps_alike_and_by_itself(case: Case, duplicate: Callable[[Simulation], Simulation]) -> None:
    active = np.array([True, True, False])
    simulation = case.family.simulation(COPIES)
    simulation.reset(np.arange(2), case.tasks[:2], generators([0, 1]))  # the third was never reset
    for actions in case.actions[:2]:
        simulation.step(actions, active)
    copied = duplicate(simulation)
    stepped = [copied.step(actions, active) for actions in case.actions[2:]]
    for actions, expected in zip(case.actions[2:], stepped, strict=True):
        assert_equal_steps(simulation.step(actions, active), expected)
    assert (stepped[-1].observations[:2] != stepped[0].observations[:2]).any(axis=1).all()
    np.testing.assert_array_equal(start(copied, case.tasks, [3, 4, 5]), start(simulation, case.tasks, [3, 4, 5]))
    everybody = everyone(simulation)
    assert_equal_steps(copied.step(case.actions[0], everybody), simulation.step(case.actions[0], everybody))


def test_a_copied_family_is_the_same_family(case: Case) -> None:
    for copied in (copying.deepcopy(case.family), pickle.loads(pickle.dumps(case.family))):
        assert copied.spec == case.family.spec
        for ours, theirs in zip(case.family.sample_tasks(1), copied.sample_tasks(1), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("duplicate", [copying.deepcopy, pickled], ids=["deepcopy", "pickle"])
def test_a_copied_gymnasium_environment_steps_alike(
    case: Case, duplicate: Callable[[gymnasium.Env[FloatArray, FloatArray]], gymnasium.Env[FloatArray, FloatArray]]
) -> None:
    environment = gymnasium.make(environment_id(case.family.spec.name))
    environment.reset(seed=1)
    environment.step(case.actions[0][0])
    copied = duplicate(environment)
    ours = [environment.step(actions[0]) for actions in case.actions[1:]]
    theirs = [copied.step(actions[0]) for actions in case.actions[1:]]
    ours.append((*environment.reset(), False, False, {}))  # draws from np_random
    theirs.append((*copied.reset(), False, False, {}))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
    assert str(ours) == str(theirs)


def test_the_protocol_can_be_chosen(case: Case) -> None:
    own = case.family.spec
    chosen = make_family(own.name, horizon=7, exploration_episodes=0, train_tasks=1, test_tasks=2)
    assert chosen.spec == replace(own, horizon=7, exploration_episodes=0, train_tasks=1, test_tasks=2)
    split, whole = chosen.sample_tasks(3), case.family.sample_tasks(3)
    assert (split.train.shape, split.test.shape) == ((1, own.task_size), (2, own.task_size))
    most = make_family(own.name, train_tasks=min(own.most_tasks, 300), test_tasks=min(own.most_tasks, 300))
    assert [len(tasks) for tasks in most.sample_tasks(0)] == [min(own.most_tasks, 300)] * 2
    same = make_family(own.name, horizon=own.horizon, train_tasks=own.train_tasks, test_tasks=own.test_tasks)
    for ours, theirs in zip(whole, same.sample_tasks(3), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("key", "number"),
    [("horizon", 0), ("horizon", 100_001), ("exploration_episodes", -1), ("train_tasks", 0), ("test_tasks", "5")],
)
def test_a_protocol_out_of_range_is_refused(case: Case, key: str, number: Any) -> None:
    with pytest.raises(
        ValueError, match=f"{case.family.spec.name}: {key} must be a whole number from .*, not {number!r}"
    ):
        make_family(case.family.spec.name, **{key: number})
    with pytest.raises(
        ValueError, match=f"train_tasks must be a whole number from 1 to {case.family.spec.most_tasks},"
    ):
        make_family(case.family.spec.name, train_tasks=case.family.spec.most_tasks + 1)


def test_actions_are_clipped_and_results_are_the_callers(case: Case) -> None:
    start(case.together, case.tasks, [0, 1, 2])
    wild = 10.0 * case.actions[0]
    kept = wild.copy()
    step = case.together.step(wild, everyone(case.together))
    np.testing.assert_array_equal(wild, kept)
    expected = step.observations.copy()
    step.observations[:] = 0.0
    start(case.together, case.tasks, [0, 1, 2])[:] = 0.0
    again = case.together.step(np.clip(wild, -1.0, 1.0), everyone(case.together))
    np.testing.assert_array_equal(again.observations, expected)


def test_bad_input_is_refused_before_the_simulator_sees_it(case: Case) -> None:
    name, size = case.family.spec.name, case.family.spec.task_size
    first = start(case.together, case.tasks, [0, 1, 2])
    actions = case.actions[0].copy()
    actions[1, 0] = np.inf
    with pytest.raises(ValueError, match=f"{name}: the action of copy 1 is not finite"):
        case.together.step(actions, everyone(case.together))
    with pytest.raises(ValueError, match=f"{name}: actions must have the shape"):
        case.together.step(case.actions[0][:, :-1], everyone(case.together))
    with pytest.raises(ValueError, match=f"{name}: tasks must have the shape.*{size} numbers"):
        start(case.together, np.zeros((COPIES, size + 1)), [0, 1, 2])
    tasks = case.tasks.copy()
    tasks[2, 0] = np.nan
    with pytest.raises(ValueError, match=f"{name}: the task of copy 2 is not finite"):
        start(case.together, tasks, [0, 1, 2])
    with pytest.raises(ValueError, match=f"{name}: 3 copies need as many generators"):
        case.together.reset(np.arange(3), case.tasks, generators([0]))
    step = case.together.step(case.actions[0], np.zeros(COPIES, dtype=np.bool_))
    np.testing.assert_array_equal(step.observations, first)


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*imum value is -?infinity")
def test_gymnasium_accepts_it(case: Case) -> None:
    spec = case.family.spec
    environment = gymnasium.make(environment_id(spec.name))
    assert environment.spec is not None
    assert environment.spec.max_episode_steps == spec.horizon
    check_env(environment.unwrapped, skip_render_check=True)
    observation, info = environment.reset(seed=3, options={"task": case.tasks[0]})
    np.testing.assert_array_equal(info["task"], case.tasks[0])
    assert observation.shape == (spec.observation_size,)
    environment.close()


def test_gymnasium_vectorises_it_and_keeps_the_task(case: Case) -> None:
    task = case.family.sample_tasks(0).test[-1]
    environments = gymnasium.make_vec(
        environment_id(case.family.spec.name), num_envs=2, vectorization_mode="sync", max_episode_steps=2
    )
    observations, _ = environments.reset(seed=0, options={"task": task})
    assert observations.shape == (2, case.family.spec.observation_size)
    for _ in range(3):  # the third resets
        info = environments.step(environments.action_space.sample())[-1]
    np.testing.assert_array_equal(info["task"], [task, task])
    environments.close()
