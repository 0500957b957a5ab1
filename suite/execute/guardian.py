"""Stands between a scheduler and a run's process, and outlives neither: run as a script, of the standard library alone.

`python guardian.py LOG GRACE COMMAND...` runs the command in its own process group, keeps the newest part of what it
prints in LOG, and ends as it ends (128 + N for signal N). Its standard input is a pipe that the scheduler holds and
never writes to: when it closes, the scheduler is dead, and the group gets SIGTERM, GRACE seconds, and SIGKILL.
"""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

LOG_BYTES = 4 * 1024 * 1024
"""Most bytes of the log and of its predecessor, each."""


Poll = Callable[[], "int | None"]
"""Returns None, or the status of a process that has ended: negative for a signal."""


def _append(path: Path) -> io.FileIO:
    """Open a file for appending, but no link or pipe that an earlier attempt has left in its place."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    return io.FileIO(os.open(path, flags, 0o666), "ab")


class BoundedLog:
    """A log file of which only the newest part is kept, in two files."""

    def __init__(self, path: Path) -> None:
        self.path, self.old = path, path.with_suffix(".old" + path.suffix)
        self.file = _append(path)

    def write(self, content: bytes) -> None:
        """Add some output; a full disk must not stop the run."""
        try:
            if self.file.tell() + len(content) > LOG_BYTES:
                self.path.replace(self.old)
                full, self.file = self.file, _append(self.path)
                full.close()
            self.file.write(content)
        except OSError:
            with suppress(OSError):  # the file may be another one since the store came back
                self.file = _append(self.path)


def guard(log: BoundedLog, grace: float, scheduler: int, start: Callable[[], tuple[Poll, int]]) -> int:
    """Have a process started, and look after it; return its exit status as a shell would.

    Parameters
    ----------
    log : what it prints goes there.
    grace : seconds between asking it to stop and killing it, when the scheduler is dead.
    scheduler : file descriptor that becomes readable when the scheduler dies.
    start : starts it; returns what says whether it has ended, and the file descriptor that its output is read from.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)  # meant for the run; unlike SIG_IGN, not inherited by it
    poll, output = start()
    watched = [scheduler, output]
    deadline = float("inf")
    while (status := poll()) is None:
        if time.monotonic() >= deadline:
            os.killpg(0, signal.SIGKILL)  # this process included
        readable, _, _ = select.select(watched, [], [], 0.1)
        if output in readable and not _copy(output, log):
            watched.remove(output)
        if scheduler in readable:
            watched.remove(scheduler)
            deadline = time.monotonic() + grace
            os.killpg(0, signal.SIGTERM)
    os.set_blocking(output, False)
    while _copy(output, log):
        pass
    if deadline < float("inf"):
        os.killpg(0, signal.SIGKILL)  # nobody else is left to end what the run may have started
    return status if status >= 0 else 128 - status


def started(command: list[str]) -> tuple[Poll, int]:
    """Start a command, as `guard` wants it."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    return process.poll, process.stdout.fileno()


def status_without_log(error: OSError) -> int:
    """Return the exit status of a run whose log cannot be opened."""
    if isinstance(error, PermissionError):
        return os.EX_NOPERM  # as a run whose folder is somebody else's
    return os.EX_IOERR  # as a run that cannot write its store


def _copy(output: int, log: BoundedLog) -> bool:
    try:
        content = os.read(output, 1 << 16)
    except BlockingIOError:
        return False
    log.write(content)
    return bool(content)


def main() -> None:
    """Be the guardian that the module's docstring describes."""
    log, grace, *command = sys.argv[1:]
    try:
        bounded = BoundedLog(Path(log))
    except OSError as error:
        sys.exit(status_without_log(error))
    sys.exit(guard(bounded, float(grace), sys.stdin.fileno(), lambda: started(command)))


if __name__ == "__main__":
    main()
