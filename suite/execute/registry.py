"""What executes runs, by name: what `--executor` takes."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib import import_module
from typing import Literal

from suite.execute.executor import Engine, Request
from suite.store.runs import Store

ExecutorName = Literal["local", "docker", "slurm"]

EXECUTORS: dict[ExecutorName, str] = {
    "local": "suite.execute.local",
    "docker": "suite.execute.docker.executor",
    "slurm": "suite.execute.slurm.executor",
}
"""A module an executor, whose `site` prepares it; imported when it is asked for."""


def site(name: ExecutorName, store: Store, request: Request) -> AbstractContextManager[Engine]:
    """Prepare to execute some runs, and clean up after them.

    Raises
    ------
    UsageError
        If the executor cannot be used; when the context is entered.
    """
    prepared: AbstractContextManager[Engine] = import_module(EXECUTORS[name]).site(store, request)
    return prepared
