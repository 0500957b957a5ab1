"""The local executor: a process group a run, as many at once as there are workers, each within its limits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from suite import guardian
from suite.failures import HELD_STATUS, TRANSIENT, Failure, of_exit_status
from suite.spec import RunSpec
from suite.store import CorruptRunError, RunFolder, Store

GRACE_SECONDS = 10.0
"""Between SIGTERM, at which a run saves a checkpoint, and SIGKILL."""

VANISH_SECONDS = 5.0
"""For killed processes to vanish; some never do, where nobody waits for orphans."""

START_SECONDS = 3600.0
"""Of patience beyond the limit on silence until an attempt's second iteration: imports, compilation, warm-up."""

TICK_SECONDS = 0.1
LOOK_SECONDS = 0.5
"""Between two looks at whether a run keeps its limits."""

WORKER_ENVIRONMENT = {
    # One BLAS thread a process: small matrices gain nothing from more, and workers would fight for the cores.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Keep freed memory: glibc otherwise maps and unmaps every activation above 128 KiB, page faults included.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024 * 1024),
    "PYTHONUNBUFFERED": "1",
}


class Limits(NamedTuple):
    """What one attempt at a run may take; None for no limit."""

    seconds: float | None = None
    silence: float | None = 1800.0
    """Seconds without a step counted; start-up and compilation are not silence, up to `START_SECONDS`."""
    memory: int | None = None
    """Bytes resident in all processes of the run."""


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
    process: subprocess.Popen[bytes]
    slot: int
    begun: float = field(default_factory=time.monotonic)
    counters: tuple[int, ...] | None = None
    counted: float = field(default_factory=time.monotonic)
    broken: Failure | None = None
    """The limit that was broken."""
    look_at: float = 0.0
    kill_at: float | None = None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole process group, whose leader has not been waited for."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def has_ended(self) -> bool:
        """Whether the leader has ended; it is not waited for, so that its number stays its own."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def end(self) -> None:
        """Kill whatever is left of the group, and see it gone: until then its claim would count."""
        self.signal(signal.SIGKILL)
        self.process.communicate()
        deadline = time.monotonic() + VANISH_SECONDS
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self.process.pid, 0)
                time.sleep(TICK_SECONDS / 10)


class LocalExecutor:
    """Runs each run in a process of this machine.

    Parameters
    ----------
    store : where runs are kept.
    workers : runs at once.
    limits, retries : of each run.
    command : what executes a run, whose name and store are put after it.
    gpus : the accelerators that workers share in turn.
    """

    def __init__(
        self,
        store: Store,
        workers: int,
        limits: Limits,
        retries: Retries,
        *,
        command: Sequence[str] = (sys.executable, "-m", "suite", "exec"),
        gpus: Sequence[str] = (),
    ) -> None:
        self.store, self.workers, self.limits, self.retries = store, workers, limits, retries
        self.command, self.gpus = list(command), list(gpus)
        self.failures: dict[str, Failure] = {}
        """Why runs failed, in this call of `run`."""
        self._stopping = self._hurrying = False
        self._waiting: list[_Waiting] = []
        self._running: list[_Running] = []

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Run everything, in this order; calls `watch` several times a second.

        A run that somebody else is working on is watched until it is done, or free. Whatever ends this call, no process
        of it is left behind.

        Raises
        ------
        KeyboardInterrupt
            After `interrupt` was called.
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
            if len(self._running) >= self.workers:
                return
            if time.monotonic() < waiting.ready:
                continue
            folder = self.store.folder(waiting.spec.run)
            state = folder.state
            if state == "running":
                waiting.ready = time.monotonic() + 1.0
                continue
            self._waiting.remove(waiting)
            if state != "done":
                try:
                    folder.prepare(waiting.spec)
                    self._start(waiting, folder)
                except CorruptRunError as error:
                    self.failures[waiting.spec.run] = Failure("storage", str(error))
                except OSError as error:
                    failure = Failure("storage", str(error))
                    if not self._put_back(waiting, failure):
                        self.failures[waiting.spec.run] = failure

    def _start(self, waiting: _Waiting, folder: RunFolder) -> None:
        slot = min(set(range(self.workers)) - {running.slot for running in self._running})
        environment = {**os.environ, **WORKER_ENVIRONMENT}
        if self.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot % len(self.gpus)]
        (folder.path / "progress.json").unlink(missing_ok=True)
        watched = [sys.executable, "-S", "-E", guardian.__file__, str(folder.path / "log.txt"), str(GRACE_SECONDS)]
        process = subprocess.Popen(
            [*watched, *self.command, waiting.spec.run, "--results", str(self.store.results)],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # a Ctrl-C reaches the runs through this process alone
            cwd=Path.cwd(),
        )
        self._running.append(_Running(waiting, folder, process, slot))

    def _look_after_all(self) -> None:
        for running in list(self._running):
            if running.has_ended():
                self._collect(running)
            elif running.kill_at is not None:
                if time.monotonic() >= running.kill_at:
                    running.signal(signal.SIGKILL)
            elif time.monotonic() >= running.look_at:
                running.look_at = time.monotonic() + LOOK_SECONDS
                running.broken = self._broken_limit(running)
                if running.broken:
                    running.signal(signal.SIGTERM)
                    running.kill_at = time.monotonic() + GRACE_SECONDS

    def _collect(self, running: _Running) -> None:
        """Take note of how an attempt ended."""
        running.end()
        self._running.remove(running)
        waiting, folder = running.waiting, running.folder
        state = folder.state
        if state == "done":
            return
        # By somebody else, who was faster, or whose clock is another: only a process that watches the claim can tell.
        if state == "running" or running.process.returncode == HELD_STATUS:
            waiting.ready = time.monotonic() + 1.0
            self._waiting.append(waiting)
            return
        failure = running.broken or _told(folder) or of_exit_status(_status(running.process.returncode))
        if self._put_back(waiting, failure):
            return
        self.failures[waiting.spec.run] = failure
        with suppress(OSError):  # a full disk: the failure is known here all the same
            if folder.claim():
                folder.fail(failure.reason, failure.kind)
        with suppress(OSError):
            folder.release()

    def _put_back(self, waiting: _Waiting, failure: Failure) -> bool:
        """Let a run wait for another attempt; False if there is to be none."""
        waiting.attempts += 1
        if failure.kind not in TRANSIENT or waiting.attempts > self.retries.most:
            return False
        waiting.ready = time.monotonic() + self.retries.backoff * 2 ** (waiting.attempts - 1)
        self._waiting.insert(0, waiting)
        return True

    def _broken_limit(self, running: _Running) -> Failure | None:
        now = time.monotonic()
        if self.limits.seconds is not None and now - running.begun > self.limits.seconds:
            return Failure("time", f"took longer than {self.limits.seconds:.0f} s")
        if self.limits.memory is not None:
            used = _resident_bytes(running.process.pid)
            if used > self.limits.memory:
                return Failure(
                    "memory limit", f"used {used >> 20} MiB of memory; the limit is {self.limits.memory >> 20}"
                )
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
            running.signal(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for running in self._running:
            while not running.has_ended() and time.monotonic() < deadline and not self._hurrying:
                time.sleep(TICK_SECONDS / 2)
            running.end()
        self._running.clear()


def _told(folder: RunFolder) -> Failure | None:
    """Return what the attempt itself said of its failure."""
    try:
        said = folder.failure()
        return Failure(said["kind"], said["reason"]) if said else None
    except (CorruptRunError, KeyError):
        return None


def _status(returncode: int) -> int:
    """Return the guardian's exit status as a shell would: it may itself have been killed."""
    return returncode if returncode >= 0 else 128 - returncode


def _counters(folder: RunFolder) -> tuple[int, ...] | None:
    """Return whether the attempt is past its first iteration, and the steps counted so far; None before it says."""
    try:
        progress = folder.progress()
        return tuple(progress[name] for name in ("warm", "environment_steps", "gradient_steps", "meta_test_steps"))
    except (CorruptRunError, KeyError):
        return None


def _resident_bytes(leader: int) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(leader)
        for member in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += member.memory_info().rss
    return total
