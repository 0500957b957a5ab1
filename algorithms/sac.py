"""Losses of soft actor-critic (Haarnoja et al., 2018) as functions of what its networks give, one a network.

Q(s, a) comes from two critics side by side (qf1 and qf2 elsewhere), (2, rows, 1); everything else is (rows, 1). Of the
two, actions that were just drawn are judged by the lower one, min_j Q_j(s, a): `MLP.lowest`.
"""

from __future__ import annotations

from torch import Tensor

from algorithms.networks import PolicySample


def bellman_target(
    rewards: Tensor, terminated: Tensor, v_next: Tensor, *, reward_scale: float, discount: float
) -> Tensor:
    """Compute y = reward_scale r + gamma V(s'), where nothing follows a state in which the task ended."""
    return reward_scale * rewards + discount * (1.0 - terminated) * v_next


def critic_loss(q: Tensor, y: Tensor) -> Tensor:
    """Squared errors of both critics: sum_j E[(Q_j(s, a) - y)^2]."""
    return (q - y).square().mean(dim=1).sum()


def soft_value(lowest_q: Tensor, log_probabilities: Tensor, alpha: float | Tensor) -> Tensor:
    """Compute V(s) = min_j Q_j(s, a) - alpha log pi(a|s) of an action drawn from pi."""
    return lowest_q - alpha * log_probabilities


def value_loss(v: Tensor, target: Tensor) -> Tensor:
    """Squared error E[(V(s) - target)^2]; no gradient passes through the target, a `soft_value`."""
    return (v - target.detach()).square().mean()


def policy_loss(target: Tensor) -> Tensor:
    """-E[min_j Q_j(s, a) - alpha log pi(a|s)], whose gradient reaches pi through the action that was drawn."""
    return -target.mean()


def policy_penalty(drawn: PolicySample) -> Tensor:
    """E[mean^2] + E[log_deviation^2] of the Gaussian before the tanh (log_std elsewhere)."""
    return drawn.means.square().mean() + drawn.log_std.square().mean()


def temperature(log_alpha: Tensor) -> Tensor:
    """Compute alpha without a gradient, from a logarithm that nothing bounds: within exp(+-20)."""
    return log_alpha.detach().clamp(-20.0, 20.0).exp()


def temperature_loss(log_alpha: Tensor, log_probabilities: Tensor, target_entropy: float) -> Tensor:
    """-E[log alpha (log pi(a|s) + target entropy)]: alpha rises while the policy's entropy is below the target.

    log_alpha is one for all rows, (1,), or one a row, (rows, 1).
    """
    missing = log_probabilities.detach() + target_entropy
    return -(log_alpha * (missing.mean() if log_alpha.dim() == 1 else missing / len(missing))).sum()
