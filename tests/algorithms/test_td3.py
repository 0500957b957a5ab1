from __future__ import annotations

import numpy as np
import pytest
import torch

from algorithms.interface import Episodes, Problem
from algorithms.td3 import Batch, Critics, HistoryReplay, Policy, Sizes, actor_loss, critic_loss, td3_target

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


def test_windows_hold_the_steps_of_the_same_episode_and_zeros_before_it() -> None:
    rng = np.random.default_rng(0)
    problem = Problem(3, 2, 1, horizon=5, train_tasks=2, budget=100)
    replay = HistoryReplay(problem, 3, torch.device("cpu"))
    stored: list[tuple[Episodes, int]] = []
    for _ in range(3):
        lengths = np.array([5, 0, 2])
        e = Episodes(
            tasks=np.array([0, 1, 1]),
            observations=rng.normal(size=(3, 6, 3)),
            actions=rng.normal(size=(3, 5, 2)),
            rewards=rng.normal(size=(3, 5)),
            terminated=np.array([False, False, True]),
            lengths=lengths,
            success=np.zeros(3, dtype=bool),
        )
        replay.append(e)
        stored.extend((e, copy) for copy in range(3))
    transitions = {}
    for e, copy in stored:
        for t in range(e.lengths[copy]):
            steps = [
                np.zeros(6)
                if k < 0
                else np.concatenate([e.observations[copy, k], e.actions[copy, k], e.rewards[copy, k : k + 1]])
                for k in range(t - 3, t + 1)
            ]
            ends = float(e.terminated[copy] and t == e.lengths[copy] - 1)
            transitions[round(float(e.rewards[copy, t]), 5)] = (steps, ends, e.observations[copy, t + 1])
    got = replay.sample(400, torch.Generator().manual_seed(0))
    met = set()
    for row in range(400):
        key = next(k for k in transitions if abs(k - got.rewards[row].item()) < 2e-5)
        steps, ends, following = transitions[key]
        met.add(key)
        np.testing.assert_allclose(got.history[row].numpy(), steps[:-1], atol=1e-6)
        np.testing.assert_allclose(got.next_history[row].numpy(), steps[1:], atol=1e-6)
        np.testing.assert_allclose(got.next_observations[row].numpy(), following, atol=1e-6)
        assert got.terminated[row].item() == ends
    assert met == set(transitions), "some transition is never drawn"
