"""Marks: at which numbers of steps a run is evaluated."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algorithms import load_algorithm
from suite.plan.benchmark import load_benchmark
from suite.training.trainer import Trainer, next_mark
from tests.suite.stores import make_spec


@given(st.integers(1, 10_000), st.integers(1, 300), st.lists(st.integers(1, 3000), max_size=20))
def test_marks_divide_the_budget_into_equal_shares(budget: int, evaluations: int, iterations: list[int]) -> None:
    spec = make_spec(budget=budget, evaluations=evaluations)
    marks = [budget * (mark + 1) / evaluations for mark in range(evaluations)]
    steps = 0
    for taken in iterations:
        ahead = [mark for mark in marks if mark > steps]
        found = next_mark(spec, steps)
        steps += taken
        assert (found is not None and steps >= found) == bool(ahead and steps >= ahead[0])


def test_more_marks_than_memory_holds_are_one_an_iteration() -> None:
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "blind-sac")
    trainer = Trainer.of(spec.model_copy(update={"evaluations": 10**15}), torch.device("cpu"))
    trainer.run()
    assert len(trainer.evaluations) == 1 + trainer.iterations


@pytest.mark.parametrize("where", ["__init__", "meta_train", "meta_test"])
def test_draws_from_the_global_generator_are_refused(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "blind-sac")
    kind = load_algorithm("blind-sac")
    method = getattr(kind, where)

    def drawing(*arguments: Any, **more: Any) -> Any:
        torch.rand(1)
        return method(*arguments, **more)

    monkeypatch.setattr(kind, where, drawing)
    with torch.random.fork_rng(devices=[]), pytest.raises(ValueError, match="blind-sac: draws from torch's global"):
        Trainer.of(spec, torch.device("cpu")).run()
