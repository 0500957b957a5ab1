"""The local executor: a process group a run, on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from suite.execute import guardian
from suite.execute.executor import GRACE_SECONDS, LOOK_SECONDS, TICK_SECONDS, Executor
from suite.execute.machine import this_machine
from suite.execute.scheduler import Scheduler
from suite.execute.warm import ForkedGuardian, WarmServer
from suite.failures import Failure, of_exit_status
from suite.store.folder import RunFolder
from suite.store.runs import Store

VANISH_SECONDS = 5.0
"""Seconds for killed processes to vanish; some never do, where nobody waits for orphans."""

WORKER_ENVIRONMENT = {
    # One BLAS thread a process, unless the run says otherwise: small matrices gain nothing from more, and workers would
    # fight for the cores.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Keep freed memory: glibc otherwise maps and unmaps every activation above 128 KiB, page faults included.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 1024 * 1024),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 1024 * 1024 * 1024),
    "PYTHONUNBUFFERED": "1",
}


class LocalExecutor(Executor):
    """Executes runs on this machine; there is nothing to clean up."""

    takes = ("workers",)

    @contextmanager
    def open(self) -> Iterator[Scheduler]:
        """Share the machine among the runs."""
        machine, request = this_machine(), self.request
        command = [sys.executable, "-P", "-m", "suite", *request.command]
        workers = request.workers or machine.room_for(request.runs, request.threads)
        with WarmServer(command, self.store.results, WORKER_ENVIRONMENT) as warm:
            launcher = LocalLauncher(
                self.store,
                command,
                gpus=machine.gpus,
                memory=request.memory,
                warm=warm if request.runs > 1 and sys.platform == "linux" else None,
            )
            yield Scheduler(self.store, launcher, workers, request.limits, request.retries)


class LocalLauncher:
    """Starts each attempt in a process of this machine.

    Parameters
    ----------
    store : where runs are kept.
    command : what executes a run, whose name and store are put after it.
    gpus : the accelerators that slots share in turn.
    memory : bytes resident in all processes of a run beyond which it is stopped; None for no limit.
    warm : forks the processes of the same command; None to start each anew.
    """

    def __init__(
        self,
        store: Store,
        command: Sequence[str],
        *,
        gpus: Sequence[str] = (),
        memory: int | None = None,
        warm: WarmServer | None = None,
    ) -> None:
        self.store, self.command, self.gpus, self.memory, self.warm = store, list(command), list(gpus), memory, warm
        self._processes = Processes()

    def start(self, folder: RunFolder, slot: int) -> LocalAttempt:
        """Start an attempt at a run under a guardian, which ends it should this process die."""
        own = {"CUDA_VISIBLE_DEVICES": self.gpus[slot % len(self.gpus)]} if self.gpus else {}
        command = [*self.command, folder.run, "--results", str(self.store.results)]
        log = str(folder.path / "log.txt")
        forked = self.warm.start(log, command, own) if self.warm else None
        return LocalAttempt(forked or StartedGuardian(log, command, own), self.memory, self._processes)


class StartedGuardian:
    """A guardian that was started with the command of a run, and a warm process's equal (`ForkedGuardian`)."""

    def __init__(self, log: str, command: Sequence[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, log, str(GRACE_SECONDS), *command],
            stdin=subprocess.PIPE,
            env={**os.environ, **WORKER_ENVIRONMENT, **environment},
            start_new_session=True,  # a Ctrl-C reaches the runs through this process alone
        )
        self.pid = self._process.pid

    def has_ended(self) -> bool:
        """True if it has ended; it is not waited for, so that its number stays its own."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def wait(self) -> int:
        """Wait for its end; return its status, as a shell would."""
        self._process.communicate()
        status = self._process.returncode
        return status if status >= 0 else 128 - status  # it may itself have been killed


class LocalAttempt:
    """An attempt at a run in a process group, whose leader is the guardian."""

    def __init__(self, leader: StartedGuardian | ForkedGuardian, memory: int | None, processes: Processes) -> None:
        self.leader, self.memory, self._processes = leader, memory, processes

    def stop(self) -> None:
        """Send SIGTERM to the whole group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the whole group."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.leader.pid, number)

    def has_ended(self) -> bool:
        """True if the leader has ended, which keeps its number until `end`."""
        return self.leader.has_ended()

    def over_memory(self) -> Failure | None:
        """Compare what is resident with the limit."""
        if self.memory is None or (used := self._processes.resident_bytes(self.leader.pid)) <= self.memory:
            return None
        return Failure("memory limit", f"used {used >> 20} MiB of memory; the limit is {self.memory >> 20}")

    def end(self) -> Failure:
        """Kill whatever is left of the group, and see it gone: until then its lease would count."""
        self.kill()
        status = self.leader.wait()
        deadline = time.monotonic() + VANISH_SECONDS
        with suppress(ProcessLookupError):
            while time.monotonic() < deadline:
                os.killpg(self.leader.pid, 0)
                time.sleep(TICK_SECONDS / 10)
        return of_exit_status(status)


class _Process(NamedTuple):
    parent: int
    group: int
    resident: int
    """Bytes."""


class Processes:
    """The processes of this machine that can be seen, looked at once for all runs."""

    def __init__(self) -> None:
        self._seen: dict[int, _Process] = {}
        self._look_at = 0.0

    def resident_bytes(self, leader: int) -> int:
        """Return what is resident of a group, and of all that its leader has started, but not of the leader."""
        if time.monotonic() >= self._look_at:
            self._seen = dict(_processes())
            self._look_at = time.monotonic() + LOOK_SECONDS / 2
        return sum(
            process.resident for pid, process in self._seen.items() if pid != leader and self._belongs(pid, leader)
        )

    def _belongs(self, pid: int, leader: int) -> bool:
        while (process := self._seen.get(pid)) is not None:
            if leader in (pid, process.group):
                return True
            pid = process.parent
        return False


def _processes() -> Iterator[tuple[int, _Process]]:
    page = os.sysconf("SC_PAGE_SIZE")
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):  # ended meanwhile, or another user's
                stat = (path / "stat").read_bytes().rpartition(b")")[2].split()
                yield int(path.name), _Process(int(stat[1]), int(stat[2]), int(stat[21]) * page)
