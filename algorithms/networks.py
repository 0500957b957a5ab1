"""Networks shared by the algorithms: multi-layer perceptrons and Gaussian policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.gaussian import DiagonalNormal, tanh_gaussian_log_probability
from environments import FloatArray

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


def fan_out_uniform_policy(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """Oyster's for its policy, whose last layers are U(+-1e-3) (rlkit/torch/sac/policies.py:60-61)."""
    fan_out_uniform(weight, bias, generator, last)
    if last:
        weight.div_(3.0)
        bias.div_(3.0)


def xavier_normal(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """Garage's: Xavier-normal weights, zero biases (torch/modules/mlp_module.py)."""
    weight.normal_(0.0, math.sqrt(2.0 / (weight.shape[-2] + weight.shape[-1])), generator=generator)
    bias.zero_()


def xavier_uniform(weight: Tensor, bias: Tensor, generator: torch.Generator, last: bool) -> None:
    """Garage's for its policies: Xavier-uniform weights, zero biases (torch/policies/gaussian_mlp_policy.py)."""
    bound = math.sqrt(6.0 / (weight.shape[-2] + weight.shape[-1]))
    weight.uniform_(-bound, bound, generator=generator)
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


class StateIndependentDeviation(nn.Module):
    """Deviations that do not depend on the state, one an action or one for all.

    They are 1 at first, and never below 1e-6 (garage gaussian_mlp_module.py).
    Nor above exp(20), where nothing is lost and the exponentials of a distribution's differences do not overflow.
    """

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.log_deviations = nn.Parameter(torch.zeros(actions))

    def forward(self, means: Tensor) -> DiagonalNormal:
        """Return the distributions around some means (..., actions)."""
        return DiagonalNormal(means, self.log_deviations.clamp(math.log(1e-6), 20.0).expand_as(means))


class GaussianPolicy(nn.Module):
    """pi(a|s) = N(mean(s), deviation^2) with a tanh network for the mean."""

    def __init__(self, sizes: Sequence[int], generator: torch.Generator, *, shared_deviation: bool = False) -> None:
        super().__init__()
        self.network = MLP(sizes, generator, initialise=xavier_uniform, activation=torch.tanh)
        self.deviation = StateIndependentDeviation(1 if shared_deviation else sizes[-1])

    def forward(self, observations: Tensor) -> DiagonalNormal:
        """Map observations (..., observation_size) to distributions of actions."""
        distribution: DiagonalNormal = self.deviation(self.network(observations))
        return distribution


class PolicySample(NamedTuple):
    """Actions drawn from a tanh-Gaussian policy, with what the losses need."""

    actions: Tensor
    log_probabilities: Tensor  # (..., 1)
    means: Tensor  # before the tanh
    log_deviations: Tensor


class TanhGaussianPolicy(nn.Module):
    """pi(a|x): a = tanh(u), u ~ N(mean(x), deviation(x)^2), log deviation (log_std) clamped to [-20, 2]."""

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        initialise: Initialiser = fan_in_uniform,
        added_to_density: float = 0.0,
    ) -> None:
        super().__init__()
        self.added_to_density = added_to_density
        *hidden, actions = sizes
        self.network = MLP([*hidden, 2 * actions], generator, initialise=initialise)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (before the tanh) and log deviations."""
        means, log_deviations = self.network(inputs).chunk(2, dim=-1)
        return means, log_deviations.clamp(-20.0, 2.0)

    def act(self, observations: FloatArray, told: Tensor, noise: FloatArray | None) -> FloatArray:
        """Choose actions in an environment, without a gradient.

        Parameters
        ----------
        observations : (copies, observation_size)
        told : (copies, ·) what the policy reads beside the observation: z, or a task vector.
        noise : (copies, action_size) standard normal draws; None for the policy's mode.

        Returns
        -------
        (copies, action_size) in [-1, 1].
        """
        with torch.inference_mode():
            s = torch.as_tensor(observations, dtype=told.dtype, device=told.device)
            u, log_deviations = self(torch.cat([s, told], dim=1))
            if noise is not None:
                u = u + log_deviations.exp() * torch.as_tensor(noise, dtype=told.dtype, device=told.device)
            actions: FloatArray = u.tanh().double().cpu().numpy()
        return actions

    def sample(self, inputs: Tensor, generator: torch.Generator) -> PolicySample:
        """Draw one reparameterised action for each row."""
        means, log_deviations = self(inputs)
        noise = torch.randn(means.shape, dtype=means.dtype, device=means.device, generator=generator)
        u = means + noise * log_deviations.exp()
        actions = u.tanh()
        log_probabilities = tanh_gaussian_log_probability(u, noise, log_deviations, self.added_to_density)
        return PolicySample(actions, log_probabilities, means, log_deviations)
