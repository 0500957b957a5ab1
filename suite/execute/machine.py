"""The number of runs that a machine can hold."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil

from suite.execute import cgroup

RUN_BYTES = 2 * 2**30
"""Bytes of memory that a run is assumed to need: torch and a simulator, networks, and the replay of a million steps."""

RUNS_A_GPU = 4
"""Small networks leave most of an accelerator idle; more runs than this mostly wait for one another."""


class Machine(NamedTuple):
    """The machine that runs are executed on."""

    cores: float
    """Processors; a quota may allow a fraction of one."""
    memory: int
    """Bytes."""
    gpus: Sequence[str]
    """Accelerators, by the names under which a run is given one."""

    def room_for(self, runs: int, threads: int = 1) -> int:
        """Return how many of some runs to have at once: what cores, memory and accelerators hold.

        Parameters
        ----------
        runs : how many there are.
        threads : of each.
        """
        holds = [int(self.cores) // threads, self.memory // RUN_BYTES, runs]
        if self.gpus:
            holds.append(RUNS_A_GPU * len(self.gpus))
        return max(1, min(holds))

    def describe(self) -> str:
        """Say in words what it has."""
        gpus = f"GPUs {', '.join(self.gpus)}" if self.gpus else "no GPU that torch can use: runs take place on the CPU"
        return f"{self.cores:g} cores, {self.memory / 2**30:.1f} GiB of memory, {gpus}"


def this_machine(root: Path = Path("/")) -> Machine:
    """Return what this process may use.

    Parameters
    ----------
    root : where the machine's files lie.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = min(psutil.virtual_memory().available, cgroup.memory(root))
    return Machine(min(cores, cgroup.cores(root)), int(memory), visible_gpus())


def visible_gpus() -> list[str]:
    """Return the accelerators that torch sees, by the names under which a process can be given one."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    seen = _seen_by_torch()
    if named is None:
        return [str(index) for index in range(seen)]
    return [name.strip() for name in named.split(",")][:seen]  # what comes after an invalid name is not seen


def device_name() -> str:
    """Name what a run computes on here."""
    if not visible_gpus():
        return "cpu"
    import torch

    return torch.cuda.get_device_name(0)


def _seen_by_torch() -> int:
    if version("torch").endswith("+cpu"):
        return 0
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0  # no driver: torch, which takes seconds to import, would say the same
    import torch

    return torch.cuda.device_count()
