"""Runs that cannot begin are named when they are planned."""

from __future__ import annotations

import pytest
import torch

from suite.plan.benchmark import load_benchmark
from suite.plan.budget_check import uncovered
from suite.spec import RunSpec
from suite.training.protocol import BudgetError
from suite.training.trainer import Trainer

SPECS = [spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"]


@pytest.mark.parametrize("spec", SPECS, ids=[spec.label for spec in SPECS])
def test_a_run_begins_if_and_only_if_its_budget_covers_an_iteration(spec: RunSpec) -> None:
    needed = Trainer.of(spec, torch.device("cpu")).algorithm.next_iteration_steps
    enough, short = (spec.model_copy(update={"budget": budget}) for budget in (needed, needed - 1))
    assert list(uncovered([enough, short])) == [short.run]
    with pytest.raises(BudgetError) as said:
        Trainer.of(short, torch.device("cpu")).run()
    assert str(said.value) == uncovered([short])[short.run]


@pytest.mark.parametrize("name", ["smoke", "quick"])
def test_every_run_of_the_first_benchmarks_begins(name: str) -> None:
    assert dict(uncovered(load_benchmark(name).plan())) == {}
