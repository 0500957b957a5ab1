from __future__ import annotations

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence

from algorithms.context import ContextEncoder, product_of_gaussians
from algorithms.gaussian import DiagonalNormal, kl_to_standard_normal


def test_the_product_is_the_normalised_product_of_the_densities(float64: None) -> None:
    rng = np.random.default_rng(0)
    means, variances = rng.normal(size=(1, 3, 1)), rng.uniform(0.5, 2.0, size=(1, 3, 1))
    x = np.linspace(-12, 12, 200_001)
    density = np.exp(sum(-0.5 * (x - m) ** 2 / v for m, v in zip(means.ravel(), variances.ravel(), strict=True)))
    density /= density.sum()
    mean = (x * density).sum()
    deviation = np.sqrt((density * (x - mean) ** 2).sum())
    product = product_of_gaussians(torch.from_numpy(means), torch.from_numpy(variances))
    np.testing.assert_allclose([product.means.item(), product.std.item()], [mean, deviation], rtol=1e-9)


def test_padding_has_zero_precision(float64: None, generator: torch.Generator) -> None:
    encoder = ContextEncoder(4, [8], 2, generator)
    rows = torch.randn(3, 5, 4, generator=generator)
    mask = torch.tensor([[1, 1, 1, 0, 0]] * 3, dtype=torch.float64)
    padded, cut = encoder(rows, mask), encoder(rows[:, :3])
    torch.testing.assert_close(padded.means, cut.means)
    torch.testing.assert_close(padded.std, cut.std)


def test_kl_is_summed_over_tasks_and_dimensions(float64: None) -> None:
    posterior = DiagonalNormal(torch.randn(4, 3), torch.randn(4, 3))
    expected = kl_divergence(Normal(posterior.means, posterior.std), Normal(0.0, 1.0)).sum()
    torch.testing.assert_close(kl_to_standard_normal(posterior), expected)
