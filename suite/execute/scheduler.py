"""The scheduler: as many runs at once as there are workers, each within its limits, whatever starts them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from suite.errors import UsageError
from suite.execute.executor import (
    GRACE_SECONDS,
    LOOK_SECONDS,
    TICK_SECONDS,
    Attempt,
    AwayError,
    BusyError,
    Launcher,
    Limits,
    Retries,
    StartError,
)
from suite.failures import TRANSIENT, Failure, Kind
from suite.spec import RunSpec
from suite.store.attempts import seconds_of
from suite.store.folder import RunFolder
from suite.store.lease import LostLeaseError
from suite.store.record import CorruptRunError
from suite.store.runs import Store

START_SECONDS = 3600.0
"""Seconds beyond the limit on silence until an attempt's second iteration: imports, compilation, warm-up."""

PAUSE_SECONDS = 1.0
"""Before something is tried again that is nobody's failure."""

AWAY_SECONDS = 600.0
"""For what starts attempts to come back, where it does not answer."""


Item = TypeVar("Item")


@dataclass
class _Waiting:
    spec: RunSpec
    failed: int = 0
    """Attempts that this scheduler saw fail: the store counts all, but cannot where it is full or away."""
    ready: float = 0.0


@dataclass
class _Running:
    waiting: _Waiting
    folder: RunFolder
    attempt: Attempt
    slot: int
    attempts: int
    """Made before it."""
    seconds: float
    """That those took."""
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
    launcher : starts attempts at them.
    workers : runs at once.
    limits, retries : of each run.
    patience : seconds with nothing to do but wait for runs that others work on; without end by default.
    grace : seconds between asking a run to stop and killing it.
    """

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        workers: int,
        limits: Limits,
        retries: Retries,
        *,
        patience: float = math.inf,
        grace: float | None = None,
    ) -> None:
        self.store, self.launcher, self.workers = store, launcher, workers
        self.limits, self.retries, self.patience = limits, retries, patience
        self.grace = GRACE_SECONDS if grace is None else grace
        self.failures: dict[str, Failure] = {}
        """The failures of runs, in this call of `run`."""
        self._stopping = self._hurrying = False
        self._away_since: float | None = None
        self._waiting: list[_Waiting] = []
        self._running: list[_Running] = []
        self._ended: set[str] = set()

    def underway(self) -> set[str]:
        """Return the runs that may have changed since this was last called: started, running, or ended."""
        ended, self._ended = self._ended, set()
        return ended | {running.folder.run for running in self._running}

    def describe(self) -> str:
        """Say how many runs at once."""
        return f"{self.workers} workers"

    def detach_message(self) -> str:
        """Say that runs were stopped: each has saved a checkpoint."""
        return "interrupted"

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Run everything, in this order; calls `watch` several times a second.

        A run that somebody else is working on is watched until it is done, or free, or patience is over. Whatever ends
        this call, nothing that it started is left behind.

        Raises
        ------
        KeyboardInterrupt
            After `interrupt` was called.
        UsageError
            If what starts attempts stays away.
        """
        self._waiting = [_Waiting(spec) for spec in specs]
        try:
            busy = time.monotonic()
            while (self._waiting or self._running) and not self._stopping:
                self._start_some()
                now = time.monotonic()
                if self._running:
                    busy = now
                elif now - busy > self.patience:
                    break
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
            record = self.store.record(waiting.spec.run)
            state = record.state
            if state == "running" or (state == "done" and record.is_held):  # in its post-run steps
                waiting.ready = time.monotonic() + PAUSE_SECONDS
                continue
            self._waiting.remove(waiting)
            if state == "done":
                if record.lacking:
                    self._start(waiting)
            elif given_up := record.given_up():  # by another engine, or a moment ago
                self.failures[waiting.spec.run] = given_up
            else:
                self._start(waiting)

    def _start(self, waiting: _Waiting) -> None:
        folder = self.store.folder(waiting.spec.run)
        slot = min(set(range(self.workers)) - {running.slot for running in self._running})
        try:
            folder.prepare(waiting.spec)
            folder.forget_progress()
            earlier = folder.attempts()
            attempt = self.launcher.start(folder, slot)
        except BusyError:
            self._wait_again(waiting)
        except AwayError as error:
            self._wait_for_launcher(waiting, error)
        except CorruptRunError as error:  # not to be touched
            self.failures[folder.run] = Failure("storage", str(error))
        except StartError as error:
            self._has_failed(waiting, folder, error.failure, len(folder.attempts()))
        except OSError as error:
            kind: Kind = "permission" if isinstance(error, PermissionError) else "storage"
            self._has_failed(waiting, folder, Failure(kind, str(error)), len(folder.attempts()))
        else:
            self._away_since = None
            self._running.append(_Running(waiting, folder, attempt, slot, len(earlier), seconds_of(earlier)))

    def _wait_again(self, waiting: _Waiting) -> None:
        """Come back to a run that somebody else is working on."""
        waiting.ready = time.monotonic() + PAUSE_SECONDS
        self._waiting.append(waiting)

    def _wait_for_launcher(self, waiting: _Waiting, error: AwayError) -> None:
        """Start nothing for a while: that what starts attempts is away is no failure of a run."""
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
                    running.kill_at = time.monotonic() + self.grace

    def _collect(self, running: _Running) -> None:
        """Take note of how an attempt ended."""
        ended = running.attempt.end()
        self._running.remove(running)
        waiting, folder = running.waiting, running.folder
        self._ended.add(folder.run)
        state = folder.state
        if state == "done" and not folder.owed:
            return
        # By somebody else, who was faster, or whose clock is another: only a process that watches the lease can tell.
        if state == "running" or ended.kind == "held":
            self._wait_again(waiting)
            return
        self._has_failed(waiting, folder, running.broken or ended, running.attempts)

    def _has_failed(self, waiting: _Waiting, folder: RunFolder, failure: Failure, attempts: int) -> None:
        """Record an attempt that failed, after so many others; try again what may pass."""
        waiting.failed += 1
        if folder.state == "done":
            self._has_not_done_steps(waiting, folder, failure)
            return
        failure = self._recorded(folder, failure, attempts) or failure
        given_up = folder.given_up() is not None or failure.kind not in TRANSIENT
        if given_up or waiting.failed > self.retries.most:
            self.failures[folder.run] = failure
            self._ended.add(folder.run)
            return
        self._try_again(waiting)

    def _has_not_done_steps(self, waiting: _Waiting, folder: RunFolder, failure: Failure) -> None:
        """Try the post-run steps of a finished run again where that may help, or record why it lacks them."""
        if failure.kind in TRANSIENT and waiting.failed <= self.retries.most:
            self._try_again(waiting)
            return
        with suppress(OSError, LostLeaseError):
            if folder.take(patient=False):
                for step in folder.owed:
                    folder.fail_step(step, failure.reason)
        with suppress(OSError):
            folder.release()

    def _try_again(self, waiting: _Waiting) -> None:
        waiting.ready = time.monotonic() + self.retries.backoff * 2 ** (waiting.failed - 1)
        self._waiting.insert(0, waiting)

    def _recorded(self, folder: RunFolder, failure: Failure | None, attempts: int) -> Failure | None:
        """Record how an attempt ended, after so many others; return what the store then says of it."""
        said = None
        with suppress(OSError, LostLeaseError):  # a full disk: the failure is known here all the same
            if folder.take(patient=False):
                said = folder.end(failure, self.retries.most, attempts)
        with suppress(OSError):
            folder.release()
        return said

    def _broken_limit(self, running: _Running) -> Failure | None:
        now = time.monotonic()
        if self.limits.seconds is not None and running.seconds + now - running.begun > self.limits.seconds:
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
        deadline = time.monotonic() + self.grace
        for running in self._running:
            while not running.attempt.has_ended() and time.monotonic() < deadline and not self._hurrying:
                time.sleep(TICK_SECONDS / 2)
            running.attempt.end()
            if running.folder.state == "pending":
                self._recorded(running.folder, None, running.attempts)  # stopped on purpose, whatever it says
        self._running.clear()


def share(runs: Sequence[Item], task: int, tasks: int) -> list[Item]:
    """Order runs for one of several schedulers on a store, so that they seldom meet.

    It begins with every `tasks`-th run, and then takes what the others would come to last.
    """
    own = list(runs[task::tasks])
    others = [runs[(task + ahead) % tasks :: tasks] for ahead in range(1, tasks)]
    return own + [run for other in others for run in reversed(other)]


def _counters(folder: RunFolder) -> tuple[int, ...] | None:
    """Return whether the attempt is past its first iteration, and what it has counted so far; None before it says."""
    names = ("warm", "environment_steps", "gradient_steps", "meta_test_steps", "post_run_done")
    try:
        progress = folder.progress()
    except CorruptRunError:
        return None
    return tuple(progress.get(name, 0) for name in names) if progress else None
