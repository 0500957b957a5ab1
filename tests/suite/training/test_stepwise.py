"""Meta-test step by step: fresh episodes before each adaptation and after the last, and what is recorded of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.analysis.results import read_results
from suite.errors import UsageError
from suite.plan.benchmark import Benchmark
from suite.spec import RunSpec, StepwiseTest
from suite.store.record import ADAPTATIONS
from suite.store.runs import Store
from suite.training.attempt import attempt
from suite.training.protocol import CountedTasks, stepwise
from suite.training.trainer import Trainer
from tests.algorithms.two_directions import TwoDirections, make

SMALL: dict[str, Any] = {"hidden_sizes": [4], "meta_batch": 2, "batch_steps": 20, "test_rates": [0.5, 0.25]}
CPU = torch.device("cpu")


def planned(**changes: Any) -> RunSpec:
    group = {
        "environments": ["point-goal-2d"],
        "algorithms": {"maml": {"algorithm": "maml-trpo", "settings": SMALL}},
        "seeds": [0],
        "budget": 1000,
        "evaluations": 1,
        "test_tasks": 3,
        "stepwise_test": {"adaptations": 2, "steps": 50},
        **changes,
    }
    return Benchmark.model_validate({"name": "x", "description": "x", "groups": [group]}).plan()[0]


@pytest.mark.parametrize(("name", "adaptations"), [("maml-trpo", 3), ("oracle-trpo", 0)])
def test_each_row_is_the_mean_of_the_episodes_between_two_adaptations(name: str, adaptations: int) -> None:
    family = TwoDirections(edge=0.2)
    algorithm = make(name, family, {"hidden_sizes": (4,), "test_rates": (1.0,)})
    tasks = CountedTasks(family, family.sample_tasks(0).test, 0, "evaluation environment")
    before = algorithm.state()
    scores = stepwise(algorithm, tasks, StepwiseTest(adaptations=3, steps=400))
    assert scores.adaptations is not None
    assert scores.adaptations.tolist() == sorted([*range(adaptations + 1)] * 2)
    assert scores.tasks.tolist() == [0, 1] * (adaptations + 1)
    again = stepwise(algorithm, tasks, StepwiseTest(adaptations=3, steps=400))
    np.testing.assert_array_equal(scores.returns, again.returns)
    assert 2 * 400 * (adaptations + 1) <= tasks.steps / 2 < 2 * 408 * (adaptations + 1)
    after = algorithm.state()
    assert torch.equal(before["policy"]["vector"], after["policy"]["vector"])
    if adaptations:  # adapted to opposite tasks, from a policy that has not been trained
        returns = scores.returns.reshape(-1, 2).mean(axis=1)
        assert returns[-1] > returns[0] + 0.5
        fewer = stepwise(algorithm, tasks, StepwiseTest(adaptations=1, steps=400))
        np.testing.assert_array_equal(fewer.returns, scores.returns[:4])


def test_a_run_records_every_step_and_is_scored_after_the_last(tmp_path: Path) -> None:
    spec = planned()
    trainer = Trainer.of(spec, CPU)
    trainer.run()
    for table in trainer.evaluations:
        assert table[ADAPTATIONS].tolist() == sorted([0, 1, 2] * 3)
        assert table["task"].tolist() == [0, 1, 2] * 3
    other = Trainer.of(spec, CPU)
    other.load_state(trainer.state())
    assert other.state()["evaluations"].keys() == trainer.state()["evaluations"].keys()

    folder = Store(tmp_path).folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    assert attempt(spec, folder, 1e9) == 0
    results = read_results(Store(tmp_path))
    first, last = (each.groupby(ADAPTATIONS)["return"].mean() for each in trainer.evaluations)
    assert results.done["untrained"].item() == pytest.approx(first[2])
    assert results.done["score"].item() == pytest.approx(last[2])
    assert results.adaptations[ADAPTATIONS].tolist() == [0, 1, 2] * 2
    assert results.adaptations["return"].tolist() == pytest.approx([*first, *last])


def test_a_run_without_it_keeps_its_name() -> None:
    spec = planned(stepwise_test=None)
    assert spec.run == spec.model_copy(update={"stepwise_test": None}).run
    assert "stepwise_test" not in spec.model_dump(exclude_defaults=True)
    others = {planned(stepwise_test={"adaptations": n, "steps": 50}).run for n in (1, 2)}
    assert len({spec.run, *others}) == 3


def test_an_algorithm_that_does_not_adapt_step_by_step_is_refused() -> None:
    with pytest.raises(UsageError, match="stepwise_test: pearl does not adapt step by step; maml-trpo, oracle-trpo do"):
        planned(algorithms={"pearl": None})


@pytest.mark.parametrize(("iterations", "evaluations"), [(0, 1), (1, 2)])
def test_an_algorithm_that_is_finished_leaves_the_rest_of_its_budget(iterations: int, evaluations: int) -> None:
    entry = {"algorithm": "maml-trpo", "settings": {**SMALL, "iterations": iterations}}
    trainer = Trainer.of(planned(algorithms={"maml": entry}), CPU)
    trainer.run()
    assert trainer.iterations == iterations
    assert len(trainer.evaluations) == evaluations
    assert trainer.evaluations[-1]["environment_steps"].iloc[0] == trainer.train.steps < trainer.spec.budget / 2
