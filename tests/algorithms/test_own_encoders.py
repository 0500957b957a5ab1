"""PEARL with another encoder: one method is overridden, and everything of it is seeded, trained and saved."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from algorithms.gaussian import DiagonalNormal
from algorithms.networks import Arithmetic, Initialiser
from algorithms.pearl import PEARL
from algorithms.tcl_pearl import TCLPEARL
from tests.algorithms.test_pearl import SMALL, SMALL_TCL, make


class Recurrent(nn.Module):
    """The last state of a GRU of torch's own, and how many contexts it has read."""

    def __init__(self, row_size: int, latent_size: int) -> None:
        super().__init__()
        self.gru = nn.GRU(row_size, 2 * latent_size, batch_first=True)
        self.register_buffer("read", torch.zeros(()))

    def forward(self, context: Tensor, mask: Tensor | None = None) -> DiagonalNormal:
        if self.training:
            self.read += len(context)
        states, _ = self.gru(context)
        last = states[:, -1]
        if mask is not None:
            last = states[torch.arange(len(states)), mask.sum(dim=1).long() - 1]
        return DiagonalNormal(*last.chunk(2, dim=-1))


class Attention(nn.Module):
    """A transformer's layer over the transitions, and the mean of what it says of them."""

    def __init__(self, row_size: int, latent_size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.inside = nn.Linear(row_size, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=dropout, batch_first=True)
        self.heads = nn.Linear(8, 2 * latent_size)

    def forward(self, context: Tensor, mask: Tensor | None = None) -> DiagonalNormal:
        mask = torch.ones(context.shape[:2]) if mask is None else mask
        read = self.layer(self.inside(context), src_key_padding_mask=mask == 0) * mask[..., None]
        means, log_std = self.heads(read.sum(dim=1) / mask.sum(dim=1, keepdim=True)).chunk(2, dim=-1)
        return DiagonalNormal(means, log_std)


def with_encoder(host: type[PEARL], encoder: Any) -> type[PEARL]:
    class Other(host):  # type: ignore[valid-type, misc]
        def make_encoder(self, row_size: int, initialise: Initialiser, arithmetic: Arithmetic) -> nn.Module:
            found: nn.Module = encoder(row_size, self.settings.latent_size)
            return found

    return Other


HOSTS = [(PEARL, SMALL), (TCLPEARL, SMALL_TCL)]


@pytest.mark.parametrize(("host", "settings"), HOSTS)
@pytest.mark.parametrize("encoder", [Recurrent, Attention])
def test_another_encoder_is_seeded_trained_and_goes_on_from_a_checkpoint(
    encoder: type[nn.Module], host: type[PEARL], settings: Any
) -> None:
    kind = with_encoder(host, encoder)
    state = torch.get_rng_state()
    first, again, other = make(kind, settings), make(kind, settings), make(kind, settings, seed=1)
    assert torch.equal(first.encoder_parameters.vector, again.encoder_parameters.vector)
    assert not torch.equal(first.encoder_parameters.vector, other.encoder_parameters.vector)

    before = first.encoder_parameters.vector.clone()
    first.update()
    assert all((parameter != 0).any() for parameter in first.encoder_parameters.parameters)
    assert not torch.equal(first.encoder_parameters.vector, before)

    other.load_state(first.state())
    for _ in range(2):
        first.update()
        other.update()
    saved, loaded = first.state(), other.state()
    assert flat(saved).keys() == flat(loaded).keys()
    for name, value in flat(saved).items():
        assert torch.equal(torch.as_tensor(value), torch.as_tensor(flat(loaded)[name])), name
    assert torch.equal(torch.get_rng_state(), state)


def test_buffers_of_encoder_and_key_encoder_are_part_of_the_state() -> None:
    algorithm = make(with_encoder(TCLPEARL, Recurrent), SMALL_TCL)
    for _ in range(3):
        algorithm.update()
    state = algorithm.state()
    assert state["encoder"]["buffers"]["read"] == 3 * SMALL_TCL.meta_batch  # queries serve the posterior too
    assert state["contrast"]["buffers"]["read"] == 3 * SMALL_TCL.meta_batch


def test_an_encoder_that_draws_by_itself_is_noticed() -> None:
    """A source of draws that the trainer refuses: nothing saves them."""
    algorithm = make(with_encoder(PEARL, functools.partial(Attention, dropout=0.5)), SMALL)
    state = torch.get_rng_state()
    algorithm.update()
    assert not torch.equal(torch.get_rng_state(), state)


def flat(state: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of a state by their paths, but for what holds words."""
    if isinstance(state, dict):
        return {path: value for key in state for path, value in flat(state[key], f"{name}/{key}").items()}
    if isinstance(state, list | tuple):
        return {path: value for n, each in enumerate(state) for path, value in flat(each, f"{name}/{n}").items()}
    return {} if isinstance(state, str) or (isinstance(state, int) and abs(state) >= 2**63) else {name: state}
