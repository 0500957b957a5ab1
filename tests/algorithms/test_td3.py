from __future__ import annotations

import pytest
import torch

from algorithms.td3 import Batch, Critics, Policy, Sizes, actor_loss, critic_loss, td3_target

SIZES = Sizes(observation=3, action=2, context=4, hidden=(5,))


def batch(rows: int = 6, history: int = 3) -> Batch:
    generator = torch.Generator().manual_seed(1)
    windows = torch.randn(rows, history + 1, SIZES.step, generator=generator)
    terminated = (torch.arange(rows) % 3 == 0).to(windows.dtype)
    return Batch.of(windows, terminated, torch.randn(rows, 3, generator=generator), 2)


def networks() -> tuple[Policy, Critics]:
    generator = torch.Generator().manual_seed(2)
    return Policy(SIZES, generator), Critics(SIZES, generator)


def summary(context: torch.nn.Module, history: torch.Tensor) -> torch.Tensor:
    """The last state of a GRU with these weights, by torch.nn.GRUCell."""
    cell = torch.nn.GRUCell(SIZES.step, SIZES.context)
    weights = dict(context.named_parameters())
    with torch.no_grad():
        cell.weight_ih.copy_(weights["input_weight"])
        cell.weight_hh.copy_(weights["hidden_weight"])
        cell.bias_ih.copy_(weights["input_bias"])
        cell.bias_hh.copy_(weights["hidden_bias"])
    state = torch.zeros(len(history), SIZES.context)
    for t in range(history.shape[1]):
        state = cell(history[:, t], state)
    return state


def reference_action(policy: Policy, s: torch.Tensor, history: torch.Tensor) -> torch.Tensor:
    w, b = policy.network.weights, policy.network.biases
    hidden = torch.cat([s, summary(policy.context, history)], 1)
    return torch.tanh(torch.relu(hidden @ w[0] + b[0]) @ w[1] + b[1])


def reference_values(critics: Critics, s: torch.Tensor, a: torch.Tensor, history: torch.Tensor) -> list[torch.Tensor]:
    hidden = torch.cat([s, a, summary(critics.context, history)], 1)
    w, b = critics.networks.weights, critics.networks.biases
    return [(torch.relu(hidden @ w[0][j] + b[0][j]) @ w[1][j] + b[1][j])[:, 0] for j in range(2)]


def test_the_target(float64: None) -> None:
    policy, critics = networks()
    some = batch()
    noise = torch.randn(6, 2, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():  # each critic is the smaller one somewhere
        first, second = reference_values(critics, some.next_observations, noise, some.next_history)
        critics.networks.biases[-1][1] += (first - second).mean()
    got = td3_target(policy, critics, some, noise, 0.9)
    action = reference_action(policy, some.next_observations, some.next_history)
    action = torch.clamp(action + noise, -1.0, 1.0)
    assert (action.abs() == 1.0).any(), "no action was clipped: nothing is tested"
    first, second = reference_values(critics, some.next_observations, action, some.next_history)
    assert (first < second).any()
    assert (first > second).any()
    for row in range(6):
        left = 0.0 if some.terminated[row] else 0.9 * min(first[row].item(), second[row].item())
        assert got[row].item() == pytest.approx(some.rewards[row].item() + left)


def test_the_losses(float64: None) -> None:
    policy, critics = networks()
    some, y, beta = batch(), torch.randn(6), torch.rand(6)
    first, second = reference_values(critics, some.observations, some.actions, some.history)
    expected = sum(beta[i] * ((first[i] - y[i]) ** 2 + (second[i] - y[i]) ** 2) for i in range(6)) / 6
    torch.testing.assert_close(critic_loss(critics, some, y, beta), expected)
    action = reference_action(policy, some.observations, some.history)
    value = reference_values(critics, some.observations, action, some.history)[0]
    torch.testing.assert_close(actor_loss(policy, critics, some, beta), -(beta * value).sum() / 6)
