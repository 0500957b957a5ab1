"""Leases: who works on a run. Numbered files, of which the highest counts.

A run is taken by creating the next number, which only one process can do. Numbers are never used twice, so that
nobody can take over another lease than the one it judged. A lease whose owner is known to have died on this machine is
free at once; any other, such as that of a process which cannot be seen from here, is free when it was not renewed for
its term, measured on the judge's own monotonic clock: no clocks are compared, so that a clock that is set back or runs
ahead takes nothing from a living owner.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

LEASE_SECONDS = 60.0
"""A lease that was not renewed for so long may be taken over."""

PROC = Path("/proc")

_NAME = re.compile(r"(\d{6,})\.(json|released)")

Clock = Callable[[], float]

Wait = Callable[[float], None]


class LostLeaseError(Exception):
    """The process was taken for dead, and must write nothing more."""


class Holder(NamedTuple):
    """The lease that counts."""

    number: int
    renewed: int
    """Modification time in nanoseconds; only compared for equality."""
    owner: dict[str, Any]


class _Process(NamedTuple):
    state: str
    """A letter; Z and X are of the dead."""
    started: int
    """Ticks since the boot."""


class Lease:
    """A lease held by this process."""

    def __init__(self, path: Path, clock: Clock = time.monotonic, wait: Wait = time.sleep) -> None:
        self.path, self.clock, self.wait = path, clock, wait
        self._renewed = clock()

    def renew(self) -> None:
        """Go on holding the lease.

        Raises
        ------
        LostLeaseError
            If somebody has taken the run over.
        """
        try:
            os.utime(self.path)
        except FileNotFoundError as error:
            raise LostLeaseError(f"{self.path}: the run was taken over") from error
        if self.clock() - self._renewed >= LEASE_SECONDS:
            # The process slept, or the machine starved it: whoever is about to take over does so at once or not at all.
            self.wait(1.0)
        if _highest(self.path.parent) != (int(self.path.stem), "json"):
            raise LostLeaseError(f"{self.path}: the run was taken over")
        self._renewed = self.clock()

    def check(self) -> None:
        """Make sure that the lease is still held; renew it if its term is over.

        Raises
        ------
        LostLeaseError
            If somebody has taken the run over.
        """
        if self.clock() - self._renewed >= LEASE_SECONDS:
            self.renew()
        elif _highest(self.path.parent) != (int(self.path.stem), "json"):
            raise LostLeaseError(f"{self.path}: the run was taken over")

    def release(self) -> None:
        """Give the run back."""
        if self.path.exists():
            self.path.rename(self.path.with_suffix(".released"))


def look(folder: Path) -> tuple[int, Holder | None]:
    """Return the highest number of a folder of leases, and who holds it: nobody if it was given back."""
    number, state = _highest(folder)
    path = folder / f"{number:06}.json"
    if state != "json":
        return number, None
    try:
        renewed, content = renewal(path)
    except FileNotFoundError:
        return number, None  # released meanwhile
    try:
        owner = json.loads(content)
    except (ValueError, RecursionError):
        owner = {}  # not yet written, or damaged: known by its renewals alone
    return number, Holder(number, renewed, owner if isinstance(owner, dict) else {})


def renewal(path: Path) -> tuple[int, bytes]:
    """Return when a file was renewed, and what it holds: of the file as it is opened, not as it was last looked at.

    A machine that shares a file system may remember a file's times for as long as a lease's term; what it opens, it
    asks for anew.

    Raises
    ------
    FileNotFoundError
        If it is gone.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError:
        return path.lstat().st_mtime_ns, b""  # another user's, or no file: its renewals count all the same
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        return status.st_mtime_ns, file.read() if stat.S_ISREG(status.st_mode) else b""


def is_held(folder: Path) -> bool:
    """True if somebody seems to be working, by the wall clock: good enough to show, not to take a run over."""
    _, found = look(folder)
    return found is not None and (_owner_lives(found.owner) or (not owner_died(found.owner) and _fresh(found)))


def owner_died(owner: dict[str, Any]) -> bool:
    """True if an owner is known to have died: it ran on this machine, and its process is gone."""
    return _fate(owner) == "dead"


