"""The end of a simulation that MuJoCo cannot go on with, and of what MuJoCo says about it."""

from __future__ import annotations

import copy as copying
import subprocess
import sys
from pathlib import Path

import gymnasium
import mujoco
import numpy as np
import pytest

from environments import FloatArray, family_names, family_spec, make_family

WALKER = "walker-2d-rand-params"
PHYSICAL = [name for name in family_names() if family_spec(name).kind == "controls"] + ["push-v1", "reach-v1"]
BOTH = np.ones(2, dtype=np.bool_)


def unstable_steps(factor: float, actions: FloatArray) -> int:
    """Count the control steps before the first in which MuJoCo resets itself, in a simulation of this file's own."""
    model = mujoco.MjModel.from_xml_path(
        str(Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets" / "walker2d.xml")
    )
    model.opt.timestep = 0.004
    for field in (model.body_mass, model.body_inertia, model.dof_damping, model.geom_friction):
        field *= factor
    data = mujoco.MjData(model)
    generator = np.random.default_rng(0)
    data.qpos[:] = model.qpos0 + generator.uniform(-0.005, 0.005, model.nq)
    data.qvel[:] = generator.uniform(-0.005, 0.005, model.nv)
    mujoco.mj_forward(model, data)
    for number, action in enumerate(actions):
        for _ in range(4):
            before = data.time
            data.ctrl[:] = action
            mujoco.mj_step(model, data)
            if data.time <= before:
                return number
    return len(actions)


def executed(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Execute a script in a process of its own, with a folder as its working folder."""
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )


def test_a_state_that_mujoco_resets_by_itself_is_no_state() -> None:
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (200, 6))
    stable = unstable_steps(1e-6, actions)
    assert stable < 200
    family = make_family(WALKER)
    simulation = family.simulation(2)
    healthy = family.sample_tasks(0).train[0]
    simulation.reset(np.arange(2), np.stack([np.full(65, 1e-6), healthy]), [np.random.default_rng(0)] * 2)
    for number, action in enumerate(actions[: stable + 3]):
        step = simulation.step(np.stack([action, np.zeros(6)]), BOTH)
        lost = number >= stable
        assert np.isnan(step.observations[0]).all() == np.isnan(step.rewards[0]) == lost
        assert not (lost and step.terminated[0])
        assert np.isfinite(step.observations[1]).all()
        assert np.isfinite(step.rewards[1])
    copied = copying.deepcopy(simulation)
    assert np.isnan(copied.step(np.zeros((2, 6)), BOTH).rewards[0])
    simulation.reset(np.array([0]), healthy[None], [np.random.default_rng(2)])
    assert np.isfinite(simulation.step(np.zeros((2, 6)), BOTH).rewards).all()


@pytest.mark.parametrize("simulation", ["lean", "stock"])
def test_a_robot_that_mujoco_resets_by_itself_is_lost(simulation: str) -> None:
    family = make_family("push-v1", simulation=simulation)
    robots = family.simulation(2)
    tasks = family.sample_tasks(0).train[:2]
    robots.reset(np.arange(2), tasks, [np.random.default_rng(0)] * 2)
    robots.step(np.zeros((2, 4)), BOTH)
    data = robots.datas[0] if simulation == "lean" else robots.environments[0].data  # type: ignore[attr-defined]
    data.qvel[0] = 1e11  # MuJoCo's limit is 1e10
    for _ in range(2):
        step = robots.step(np.zeros((2, 4)), BOTH)
        assert np.isnan(step.observations[0]).all()
        assert np.isnan(step.rewards[0])
        assert not step.success[0]
        assert np.isfinite(step.observations[1]).all()
        assert np.isfinite(step.rewards[1])
    if simulation == "lean":
        assert np.isnan(copying.deepcopy(robots).step(np.zeros((2, 4)), BOTH).rewards[0])
    again = robots.reset(np.array([0]), tasks[:1], [np.random.default_rng(0)])
    fresh = family.simulation(1)
    np.testing.assert_array_equal(again, fresh.reset(np.arange(1), tasks[:1], [np.random.default_rng(0)]))
    ours, theirs = robots.step(np.zeros((2, 4)), BOTH), fresh.step(np.zeros((1, 4)), BOTH[:1])
    np.testing.assert_array_equal(ours.observations[0], theirs.observations[0])
    assert ours.rewards[0] == theirs.rewards[0]


@pytest.mark.parametrize("name", PHYSICAL)
def test_mujoco_writes_no_file_into_the_working_folder(name: str, tmp_path: Path) -> None:
    script = f"""
import mujoco, numpy as np
from environments import make_family
family = make_family({name!r})
simulation = family.simulation(1)
simulation.reset(np.arange(1), family.sample_tasks(0).train[:1], [np.random.default_rng(0)])
simulation.datas[0].qvel[0] = np.nan
step = simulation.step(np.zeros((1, family.spec.action_size)), np.ones(1, dtype=np.bool_))
assert np.isnan(step.rewards).all()
"""
    done = executed(script, tmp_path)
    assert "The simulation is unstable" in done.stderr
    assert not done.stdout
    assert not list(tmp_path.iterdir())


def test_a_family_that_loads_mujoco_late_writes_no_file_either(tmp_path: Path) -> None:
    script = """
import sys, numpy as np
from environments.point_goal import PointGoal
from suite.training.protocol import CountedTasks

class Late(PointGoal):
    def simulation(self, copies):
        import mujoco
        model = mujoco.MjModel.from_xml_string(
            "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
        )
        data = mujoco.MjData(model)
        data.qvel[0] = np.nan
        simulation = super().simulation(copies)
        honest = simulation.step
        simulation.step = lambda *given: (mujoco.mj_step(model, data), honest(*given))[1]
        return simulation

assert "mujoco" not in sys.modules
tasks = CountedTasks(Late(), np.ones((1, 2)), 0, "environment")
tasks.reset(np.zeros(1, np.int64))
tasks.step(np.zeros((1, 2)), np.ones(1, np.bool_))
"""
    done = executed(script, tmp_path)
    assert "The simulation is unstable" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_a_body_with_a_factor_that_is_not_positive_is_refused_before_anything_moves(factor: float) -> None:
    family = make_family(WALKER)
    simulation = family.simulation(2)
    tasks = family.sample_tasks(0).train[:2].copy()
    first = simulation.reset(np.arange(2), tasks, [np.random.default_rng(copy) for copy in range(2)])
    tasks[1, 3] = factor
    with pytest.raises(ValueError, match=f"{WALKER}: the task of copy 1: factors must be positive, not {factor:g}"):
        simulation.reset(np.arange(2), tasks, [np.random.default_rng(5)] * 2)
    np.testing.assert_array_equal(simulation.step(np.zeros((2, 6)), ~BOTH).observations, first)
