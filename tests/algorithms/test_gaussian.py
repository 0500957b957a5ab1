from __future__ import annotations

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from algorithms.gaussian import DiagonalNormal, kl_to_standard_normal
from algorithms.networks import StateIndependentDeviation


def some(generator: torch.Generator) -> DiagonalNormal:
    return DiagonalNormal(torch.randn(4, 3, generator=generator), torch.randn(4, 3, generator=generator))


def test_density_entropy_and_divergence_are_torchs(generator: torch.Generator, float64: None) -> None:
    one, other = some(generator), some(generator)
    first, second = (Normal(each.means, each.log_std.exp()) for each in (one, other))
    values = torch.randn(4, 3, generator=generator)
    torch.testing.assert_close(one.log_probability(values), first.log_prob(values).sum(dim=-1))
    torch.testing.assert_close(one.entropy(), first.entropy().sum(dim=-1))
    torch.testing.assert_close(one.divergence_from(other), kl_divergence(second, first).sum(dim=-1))
    torch.testing.assert_close(kl_to_standard_normal(one), kl_divergence(first, Normal(0.0, 1.0)).sum())


@pytest.mark.parametrize(("mine", "theirs"), [(60.0, 0.0), (0.0, -60.0)])
def test_a_divergence_is_exact_where_the_ratio_of_variances_vanishes(mine: float, theirs: float) -> None:
    """In single precision exp(-120) is 0, whose logarithm is not -120."""
    self, other = (DiagonalNormal(torch.zeros(1), torch.tensor([log], requires_grad=True)) for log in (mine, theirs))
    divergence = self.divergence_from(other)
    assert divergence.item() == pytest.approx(59.5)
    (gradient,) = torch.autograd.grad(divergence, other.log_std)
    assert gradient.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("log_deviation", [-1000.0, 1000.0])
def test_no_learnt_deviation_makes_an_exponential_overflow(log_deviation: float) -> None:
    deviation = StateIndependentDeviation(2)
    narrow, wide = (StateIndependentDeviation(2) for _ in range(2))
    narrow.log_deviations.data.fill_(-1000.0)
    wide.log_deviations.data.fill_(1000.0)
    deviation.log_deviations.data.fill_(log_deviation)
    here = deviation(torch.zeros(2))
    assert here.log_probability(torch.ones(2)).isfinite()
    assert here.sample(torch.Generator().manual_seed(0)).isfinite().all()
    for other in (narrow, wide):
        divergence = here.divergence_from(other(torch.ones(2)))
        assert divergence.isfinite()
        assert divergence >= 0.0
