"""Networks shared by the algorithms: multi-layer perceptrons and the tanh-Gaussian policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

Initialiser = Callable[[Tensor, Tensor, torch.Generator, bool], None]
"""Fills (weight, bias) of one layer; the last argument says whether it is the network's last."""


def fan_in_uniform(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """U(-1/sqrt(fan-in), 1/sqrt(fan-in)) for weights and biases, the default of torch.nn.Linear."""
    bound = 1.0 / math.sqrt(weight.shape[-2])
    weight.uniform_(-bound, bound, generator=generator)
    bias.uniform_(-bound, bound, generator=generator)


def fan_out_uniform(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """Oyster's: U(+-1/sqrt(fan-out)), biases 0.1, last layer U(+-3e-3) (rlkit/torch/pytorch_util.py, networks.py)."""
    bound = 3e-3 if last else 1.0 / math.sqrt(weight.shape[-1])
    weight.uniform_(-bound, bound, generator=generator)
    if last:
        bias.uniform_(-bound, bound, generator=generator)
    else:
        bias.fill_(0.1)


def xavier_normal(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """Garage's: Xavier-normal weights, zero biases (torch/modules/mlp_module.py)."""
    weight.normal_(0.0, math.sqrt(2.0 / (weight.shape[-2] + weight.shape[-1])), generator=generator)
    bias.zero_()


class MLP(nn.Module):
    """A multi-layer perceptron, or several of the same sizes evaluated side by side.

    Parameters
    ----------
    sizes : widths of input, hidden layers and output.
    generator : source of the initial weights.
    members : None for one network, mapping (..., input) to (..., output); else the number of networks, mapping
        (rows, input) to (members, rows, output).
    initialise : how each layer is filled.
    activation : between layers.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        *,
        members: int | None = None,
        initialise: Initialiser = fan_in_uniform,
        activation: Callable[[Tensor], Tensor] = functional.relu,
    ) -> None:
        super().__init__()
        self.members = members
        self.activation = activation
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            weight, bias = torch.empty(members or 1, fan_in, fan_out), torch.empty(members or 1, 1, fan_out)
            for member in range(members or 1):
                initialise(weight[member], bias[member], generator, layer == len(sizes) - 2)
            self.weights.append(nn.Parameter(weight if members else weight[0]))
            self.biases.append(nn.Parameter(bias if members else bias[0, 0]))

    def forward(self, inputs: Tensor) -> Tensor:
        """Evaluate the network(s)."""
        hidden = inputs.expand(self.members, *inputs.shape) if self.members else inputs
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, hidden, weight) if self.members else functional.linear(hidden, weight.mT, bias)
            if layer < last:
                hidden = self.activation(hidden)
        return hidden


class PolicySample(NamedTuple):
    """Actions drawn from a tanh-Gaussian policy, with what the losses need."""

    actions: Tensor
    log_probabilities: Tensor  # (..., 1)
    means: Tensor  # before the tanh
    log_deviations: Tensor


class TanhGaussianPolicy(nn.Module):
    """pi(a|x): a = tanh(u), u ~ N(mean(x), deviation(x)^2), log deviation clamped to [-20, 2]."""

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        initialise: Initialiser = fan_in_uniform,
    ) -> None:
        super().__init__()
        *hidden, actions = sizes
        self.network = MLP([*hidden, 2 * actions], generator, initialise=initialise)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (before the tanh) and log deviations."""
        means, log_deviations = self.network(inputs).chunk(2, dim=-1)
        return means, log_deviations.clamp(-20.0, 2.0)

    def sample(self, inputs: Tensor, generator: torch.Generator) -> PolicySample:
        """Draw one reparameterised action for each row."""
        means, log_deviations = self(inputs)
        noise = torch.randn(means.shape, dtype=means.dtype, device=means.device, generator=generator)
        u = means + noise * log_deviations.exp()
        return PolicySample(u.tanh(), tanh_gaussian_log_probability(u, noise, log_deviations), means, log_deviations)


def tanh_gaussian_log_probability(u: Tensor, noise: Tensor, log_deviations: Tensor) -> Tensor:
    """Log-density of tanh(u), u = mean + noise * deviation; (..., actions) to (..., 1).

    The change of variables uses log(1 - tanh(u)^2) = 2 (log 2 - u - softplus(-2u)), exact also where tanh saturates.
    """
    gaussian = -0.5 * noise.square() - log_deviations - 0.5 * math.log(2.0 * math.pi)
    jacobian = 2.0 * (math.log(2.0) - u - functional.softplus(-2.0 * u))
    return (gaussian - jacobian).sum(dim=-1, keepdim=True)
