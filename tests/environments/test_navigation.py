"""MAML's point robot against two of its authors' own trajectories (cbfinn/maml_rl, icml/maml_paths_itr{1,3}.pkl)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from environments import make_family

PATHS = pd.read_csv(Path(__file__).parent / "maml_paths.csv", float_precision="round_trip")
TASK = 6
"""Index of the paths' task among the authors' test goals (maml_examples/test_maml_point.py)."""


@pytest.mark.parametrize("name", ["after_1", "after_3"])
def test_steps_are_those_of_the_authors_code(name: str) -> None:
    """Actions are the unclipped draws in the wrapper's units; the second path ends at the goal, after 50 steps."""
    path = PATHS[PATHS["path"] == name]
    family = make_family("navigation-2d", test_goals="icml")
    goals = family.sample_tasks(0).test
    simulation = family.simulation(1)
    observations = simulation.reset(np.arange(1), goals[[TASK]], [np.random.default_rng(0)])
    for number, (_, action_x, action_y, x, y, reward) in enumerate(path.itertuples(index=False)):
        np.testing.assert_allclose(observations[0], [x, y], rtol=0, atol=1e-14)
        step = simulation.step(np.array([[action_x, action_y]]), np.ones(1, dtype=bool))
        assert abs(step.rewards[0] - reward) < 1e-14
        assert step.terminated[0] == step.success[0] == (name == "after_3" and number == len(path) - 1)
        observations = step.observations
    assert len(path) == {"after_1": 100, "after_3": 50}[name]


def test_the_authors_goals_are_the_same_under_every_seed() -> None:
    family = make_family("navigation-2d", test_goals="icml")
    first, other = family.sample_tasks(0), family.sample_tasks(1)
    np.testing.assert_array_equal(first.test, other.test)
    assert not np.isin(first.train, other.train).any()
    np.testing.assert_allclose(np.linalg.norm(first.test, axis=1).mean() * 100, 40.08, atol=0.005)  # standing still


def test_goals_are_uniform_in_the_square() -> None:
    train, test = make_family("navigation-2d").sample_tasks(3)
    assert train.shape == (10_000, 2)
    assert test.shape == (40, 2)
    for goals in (train[:, 0], train[:, 1]):
        assert -0.5 <= goals.min() < -0.499
        assert 0.499 < goals.max() <= 0.5
        np.testing.assert_allclose(np.histogram(goals, bins=10, range=(-0.5, 0.5))[0], 1000, atol=120)
    assert not np.array_equal(test, make_family("navigation-2d").sample_tasks(4).test)


def test_an_offset_on_one_axis_does_not_end_an_episode() -> None:
    simulation = make_family("navigation-2d").simulation(2)
    goals = np.array([[0.109, 0.0], [0.111, 0.0]])
    simulation.reset(np.arange(2), goals, [np.random.default_rng(0)] * 2)
    step = simulation.step(np.array([[3.0, 0.0], [1.0, 0.0]]), np.ones(2, dtype=bool))
    np.testing.assert_array_equal(step.terminated, [True, False])
    np.testing.assert_allclose(step.rewards, [-0.009, -0.011])
