"""The limits that the control groups of this process set: those of containers, batch systems and services.

A process lies in a group of each hierarchy (version 1: one for each controller; version 2: one for all), and is held to
the limits of that group and of all above it, as far as they are mounted here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

UNLIMITED = 2**60
"""Bytes, from which on version 1 means none."""


def cores(root: Path = Path("/")) -> float:
    """Return the processors that quotas allow; infinity if there are none.

    Parameters
    ----------
    root : where the machine's files lie.
    """
    return _least(root, "cpu", _quota)


def memory(root: Path = Path("/")) -> float:
    """Return the bytes that are left of limits, counting what can be reclaimed; infinity if there are none."""
    return _least(root, "memory", _left)


def _quota(group: Path) -> float:
    if (group / "cpu.max").exists():
        quota, period = _text(group / "cpu.max").split()
    else:
        quota, period = (
            _text(group / "cpu.cfs_quota_us"),
            _text(group / "cpu.cfs_period_us"),
        )
    return float("inf") if quota == "max" or int(quota) < 0 else int(quota) / int(period)


def _left(group: Path) -> float:
    if (group / "memory.max").exists():
        limits, used, idle = ["memory.max", "memory.high"], "memory.current", "inactive_file"
    else:
        limits, used, idle = ["memory.limit_in_bytes"], "memory.usage_in_bytes", "total_inactive_file"
    written = [_text(group / name).strip() for name in limits if (group / name).exists()]
    limit = min((int(value) for value in written if value != "max"), default=UNLIMITED)
    if limit >= UNLIMITED:
        return float("inf")
    statistics = dict(line.split() for line in _text(group / "memory.stat").splitlines())
    return max(0, limit - int(_text(group / used)) + int(statistics.get(idle, 0)))


def _least(root: Path, controller: str, allows: Callable[[Path], float]) -> float:
    least = float("inf")
    for group in _groups(root, controller):
        with suppress(OSError, ValueError):  # the topmost has no limits, and others may not be read
            least = min(least, allows(group))
    return least


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups that have a controller, from its own up to what is mounted."""
    try:
        memberships = [line.split(":", 2) for line in _text(root / "proc/self/cgroup").split("\n") if line]
        mounts = [line.split() for line in _text(root / "proc/self/mountinfo").splitlines()]
    except OSError:
        return
    for _, controllers, path in memberships:
        for mount in mounts:
            kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
            if (kind == "cgroup2" and not controllers) or (
                kind == "cgroup" and controller in controllers.split(",") and controller in options
            ):
                group, top = PurePosixPath(path), PurePosixPath(mount[3])
                seen = group.is_relative_to(top) and ".." not in group.parts  # else what is mounted is its own group
                below = group.relative_to(top) if seen else PurePosixPath()
                place = root / mount[4].lstrip("/")
                yield from (place / folder for folder in (below, *below.parents))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
