"""Every task family as a Gymnasium environment."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Self

import gymnasium
import numpy as np
from numpy.typing import NDArray

from environments.registry import make_family, receive_warnings
from environments.simulation import FloatArray
from environments.validation import checked_tasks

TASK_SEED = 0
"""The seed of the train tasks from which a reset without a task draws one."""

_PLAYBACK = {"toy": 10, "controls": 20, "ml1": 80}


class FamilyEnvironment(gymnasium.Env[FloatArray, FloatArray]):
    """One copy of a family's simulation.

    `reset(options={"task": vector})` chooses the task until another is chosen, so that it outlasts the resets that a
    vector environment makes by itself; `{"task": None}` gives the choice up. Without a choice, `np_random` draws one of
    the family's train tasks at each reset. Time limits are Gymnasium's: `gymnasium.make` truncates at the family's
    horizon, or at `max_episode_steps`. `info` holds `success` and, after a reset, `task`.

    Parameters
    ----------
    family : one of `environments.family_names()`.
    task : (task_size,) the task, until a reset chooses another.
    render_mode : None or "rgb_array".
    width, height : size of a picture in pixels.
    options : the family's own, and the numbers of `environments.make_family`, but for the horizon.

    Raises
    ------
    ValueError
        If an option is unknown, or its value not allowed; if the task has the wrong length or a number that is not
        finite.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 - as Gymnasium has it

    def __init__(
        self,
        family: str,
        *,
        task: Sequence[float] | FloatArray | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
        **options: Any,
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode must be None or 'rgb_array', not {render_mode!r}")
        if "horizon" in options:
            raise ValueError(f"{family}: horizon is not an option here; say max_episode_steps={options['horizon']!r}")
        self.family = make_family(family, **options)
        size = self.family.spec
        self.metadata = {**self.metadata, "render_fps": _PLAYBACK[size.kind]}
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (size.observation_size,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (size.action_size,), np.float64)
        self._picture_size = width, height
        self._simulation = self.family.simulation(1)
        receive_warnings()
        self._train_tasks = self.family.sample_tasks(TASK_SEED).train
        self._task = None if task is None else self._checked(task)
        self._running = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode of the task in `options`, of the one chosen before, or of one drawn from `np_random`.

        Raises
        ------
        ValueError
            If `options` holds anything but a task, or the task has the wrong length or a number that is not finite.
        """
        super().reset(seed=seed)
        options = {"task": self._task, **(options or {})}
        unknown = set(options) - {"task"}
        if unknown:
            raise ValueError(f"reset has no option {min(unknown)!r}; its options: task")
        chosen = None if options["task"] is None else self._checked(options["task"])
        task = self._train_tasks[self.np_random.integers(len(self._train_tasks))] if chosen is None else chosen
        observations = self._simulation.reset(np.zeros(1, dtype=np.int64), task[None], [self.np_random])
        self._task, self._running = chosen, True
        return np.array(observations[0], dtype=np.float64), {"task": task.copy(), "success": False}

    def _checked(self, task: Sequence[float] | FloatArray) -> FloatArray:
        vector = np.array(task, dtype=np.float64)
        checked_tasks(self.family.spec, np.zeros(1, dtype=np.int64), vector[None], [self.np_random])
        return vector

    def step(self, action: FloatArray) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Take one step; the action is clipped to [-1, 1].

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no episode is running: before the first reset, or after termination.
        ValueError
            If the action has the wrong shape or is not finite.
        """
        if not self._running:
            raise gymnasium.error.ResetNeeded(f"{self.family.spec.name}: no episode is running; call reset first")
        step = self._simulation.step(np.array(action, dtype=np.float64)[None], np.ones(1, dtype=np.bool_))
        self._running = not step.terminated[0]
        success = {"success": bool(step.success[0])}
        observation = np.array(step.observations[0], dtype=np.float64)  # a user's family may go on writing to its own
        return observation, float(step.rewards[0]), bool(step.terminated[0]), False, success

    def __copy__(self) -> Self:
        """Return a deep copy: a shallow one would be stepped with the original."""
        return copy.deepcopy(self)

    def render(self) -> NDArray[np.uint8] | None:
        """Return a (height, width, 3) picture, or None without a render mode."""
        return self._simulation.render(0, *self._picture_size) if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Release the renderer."""
        self._simulation.close()
