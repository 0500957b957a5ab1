from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from algorithms import run_episodes
from algorithms.interface import Actor
from environments import BoolArray, FloatArray, IntArray, Simulation, Step, make_family
from environments.point_goal import PointGoal
from suite.plan.benchmark import load_benchmark
from suite.training.protocol import CountedTasks, NonFiniteError
from suite.training.streams import STREAMS, stream
from suite.training.trainer import DivergedError, Trainer

FAMILY = make_family("point-goal-2d")
VECTORS = FAMILY.sample_tasks(0).test


def test_streams_are_named_members_of_one_seed() -> None:
    draws = {name: stream(3, name).random(4).tolist() for name in STREAMS}
    assert len({tuple(draw) for draw in draws.values()}) == len(STREAMS)
    assert stream(3, "replay").random(4).tolist() == draws["replay"]
    assert stream(4, "replay").random(4).tolist() != draws["replay"]
    assert stream(3, "replay", 1).random(4).tolist() != draws["replay"]


def test_the_nth_episode_of_a_task_starts_the_same_whatever_else_is_run() -> None:
    one, other = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    one.reset(np.array([4]))
    second = one.reset(np.array([4]))
    other.reset(np.array([0, 4, 2]))
    other.reset(np.array([1]))
    np.testing.assert_array_equal(other.reset(np.array([4, 0]))[0], second[0])
    assert not np.array_equal(other.reset(np.array([4]))[0], second[0])


def test_skipping_counts_episodes_as_started() -> None:
    run, skipped = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    for _ in range(3):
        last = run.reset(np.array([5]))
    skipped.skip(2)
    np.testing.assert_array_equal(skipped.reset(np.array([5])), last)
    skipped.rewind()
    skipped.skip(2)
    np.testing.assert_array_equal(skipped.reset(np.array([5])), last)


def test_fewer_copies_than_before_step_alone() -> None:
    tasks = CountedTasks(FAMILY, VECTORS, 7, "environment")
    tasks.reset(np.arange(5))
    tasks.reset(np.array([3, 1]))
    step = tasks.step(np.full((2, 2), 0.5), np.array([True, False]))
    assert step.observations.shape == (2, 2)
    assert tasks.steps == 1


def test_a_state_restores_the_counters() -> None:
    tasks, restored = (CountedTasks(FAMILY, VECTORS, 7, "environment") for _ in range(2))
    tasks.reset(np.array([3]))
    tasks.step(np.zeros((1, 2)), np.array([True]))
    restored.load_state(tasks.state())
    assert restored.steps == 1
    np.testing.assert_array_equal(restored.reset(np.array([3])), tasks.reset(np.array([3])))


def test_stepping_before_a_reset_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="before they were reset"):
        CountedTasks(FAMILY, VECTORS, 7, "environment").step(np.zeros((1, 2)), np.array([True]))


class Live(PointGoal):
    """Hands out the array that it goes on writing to, and scales actions in place."""

    def simulation(self, copies: int) -> Simulation:
        honest = super().simulation(copies)
        honest_step, honest_reset = honest.step, honest.reset
        observed = np.zeros((copies, 2))
        rewards = np.zeros(copies)

        def reset(copies: IntArray, tasks: FloatArray, generators: Any) -> FloatArray:
            observed[copies] = honest_reset(copies, tasks, generators)
            tasks[:] = np.nan
            return observed[: len(copies)]

        def step(actions: FloatArray, active: BoolArray) -> Step:
            taken = honest_step(actions, active)
            actions *= 100.0
            active[:] = False
            observed[:], rewards[:] = taken.observations, taken.rewards
            return taken._replace(observations=observed, rewards=rewards)

        honest.reset, honest.step = reset, step  # type: ignore[method-assign]
        return honest


class Walk(Actor):
    """Acts by what it observes."""

    def act(self, observations: FloatArray) -> FloatArray:
        return np.clip(observations + 0.5, -1.0, 1.0)


class Always(Actor):
    """Acts with all its strength."""

    def act(self, observations: FloatArray) -> FloatArray:
        return np.ones((len(observations), 6))


