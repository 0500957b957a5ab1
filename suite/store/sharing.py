"""The demands of leases and results on a file system that machines share, tried by two processes.

The other process is this module as a program: it does in the same folder what its standard input asks, and answers in
lines of JSON. It can be started anywhere that sees the folder.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from suite.store.files import read_regular, write_atomically
from suite.store.lease import LEASE_SECONDS, renewal

LAG_SECONDS = LEASE_SECONDS / 6
"""The greatest lag of listings and renewals: the time between two renewals of a lease."""

ANSWER_SECONDS = 45.0
"""Seconds for one question; with all of them, the check takes at most about a minute where anything works."""

ROUNDS = 100

LOOKUPS = 10
"""After which a file that is being replaced must have been found."""


class Finding(NamedTuple):
    """The answer to one demand."""

    what: str
    holds: bool
    found: str


class _Mute(Exception):
    """The other process has ended, or says nothing."""


def names(folder: Path) -> set[str]:
    """List a folder."""
    return {path.name for path in folder.iterdir()}


def create(folder: Path, prefix: str, rounds: int) -> list[str]:
    """Try to create some files that the other process tries to create too; return which this one did."""
    won = []
    for number in range(rounds):
        try:
            (folder / f"{prefix}{number}").open("x", encoding="utf-8").close()
            won.append(f"{prefix}{number}")
        except FileExistsError:
            continue
    return won


def meet(folder: Path, mine: str, other: str, rounds: int) -> list[int]:
    """Create a file, then list the folder, again and again; return in which rounds the other's file was there."""
    met = []
    for number in range(rounds):
        (folder / f"{mine}{number}").touch()
        if f"{other}{number}" in names(folder):
            met.append(number)
    return met


def await_listing(folder: Path, name: str) -> float | None:
    """Return the seconds until a listing shows a file that is there; None if it does not within `LAG_SECONDS`."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) <= LAG_SECONDS:
        if name in names(folder):
            return waited
        time.sleep(0.01)
    return None


def await_renewal(folder: Path, name: str, renewed: int) -> float | None:
    """Return the seconds until a file has another time of renewal, seen as leases see it; None if too late."""
    begun = time.monotonic()
    while (waited := time.monotonic() - begun) <= LAG_SECONDS:
        if renewal(folder / name)[0] != renewed:
            return waited
        time.sleep(0.01)
    return None


def replace(folder: Path, name: str, rounds: int) -> int:
    """Replace a file by newer ones; return how many."""
    for number in range(1, rounds + 1):
        write_atomically(folder / name, f"{number} ".encode() * 1000)
    return rounds


def reread(folder: Path, name: str, seconds: float) -> str:
    """Read a file that is being replaced; return what was wrong."""
    newest, away, deadline = 0, 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            words = read_regular(folder / name).split()
        except FileNotFoundError:  # looked up just before it was replaced, where that and opening are two steps
            away += 1
            if away > LOOKUPS:
                return "it was away"
            continue
        away = 0
        if len(set(words)) != 1 or len(words) != 1000:
            return "half of it was seen"
        if int(words[0]) < newest:
            return "an older one was seen after a newer one"
        newest = int(words[0])
    return ""


ACTIONS = {function.__name__: function for function in (create, meet, await_listing, await_renewal, replace, reread)}


class Other:
    """The other process."""

    def __init__(self, folder: Path, where: Sequence[str]) -> None:
        command = [*where, sys.executable, "-m", "suite.store.sharing", str(folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.host = self.answer()

    def ask(self, action: str, *arguments: Any) -> None:
        """Let it begin with something."""
        assert self.process.stdin is not None  # noqa: S101 - a pipe was asked for
        try:
            self.process.stdin.write(json.dumps([action, *arguments]) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise _Mute from error

    def answer(self) -> Any:
        """Wait for what it says."""
        import select

        assert self.process.stdout is not None  # noqa: S101 - a pipe was asked for
        if not select.select([self.process.stdout], [], [], ANSWER_SECONDS)[0]:
            raise _Mute("it did not answer")
        line = self.process.stdout.readline()
        if not line:
            raise _Mute(" ".join(self.process.communicate()[1].split("\n")[-2:]).strip() or "it has ended")
        return json.loads(line)

    def end(self) -> None:
        """Let it go."""
        self.process.kill()
        self.process.communicate()


def examine(folder: Path, where: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield whether each need is met in a folder, which is made for it and removed.

    Parameters
    ----------
    folder : where; it must not exist.
    where : words before the command that starts the other process, to start it elsewhere.
    """
    import shutil

    folder.mkdir()
    other = None
    try:
        try:
            write_atomically(folder / "value", b"0 " * 1000)
            yield Finding("sync", True, "files and folders can be flushed to the disk")
        except OSError as error:
            yield Finding("sync", False, f"nothing would outlive a crash: {error.strerror}")
            return
        try:
            other = Other(folder, where)
            yield Finding("processes", True, f"one on {socket.gethostname()}, the other on {other.host}")
            yield from _together(folder, other)
        except _Mute as error:
            yield Finding("processes", False, f"the other process: {error}")
    finally:
        if other is not None:
            other.end()
        deadline = time.monotonic() + LAG_SECONDS
        while folder.exists() and time.monotonic() < deadline:  # what is not yet listed is not removed
            shutil.rmtree(folder, ignore_errors=True)
            time.sleep(0.1 if folder.exists() else 0.0)


