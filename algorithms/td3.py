"""TD3 (Fujimoto et al., ICML 2018) whose actor and critics see the last steps of the episode through a GRU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from algorithms.interface import Episodes, Problem, State
from algorithms.networks import GRU, MLP
from algorithms.replay import Replay


class Batch(NamedTuple):
    """Transitions with the steps that led to them; adaptation adds a leading axis of tasks."""

    observations: Tensor  # (rows, observation_size)
    actions: Tensor  # (rows, action_size)
    rewards: Tensor  # (rows,)
    terminated: Tensor  # (rows,)
    next_observations: Tensor  # (rows, observation_size)
    history: Tensor  # (rows, history, observation + action + reward), zeros before the episode's first step
    next_history: Tensor  # the same, one step later

    @staticmethod
    def of(windows: Tensor, terminated: Tensor, next_observations: Tensor, action_size: int) -> Batch:
        """Take apart windows (..., history + 1, observation + action + reward) whose last step is the transition."""
        sizes = [next_observations.shape[-1], action_size, 1]
        s, a, r = windows[..., -1, :].split_with_sizes(sizes, dim=-1)
        return Batch(s, a, r[..., 0], terminated, next_observations, windows[..., :-1, :], windows[..., 1:, :])


class HistoryReplay:
    """All transitions of a run, drawn uniformly together with the steps that led to them."""

    def __init__(self, problem: Problem, history: int, device: torch.device) -> None:
        self.action_size, self.device = problem.action_size, device
        self.steps = Replay(problem.observation_size, problem.action_size, problem.replay_rows, device)
        self.rows = torch.zeros(0, dtype=torch.int64, device=device)  # (transitions,) rows of the steps
        self.ages = torch.zeros_like(self.rows)  # (transitions,) steps since the episode's beginning
        self.back = torch.arange(-history, 1, device=device)

    def append(self, episodes: Episodes) -> None:
        """Store every copy's episode."""
        starts = self.steps.append(episodes)
        ages = [torch.arange(length, device=self.device) for length in episodes.lengths.tolist()]
        self.rows = torch.cat([self.rows, *(start + age for start, age in zip(starts, ages, strict=True))])
        self.ages = torch.cat([self.ages, *ages])

    def sample(self, size: int, generator: torch.Generator) -> Batch:
        """Draw transitions of all tasks uniformly, with replacement."""
        drawn = torch.randint(len(self.rows), (size,), device=self.device, generator=generator)
        rows, ages = self.rows[drawn], self.ages[drawn]
        around = (rows[:, None] + self.back).clamp(min=0)
        windows = self.steps.context(around, reward_scale=1.0, next_observations=False)
        windows = windows * (ages[:, None] + self.back >= 0).unsqueeze(-1)
        final = self.steps.transitions(rows)
        return Batch.of(windows, final.terminated[:, 0], final.next_observations, self.action_size)

    def state(self) -> State:
        """Return the transitions."""
        return {"steps": self.steps.state(), "rows": self.rows.clone(), "ages": self.ages.clone()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.steps.load_state(state["steps"])
        self.rows, self.ages = (state[name].to(self.device, copy=True) for name in ("rows", "ages"))


class Sizes(NamedTuple):
    """Widths of the inputs and layers of actor and critics."""

    observation: int
    action: int
    context: int
    hidden: tuple[int, ...]

    @property
    def step(self) -> int:
        """Width of one step of the history: observation, action, reward."""
        return self.observation + self.action + 1


class Policy(nn.Module):
    """The deterministic policy: a = tanh(network(s, context))."""

    def __init__(self, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.context = GRU(sizes.step, sizes.context, generator)
        self.network = MLP([sizes.observation + sizes.context, *sizes.hidden, sizes.action], generator)

    def forward(self, s: Tensor, history: Tensor) -> Tensor:
        """Map states and histories to actions (rows, action_size)."""
        actions: Tensor = self.network(torch.cat([s, self.context(history)[:, -1]], dim=1)).tanh()
        return actions


class Critics(nn.Module):
    """Q1 and Q2 (qf1 and qf2 elsewhere) on one context of their own."""

    def __init__(self, sizes: Sizes, generator: torch.Generator) -> None:
        super().__init__()
        self.context = GRU(sizes.step, sizes.context, generator)
        inputs = sizes.observation + sizes.action + sizes.context
        self.networks = MLP([inputs, *sizes.hidden, 1], generator, members=2)

    def forward(self, s: Tensor, a: Tensor, history: Tensor) -> Tensor:
        """Map to values (2, rows)."""
        q: Tensor = self.networks(torch.cat([s, a, self.context(history)[:, -1]], dim=1))[..., 0]
        return q


Network = Callable[..., Tensor]
"""An actor or critics: modules, or functions of the same arguments."""


def td3_target(actor: Network, critics: Network, batch: Batch, noise: Tensor, discount: float) -> Tensor:
    """Compute y = r + discount min_j Q'_j(s', clip(pi'(s') + noise, -1, 1)) (TD3, Algorithm 1), (rows,)."""
    a_next = (actor(batch.next_observations, batch.next_history) + noise).clamp(-1.0, 1.0)
    q_next = critics(batch.next_observations, a_next, batch.next_history).amin(dim=0)
    return batch.rewards + discount * (1.0 - batch.terminated) * q_next


def critic_loss(critics: Network, batch: Batch, y: Tensor, beta: Tensor) -> Tensor:
    """Weighted squared errors of both critics: E[beta sum_j (Q_j(s, a) - y)^2]."""
    q = critics(batch.observations, batch.actions, batch.history)
    return (beta * (q - y).square().sum(dim=0)).mean()


def actor_loss(actor: Network, critics: Network, batch: Batch, beta: Tensor) -> Tensor:
    """-E[beta Q_1(s, pi(s))]."""
    a = actor(batch.observations, batch.history)
    return -(beta * critics(batch.observations, a, batch.history)[0]).mean()
