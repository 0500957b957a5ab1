"""Marks: at which numbers of steps a run is evaluated."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

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
