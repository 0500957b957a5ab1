"""The record of a reset of Meta-World is complete."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from environments import make_family
from environments.ml1 import resets
from environments.ml1.compiled import pristine_model
from environments.ml1.resets import HAND_SPREAD, ResetRecorder, reset_recorder
from tests.environments.ml1.rollouts import NAMES, ONE, pair

FIRST = np.zeros(1, dtype=np.int64)


@pytest.mark.parametrize("name", NAMES)
def test_resets_move_bodies_and_sites_and_change_nothing_else_in_the_model(name: str) -> None:
    recorder = reset_recorder(name.removesuffix("-v1"), "v1")
    recorder.record(make_family(name).sample_tasks(0).train[0])
    pristine, used = pristine_model(recorder.sibling.fullpath), recorder.sibling.model
    changed = {
        field
        for field in dir(mujoco.MjModel)
        if isinstance(getattr(used, field), np.ndarray)
        and not np.array_equal(getattr(used, field), getattr(pristine, field), equal_nan=True)
    }
    assert changed <= {"body_pos", "site_pos", "eq_data"}  # eq_data: the mocap weld, set at construction


def test_a_forgotten_record_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resets, "RECORDS", 2)
    recorder = ResetRecorder("reach", "v1")
    tasks = make_family("reach-v1").sample_tasks(0).train[:3]
    first = recorder.record(tasks[0])
    assert recorder.record(tasks[0]) is first
    for task in tasks[1:]:
        recorder.record(task)
    again = recorder.record(tasks[0])
    assert again is not first
    np.testing.assert_array_equal(again.state, first.state)
    np.testing.assert_array_equal(again.observation, first.observation)


def test_random_hand_starts_move_the_hand_and_nothing_else() -> None:
    family = make_family("push-v1", hand_start="random")
    simulation = family.simulation(1)
    task = family.sample_tasks(0).train[:1]
    usual = make_family("push-v1").simulation(1).reset(FIRST, task, [np.random.default_rng(0)])[0]
    starts = np.array([simulation.reset(FIRST, task, [np.random.default_rng(seed)])[0] for seed in range(8)])
    assert (np.ptp(starts[:, :3], axis=0) > HAND_SPREAD / 2).all()
    assert (np.abs(starts[:, :3] - usual[:3]) < HAND_SPREAD + 0.02).all()
    np.testing.assert_allclose(starts[:, 4:7], np.tile(usual[4:7], (8, 1)), atol=1e-3)
    again = simulation.reset(FIRST, task, [np.random.default_rng(3)])[0]
    np.testing.assert_array_equal(again, starts[3])


def test_random_hand_starts_are_those_of_stock() -> None:
    stock, lean = pair("door-open-v1", hand_start="random")
    task = make_family("door-open-v1").sample_tasks(0).train[:1]
    for seed in range(3):
        expected = stock.reset(FIRST, task, [np.random.default_rng(seed)])
        np.testing.assert_array_equal(lean.reset(FIRST, task, [np.random.default_rng(seed)]), expected)
        for action in np.random.default_rng(seed).uniform(-1.0, 1.0, (10, 1, 4)):
            wanted, got = stock.step(action, ONE), lean.step(action, ONE)
            np.testing.assert_allclose(got.observations, wanted.observations, rtol=0.0, atol=1e-12)
            np.testing.assert_allclose(got.rewards, wanted.rewards, rtol=0.0, atol=1e-12)


def test_a_goal_grid_keeps_the_object_and_spreads_the_goals() -> None:
    family = make_family("push-v1")
    grid = family.goal_grid(columns=4, rows=2)
    assert grid.shape == (8, 6)
    assert (grid[:, :3] == grid[0, :3]).all()
    np.testing.assert_allclose(grid[:4, 3], [-0.075, -0.025, 0.025, 0.075])
    np.testing.assert_allclose(grid[::4, 4], [0.825, 0.875])
    simulation = family.simulation(8)
    simulation.reset(np.arange(8), grid, [np.random.default_rng(0)] * 8)
    rewards = simulation.step(np.zeros((8, 4)), np.ones(8, dtype=np.bool_)).rewards
    assert np.isfinite(rewards).all()
