"""Why runs fail, and which failures are worth another attempt."""

from __future__ import annotations

import errno
import signal
from typing import ClassVar, Literal, NamedTuple

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
"""With which a run's process ends if its store could not be written: maybe it could not say so there (EX_IOERR)."""

PERMISSION_STATUS = 77
"""With which a run's process ends if it may not write its folder (EX_NOPERM)."""

INTERRUPTED_STATUS = 130
"""With which a run's process ends if it was asked to stop."""

HELD_STATUS = 75
"""With which a run's process ends if somebody else is working on the run (EX_TEMPFAIL)."""

_PERMISSION = {errno.EACCES, errno.EPERM}
_STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.EROFS}


class Failure(NamedTuple):
    """Why an attempt failed."""

    kind: Kind
    reason: str


class FailedRunError(Exception):
    """Ends a run in a way that has a kind of its own; the message is the reason as it is shown."""

    kind: ClassVar[Kind]


def of_exception(error: BaseException) -> Failure:
    """Classify an exception that ended an attempt."""
    if isinstance(error, FailedRunError):
        return Failure(error.kind, str(error))
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.errno in _STORAGE:
        return Failure("storage", reason)
    if isinstance(error, OSError) and error.errno in _PERMISSION:
        return Failure("permission", reason)
    if isinstance(error, MemoryError) or _torch_is_out_of_memory(error):
        return Failure("memory", reason)
    return _of_peer(error) or Failure("error", reason)


def exit_status(failure: Failure) -> int:
    """Return the status with which a run's process says of what kind its failure was, where it can write nothing."""
    return {"storage": STORAGE_STATUS, "permission": PERMISSION_STATUS}.get(failure.kind, 1)


def _of_peer(error: BaseException) -> Failure | None:
    from algorithms.peers.process import PeerError  # as below

    return Failure(error.kind, str(error)) if isinstance(error, PeerError) else None


def _torch_is_out_of_memory(error: BaseException) -> bool:
    import torch  # here alone: a failed run has it loaded already, others need not wait for it

    # For the processor's memory torch has no class of its own.
    on_cpu = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    return on_cpu or isinstance(error, torch.OutOfMemoryError)


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
