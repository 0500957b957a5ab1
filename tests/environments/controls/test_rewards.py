"""Observation, reward and termination, recomputed from a second simulation that this file steps by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import gymnasium
import mujoco
import numpy as np
import pytest

from environments import FloatArray, make_family
from environments.controls.simulation import ControlsSimulation

ASSETS = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
FIRST, ONE = np.zeros(1, dtype=np.int64), np.ones(1, dtype=np.bool_)


class Moment(NamedTuple):
    qpos: FloatArray
    qvel: FloatArray
    torso: FloatArray  # (3,)
    centre: FloatArray  # (3,), of mass
    contact: FloatArray  # (bodies, 6)
    rest: FloatArray  # cinert, cvel and actuator forces, flat


def moment(model: mujoco.MjModel, data: mujoco.MjData) -> Moment:
    mass = model.body_mass[:, None]
    return Moment(
        data.qpos.copy(),
        data.qvel.copy(),
        data.body("torso").xpos.copy(),
        (mass * data.xipos).sum(axis=0) / mass.sum(),
        data.cfrc_ext.copy(),
        np.concatenate([data.cinert.flatten(), data.cvel.flatten(), data.qfrc_actuator]),
    )


class Expected(NamedTuple):
    observation: FloatArray
    reward: float
    terminated: bool


def cheetah(before: Moment, now: Moment, action: FloatArray) -> tuple[FloatArray, float, float]:
    velocity = (now.qpos[0] - before.qpos[0]) / 0.05
    observation = np.concatenate([now.qpos[1:], now.qvel, now.torso]).astype(np.float32)
    return observation, velocity, 0.05 * sum(a * a for a in action)


def cheetah_fb(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    observation, velocity, cost = cheetah(before, now, action)
    direction = 1.0 if task.tolist() == [1.0, 0.0] else -1.0
    return Expected(observation, direction * velocity - cost, False)


def cheetah_vel(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    observation, velocity, cost = cheetah(before, now, action)
    return Expected(observation, -abs(velocity - task[0]) - cost, False)


def clipped(contact: FloatArray) -> FloatArray:
    return np.minimum(np.maximum(contact, -1.0), 1.0).flatten()


def ant_along(direction: FloatArray, before: Moment, now: Moment, action: FloatArray) -> Expected:
    velocity = (now.torso - before.torso)[:2] / 0.05
    cost = 0.5 * sum(a * a for a in action) + 0.0005 * sum(f * f for f in clipped(now.contact))
    reward = velocity[0] * direction[0] + velocity[1] * direction[1] - cost + 1.0
    return Expected(np.concatenate([now.qpos[2:], now.qvel]), reward, not 0.2 <= now.qpos[2] <= 1.0)


def ant_fb(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    return ant_along(np.array([1.0, 0.0] if task.tolist() == [1.0, 0.0] else [-1.0, 0.0]), before, now, action)


def ant_random(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    return ant_along(task, before, now, action)


def ant_goal_2d(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    forces = clipped(now.contact)
    reward = -abs(now.torso[0] - task[0]) - abs(now.torso[1] - task[1])
    reward -= 0.1 * sum(a * a for a in action) + 0.0005 * sum(f * f for f in forces)
    return Expected(np.concatenate([now.qpos, now.qvel, forces]), reward, False)


def humanoid_dir_2d(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    moved = (now.centre - before.centre)[:2]
    progress = 0.25 * (moved[0] * task[0] + moved[1] * task[1]) / 0.003
    control = 0.1 * sum(min(abs(0.4000000059604645 * a), 0.4) ** 2 for a in action)
    impact = min(0.5e-6 * (now.contact**2).sum(), 10.0)
    observation = np.concatenate([now.qpos[2:], now.qvel, now.rest, now.contact.flatten()])
    return Expected(observation, progress - control - impact + 5.0, now.qpos[2] < 1.0 or now.qpos[2] > 2.0)


def walker(before: Moment, now: Moment, action: FloatArray, task: FloatArray) -> Expected:
    reward = (now.qpos[0] - before.qpos[0]) / 0.016 + 1.0 - 0.001 * sum(a * a for a in action)
    observation = np.concatenate([now.qpos[1:], [min(max(v, -10.0), 10.0) for v in now.qvel]])
    fallen = now.qpos[1] <= 0.8 or now.qpos[1] >= 2.0 or abs(now.qpos[2]) >= 1.0
    return Expected(observation, reward, fallen)


def scale_walker(model: mujoco.MjModel, task: FloatArray) -> None:
    model.opt.timestep = 0.004
    model.body_mass *= task[0:8]
    model.body_inertia *= task[8:32].reshape(8, 3)
    model.dof_damping *= task[32:41]
    model.geom_friction *= task[41:65].reshape(8, 3)


ENDING = {"ant-fb", "humanoid-dir-2d", "walker-2d-rand-params"}

CASES = [
    ("cheetah-fb", {}, "half_cheetah", 5, 1.0, cheetah_fb),
    ("cheetah-vel", {}, "half_cheetah", 5, 1.0, cheetah_vel),
    ("ant-fb", {}, "ant", 5, 1.0, ant_fb),
    ("ant-fb", {"directions": "random"}, "ant", 5, 1.0, ant_random),
    ("ant-fb", {"contact_forces": "zero"}, "ant", 5, 1.0, ant_fb),
    ("ant-goal-2d", {}, "ant", 5, 1.0, ant_goal_2d),
    ("ant-goal-2d", {"contact_forces": "zero"}, "ant", 5, 1.0, ant_goal_2d),
    ("humanoid-dir-2d", {}, "humanoid", 5, 0.4000000059604645, humanoid_dir_2d),
    ("humanoid-dir-2d", {"contact_forces": "zero"}, "humanoid", 5, 0.4000000059604645, humanoid_dir_2d),
    ("walker-2d-rand-params", {}, "walker2d", 4, 1.0, walker),
]


@pytest.mark.parametrize(("name", "options", "file", "frames", "strength", "expected"), CASES)
def test_a_step(
    name: str, options: dict[str, str], file: str, frames: int, strength: float, expected: Callable[..., Expected]
) -> None:
    family = make_family(name, **options)
    simulation = family.simulation(1)
    assert isinstance(simulation, ControlsSimulation)
    filled = options.get("contact_forces", "filled") == "filled"
    generator = np.random.default_rng(0)
    ended = lasted = contacts = 0
    for task in family.sample_tasks(0).train[:3]:
        observation = simulation.reset(FIRST, task[None], [generator])[0]
        model = mujoco.MjModel.from_xml_path(str(ASSETS / f"{file}.xml"))
        if file == "walker2d":
            scale_walker(model, task)
        data = mujoco.MjData(model)
        data.qpos[:], data.qvel[:] = simulation.datas[0].qpos, simulation.datas[0].qvel
        mujoco.mj_forward(model, data)
        if filled and file in ("ant", "humanoid"):
            mujoco.mj_rnePostConstraint(model, data)
        before = moment(model, data)
        np.testing.assert_array_equal(observation, expected(before, before, np.zeros(17), task).observation)
        for time in range(200):
            action = generator.uniform(-1.0, 1.0, family.spec.action_size)
            if time % 3 == 2:
                action = np.sign(action)
            step = simulation.step(action[None], ONE)
            data.ctrl[:] = strength * action
            for _ in range(frames):
                mujoco.mj_step(model, data)
            if filled and file in ("ant", "humanoid"):
                mujoco.mj_rnePostConstraint(model, data)
            now = moment(model, data)
            contacts += now.contact.any()
            wanted = expected(before, now, action, task)
            np.testing.assert_allclose(step.observations[0], wanted.observation, rtol=1e-6, atol=1e-6)
            np.testing.assert_allclose(step.rewards[0], wanted.reward, rtol=1e-9, atol=1e-9)
            assert step.terminated[0] == wanted.terminated
            data.qpos[:], data.qvel[:] = simulation.datas[0].qpos, simulation.datas[0].qvel
            data.qacc_warmstart[:] = simulation.datas[0].qacc_warmstart
            before = now
            lasted += not wanted.terminated
            if wanted.terminated:
                ended += 1
                break
    assert lasted > 0
    assert (ended > 0) == (name in ENDING)
    assert (contacts > 0) == (filled and file in ("ant", "humanoid"))
