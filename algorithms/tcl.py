"""Trajectory contrastive learning (TCL), the auxiliary task of the TCL-PEARL paper, for any context encoder.

A host needs an encoder that maps windows of transitions to a mean and a deviation, and a table of exploration episodes.
A deterministic encoder gives a constant deviation.
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.gaussian import DiagonalNormal
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable
from algorithms.tcl_settings import Crops
from environments import IntArray


class Windows(NamedTuple):
    """Two crops of one trajectory for each task of a meta-batch."""

    queries: Tensor  # (tasks, window) rows of the replay
    keys: Tensor  # (tasks, window)
    present: Tensor  # (tasks, window), 0 beyond the end of a window that was shortened
    valid: Tensor  # (tasks,), False where a task has no trajectory left that is not in the batch already

    def shares(self) -> dict[str, Tensor]:
        """Compute which share of the valid pairs hold the same rows, and which share have some row in common."""
        same = (self.queries == self.keys).all(dim=1)
        common = (self.queries[:, :, None] == self.keys[:, None, :]).any(dim=2).any(dim=1)
        count = self.valid.sum()
        return {
            "identical_pairs": (same & self.valid).sum() / count,
            "overlapping_pairs": (common & self.valid).sum() / count,
        }


Lengths = TypeVar("Lengths", Tensor, IntArray)


def window_and_starts(lengths: Lengths, size: int) -> tuple[Lengths, Lengths]:
    """Return the transitions of a window, and the number of its starts, in episodes of some lengths.

    A window has W transitions and starts in [0, T - W) (appendix C.3), if these are at least W / 4 starts, and two. In
    a shorter episode it has the most transitions, 4 T // 5, that leave a quarter as many starts; then it may start
    anywhere that it fits.

    Parameters
    ----------
    lengths : T, steps of each episode, at least 1.
    size : W.
    """
    window = (4 * lengths // 5).clip(1, size)
    short = 4 * (lengths - size) < max(size, 8)
    return window, lengths - window + short


def sample_windows(
    table: EpisodeTable, tasks: Tensor, size: int, generator: torch.Generator, crops: Crops = "window"
) -> Windows:
    """Crop two windows from one trajectory of each task.

    Sizes and starts are those of `window_and_starts`, the two starts independent of each other as in appendix C.3.
    Only where an episode is too short for W, and starts are few, are they made to differ, as Eq. 6 has it. A task that
    occurs k times in the meta-batch gives k different trajectories, as far as it has that many.

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

    first, length = table.starts[tasks].gather(1, episode), table.lengths[tasks].gather(1, episode)  # (tasks, 1)
    if crops == "rows":
        uniform = torch.rand(2, len(tasks), size, dtype=torch.float64, device=device, generator=generator)
        queries, keys = first + (uniform * length).long()
        return Windows(queries, keys, torch.ones(len(tasks), size, device=device), occurrence < counts)
    window, starts = window_and_starts(length, size)
    uniform = torch.rand(2, len(tasks), 1, dtype=torch.float64, device=device, generator=generator)
    query, key = (uniform * starts).long()
    another = (query + 1 + (uniform[1] * (starts - 1)).long()) % starts
    key = torch.where(starts > length - window, another, key)
    offset = torch.arange(size, device=device)
    # Padding repeats the window's last row, so that it never reads beyond the episode.
    within = torch.minimum(offset[None, :], window - 1)
    present = (offset < window).to(torch.get_default_dtype())
    return Windows(first + query + within, first + key + within, present, occurrence < counts)


def similarity(queries: DiagonalNormal, keys: DiagonalNormal) -> Tensor:
    """Negative squared Wasserstein distance between every query and every key (Eq. 7), (queries, keys)."""
    means = (queries.means[:, None] - keys.means[None, :]).square().sum(dim=-1)
    deviations = (queries.deviations[:, None] - keys.deviations[None, :]).square().sum(dim=-1)
    return -(means + deviations)


class Contrast(NamedTuple):
    """The loss and what is logged beside it."""

    loss: Tensor
    accuracy: Tensor  # share of queries whose most similar key is their own


def contrast(queries: DiagonalNormal, keys: DiagonalNormal, valid: Tensor, temperature: float) -> Contrast:
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
