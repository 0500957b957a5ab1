"""Parameters as one flat vector: Adam, target averaging and saving are then one operation each."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Any

import torch
from torch import Tensor, nn

from algorithms.interface import State


class FlatParameters:
    """The parameters of a module, moved into one vector of which they become views."""

    def __init__(self, module: nn.Module) -> None:
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
        part.names = [name.removeprefix(prefix) for name in self.names[first:beyond]]
        part.parameters = self.parameters[first:beyond]
        part.vector = self.vector[begin : begin + sum(parameter.numel() for parameter in part.parameters)]
        return part

    def average(self, source: FlatParameters, weight: float) -> None:
        """Move towards `source`: x <- (1 - weight) x + weight source."""
        self.vector.lerp_(source.vector, weight)

    def state(self) -> State:
        """Return the vector."""
        return {"vector": self.vector.clone()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.vector.copy_(state["vector"])


class Adam:
    """Adam on flat vectors of parameters."""

    def __init__(self, learning_rate: float, *flats: FlatParameters) -> None:
        self.flats = flats
        self._vectors = [nn.Parameter(flat.vector) for flat in flats]  # share the memory
        self._adam = torch.optim.Adam(self._vectors, lr=learning_rate, fused=True)

    def step(self, loss: Tensor) -> None:
        """Descend one step along the loss's gradient for these parameters alone; no others get or keep a gradient."""
        parameters = [parameter for flat in self.flats for parameter in flat.parameters]
        gradients = iter(torch.autograd.grad(loss, parameters))
        for vector, flat in zip(self._vectors, self.flats, strict=True):
            vector.grad = torch.cat([next(gradients).reshape(-1) for _ in flat.parameters])
        self._adam.step()

    def state(self) -> State:
        """Return the moments; the parameters are the flat vectors' own state."""
        return {
            str(index): {name: value.clone() for name, value in self._adam.state[vector].items()}
            for index, vector in enumerate(self._vectors)
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        for index, vector in enumerate(self._vectors):
            self._adam.state[vector].clear()
            self._adam.state[vector].update(
                {
                    # Adam's step counter lives where the parameters do when the update is fused.
                    name: value.to(vector.device, copy=True)
                    for name, value in state[str(index)].items()
                }
            )
