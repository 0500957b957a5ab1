"""References for tests of the algorithms: episodes that name their rows, plain networks and losses, gradients."""

from __future__ import annotations

import math

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


def contrastive_loss(
    query_mean: np.ndarray, query_dev: np.ndarray, key_mean: np.ndarray, key_dev: np.ndarray, temperature: float
) -> float:
    """Eq. 7 and 8 of the paper, written with loops and nothing shared with the code under test."""
    n = len(query_mean)
    total = 0.0
    for i in range(n):
        similarities = []
        for j in range(n):
            squared = 0.0
            for d in range(query_mean.shape[1]):
                squared += (query_mean[i, d] - key_mean[j, d]) ** 2 + (query_dev[i, d] - key_dev[j, d]) ** 2
            similarities.append(-squared / temperature)
        total += math.log(math.exp(similarities[i]) / sum(math.exp(s) for s in similarities))
    return -total / n


def contrastive_gradient(
    query_mean: np.ndarray, query_dev: np.ndarray, key_mean: np.ndarray, key_dev: np.ndarray, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same loss differentiated by hand: d/dq_i = (2/(N tau)) [ (q_i - k_i) - sum_j p_ij (q_i - k_j) ]."""
    n = len(query_mean)
    gradients = []
    distances = ((query_mean[:, None] - key_mean) ** 2).sum(-1) + ((query_dev[:, None] - key_dev) ** 2).sum(-1)
    p = np.exp(-distances / temperature)
    p /= p.sum(axis=1, keepdims=True)
    for query, key in ((query_mean, key_mean), (query_dev, key_dev)):
        away = np.einsum("ij,ijd->id", p, query[:, None] - key[None])
        gradients.append(2.0 / (n * temperature) * ((query - key) - away))
    return gradients[0], gradients[1]
