"""An executor that finishes runs at once, with scores that are made up: for what happens around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from suite.execute.executor import Executor
from suite.failures import Failure, Kind
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear


def score(spec: RunSpec) -> float | Kind | None:
    """Return the score of a run, or fail it: with a kind, or None for an error; to be replaced by tests."""
    return 0.0


calls: list[list[str]] = []
"""The runs of each call, since a test cleared it."""

interrupt_after: int | None = None
"""Runs after which somebody presses Ctrl-C."""


class InstantExecutor(Executor):
    """Executes nothing."""

    takes = ("workers",)

    @contextmanager
    def open(self) -> Iterator[InstantEngine]:
        yield InstantEngine(self.store)


class InstantEngine:
    """Makes scores up."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failures: dict[str, Failure] = {}
        self.workers = 1

    def describe(self) -> str:
        return "nobody"

    def detach_message(self) -> str:
        return "interrupted"

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        calls.append([spec.run for spec in specs])
        for number, spec in enumerate(specs):
            if number == interrupt_after:
                raise KeyboardInterrupt
            value = score(spec)
            if value is None or isinstance(value, str):
                kind = value or "error"
                fail(self.store, spec, "made to fail", kind=kind)
                self.failures[spec.run] = Failure(kind, "made to fail")
            else:
                finish(self.store, spec, linear(0.0, value))
        watch()

    def underway(self) -> set[str]:
        return set()

    def interrupt(self) -> None:
        raise KeyboardInterrupt
