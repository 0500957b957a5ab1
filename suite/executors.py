"""What `--executor` names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from suite.machine import this_machine
from suite.scheduler import Executor
from suite.store.runs import Store

ExecutorName = Literal["local", "docker"]


class Site(NamedTuple):
    """An executor, and how many runs it takes at once."""

    executor: Executor
    workers: int


@contextmanager
def site(
    name: ExecutorName,
    store: Store,
    runs: int,
    *,
    workers: int | None,
    memory: int | None,
    checkpoint_seconds: float,
    image: str | None,
) -> Iterator[Site]:
    """Prepare to execute some runs, and clean up after them.

    Parameters
    ----------
    runs : how many there are to execute.
    workers : runs at once; by default what the machine holds.
    memory : bytes that a run may take; by default, and by the docker executor only, its share of the machine.
    image : of the docker executor; see `suite.containers.Containers`.

    Raises
    ------
    UsageError
        If the engine or its image cannot be used.
    """
    arguments = ["exec", "--checkpoint-every", str(checkpoint_seconds)]
    if name == "local":
        from suite.local import LocalExecutor

        machine = this_machine()
        command = [sys.executable, "-m", "suite", *arguments]
        local = LocalExecutor(store, command, gpus=machine.gpus, memory=memory)
        yield Site(local, workers or machine.room_for(runs))
        return

    from suite.containers import Containers, DockerExecutor, answering, check_same, connect, reaping

    client = connect()
    with answering():
        containers = Containers(client, store, image)
    with reaping(containers):
        with answering():
            found = containers.probe()
        check_same(containers, found)
        machine = containers.machine(found)
        workers = workers or machine.room_for(runs)
        share = machine.memory // workers
        command = ["suite", *arguments]
        yield Site(DockerExecutor(containers, command, gpus=machine.gpus, share=share, limit=memory), workers)
