"""Requirements on every registered algorithm where episodes end early; the rest is in tests/test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms import ALGORITHMS
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import load_settings
from suite.training.protocol import CountedTasks, TaskView
from suite.training.trainer import Trainer
from tests.algorithms.two_directions import TwoDirections, assert_same_state, evaluate, make, train_tasks

SPECS = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}
TINY = {name: vars(load_settings(name, spec.settings)) for name, spec in SPECS.items()}

FAMILY = TwoDirections(edge=0.3)


@pytest.fixture(params=sorted(ALGORITHMS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_restored_state_continues_bit_for_bit(name: str) -> None:
    algorithm, tasks = make(name, FAMILY, TINY[name]), train_tasks(FAMILY)
    for _ in range(2):
        algorithm.meta_train(tasks)
    other, other_tasks = make(name, FAMILY, TINY[name], seed=1), train_tasks(FAMILY)
    other.load_state(algorithm.state())
    other_tasks.load_state(tasks.state())
    for _ in range(2):
        assert algorithm.meta_train(tasks) == other.meta_train(other_tasks)
    assert_same_state(algorithm.state(), other.state())
    np.testing.assert_array_equal(evaluate(algorithm, FAMILY).rewards, evaluate(other, FAMILY).rewards)


def test_a_score_depends_neither_on_the_order_nor_on_the_company_of_tasks(name: str, float64: None) -> None:
    algorithm = make(name, FAMILY, TINY[name])
    algorithm.meta_train(train_tasks(FAMILY))
    before = algorithm.state()
    together = evaluate(algorithm, FAMILY, [0, 1]).rewards.sum(axis=1)
    assert_same_state(before, algorithm.state())
    np.testing.assert_allclose(evaluate(algorithm, FAMILY, [1, 0]).rewards.sum(axis=1), together[::-1], atol=1e-9)
    np.testing.assert_allclose(evaluate(algorithm, FAMILY, [1]).rewards.sum(axis=1), together[1:], atol=1e-9)


@pytest.mark.parametrize("edge", [0.3, np.inf])
def test_no_iteration_spends_more_than_it_announces(name: str, edge: float) -> None:
    family = TwoDirections(edge)
    algorithm, tasks = make(name, family, TINY[name]), train_tasks(family)
    for _ in range(2):
        announced, before = algorithm.next_iteration_steps, tasks.steps
        metrics = algorithm.meta_train(tasks)
        assert 0 < tasks.steps - before <= announced
        assert edge < np.inf or tasks.steps - before == announced
        assert all(np.isfinite(value) for value in metrics.values())


def trainer_of(name: str, budget: int, edge: float) -> Trainer:
    family = TwoDirections(edge)
    vectors = family.sample_tasks(0).train
    return Trainer(
        spec=SPECS[name].model_copy(update={"budget": budget, "exploration_episodes": 2}),
        family=family,
        algorithm=make(name, family, TINY[name], budget=budget),
        train=CountedTasks(family, vectors, 0, "environment"),
        test=CountedTasks(family, vectors, 0, "evaluation environment"),
    )


@pytest.mark.parametrize("edge", [0.1, np.inf])
@pytest.mark.parametrize("rest", [7, 50])
def test_a_budget_is_spent_up_to_the_smallest_iteration_and_never_exceeded(name: str, edge: float, rest: int) -> None:
    first = make(name, TwoDirections(edge), TINY[name]).next_iteration_steps
    trainer = trainer_of(name, 2 * first + rest, edge)
    trainer.run()
    left = trainer.spec.budget - trainer.train.steps
    assert 0 <= left < trainer.algorithm.smallest_iteration_steps
    assert trainer.training[-1]["environment_steps"] == trainer.train.steps


@pytest.mark.parametrize(
    ("name", "several"), [("maml-trpo", "meta_batch"), ("rl2-ppo", "meta_batch"), ("mql", "tasks_per_iteration")]
)
@pytest.mark.parametrize(("edge", "whole"), [(0.05, True), (np.inf, False)])
def test_steps_that_were_reserved_and_not_taken_let_more_tasks_follow(
    name: str, several: str, edge: float, whole: bool
) -> None:
    """With a budget for all tasks but one, the last follows if the episodes before it ended early, and only then."""
    family = TwoDirections(edge)
    made, tasks = make(name, family, {**TINY[name], several: 5}), train_tasks(family)
    made.meta_train(tasks)  # with warm-up, where there is one
    share = made.smallest_iteration_steps
    assert made.next_iteration_steps == 5 * share
    begun, started = tasks.steps, tasks.visits.sum()
    made.meta_train(TaskView(tasks, begun + 4 * share))
    assert tasks.visits.sum() - started == (5 if whole else 4) * share // family.spec.horizon
    assert begun < tasks.steps <= begun + 4 * share
