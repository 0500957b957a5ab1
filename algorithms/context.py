"""Context encoders: from transitions to a Gaussian over the latent task variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.networks import MLP, Initialiser, fan_in_uniform


class Gaussian(NamedTuple):
    """Diagonal Gaussians, (tasks, latent_size)."""

    mean: Tensor
    deviation: Tensor

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw one reparameterised sample a task."""
        noise = torch.randn(self.mean.shape, dtype=self.mean.dtype, device=self.mean.device, generator=generator)
        return self.mean + self.deviation * noise


def product_of_gaussians(means: Tensor, variances: Tensor, present: Tensor | None = None) -> Gaussian:
    """Multiply the Gaussian factors of each task's rows (Eq. 5 of the TCL-PEARL paper; PEARL, section 4.1).

    Parameters
    ----------
    means, variances : (tasks, rows, latent_size)
    present : (tasks, rows), a mask: 0 for rows that are padding, whose precision is zero.
    """
    precisions = variances.clamp(min=1e-7).reciprocal()
    if present is not None:
        precisions = precisions * present.unsqueeze(-1)
    variance = precisions.sum(dim=1).reciprocal()
    mean = variance * (means * precisions).sum(dim=1)
    return Gaussian(mean, variance.sqrt())


def kl_to_standard_normal(posterior: Gaussian) -> Tensor:
    """KL(q || N(0, I)), summed over tasks and latent dimensions."""
    variance = posterior.deviation.square()
    return 0.5 * (variance + posterior.mean.square() - 1.0 - variance.log()).sum()


class ContextEncoder(nn.Module):
    """q(z|c): every transition gives one Gaussian factor, whose variance is softplus of the network's output."""

    def __init__(
        self,
        row_size: int,
        hidden: Sequence[int],
        latent_size: int,
        generator: torch.Generator,
        initialise: Initialiser = fan_in_uniform,
    ) -> None:
        super().__init__()
        self.network = MLP([row_size, *hidden, 2 * latent_size], generator, initialise=initialise)

    def forward(self, context: Tensor, present: Tensor | None = None) -> Gaussian:
        """Infer the posterior of each task.

        Parameters
        ----------
        context : (tasks, rows, row_size)
        present : (tasks, rows), a mask: 0 for padding.
        """
        means, raw = self.network(context).chunk(2, dim=-1)
        return product_of_gaussians(means, functional.softplus(raw), present)
