from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from algorithms.networks import (
    MLP,
    TanhGaussianPolicy,
    fan_out_uniform,
    fan_out_uniform_policy,
    tanh_gaussian_log_probability,
    xavier_normal,
)


def test_members_are_networks_of_their_own(generator: torch.Generator, float64: None) -> None:
    network = MLP([3, 8, 2], generator, members=2)
    inputs = torch.randn(5, 3)
    outputs = network(inputs)
    for member in range(2):
        hidden = torch.relu(inputs @ network.weights[0][member] + network.biases[0][member])
        expected = hidden @ network.weights[1][member] + network.biases[1][member]
        torch.testing.assert_close(outputs[member], expected)
    assert not torch.equal(outputs[0], outputs[1])


def test_single_network_is_a_chain_of_affine_maps(generator: torch.Generator, float64: None) -> None:
    network = MLP([3, 8, 2], generator)
    inputs = torch.randn(4, 5, 3)
    hidden = torch.relu(inputs @ network.weights[0] + network.biases[0])
    torch.testing.assert_close(network(inputs), hidden @ network.weights[1] + network.biases[1])


def test_initialisers_have_the_published_spreads(generator: torch.Generator) -> None:
    xavier = MLP([100, 200, 1], generator, initialise=xavier_normal)
    assert xavier.weights[0].std().item() == pytest.approx(math.sqrt(2 / 300), rel=0.03)
    assert not xavier.biases[0].any()
    fan_out = MLP([100, 200, 1], generator, initialise=fan_out_uniform)
    assert fan_out.weights[0].abs().max().item() == pytest.approx(1 / math.sqrt(200), rel=0.01)
    assert (fan_out.biases[0] == 0.1).all()
    assert fan_out.weights[1].abs().max().item() == pytest.approx(3e-3, rel=0.05)
    policy = MLP([100, 200, 1], generator, initialise=fan_out_uniform_policy)
    assert policy.weights[1].abs().max().item() == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize("scale", [0.1, 1.0, 4.0])
def test_log_probability_is_that_of_the_transformed_normal(scale: float, float64: None) -> None:
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=(6, 3)), np.exp(rng.normal(size=(6, 3)))
    u = scale * rng.normal(size=(6, 3))
    actions = np.tanh(u)
    expected = (stats.norm.logpdf(u, mean, deviation) - np.log1p(-(actions**2))).sum(axis=1)
    noise = torch.from_numpy((u - mean) / deviation)
    got = tanh_gaussian_log_probability(torch.from_numpy(u), noise, torch.from_numpy(np.log(deviation)))
    np.testing.assert_allclose(got[:, 0].numpy(), expected, rtol=1e-8)


def test_log_probability_is_finite_where_tanh_saturates() -> None:
    u = torch.full((1, 2), 60.0)
    assert tanh_gaussian_log_probability(u, torch.zeros(1, 2), torch.zeros(1, 2)).isfinite().all()


def test_acting_is_the_mode_without_noise_and_shifts_with_it(generator: torch.Generator) -> None:
    policy = TanhGaussianPolicy([4, 8, 2], generator)
    observations, told = np.ones((3, 3)), torch.zeros(3, 1)
    mode = policy.act(observations, told, None)
    means, log_std = policy(torch.cat([torch.ones(3, 3), told], dim=1))
    np.testing.assert_allclose(mode, means.tanh().detach().numpy(), atol=1e-6)
    noisy = policy.act(observations, told, np.ones((3, 2)))
    np.testing.assert_allclose(noisy, (means + log_std.exp()).tanh().detach().numpy(), atol=1e-6)
