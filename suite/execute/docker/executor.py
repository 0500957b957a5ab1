"""The docker executor: a container a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.execute.executor import Check, Executor
from suite.execute.scheduler import Scheduler

if TYPE_CHECKING:
    from suite.execute.docker.containers import Containers


class DockerExecutor(Executor):
    """Executes runs in containers, and removes what is left of them."""

    takes = ("workers", "image")

    @contextmanager
    def open(self) -> Iterator[Scheduler]:
        """Connect to the engine, see that its image holds what planned the runs, and share its machine among them."""
        from suite.execute.docker.client import answering, connect
        from suite.execute.docker.containers import Containers, check_same, reaping
        from suite.execute.docker.launcher import DockerLauncher

        request = self.request
        if files := request.own_files:
            raise UsageError(
                f"--executor docker: {files[0]}: no image holds a file of your own; use --executor local, or name a "
                "module that an image of yours (--image) has installed"
            )
        client = connect()
        with answering():
            containers = Containers(client, self.store, request.image)
        with reaping(containers):
            with answering():
                found = containers.probe()
            check_same(containers.image, found)
            machine = containers.machine(found)
            workers = request.workers or machine.room_for(request.runs, request.threads)
            launcher = DockerLauncher(
                containers,
                ["suite", *request.command],
                gpus=machine.gpus,
                share=machine.memory // workers,
                limit=request.memory,
                threads=request.threads,
            )
            yield Scheduler(self.store, launcher, workers, request.limits, request.retries)

    def check(self) -> Iterator[Check]:
        """Look at the engine, the image, and what a container of it can do."""
        from suite.execute.docker.client import address, answering, connect
        from suite.execute.docker.containers import Containers, check_same

        what = "engine"
        try:
            with answering():
                client = connect()
                what = "image"
                containers = Containers(client, self.store, self.request.image)
                kind = (
                    "as an ordinary user"
                    if containers.is_rootless
                    else "as root: whoever reaches it is root on its host"
                )
                yield Check("engine", "ok", f"version {containers.info['ServerVersion']} at {address()}, {kind}")
                yield Check("image", "ok", containers.image)
                what = "isolation"
                found = containers.probe()
                yield Check(
                    "isolation", "ok", "a container without network and privileges can write into its run's folder"
                )
                yield Check("in there", "ok", containers.machine(found).describe())
                what = "limits"
                features = {"MemoryLimit": "memory", "PidsLimit": "processes", "CpuCfsQuota": "cores"}
                if missing := ", ".join(name for key, name in features.items() if not containers.info.get(key)):
                    yield Check("limits", "warning", f"the engine cannot limit: {missing}")
                else:
                    yield Check("limits", "ok", f"the engine can limit {', '.join(features.values())}")
                what = "left over"
                if left := ", ".join(container.name for container in containers.left_over()):
                    yield Check("left over", "warning", f"{left}: the next run removes them")
                else:
                    yield Check("left over", "ok", "nothing")
                yield _peers_image(containers)
                what = "code"
                check_same(containers.image, found)
                yield Check("code", "ok", f"the image has the code and packages that plan the runs ({found.code})")
        except UsageError as error:
            yield Check(what, "failed", str(error))


def _peers_image(containers: Containers) -> Check:
    try:
        return Check("peers' image", "ok", containers.beside("garage"))
    except UsageError as error:
        return Check("peers' image", "warning", f"{error}; all other algorithms work without it")
