"""What every registered family must be. A new family is tested by being registered."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from environments import (
    FloatArray,
    Simulation,
    TaskFamily,
    family_names,
    family_spec,
    gymnasium_env,  # noqa: F401 - registers the families
    make_family,
)
from environments.registration import environment_id

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


@pytest.fixture(scope="module", params=family_names())
def case(request: pytest.FixtureRequest) -> Case:
    family = make_family(request.param)
    tasks = np.resize(family.sample_tasks(0).train, (COPIES, family.spec.task_size))
    actions = np.random.default_rng(7).uniform(-1.0, 1.0, (STEPS, COPIES, family.spec.action_size))
    return Case(family, family.simulation(COPIES), family.simulation(1), tasks, actions)


def generators(seeds: list[int]) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in seeds]


def start(simulation: Simulation, tasks: FloatArray, seeds: list[int]) -> FloatArray:
    return simulation.reset(np.arange(len(seeds)), tasks, generators(seeds))


def everyone(simulation: Simulation) -> np.ndarray:
    return np.ones(simulation.copies, dtype=np.bool_)


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


def test_together_is_bit_equal_to_alone(case: Case) -> None:
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


def test_gymnasium_vectorises_it(case: Case) -> None:
    environments = gymnasium.make_vec(environment_id(case.family.spec.name), num_envs=2, vectorization_mode="sync")
    observations, _ = environments.reset(seed=0, options={"task": case.tasks[0]})
    assert observations.shape == (2, case.family.spec.observation_size)
    rewards = environments.step(environments.action_space.sample())[1]
    assert rewards.shape == (2,)
    environments.close()
