"""Shipped costs: what the file holds, and how alike two runs are."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import pytest

from algorithms import ENTRANTS
from suite.execute import reference
from suite.execute.measured import known_by
from suite.execute.reference import FILE, Reference, pace, read, written
from suite.plan.benchmark import load_benchmark
from tests.suite.stores import make_spec


@pytest.mark.parametrize("name", ["quick"])
def test_every_run_of_the_first_benchmarks_has_a_cost(name: str) -> None:
    there = {cost.key for cost in read()}
    assert {spec.run for spec in load_benchmark(name).plan() if known_by(spec)[1] not in there} == set()


def test_every_shipped_algorithm_has_a_cost() -> None:
    assert {cost.algorithm for cost in read()} == ENTRANTS.keys()


def test_a_cost_is_finite_and_positive_and_the_file_is_as_it_is_written() -> None:
    costs = read()
    for cost in costs:
        assert all(0 < part < math.inf for part in cost.speed), cost
        assert cost.memory > 2**27, cost  # an interpreter with torch
        assert cost.kept > 0 or cost.algorithm.startswith("garage-"), cost  # whose process keeps them
        assert cost.row >= 0, cost
    assert written(costs) == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({"settings": {"layers": [64, 64], "rate": 0.02}}, {"settings": {"layers": [300, 300], "rate": 0.01}}),
        ({"settings": {"layers": [70, 60], "rate": 0.01}}, {"settings": {"layers": [64, 64, 64], "rate": 0.01}}),
        ({"budget": 50_000}, {"budget": 1_000_000}),
        ({"settings": {"layers": [64, 64], "rate": 0.02}}, {"environment": "ant-fb"}),
    ],
)
def test_the_most_similar_kind_of_run_has_numbers_that_differ_least(
    changes: dict[str, Any], another: dict[str, Any]
) -> None:
    asked: dict[str, Any] = {
        "environment": "ant-goal-2d",
        "settings": {"layers": [64, 64], "rate": 0.01},
        "budget": 100_000,
    }
    one = read()[0]
    costs = [
        one._replace(key=known_by(spec)[1], budget=spec.budget)
        for spec in (make_spec(**(asked | differing)) for differing in (another, changes))
    ]
    spec = make_spec(**asked)
    assert Reference(costs).cost(spec, known_by(spec)[1]) == costs[1]


def test_the_pace_is_the_processor_seconds_of_the_fastest_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock whose readings are 0, 1, 4, 9, 16, ...: rounds take 1, 5, 9 seconds."""
    ticks = count()
    monkeypatch.setattr(reference.time, "thread_time", lambda: float(next(ticks) ** 2))
    assert pace(rounds=3) == 1.0
