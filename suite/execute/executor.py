"""What runs are executed by: an engine for `suite run`; to a scheduler, executors that start attempts at runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from suite.failures import RETRIES, Failure
from suite.spec import RunSpec
from suite.store.folder import RunFolder

GRACE_SECONDS = 10.0
"""Between asking a run to stop, at which it saves a checkpoint, and killing it."""

TICK_SECONDS = 0.1

LOOK_SECONDS = 0.5
"""Between two looks at whether a run keeps its limits."""


class BusyError(Exception):
    """The run cannot be started now: somebody else has just started it."""


class AwayError(Exception):
    """Nothing can be started now: what starts runs does not answer."""


class StartError(Exception):
    """The run could not be started, for the reason given."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


class Started(Protocol):
    """An attempt at a run that was started, wherever that is."""

    def has_ended(self) -> bool:
        """Whether the attempt has come to its end."""

    def stop(self) -> None:
        """Ask it to save a checkpoint and end."""

    def kill(self) -> None:
        """Leave it no choice."""

    def over_memory(self) -> Failure | None:
        """Return how the attempt has broken its limit of memory, where that is for the scheduler to see."""

    def end(self) -> Failure:
        """Kill whatever is left and see it gone; return what to make of the end of an attempt that left no word."""


class Executor(Protocol):
    """Where attempts at runs are made."""

    def start(self, folder: RunFolder, slot: int) -> Started:
        """Start an attempt; attempts that are under way at once have different slots, counted from zero.

        Raises
        ------
        BusyError
            If somebody else was faster.
        AwayError
            If the executor cannot be reached.
        StartError
            If the executor could not do it.
        """


class Limits(NamedTuple):
    """What a run may take; None for no limit."""

    seconds: float | None = None
    """Of all attempts together, by whatever engine."""
    silence: float | None = 1800.0
    """Seconds without a step counted; start-up and compilation are not silence, up to an hour more."""


class Retries(NamedTuple):
    """How transient failures are met."""

    most: int = RETRIES
    backoff: float = 5.0
    """Seconds before the first retry, doubled for each further one."""


class Request(NamedTuple):
    """What is asked of an engine before anything is started."""

    runs: int
    """How many there are to execute."""
    threads: int = 1
    """Of a run: the most that one of them has."""
    workers: int | None = None
    """Runs at once; None for what the machine holds."""
    memory: int | None = None
    """Bytes that a run may take; None for no limit or, in a container, its share of the machine."""
    checkpoint_seconds: float = 60.0
    """Between two checkpoints of a run."""
    limits: Limits = Limits()
    retries: Retries = Retries()
    image: str | None = None
    """Of the docker executor; see `suite.execute.docker.containers.Containers`."""
    cluster: Path | None = None
    """A file of the slurm executor; see `suite.execute.slurm.script.Cluster`."""
    name: str = "runs"
    """Of the benchmark."""
    modules: tuple[str, ...] = ()
    """Somebody's own code that runs need, and that is trusted."""

    @property
    def command(self) -> list[str]:
        """What executes a run, after the suite's own name and before the run's."""
        options = ["--checkpoint-every", str(self.checkpoint_seconds), "--retries", str(self.retries.most)]
        return ["exec", *options, *(["--trust"] if self.modules else [])]

    @property
    def own_files(self) -> list[str]:
        """Those of the modules that are files of this machine."""
        return [module for module in self.modules if module.endswith(".py")]


class Engine(Protocol):
    """Has runs executed: the scheduler here, or a cluster's own."""

    failures: dict[str, Failure]
    """Why runs failed, in this call of `run`."""

    @property
    def described(self) -> str:
        """Who executes, in words."""

    @property
    def parting(self) -> str:
        """What an interrupt leaves, in words."""

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
