"""What a machine can hold."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import psutil

RUN_BYTES = 2 * 2**30
"""What a run is taken to need in memory: torch and a simulator, networks, and the replay of a million steps."""

RUNS_A_GPU = 4
"""Small networks leave most of an accelerator idle; more runs than this mostly wait for one another."""


class Machine(NamedTuple):
    """Where runs are executed."""

    cores: int
    memory: int
    """Bytes."""
    gpus: Sequence[str]
    """Accelerators, by the names under which a run is given one."""

    def room_for(self, runs: int) -> int:
        """Return how many of some runs to have at once: what cores, memory and accelerators hold."""
        holds = [self.cores, self.memory // RUN_BYTES, runs]
        if self.gpus:
            holds.append(RUNS_A_GPU * len(self.gpus))
        return max(1, min(holds))


def this_machine() -> Machine:
    """Return what this process may use."""
    import torch  # slow: the command line must not wait for it

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        gpus = [name for name in visible.split(",") if name and name != "-1"]
    else:
        gpus = [str(index) for index in range(torch.cuda.device_count())]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(cores, psutil.virtual_memory().available, gpus)
