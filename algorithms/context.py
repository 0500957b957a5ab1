"""Context encoders: from transitions to a Gaussian over the latent task variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.gaussian import DiagonalNormal
from algorithms.networks import DEFAULT_ARITHMETIC, MLP, Arithmetic, Initialiser, fan_in_uniform, two_heads


class Auxiliary(NamedTuple):
    """A loss that a context encoder learns from beside its algorithm's own losses."""

    loss: Tensor  # (), added to the loss of the encoder's optimiser
    metrics: dict[str, Tensor]  # logged

    @staticmethod
    def nothing(device: torch.device) -> Auxiliary:
        """Return what an algorithm has by itself."""
        return Auxiliary(torch.zeros((), device=device), {})


def product_of_gaussians(means: Tensor, variances: Tensor, mask: Tensor | None = None) -> DiagonalNormal:
    """Multiply the Gaussian factors of each task's rows (Eq. 5 of the TCL-PEARL paper; PEARL, section 4.1).

    Parameters
    ----------
    means, variances : (tasks, rows, latent_size)
    mask : (tasks, rows), 0 for rows that are padding, whose precision is zero.
    """
    precisions = variances.clamp(min=1e-7).reciprocal()
    if mask is not None:
        precisions = precisions * mask.unsqueeze(-1)
    variance = precisions.sum(dim=1).reciprocal()
    return DiagonalNormal(variance * (means * precisions).sum(dim=1), 0.5 * variance.log())


class ContextEncoder(nn.Module):
    """q(z|c): every transition gives one Gaussian factor, whose variance is softplus of the network's output."""

    def __init__(
        self,
        row_size: int,
        hidden: Sequence[int],
        latent_size: int,
        generator: torch.Generator,
        initialise: Initialiser = fan_in_uniform,
        arithmetic: Arithmetic = DEFAULT_ARITHMETIC,
    ) -> None:
        super().__init__()
        sizes = [row_size, *hidden, 2 * latent_size]
        self.network = MLP(sizes, generator, initialise=initialise, arithmetic=arithmetic)

    def forward(self, context: Tensor, mask: Tensor | None = None) -> DiagonalNormal:
        """Infer the posterior of each task.

        Parameters
        ----------
        context : (tasks, rows, row_size)
        mask : (tasks, rows), 0 for padding.
        """
        means, raw = two_heads(self.network(context))
        return product_of_gaussians(means, functional.softplus(raw), mask)
