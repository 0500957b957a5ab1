"""The kinds of failures, and which are worth another attempt."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple

from suite.errors import in_one_line

Kind = Literal[
    "error",  # an exception
    "budget",  # the budget does not cover an iteration
    "diverged",  # a number that is not finite
    "time",  # over the limit on wall-clock time
    "memory limit",  # over the run's own limit
    "memory",  # no memory left on the machine or its accelerator
    "silence",  # nothing counted for too long
    "killed",  # by a signal from elsewhere: the machine's memory ran out, a node was lost
    "storage",  # the disk was full or away
    "permission",  # a folder or file of the store is somebody else's
    "held",  # somebody else is working on the run
    "engine",  # the container engine was away or refused
    "peer",  # a published implementation's own process failed, or its environment is missing
]

TRANSIENT: frozenset[str] = frozenset({"killed", "memory", "silence", "storage", "engine"})
"""Worth another attempt from the last checkpoint. The others are deterministic: they would fail again."""

RETRIES = 2
"""Further attempts at a run after transient failures, whoever makes them, unless somebody says otherwise."""

STORAGE_STATUS = 74
"""Exit status of a run's process if its store could not be written: maybe it could not say so there (EX_IOERR)."""

PERMISSION_STATUS = 77
"""Exit status of a run's process if it may not write its folder (EX_NOPERM)."""

INTERRUPTED_STATUS = 130
"""Exit status of a run's process if it was asked to stop."""

HELD_STATUS = 75
"""Exit status of a run's process if somebody else is working on the run (EX_TEMPFAIL)."""

_PERMISSION = {errno.EACCES, errno.EPERM}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG}
_AWAY = {
    *(errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED),
    *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.ESHUTDOWN),
    *(errno.EREMOTEIO, errno.ENODEV, errno.ENXIO, errno.ENOLINK, errno.ECOMM, errno.EPROTO, errno.EUCLEAN),
    *(errno.ENOLCK, errno.EBUSY, errno.EAGAIN, errno.EMFILE, errno.ENFILE),
}
"""The errors of a network's file system while it is away, and of a machine that has no handle or lock to give."""


class Failure(NamedTuple):
    """The reason of a failed attempt."""

    kind: Kind
    reason: str


class FailedRunError(Exception):
    """Ends a run in a way that has a kind of its own; the message is the reason as it is shown."""

    kind: ClassVar[Kind]


Translator = Callable[[BaseException], Failure | None]

_TRANSLATORS: list[Translator] = []


def register(translator: Translator) -> Translator:
    """Have exceptions of a library classified by whoever imports the library; returns the translator.

    Parameters
    ----------
    translator : returns None for what is none of its exceptions.
    """
    _TRANSLATORS.append(translator)
    return translator


def of_exception(error: BaseException) -> Failure:
    """Classify an exception that ended an attempt; those of libraries as the translators say that were registered."""
    if isinstance(error, FailedRunError):
        return Failure(error.kind, in_one_line(error) or type(error).__name__)
    reason = ": ".join(filter(None, (type(error).__name__, in_one_line(error))))
    if isinstance(error, OSError) and error.errno in _FULL | _AWAY:
        return Failure("storage", reason)
    if isinstance(error, OSError) and error.errno in _PERMISSION:
        return Failure("permission", reason)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return Failure("memory", reason)
    kind, said = next(filter(None, (translate(error) for translate in _TRANSLATORS)), Failure("error", reason))
    return Failure(kind, in_one_line(said) or reason)


def is_away(error: BaseException | None) -> bool:
    """True if an error says that a store is away, which passes; one that is full is not."""
    return isinstance(error, OSError) and error.errno in _AWAY | {errno.ENOMEM}


def exit_status(failure: Failure) -> int:
    """Return the status with which a run's process says of what kind its failure was, where it can write nothing."""
    return {"storage": STORAGE_STATUS, "permission": PERMISSION_STATUS}.get(failure.kind, 1)


def of_exit_status(status: int) -> Failure:
    """Classify the death of a process that left no word, by its status as a shell gives it."""
    if status == HELD_STATUS:
        return Failure("held", "somebody else is working on the run")
    if status == STORAGE_STATUS:
        return Failure("storage", "the store could not be written: the disk was full or away")
    if status == PERMISSION_STATUS:
        return Failure("permission", "its folder may not be written by this user")
    if status == INTERRUPTED_STATUS:
        return Failure("killed", "asked to stop by somebody else, with a checkpoint")
    if status > 128:
        try:
            name = signal.Signals(status - 128).name
        except ValueError:
            name = f"signal {status - 128}"
        return Failure("killed", f"killed by {name}")
    return Failure("error", f"ended with status {status}")
