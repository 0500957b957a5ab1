"""Another user's folders, for tests that may run as root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOMEBODY_ELSE = 12345
OVERRIDES = 0b110
"""The capabilities CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Set(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def give_away(path: Path, mode: int = 0o700) -> None:
    """Make a folder, and what is in it, another user's, with a umask of 077 by default."""
    for each in (*path.rglob("*"), path):
        each.chmod(mode if each.is_dir() else mode & 0o666)
    if os.geteuid() == 0:
        for each in (*path.rglob("*"), path):
            os.chown(each, SOMEBODY_ELSE, SOMEBODY_ELSE)
    else:
        path.chmod(mode >> 6 & 0 if mode == 0o700 else mode & 0o555)


@contextmanager
def as_anybody() -> Iterator[None]:
    """Be held to permissions, even as root."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (_Set * 2)()
    if libc.capget(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capget")
    before = sets[0].effective
    sets[0].effective &= ~OVERRIDES
    if libc.capset(ctypes.byref(header), sets):
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        sets[0].effective = before
        libc.capset(ctypes.byref(header), sets)
