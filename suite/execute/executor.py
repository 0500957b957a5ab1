"""The protocol of executors: what commands ask of them, and what the scheduler asks of those that start attempts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Protocol

from suite.errors import UsageError
from suite.failures import RETRIES, Failure
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.runs import Store

GRACE_SECONDS = 10.0
"""Between asking a run to stop, at which it saves a checkpoint, and killing it."""

TICK_SECONDS = 0.1

LOOK_SECONDS = 0.5
"""Between two looks at whether a run keeps its limits."""


class Limits(NamedTuple):
    """The limits of a run; None for no limit."""

    seconds: float | None = None
    """Seconds of all attempts together, on any executor."""
    silence: float | None = 1800.0
    """Seconds in which no step is counted; start-up and compilation get up to an hour more."""


class Retries(NamedTuple):
    """The policy for transient failures."""

    most: int = RETRIES
    backoff: float = 5.0
    """Seconds before the first retry, doubled for each further one."""


class Request(NamedTuple):
    """The request to an executor: the runs, and how they are executed."""

    runs: int = 0
    """The number of runs to execute."""
    threads: int = 1
    """The most threads that any of the runs has."""
    memory: int | None = None
    """Bytes that a run may use; None for no limit or, in a container, for its share of the machine."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints of a run."""
    limits: Limits = Limits()
    retries: Retries = Retries()
    name: str = "runs"
    """The name of the benchmark."""
    modules: tuple[str, ...] = ()
    """User modules that runs need, and that are trusted."""
    workers: int | None = None
    """The number of parallel runs; None for as many as the machine can hold."""
    image: str | None = None
    """Container image to execute runs in."""
    cluster: Path | None = None
    """YAML file of resources to ask a cluster for."""

    @property
    def command(self) -> list[str]:
        """The words of the command that executes a run, after the suite's own name and before the run's."""
        options = ["--checkpoint-every", str(self.checkpoint_seconds), "--retries", str(self.retries.most)]
        return ["exec", *options, *(["--trust"] if self.modules else [])]

    @property
    def own_files(self) -> list[str]:
        """Those of the modules that are files of this machine."""
        return [module for module in self.modules if module.endswith(".py")]


OPTIONS = ("workers", "image", "cluster")
"""Fields of a request that not every executor takes."""

Verdict = Literal["ok", "warning", "failed"]


class Check(NamedTuple):
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    """The finding, and what to do about it."""


Position = Literal["queued", "running", "lost"]
"""The position of a run that an executor goes on with by itself: a task will come to it; a task is working on it; the
task that began it is no longer there and has left no word, and another goes on with it once its lease is over."""


class Engine(Protocol):
    """Has runs executed: the scheduler here, or a cluster's own."""

    failures: dict[str, Failure]
    """The failures of runs, in this call of `run`."""

    @property
    def workers(self) -> int:
        """The number of runs that are executed at once, if there are as many."""

    def describe(self) -> str:
        """Say in words who executes."""

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Have everything executed, in about this order; calls `watch` now and then.

        Raises
        ------
        KeyboardInterrupt
            After `interrupt` was called.
        UsageError
            If the engine cannot be used.
        """

    def underway(self) -> set[str]:
        """Return the runs that may have changed since this was last called, as far as this engine knows."""

    def interrupt(self) -> None:
        """Come back from `run`, leaving everything in good order. Safe in a signal handler."""

    def detach_message(self) -> str:
        """Say in words what an interrupt has left."""


class Executor(ABC):
    """Executes the runs of one store in its way; every command makes one anew, and asks it.

    Only `open` has to be there; what else is asked has an answer for an executor of this machine whose attempts end
    with the command that waits for them. Nothing is contacted, and nothing slow is imported, before something is asked.

    Parameters
    ----------
    store : where runs are kept.
    request : what is to be executed.
    """

    takes: ClassVar[Iterable[str]] = ()
    """The `OPTIONS` that it takes."""

    def __init__(self, store: Store, request: Request) -> None:
        self.store, self.request = store, request

    @abstractmethod
    def open(self) -> AbstractContextManager[Engine]:
        """Prepare to execute the runs that are asked for, and clean up behind them.

        Raises
        ------
        UsageError
            If it cannot be used; when the context is entered.
        """

    def check(self) -> Iterable[Check]:
        """Look, one after the other, at all that it needs; for `suite doctor`."""
        return ()

    def elsewhere(self) -> Sequence[str]:
        """Return the words before a command that has another machine execute it; none, if all happens on this one."""
        return ()

    def preview(self) -> str:
        """Return what would be submitted; nothing is written or contacted.

        Raises
        ------
        UsageError
            If it submits nothing.
        """
        raise UsageError("--dry-run: this executor submits nothing that could be shown")

    def positions(self) -> dict[str, Position]:
        """Return where runs are that it goes on with after the command that submitted them.

        Raises
        ------
        UsageError
            If what would know does not answer.
        """
        return {}

    def cancel(self) -> Iterable[str]:
        """End what `positions` tells of, and nothing else; say in words what was ended, one after the other.

        Raises
        ------
        UsageError
            If it cannot be ended.
        """
        return ()


class BusyError(Exception):
    """The run cannot be started now: somebody else has just started it."""


class AwayError(Exception):
    """Nothing can be started now: what starts runs does not answer."""


class StartError(Exception):
    """The run could not be started, for the reason given."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Attempt(Protocol):
    """An attempt at a run that was started, wherever that is."""

    def has_ended(self) -> bool:
        """True if the attempt has come to its end."""

    def stop(self) -> None:
        """Ask it to save a checkpoint and end."""

    def kill(self) -> None:
        """Leave it no choice."""

    def over_memory(self) -> Failure | None:
        """Return how the attempt has broken its limit of memory, where that is for the scheduler to see."""

    def end(self) -> Failure:
        """Kill whatever is left and see it gone; return what to make of the end of an attempt that left no word."""


class Launcher(Protocol):
    """Starts attempts at runs for a scheduler."""

    def start(self, folder: RunFolder, slot: int) -> Attempt:
        """Start an attempt; attempts that are under way at once have different slots, counted from zero.

        Raises
        ------
        BusyError
            If somebody else was faster.
        AwayError
            If what starts them cannot be reached.
        StartError
            If it could not be started.
        """
