"""Processes of runs, forked where everything is already imported, so that kills meet training and not imports."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import sys
from itertools import count
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - pandas and torch import these when first needed, which takes seconds
import torch._dynamo  # noqa: F401

from suite.store.runs import Store
from suite.training.attempt import attempt

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.faults.processes"])


def die_within_a_write(number: int) -> None:
    """Let this process be killed when it syncs for the n-th time, with only half of what it wrote in the file."""
    sync, syncs = os.fsync, count(1)

    def sync_or_die(descriptor: int) -> None:
        if next(syncs) == number:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        sync(descriptor)

    os.fsync = sync_or_die


FOR_EVER = 10**6
"""Retries: these tests kill a run more often than a person would accept."""


def execute(results: str, run: str, checkpoint_seconds: float, dies_at: int = 0) -> None:
    """Be the process of one run; killed within a write if it is said in which."""
    die_within_a_write(dies_at)
    folder = Store(Path(results)).folder(run)
    sys.stderr = sys.stdout = (folder.path / "log.txt").open("a")
    if not folder.take():
        sys.exit(2)
    with folder.kept():
        sys.exit(attempt(folder.spec(), folder, checkpoint_seconds, retries=FOR_EVER))
