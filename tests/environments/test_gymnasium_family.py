"""Gymnasium environments as families: the same numbers as stepped by hand, and one line for what cannot be one."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils import EzPickle

from environments import FloatArray, GymnasiumFamily, receive_warnings
from suite.errors import UsageError
from suite.plan.user_modules import load_modules
from suite.store.runs import Store
from tests.environments.of_gymnasium import Goals, HiddenGoal, HiddenGravity
from tests.suite.forgetting import forgetting
from tests.suite.trained_runs import suite


def episode(family: GymnasiumFamily, task: list[float], actions: FloatArray) -> list[tuple[Any, ...]]:
    """Return what one copy observes and earns; its first observation comes first."""
    simulation = family.simulation(1)
    first = simulation.reset(np.array([0]), np.array([task]), [np.random.default_rng(3)])
    found: list[tuple[Any, ...]] = [(first[0], 0.0, False, False)]
    for action in actions:
        step = simulation.step(action[None], np.array([True]))
        found.append((step.observations[0], step.rewards[0], step.terminated[0], step.success[0]))
    return found


def seed() -> int:
    return int(np.random.default_rng(3).integers(2**31))


def test_the_specification_is_read_from_the_environment() -> None:
    spec = HiddenGravity.spec
    assert (spec.name, spec.observation_size, spec.action_size, spec.task_size) == ("hidden-gravity", 3, 1, 2)
    assert (spec.horizon, spec.success) == (200, "")
    tasks = HiddenGravity().sample_tasks(0).train
    assert (tasks.min(axis=0) > [5.0, 0.7]).all()
    assert (tasks.max(axis=0) < [15.0, 1.3]).all()


def test_a_task_by_attributes_is_the_environment_made_like_that() -> None:
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (250, 1))
    theirs = gymnasium.make("Pendulum-v1", g=7.5, max_episode_steps=300)
    theirs.unwrapped.l = 0.9  # type: ignore[attr-defined]
    found = episode(HiddenGravity(), [7.5, 0.9], actions)  # longer than Pendulum's own time limit
    np.testing.assert_array_equal(found[0][0], theirs.reset(seed=seed())[0])
    for action, (observation, reward, terminated, _) in zip(actions, found[1:], strict=True):
        expected = theirs.step((2.0 * action).astype(np.float32))  # its torque is in [-2, 2]
        np.testing.assert_array_equal(observation, expected[0])
        assert (reward, terminated) == (expected[1], False)


def test_a_task_by_options_with_the_goal_out_of_sight() -> None:
    assert HiddenGoal.spec.observation_size == 3  # the position, and the room as one of two
    assert HiddenGoal.spec.success == "info['is_success'] of tests/Goals-v0"
    theirs = Goals()
    theirs.reset(seed=seed(), options={"goal": 0.25})
    start = float(theirs.position[0])
    step_forwards = np.array([1.0, 0.0])  # a push of 0.5, half of the time
    found = episode(HiddenGoal(), [0.25], np.array([step_forwards, step_forwards]))
    np.testing.assert_allclose(found[0][0], [start, *(np.array([1.0, 0.0]) if start <= 0 else np.array([0.0, 1.0]))])
    assert found[1][0][0] == pytest.approx(start + 0.25)
    assert found[1][1] == pytest.approx(-abs(start + 0.25 - 0.25))
    assert found[1][3] == (abs(start) < 0.1)
    assert found[2][1] == pytest.approx(-(start + 0.25))
    assert not found[2][3]


class PushedCart(GymnasiumFamily):
    name = "pushed-cart"
    environment = "CartPole-v1"
    task = {"length": (0.3, 0.7)}  # noqa: RUF012
    action_size = 1

    def set_task(self, environment: gymnasium.Env[Any, Any], task: Mapping[str, float]) -> None:
        cart = environment.unwrapped
        cart.length, cart.polemass_length = task["length"], task["length"] * 0.1  # type: ignore[attr-defined]

    def map_action(self, action: FloatArray, space: spaces.Space[Any]) -> int:
        return int(action[0] > 0.0)


def test_discrete_actions_and_tasks_by_functions() -> None:
    theirs: Any = gymnasium.make("CartPole-v1").unwrapped
    theirs.length, theirs.polemass_length = 0.4, 0.4 * theirs.masspole
    actions = np.array([[1.0], [-0.2], [0.7]])
    found = episode(PushedCart(), [0.4], actions)
    np.testing.assert_array_equal(found[0][0], theirs.reset(seed=seed())[0])
    for action, (observation, reward, *_) in zip([1, 0, 1], found[1:], strict=True):
        expected = theirs.step(action)
        np.testing.assert_array_equal(observation, expected[0])
        assert reward == expected[1]


class Exploding(GymnasiumFamily):
    """A cheetah whose physics steps are far too long."""

    name = "exploding"
    environment = "HalfCheetah-v5"
    task = {"timestep": (0.01, 0.1)}  # noqa: RUF012 - as users write it
    horizon = 50

    def set_task(self, environment: Any, task: Mapping[str, float]) -> None:
        environment.unwrapped.model.opt.timestep = task["timestep"]


def test_a_state_that_mujoco_resets_by_itself_is_no_state() -> None:
    theirs: Any = gymnasium.make("HalfCheetah-v5").unwrapped
    receive_warnings()  # else MuJoCo writes them into a file here
    theirs.model.opt.timestep = 0.08
    actions = np.sign(np.random.default_rng(1).normal(size=(50, 6)))  # in single precision they are the same
    theirs.reset(seed=seed())
    stable = 0
    while theirs.step(actions[stable]) and theirs.data.time > (stable + 0.9) * 5 * 0.08:  # it falls where MuJoCo resets
        stable += 1
    simulation = Exploding().simulation(2)
    tasks = np.array([[0.08], [0.01]])
    simulation.reset(np.arange(2), tasks, [np.random.default_rng(3), np.random.default_rng(3)])
    for number, action in enumerate(actions[: stable + 3]):
        step = simulation.step(np.stack([action, np.zeros(6)]), np.ones(2, np.bool_))
        lost = number >= stable
        assert np.isnan(step.observations[0]).all() == np.isnan(step.rewards[0]) == lost
        assert np.isfinite(step.observations[1]).all()
        assert np.isfinite(step.rewards[1])
    assert 0 < stable < 40
    again = simulation.reset(np.array([0]), tasks[1:], [np.random.default_rng(5)])
    assert np.isfinite(again).all()
    assert np.isfinite(simulation.step(np.zeros((2, 6)), np.ones(2, np.bool_)).rewards).all()


@pytest.mark.parametrize("said", ["False", np.nan, 2, None])
def test_what_is_neither_true_nor_false_is_no_success(said: Any) -> None:
    with pytest.raises(ValueError, match=r"mine: success_key: info\['solved'\] must be true or false, not"):
        family(success_key="solved")().succeeded({"solved": said})
    assert [family(success_key="solved")().succeeded({"solved": one}) for one in (True, np.float32(1.0), 0)] == [
        *(True, True, False)
    ]


class Diverging(Goals):
    """Has numbers nowhere from its first step on, and then a time limit."""

    def step(self, action: Any) -> Any:
        observation, _, _, _, info = super().step(action)
        return observation, np.nan, False, True, {**info, "solved": np.nan}


def test_an_environment_that_diverges_has_diverged_whatever_else_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = family(success_key="solved")()
    monkeypatch.setattr(GymnasiumFamily, "make_environment", lambda self: Diverging())
    simulation = mine.simulation(1)
    simulation.reset(np.array([0]), np.array([[0.5]]), [np.random.default_rng(3)])
    assert np.isnan(simulation.step(np.zeros((1, mine.spec.action_size)), np.ones(1, np.bool_)).rewards[0])


def family(**values: Any) -> type[GymnasiumFamily]:
    """Define a family as a user does: of the environment with goals, but for what is given."""
    own = {"name": "mine", "environment": "tests/Goals-v0", "task": {"goal": (-1.0, 1.0)}, "set_by": "options"}
    return type("Mine", (GymnasiumFamily,), own | values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"environment": "Pendulm-v1"}, "mine: environment 'Pendulm-v1': .*Pendulum"),
        ({"make_options": {"colour": 1}}, "mine: environment 'tests/Goals-v0': .*colour"),
        ({"task": {}}, "mine: task: names nothing"),
        ({"task": {"goal": (1.0, -1.0)}}, "mine: task: goal: .*the lower one first"),
        ({"set_by": "attributes", "task": {"gaol": (0.0, 1.0)}}, "has no attribute 'gaol'; did you mean 'goal'"),
        ({"hidden": ("goal",)}, "hidden: 'goal' is no key of the observations: .*desired_goal"),
        ({"set_by": "option"}, "set_by: 'option': must be attributes or options"),
        ({"succeeded": lambda self, info: True}, "success: succeeded is given; say in words"),
        ({"environment": "CartPole-v1"}, "actions of Discrete.2. are not continuous.*give action_size and map_action"),
        ({"environment": "CartPole-v1", "map_action": PushedCart.map_action}, "action_size: map_action is given"),
    ],
)
def test_what_cannot_be_a_family_is_refused_with_the_reason(values: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        family(**values)


class Odd(Goals):
    """Whatever is wrong with an environment."""

    def __init__(self, unbounded: bool = False, sequence: bool = False) -> None:
        super().__init__()
        if unbounded:
            self.action_space = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        if sequence:
            self.observation_space = spaces.Dict({"seen": spaces.Sequence(spaces.Discrete(3))})

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        return (*super().step(action)[:3], True, {"solved": True})  # type: ignore[return-value]


class MadeAnew(Goals, EzPickle):
    """Copied by being made again."""


gymnasium.register("tests/Odd-v0", entry_point=Odd)
gymnasium.register("tests/MadeAnew-v0", entry_point=MadeAnew, max_episode_steps=30)


def test_what_else_an_environment_may_have_is_refused_too() -> None:
    with pytest.raises(ValueError, match="horizon: tests/Odd-v0 has no time limit of its own; give one"):
        family(environment="tests/Odd-v0")
    with pytest.raises(ValueError, match="not real numbers between bounds"):
        family(environment="tests/Odd-v0", horizon=5, make_options={"unbounded": True})
    with pytest.raises(ValueError, match="cannot be flattened"):
        family(environment="tests/Odd-v0", horizon=5, make_options={"sequence": True})
    with pytest.raises(ValueError, match="ended an episode by a time limit of its own"):
        episode(family(environment="tests/Odd-v0", horizon=5)(), [0.5], np.zeros((1, 2)))
    with pytest.raises(ValueError, match="success_key: info has no 'solved'; it holds is_success"):
        episode(family(success_key="solved")(), [0.5], np.zeros((1, 2)))
    with pytest.raises(TypeError, match="tests/MadeAnew-v0 would begin anew in a copy"):
        copy.deepcopy(family(environment="tests/MadeAnew-v0")().simulation(1))


def test_a_user_s_file_that_defines_none_says_why_in_one_line(tmp_path: Path) -> None:
    text = 'from environments import GymnasiumFamily\nclass C(GymnasiumFamily):\n    name = "c"\n'
    (tmp_path / "own.py").write_text(f'{text}    environment = "CartPole-v1"\n    task = {{"length": (0.3, 0.7)}}\n')
    with forgetting(), pytest.raises(UsageError, match=r"own.py: .*c: actions of Discrete\(2\) are not continuous"):
        load_modules(["own.py"], tmp_path, "benchmark file", trusted=True)


BENCHMARK = """
name: own
description: the document's own family
modules: [own.py]
groups:
  - environments: [hidden-gravity]
    seeds: [0]
    budget: 400
    evaluations: 1
    horizon: 10
    train_tasks: 4
    algorithms:
      blind-sac:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 10, warmup_steps: 20}
"""


def test_the_document_s_own_is_trained_on(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "adding-an-environment.md"
    block = page.read_text().partition("## Of Gymnasium")[2].partition("```python\n")[2].partition("```")[0]
    (tmp_path / "own.py").write_text(block)
    (tmp_path / "own.yaml").write_text(BENCHMARK)
    with forgetting():
        words = ("--results", tmp_path / "r", "--reports", tmp_path / "p", "--workers", 1, "--trust")
        assert suite("run", tmp_path / "own.yaml", *words) == 0
    (record,) = Store(tmp_path / "r").records()
    episodes = record.evaluations()
    assert sorted(set(episodes["environment_steps"])) == [0, 400]
    assert len(episodes) == 2 * HiddenGravity.spec.test_tasks
    assert ((episodes["return"] < 0.0) & (episodes["return"] > -10 * 17.0)).all()  # a step costs at most 16.3
