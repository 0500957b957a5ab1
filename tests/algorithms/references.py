"""What tests compare the algorithms with: episodes that name their rows, a plain network, recorded gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from algorithms.interface import Episodes

CPU = torch.device("cpu")


def episodes_of(tasks: list[int], lengths: list[int], start: float = 0.0) -> Episodes:
    """Episodes whose observations count up from `start`, so that every row names its place."""
    time = max(lengths)
    observations = np.zeros((len(tasks), time + 1, 1))
    for copy, length in enumerate(lengths):
        observations[copy, : length + 1, 0] = start + 1000.0 * copy + np.arange(length + 1)
    return Episodes(
        tasks=np.array(tasks),
        observations=observations,
        actions=np.full((len(tasks), time, 1), 0.5),
        rewards=observations[:, :-1, 0],
        terminated=np.array([length % 2 == 1 for length in lengths]),
        lengths=np.array(lengths),
        success=np.zeros(len(tasks), dtype=np.bool_),
    )


class Recorder:
    """Stands in for Adam: keeps the gradient of the loss and changes nothing."""

    def __init__(self, parameters: list[torch.nn.Parameter]) -> None:
        self.parameters = parameters
        self.gradients: tuple[Tensor, ...] = ()

    def step(self, loss: Tensor) -> None:
        self.gradients = torch.autograd.grad(loss, self.parameters)


def chain(network: torch.nn.Module, inputs: Tensor, member: int | None = None) -> Tensor:
    weights, biases = list(network.weights), list(network.biases)  # type: ignore[arg-type]
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        if member is not None:
            weight, bias = weight[member], bias[member, 0]
        inputs = inputs @ weight + bias
        if layer < len(weights) - 1:
            inputs = inputs.clamp(min=0)
    return inputs
