"""Parameters as one flat vector: Adam, target averaging and saving are then one operation each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from algorithms.interface import State

BETA_1, BETA_2 = 0.9, 0.999
EPSILON = 1e-8
"""Adam's epsilon."""


class FlatParameters:
    """The parameters of a module, moved into one vector of which they become views; its buffers are saved with them."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.names = [name for name, _ in module.named_parameters()]
        self.parameters = list(module.parameters())
        self.vector = torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters])
        offset = 0
        for parameter in self.parameters:
            parameter.data = self.vector[offset : offset + parameter.numel()].view_as(parameter)
            offset += parameter.numel()

    def named(self, vector: Tensor) -> dict[str, Tensor]:
        """Cut another vector of the same length into parameters by name, for `torch.func.functional_call`."""
        pieces = vector.split_with_sizes([parameter.numel() for parameter in self.parameters])
        return {
            name: piece.view(parameter.shape)
            for name, parameter, piece in zip(self.names, self.parameters, pieces, strict=True)
        }

    def part(self, submodule: str) -> FlatParameters:
        """Return the parameters of a submodule: a slice of the vector, with which it shares its memory.

        Raises
        ------
        KeyError
            If no parameter belongs to such a submodule.
        """
        prefix = f"{submodule}."
        inside = [index for index, name in enumerate(self.names) if name.startswith(prefix)]
        if not inside:
            raise KeyError(submodule)
        first, beyond = inside[0], inside[-1] + 1  # a module's parameters follow one another
        begin = sum(parameter.numel() for parameter in self.parameters[:first])
        part = copy(self)
        part.module = self.module.get_submodule(submodule)
        part.names = [name.removeprefix(prefix) for name in self.names[first:beyond]]
        part.parameters = self.parameters[first:beyond]
        part.vector = self.vector[begin : begin + sum(parameter.numel() for parameter in part.parameters)]
        return part

    def average(self, source: FlatParameters, weight: float) -> None:
        """Move towards `source`: x <- (1 - weight) x + weight source."""
        self.vector.lerp_(source.vector, weight)

    def state(self) -> State:
        """Return the vector, and the buffers if there are any."""
        buffers = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        return {"vector": self.vector.clone(), **({"buffers": buffers} if buffers else {})}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.vector.copy_(state["vector"])
        for name, buffer in self.module.named_buffers():
            buffer.copy_(state["buffers"][name])


class Adam:
    """Adam (Kingma & Ba, ICLR 2015) on flat vectors of parameters, with the paper's betas and epsilon.

    By the kernel of `torch.optim.Adam(fused=True)`: at the sizes of small networks that class takes longer to find its
    arguments than the kernel takes, and it imports a compiler.

    Parameters
    ----------
    epsilon_before_correction : add epsilon, as TensorFlow does, to the root of a second moment whose bias is not yet
        corrected; in the terms of Kingma & Ba's algorithm, which is used otherwise, it is larger in the first steps.
    """

    def __init__(self, learning_rate: float, *flats: FlatParameters, epsilon_before_correction: bool = False) -> None:
        self.learning_rate, self.flats = learning_rate, flats
        self.epsilon_before_correction = epsilon_before_correction
        self.steps = [torch.zeros((), device=flat.vector.device) for flat in flats]
        self.means = [torch.zeros_like(flat.vector) for flat in flats]  # m, of the gradients
        self.squares = [torch.zeros_like(flat.vector) for flat in flats]  # v, means of the gradients' squares
        self._taken = 0
        """Steps, as the host counts them."""

    def step(self, loss: Tensor) -> None:
        """Descend one step along the loss's gradient for these parameters alone; no others get or keep a gradient."""
        parameters = [parameter for flat in self.flats for parameter in flat.parameters]
        gradients = iter(torch.autograd.grad(loss, parameters))
        self.descend([torch.cat([next(gradients).reshape(-1) for _ in flat.parameters]) for flat in self.flats])

    def descend(self, gradients: list[Tensor]) -> None:
        """Take one step along gradients that are given, one vector for each vector of parameters."""
        torch._foreach_add_(self.steps, 1)
        self._taken += 1
        epsilon = EPSILON
        if self.epsilon_before_correction:
            epsilon /= math.sqrt(1.0 - BETA_2**self._taken)
        torch._fused_adam_(
            [flat.vector for flat in self.flats],
            gradients,
            self.means,
            self.squares,
            [],
            self.steps,
            lr=self.learning_rate,
            beta1=BETA_1,
            beta2=BETA_2,
            eps=epsilon,
            weight_decay=0.0,
            amsgrad=False,
            maximize=False,
        )

    @property
    def _named(self) -> dict[str, dict[str, Tensor]]:
        columns = zip(self.steps, self.means, self.squares, strict=True)
        return {
            str(index): {"step": step, "exp_avg": mean, "exp_avg_sq": square}
            for index, (step, mean, square) in enumerate(columns)
        }

    def state(self) -> State:
        """Return the moments; the parameters are the flat vectors' own state."""
        return {
            index: {name: value.clone() for name, value in moments.items()} for index, moments in self._named.items()
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned; older states hold nothing of vectors that had not been stepped."""
        for index, moments in self._named.items():
            for name, value in moments.items():
                value.copy_(state[index][name]) if state[index] else value.zero_()
        self._taken = int(self.steps[0])