def _owner_lives(owner: dict[str, Any]) -> bool:
    """True if an owner is known to live: it runs on this machine, however long it may be that it renewed its lease."""
    return _fate(owner) == "alive"


def _fate(owner: dict[str, Any]) -> Literal["alive", "dead", "unknown"]:
    """Judge an owner by its process; where that cannot be seen, its lease must tell."""
    machine, pid, started = (owner.get(key) for key in ("machine", "pid", "started"))
    if machine is None or machine != _machine() or not isinstance(pid, int) or pid <= 0:
        return "unknown"
    try:
        os.kill(pid, 0)  # answers even where /proc hides the processes of other users
    except (ProcessLookupError, OverflowError):
        return "dead"
    except PermissionError:
        pass
    seen = _stat(pid)
    if seen is None or not isinstance(started, int):
        return "unknown"
    return "alive" if seen.state not in "ZX" and seen.started == started else "dead"


def release_of(folder: Path, host: str) -> None:
    """Give a run back for an owner that was alone on a host which is known to be gone."""
    number, found = look(folder)
    if found is not None and str(found.owner.get("machine", "")).startswith(f"{host} "):
        with suppress(OSError):
            (folder / f"{number:06}.json").rename(folder / f"{number:06}.released")


def take(
    folder: Path, clock: Clock = time.monotonic, wait: Wait = time.sleep, patience: float = LEASE_SECONDS
) -> Lease | None:
    """Take a run; None if somebody holds it who may be alive.

    Where the holder cannot be seen to have died, this watches it for up to a term, or gives up when patience ends.
    """
    folder.mkdir(exist_ok=True)
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "is a link")
    number, found = look(folder)
    if found is not None and _owner_lives(found.owner):
        return None
    since = clock()
    while found is not None and not owner_died(found.owner):
        if clock() - since >= LEASE_SECONDS:
            break
        if clock() - since >= patience:
            return None
        wait(LEASE_SECONDS / 120)
        number, now = look(folder)
        if now is not None and now != found:
            return None
        found = now
    return _create(folder, number + 1, clock, wait)  # the next to the one that was judged, and no other


def _fresh(found: Holder) -> bool:
    return abs(time.time() - found.renewed / 1e9) < LEASE_SECONDS


def _create(folder: Path, number: int, clock: Clock, wait: Wait) -> Lease | None:
    path = folder / f"{number:06}.json"
    lease = Lease(path, clock, wait)
    try:
        with path.open("x", encoding="utf-8") as file:
            seen = _stat(os.getpid())
            owner = {"machine": _machine(), "pid": os.getpid(), "started": seen and seen.started}
            try:
                json.dump(owner, file)
                file.flush()
            except OSError:
                path.unlink()  # on a full disk: a lease without an owner would hold the run for its term
                raise
    except FileExistsError:
        return None
    until = clock() + LEASE_SECONDS / 6
    while _highest(folder)[0] < number:  # a listing that lags would hide others as well
        if clock() >= until:
            path.unlink()
            raise OSError(errno.ESTALE, "listings lag behind; see: suite doctor --store")
        wait(LEASE_SECONDS / 600)
    if _highest(folder) != (number, "json"):  # judged long ago: others have come and gone
        path.unlink()
        return None
    for old in folder.iterdir():
        match = _NAME.fullmatch(old.name)
        if match and int(match[1]) < number - 1:
            old.unlink(missing_ok=True)
    return lease


def _highest(folder: Path) -> tuple[int, str]:
    try:
        names = [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return 0, "released"
    matches = [match for match in map(_NAME.fullmatch, names) if match]
    return max(((int(match[1]), match[2]) for match in matches), default=(0, "released"))


def _machine() -> str | None:
    """Name the space in which process numbers mean something: host, boot and process namespace; None if unknown."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{socket.gethostname()} {boot} {(PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return None


def _stat(pid: int) -> _Process | None:
    """Look at a process; None if it cannot be seen."""
    try:
        status = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return _Process(status[0].decode(), int(status[19]))
    except (OSError, ValueError, IndexError):
        return None
