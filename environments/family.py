"""Task families: distributions of tasks that share observations, actions and a horizon."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Self

from environments.simulation import FloatArray, Simulation


@dataclass(frozen=True)
class FamilySpec:
    """Sizes and protocol of a task family; everything an algorithm may know of it beforehand."""

    name: str
    kind: Literal["toy", "controls", "ml1"]
    observation_size: int
    action_size: int
    task_size: int
    """Length of the task vector that characterises a task completely (and is what the oracle sees)."""
    horizon: int
    """Environment steps after which an episode is truncated."""
    exploration_episodes: int
    """Episodes an agent may spend in a test task before it is scored."""
    train_tasks: int
    test_tasks: int
    success: str
    """The family's definition of success, in words; empty where it defines none."""
    revision: int
    """Raised by hand whenever the same task and actions give different numbers."""
    most_tasks: int = 10_000
    """Most train tasks, and most test tasks, that can be asked for."""
    metrics: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Measures taken at the end of each evaluation episode, beside return and success: a name, and words for it."""


class TaskSplit(NamedTuple):
    """Meta-train and meta-test tasks: disjoint, save where a family has but two, and trains and tests on both."""

    train: FloatArray  # (train_tasks, task_size)
    test: FloatArray  # (test_tasks, task_size)


class TaskFamily(ABC):
    """A distribution of tasks and the simulation that runs them; it can be copied and pickled."""

    spec: FamilySpec
    """The family's own, or with what was chosen in `make_family`."""

    @classmethod
    def make(cls, name: str, **options: str) -> Self:
        """Make the family of a name; overridden by a class of several, as `__init__` takes no name by default."""
        return cls(**options)

    @abstractmethod
    def sample_tasks(self, seed: int) -> TaskSplit:
        """Draw the train and test tasks of one run; the same seed gives the same tasks, whatever the algorithm."""

    @abstractmethod
    def simulation(self, copies: int) -> Simulation:
        """Build a simulation of `copies` environments."""
