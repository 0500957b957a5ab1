"""What every registered algorithm must keep where episodes end early; the rest is in tests/test_conformance.py."""

from __future__ import annotations

import numpy as np
import pytest

from algorithms import ALGORITHMS
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import load_settings
from tests.algorithms.two_directions import TwoDirections, assert_same_state, evaluate, make, train_tasks

TINY = {
    spec.algorithm: vars(load_settings(spec.algorithm, spec.settings))
    for spec in load_benchmark("smoke").plan()
    if spec.environment == "point-goal-2d"
}

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
