"""Whether runs could be executed here, and what to do where they could not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from algorithms.peers import garage
from algorithms.peers.process import PeerError
from suite.errors import UsageError
from suite.execute.docker.client import address, answering, connect
from suite.execute.docker.containers import Containers, check_same
from suite.execute.machine import Machine, this_machine
from suite.execute.registry import ExecutorName
from suite.execute.slurm.commands import ask
from suite.execute.slurm.script import load_cluster
from suite.store import sharing
from suite.store.runs import Store

RUN_DISK_BYTES = 2 * 2**30
"""What a run is taken to need on the disk: two checkpoints of networks, and the replay of a million steps."""


Verdict = Literal["ok", "warning", "failed"]


class Check(NamedTuple):
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    """What was found, and what to do about it."""


def examine(executor: ExecutorName, store: Store, image: str | None) -> Iterator[Check]:
    """Yield one check after the other; what the executor does not need is never worse than a warning."""
    try:
        store.prepare()
    except UsageError as error:
        yield Check("store", "failed", str(error))
        return
    yield Check("store", "ok", f"{store.results.resolve()} can be written")
    machine = this_machine()
    free = shutil.disk_usage(store.results).free
    verdict: Verdict = "ok" if free > RUN_DISK_BYTES * machine.cores else "warning"
    yield Check("disk", verdict, f"{free / 2**30:.0f} GiB free; allow {RUN_DISK_BYTES >> 30} GiB for each run at once")
    yield Check("machine", "ok", _described(machine))
    yield _garage()
    if executor == "slurm":
        yield from _cluster()
        return
    for check in _engine(store, image):
        yield check._replace(verdict="warning") if executor == "local" and check.verdict == "failed" else check


def examine_store(executor: ExecutorName, store: Store, cluster: Path | None) -> Iterator[Check]:
    """Yield whether the store's file system keeps what leases need, as two processes see it.

    With the slurm executor, the other one runs on a node that is free.
    """
    options = load_cluster(cluster).options
    elsewhere = ["srun", *options, "--immediate=60", "--ntasks=1", "--time=2", "--chdir=/", "--job-name=suite-look"]
    try:
        store.prepare()
        for finding in sharing.examine(
            store.runs_path.resolve() / sharing.name(), elsewhere if executor == "slurm" else ()
        ):
            yield Check(finding.what, "ok" if finding.holds else "failed", finding.found)
    except UsageError as error:
        yield Check("store", "failed", str(error))
    except OSError as error:
        yield Check("store", "failed", f"{store.results}: {error.strerror}")


def _garage() -> Check:
    """Look at the environment that only peers need: without it, everything else works."""
    try:
        versions = garage.installed()
    except PeerError as error:
        return Check("peers", "warning", f"{error}; all other algorithms work without it")
    return Check("peers", "ok", ", ".join(f"{package} {found}" for package, found in versions.items()))


def _cluster() -> Iterator[Check]:
    for command in ("sbatch", "squeue", "scancel", "srun"):
        try:
            yield Check(command, "ok", ask(command, "--version").strip())
        except UsageError as error:
            yield Check(command, "failed", str(error))


def _engine(store: Store, image: str | None) -> Iterator[Check]:
    what = "engine"
    try:
        with answering():
            client = connect()
            what = "image"
            containers = Containers(client, store, image)
            kind = (
                "as an ordinary user" if containers.is_rootless else "as root: whoever reaches it is root on its host"
            )
            yield Check("engine", "ok", f"version {containers.info['ServerVersion']} at {address()}, {kind}")
            yield Check("image", "ok", containers.image)
            what = "isolation"
            found = containers.probe()
            yield Check("isolation", "ok", "a container without network and privileges can write into its run's folder")
            yield Check("in there", "ok", _described(containers.machine(found)))
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


def _described(machine: Machine) -> str:
    gpus = (
        f"GPUs {', '.join(machine.gpus)}" if machine.gpus else "no GPU that torch can use: runs take place on the CPU"
    )
    return f"{machine.cores:g} cores, {machine.memory / 2**30:.1f} GiB of memory, {gpus}"