def _together(folder: Path, other: Other) -> Iterator[Finding]:
    other.ask("create", "c", ROUNDS)
    won = create(folder, "c", ROUNDS) + other.answer()
    twice, nobody = len(won) - len(set(won)), ROUNDS - len(set(won))
    found = f"{twice} of {ROUNDS} files were created by both, {nobody} by neither" if twice or nobody else ""
    yield Finding("exclusive", not found, found or f"{ROUNDS} files that both tried to create: each by one")

    other.ask("meet", "b", "a", ROUNDS)
    missed = ROUNDS - len({*meet(folder, "a", "b", ROUNDS), *other.answer()})
    found = f"in {missed} of {ROUNDS} rounds, neither saw what the other had created: both could hold a run"
    yield Finding("listings", not missed, found if missed else "whoever creates a file sees what was there before")

    (folder / "late").touch()
    other.ask("await_listing", "late")
    yield _lag("lag", "a new file is listed", other.answer())

    renewed = renewal(folder / "late")[0]
    other.ask("await_renewal", "late", renewed)
    os.utime(folder / "late")
    yield _lag("renewals", "a renewed lease is seen", other.answer())

    other.ask("reread", "value", 2.0)
    replace(folder, "value", ROUNDS)
    wrong = other.answer()
    found = f"while a file was replaced, {wrong}" if wrong else "a file that is replaced is seen whole, old or new"
    yield Finding("rename", not wrong, found)


def _lag(what: str, event: str, seconds: float | None) -> Finding:
    if seconds is None:
        return Finding(
            what, False, f"{event} only after more than {LAG_SECONDS:.0f} s: a living owner may lose its run"
        )
    return Finding(what, True, f"{event} elsewhere after {seconds:.2f} s; {LAG_SECONDS:.0f} s would do")


def name() -> str:
    """Return a name for the folder to examine in, of the kind that `suite gc` knows as left over."""
    return f".probe.{os.getpid()}.{secrets.token_hex(4)}"


def main() -> None:
    """Be the other process."""
    folder = Path(sys.argv[1])
    print(json.dumps(socket.gethostname()), flush=True)
    for line in sys.stdin:
        action, *arguments = json.loads(line)
        print(json.dumps(ACTIONS[action](folder, *arguments)), flush=True)


if __name__ == "__main__":
    main()
