"""Families made of Gymnasium environments: one of Gymnasium's own, and one with goals in its observations."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from environments import GymnasiumFamily


class HiddenGravity(GymnasiumFamily):
    """A pendulum of unknown gravity and length."""

    name = "hidden-gravity"
    environment = "Pendulum-v1"
    task = {"g": (5.0, 15.0), "l": (0.7, 1.3)}  # noqa: RUF012 - as users write it


class Goals(gymnasium.Env[dict[str, Any], np.ndarray]):
    """A point on a line, in one of two rooms, that is told its goal; a goal-conditioned environment as others are."""

    def __init__(self) -> None:
        box = spaces.Box(-np.inf, np.inf, (1,), np.float64)
        self.observation_space = spaces.Dict({"position": box, "desired_goal": box, "room": spaces.Discrete(2)})
        self.action_space = spaces.Box(np.array([-0.5, 0.0]), np.array([0.5, 1.0]), dtype=np.float64)
        self.position, self.goal = np.zeros(1), np.zeros(1)

    def observed(self) -> dict[str, Any]:
        return {"position": self.position.copy(), "desired_goal": self.goal, "room": int(self.position[0] > 0.0)}

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[dict[str, Any], Any]:
        super().reset(seed=seed)
        self.goal = np.array([(options or {})["goal"]])
        self.position = self.np_random.uniform(-0.1, 0.1, 1)
        return self.observed(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self.position = self.position + action[0] * action[1]
        distance = float(np.abs(self.position - self.goal)[0])
        return self.observed(), -distance, distance > 3.0, False, {"is_success": distance < 0.1}


gymnasium.register("tests/Goals-v0", entry_point=Goals, max_episode_steps=30)


class HiddenGoal(GymnasiumFamily):
    """The point on a line, told nothing."""

    name = "hidden-goal"
    environment = "tests/Goals-v0"
    task = {"goal": (-1.0, 1.0)}  # noqa: RUF012 - as users write it
    set_by = "options"
    hidden = ("desired_goal",)
    success_key = "is_success"


OF_GYMNASIUM = (HiddenGravity, HiddenGoal)
