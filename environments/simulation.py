"""A simulation: several copies of one environment, stepped together."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class Step(NamedTuple):
    """The result of one step of every copy. Rows of inactive copies repeat the last observation and hold zeros."""

    observations: FloatArray  # (copies, observation_size)
    rewards: FloatArray  # (copies,)
    terminated: BoolArray  # (copies,), a true end of the task, never a time limit
    success: BoolArray  # (copies,), the family's success criterion holds in the state reached


class Simulation(ABC):
    """`copies` environments of one family, each with a task of its own.

    Copies share nothing: stepping them together is bit-equal to stepping them one by one.
    Time limits are the caller's business; a simulation only reports true terminations.
    A copy whose physics became unstable observes and earns NaN until its next reset.
    A copy of a simulation, by `copy` or `pickle`, goes on alike and by itself, or is refused with a `TypeError`.
    """

    copies: int

    @abstractmethod
    def reset(self, copies: IntArray, tasks: FloatArray, generators: Sequence[np.random.Generator]) -> FloatArray:
        """Start an episode in each of the named copies.

        Parameters
        ----------
        copies : (n,) indices of the copies to reset; the others keep their state.
        tasks : (n, task_size) one task vector a copy.
        generators : n random generators, the only source of each copy's initial-state noise.

        Returns
        -------
        (n, observation_size) initial observations.

        Raises
        ------
        ValueError
            If a task vector has the wrong length or holds a non-finite number.
        """

    @abstractmethod
    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Advance the active copies by one control step.

        Parameters
        ----------
        actions : (copies, action_size), clipped to [-1, 1] and rescaled to the actuators' range.
        active : (copies,) copies to step; the others are left exactly as they are.

        Raises
        ------
        ValueError
            If an active copy's action is not finite.
        """

    def measured(self) -> Mapping[str, FloatArray]:
        """Return the metrics that the family's specification names, each (copies,), in the states that copies are in.

        NaN where there is nothing to say.
        """
        return {}

    @abstractmethod
    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a (height, width, 3) picture of one copy."""

    def __copy__(self) -> Self:
        """Return a deep copy: a shallow one would be stepped with the original."""
        return copy.deepcopy(self)

    def close(self) -> None:  # noqa: B027 - most simulations hold nothing that must be released
        """Release what the simulation holds outside Python (renderers)."""
