"""What an executor is to the scheduler: something that starts attempts at runs, wherever that is."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from suite.failures import RETRIES, Failure
from suite.store.runs import RunFolder

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


class Request(NamedTuple):
    """What is asked of an executor before anything is started."""

    runs: int
    """How many there are to execute."""
    workers: int | None
    """Runs at once; None for what the machine holds."""
    memory: int | None
    """Bytes that a run may take; None for no limit or, in a container, its share of the machine."""
    checkpoint_seconds: float
    """Between two checkpoints of a run."""
    image: str | None
    """Of the docker executor; see `suite.execute.docker.Containers`."""
    retries: int = RETRIES
    """Further attempts after transient failures."""

    @property
    def command(self) -> list[str]:
        """What executes a run, after the suite's own name and before the run's."""
        return ["exec", "--checkpoint-every", str(self.checkpoint_seconds), "--retries", str(self.retries)]


class Site(NamedTuple):
    """An executor, and how many runs it takes at once."""

    executor: Executor
    workers: int
