"""The scheduler: as many runs at once as there are workers, each within its limits, by whatever executor."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, get_args

from suite.errors import UsageError
from suite.execute.executor import (
    GRACE_SECONDS,
    LOOK_SECONDS,
    TICK_SECONDS,
    AwayError,
    BusyError,
    Executor,
    Started,
    StartError,
)
from suite.failures import TRANSIENT, Failure, Kind
from suite.spec import RunSpec
from suite.store.runs import CorruptRunError, RunFolder, Store

START_SECONDS = 3600.0
"""Of patience beyond the limit on silence until an attempt's second iteration: imports, compilation, warm-up."""

PAUSE_SECONDS = 1.0
"""Before something is tried again that is nobody's failure."""

AWAY_SECONDS = 600.0
"""For an executor that does not answer to come back."""


class Limits(NamedTuple):
    """What one attempt at a run may take; None for no limit."""

    seconds: float | None = None
    silence: float | None = 1800.0
    """Seconds without a step counted; start-up and compilation are not silence, up to `START_SECONDS`."""


class Retries(NamedTuple):
    """How transient failures are met."""

    most: int = 2
    backoff: float = 5.0
    """Seconds before the first retry, doubled for each further one."""


@dataclass
class _Waiting:
    spec: RunSpec
    attempts: int = 0
    ready: float = 0.0


@dataclass
class _Running:
    waiting: _Waiting
    folder: RunFolder
    attempt: Started
    slot: int
    begun: float = field(default_factory=time.monotonic)
    counters: tuple[int, ...] | None = None
    counted: float = field(default_factory=time.monotonic)
    broken: Failure | None = None
    """The limit that was broken."""
    look_at: float = 0.0
    kill_at: float | None = None


