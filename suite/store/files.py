"""Files of run folders, which runs may fill with what they like: nothing is written or read through a link."""

from __future__ import annotations

import errno
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

_NO_SYNC = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


def write_atomically(path: Path, content: bytes, *, durably: bool = True) -> None:
    """Write a file so that it is seen whole or not at all; durably, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:  # a new file, and no link that somebody has put there
            file.write(content)
            file.flush()
            if durably:
                os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk, half a file helps nobody
        raise
    if durably:
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    """Make names durable, where the file system can: some of the network refuse folders, and sync with the file."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(folder)


def as_json(value: Any) -> bytes:
    """Return a value as readable JSON, keys sorted."""
    return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def write_json(path: Path, value: Any) -> None:
    """Write a value as readable JSON, atomically."""
    write_atomically(path, as_json(value))


def read_regular(path: Path, offset: int = 0) -> bytes:
    """Read a file from an offset on; what is no regular file, such as a link or a pipe, is not read.

    Raises
    ------
    OSError
        If it is none, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        file.seek(offset)
        return file.read()


def is_own_folder(path: Path) -> bool:
    """True if a folder exists here, and is no link to one elsewhere."""
    return path.is_dir() and not path.is_symlink()
