"""Diagonal Gaussians: log-density, entropy, divergence, and the density of their squashing by tanh."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class DiagonalNormal(NamedTuple):
    """Independent normal distributions of the components of a vector: of an action, or of a latent variable."""

    means: Tensor  # (..., components)
    log_std: Tensor  # (..., components), log_std elsewhere

    @property
    def std(self) -> Tensor:
        """Standard deviations, (..., components)."""
        return self.log_std.exp()

    @staticmethod
    def deterministic(values: Tensor) -> DiagonalNormal:
        """Return what a deterministic network says as if it were a distribution: its stds are zero."""
        return DiagonalNormal(values, torch.full_like(values, -torch.inf))

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one reparameterised vector from each, (..., components)."""
        means = self.means
        noise = torch.randn(means.shape, dtype=means.dtype, device=means.device, generator=generator)
        return means + self.std * noise

    def log_probability(self, values: Tensor) -> Tensor:
        """Log-density of whole vectors, (...)."""
        standard = (values - self.means) * (-self.log_std).exp()
        return (-0.5 * standard.square() - self.log_std - 0.5 * math.log(2.0 * math.pi)).sum(dim=-1)

    def divergence_from(self, other: DiagonalNormal) -> Tensor:
        """KL(other || self) of whole vectors, (...)."""
        log_ratio = 2.0 * (other.log_std - self.log_std)  # of variances
        shift = ((self.means - other.means) * (-self.log_std).exp()).square()
        return 0.5 * (log_ratio.exp() + shift - 1.0 - log_ratio).sum(dim=-1)

    def entropy(self) -> Tensor:
        """Entropy of whole vectors, (...)."""
        return (self.log_std + 0.5 * math.log(2.0 * math.pi * math.e)).sum(dim=-1)


def kl_to_standard_normal(posterior: DiagonalNormal) -> Tensor:
    """KL(q || N(0, I)), summed over all leading dimensions too."""
    standard = DiagonalNormal(torch.zeros_like(posterior.means), torch.zeros_like(posterior.log_std))
    return standard.divergence_from(posterior).sum()


def tanh_gaussian_log_probability(u: Tensor, noise: Tensor, log_std: Tensor, added: float = 0.0) -> Tensor:
    """Log-density of tanh(u), u = mean + noise * std; (..., actions) to (..., 1).

    The change of variables uses log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), exact also where tanh saturates.

    Parameters
    ----------
    added : beside 1 - tanh(u)^2 inside the logarithm, as in code that does not use this identity; bounds the density.
    """
    gaussian = -0.5 * noise.square() - log_std - 0.5 * math.log(2.0 * math.pi)
    if added:
        jacobian = (1.0 - u.tanh().square() + added).log()
    else:
        jacobian = 2.0 * (math.log(2.0) - u - functional.softplus(-2.0 * u))
    return (gaussian - jacobian).sum(dim=-1, keepdim=True)
