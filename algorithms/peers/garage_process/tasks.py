"""The suite's tasks as garage's environments: every reset and every step is the suite's, one message each."""

from __future__ import annotations

from typing import Any

import akro
import numpy as np
from garage import Environment, EnvSpec, EnvStep, EpisodeBatch, StepType
from garage.sampler import EnvUpdate
from numpy.typing import NDArray

from .wire import Message, Pipe

FloatArray = NDArray[np.float64]


class Tasks:
    """Tasks that are reset and stepped by the suite.

    Parameters
    ----------
    pipe : to the suite.
    problem : its sizes.
    vectors : (train_tasks, task_size) if the entrant is an oracle, whose observations they end.
    """

    def __init__(self, pipe: Pipe, problem: dict[str, int], vectors: FloatArray | None) -> None:
        self.pipe, self.vectors = pipe, vectors
        size = problem["observation_size"] + (0 if vectors is None else problem["task_size"])
        self.spec = EnvSpec(
            observation_space=akro.Box(low=-np.inf, high=np.inf, shape=(size,)),
            action_space=akro.Box(low=-1.0, high=1.0, shape=(problem["action_size"],)),
            max_episode_length=problem["horizon"],
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Tasks:
        return self  # garage copies environments; there is one suite

    def ask(self, kind: str, answer: str, **contents: Any) -> Message:
        """Send a message and take the answer, of which only one kind will do."""
        self.pipe.send(kind, **contents)
        message = self.pipe.receive()
        if message.kind != answer:
            raise RuntimeError(f"{kind!r} is answered with {message.kind!r}")
        return message

    def seen(self, message: Message, task: int) -> FloatArray:
        """Return the observation of a message as the entrant sees it."""
        observation = message.arrays["observation"]
        return observation if self.vectors is None else np.concatenate([observation, self.vectors[task]])


class RemoteTask(Environment):  # type: ignore[misc]
    """One task, whose states the suite keeps."""

    def __init__(self, tasks: Tasks, task: int) -> None:
        self.tasks, self.task, self.steps = tasks, task, 0

    @property
    def spec(self) -> EnvSpec:
        """Sizes and horizon."""
        return self.tasks.spec

    @property
    def observation_space(self) -> akro.Box:
        """All vectors of a length."""
        return self.spec.observation_space

    @property
    def action_space(self) -> akro.Box:
        """The unit cube; what lies outside is clipped where the suite steps."""
        return self.spec.action_space

    @property
    def render_modes(self) -> list[str]:
        """None."""
        return []

    def reset(self) -> tuple[FloatArray, dict[str, Any]]:
        """Start an episode."""
        self.steps = 0
        return self.tasks.seen(self.tasks.ask("reset", "observation", values={"task": self.task}), self.task), {}

    def step(self, action: NDArray[Any]) -> EnvStep:
        """Take a step; `action` is noted as it was drawn."""
        stepped = self.tasks.ask("step", "stepped", arrays={"action": np.asarray(action, np.float64)})
        self.steps += 1
        return EnvStep(
            env_spec=self.spec,
            action=action,
            reward=stepped.values["reward"],
            observation=self.tasks.seen(stepped, self.task),
            env_info={},
            step_type=StepType.get_step_type(self.steps, self.spec.max_episode_length, stepped.values["terminated"]),
        )

    def render(self, mode: str) -> None:
        """Nothing: garage's side sees no pictures."""

    def visualize(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing: the suite's simulation goes on."""


class ToTask(EnvUpdate):  # type: ignore[misc]
    """Puts a worker into a task."""

    def __init__(self, tasks: Tasks, task: int, wrap: type | None = None) -> None:
        self.tasks, self.task, self.wrap = tasks, task, wrap

    def __call__(self, old_env: Environment | None = None) -> Environment:
        """Return the task as an environment."""
        task = RemoteTask(self.tasks, self.task)
        return task if self.wrap is None else self.wrap(task)


def episode_batch(
    spec: EnvSpec, observations: FloatArray, actions: FloatArray, rewards: FloatArray, lengths: NDArray[np.int64]
) -> EpisodeBatch:
    """Make garage's value of some episodes that were ended by the time limit.

    Parameters
    ----------
    observations : (episodes, time + 1, observation_size)
    actions : (episodes, time, action_size)
    rewards : (episodes, time)
    lengths : (episodes,)
    """
    taken = np.arange(rewards.shape[1]) < lengths[:, None]
    kinds = np.full(taken.shape, StepType.MID, dtype=StepType)
    kinds[:, 0] = StepType.FIRST
    kinds[np.arange(len(lengths)), lengths - 1] = StepType.TIMEOUT
    return EpisodeBatch(
        env_spec=spec,
        episode_infos={},
        observations=observations[:, :-1][taken],
        last_observations=observations[np.arange(len(lengths)), lengths],
        actions=actions[taken],
        rewards=rewards[taken],
        env_infos={},
        agent_infos={},
        step_types=kinds[taken],
        lengths=lengths.astype("i"),
    )
