"""Transitions with the steps that led to them: taken from episodes at once, or kept in a replay and drawn from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from algorithms.declaration import Problem
from algorithms.interface import Episodes, State
from algorithms.replay import Replay
from algorithms.td3 import Batch
from environments import FloatArray


def preceded(episodes: Episodes, actions: FloatArray) -> Episodes:
    """Put a step before each episode that was never taken: an action (copies, action_size) in the first state."""
    s, a, r = episodes.observations, episodes.actions, episodes.rewards
    return replace(
        episodes,
        observations=np.concatenate([s[:, :1], s], axis=1),
        actions=np.concatenate([actions[:, None], a], axis=1),
        rewards=np.concatenate([np.zeros_like(r[:, :1]), r], axis=1),
        lengths=episodes.lengths + (episodes.lengths > 0),
    )


class HistoryReplay:
    """The transitions of a run, drawn uniformly together with the steps that led to them.

    Parameters
    ----------
    problem : sizes.
    history : steps that a transition remembers.
    device : where they are kept.
    leading : steps at the beginning of every episode that are remembered but are no transitions, nor part of the
        history one step later (see `preceded`).
    newest : transitions that are drawn from, the newest of all; 0 for all. The others are kept, as histories.
    """

    def __init__(self, problem: Problem, history: int, device: torch.device, leading: int = 0, newest: int = 0) -> None:
        self.action_size, self.device, self.leading, self.newest = problem.action_size, device, leading, newest
        self.steps = Replay(problem.observation_size, problem.action_size, problem.replay_rows, device)
        self.rows = torch.zeros(
            problem.replay_rows, dtype=torch.int64, device=device
        )  # of the steps, a transition each
        self.ages = torch.zeros_like(self.rows)  # steps since the episode's beginning, of a transition each
        self.count = 0
        self.back = torch.arange(-history, 1, device=device)

    def append(self, episodes: Episodes) -> list[int]:
        """Store every copy's episode; return the row of the steps at which the transitions of each start."""
        starts = self.steps.append(episodes)
        lengths = np.maximum(episodes.lengths - self.leading, 0).tolist()
        first = [start + self.leading for start in starts]
        self._reserve(self.count + sum(lengths))
        for start, length in zip(first, lengths, strict=True):
            age = torch.arange(length, device=self.device)
            self.rows[self.count : self.count + length] = start + age
            self.ages[self.count : self.count + length] = age
            self.count += length
        return first

    def _reserve(self, transitions: int) -> None:
        # Never more than the budget's, for which there is room from the start.
        if transitions > len(self.rows):
            more = torch.zeros(transitions, dtype=torch.int64, device=self.device)
            self.rows, self.ages = torch.cat([self.rows, more]), torch.cat([self.ages, more])

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw transitions of all tasks uniformly, with replacement."""
        oldest = max(0, self.count - self.newest) if self.newest else 0
        return self.at(torch.randint(oldest, self.count, (size,), device=self.device, generator=generator))

    def at(self, transitions: Tensor) -> Batch:
        """Gather transitions by number, in the order in which they were stored."""
        rows, ages = self.rows[transitions], self.ages[transitions]
        around = (rows[:, None] + self.back).clamp(min=0)
        windows = self.steps.context(around, reward_scale=1.0, next_observations=False)
        windows = windows * (ages[:, None] + self.back >= -self.leading).unsqueeze(-1)
        final = self.steps.transitions(rows)
        batch = Batch.of(windows, final.terminated[:, 0], final.next_observations, self.action_size)
        return without_leading(batch, ages)

    def state(self) -> State:
        """Return the transitions."""
        rows, ages = self.rows[: self.count].clone(), self.ages[: self.count].clone()
        return {"steps": self.steps.state(), "rows": rows, "ages": ages}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.steps.load_state(state["steps"])
        self.count = len(state["rows"])
        self._reserve(self.count)
        self.rows[: self.count], self.ages[: self.count] = state["rows"], state["ages"]


def without_leading(batch: Batch, ages: Tensor) -> Batch:
    """Leave out of the histories one step later whatever precedes the episode; ages: (rows,) of the transitions."""
    back = torch.arange(1 - batch.next_history.shape[-2], 1, device=ages.device)
    taken = (ages[:, None] + back >= 0).unsqueeze(-1)  # (rows, history, 1)
    return batch._replace(next_history=batch.next_history * taken)


class RecentTransitions:
    """The numbers of the last transitions of each task in a replay."""

    def __init__(self, tasks: int, size: int, device: torch.device) -> None:
        self.numbers = torch.zeros(tasks, size, dtype=torch.int64, device=device)  # the newest last
        self.counts = [0] * tasks

    def append(self, task: int, first: int, length: int) -> None:
        """Note `length` transitions of a task, from number `first` on."""
        new = torch.arange(first, first + length, device=self.numbers.device)
        size = self.numbers.shape[1]
        self.numbers[task] = torch.cat([self.numbers[task], new])[-size:]
        self.counts[task] = min(self.counts[task] + length, size)

    def sample(self, size: int, generator: torch.Generator) -> Tensor:
        """Draw `size` of each task's, with replacement, (tasks, size)."""
        device = self.numbers.device
        counts = torch.tensor(self.counts, device=device)[:, None]
        uniform = torch.rand(len(counts), size, dtype=torch.float64, device=device, generator=generator)
        return self.numbers.gather(1, self.numbers.shape[1] - 1 - (uniform * counts).long())

    def state(self) -> State:
        """Return the numbers."""
        return {"numbers": self.numbers.clone(), "counts": torch.tensor(self.counts)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.numbers.copy_(state["numbers"])
        self.counts = state["counts"].tolist()
