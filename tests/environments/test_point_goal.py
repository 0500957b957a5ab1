"""The toy family, recomputed by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from environments import make_family

FIRST, ONE = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.bool_)


def test_goals_lie_on_the_upper_half_circle() -> None:
    family = make_family("point-goal-2d")
    goals = np.concatenate([np.concatenate(family.sample_tasks(seed)) for seed in range(50)])
    angles = np.arctan2(goals[:, 1], goals[:, 0])
    np.testing.assert_allclose(np.hypot(goals[:, 0], goals[:, 1]), 1.0)
    assert angles.min() >= 0.0
    assert np.histogram(angles, bins=4, range=(0.0, math.pi))[0].min() > 0.2 * len(goals)


def test_a_step_moves_by_a_tenth_and_pays_minus_the_distance() -> None:
    simulation = make_family("point-goal-2d").simulation(1)
    x, y = simulation.reset(FIRST, np.array([[0.6, 0.8]]), [np.random.default_rng(0)])[0]
    for action in np.random.default_rng(1).uniform(-2.0, 2.0, (20, 2)):
        step = simulation.step(action[None], ONE)
        x += 0.1 * min(max(action[0], -1.0), 1.0)
        y += 0.1 * min(max(action[1], -1.0), 1.0)
        np.testing.assert_allclose(step.observations[0], [x, y])
        assert step.rewards[0] == pytest.approx(-math.hypot(0.6 - x, 0.8 - y))
        assert not step.terminated[0]


def test_success_is_being_within_a_fifth_of_the_goal() -> None:
    simulation = make_family("point-goal-2d").simulation(1)
    simulation.reset(FIRST, np.array([[1.0, 0.0]]), [np.random.default_rng(0)])
    reached = []
    for _ in range(20):
        step = simulation.step(np.array([[1.0, 0.0]]), ONE)
        near = math.dist(step.observations[0], (1.0, 0.0)) <= 0.2
        assert step.success[0] == near
        reached.append(near)
    assert reached.count(True) == 4


def test_an_inactive_copy_at_its_goal_reports_nothing() -> None:
    simulation = make_family("point-goal-2d").simulation(2)
    simulation.reset(np.arange(2), np.zeros((2, 2)), [np.random.default_rng(0)] * 2)
    step = simulation.step(np.zeros((2, 2)), np.array([True, False]))
    assert step.success.tolist() == [True, False]
    assert step.rewards[0] < 0.0 == step.rewards[1]


def test_the_start_is_near_the_origin() -> None:
    simulation = make_family("point-goal-2d").simulation(200)
    generators = [np.random.default_rng(seed) for seed in range(200)]
    starts = simulation.reset(np.arange(200), np.tile([0.0, 1.0], (200, 1)), generators)
    assert starts.std() == pytest.approx(0.01, rel=0.15)


def test_standing_still_and_knowing_the_goal() -> None:
    family = make_family("point-goal-2d")
    goals = np.concatenate(family.sample_tasks(0))
    simulation = family.simulation(len(goals))
    everyone = np.ones(len(goals), dtype=np.bool_)
    returns = []
    for gain in (0.0, 10.0):
        generators = [np.random.default_rng(seed) for seed in range(len(goals))]
        positions = simulation.reset(np.arange(len(goals)), goals, generators)
        total = np.zeros(len(goals))
        for _ in range(20):
            step = simulation.step(gain * (goals - positions), everyone)
            positions = step.observations
            total += step.rewards
        returns.append(total.mean())
    assert returns[0] == pytest.approx(-20.0, abs=0.1)
    assert returns[1] == pytest.approx(-3.84, abs=0.2)


def test_a_picture_shows_point_and_goal() -> None:
    simulation = make_family("point-goal-2d").simulation(2)
    simulation.reset(np.arange(2), np.array([[1.0, 0.0], [-1.0, 0.0]]), [np.random.default_rng(0)] * 2)
    first, second = simulation.render(0, 90, 60), simulation.render(1, 90, 60)
    assert first.shape == (60, 90, 3)
    assert (first[30, 65] == (160, 210, 160)).all()
    assert (second[30, 25] == (160, 210, 160)).all()
    assert (first[30, 45] == (40, 80, 160)).all()
