"""Models against MuJoCo 2.1.0 itself: single steps that its library took (with and without contact)."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from environments import family_names, family_options, family_spec, make_family
from environments.controls.models import load_model
from environments.controls.simulation import ControlsSimulation

RECORDED = Path(__file__).parent / "mujoco_2_1_0_steps.npz"
"""For each model `before`, rows of qpos, qvel and ctrl; a `mj_step` later `after` (qpos, qvel) and `control` (ctrl)."""

CONTROLS = [name for name in family_names() if family_spec(name).kind == "controls"]


@pytest.mark.parametrize("name", ["half_cheetah", "ant", "humanoid", "walker2d"])
def test_with_its_inertia_a_step_is_that_of_2_1_0(name: str) -> None:
    recorded = np.load(RECORDED)
    exact, compiled = (_after(name, inertia, recorded[f"{name}/before"]) for inertia in ("2.1.0", "compiled"))
    np.testing.assert_allclose(exact, recorded[f"{name}/after"], rtol=1e-11, atol=1e-11)
    assert np.abs(compiled - recorded[f"{name}/after"]).max() > 1e-3


def _after(name: str, inertia: str, rows: np.ndarray) -> np.ndarray:
    model = load_model(name, inertia)
    if name == "walker2d":
        model.opt.timestep = 0.004
    data = mujoco.MjData(model)
    after = []
    for row in rows:
        mujoco.mj_resetData(model, data)
        data.qpos[:], data.qvel[:], control = np.split(row, [model.nq, model.nq + model.nv])
        mujoco.mj_forward(model, data)
        data.ctrl[:] = control
        mujoco.mj_step(model, data)
        after.append(np.concatenate([data.qpos, data.qvel]))
    return np.stack(after)


def test_every_controls_family_has_both_inertias() -> None:
    assert {name for name in CONTROLS if "inertia" in family_options(name)} == set(CONTROLS)
    for name in CONTROLS:
        compiled, exact = (make_family(name, inertia=kind).simulation(1) for kind in family_options(name)["inertia"])
        assert isinstance(compiled, ControlsSimulation)
        assert isinstance(exact, ControlsSimulation)
        assert np.abs(compiled.models[0].body_inertia - exact.models[0].body_inertia).max() > 1e-5


@pytest.mark.parametrize("name", CONTROLS)
def test_contact_forces_are_an_option_where_they_are_read(name: str) -> None:
    if "contact_forces" in family_options(name):
        filled, zero = (make_family(name, contact_forces=kind).simulation(1) for kind in ("filled", "zero"))
        assert isinstance(filled, ControlsSimulation)
        assert isinstance(zero, ControlsSimulation)
        assert (filled.contact_forces, zero.contact_forces) == (True, False)
    else:
        simulation = make_family(name).simulation(1)
        assert isinstance(simulation, ControlsSimulation)
        assert not simulation.contact_forces


@pytest.mark.parametrize("name", CONTROLS)
def test_the_largest_actions_are_the_actuators_own_limits(name: str) -> None:
    family = make_family(name)
    simulation = family.simulation(2)
    assert isinstance(simulation, ControlsSimulation)
    tasks = family.sample_tasks(0).train[[0, 0]]
    simulation.reset(np.arange(2), tasks, [np.random.default_rng(0), np.random.default_rng(0)])
    simulation.step(np.stack([np.full(family.spec.action_size, sign) for sign in (-1.0, 1.0)]), np.ones(2, np.bool_))
    limits = simulation.models[0].actuator_ctrlrange
    for view, limit in zip(simulation.views, limits.T, strict=True):
        np.testing.assert_array_equal(view.ctrl, limit)


def test_2_1_0_clamped_the_humanoid_s_controls_in_place_so_that_their_cost_is_of_0_4() -> None:
    recorded = np.load(RECORDED)
    single = float(np.float32(0.4))
    given, clamped = recorded["humanoid/before"][0, -17:], recorded["humanoid/control"][0]
    np.testing.assert_array_equal(np.abs(given), np.full(17, single))
    np.testing.assert_array_equal(np.abs(clamped), np.full(17, 0.4))
