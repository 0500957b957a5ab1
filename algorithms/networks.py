"""Networks shared by the algorithms: multi-layer perceptrons and Gaussian policies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.declaration import Precision
from algorithms.gaussian import DiagonalNormal, tanh_gaussian_log_probability
from algorithms.perceptron import lowest, perceptron, plain_perceptron
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


SMALL_BATCH = 2**16
"""Rows times units of a layer, all members', below which autograd's own bookkeeping is faster than ours."""


class Arithmetic(NamedTuple):
    """The arithmetic of networks."""

    precision: Precision = "float32"
    """Arithmetic of matrix products; weights, reductions and losses stay as they are."""
    plain_autograd: bool = False
    """Leave gradients to autograd, layer by layer, also where `algorithms.perceptron` has them."""


DEFAULT_ARITHMETIC = Arithmetic()


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
    arithmetic : how products and gradients are computed; gradients are autograd's unless the activation is ReLU.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        *,
        members: int | None = None,
        initialise: Initialiser = fan_in_uniform,
        activation: Callable[[Tensor], Tensor] = functional.relu,
        arithmetic: Arithmetic = DEFAULT_ARITHMETIC,
    ) -> None:
        super().__init__()
        self.members = members
        self.units = (members or 1) * sizes[1]  # of the first layer
        self.activation = activation
        self.precision = arithmetic.precision
        self.plain_autograd = arithmetic.plain_autograd or activation is not functional.relu
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            weight, bias = torch.empty(members or 1, fan_in, fan_out), torch.empty(members or 1, 1, fan_out)
            for member in range(members or 1):
                initialise(weight[member], bias[member], generator, layer == len(sizes) - 2)
            self.weights.append(nn.Parameter(weight if members else weight[0]))
            self.biases.append(nn.Parameter(bias if members else bias[0, 0]))

    def forward(self, *inputs: Tensor) -> Tensor:
        """Evaluate the network(s) on inputs that are joined, (..., .) or (rows, .) each."""
        return self._evaluate(inputs, *self._layers())

    def lowest(self, *inputs: Tensor) -> Tensor:
        """Evaluate several networks with their parameters held fixed; return each row's lowest output, (rows, 1)."""
        if self._plain(inputs):
            outputs: Tensor = self(*inputs).min(dim=0).values
            return outputs
        return lowest(inputs, *self._layers(), self.products)

    def member(self, index: int, *inputs: Tensor) -> Tensor:
        """Evaluate one of several networks with its parameters held fixed, (rows, output)."""
        weights = [weight[index].detach() for weight in self.weights]
        return self._evaluate(inputs, weights, [bias[index, 0].detach() for bias in self.biases])

    @property
    def products(self) -> torch.dtype:
        """Arithmetic of matrix products."""
        return torch.bfloat16 if self.precision == "bf16" else self._layers()[0][0].dtype

    def _layers(self) -> tuple[list[Tensor], list[Tensor]]:
        # Iterating over a ParameterList looks each of its names up: five times the time.
        return [*self.weights._parameters.values()], [*self.biases._parameters.values()]  # type: ignore[list-item]

    def _evaluate(self, inputs: Sequence[Tensor], weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
        if self._plain(inputs):
            return plain_perceptron(inputs, weights, biases, self.products, self.activation)
        return perceptron(inputs, weights, biases, self.products)

    def _plain(self, inputs: Sequence[Tensor]) -> bool:
        """True if gradients are left to autograd: also of sets of weights side by side, and of small layers."""
        numbers = inputs[0].shape[:-1].numel() * self.units
        return self.plain_autograd or numbers < SMALL_BATCH or torch._C._are_functorch_transforms_active()


def two_heads(outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Split (..., 2 k) into two of (..., k), each in one piece: elementwise functions are slow where it is not."""
    first, second = outputs.view(*outputs.shape[:-1], 2, -1).movedim(-2, 0).contiguous().unbind(0)
    return first, second


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
    """pi(a|s) = N(mean(s), std^2) with a network for the mean, of tanh units by default."""

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        *,
        shared_std: bool = False,
        activation: Callable[[Tensor], Tensor] = torch.tanh,
    ) -> None:
        super().__init__()
        self.network = MLP(sizes, generator, initialise=xavier_uniform, activation=activation)
        self.deviation = StateIndependentDeviation(1 if shared_std else sizes[-1])

    def forward(self, observations: Tensor) -> DiagonalNormal:
        """Map observations (..., observation_size) to distributions of actions."""
        distribution: DiagonalNormal = self.deviation(self.network(observations))
        return distribution


class PolicySample(NamedTuple):
    """Actions drawn from a tanh-Gaussian policy, with what the losses need."""

    actions: Tensor
    log_probabilities: Tensor  # (..., 1)
    means: Tensor  # before the tanh
    log_std: Tensor


class TanhGaussianPolicy(nn.Module):
    """pi(a|x): a = tanh(u), u ~ N(mean(x), std(x)^2), log std clamped to [-20, 2]."""

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator,
        initialise: Initialiser = fan_in_uniform,
        added_to_density: float = 0.0,
        arithmetic: Arithmetic = DEFAULT_ARITHMETIC,
    ) -> None:
        super().__init__()
        self.added_to_density = added_to_density
        *hidden, actions = sizes
        self.network = MLP([*hidden, 2 * actions], generator, initialise=initialise, arithmetic=arithmetic)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return means (before the tanh) and log stds."""
        means, log_std = two_heads(self.network(inputs))
        return means, log_std.clamp(-20.0, 2.0)

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
            u, log_std = self(torch.cat([s, told], dim=1))
            if noise is not None:
                u = u + log_std.exp() * torch.as_tensor(noise, dtype=told.dtype, device=told.device)
            actions: FloatArray = u.tanh().double().cpu().numpy()
        return actions

    def sample(self, inputs: Tensor, generator: torch.Generator) -> PolicySample:
        """Draw one reparameterised action for each row."""
        means, log_std = self(inputs)
        noise = torch.randn(means.shape, dtype=means.dtype, device=means.device, generator=generator)
        u = means + noise * log_std.exp()
        actions = u.tanh()
        log_probabilities = tanh_gaussian_log_probability(u, noise, log_std, self.added_to_density)
        return PolicySample(actions, log_probabilities, means, log_std)