@pytest.mark.parametrize("copies", [3, 2])
def test_arrays_that_a_family_goes_on_writing_to_falsify_nothing(copies: int) -> None:
    recorded = []
    for family in (FAMILY, Live()):
        tasks = CountedTasks(family, VECTORS, 7, "environment")
        tasks.reset(np.arange(3))
        recorded.append(run_episodes(tasks, Walk(), np.arange(copies), np.full(copies, 5)))
        np.testing.assert_array_equal(tasks.vectors, VECTORS)
    honest, live = recorded
    for part, value in vars(honest).items():
        np.testing.assert_array_equal(value, getattr(live, part))
    assert (np.abs(np.diff(live.observations, axis=1)) > 0.01).any(axis=2).all()


WRONG = {
    "observations": np.zeros((2, 3)),
    "rewards": np.zeros((2, 1)),
    "terminated": np.zeros(3, np.bool_),
    "success": np.array([None, None]),
}

UNREADABLE = {
    "a ragged list": [[1.0, 2.0], [1.0]],
    "a tensor with a gradient": torch.ones(2, 2, requires_grad=True),
    "a tensor that numpy has no type for": torch.ones(2, 2, dtype=torch.bfloat16),
}


def stepping_with(**parts: Any) -> CountedTasks:
    """Return two tasks, begun, of a family that puts parts of its own into every step."""

    class Wrong(PointGoal):
        def simulation(self, copies: int) -> Simulation:
            simulation = super().simulation(copies)
            honest = simulation.step
            simulation.step = lambda *given: honest(*given)._replace(**parts)  # type: ignore[method-assign]
            return simulation

    tasks = CountedTasks(Wrong(), VECTORS, 7, "environment")
    tasks.reset(np.arange(2))
    return tasks


@pytest.mark.parametrize("what", sorted(UNREADABLE))
def test_what_numpy_cannot_read_is_refused_with_the_family_s_name(what: str) -> None:
    tasks = stepping_with(observations=UNREADABLE[what])
    with pytest.raises(
        ValueError, match=r"^task family point-goal-2d: observations must be numbers of the shape \(2, 2\), not a"
    ):
        tasks.step(np.zeros((2, 2)), np.ones(2, np.bool_))


@pytest.mark.parametrize("what", ["terminated", "success"])
@pytest.mark.parametrize("number", [np.nan, 0.5, 2.0, -1.0])
def test_what_is_neither_true_nor_false_is_refused(what: str, number: float) -> None:
    tasks = stepping_with(**{what: np.array([1.0, number])})
    with pytest.raises(ValueError, match=f"point-goal-2d: {what} must be true or false, not 1.0, {number}"):
        tasks.step(np.zeros((2, 2)), np.ones(2, np.bool_))
    step = tasks.step(np.zeros((2, 2)), np.array([True, False]))  # what an idle copy shows does not matter
    assert getattr(step, what)[0]


@pytest.mark.parametrize("lost", ["observations", "rewards"])
def test_a_simulation_that_diverges_has_diverged_whatever_it_says_of_success(lost: str) -> None:
    shape = (2, 2) if lost == "observations" else (2,)
    tasks = stepping_with(**{lost: np.full(shape, np.nan), "success": np.full(2, np.nan)})
    with pytest.raises(NonFiniteError):
        tasks.step(np.zeros((2, 2)), np.ones(2, np.bool_))


def test_returns_that_overflow_end_the_run() -> None:
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "blind-sac")
    trainer = Trainer.of(spec, torch.device("cpu"))
    trainer.test.family = Rich()
    with pytest.raises(DivergedError, match="a return is not finite"):
        trainer.evaluate()


class Rich(PointGoal):
    """Pays finite rewards whose sum is none."""

    def simulation(self, copies: int) -> Simulation:
        simulation = super().simulation(copies)
        honest = simulation.step
        simulation.step = lambda *given: honest(*given)._replace(rewards=np.full(copies, 1e308))  # type: ignore[method-assign]
        return simulation


def test_too_few_copies_are_refused_with_the_family_s_name() -> None:
    class Single(PointGoal):
        def simulation(self, copies: int) -> Simulation:
            return super().simulation(1)

    with pytest.raises(ValueError, match="task family point-goal-2d: gave a simulation of 1 copies, not 2"):
        CountedTasks(Single(), VECTORS, 7, "environment").reset(np.arange(2))


