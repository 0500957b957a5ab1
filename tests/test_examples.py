from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from algorithms import ALGORITHMS
from examples.best_of_k import BestOfK
from suite.plan.benchmark import Benchmark
from suite.training.protocol import meta_test
from suite.training.trainer import Trainer


def test_the_example_is_short() -> None:
    lines = (Path(__file__).parents[1] / "examples" / "best_of_k.py").read_text().splitlines()
    assert len(lines) <= 60


def test_the_example_learns_and_adapts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALGORITHMS, "best-of-k", BestOfK)
    group = {"environments": ["point-goal-2d"], "algorithms": {"best-of-k": None}, "seeds": [0], "budget": 8000}
    (spec,) = Benchmark.model_validate({"name": "example", "description": "", "groups": [group]}).plan()
    trainer = Trainer.of(spec.model_copy(update={"evaluations": 1}), torch.device("cpu"))
    trainer.run()
    returns = [evaluation["return"].mean() for evaluation in trainer.evaluations]
    assert returns[-1] > returns[0] + 2.0
    unexplored = meta_test(trainer.algorithm, trainer.test, 0)
    proposal = trainer.algorithm.parts["proposal"].state()
    assert proposal["mean"][1] > 0.2  # all goals lie in the upper half plane
    everywhere = np.broadcast_to(proposal["mean"], unexplored.actions.shape)
    np.testing.assert_array_equal(unexplored.actions, everywhere)
