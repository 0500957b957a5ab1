"""A peer's process: started in its own environment, spoken to over a pipe, and gone with this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from algorithms.peers.garage_process.wire import Arrays, Message, Pipe, WireError

ROOT = Path(__file__).parents[2]

SECONDS = 600.0
"""Seconds in which a peer must say something: an environment step, a gradient step, or an answer."""

END_SECONDS = 5.0
"""Seconds for a peer to end once it was hung up on."""


class PeerError(RuntimeError):
    """A peer cannot do its work: it could not be started, has died, or says nothing.

    Parameters
    ----------
    kind : how it failed, as runs fail (see `suite.failures`).
    """

    def __init__(self, kind: Literal["peer", "killed", "silence"], message: str) -> None:
        super().__init__(message)
        self.kind: Literal["peer", "killed", "silence"] = kind


class PeerProcess:
    """A process that answers messages; what it prints goes where this process's errors go.

    Parameters
    ----------
    name : what messages call it.
    command : what starts it.
    seconds : in which it must say something.

    Raises
    ------
    PeerError
        If it cannot be started.
    """

    def __init__(self, name: str, command: Sequence[str], seconds: float = SECONDS) -> None:
        self.name, self.seconds = name, seconds
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=_log(),
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            raise PeerError("peer", f"{name}: {command[0]}: {error.strerror}") from error
        assert self._process.stdin is not None  # noqa: S101 - pipes were asked for
        assert self._process.stdout is not None  # noqa: S101
        self._pipe = Pipe(self._process.stdout.fileno(), self._process.stdin.fileno())
        self.close = weakref.finalize(self, _end, self._process)
        """Hang up, and see the process gone."""

    def send(self, kind: str, values: Mapping[str, Any] | None = None, arrays: Arrays | None = None) -> None:
        """Send a message.

        Raises
        ------
        PeerError
            If the peer has died, or does not take it in time.
        """
        try:
            self._pipe.send(kind, values, arrays, self.seconds)
        except BrokenPipeError as error:
            self.receive()  # its last words, if there are any
            raise self._dead() from error
        except TimeoutError as error:
            raise self._silent() from error

    def receive(self) -> Message:
        """Take the peer's next message.

        Raises
        ------
        PeerError
            If the peer has died, says nothing in time, or says what is no message.
        """
        try:
            message = self._pipe.receive(self.seconds)
        except EOFError as error:
            raise self._dead() from error
        except TimeoutError as error:
            raise self._silent() from error
        except WireError as error:
            self.close()
            raise PeerError("peer", f"{self.name}: sends what is no message: {error}") from error
        if message.kind == "failed":
            *_, last = str(message.values.get("traceback", "")).strip().splitlines() or ["no reason given"]
            self.close()
            raise PeerError("peer", f"{self.name}: {last}")
        return message

    def ask(
        self, kind: str, answer: str, values: Mapping[str, Any] | None = None, arrays: Arrays | None = None
    ) -> Message:
        """Send a message and take the answer; raises as both, and if the answer is of another kind."""
        self.send(kind, values, arrays)
        message = self.receive()
        if message.kind != answer:
            raise PeerError("peer", f"{self.name}: answers {kind!r} with {message.kind!r}")
        return message

    def _dead(self) -> PeerError:
        self.close()
        status = self._process.returncode
        if status < 0:
            return PeerError("killed", f"{self.name}: killed by {signal.Signals(-status).name}")
        return PeerError("peer", f"{self.name}: ended with status {status}; its log is the run's")

    def _silent(self) -> PeerError:
        self._process.kill()
        self.close()
        return PeerError("silence", f"{self.name}: said nothing for {self.seconds:g} s")


def _log() -> int | None:
    try:
        return sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):
        return None  # replaced by something without a descriptor: the process's own


def _end(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
