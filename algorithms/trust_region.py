"""Trust region policy optimisation (Schulman et al., 2015): one step on a loss, under a bound on a divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Outcome(NamedTuple):
    """The quantities that a step weighs up."""

    loss: Tensor
    kl: Tensor


class Surroundings(NamedTuple):
    """Loss and divergence around the parameters, where the divergence and its gradient are zero."""

    loss: Tensor
    gradient: Tensor
    """Gradient of the loss, (parameters,)."""
    hessian_product: Callable[[Tensor], Tensor]
    """H v of the divergence's Hessian H, (parameters,) to (parameters,)."""


class TrustRegion(NamedTuple):
    """The search for a step: the bound, and the effort of both searches."""

    max_kl: float
    conjugate_gradient_steps: int
    damping: float
    """Added to the Hessian of the divergence."""
    backtracks: int
    backtrack_ratio: float
    absolute: bool = False
    """Take the gradient as it is, and constants in its own units: what comes out depends on the scale of rewards."""


class Stepped(NamedTuple):
    """The parameters after a step, and what it was worth."""

    parameters: Tensor
    loss_before: float
    loss: float
    kl: float
    fraction: float
    """Share of the full step; 0 where nothing along it improved the loss within the bound: the parameters stayed."""
    gradient_norm: float


def trust_region_step(
    outcome: Callable[[Tensor], Outcome], parameters: Tensor, around: Surroundings, region: TrustRegion
) -> Stepped:
    """Lower a loss along the natural gradient (Schulman et al., 2015, appendix C).

    Parameters
    ----------
    outcome : a function of a parameter vector, whose divergence is 0 at `parameters`.
    parameters : (parameters,)
    around : what the direction is found from.
    region : the bound and the searches.
    """

    def damped(v: Tensor) -> Tensor:
        return around.hessian_product(v) + region.damping * v

    unit, norm = unit_vector(around.gradient)
    gradient = around.gradient if region.absolute else unit
    direction, image = conjugate_gradient(damped, gradient, region.conjugate_gradient_steps, first=region.absolute)
    if region.absolute:  # garage conjugate_gradient_optimizer.py, `step`
        curvature = direction @ damped(direction)
        length = (2.0 * region.max_kl / (curvature + 1e-8)).sqrt().nan_to_num(nan=1.0)
    else:
        curvature = direction @ image
        length = torch.where(curvature > 0.0, (2.0 * region.max_kl / curvature).sqrt(), 0.0)
    full_step = length * direction
    known = torch.stack([around.loss, norm])
    for backtrack in range(region.backtracks):
        fraction = region.backtrack_ratio**backtrack
        tried = parameters - fraction * full_step
        with torch.no_grad():
            # The one time in a trial that the host waits for the device.
            loss, kl, before, gradient_norm = torch.cat([torch.stack(outcome(tried)), known]).tolist()
        if loss < before and kl <= region.max_kl:
            return Stepped(tried, before, loss, kl, fraction, gradient_norm)
    return Stepped(parameters, before, before, 0.0, 0.0, gradient_norm)


def unit_vector(v: Tensor) -> tuple[Tensor, Tensor]:
    """Return v / |v|, and |v|, however small or large its components are; a zero vector stays as it is."""
    largest = v.abs().max()
    scaled = torch.where(largest > 0.0, v / largest, 0.0)
    norm = scaled.norm()
    return torch.where(norm > 0.0, scaled / norm, 0.0), largest * norm


def conjugate_gradient(
    product: Callable[[Tensor], Tensor], b: Tensor, steps: int, residual: float = 1e-10, *, first: bool = False
) -> tuple[Tensor, Tensor]:
    """Solve A x = b for a positive definite A given as v -> A v (Hestenes & Stiefel, 1952), starting from zero.

    Once the squared residual is below `residual` (garage conjugate_gradient_optimizer.py:69), x stays as it is: of a
    unit vector b it is a share.

    Parameters
    ----------
    first : whether the first step is taken whatever the residual, as in garage's code.

    Returns
    -------
    x and A x, the latter put together from the products that were taken.
    """
    x, r, p, image = torch.zeros_like(b), b.clone(), b.clone(), torch.zeros_like(b)
    squared = r @ r
    for step in range(steps):
        open_ = squared > (0.0 if first and step == 0 else residual)
        a_p = product(p)
        rate = torch.where(open_, squared / (p @ a_p), 0.0)
        x, image = x + rate * p, image + rate * a_p
        r = r - rate * a_p
        following = r @ r
        p = r + torch.where(open_, following / squared, 0.0) * p
        squared = following
    return x, image
