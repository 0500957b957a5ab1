"""The scheduler: as many runs at once as there are workers, each within its limits, whatever starts them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from suite.errors import UsageError
from suite.execute import patience
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
from suite.execute.patience import Patience
from suite.failures import TRANSIENT, Failure, Kind, is_away
from suite.spec import RunSpec
from suite.store.attempts import seconds_of
from suite.store.folder import RunFolder
from suite.store.lease import LostLeaseError
from suite.store.record import CorruptRunError, RunState
from suite.store.runs import Store

START_SECONDS = 3600.0
"""Seconds beyond the limit on silence until an attempt's second iteration: imports, compilation, warm-up."""


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
    """Seconds that those took."""
    begun: float = field(default_factory=time.monotonic)
    counters: tuple[int, ...] | None = None
    counted: float = field(default_factory=time.monotonic)
    broken: Failure | None = None
    """The limit that was broken."""
    look_at: float = 0.0
    kill_at: float | None = None
    ended: Failure | None = None
    """The reading of its end, where the store does not yet say."""

    @property
    def seconds_taken(self) -> float:
        """Seconds of this attempt, by a clock that nobody sets."""
        return time.monotonic() - self.begun


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
        self._store = Patience(store.results)
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
            If what starts attempts, or the store, stays away.
        """
        self._waiting = [_Waiting(spec) for spec in specs]
        try:
            busy = time.monotonic()
            while (self._waiting or self._running) and not self._stopping:
                self._store.tried(self._start_some)
                now = time.monotonic()
                if self._running:
                    busy = now
                elif now - busy > self.patience:
                    break
                time.sleep(TICK_SECONDS)
                for running in list(self._running):
                    self._look_after(running)
                self._store.tried(watch)
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
                waiting.ready = time.monotonic() + patience.PAUSE_SECONDS
                continue
            is_over = state == "done" and not record.lacking
            given_up = None if state == "done" else record.given_up()  # by another engine, or a moment ago
            folder = None if is_over or given_up else self.store.folder(waiting.spec.run)
            self._waiting.remove(waiting)
            if given_up:
                self.failures[waiting.spec.run] = given_up
            elif folder is not None:
                self._start(waiting, folder)

    def _start(self, waiting: _Waiting, folder: RunFolder) -> None:
        taken = {running.slot for running in self._running}
        slot = next(slot for slot in count() if slot not in taken)
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
            if is_away(error):
                self._waiting.insert(0, waiting)
                raise
            kind: Kind = "permission" if isinstance(error, PermissionError) else "storage"
            self._has_failed(waiting, folder, Failure(kind, str(error)), len(folder.attempts()))
        else:
            self._away_since = None
            self._running.append(_Running(waiting, folder, attempt, slot, len(earlier), seconds_of(earlier)))

    def _wait_again(self, waiting: _Waiting) -> None:
        """Come back to a run that somebody else is working on."""
        waiting.ready = time.monotonic() + patience.PAUSE_SECONDS
        self._waiting.append(waiting)

    def _wait_for_launcher(self, waiting: _Waiting, error: AwayError) -> None:
        """Start nothing for a while: that what starts attempts is away is no failure of a run."""
        now = time.monotonic()
        self._away_since = self._away_since or now
        if now - self._away_since > patience.AWAY_SECONDS:
            raise UsageError(f"{error}; waited for {patience.AWAY_SECONDS:.0f} s")
        self._waiting.insert(0, waiting)
        for each in self._waiting:
            each.ready = max(each.ready, now + patience.PAUSE_SECONDS)

    def _look_after(self, running: _Running) -> None:
        if running.ended is not None or running.attempt.has_ended():
            running.ended = running.ended or running.attempt.end()
            self._store.tried(lambda: self._collect(running))
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
        """Take note of how an attempt ended, once the store says what became of its run."""
        waiting, folder, ended = running.waiting, running.folder, running.ended
        assert ended is not None  # noqa: S101 - for type checkers
        state = folder.state
        is_over = state == "done" and not folder.owed
        self._running.remove(running)
        self._ended.add(folder.run)
        if is_over:
            return
        # By somebody else, who was faster, or whose clock is another: only a process that watches the lease can tell.
        if state == "running" or ended.kind == "held":
            self._wait_again(waiting)
            return
        self._has_failed(waiting, folder, running.broken or ended, running.attempts, running.seconds_taken)

    def _has_failed(
        self, waiting: _Waiting, folder: RunFolder, failure: Failure, attempts: int, seconds: float | None = None
    ) -> None:
        """Record an attempt that failed, after so many others; try again what may pass."""
        waiting.failed += 1
        if _state(folder) == "done":
            self._has_not_done_steps(waiting, folder, failure)
            return
        failure = self._recorded(folder, failure, attempts, seconds) or failure
        given_up = _state(folder) == "failed" or failure.kind not in TRANSIENT
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

    def _recorded(
        self, folder: RunFolder, failure: Failure | None, attempts: int, seconds: float | None
    ) -> Failure | None:
        """Record how an attempt ended, after so many others; return what the store then says of it."""
        said = None
        with suppress(OSError, LostLeaseError):  # a full disk: the failure is known here all the same
            if folder.take(patient=False):
                said = folder.end(failure, self.retries.most, attempts, seconds)
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
        self._running = [running for running in self._running if running.ended is None]
        for running in self._running:
            running.attempt.stop()
        deadline = time.monotonic() + self.grace
        for running in self._running:
            while not running.attempt.has_ended() and time.monotonic() < deadline and not self._hurrying:
                time.sleep(TICK_SECONDS / 2)
            running.attempt.end()
            if _state(running.folder) == "pending":
                # Stopped on purpose, whatever it says.
                self._recorded(running.folder, None, running.attempts, running.seconds_taken)
        self._running.clear()


def share(runs: Sequence[Item], task: int, tasks: int) -> list[Item]:
    """Order runs for one of several schedulers on a store, so that they seldom meet.

    It begins with every `tasks`-th run, and then takes what the others would come to last.
    """
    own = list(runs[task::tasks])
    others = [runs[(task + ahead) % tasks :: tasks] for ahead in range(1, tasks)]
    return own + [run for other in others for run in reversed(other)]


def _state(folder: RunFolder) -> RunState | None:
    """Return a run's state; None if the store does not say."""
    try:
        return folder.state
    except OSError:
        return None


def _counters(folder: RunFolder) -> tuple[int, ...] | None:
    """Return whether the attempt is past its first iteration, and what it has counted so far; None before it says."""
    names = ("warm", "environment_steps", "gradient_steps", "meta_test_steps", "post_run_done")
    try:
        progress = folder.progress()
    except CorruptRunError:
        return None
    return tuple(progress.get(name, 0) for name in names) if progress else None
