"""Trajectory contrastive learning (TCL), the auxiliary task of the TCL-PEARL paper, for any context encoder.

What it asks of a host: to encode windows of transitions to a mean and a std, a table of episodes, and the
encoder's parameters as one vector. A deterministic encoder has stds of zero, and Eq. 7 becomes the
squared distance of features. A recurrent one reads a window in order from a zero state (`last_state`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.context import Auxiliary
from algorithms.gaussian import DiagonalNormal
from algorithms.interface import Metrics, State
from algorithms.optimisation import FlatParameters
from algorithms.replay import EpisodeTable
from algorithms.tcl_settings import Crops, TCLSettings
from environments import IntArray


class Windows(NamedTuple):
    """Two crops of one trajectory for each task of a meta-batch."""

    queries: Tensor  # (tasks, window) rows of the replay
    keys: Tensor  # (tasks, window)
    mask: Tensor  # (tasks, window), 0 beyond the end of a window that was shortened
    valid: Tensor  # (tasks,), False where a task has no trajectory left that is not in the batch already

    def shares(self) -> dict[str, Tensor]:
        """Compute which share of the valid pairs hold the same rows, and which share have some row in common."""
        same = (self.queries == self.keys).all(dim=1)
        nearest = torch.searchsorted(self.keys, self.queries).clamp(max=self.keys.shape[1] - 1)  # rows are in order
        common = (self.keys.gather(1, nearest) == self.queries).any(dim=1)
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
    crops : "window" for W transitions in a row, "rows" for W random ones of the trajectory in their order: the two that
        C.3 compares.
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
        queries, keys = first + (uniform * length).long().sort(dim=2).values
        return Windows(queries, keys, torch.ones(len(tasks), size, device=device), occurrence < counts)
    window, starts = window_and_starts(length, size)
    uniform = torch.rand(2, len(tasks), 1, dtype=torch.float64, device=device, generator=generator)
    query, key = (uniform * starts).long()
    another = (query + 1 + (uniform[1] * (starts - 1)).long()) % starts
    key = torch.where(starts > length - window, another, key)
    offset = torch.arange(size, device=device)
    # Padding repeats the window's last row, so that it never reads beyond the episode.
    within = torch.minimum(offset[None, :], window - 1)
    mask = (offset < window).to(torch.get_default_dtype())
    return Windows(first + query + within, first + key + within, mask, occurrence < counts)


def similarity(queries: DiagonalNormal, keys: DiagonalNormal) -> Tensor:
    """Negative squared Wasserstein distance between every query and every key (Eq. 7), (queries, keys)."""
    means = (queries.means[:, None] - keys.means[None, :]).square().sum(dim=-1)
    spread = (queries.std[:, None] - keys.std[None, :]).square().sum(dim=-1)
    return -(means + spread)


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


Encode = Callable[[Any, Tensor, Tensor], DiagonalNormal]
"""Encodes windows by the query encoder or its copy: (encoder, rows (N, window), mask (N, window)) -> (N, size)."""


def last_state(states: Tensor, mask: Tensor) -> DiagonalNormal:
    """Return what a recurrent encoder knows at the end of each window, which it knows for certain.

    Parameters
    ----------
    states : (N, window, size), after every step.
    mask : (N, window), 0 beyond the end of a window that was shortened.
    """
    last = mask.sum(dim=1).long() - 1
    return DiagonalNormal.deterministic(states[torch.arange(len(states), device=states.device), last])


def gradient_ratio(contrastive: Tensor, host: Tensor, shared: FlatParameters) -> Metrics:
    """Compute |gradient of the scaled contrastive loss| / |gradient of the host's losses| by the parameters they share.

    Nothing where the host's gradient vanishes.
    """
    norms = []
    for loss in (contrastive, host):
        slopes = torch.autograd.grad(loss, shared.parameters, retain_graph=True, materialize_grads=True)
        norms.append(torch.stack([slope.square().sum() for slope in slopes]).sum().sqrt().item())
    return {"contrastive_gradient_ratio": norms[0] / norms[1]} if norms[1] > 0.0 else {}


@contextmanager
def undrawn(*generators: torch.Generator) -> Iterator[None]:
    """Put generators back to where they were before."""
    before = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, before, strict=True):
            generator.set_state(state)


class TrajectoryContrast:
    """TCL for one encoder of a host: windows, the slow copy that encodes the keys, and the loss.

    Parameters
    ----------
    encoder : f_phi_q, which encodes the queries.
    query_parameters : phi_q: those of the encoder and of nothing else.
    generator : source of the windows, which nothing else draws from.
    scale : of the loss, times the setting `contrastive_scale`: what this encoder's host asks for.
    """

    def __init__(
        self,
        settings: TCLSettings,
        encoder: nn.Module,
        query_parameters: FlatParameters,
        generator: torch.Generator,
        scale: float = 1.0,
    ) -> None:
        self.settings, self.encoder, self.query_parameters = settings, encoder, query_parameters
        self.scale = scale * settings.contrastive_scale
        self.generator = generator
        self.key_encoder = deepcopy(encoder).requires_grad_(requires_grad=False)
        self.key_parameters = FlatParameters(self.key_encoder)  # phi_k

    def __call__(
        self, encode: Encode, episodes: EpisodeTable, chosen: Tensor, tasks: Tensor
    ) -> tuple[DiagonalNormal, Auxiliary]:
        """Contrast two windows of one trajectory of each of N tasks.

        Parameters
        ----------
        encode : encodes the rows of the table.
        episodes : the trajectories to choose from.
        chosen : (N,) entries of the table.
        tasks : (N,) what task each of them belongs to.

        Returns
        -------
        The queries' encodings (N, size), and the scaled loss of Eq. 8 (section 4.3, item 3).
        """
        settings = self.settings
        windows = sample_windows(episodes, chosen, settings.window, self.generator, settings.crops)
        queries = encode(self.encoder, windows.queries, windows.mask)
        with torch.no_grad():
            keys = encode(self.key_encoder, windows.keys, windows.mask)
        loss, accuracy = contrast(queries, keys, windows.valid, settings.temperature)
        pairs = (windows.valid[:, None] & windows.valid[None, :]).fill_diagonal_(fill_value=False)
        same_task = pairs & (tasks[:, None] == tasks[None, :])
        metrics = {
            "contrastive_loss": loss.detach(),
            "contrastive_accuracy": accuracy,
            "same_task_negatives": same_task.sum() / pairs.sum().clamp(min=1),
            **windows.shares(),
        }
        return queries, Auxiliary(self.scale * loss, metrics)

    def update(self) -> None:
        """Let the key encoder follow after a step of the query encoder (Algorithm 2, line 16).

        phi_k <- (1 - momentum) phi_k + momentum phi_q; as printed, the two weights are exchanged.
        """
        settings = self.settings
        weight = 1.0 - settings.momentum if settings.momentum_as_printed else settings.momentum
        self.key_parameters.average(self.query_parameters, weight)

    def state(self) -> State:
        """Return the key encoder's parameters, and the generator's state."""
        return {**self.key_parameters.state(), "generator": self.generator.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restore what `state` returned."""
        self.key_parameters.load_state(state)
        self.generator.set_state(state["generator"])
