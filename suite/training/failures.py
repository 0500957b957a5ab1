"""The meaning of exceptions of torch and of peers: registered where these are imported, in a process that trains."""

from __future__ import annotations

import torch

from algorithms.peers.process import PeerError
from suite.failures import Failure, register


@register
def of_torch(error: BaseException) -> Failure | None:
    """Classify torch's running out of memory, for which it has no class of its own on the processor."""
    on_cpu = isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    if on_cpu or isinstance(error, torch.OutOfMemoryError):
        return Failure("memory", f"{type(error).__name__}: {error}")
    return None


@register
def of_peer(error: BaseException) -> Failure | None:
    """Classify the failure of a published implementation's own process, which says its kind."""
    return Failure(error.kind, str(error)) if isinstance(error, PeerError) else None
