"""Processes of runs, forked where everything is already imported, so that kills meet training and not imports."""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pyarrow.parquet  # noqa: F401 - pandas and torch import these when first needed, which takes seconds
import torch._dynamo  # noqa: F401

from suite.attempt import attempt
from suite.store import Store

FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(["tests.faults.processes"])


def execute(results: str, run: str, checkpoint_seconds: float) -> None:
    """Be the process of one run."""
    folder = Store(Path(results)).folder(run)
    sys.stderr = sys.stdout = (folder.path / "log.txt").open("a")
    if not folder.claim():
        sys.exit(2)
    sys.exit(attempt(folder.spec(), folder, checkpoint_seconds))
