"""No training update waits for the device it runs on: refused here, on the CPU, where nobody would notice.

Reading a tensor's value (`.item()`, `.tolist()`, `bool`), copying it to the host (`.cpu()`, `.numpy()`), copying an
array to the device, and shapes that depend on data make a host wait until its accelerator has done everything before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from algorithms import ALGORITHMS, perceptron
from suite.training.trainer import Trainer
from tests.golden.numbers import TOY

COPIES = {
    torch.Tensor.cpu,
    torch.Tensor.numpy,
    torch.Tensor.tolist,
    torch.Tensor.item,
    torch.Tensor.__array__,
    torch.as_tensor,
    torch.tensor,
    torch.from_numpy,
}


class SynchronisationError(AssertionError):
    """Something waited for the device."""


class Refusing(TorchDispatchMode):
    """Refuses operators whose outputs' values or shapes the host has to know."""

    def __torch_dispatch__(
        self, operator: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        by_mask = operator in (torch.ops.aten.index.Tensor, torch.ops.aten.index_put_.default) and any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in args[1]
        )
        depends = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(operator.tags)
        if by_mask or (depends and operator is not torch.ops.aten.index.Tensor):
            raise SynchronisationError(operator)
        return operator(*args, **(kwargs or {}))


class RefusingCopies(TorchFunctionMode):
    """Refuses copies between the host and the device, which on the CPU are no operators."""

    def __torch_function__(
        self, function: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function in COPIES:
            raise SynchronisationError(function)
        return function(*args, **(kwargs or {}))


@contextmanager
def refusing() -> Iterator[None]:
    with RefusingCopies(), Refusing():
        yield


def refused(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with refusing():
            return function(*args, **kwargs)

    return wrapped


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: x.cpu(),
        lambda x: x.tolist(),
        lambda x: x.numpy(),
        lambda x: bool(x.sum() > 0),
        lambda x: float(x.sum()),
        lambda x: int(x.sum()),
        lambda x: x[x > 0],
        lambda x: (x > 0).nonzero(),
        lambda x: x.unique(),
        lambda x: torch.masked_select(x, x > 0),
        lambda x: x.repeat_interleave(torch.ones(3, dtype=torch.int64)),
        lambda x: torch.as_tensor([1.0], device=x.device),
    ],
)
def test_an_operation_that_waits_for_the_device_is_refused(waiting: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises(SynchronisationError), refusing():
        waiting(torch.ones(3))


def test_an_operation_that_does_not_wait_is_allowed() -> None:
    x = torch.randn(4, 3, requires_grad=True)
    rows = torch.randint(4, (2,))
    with refusing():
        y = x[rows].relu() + x.index_select(0, rows)
        torch.autograd.grad(y.where(y > 0, 0.0).sum(), x)


def test_mamls_line_search_reads_once_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer.of(TOY["maml-trpo"], torch.device("cpu"))
    kind: Any = type(trainer.algorithm)
    read = []

    class Reading(RefusingCopies):
        def __torch_function__(
            self, function: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            if function is torch.Tensor.tolist:
                read.append(function)
                with torch._C.DisableTorchFunction():
                    return function(*args)
            return super().__torch_function__(function, types, args, kwargs)

    outer_step = kind.outer_step

    def counted(*args: Any) -> Any:
        with Reading(), Refusing():
            metrics = outer_step(*args)
        settings = trainer.algorithm.settings
        tried = [settings.backtrack_ratio**trial for trial in range(settings.backtracks)]
        taken = metrics["step_fraction"]
        assert len(read) == (tried.index(taken) + 1 if taken else len(tried))
        return metrics

    monkeypatch.setattr(kind, "outer_step", counted)
    trainer.iterate()
    assert read


@pytest.mark.parametrize("name", sorted(ALGORITHMS.keys() - {"maml-trpo", "oracle-trpo"}))
def test_updates_do_not_wait(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on an accelerator, where the lowest critic is chosen by masks; small layers are autograd's, others ours."""
    monkeypatch.setattr(perceptron, "CPU_DEVICES", frozenset())
    trainer = Trainer.of(TOY[name], torch.device("cpu"))
    trainer.iterate()
    updates = trainer.algorithm.gradient_steps
    kind: Any = type(trainer.algorithm)
    monkeypatch.setattr(kind, "update", refused(kind.update))
    for few in (2**16, 0):
        monkeypatch.setattr("algorithms.networks.SMALL_BATCH", few)
        trainer.iterate()
    assert trainer.algorithm.gradient_steps > updates
