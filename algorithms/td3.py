"""TD3 (Fujimoto et al., ICML 2018) whose actor and critics see the last steps of the episode through a GRU."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from algorithms.gru import GRU
from algorithms.networks import DEFAULT_ARITHMETIC, MLP, Arithmetic
from algorithms.optimisation import FlatParameters


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

    def __init__(self, sizes: Sizes, generator: torch.Generator, arithmetic: Arithmetic = DEFAULT_ARITHMETIC) -> None:
        super().__init__()
        self.context = GRU(sizes.step, sizes.context, generator)
        inputs = sizes.observation + sizes.context
        self.network = MLP([inputs, *sizes.hidden, sizes.action], generator, arithmetic=arithmetic)

    def forward(self, s: Tensor, history: Tensor) -> Tensor:
        """Map states and histories to actions (rows, action_size)."""
        actions: Tensor = self.network(s, self.context(history)[:, -1]).tanh()
        return actions


class Critics(nn.Module):
    """Q1 and Q2 (qf1 and qf2 elsewhere) on one context of their own."""

    def __init__(self, sizes: Sizes, generator: torch.Generator, arithmetic: Arithmetic = DEFAULT_ARITHMETIC) -> None:
        super().__init__()
        self.context = GRU(sizes.step, sizes.context, generator)
        inputs = sizes.observation + sizes.action + sizes.context
        self.networks = MLP([inputs, *sizes.hidden, 1], generator, members=2, arithmetic=arithmetic)

    def forward(self, s: Tensor, a: Tensor, history: Tensor, *, first: bool = False) -> Tensor:
        """Map to the values of both, (2, rows), or, with parameters held fixed, of the first, (rows,)."""
        context = self.context(history)[:, -1]
        q: Tensor = self.networks.member(0, s, a, context.detach()) if first else self.networks(s, a, context)
        return q[..., 0]


class Networks:
    """Actor and critics with their targets, each also as one vector of parameters."""

    def __init__(
        self,
        sizes: Sizes,
        generator: torch.Generator,
        device: torch.device,
        arithmetic: Arithmetic = DEFAULT_ARITHMETIC,
    ) -> None:
        self.actor, self.target_actor = (Policy(sizes, generator, arithmetic).to(device) for _ in range(2))
        self.critics, self.target_critics = (Critics(sizes, generator, arithmetic).to(device) for _ in range(2))
        self.actor_parameters, self.target_actor_parameters = map(FlatParameters, (self.actor, self.target_actor))
        self.critic_parameters, self.target_critic_parameters = map(FlatParameters, (self.critics, self.target_critics))
        self.average(1.0)

    def average(self, rate: float) -> None:
        """Move the targets towards what they follow."""
        self.target_actor_parameters.average(self.actor_parameters, rate)
        self.target_critic_parameters.average(self.critic_parameters, rate)


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
    return -(beta * critics(batch.observations, a, batch.history, first=True)).mean()
