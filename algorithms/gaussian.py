"""Diagonal Gaussians: log-density, entropy, divergence, and the density of their squashing by tanh."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor
from torch.nn import functional


class DiagonalNormal(NamedTuple):
    """Independent normal distributions of the components of an action, (..., actions) each: mean and log_std."""

    means: Tensor
    log_deviations: Tensor

    def log_probability(self, actions: Tensor) -> Tensor:
        """Log-density of whole actions, (...)."""
        standard = (actions - self.means) * (-self.log_deviations).exp()
        return (-0.5 * standard.square() - self.log_deviations - 0.5 * math.log(2.0 * math.pi)).sum(dim=-1)

    def divergence_from(self, other: DiagonalNormal) -> Tensor:
        """KL(other || self) of whole actions, (...)."""
        ratio = (2.0 * (other.log_deviations - self.log_deviations)).exp()
        shift = ((self.means - other.means) * (-self.log_deviations).exp()).square()
        return 0.5 * (ratio + shift - 1.0 - ratio.log()).sum(dim=-1)

    def entropy(self) -> Tensor:
        """Entropy of whole actions, (...)."""
        return (self.log_deviations + 0.5 * math.log(2.0 * math.pi * math.e)).sum(dim=-1)


def tanh_gaussian_log_probability(u: Tensor, noise: Tensor, log_deviations: Tensor) -> Tensor:
    """Log-density of tanh(u), u = mean + noise * deviation; (..., actions) to (..., 1).

    The change of variables uses log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), exact also where tanh saturates.
    """
    gaussian = -0.5 * noise.square() - log_deviations - 0.5 * math.log(2.0 * math.pi)
    jacobian = 2.0 * (math.log(2.0) - u - functional.softplus(-2.0 * u))
    return (gaussian - jacobian).sum(dim=-1, keepdim=True)
