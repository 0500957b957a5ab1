"""Marks: at which numbers of steps a run is evaluated."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from algorithms import load_algorithm
from environments import make_family
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


@pytest.fixture
def global_generators() -> Iterator[None]:
    """Have the global generators stand afterwards where they stood."""
    of_numpy, of_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    with torch.random.fork_rng(devices=[]):
        yield
    np.random.set_state(of_numpy)  # noqa: NPY002
    random.setstate(of_python)


DRAWS = {
    "torch's global generator": lambda: torch.rand(1),
    "numpy's global generator": lambda: np.random.normal(),  # noqa: NPY002
    "the generator of Python's module random": random.random,
}


@pytest.mark.usefixtures("global_generators")
@pytest.mark.parametrize("generator", DRAWS)
@pytest.mark.parametrize("where", ["sample_tasks", "__init__", "meta_train", "meta_test"])
def test_draws_from_a_global_generator_are_refused(where: str, generator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "blind-sac")
    kind = load_algorithm("blind-sac")
    of = kind if hasattr(kind, where) else type(make_family(spec.environment))
    method = getattr(of, where)

    def drawing(*arguments: Any, **more: Any) -> Any:
        DRAWS[generator]()
        return method(*arguments, **more)

    monkeypatch.setattr(of, where, drawing)
    with pytest.raises(ValueError, match=f"blind-sac on point-goal-2d: draws from {generator}"):
        Trainer.of(spec, torch.device("cpu")).run()


@pytest.mark.usefixtures("global_generators")
def test_every_second_normal_of_numpys_global_generator_is_seen_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that it draws at once, it keeps one."""
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "blind-sac")
    np.random.standard_normal()  # noqa: NPY002
    kind = load_algorithm("blind-sac")
    method = kind.meta_train
    draw = iter([lambda: np.random.standard_normal()])  # noqa: NPY002
    monkeypatch.setattr(kind, "meta_train", lambda *given: (next(draw, lambda: None)(), method(*given))[1])
    with pytest.raises(ValueError, match="draws from numpy's global generator"):
        Trainer.of(spec, torch.device("cpu")).run()
