"""The logs, counts and state of a user algorithm: taken as they are meant, or refused before training is lost."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from algorithms import Algorithm, load_algorithm
from algorithms.interface import AppendOnly
from suite.inspect.trained import trained
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.training.attempt import attempt
from suite.training.trainer import COUNTERS
from tests.suite.stores import prepared

CPU = torch.device("cpu")
BLIND: Any = load_algorithm("blind-sac")


@pytest.fixture
def spec(benchmark_file: Path) -> RunSpec:
    return load_benchmark(str(benchmark_file)).plan()[0]


@pytest.fixture
def folder(spec: RunSpec, tmp_path: Path) -> Iterator[RunFolder]:
    folder = prepared(tmp_path / "results", spec)
    with folder.taken():
        yield folder


def logging(monkeypatch: pytest.MonkeyPatch, log: Callable[[dict[str, Any]], Any]) -> list[int]:
    """Have every iteration return what `log` makes of its metrics; return what gets an entry each iteration."""
    honest, iterations = BLIND.meta_train, []

    def meta_train(self: Algorithm, tasks: Any) -> Any:
        iterations.append(1)
        return log(honest(self, tasks))

    monkeypatch.setattr(BLIND, "meta_train", meta_train)
    return iterations


def keeping(monkeypatch: pytest.MonkeyPatch, part: Any) -> None:
    """Have the state hold one part more."""
    honest = BLIND.state
    monkeypatch.setattr(BLIND, "state", lambda self: {**honest(self), "mine": {"part": part}})


def too_deep() -> dict[str, Any]:
    """Return dictionaries inside one another, more than Python goes down."""
    deep: dict[str, Any] = {}
    for _ in range(sys.getrecursionlimit()):
        deep = {"a": deep}
    return deep


class Unprintable:
    """No number, and nothing that could be shown."""

    def __repr__(self) -> str:
        raise KeyError("repr")

    def __float__(self) -> float:
        raise ZeroDivisionError("float")


NUMBERS = {
    "numpy float": np.float32(0.5),
    "numpy integer": np.int64(3),
    "numpy truth": np.bool_(True),
    "array without axes": np.array(0.25),
    "torch scalar": torch.tensor(0.5),
    "torch scalar with a gradient": torch.tensor(0.5, requires_grad=True) * 2.0,
    "whole number": 7,
}


@pytest.mark.parametrize("checkpoint_seconds", [0.0, 1e9])
def test_numbers_of_numpy_and_torch_are_numbers(
    checkpoint_seconds: float, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    logging(monkeypatch, lambda metrics: {**metrics, **NUMBERS})
    assert attempt(spec, folder, checkpoint_seconds) == 0
    last = folder.training().iloc[-1]
    for name, value in NUMBERS.items():
        assert last[name] == (value.item() if isinstance(value, torch.Tensor) else float(value))


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (lambda metrics: {"loss": None}, "metric 'loss' is None: must be a number"),
        (lambda metrics: {"loss": "high"}, "metric 'loss' is 'high': must be a number"),
        (lambda metrics: {"loss": "0.5"}, "metric 'loss' is '0.5': must be a number"),
        (lambda metrics: {"loss": [1.0]}, "metric 'loss' is [1.0]: must be a number"),
        (lambda metrics: {"loss": np.zeros(2)}, "metric 'loss' is array([0., 0.]): must be a number"),
        (lambda metrics: {"loss": torch.zeros(2)}, "metric 'loss' is tensor([0., 0.]): must be a number"),
        (lambda metrics: {"loss": 10**400}, "metric 'loss' is 1000"),
        (lambda metrics: {"loss": 10**5000}, "metric 'loss' is a int: must be a number"),
        (lambda metrics: {"loss": Unprintable()}, "metric 'loss' is a Unprintable: must be a number (float)"),
        (lambda metrics: {"loss": np.complex64(1 + 2j)}, "metric 'loss' is np.complex64(1+2j): must be a number"),
        (lambda metrics: {"loss": bytearray(b"1")}, "metric 'loss' is bytearray(b'1'): must be a number"),
        (lambda metrics: {"loss": np.array("1.5")}, "metric 'loss' is array('1.5', dtype='<U3'): must be a number"),
        (lambda metrics: {"": 1.0}, "metric '': must be named by a string that can be seen"),
        (lambda metrics: {"a\x1b[2J": 1.0}, "metric 'a\\x1b[2J': must be named by a string that can be seen"),
        (lambda metrics: {"\ud800": 1.0}, "metric '\\ud800': must be named by a string that can be seen"),
        (lambda metrics: {3: 1.0}, "metric 3: must be named by a string"),
        *((lambda metrics, name=name: {name: 1.0}, f"metric '{name}': must be named") for name in COUNTERS),
        (lambda metrics: None, "metrics must be a dict, not a NoneType"),
    ],
)
def test_what_is_no_number_is_refused_by_name_when_it_first_comes(
    log: Callable[[dict[str, Any]], Any],
    said: str,
    spec: RunSpec,
    folder: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    iterations = logging(monkeypatch, log)
    assert attempt(spec, folder, checkpoint_seconds=1e9) == 1
    assert len(iterations) == 1
    failure = folder.failure()
    assert failure["kind"] == "error"
    assert failure["reason"].startswith(f"blind-sac: iteration 1: {said}")


@pytest.mark.parametrize("count", [np.int64(5), torch.tensor(5)])
def test_counts_of_numpy_and_torch_are_counts(
    count: Any, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BLIND.meta_train

    def meta_train(self: Algorithm, tasks: Any) -> Any:
        metrics = honest(self, tasks)
        self.gradient_steps = count
        return metrics

    monkeypatch.setattr(BLIND, "meta_train", meta_train)
    assert attempt(spec, folder, checkpoint_seconds=0.0) == 0
    assert folder.training()["gradient_steps"].tolist()[-1] == 5
    assert json.loads((folder.path / "state.json").read_text())["gradient_steps"] == 5


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (2.5, "2.5: must be a whole number"),
        (Unprintable(), "a Unprintable: must be a whole number"),
        (-1, "-1: must not fall (it was 0), nor exceed 9223372036854775807"),
        (2**63, "9223372036854775808: must not fall (it was 0), nor exceed 9223372036854775807"),
        (10**5000, "a int: must not fall (it was 0), nor exceed 9223372036854775807"),
    ],
    ids=["fraction", "object", "negative", "beyond a table", "beyond words"],
)
def test_a_count_that_is_none_is_refused_by_name(
    count: Any, said: str, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = BLIND.meta_train

    def meta_train(self: Algorithm, tasks: Any) -> Any:
        metrics = honest(self, tasks)
        self.gradient_steps = count
        return metrics

    monkeypatch.setattr(BLIND, "meta_train", meta_train)
    assert attempt(spec, folder, checkpoint_seconds=1e9) == 1
    assert folder.failure()["reason"] == f"blind-sac: gradient_steps is {said}"


def test_a_count_that_falls_is_refused(spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = iter([7, 9, 8])
    honest = BLIND.meta_train

    def meta_train(self: Algorithm, tasks: Any) -> Any:
        metrics = honest(self, tasks)
        self.gradient_steps = next(counts)
        return metrics

    monkeypatch.setattr(BLIND, "meta_train", meta_train)
    assert attempt(spec.model_copy(update={"evaluations": 50}), folder, checkpoint_seconds=1e9) == 1
    assert folder.failure()["reason"].startswith("blind-sac: gradient_steps is 8: must not fall (it was 9)")


SHARED = torch.arange(6.0)

SAVABLE = {
    "a transposed view": SHARED.view(2, 3).T,
    "every second": SHARED[::2],
    "an expanded one": torch.ones(1, 3).expand(4, 3),
    "one with a gradient": torch.ones(2, requires_grad=True) * 3.0,
    "no axes": torch.tensor(2.0),
    "numbers": [1, 2.5, "three", None, True],
}


@pytest.mark.parametrize("what", sorted(SAVABLE))
def test_what_can_be_checkpointed_can_be_committed(
    what: str, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = SAVABLE[what]
    keeping(monkeypatch, part)
    loaded: list[Any] = []
    honest = BLIND.load_state
    monkeypatch.setattr(
        BLIND, "load_state", lambda self, state: (loaded.append(state["mine"]["part"]), honest(self, state))[1]
    )
    assert attempt(spec, folder, checkpoint_seconds=0.0) == 0
    trained(folder, CPU)
    assert len(loaded) == 1
    assert torch.equal(loaded[0], part) if isinstance(part, torch.Tensor) else loaded[0] == part


def test_views_of_one_memory_can_be_committed(
    spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping(monkeypatch, {"whole": SHARED, "half": SHARED[:3]})
    assert attempt(spec, folder, checkpoint_seconds=1e9) == 0


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({1, 2}, "mine/part is a set"),
        (np.float32(1.0), "mine/part is a float32"),
        ([torch.zeros(2)], "mine/part is a list"),
        (torch.zeros(2, 2).to_sparse(), "mine/part is a tensor that cannot be saved"),
        ({"a/b": 1}, "a state's keys must be strings without a slash, other than '__metadata__', not 'a/b'"),
        ({"__metadata__": torch.zeros(2)}, "other than '__metadata__', not '__metadata__'"),
        ([{"a": {1: 2}}], "mine/part is a list (the key 1 is no string)"),
        pytest.param(too_deep(), "maximum recursion depth", id="too deep"),
        (torch.tensor(1.0).as_subclass(AppendOnly), "slice()"),
    ],
    ids=str,
)
def test_what_cannot_be_saved_is_named_before_any_training(
    part: Any, said: str, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterations = logging(monkeypatch, lambda metrics: metrics)
    keeping(monkeypatch, part)
    assert attempt(spec, folder, checkpoint_seconds=1e9) == 1
    assert not iterations
    reason = folder.failure()["reason"]
    assert reason.startswith("blind-sac: its state cannot be saved: ")
    assert said in reason
    assert "\n" not in reason


@pytest.mark.parametrize("state", [None, [1, 2]])
def test_a_state_that_is_no_dictionary_is_refused_before_any_training(
    state: Any, spec: RunSpec, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    iterations = logging(monkeypatch, lambda metrics: metrics)
    monkeypatch.setattr(BLIND, "state", lambda self: state)
    assert attempt(spec, folder, checkpoint_seconds=1e9) == 1
    assert not iterations
    given = type(state).__name__
    assert folder.failure()["reason"] == f"blind-sac: its state cannot be saved: it is a {given}, not a dictionary"