class Scheduler:
    """Has runs executed, and looks after them.

    Parameters
    ----------
    store : where runs are kept.
    executor : starts attempts at them.
    workers : runs at once.
    limits, retries : of each run.
    """

    def __init__(self, store: Store, executor: Executor, workers: int, limits: Limits, retries: Retries) -> None:
        self.store, self.executor, self.workers = store, executor, workers
        self.limits, self.retries = limits, retries
        self.failures: dict[str, Failure] = {}
        """Why runs failed, in this call of `run`."""
        self.unembedded: dict[str, str] = {}
        """Why contexts of finished runs were not embedded although that was asked for."""
        self._stopping = self._hurrying = False
        self._away_since: float | None = None
        self._waiting: list[_Waiting] = []
        self._running: list[_Running] = []
        self._ended: set[str] = set()

    def underway(self) -> set[str]:
        """Return the runs that may have changed since this was last called: started, running, or ended."""
        ended, self._ended = self._ended, set()
        return ended | {running.folder.run for running in self._running}

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Run everything, in this order; calls `watch` several times a second.

        A run that somebody else is working on is watched until it is done, or free. Whatever ends this call, nothing
        that it started is left behind.

        Raises
        ------
        KeyboardInterrupt
            After `interrupt` was called.
        UsageError
            If the executor stays away.
        """
        self._waiting = [_Waiting(spec) for spec in specs]
        try:
            while (self._waiting or self._running) and not self._stopping:
                self._start_some()
                time.sleep(TICK_SECONDS)
                self._look_after_all()
                watch()
        finally:
            self._stop()
        if self._stopping:
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """Stop in good order, with a checkpoint of every run; called again, at once. Safe in a signal handler."""
        self._hurrying = self._stopping
        self._stopping = True

    def _start_some(self) -> None:
        for waiting in list(self._waiting):
            if len(self._running) >= self.workers or self._stopping:
                return
            if time.monotonic() < waiting.ready:
                continue
            folder = self.store.folder(waiting.spec.run)
            state = folder.state
            if state == "running" or (state == "done" and folder.is_held):  # in its last phase
                waiting.ready = time.monotonic() + PAUSE_SECONDS
                continue
            self._waiting.remove(waiting)
            if state != "done" or folder.lacks_clusters:
                self._start(waiting, folder)

    def _start(self, waiting: _Waiting, folder: RunFolder) -> None:
        slot = min(set(range(self.workers)) - {running.slot for running in self._running})
        try:
            folder.prepare(waiting.spec)
            folder.forget_attempt()
            attempt = self.executor.start(folder, slot)
        except BusyError:
            self._wait_again(waiting)
        except AwayError as error:
            self._wait_for_executor(waiting, error)
        except CorruptRunError as error:  # not to be touched
            self.failures[folder.run] = Failure("storage", str(error))
        except StartError as error:
            self._has_failed(waiting, folder, error.failure)
        except OSError as error:
            kind: Kind = "permission" if isinstance(error, PermissionError) else "storage"
            self._has_failed(waiting, folder, Failure(kind, str(error)))
        else:
            self._away_since = None
            self._running.append(_Running(waiting, folder, attempt, slot))

    def _wait_again(self, waiting: _Waiting) -> None:
        """Come back to a run that somebody else is working on."""
        waiting.ready = time.monotonic() + PAUSE_SECONDS
        self._waiting.append(waiting)

    def _wait_for_executor(self, waiting: _Waiting, error: AwayError) -> None:
        """Start nothing for a while: that the executor is away is no failure of a run."""
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since > AWAY_SECONDS:
            raise UsageError(f"{error}; waited for {AWAY_SECONDS:.0f} s")
        self._waiting.insert(0, waiting)
        for each in self._waiting:
            each.ready = max(each.ready, now + PAUSE_SECONDS)

    def _look_after_all(self) -> None:
        for running in list(self._running):
            if running.attempt.has_ended():
                self._collect(running)
            elif running.kill_at is not None:
                if time.monotonic() >= running.kill_at:
                    running.attempt.kill()
            elif time.monotonic() >= running.look_at:
                running.look_at = time.monotonic() + LOOK_SECONDS
                running.broken = self._broken_limit(running)
                if running.broken:
                    running.attempt.stop()
                    running.kill_at = time.monotonic() + GRACE_SECONDS

    def _collect(self, running: _Running) -> None:
        """Take note of how an attempt ended."""
        ended = running.attempt.end()
        self._running.remove(running)
        waiting, folder = running.waiting, running.folder
        self._ended.add(folder.run)
        state = folder.state
        if state == "done" and not folder.lacks_clusters:
            return
        if state == "done" and (reason := folder.clusters_failure()):
            self.unembedded[folder.run] = reason
            return
        # By somebody else, who was faster, or whose clock is another: only a process that watches the lease can tell.
        if state == "running" or ended.kind == "held":
            self._wait_again(waiting)
            return
        self._has_failed(waiting, folder, running.broken or _told(folder) or ended)

    def _has_failed(self, waiting: _Waiting, folder: RunFolder, failure: Failure) -> None:
        """Try again what may pass; else record why the run, or what was asked for beyond it, failed."""
        waiting.attempts += 1
        if failure.kind in TRANSIENT and waiting.attempts <= self.retries.most:
            waiting.ready = time.monotonic() + self.retries.backoff * 2 ** (waiting.attempts - 1)
            self._waiting.insert(0, waiting)
            return
        finished = folder.state == "done"
        if finished:
            self.unembedded[folder.run] = failure.reason
        else:
            self.failures[folder.run] = failure
        self._ended.add(folder.run)
        with suppress(OSError):  # a full disk: the failure is known here all the same
            if folder.take(patient=False):
                if finished:
                    folder.fail_clusters(failure.reason)
                else:
                    folder.fail(failure.reason, failure.kind)
        with suppress(OSError):
            folder.release()

    def _broken_limit(self, running: _Running) -> Failure | None:
        now = time.monotonic()
        if self.limits.seconds is not None and now - running.begun > self.limits.seconds:
            return Failure("time", f"took longer than {self.limits.seconds:.0f} s")
        if over := running.attempt.over_memory():
            return over
        if self.limits.silence is not None:
            counters = _counters(running.folder)
            patience = self.limits.silence + (0 if counters and counters[0] else START_SECONDS)
            if counters != running.counters:
                running.counters, running.counted = counters, now
            elif now - running.counted > patience:
                return Failure("silence", f"counted no step for {patience:.0f} s")
        return None

    def _stop(self) -> None:
        for running in self._running:
            running.attempt.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        for running in self._running:
            while not running.attempt.has_ended() and time.monotonic() < deadline and not self._hurrying:
                time.sleep(TICK_SECONDS / 2)
            running.attempt.end()
        self._running.clear()


def _told(folder: RunFolder) -> Failure | None:
    """Return what the attempt itself said of its failure."""
    try:
        said = folder.failure()
    except CorruptRunError:
        return None
    kind: Any = said.get("kind")
    reason = said.get("reason")
    return Failure(kind, reason) if kind in get_args(Kind) and isinstance(reason, str) else None


def _counters(folder: RunFolder) -> tuple[int, ...] | None:
    """Return whether the attempt is past its first iteration, and what it has counted so far; None before it says."""
    names = ("warm", "environment_steps", "gradient_steps", "meta_test_steps", "embedded")
    try:
        progress = folder.progress()
    except CorruptRunError:
        return None
    return tuple(progress.get(name, 0) for name in names) if progress else None
