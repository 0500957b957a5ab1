"""Ranges, counts and seeds of the Controls' tasks, and of their initial states."""

from __future__ import annotations

import numpy as np
import pytest

from environments import make_family
from environments.controls.simulation import ControlsSimulation

FIRST = np.zeros(1, dtype=np.int64)


def test_cheetah_velocities_are_the_release_s_130() -> None:
    np.random.seed(1337)  # noqa: NPY002
    velocities = np.random.uniform(0.0, 3.0, size=(130,))  # noqa: NPY002
    split = make_family("cheetah-vel").sample_tasks(4)
    np.testing.assert_array_equal(split.train[:, 0], velocities[:100])
    np.testing.assert_array_equal(split.test[:, 0], velocities[100:])


def test_ant_goals_fill_the_disc_evenly() -> None:
    tasks = np.concatenate([np.concatenate(make_family("ant-goal-2d").sample_tasks(seed)) for seed in range(20)])
    radii = np.hypot(tasks[:, 0], tasks[:, 1])
    assert radii.max() < 3.0
    assert np.mean(radii**2) == pytest.approx(4.5, abs=0.2)
    assert np.abs(tasks.mean(axis=0)).max() < 0.15


@pytest.mark.parametrize(("name", "options"), [("humanoid-dir-2d", {}), ("ant-fb", {"directions": "random"})])
def test_directions_are_unit_vectors_of_every_angle(name: str, options: dict[str, str]) -> None:
    family = make_family(name, **options)
    tasks = np.concatenate([np.concatenate(family.sample_tasks(seed)) for seed in range(60)])
    np.testing.assert_allclose(np.hypot(tasks[:, 0], tasks[:, 1]), 1.0)
    counts = np.histogram(np.arctan2(tasks[:, 1], tasks[:, 0]), bins=4, range=(-np.pi, np.pi))[0]
    assert counts.min() > 0.12 * len(tasks)


def test_two_directions_are_opposite_and_one_hot() -> None:
    for name in ("cheetah-fb", "ant-fb"):
        for tasks in make_family(name).sample_tasks(3):
            assert tasks.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_walker_factors() -> None:
    tasks = np.concatenate(make_family("walker-2d-rand-params").sample_tasks(0))
    exponents = np.log(tasks) / np.log(np.concatenate([np.full(32, 1.5), np.full(9, 1.3), np.full(24, 1.5)]))
    assert tasks.shape == (50, 65)
    assert np.abs(exponents).max() < 3.0
    assert exponents.std() == pytest.approx(np.sqrt(3.0), abs=0.1)


def test_walker_tasks_scale_the_nominal_model_and_set_no_constants() -> None:
    family = make_family("walker-2d-rand-params")
    simulation = family.simulation(2)
    assert isinstance(simulation, ControlsSimulation)
    nominal = make_family("walker-2d-rand-params").simulation(1).models[0]
    task, other = family.sample_tasks(0).train[:2]
    generators = [np.random.default_rng(0)] * 2
    simulation.reset(np.arange(2), np.stack([task, other]), generators)
    simulation.reset(FIRST, other[None], generators[:1])
    simulation.reset(FIRST, task[None], generators[:1])
    changed = simulation.models[0]
    np.testing.assert_array_equal(changed.body_mass, nominal.body_mass * task[:8])
    np.testing.assert_array_equal(changed.body_inertia, nominal.body_inertia * task[8:32].reshape(8, 3))
    np.testing.assert_array_equal(changed.dof_damping, nominal.dof_damping * task[32:41])
    np.testing.assert_array_equal(changed.geom_friction, nominal.geom_friction * task[41:].reshape(8, 3))
    np.testing.assert_array_equal(changed.dof_invweight0, nominal.dof_invweight0)
    np.testing.assert_array_equal(changed.body_subtreemass, nominal.body_subtreemass)
    np.testing.assert_array_equal(simulation.models[1].body_mass, nominal.body_mass * other[:8])


@pytest.mark.parametrize(
    ("name", "position", "velocity", "normal"),
    [
        ("cheetah-vel", 0.1, 0.1, True),
        ("ant-goal-2d", 0.1, 0.1, True),
        ("humanoid-dir-2d", 0.01, 0.01, False),
        ("walker-2d-rand-params", 0.005, 0.005, False),
    ],
)
def test_initial_states(name: str, position: float, velocity: float, normal: bool) -> None:
    family = make_family(name)
    simulation = family.simulation(1)
    assert isinstance(simulation, ControlsSimulation)
    task = family.sample_tasks(0).train[:1]
    positions, velocities = [], []
    for seed in range(60):
        simulation.reset(FIRST, task, [np.random.default_rng(seed)])
        positions.append(simulation.datas[0].qpos - simulation.models[0].qpos0)
        velocities.append(simulation.datas[0].qvel.copy())
    assert 0.95 * position < np.abs(positions).max() <= position
    assert np.std(positions) == pytest.approx(position / np.sqrt(3.0), rel=0.1)
    assert np.std(velocities) == pytest.approx(velocity if normal else velocity / np.sqrt(3.0), rel=0.1)
    assert (np.abs(velocities).max() > velocity) == normal


@pytest.mark.parametrize("name", ["cheetah-fb", "ant-goal-2d", "humanoid-dir-2d", "walker-2d-rand-params"])
def test_recorded_inertia_replaces_the_compiled(name: str) -> None:
    compiled, recorded = (make_family(name, inertia=kind).simulation(1).models[0] for kind in ("compiled", "2.1.0"))
    assert np.abs(recorded.body_mass / np.maximum(compiled.body_mass, 1e-9) - 1.0)[1:].max() > 1e-4
    np.testing.assert_allclose(recorded.body_mass.sum(), recorded.body_subtreemass[0])  # mj_setConst was called
    if name == "cheetah-fb":
        np.testing.assert_allclose(recorded.body_mass.sum(), 14.0, rtol=1e-6)
