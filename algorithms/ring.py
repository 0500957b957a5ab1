"""Replay memory of a bounded size: of each task the newest episodes that fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from algorithms.declaration import Problem
from algorithms.interface import Remembered, State
from algorithms.replay import Replay


class RingReplay(Replay):
    """A region of rows for each task, in which the oldest episodes give way to new ones.

    Parameters
    ----------
    observation_size, action_size, device : as `Replay`.
    tasks : regions.
    size : rows of a region; at least those of a task that are appended at once and of the longest episode.
    """

    def __init__(self, observation_size: int, action_size: int, tasks: int, size: int, device: torch.device) -> None:
        super().__init__(observation_size, action_size, tasks * size, device)
        self.size = size
        self.heads = [0] * tasks  # (task,) where its next episode goes, within its region
        self.kept: list[deque[tuple[int, int]]] = [deque() for _ in range(tasks)]  # (task) first row and rows, by age

    def _place(self, task: int, rows: int) -> int:
        """Make room for an episode; return its first row."""
        first = task * self.size
        kept, head = self.kept[task], first + self.heads[task]
        if head + rows > first + self.size:  # what lies behind is the oldest
            while kept and kept[0][0] >= head:
                self.forgotten.append((task, kept.popleft()[0]))
            head = first
        while kept and head <= kept[0][0] < head + rows:
            self.forgotten.append((task, kept.popleft()[0]))
        kept.append((head, rows))
        self.heads[task] = head + rows - first
        self.used += rows
        return head

    def state(self) -> State:
        """Return all rows, and which episodes they hold."""
        kept = [(task, *episode) for task, episodes in enumerate(self.kept) for episode in episodes]
        return {
            "rows": self.rows.clone().as_subclass(Remembered),
            "kept": torch.tensor(kept, dtype=torch.int64).reshape(-1, 3),
            "heads": torch.tensor(self.heads),
            "used": self.used,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned, or all but the rows if it has none."""
        rows = state["rows"].as_subclass(Tensor)
        self.rows[: len(rows)] = rows.to(self.rows.device)
        self.heads, self.used = state["heads"].tolist(), state["used"]
        self.kept = [deque() for _ in self.heads]
        for task, first, length in state["kept"].tolist():
            self.kept[task].append((first, length))


def replay_of(problem: Problem, action_size: int, size: int, at_once: int, device: torch.device) -> Replay:
    """Make the replay memory of a run.

    Parameters
    ----------
    problem : sizes.
    action_size : columns of an action, and of what else a transition is stored with.
    size : rows of each training task, one a transition and one an episode's end; 0 for a memory of all.
    at_once : the most transitions of a task that are collected at once, none of which gives way to another. Each may
        end an episode, and an episode as long may find no room at the region's end.
    """
    if not size:
        return Replay(problem.observation_size, action_size, problem.replay_rows, device)
    return RingReplay(problem.observation_size, action_size, problem.train_tasks, max(size, 3 * at_once + 1), device)
