"""Runs under another protocol than their environment's own: planned, run, named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from suite.errors import UsageError
from suite.plan.benchmark import Benchmark, load_benchmark
from suite.plan.deviations import deviations, in_words
from suite.spec import RunSpec
from suite.training.protocol import meta_test
from suite.training.trainer import Trainer
from tests.suite.stores import make_spec

SMOKE = next(
    spec for spec in load_benchmark("smoke").plan() if (spec.algorithm, spec.environment) == ("pearl", "point-goal-2d")
)


def planned(environment: str = "point-goal-2d", **protocol: int) -> RunSpec:
    group: dict[str, Any] = {
        "environments": [environment],
        "algorithms": {"pearl": None},
        "seeds": [0],
        "budget": 100,
        **protocol,
    }
    return Benchmark.model_validate({"name": "mine", "description": "", "groups": [group]}).plan()[0]


def test_an_environment_s_own_protocol_makes_no_run_another() -> None:
    own = planned(horizon=20, exploration_episodes=2, train_tasks=40, test_tasks=20)
    assert own == planned()
    assert deviations(own) == {}
    assert in_words(own) == ""


@pytest.mark.parametrize(
    ("protocol", "found", "words"),
    [
        ({"horizon": 50}, {"horizon": (20, 50)}, "horizon 50 for 20"),
        ({"exploration_episodes": 0}, {"exploration_episodes": (2, 0)}, "exploration episodes 0 for 2"),
        ({"train_tasks": 7}, {"train_tasks": (40, 7)}, "train tasks 7 for 40"),
        ({"test_tasks": 3, "horizon": 20}, {"test_tasks": (20, 3)}, "test tasks 3 for 20"),
    ],
)
def test_another_protocol_is_another_run(
    protocol: dict[str, int], found: dict[str, tuple[int, int]], words: str
) -> None:
    spec = planned(**protocol)
    assert spec.run != planned().run
    assert deviations(spec) == found
    assert in_words(spec) == words
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("environment", "protocol", "message"),
    [
        ("point-goal-2d", {"horizon": 0}, "groups.0: point-goal-2d: horizon must be a whole number from 1 to 100000"),
        ("cheetah-fb", {"train_tasks": 5}, "cheetah-fb: train_tasks must be a whole number from 1 to 2, not 5"),
        ("reach-v1", {"test_tasks": 51}, "reach-v1: test_tasks must be a whole number from 1 to 50, not 51"),
        (
            "reach-v1",
            {"exploration_episodes": -1},
            "exploration_episodes must be a whole number from 0 to 1000, not -1",
        ),
    ],
)
def test_what_an_environment_cannot_do_is_refused(environment: str, protocol: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned(environment, **protocol)


def test_a_run_follows_its_protocol() -> None:
    changed = {"horizon": 7, "exploration_episodes": 1, "train_tasks": 3, "test_tasks": 5}
    trainer = Trainer.of(SMOKE.model_copy(update=changed), torch.device("cpu"))
    assert (trainer.algorithm.problem.horizon, trainer.algorithm.problem.train_tasks) == (7, 3)
    episodes = meta_test(trainer.algorithm, trainer.test, trainer.spec.exploration_episodes)
    assert episodes.lengths.tolist() == [7] * 5
    assert trainer.test.steps == 2 * 7 * 5


def test_a_run_of_an_unknown_environment_departs_from_nothing_known() -> None:
    spec = make_spec().model_copy(update={"environment": "moon-walk", "horizon": 5})
    assert deviations(spec) == {}


def test_a_benchmark_file_says_it(tmp_path: Path) -> None:
    text = """
name: longer
description: twice the horizon
groups:
  - environments: [cheetah-vel]
    algorithms: {pearl: }
    seeds: [0]
    budget: 1000
    horizon: 400
    test_tasks: 4
"""
    (tmp_path / "longer.yaml").write_text(text)
    spec = load_benchmark(str(tmp_path / "longer.yaml")).plan()[0]
    assert deviations(spec) == {"horizon": (200, 400), "test_tasks": (30, 4)}
