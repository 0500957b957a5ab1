"""Replay memory: one flat tensor of transitions, and tables of which episodes in it belong to which task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from algorithms.interface import AppendOnly, Episodes, State


class Transitions(NamedTuple):
    """A batch of transitions, (tasks, batch, ·) each."""

    observations: Tensor
    actions: Tensor
    rewards: Tensor
    terminated: Tensor
    next_observations: Tensor


class Replay:
    """All transitions of a run as rows (observation, action, reward, terminated).

    An episode of length L takes L + 1 consecutive rows, the last of which holds its final observation, so that the next
    observation of row i is row i + 1. Rows are kept in the order of arrival and never overwritten.
    """

    def __init__(self, observation_size: int, action_size: int, capacity: int, device: torch.device) -> None:
        self.splits = [observation_size, action_size, 1, 1]
        self.observation_size = observation_size
        self.rows = torch.zeros(capacity, sum(self.splits), device=device)
        self.used = 0
        self.forgotten: list[tuple[int, int]] = []
        """Task and first row of each episode that gave way to those appended last."""

    def append(self, episodes: Episodes) -> list[int]:
        """Store every copy's episode; return the row at which each starts (-1 for a copy without steps)."""
        starts = []
        self.forgotten = []
        for copy, length in enumerate(episodes.lengths.tolist()):
            if length == 0:
                starts.append(-1)
                continue
            block = torch.zeros(length + 1, self.rows.shape[1])
            observations, actions, rewards, terminated = block.split_with_sizes(self.splits, dim=1)
            observations.copy_(torch.from_numpy(episodes.observations[copy, : length + 1]))
            actions[:-1] = torch.from_numpy(episodes.actions[copy, :length])
            rewards[:-1, 0] = torch.from_numpy(episodes.rewards[copy, :length])
            terminated[length - 1] = float(episodes.terminated[copy])
            start = self._place(int(episodes.tasks[copy]), length + 1)
            self.rows[start : start + length + 1] = block.to(self.rows.device)
            starts.append(start)
        return starts

    def transitions(self, rows: Tensor) -> Transitions:
        """Gather the transitions at some rows (tasks, batch)."""
        observations, actions, rewards, terminated = self._at(rows).split_with_sizes(self.splits, dim=-1)
        next_observations = self._at(rows + 1)[..., : self.observation_size]
        return Transitions(observations, actions, rewards, terminated, next_observations)

    def context(self, rows: Tensor, *, reward_scale: float, next_observations: bool) -> Tensor:
        """Gather (observation, action, scaled reward[, next observation]) at some rows, for an encoder."""
        context = self._at(rows)[..., :-1]
        if reward_scale != 1.0:
            context[..., -1] *= reward_scale
        if next_observations:
            context = torch.cat([context, self._at(rows + 1)[..., : self.observation_size]], dim=-1)
        return context

    def _at(self, rows: Tensor) -> Tensor:
        # Several times as fast as indexing by the tensor.
        return self.rows.index_select(0, rows.flatten()).view(*rows.shape, -1)

    def _place(self, task: int, rows: int) -> int:
        self._reserve(rows)
        self.used += rows
        return self.used - rows

    def _reserve(self, rows: int) -> None:
        # Episodes that end early take more final rows than the budget foresees.
        if self.used + rows > len(self.rows):
            grown = torch.zeros(2 * len(self.rows) + rows, self.rows.shape[1], device=self.rows.device)
            grown[: self.used] = self.rows[: self.used]
            self.rows = grown

    def state(self) -> State:
        """Return the rows in use, without copying them: they are never overwritten."""
        return {"rows": self.rows[: self.used].as_subclass(AppendOnly)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        rows = state["rows"].as_subclass(Tensor)
        self.used = 0
        self._reserve(len(rows))
        self.rows[: len(rows)] = rows.to(self.rows.device)
        self.used = len(rows)


class EpisodeTable:
    """The episodes of each task in a replay, as ranges of rows."""

    def __init__(self, tasks: int, device: torch.device) -> None:
        self.device = device
        self.starts = torch.zeros(tasks, 1, dtype=torch.int64, device=device)  # (task, episode) first row
        self.lengths = torch.zeros_like(self.starts)  # (task, episode) transitions
        self.ends = torch.zeros_like(self.starts)  # (task, episode) transitions so far
        self.counts = torch.zeros(tasks, dtype=torch.int64, device=device)  # (task,) episodes
        self._counts = [0] * tasks
        self._offsets: Tensor | None = None  # (task, episode) first row less the transitions before it
        self._settled = False

    @classmethod
    def of(cls, starts: Tensor, lengths: Tensor) -> EpisodeTable:
        """Return a table of as many episodes of each task: their first rows and lengths, (tasks, episodes)."""
        table = cls(len(starts), starts.device)
        table.starts, table.lengths, table.ends = starts, lengths, lengths.cumsum(dim=1)
        table._counts = [starts.shape[1]] * len(starts)
        table.counts = torch.full_like(table.counts, starts.shape[1])
        return table

    def append(self, episodes: Episodes, starts: list[int]) -> None:
        """Add the episodes that `Replay.append` stored at `starts`."""
        for task, start, length in zip(episodes.tasks.tolist(), starts, episodes.lengths.tolist(), strict=True):
            if length == 0:
                continue
            count = self._counts[task]
            if count == self.starts.shape[1]:
                self.starts = torch.cat([self.starts, torch.zeros_like(self.starts)], dim=1)
                self.lengths = torch.cat([self.lengths, torch.zeros_like(self.lengths)], dim=1)
                self.ends = torch.cat([self.ends, self.ends[:, -1:].expand_as(self.ends)], dim=1)
            self.starts[task, count] = start
            self.lengths[task, count] = length
            self.ends[task, count:] = length + (self.ends[task, count - 1] if count else 0)
            self._counts[task] = count + 1
            self.counts[task] = count + 1
        self._settled = False

    def forget(self, episodes: Iterable[tuple[int, int]]) -> None:
        """Leave out some episodes, by task and first row, as far as the table has them; before others are added."""
        for task, start in episodes:
            count = self._counts[task]
            here = (self.starts[task, :count] == start).nonzero().flatten().tolist()
            for index in here:
                for column in (self.starts, self.lengths):
                    column[task, index : count - 1] = column[task, index + 1 : count].clone()
                count -= 1
            if here:
                self._counts[task] = count
                self.counts[task] = count
                self.lengths[task, count:] = 0
                self.ends[task] = self.lengths[task].cumsum(dim=0)
        self._settled = False

    def clear(self, task: int) -> None:
        """Forget the episodes of a task."""
        self._counts[task] = 0
        self.counts[task] = 0
        self.ends[task] = 0

    def sample(self, tasks: Tensor, batch: int, generator: torch.Generator) -> Tensor:
        """Draw `batch` transitions of each task uniformly, with replacement; return their rows (tasks, batch)."""
        if self._offsets is None or not self._settled:  # in place, so that the memory stays where it is
            if self._offsets is None or self._offsets.shape != self.starts.shape:
                self._offsets = torch.empty_like(self.starts)
            torch.sub(self.starts, self.ends - self.lengths, out=self._offsets)
            self._settled = True
        ends = self.ends.index_select(0, tasks)  # (tasks, episodes)
        uniform = torch.rand(len(tasks), batch, dtype=torch.float64, device=self.device, generator=generator)
        nth = (uniform * ends[:, -1:]).long()
        episode = torch.searchsorted(ends, nth, right=True)
        return nth + self._offsets.index_select(0, tasks).gather(1, episode)

    def state(self) -> State:
        """Return the table."""
        return {
            "starts": self.starts.clone(),
            "lengths": self.lengths.clone(),
            "ends": self.ends.clone(),
            "counts": self.counts.clone(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        for name in ("starts", "lengths", "ends", "counts"):
            setattr(self, name, state[name].to(self.device).clone())
        self._counts = self.counts.tolist()
        self._settled = False
