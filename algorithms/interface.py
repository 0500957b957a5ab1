"""The interface of an algorithm to the runner: meta-training, meta-testing, and a state that can be saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from algorithms.declaration import Declaration, Problem
from environments import BoolArray, FloatArray, IntArray, Step

State = dict[str, Any]
"""Nested dictionaries with string keys and leaves that are tensors, numbers, strings, booleans or None."""

Metrics = dict[str, float]


class Remembered(Tensor):
    """A tensor of a state that training alone reads: an agent acts without it, and a finished run does not keep it."""


class AppendOnly(Remembered):
    """A tensor of a state whose rows never change once written: a checkpoint saves only those added since the last."""


@dataclass(frozen=True)
class Streams:
    """An algorithm's random streams, each spread from the run's one seed."""

    initialisation: np.random.Generator
    exploration: np.random.Generator
    replay: np.random.Generator

    def for_updates(self, device: torch.device) -> torch.Generator:
        """Make a generator for draws inside updates: first the algorithm's own, then those of its components."""
        return torch.Generator(device).manual_seed(int(self.replay.integers(2**62)))


class Tasks(Protocol):
    """Tasks as an algorithm sees them: to be reset and stepped. Every step of every active copy is counted."""

    @property
    def left(self) -> int:
        """Environment steps that the budget still has."""

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start one episode in each of `len(tasks)` copies (task indices); return (copies, observation_size)."""

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step the active copies; see `environments.Simulation.step`."""


@dataclass(frozen=True)
class Episodes:
    """One episode in each of several copies, side by side.

    Time runs to the end of the longest; beyond an episode's own length its actions and rewards are zero and its last
    observation is repeated.
    """

    tasks: IntArray  # (copies,) task indices
    observations: FloatArray  # (copies, time + 1, observation_size)
    actions: FloatArray  # (copies, time, action_size)
    rewards: FloatArray  # (copies, time)
    terminated: BoolArray  # (copies,) ended by the task; otherwise truncated
    lengths: IntArray  # (copies,) steps taken
    success: BoolArray  # (copies,) ever successful


class Stateful(Protocol):
    """Something whose state can be saved and restored."""

    def state(self) -> State:
        """Return a copy of the state."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""


class Actor(ABC):
    """Something that acts in several copies at once."""

    def begin_episode(self) -> None:  # noqa: B027 - optional
        """Announce that every copy has been reset."""

    @abstractmethod
    def act(self, observations: FloatArray) -> FloatArray:
        """Map (copies, observation_size) to actions (copies, action_size) in [-1, 1]."""

    def observe(self, step: Step, active: BoolArray) -> None:  # noqa: B027 - optional
        """Read what the last actions led to, rewards included."""


class MetaTestAgent(Actor):
    """An agent that meets several test tasks for the first time, one a copy, with nothing remembered from elsewhere.

    The runner steps the environments: K exploration episodes, `adapt`, then the evaluation episodes, in which `observe`
    is called only if the algorithm declares `reads_evaluation_rewards`. Parameters of the algorithm are never changed
    by an agent; what it learns lives in it and is dropped with it.
    """

    def adapt(self, exploration: Sequence[Episodes]) -> None:
        """Learn from the exploration episodes; called once, after which the agent is a frozen policy."""


class StepwiseAgent(MetaTestAgent):
    """An agent that can also adapt several times, each time on fresh episodes, and goes on exploring."""

    @abstractmethod
    def explorer(self, tasks: IntArray, copies: int) -> Actor:
        """Make what explores for one episode in some of its tasks (by position), `copies` of each side by side."""

    @abstractmethod
    def adapt_again(self, exploration: Sequence[Episodes]) -> None:
        """Learn from the episodes of all explorers that were made since the last time, in their order."""


class Algorithm(Declaration, ABC):
    """A meta-reinforcement-learning algorithm."""

    foreign_versions: Mapping[str, str] = {}
    """Versions of what computes outside this process, for provenance."""

    def __init__(self, settings: Any, problem: Problem, streams: Streams, device: torch.device) -> None:
        self.settings, self.problem, self.device = settings, problem, device
        self.exploration = streams.exploration
        self.initial = torch.Generator().manual_seed(int(streams.initialisation.integers(2**62)))
        """Source of the initial weights, which are drawn on the CPU."""
        self.generator = streams.for_updates(device)
        """Source of all draws inside updates."""
        self.gradient_steps = 0

    def tensor(self, values: FloatArray | BoolArray) -> Tensor:
        """Put an array on the device, in the precision that networks have."""
        return torch.as_tensor(values, dtype=torch.get_default_dtype(), device=self.device)

    @property
    def finished(self) -> bool:
        """True if meta-training is over although the budget has steps left."""
        most = self.most_gradient_steps(self.settings)
        return most is not None and self.gradient_steps >= most

    @property
    @abstractmethod
    def next_iteration_steps(self) -> int:
        """The most environment steps that the next whole iteration can spend (warm-up included)."""

    @property
    def smallest_iteration_steps(self) -> int:
        """Steps that the budget must have left for another iteration, which may then be smaller than the others."""
        return self.next_iteration_steps

    @abstractmethod
    def meta_train(self, tasks: Tasks) -> Metrics:
        """Run one iteration: collect data, update, and return what is worth logging."""

    def measured(self) -> Metrics:
        """Return what is logged at evaluation marks alone, for it costs more than other metrics; nothing is changed."""
        return {}

    @abstractmethod
    def meta_test(
        self, generators: Sequence[np.random.Generator], task_vectors: FloatArray | None = None
    ) -> MetaTestAgent:
        """Make an agent for `len(generators)` test tasks.

        Parameters
        ----------
        generators : one random generator a test task, so that the order of tasks cannot matter.
        task_vectors : (tasks, task_size), passed only to algorithms that declare `reads_task_vectors`.
        """

    @property
    @abstractmethod
    def parts(self) -> Mapping[str, Stateful]:
        """Everything that training changes, by name: parameters, optimisers, replay."""

    def state(self) -> State:
        """Return everything needed to go on bit for bit."""
        return {
            **{name: part.state() for name, part in self.parts.items()},
            "exploration": dict(self.exploration.bit_generator.state),
            "generator": self.generator.get_state(),
            "gradient_steps": self.gradient_steps,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        for name, part in self.parts.items():
            part.load_state(state[name])
        self.exploration.bit_generator.state = state["exploration"]
        self.generator.set_state(state["generator"])
        self.gradient_steps = state["gradient_steps"]