def test_tasks_must_be_finite_and_come_as_a_split(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="task family point-goal-2d: tasks must be finite"):
        CountedTasks(FAMILY, np.full((3, 2), np.nan), 7, "environment")
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d")
    monkeypatch.setattr(PointGoal, "sample_tasks", lambda self, seed: (VECTORS, VECTORS))
    with pytest.raises(ValueError, match="point-goal-2d: sample_tasks must give a TaskSplit, not a tuple"):
        Trainer.of(spec, torch.device("cpu"))


@pytest.mark.parametrize("what", sorted(WRONG))
def test_a_step_of_the_wrong_shape_is_refused_with_the_family_s_name(what: str) -> None:
    tasks = stepping_with(**{what: WRONG[what]})
    given = WRONG[what]
    with pytest.raises(ValueError, match=f"task family point-goal-2d: {what} must be numbers") as caught:
        tasks.step(np.zeros((2, 2)), np.ones(2, np.bool_))
    assert str(caught.value).endswith(f"not {given.dtype} of the shape {given.shape}")
    assert tasks.steps == 0


def test_a_reset_a_tuple_and_tasks_of_the_wrong_shape_are_refused_with_the_family_s_name() -> None:
    class Wrong(PointGoal):
        def simulation(self, copies: int) -> Simulation:
            simulation = super().simulation(copies)
            honest = simulation.reset
            simulation.reset = lambda *given: honest(*given)[0]  # type: ignore[method-assign]
            simulation.step = lambda *given: (np.zeros((2, 2)), 0.0)  # type: ignore[method-assign,assignment]
            return simulation

    tasks = CountedTasks(Wrong(), VECTORS, 7, "environment")
    with pytest.raises(ValueError, match=r"point-goal-2d: observations .* shape \(2, 2\), not float64 of .* \(2,\)"):
        tasks.reset(np.arange(2))
    with pytest.raises(ValueError, match="point-goal-2d: a step must be a Step of environments, not a tuple"):
        tasks.step(np.zeros((2, 2)), np.ones(2, np.bool_))
    with pytest.raises(
        ValueError, match=r"point-goal-2d: tasks must be numbers of the shape \(20, 2\), not .*\(20, 1\)"
    ):
        CountedTasks(FAMILY, VECTORS[:, :1], 7, "environment")


def test_what_an_idle_copy_shows_does_not_matter() -> None:
    class Careless(PointGoal):
        def simulation(self, copies: int) -> Simulation:
            simulation = super().simulation(copies)
            honest = simulation.step

            def step(actions: FloatArray, active: BoolArray) -> Step:
                taken = honest(actions, active)
                return taken._replace(rewards=np.where(active, taken.rewards, np.nan))

            simulation.step = step  # type: ignore[method-assign]
            return simulation

    tasks = CountedTasks(Careless(), VECTORS, 7, "environment")
    episodes = run_episodes(tasks, Walk(), np.arange(2), np.array([5, 2]))
    assert np.isfinite(episodes.rewards).all()


def test_a_simulation_that_mujoco_resets_by_itself_ends_the_run() -> None:
    family = make_family("walker-2d-rand-params")
    tasks = CountedTasks(family, np.full((1, 65), 1e-6), 0, "environment")
    observations = tasks.reset(np.zeros(1, np.int64))
    assert np.isfinite(observations).all()
    with pytest.raises(NonFiniteError, match="an observation"):
        run_episodes(tasks, Always(), np.zeros(1, np.int64), np.array([200]))


@pytest.mark.parametrize("actions", [np.zeros((2, 3)), np.zeros(2), np.array([[None, 0.0]] * 2)])
def test_actions_of_the_wrong_shape_are_refused_before_the_family_sees_them(actions: Any) -> None:
    tasks = CountedTasks(FAMILY, VECTORS, 7, "environment")
    tasks.reset(np.arange(2))
    with pytest.raises(ValueError, match=r"point-goal-2d: actions must be numbers of the shape \(2, 2\), not"):
        tasks.step(actions, np.ones(2, np.bool_))
    assert tasks.steps == 0
