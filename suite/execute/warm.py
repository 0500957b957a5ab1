"""A process that has imported what runs import, and forks their processes.

`python -P -m suite.execute.warm MODULE STORE`; the store is named for whoever lists the machine's processes.

Its standard input is a socket of the scheduler's. A datagram is a `Request` in JSON with the file descriptor of another
socket, which stands for the attempt. The server forks a guardian, the leader of its own session; the guardian sends its
process number through that socket, forks the run's process, which goes on as `python -m MODULE ARGUMENTS` would, and
sends the exit status when it has ended. When the socket closes, the scheduler is dead. A guardian that has ended keeps
its number until a datagram with nothing but that number comes: nobody else is killed for it.

The server has one thread, so that no lock is held by nobody after a fork; where an import has started another, it ends
before it serves.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NoReturn, TypedDict

from suite.execute.executor import GRACE_SECONDS
from suite.execute.guardian import BoundedLog, Poll, guard, status_without_log
from suite.versions import code_hash

IMPORTS = {
    "suite": (
        "suite.cli",
        "suite.plan.revisions",
        "suite.plan.user_modules",
        "suite.store.checkpoint",
        "suite.training.protocol",
        "suite.training.provenance",
        "algorithms.maml_trpo",
        "algorithms.mql",
        "algorithms.oracle_sac",
        "algorithms.rl2_ppo",
        "algorithms.tcl_pearl",
        "environments.controls.cheetah",
        "environments.ml1.family",
    )
}
"""The modules that runs of a module import, but for pandas: the library by which it reads files starts a thread."""

MOST_BYTES = 1 << 18
"""Bytes of a datagram."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


ANSWER_SECONDS = 300.0
"""Seconds for a fork, imports included; then processes are started anew."""


class Request(TypedDict):
    """An attempt to start."""

    log: str
    grace: float
    """Seconds between asking the run to stop and killing it, should the scheduler die."""
    arguments: list[str]
    environment: dict[str, str]
    """Variables that are the attempt's own."""


# The scheduler's side


class WarmServer:
    """A server for the processes of one command, started when it is first needed; ends with the `with` statement.

    Parameters
    ----------
    command : `python ... -m MODULE ...`; what comes after MODULE may differ from run to run.
    results : the store.
    environment : variables beyond this process's own, of the server and so of all runs.
    """

    def __init__(self, command: Sequence[str], results: Path, environment: Mapping[str, str]) -> None:
        options = command.index("-m")
        self.command = [*command[: options + 1], __name__, command[options + 1], str(results)]
        self.environment = {**os.environ, **environment}
        self._arguments = options + 2
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> WarmServer:
        """Start nothing yet."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._control is not None:
            self._control.close()

    @property
    def pid(self) -> int | None:
        """Its process number; None before it is needed."""
        return None if self._process is None else self._process.pid

    def start(self, log: str, command: Sequence[str], environment: dict[str, str]) -> ForkedGuardian | None:
        """Have a run's process forked; None if this server cannot."""
        attempt, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = Request(
            log=log, grace=GRACE_SECONDS, arguments=[*command[self._arguments :]], environment=environment
        )
        try:
            with theirs:
                control = self._open()
                socket.send_fds(control, [json.dumps(request).encode()], [theirs.fileno()])
            attempt.settimeout(ANSWER_SECONDS)
            pid = int(attempt.recv(MOST_BYTES))
        except (OSError, ValueError):  # it has died, or never answers
            attempt.close()
            return None
        attempt.setblocking(False)
        return ForkedGuardian(pid, attempt, control)

    def _open(self) -> socket.socket:
        """Return the socket of the server; one that has died is not started again."""
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),  # cannot seek, as the pipes of runs: streams are made but once
                    stderr=theirs.fileno(),
                    env=self.environment,
                    start_new_session=True,  # a Ctrl-C reaches it through this process alone
                )
        return self._control


class ForkedGuardian:
    """A guardian that a server has forked, and the run's process after it."""

    def __init__(self, pid: int, attempt: socket.socket, control: socket.socket) -> None:
        self.pid, self._attempt, self._control = pid, attempt, control
        self._status: int | None = None

    def has_ended(self) -> bool:
        """True if it has said how the run ended, or died."""
        if self._status is None:
            with suppress(BlockingIOError):
                self._status = int(self._attempt.recv(MOST_BYTES) or 128 + signal.SIGKILL)
        return self._status is not None

    def wait(self) -> int:
        """Wait for its end; return the run's status, as a shell would."""
        self._attempt.settimeout(None)
        self.has_ended()
        self._attempt.close()
        with suppress(OSError):  # the server has died
            self._control.sendall(str(self.pid).encode())
        assert self._status is not None  # noqa: S101 - it has ended
        return self._status


# The server's side


def serve(control: socket.socket) -> list[str]:
    """Fork what is asked for until the scheduler is gone; returns in the process of a run, with its arguments."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, MOST_BYTES, 1)
        if not message:
            sys.exit(0)
        asked = json.loads(message)
        if isinstance(asked, int):
            os.waitpid(asked, 0)
            continue
        (attempt,) = descriptors
        # Whatever comes before the guardian or the run can take it is delivered then.
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        if os.fork() == 0:
            control.close()
            return begin(asked, attempt)
        os.close(attempt)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def begin(request: Request, attempt: int) -> list[str]:
    """Be the guardian of a run to its end; returns in the run's own process, with its arguments."""
    os.setsid()
    os.write(attempt, f"{os.getpid()}\n".encode())
    try:
        log = BoundedLog(Path(request["log"]))
    except OSError as error:
        return end(attempt, status_without_log(error))
    output, printed = os.pipe()
    run = os.fork()
    if run == 0:
        for descriptor in (1, 2):
            os.dup2(printed, descriptor)
        for descriptor in (attempt, output, printed):
            os.close(descriptor)
        log.file.close()
        os.environ.update(request["environment"])
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return request["arguments"]
    os.close(printed)

    def poll() -> int | None:
        ended, status = os.waitpid(run, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if ended else None

    def start() -> tuple[Poll, int]:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return poll, output

    return end(attempt, guard(log, request["grace"], attempt, start))


def end(attempt: int, status: int) -> NoReturn:
    """Say how the run ended, and end: nothing that was imported is cleaned up twice."""
    with suppress(OSError):  # the scheduler is dead
        os.write(attempt, f"{status}\n".encode())
    os._exit(0)


def main() -> None:
    """Import, serve, and become a run."""
    module, _ = sys.argv[1:]
    control = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):  # runs read nothing, and have outputs of their own
        os.dup2(nothing, descriptor)
    os.close(nothing)
    for name in IMPORTS.get(module, ()):
        with suppress(Exception):  # a run that needs it fails on it, and says so in its log
            import_module(name)
    code_hash()  # of the sources as they were imported
    if len([*Path("/proc/self/task").iterdir()]) > 1:
        sys.exit("another thread runs here")
    gc.collect()
    gc.freeze()  # a collection would touch, and so copy, what runs share
    sys.argv[1:] = serve(control)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
