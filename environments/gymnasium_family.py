"""Task families made of Gymnasium environments that exist already."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import NDArray

from environments.family import FamilySpec, TaskFamily, TaskSplit
from environments.simulation import BoolArray, FloatArray, IntArray, Simulation, Step
from environments.streams import task_stream
from environments.validation import checked_actions, checked_tasks

AnyEnvironment = gymnasium.Env[Any, Any]


class GymnasiumFamily(TaskFamily):
    """The tasks of a Gymnasium environment: a subclass says which, and what of it differs between tasks.

    Its specification is read from the environment when the subclass is defined. Each copy is an environment of its own,
    whose every random number comes from the generator of its reset. Observations are flattened as
    `gymnasium.spaces.flatten` does; actions in [-1, 1] are rescaled to the bounds of the action space. Time limits of
    `gymnasium.make` are left out: they are the family's horizon.

    Raises
    ------
    ValueError
        At its definition, if the environment cannot be one: the message says why.
    """

    name: ClassVar[str]
    environment: ClassVar[str]
    """Its id, as `gymnasium.make` takes it."""
    make_options: ClassVar[Mapping[str, Any]] = {}
    """Further arguments of `gymnasium.make`."""
    task: ClassVar[Mapping[str, tuple[float, float]]]
    """The numbers of a task vector: a name for each, and the ends that it is drawn between."""
    set_by: ClassVar[Literal["attributes", "options"]] = "attributes"
    """The way a task is set: as attributes of the unwrapped environment before a reset, or by `reset(options=...)`.

    Override `set_task` for any other way.
    """
    hidden: ClassVar[Sequence[str]] = ()
    """Keys of a dictionary of observations that tell the task, and that agents are not to see."""
    success_key: ClassVar[str | None] = None
    """The key of `info` that says whether the criterion of success holds; None where none is defined."""
    success: ClassVar[str] = ""
    """The criterion in words; by default the key."""
    metrics: ClassVar[Mapping[str, str]] = {}
    """Keys of `info` whose last numbers in an evaluation episode are recorded, and words for each."""
    horizon: ClassVar[int | None] = None
    """None: the environment's own time limit."""
    exploration_episodes: ClassVar[int] = 2
    train_tasks: ClassVar[int] = 40
    test_tasks: ClassVar[int] = 20
    action_size: ClassVar[int | None] = None
    """The numbers that `map_action` makes an action of; None: those of the action space."""
    kind: ClassVar[Literal["toy", "controls"]] = "toy"
    """Decides which of the papers' settings algorithms begin with."""
    revision: ClassVar[int] = 1
    """Raised by hand whenever the same task and actions give different numbers."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Read the specification, and refuse what cannot be a family."""
        super().__init_subclass__(**options)
        if "name" in vars(cls):
            cls.spec = _specification(cls)

    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw tasks, each number uniformly between its ends."""
        low, high = np.array(list(self.task.values()), dtype=np.float64).T
        count = self.spec.train_tasks + self.spec.test_tasks
        tasks = task_stream(self.spec.name, seed).uniform(low, high, (count, self.spec.task_size))
        return TaskSplit(tasks[: self.spec.train_tasks], tasks[self.spec.train_tasks :])

    def simulation(self, copies: int) -> Simulation:
        """Build a simulation of as many environments."""
        return _GymnasiumSimulation(self, copies)

    def set_task(self, environment: AnyEnvironment, task: Mapping[str, float]) -> dict[str, Any] | None:
        """Set an environment's task before its reset.

        Parameters
        ----------
        environment : as `gymnasium.make` makes it, without a time limit.
        task : the numbers of the task vector by name.

        Returns
        -------
        The options of its reset.
        """
        if self.set_by == "options":
            return dict(task)
        for name, value in task.items():
            setattr(environment.unwrapped, name, value)
        return None

    def map_action(self, action: FloatArray, space: spaces.Space[Any]) -> Any:
        """Make an action of the environment from `action_size` numbers in [-1, 1]; override it for discrete ones."""
        assert isinstance(space, spaces.Box)  # noqa: S101 - seen to at the definition
        low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
        return (low + (action + 1.0) / 2.0 * (high - low)).reshape(space.shape).astype(space.dtype)

    def succeeded(self, info: Mapping[str, Any]) -> bool:
        """Return whether the criterion of success holds after a step.

        Raises
        ------
        ValueError
            If `info` lacks the key of success, or has neither true nor false there, nor 1 or 0.
        """
        if self.success_key is None:
            return False
        value = self.told(info, "success_key", self.success_key)
        if value not in (0, 1):
            said = f"info[{self.success_key!r}] must be true or false, not {value!r}"
            raise ValueError(f"{self.spec.name}: success_key: {said}")
        return bool(value)

    def told(self, info: Mapping[str, Any], what: str, key: str) -> Any:
        """Return a value of `info`; raises a ValueError that says `what` asked for it where it is missing."""
        if key not in info:
            held = ", ".join(info) or "nothing"
            raise ValueError(f"{self.spec.name}: {what}: info has no {key!r}; it holds {held}")
        return info[key]

    @classmethod
    def make_environment(cls) -> AnyEnvironment:
        """Make one environment, without a time limit and, where it can, able to draw itself."""
        registered = gymnasium.spec(cls.environment)
        options = dict(cls.make_options)
        made: AnyEnvironment = gymnasium.make(registered, max_episode_steps=-1, disable_env_checker=True, **options)
        if "rgb_array" in made.metadata.get("render_modes", ()) and "render_mode" not in options:
            made.close()
            options["render_mode"] = "rgb_array"
            made = gymnasium.make(registered, max_episode_steps=-1, disable_env_checker=True, **options)
        return made


def _specification(family: type[GymnasiumFamily]) -> FamilySpec:
    name = family.name
    for required in ("environment", "task"):
        if not hasattr(family, required):
            raise ValueError(f"{name}: {required} is missing")
    try:
        registered = gymnasium.spec(family.environment)
        environment = family.make_environment()
    except (gymnasium.error.Error, TypeError) as error:
        raise ValueError(f"{name}: environment {family.environment!r}: {error}") from error
    horizon = family.horizon or registered.max_episode_steps
    if horizon is None:
        raise ValueError(f"{name}: horizon: {family.environment} has no time limit of its own; give one")
    _check_task(family, environment)
    seen = _seen(environment.observation_space, family.hidden, name)
    if not seen.is_np_flattenable:
        raise ValueError(f"{name}: observations of {seen} cannot be flattened to a fixed number of numbers")
    actions = family.action_size
    if family.map_action is GymnasiumFamily.map_action:
        actions = _checked_actions(environment.action_space, name)
    elif actions is None:
        raise ValueError(f"{name}: action_size: map_action is given; say how many numbers it takes")
    success = family.success
    if family.success_key is not None:
        success = success or f"info[{family.success_key!r}] of {family.environment}"
    elif family.succeeded is not GymnasiumFamily.succeeded and not success:
        raise ValueError(f"{name}: success: succeeded is given; say in words when it is true")
    size = spaces.flatdim(seen)
    environment.close()
    return FamilySpec(
        name=name,
        kind=family.kind,
        observation_size=size,
        action_size=actions,
        task_size=len(family.task),
        horizon=horizon,
        exploration_episodes=family.exploration_episodes,
        train_tasks=family.train_tasks,
        test_tasks=family.test_tasks,
        success=success,
        revision=family.revision,
        metrics=dict(family.metrics),
    )


def _check_task(family: type[GymnasiumFamily], environment: AnyEnvironment) -> None:
    name = family.name
    if family.set_by not in ("attributes", "options"):
        raise ValueError(f"{name}: set_by: {family.set_by!r}: must be attributes or options")
    if not family.task:
        raise ValueError(f"{name}: task: names nothing that differs between tasks")
    for key, ends in family.task.items():
        if len(ends) != 2 or not ends[0] < ends[1] or not np.isfinite(ends).all():
            raise ValueError(f"{name}: task: {key}: {ends!r}: must be two numbers, the lower one first")
        sets_attributes = family.set_task is GymnasiumFamily.set_task and family.set_by == "attributes"
        if sets_attributes and not hasattr(environment.unwrapped, key):
            near = difflib.get_close_matches(key, vars(environment.unwrapped), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{name}: task: {family.environment} has no attribute {key!r}{hint}")


def _checked_actions(space: spaces.Space[Any], name: str) -> int:
    """Return the numbers of an action, which must be those of a bounded box."""
    remedy = "give action_size and map_action, which makes one of numbers in [-1, 1]"
    if not isinstance(space, spaces.Box):
        raise ValueError(f"{name}: actions of {space} are not continuous, as the algorithms' are; {remedy}")
    if not np.issubdtype(space.dtype, np.floating) or not space.is_bounded():
        raise ValueError(f"{name}: actions of {space} are not real numbers between bounds; {remedy}")
    return int(np.prod(space.shape))


def _seen(space: spaces.Space[Any], hidden: Sequence[str], name: str) -> spaces.Space[Any]:
    """Return the space of what agents see."""
    if not hidden:
        return space
    keys = list(space.spaces) if isinstance(space, spaces.Dict) else []
    for key in hidden:
        if key not in keys:
            raise ValueError(
                f"{name}: hidden: {key!r} is no key of the observations: {', '.join(keys) or 'they have none'}"
            )
    assert isinstance(space, spaces.Dict)  # noqa: S101 - it has keys
    left = {key: inner for key, inner in space.spaces.items() if key not in hidden}
    if not left:
        raise ValueError(f"{name}: hidden: leaves nothing of the observations")
    return spaces.Dict(left)


def _mujoco_resets(environment: AnyEnvironment) -> NDArray[np.int32]:
    """Return the live counts of what MuJoCo reset by itself, where the environment has a MuJoCo state; else zeros."""
    data = getattr(environment.unwrapped, "data", None)
    if "mujoco" in sys.modules and isinstance(data, sys.modules["mujoco"].MjData):
        from environments.physics import self_resets  # loads MuJoCo, which most environments do without

        return self_resets(data)
    return np.zeros(3, np.int32)


class _GymnasiumSimulation(Simulation):
    """One environment a copy."""

    def __init__(self, family: GymnasiumFamily, copies: int) -> None:
        self.copies, self.family = copies, family
        self._environments = [family.make_environment() for _ in range(copies)]
        self._space = _seen(self._environments[0].observation_space, family.hidden, family.spec.name)
        self._last = np.zeros((copies, family.spec.observation_size))
        self._resets = [_mujoco_resets(environment) for environment in self._environments]
        self._measured = {name: np.full(copies, np.nan) for name in family.metrics}

    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        tasks = checked_tasks(self.family.spec, copies, tasks, generators)
        for copy, task, generator in zip(copies, tasks, generators, strict=True):
            environment = self._environments[copy]
            named = dict(zip(self.family.task, map(float, task), strict=True))
            options = self.family.set_task(environment, named)
            _mujoco_resets(environment)[:] = 0
            observation, _ = environment.reset(seed=int(generator.integers(2**31)), options=options)
            self._resets[copy] = _mujoco_resets(environment)  # a reset may build the simulation anew
            self._last[copy] = np.nan if self._resets[copy].any() else self._flat(observation)
            for measured in self._measured.values():
                measured[copy] = np.nan
        return self._last[copies].copy()

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        actions = checked_actions(self.family.spec, actions, active)
        rewards = np.zeros(self.copies)
        terminated, success = np.zeros(self.copies, dtype=np.bool_), np.zeros(self.copies, dtype=np.bool_)
        for copy in np.flatnonzero(active):
            environment = self._environments[copy]
            if self._resets[copy].any():
                rewards[copy] = np.nan
                continue
            action = self.family.map_action(actions[copy], environment.action_space)
            observation, reward, ended, truncated, info = environment.step(action)
            self._last[copy], rewards[copy] = self._flat(observation), float(reward)
            if self._resets[copy].any():
                self._last[copy] = rewards[copy] = np.nan
            if not (np.isfinite(self._last[copy]).all() and np.isfinite(rewards[copy])):
                continue  # diverged, whatever else it says
            if truncated and not ended:
                raise ValueError(
                    f"{self.family.spec.name}: {self.family.environment} ended an episode by a time limit of its own, "
                    "which no family may; give a horizon below it"
                )
            terminated[copy], success[copy] = ended, self.family.succeeded(info)
            for name, measured in self._measured.items():
                measured[copy] = float(self.family.told(info, "metrics", name))
        return Step(self._last.copy(), rewards, terminated, success)

    def measured(self) -> Mapping[str, FloatArray]:
        return {name: measured.copy() for name, measured in self._measured.items()}

    def _flat(self, observation: Any) -> FloatArray:
        seen = {key: observation[key] for key in self._space} if self.family.hidden else observation  # type: ignore[attr-defined]
        return np.asarray(spaces.flatten(self._space, seen), dtype=np.float64)

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        picture = self._environments[copy].render()
        if not isinstance(picture, np.ndarray) or picture.ndim != 3:
            raise ValueError(f"{self.family.spec.name}: {self.family.environment} draws no pictures")
        rows = np.arange(height) * picture.shape[0] // height
        columns = np.arange(width) * picture.shape[1] // width
        return np.asarray(picture[rows][:, columns], dtype=np.uint8)

    def __getstate__(self) -> dict[str, Any]:
        """Refuse to be copied where the environment would begin anew."""
        if isinstance(self._environments[0].unwrapped, EzPickle):
            raise TypeError(f"{self.family.spec.name}: {self.family.environment} would begin anew in a copy (EzPickle)")
        return self.__dict__

    def close(self) -> None:
        for environment in self._environments:
            environment.close()
