"""Operators that one update of each algorithm dispatches: at small sizes they are what a step costs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from algorithms import ALGORITHMS, load_algorithm, perceptron
from suite.training.trainer import Trainer
from tests.golden.numbers import TOY

TABLE = Path(__file__).with_name("operators.json")
"""Written anew by `python -m tests.algorithms.test_operators`, after a change that means to."""

UPDATES = {"maml-trpo": "outer_step", "oracle-trpo": "outer_step"}
"""The method that is an algorithm's update, where it is not `update`."""

COUNTED = [name for name in sorted(ALGORITHMS) if hasattr(load_algorithm(name), UPDATES.get(name, "update"))]
"""The algorithms that have gradient updates."""


class Counting(TorchDispatchMode):
    """Counts the operators that are dispatched."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(
        self, operator: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count += 1
        return operator(*args, **(kwargs or {}))


@contextmanager
def on(devices: frozenset[str], small: int) -> Iterator[None]:
    """Take the paths of a device; layers of fewer numbers than `small` are autograd's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perceptron, "CPU_DEVICES", devices)
        patch.setattr("algorithms.networks.SMALL_BATCH", small)
        yield


PATHS: dict[str, tuple[frozenset[str], int]] = {
    "cpu": (perceptron.CPU_DEVICES, 2**16),
    "accelerator": (frozenset(), 0),
}


def operators(name: str) -> int:
    """Count the operators of the first update of an algorithm's second iteration."""
    trainer = Trainer.of(TOY[name], torch.device("cpu"))
    trainer.iterate()
    kind: Any = type(trainer.algorithm)
    method = UPDATES.get(name, "update")
    update: Callable[..., Any] = getattr(kind, method)
    counts = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        with Counting() as counting:
            found = update(*args, **kwargs)
        counts.append(counting.count)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, method, counted)
        trainer.iterate()
    return counts[0]


def counted() -> dict[str, dict[str, int]]:
    """Count for every algorithm, on every path."""
    found: dict[str, dict[str, int]] = {}
    for name in COUNTED:
        found[name] = {}
        for path, values in PATHS.items():
            with on(*values):
                found[name][path] = operators(name)
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", COUNTED)
def test_an_update_dispatches_no_more_operators_than_before(name: str, path: str) -> None:
    """Nor fewer, so that the table stays true."""
    with on(*PATHS[path]):
        found = operators(name)
    assert found == json.loads(TABLE.read_text())[name][path], "write the table anew if this is meant"


@pytest.mark.parametrize("members", [None, 2])
def test_an_accelerator_takes_all_rows_at_once(members: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many they are, and forward and backward; on a processor, chunks that fit its cache."""
    monkeypatch.setattr(perceptron, "CHUNK", 64)
    generator = torch.Generator().manual_seed(0)
    shape = () if members is None else (members,)
    weights = [torch.randn(*shape, *size, generator=generator, requires_grad=True) for size in ((3, 8), (8, 1))]
    bias = (1,) if members else ()
    biases = [torch.randn(*shape, *bias, size, generator=generator, requires_grad=True) for size in (8, 1)]

    def count(rows: int, devices: frozenset[str]) -> int:
        monkeypatch.setattr(perceptron, "CPU_DEVICES", devices)
        inputs = torch.randn(rows, 3, generator=generator)
        with Counting() as counting:
            outputs = perceptron.perceptron([inputs], weights, biases, torch.float32)
            torch.autograd.grad(outputs.sum(), [*weights, *biases])
        return counting.count

    few, many = (count(rows, frozenset()) for rows in (8, 800))
    assert few == many
    assert count(800, frozenset({"cpu"})) > 2 * count(8, frozenset({"cpu"}))


class Kept(NamedTuple):
    """The place of a tensor's memory, and its shape."""

    place: int
    shape: torch.Size


def places(value: object, path: str, found: dict[str, Kept], seen: set[int]) -> dict[str, Kept]:
    """Return where the memory of every tensor lies that an object keeps, by its place in the object."""
    if id(value) in seen:
        return found
    seen.add(id(value))
    if isinstance(value, torch.Tensor):
        found[path] = Kept(value.data_ptr(), value.shape)
    elif isinstance(value, dict):
        for key, each in value.items():
            places(each, f"{path}.{key}", found, seen)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            places(each, f"{path}.{index}", found, seen)
    elif type(value).__module__.startswith("algorithms"):
        places(vars(value) if hasattr(value, "__dict__") else {}, path, found, seen)
    return found


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_no_buffer_moves_after_the_first_iteration(name: str) -> None:
    """What lives from one iteration to the next stays where it is: parameters, moments, replay.

    But for the batch that TCL's share is measured on, and tables of episodes, which double when they are full.
    """
    trainer = Trainer.of(TOY[name], torch.device("cpu"))
    trainer.iterate()
    before = places(trainer.algorithm, name, {}, set())
    trainer.iterate()
    after = places(trainer.algorithm, name, {}, set())
    stays = [path for path in before if ".last." not in path and before[path].shape == after[path].shape]
    assert len(stays) > 2
    assert all(
        ".episodes." in path or ".contexts." in path for path in before if path not in stays and ".last." not in path
    )
    assert [path for path in stays if before[path].place != after[path].place] == []


if __name__ == "__main__":
    TABLE.write_text(json.dumps(counted(), indent=2) + "\n")
