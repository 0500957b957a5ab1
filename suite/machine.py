"""What this machine can hold."""

from __future__ import annotations

import os

import psutil
import torch

RUN_BYTES = 2 * 2**30
"""What a run is taken to need in memory: torch and a simulator, networks, and the replay of a million steps."""

RUNS_A_GPU = 4
"""Small networks leave most of an accelerator idle; more runs than this mostly wait for one another."""


def gpus() -> list[str]:
    """Return the accelerators that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name and name != "-1"]
    return [str(index) for index in range(torch.cuda.device_count())]


def room_for(runs: int) -> int:
    """Return how many of some runs to have at once: what cores, memory and accelerators hold."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    holds = [cores, psutil.virtual_memory().available // RUN_BYTES, runs]
    if found := gpus():
        holds.append(RUNS_A_GPU * len(found))
    return max(1, min(holds))
