"""Runs that cannot begin are named when they are planned."""

from __future__ import annotations

import pytest
import torch

from suite.plan.benchmark import load_benchmark
from suite.plan.budget_check import iteration_steps, uncovered
from suite.plan.settings import default_settings
from suite.spec import RunSpec
from suite.training.protocol import BudgetError
from suite.training.trainer import Trainer
from tests.suite.stores import make_spec

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


@pytest.mark.parametrize(
    ("algorithm", "settings", "steps"),
    [
        ("rl2-ppo", {"meta_batch": 2, "episodes_per_trial": 2}, (2 * 2 * 200, 2 * 2 * 200)),
        (  # garage takes whole episodes
            "garage-pearl",
            {"warmup_steps": 300, "tasks_per_iteration": 3, "prior_steps": 200, "posterior_steps": 500},
            (40 * 400 + 3 * (200 + 600), 3 * (200 + 600)),
        ),
        ("garage-mtsac", {"warmup_steps": 10, "tasks_per_iteration": 3}, (40 * 10, 3 * 200)),
    ],
)
def test_the_most_steps_of_a_first_and_a_later_iteration(
    algorithm: str, settings: dict[str, int], steps: tuple[int, int]
) -> None:
    settings = {**default_settings(algorithm), **settings}
    spec = make_spec(algorithm, "walker-2d-rand-params", algorithm=algorithm, settings=settings)  # 40 tasks, 200 steps
    assert iteration_steps(spec) == steps
