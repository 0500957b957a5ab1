"""The recurrent block and the Gaussian policy of `algorithms.networks`."""

from __future__ import annotations

import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.func import functional_call, vmap

from algorithms.gaussian import DiagonalNormal
from algorithms.networks import GRU, GaussianPolicy


def reference_gru(gru: GRU) -> torch.nn.GRU:
    reference = torch.nn.GRU(gru.input_weight.shape[1], gru.hidden_size, batch_first=True)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(gru.input_weight)
        reference.weight_hh_l0.copy_(gru.hidden_weight)
        reference.bias_ih_l0.copy_(gru.input_bias)
        reference.bias_hh_l0.copy_(gru.hidden_bias)
    return reference


def test_the_gru_is_torchs(float64: None, generator: torch.Generator) -> None:
    gru = GRU(3, 5, generator)
    inputs, hidden = torch.randn(4, 7, 3), torch.randn(4, 5)
    expected, _ = reference_gru(gru)(inputs, hidden[None])
    torch.testing.assert_close(gru(inputs, hidden), expected)
    expected, _ = reference_gru(gru)(inputs)
    torch.testing.assert_close(gru(inputs), expected)
    ours = torch.autograd.grad(gru(inputs).square().sum(), list(gru.parameters()))
    reference = reference_gru(gru)
    by_name = dict(reference.named_parameters())
    names = ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"]
    theirs = torch.autograd.grad(reference(inputs)[0].square().sum(), [by_name[name] for name in names])
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got, wanted)


def test_the_gru_runs_many_sets_of_weights_side_by_side(float64: None, generator: torch.Generator) -> None:
    grus = [GRU(2, 3, generator) for _ in range(4)]
    stacked = {name: torch.stack([dict(gru.named_parameters())[name] for gru in grus]) for name in ("input_weight",)}
    inputs = torch.randn(4, 5, 6, 2)

    def run(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        return functional_call(grus[0], weights, (x,))

    got = vmap(run)(stacked, inputs)
    for index, gru in enumerate(grus):
        with torch.no_grad():
            for name, parameter in gru.named_parameters():
                if name != "input_weight":
                    parameter.copy_(dict(grus[0].named_parameters())[name])
        torch.testing.assert_close(got[index], gru(inputs[index]))


def test_the_diagonal_normal_is_torchs(float64: None) -> None:
    means, log_deviations, other_means = torch.randn(6, 2), 0.5 * torch.randn(6, 2), torch.randn(6, 2)
    one, two = DiagonalNormal(means, log_deviations), DiagonalNormal(other_means, -log_deviations)
    first = Independent(Normal(means, log_deviations.exp()), 1)
    second = Independent(Normal(other_means, (-log_deviations).exp()), 1)
    actions = torch.randn(6, 2)
    torch.testing.assert_close(one.log_probability(actions), first.log_prob(actions))
    torch.testing.assert_close(one.entropy(), first.entropy())
    torch.testing.assert_close(one.divergence_from(two), kl_divergence(second, first))


def test_the_gaussian_policys_deviation_is_one_at_first_and_never_vanishes(generator: torch.Generator) -> None:
    policy = GaussianPolicy([3, 8, 2], generator)
    distribution = policy(torch.randn(5, 3))
    assert distribution.means.shape == distribution.log_deviations.shape == (5, 2)
    assert not distribution.log_deviations.any()
    with torch.no_grad():
        policy.deviation.log_deviations.fill_(-100.0)
    torch.testing.assert_close(policy(torch.randn(5, 3)).log_deviations.exp(), torch.full((5, 2), 1e-6))
