"""Trajectory contrastive learning (TCL), the auxiliary task of the TCL-PEARL paper, for any context encoder.

A host needs an encoder that maps windows of transitions to a mean and a deviation, and a table of exploration episodes.
A deterministic encoder gives a constant deviation.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.context import Gaussian
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable

Crops = Literal["window", "rows"]


class Windows(NamedTuple):
    """Two crops of one trajectory for each task of a meta-batch."""

    queries: Tensor  # (tasks, window) rows of the replay
    keys: Tensor  # (tasks, window)
    present: Tensor  # (tasks, window), 0 beyond the end of a window of a short episode
    valid: Tensor  # (tasks,), False where a task has no trajectory left that is not in the batch already


def sample_windows(
    table: EpisodeTable, tasks: Tensor, size: int, generator: torch.Generator, crops: Crops = "window"
) -> Windows:
    """Crop two windows from one trajectory of each task.

    Starts are uniform in [0, T - W) for an episode of T steps (appendix C.3). An episode with T <= W gives windows of
    T - 1 rows (at least one). A task that occurs k times in the meta-batch gives k different trajectories, as far as it
    has that many.

    Parameters
    ----------
    table : the exploration episodes of every task.
    tasks : (tasks,) task indices, repetitions allowed.
    size : W, transitions a window.
    generator : source of the choices.
    crops : "window" for W transitions in a row, "rows" for W random ones of the trajectory: the two that C.3 compares.
    """
    device, counts = table.device, table.counts[tasks]
    # The n-th occurrence of a task takes the n-th episode of one random order of the task's episodes.
    occurrence = (tasks[:, None] == tasks[None, :]).tril(-1).sum(dim=1)
    order = torch.rand(table.starts.shape, device=device, generator=generator)[tasks]
    order = order.masked_fill(torch.arange(order.shape[1], device=device) >= counts[:, None], 2.0).argsort(dim=1)
    episode = order.gather(1, (occurrence % counts)[:, None])

    length = table.lengths[tasks].gather(1, episode)  # (tasks, 1)
    if crops == "rows":
        uniform = torch.rand(2, len(tasks), size, dtype=torch.float64, device=device, generator=generator)
        queries, keys = table.starts[tasks].gather(1, episode) + (uniform * length).long()
        return Windows(queries, keys, torch.ones(len(tasks), size, device=device), occurrence < counts)
    window = (length - 1).clamp(min=1, max=size)
    choices = (length - window).clamp(min=1)
    uniform = torch.rand(2, len(tasks), 1, dtype=torch.float64, device=device, generator=generator)
    offset = torch.arange(size, device=device)
    # Padding repeats the window's last row, so that it never reads beyond the episode.
    within = torch.minimum(offset[None, :], window - 1)
    queries, keys = table.starts[tasks].gather(1, episode) + (uniform * choices).long() + within
    return Windows(queries, keys, (offset < window).to(torch.get_default_dtype()), occurrence < counts)


def similarity(queries: Gaussian, keys: Gaussian) -> Tensor:
    """Negative squared Wasserstein distance between every query and every key (Eq. 7), (queries, keys)."""
    means = (queries.mean[:, None] - keys.mean[None, :]).square().sum(dim=-1)
    deviations = (queries.deviation[:, None] - keys.deviation[None, :]).square().sum(dim=-1)
    return -(means + deviations)


class Contrast(NamedTuple):
    """The loss and what is logged beside it."""

    loss: Tensor
    accuracy: Tensor  # share of queries whose most similar key is their own


def contrast(queries: Gaussian, keys: Gaussian, valid: Tensor, temperature: float) -> Contrast:
    """InfoNCE over the batch (Eq. 8, Algorithm 1): query i belongs to key i.

    Parameters
    ----------
    queries, keys : (N, latent_size)
    valid : (N,), False for pairs that are left out, as query and as key.
    temperature : divides the similarities (Table 8).
    """
    logits = (similarity(queries, keys) / temperature).masked_fill(~valid[None, :], -torch.inf)
    labels = torch.arange(len(logits), device=logits.device)
    # An invalid query's own key is masked: its row must not reach the loss, not even as 0 * inf.
    logits = torch.where(valid[:, None], logits, torch.zeros_like(logits))
    losses = functional.cross_entropy(logits, labels, reduction="none")
    weights = valid.to(losses.dtype) / valid.sum()
    accuracy = ((logits.argmax(dim=1) == labels) * weights).sum()
    return Contrast((losses * weights).sum(), accuracy)


class KeyEncoder:
    """A copy of the query encoder that follows it slowly (Algorithm 2, line 16, where its parameters are phi_k)."""

    def __init__(self, encoder: nn.Module, query_parameters: FlatParameters, *, query_weight: float) -> None:
        self.encoder = deepcopy(encoder).requires_grad_(requires_grad=False)
        self.parameters, self.query_parameters = FlatParameters(self.encoder), query_parameters
        self.query_weight = query_weight

    def update(self) -> None:
        """phi_k <- (1 - query_weight) phi_k + query_weight phi_q."""
        self.parameters.average(self.query_parameters, self.query_weight)
