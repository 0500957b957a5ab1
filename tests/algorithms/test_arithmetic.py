"""The arithmetic of networks, as settings of the algorithms."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from suite.errors import UsageError
from suite.plan.settings import used_settings
from suite.spec import RunSpec
from suite.training.trainer import Trainer
from tests.golden.numbers import TOY

FOUR = ["mql", "oracle-sac", "pearl", "tcl-pearl"]


def learnt(spec: RunSpec, **settings: Any) -> torch.Tensor:
    """Parameters after an iteration, one vector after the other."""
    trainer = Trainer.of(spec.model_copy(update={"settings": {**spec.settings, **settings}}), torch.device("cpu"))
    trainer.iterate()
    state = trainer.algorithm.state()
    return torch.cat([part["vector"] for part in state.values() if isinstance(part, dict) and "vector" in part])


@pytest.mark.parametrize("name", FOUR)
def test_plain_autograd_learns_the_same(name: str, monkeypatch: pytest.MonkeyPatch, float64: None) -> None:
    monkeypatch.setattr("algorithms.networks.SMALL_BATCH", 0)
    plain = learnt(TOY[name], plain_autograd=True)
    ours = learnt(TOY[name])
    torch.testing.assert_close(ours, plain, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ["blind-sac", "oracle-sac", "pearl", "tcl-pearl"])
def test_products_in_bfloat16_train_parameters_in_float32(name: str) -> None:
    rounded, exact = learnt(TOY[name], precision="bf16"), learnt(TOY[name])
    assert rounded.dtype == exact.dtype == torch.float32
    assert rounded.isfinite().all()
    assert 0.0 < (rounded - exact).norm() < 0.2 * exact.norm()


@pytest.mark.parametrize("name", FOUR)
def test_neither_is_part_of_a_runs_identity_unless_it_is_chosen(name: str) -> None:
    assert {"plain_autograd", "precision"}.isdisjoint(used_settings(name, "point-goal-2d", {}))
    assert {"plain_autograd", "precision"}.isdisjoint(used_settings(name, "point-goal-2d", {"plain_autograd": False}))
    assert used_settings(name, "point-goal-2d", {"plain_autograd": True})["plain_autograd"] is True


def test_another_precision_is_refused() -> None:
    with pytest.raises(UsageError, match="precision: \"fp8\": Input should be 'float32' or 'bf16'"):
        used_settings("pearl", "point-goal-2d", {"precision": "fp8"})
