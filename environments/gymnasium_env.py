"""Every task family as a Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from environments.registry import make_family
from environments.simulation import FloatArray

TASK_SEED = 0
"""The seed of the train tasks from which a reset without a task draws one."""

_PLAYBACK = {"toy": 10, "controls": 20, "ml1": 80}


class FamilyEnvironment(gymnasium.Env[FloatArray, FloatArray]):
    """One copy of a family's simulation.

    `reset(options={"task": vector})` chooses the task; without it, `np_random` draws one of the family's train tasks.
    The time limit is the environment's own: the last step of the horizon is truncated. `info` holds `success` and,
    after a reset, `task`.

    Parameters
    ----------
    family : one of `environments.family_names()`.
    render_mode : None or "rgb_array".
    width, height : size of a picture in pixels.
    options : the family's own; see `environments.family_options`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self, family: str, *, render_mode: str | None = None, width: int = 480, height: int = 360, **options: str
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        self.family = make_family(family, **options)
        size = self.family.spec
        self.metadata = {**self.metadata, "render_fps": _PLAYBACK[size.kind]}
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size.observation_size,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (size.action_size,), np.float64)
        self._picture_size = width, height
        self._simulation = self.family.simulation(1)
        self._train_tasks = self.family.sample_tasks(TASK_SEED).train
        self._steps_left = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode of the task in `options`, or of a train task drawn from `np_random`.

        Raises
        ------
        ValueError
            If `options` holds anything but a task, or the task has the wrong length or a number that is not finite.
        """
        super().reset(seed=seed)
        unknown = set(options or {}) - {"task"}
        if unknown:
            raise ValueError(f"reset has no option {sorted(unknown)[0]!r}; its options: task")
        task = (options or {}).get("task")
        if task is None:
            task = self._train_tasks[self.np_random.integers(len(self._train_tasks))]
        task = np.array(task, dtype=np.float64)
        observations = self._simulation.reset(np.zeros(1, dtype=np.int64), task[None], [self.np_random])
        self._steps_left = self.family.spec.horizon
        return observations[0], {"task": task, "success": False}

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Take one step; the action is clipped to [-1, 1].

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no episode is running: before the first reset, or after termination or truncation.
        ValueError
            If the action has the wrong shape or is not finite.
        """
        if self._steps_left == 0:
            horizon = self.family.spec.horizon
            raise gymnasium.error.ResetNeeded(
                f"{self.family.spec.name}: no episode is running (they end after {horizon} steps); call reset first"
            )
        step = self._simulation.step(np.asarray(action, dtype=np.float64)[None], np.ones(1, dtype=np.bool_))
        terminated = bool(step.terminated[0])
        self._steps_left = 0 if terminated else self._steps_left - 1
        truncated = self._steps_left == 0 and not terminated
        return step.observations[0], float(step.rewards[0]), terminated, truncated, {"success": bool(step.success[0])}

    def render(self) -> NDArray[np.uint8] | None:
        """Return a (height, width, 3) picture, or None without a render mode."""
        return self._simulation.render(0, *self._picture_size) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Release the renderer."""
        self._simulation.close()
