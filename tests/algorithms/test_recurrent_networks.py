"""Gated recurrent units, their gradients, and the Gaussian policies."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.func import functional_call, vmap

from algorithms.gaussian import DiagonalNormal
from algorithms.gru import GRU, plain_recurrence, recurrence
from algorithms.networks import GaussianPolicy


def reference_gru(gru: GRU) -> torch.nn.GRU:
    reference = torch.nn.GRU(gru.input_weight.shape[1], gru.hidden_size, batch_first=True)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(gru.input_weight)
        reference.weight_hh_l0.copy_(gru.hidden_weight)
        reference.bias_ih_l0.copy_(gru.input_bias)
        reference.bias_hh_l0.copy_(gru.hidden_bias)
    return reference


NAMES = ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"]
"""torch.nn.GRU's parameters in the order of ours."""


@pytest.mark.parametrize(("batch", "time", "hidden_size"), [(1, 1, 1), (4, 7, 5), (3, 40, 16), (30, 2, 8)])
@pytest.mark.parametrize("masked", [False, True])
def test_the_gru_is_torchs_with_all_gradients(
    float64: None, generator: torch.Generator, batch: int, time: int, hidden_size: int, masked: bool
) -> None:
    gru = GRU(3, hidden_size, generator)
    reference = reference_gru(gru)
    inputs = torch.randn(batch, time, 3, generator=generator, requires_grad=True)
    hidden = torch.randn(batch, hidden_size, generator=generator, requires_grad=True)
    weights = torch.randn(batch, time, hidden_size, generator=generator)
    if masked:  # sequences of several lengths: what follows an end has no part in a loss
        weights = weights * (torch.arange(time) <= torch.arange(batch)[:, None])[..., None]
    ours, (theirs, _) = gru(inputs, hidden), reference(inputs, hidden[None])
    torch.testing.assert_close(ours, theirs, rtol=0.0, atol=1e-13)
    got = torch.autograd.grad((weights * ours.sin()).sum(), [inputs, hidden, *gru.parameters()])
    by_name = dict(reference.named_parameters())
    wanted = torch.autograd.grad((weights * theirs.sin()).sum(), [inputs, hidden, *(by_name[name] for name in NAMES)])
    for mine, its in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(gru(inputs, hidden), theirs, rtol=0.0, atol=1e-13)
        torch.testing.assert_close(gru(inputs), reference(inputs)[0], rtol=0.0, atol=1e-13)


def test_the_grus_gradient_is_that_of_differences(float64: None, generator: torch.Generator) -> None:
    gru = GRU(2, 3, generator)
    arguments = [torch.randn(4, 5, 2, generator=generator), torch.randn(4, 3, generator=generator), *gru.parameters()]
    arguments = [argument.detach().requires_grad_() for argument in arguments]
    assert torch.autograd.gradcheck(recurrence, arguments)  # type: ignore[no-untyped-call]


def test_a_gradient_of_the_last_state_alone(float64: None, generator: torch.Generator) -> None:
    gru, inputs = GRU(2, 3, generator), torch.randn(4, 5, 2, generator=generator)
    got = torch.autograd.grad(gru(inputs)[:, -1].sum(), list(gru.parameters()))
    plain = plain_recurrence(inputs, torch.zeros(4, 3), *gru.parameters())
    wanted = torch.autograd.grad(plain[:, -1].sum(), list(gru.parameters()))
    for mine, its in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-12, atol=1e-12)


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
    means, log_std, other_means = torch.randn(6, 2), 0.5 * torch.randn(6, 2), torch.randn(6, 2)
    one, two = DiagonalNormal(means, log_std), DiagonalNormal(other_means, -log_std)
    first = Independent(Normal(means, log_std.exp()), 1)
    second = Independent(Normal(other_means, (-log_std).exp()), 1)
    actions = torch.randn(6, 2)
    torch.testing.assert_close(one.log_probability(actions), first.log_prob(actions))
    torch.testing.assert_close(one.entropy(), first.entropy())
    torch.testing.assert_close(one.divergence_from(two), kl_divergence(second, first))


def test_the_gaussian_policys_deviation_is_one_at_first_and_never_vanishes(generator: torch.Generator) -> None:
    policy = GaussianPolicy([3, 8, 2], generator)
    distribution = policy(torch.randn(5, 3))
    assert distribution.means.shape == distribution.log_std.shape == (5, 2)
    assert not distribution.log_std.any()
    with torch.no_grad():
        policy.deviation.log_deviations.fill_(-100.0)
    torch.testing.assert_close(policy(torch.randn(5, 3)).log_std.exp(), torch.full((5, 2), 1e-6))
