"""The local executor: a process a run, as many at once as there are workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from suite.spec import RunSpec
from suite.store import RunFolder, Store

GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL when the user interrupts."""

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


class LocalExecutor:
    """Runs `suite exec` in processes of this machine."""

    def __init__(self, store: Store, workers: int) -> None:
        self.store, self.workers = store, workers
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, specs: Sequence[RunSpec], watch: Callable[[], None]) -> None:
        """Run everything; calls `watch` several times a second.

        Whatever ends this call, no process of it is left behind.
        """
        waiting = deque(specs)
        try:
            while waiting or self._processes:
                while waiting and len(self._processes) < self.workers:
                    self._start(waiting.popleft())
                self._collect()
                watch()
                time.sleep(0.2)
        finally:
            self._stop()

    def _start(self, spec: RunSpec) -> None:
        folder = self.store.folder(spec.run)
        folder.prepare(spec)
        with (folder.path / "log.txt").open("ab") as log:
            self._processes[spec.run] = subprocess.Popen(
                [sys.executable, "-m", "suite", "exec", spec.run, "--results", str(self.store.results)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **WORKER_ENVIRONMENT},
                start_new_session=True,  # a Ctrl-C reaches the runs through this process alone
                cwd=Path.cwd(),
            )

    def _collect(self) -> None:
        for run, process in list(self._processes.items()):
            if process.poll() is not None:
                del self._processes[run]
                folder = self.store.folder(run)
                if process.returncode != 0 and folder.state not in ("done", "failed"):
                    _record_death(folder, process.returncode)

    def _stop(self) -> None:
        for process in self._processes.values():
            os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        for run, process in self._processes.items():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self.store.folder(run).release()
        self._processes.clear()


def _record_death(folder: RunFolder, returncode: int) -> None:
    reason = f"killed by {signal.Signals(-returncode).name}" if returncode < 0 else f"ended with status {returncode}"
    folder.fail(reason, "killed" if returncode < 0 else "error")
    folder.release()
