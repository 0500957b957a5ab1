"""Entrants whose networks are torch's: parameters by name, and what an update does, seen from outside."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .entrant import Entrant, Parameters


class TorchEntrant(Entrant):
    """An entrant whose networks are torch's."""

    @property
    @abstractmethod
    def modules(self) -> dict[str, nn.Module]:
        """The networks, by name."""

    def parameters(self) -> Parameters:
        """Return all networks' parameters."""
        return parameters_of(self.modules)

    def load(self, parameters: Parameters) -> None:
        """Replace all networks' parameters."""
        load_into(self.modules, parameters)


def parameters_of(modules: Mapping[str, nn.Module]) -> Parameters:
    """Return the parameters of several modules, as `module.parameter`."""
    return {
        f"{prefix}.{name}": parameter.detach().numpy().copy()
        for prefix, module in modules.items()
        for name, parameter in module.named_parameters()
    }


def load_into(modules: Mapping[str, nn.Module], parameters: Mapping[str, NDArray[Any]]) -> None:
    """Write what `parameters_of` returned."""
    with torch.no_grad():
        for prefix, module in modules.items():
            for name, parameter in module.named_parameters():
                parameter.copy_(torch.from_numpy(parameters[f"{prefix}.{name}"].reshape(parameter.shape)))


@contextmanager
def given_noise(draws: Sequence[NDArray[Any] | None]) -> Iterator[None]:
    """Let reparameterised normal samples use given draws, in the order in which they are asked for.

    Parameters
    ----------
    draws : None for a sample that is thrown away.
    """
    left = list(draws)

    def standard_normal(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Tensor:
        draw = left.pop(0)
        return torch.zeros(shape) if draw is None else torch.from_numpy(draw).to(dtype).reshape(tuple(shape))

    with patch("torch.distributions.normal._standard_normal", standard_normal):
        yield
    if left:
        raise RuntimeError(f"{len(left)} draws were not used")


@contextmanager
def recorded(
    optimizers: Sequence[torch.optim.Optimizer], modules: Mapping[str, nn.Module]
) -> Iterator[tuple[list[float], Parameters]]:
    """Record the losses that are differentiated, in order, and the gradients with which each optimiser steps."""
    losses: list[float] = []
    gradients: Parameters = {}
    names = {
        id(parameter): f"{prefix}.{name}"
        for prefix, module in modules.items()
        for name, parameter in module.named_parameters()
    }
    backward = Tensor.backward

    def noted(tensor: Tensor, *arguments: Any, **options: Any) -> None:
        losses.append(float(tensor.detach()))
        backward(tensor, *arguments, **options)  # type: ignore[no-untyped-call]

    def stepping(optimizer: torch.optim.Optimizer, arguments: Any, options: Any) -> None:
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue  # read nowhere
                gradients[names[id(parameter)]] = parameter.grad.detach().numpy().astype(np.float32)

    hooks = [optimizer.register_step_pre_hook(stepping) for optimizer in optimizers]
    try:
        with patch.object(Tensor, "backward", noted):
            yield losses, gradients
    finally:
        for hook in hooks:
            hook.remove()
