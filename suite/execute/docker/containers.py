"""Containers for one store, shut off from everything else, and what is left of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import docker
from docker.errors import APIError, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, Healthcheck, Mount

from suite.errors import UsageError
from suite.execute.docker.client import Away, answering
from suite.execute.executor import GRACE_SECONDS, LOOK_SECONDS, TICK_SECONDS, BusyError
from suite.execute.local import VANISH_SECONDS, WORKER_ENVIRONMENT
from suite.execute.machine import Machine
from suite.failures import Failure, of_exit_status
from suite.store.files import read_regular
from suite.store.record import RunRecord
from suite.store.runs import Store
from suite.versions import code_hash, numeric_versions

IMAGE = "meta-rl-suite"
"""The image that `docker compose build` makes."""

CODE = PurePosixPath("/suite")
"""The folder of the code in the image."""

GUARDIAN = CODE / "suite" / "execute" / "guardian.py"

RESULTS = CODE / "results"
RUNS = RESULTS / "runs"

STORE_LABEL = "meta-rl-suite.store.runs"
RUN_LABEL = "meta-rl-suite.run"

PROCESSES = 256
"""Threads included; a run takes about ten."""

SCRATCH = {"/tmp": "size=1g"}  # noqa: S108 - inside the container

HEADROOM = 0.1
"""Share of the machine's memory that is kept free of runs."""

SILENT_SECONDS = 120.0
"""Without any answer on a container before it is given up."""

PROBE_SECONDS = 300.0
"""Seconds for a container to import torch, on a busy machine and a slow disk."""

FRESH_SECONDS = 30.0
"""Seconds in which the coordinator of a container that ended, or was created, is still to look after it."""

CONFLICT = 409


class Probed(NamedTuple):
    """The findings of a container that was started as a run is."""

    code: str
    """Hash of the sources in the image that can change a run's numbers."""
    versions: dict[str, str]
    """Versions of its numeric stack."""
    gpus: int
    """Accelerators that torch can use."""


class Containers:
    """Containers for one store, all of one image, shut off from everything else.

    Parameters
    ----------
    client : the engine's.
    store : where runs are kept; the engine must see the same folder.
    image : name of the image; by default that of the container this process runs in, else `IMAGE`.

    Raises
    ------
    UsageError
        If the engine does not have the image.
    """

    def __init__(self, client: docker.DockerClient, store: Store, image: str | None = None) -> None:
        self.client, self.store = client, store
        self._self = _this_container(client)
        try:
            found = self._self.image if self._self and not image else client.images.get(image or IMAGE)
        except ImageNotFound as error:
            raise UsageError(
                f"--image {image or IMAGE}: the engine has no such image; build it: docker compose build suite"
            ) from error
        self.image: str = found.id
        """The image, by digest: the name may come to mean another."""
        self.image_labels: dict[str, str] = found.labels
        self.info: dict[str, Any] = client.info()
        self.runs_path = self._host_path(store.runs_path)
        self.store_id = hashlib.sha256(str(self.runs_path).encode()).hexdigest()[:8]

    @property
    def is_rootless(self) -> bool:
        """True if the engine runs as an ordinary user."""
        return any("rootless" in option for option in self.info.get("SecurityOptions") or [])

    @property
    def memory(self) -> int:
        """Bytes that the engine's machine has for runs."""
        return int(self.info["MemTotal"] * (1 - HEADROOM))

    def machine(self, found: Probed) -> Machine:
        """Return what the engine's machine can hold."""
        return Machine(self.info["NCPU"], self.memory, [str(index) for index in range(found.gpus)])

    def beside(self, name: str) -> str:
        """Return the image in which some algorithms need their runs, which holds more than the suite's.

        Raises
        ------
        UsageError
            If the engine does not have it.
        """
        image = f"{IMAGE}-{name}"
        try:
            found: str = self.client.images.get(image).id
        except ImageNotFound as error:
            build = f"docker build --file containers/{name}.Dockerfile --tag {image} ."
            raise UsageError(f"the engine has no image {image}; build it: {build}") from error
        return found

    def start(
        self,
        folder: str,
        command: Sequence[str],
        *,
        memory: int,
        threads: int = 1,
        devices: Sequence[DeviceRequest] = (),
        image: str | None = None,
    ) -> DockerAttempt:
        """Start a command that can write into one folder of the store, and has neither network nor privileges.

        It runs under a guardian, whose standard input closes, which ends it, should this process die.

        Parameters
        ----------
        image : another one than `self.image`, by digest.
        """
        image = image or self.image
        guardian = ["python", "-I", "-S", str(GUARDIAN), str(RUNS / folder / "log.txt")]
        container = self.client.containers.create(
            image,
            [*guardian, str(GRACE_SECONDS), *command],
            name=f"suite-{self.store_id}-{folder}",
            entrypoint=[],
            labels={
                # Those that Compose gave the image would make it take this container for its own.
                **{label: "" for label in self.image_labels if label.startswith("com.docker.compose.")},
                STORE_LABEL: self.store_id,
                RUN_LABEL: folder,
            },
            mounts=[Mount(str(RUNS / folder), str(self.runs_path / folder), type="bind")],
            # An ordinary user's engine maps that user to root.
            user="0:0" if self.is_rootless else f"{os.getuid()}:{os.getgid()}",
            environment={**WORKER_ENVIRONMENT, "SUITE_IMAGE": image, "TINI_KILL_PROCESS_GROUP": "1"},
            stdin_open=True,
            network_mode="none",
            read_only=True,
            tmpfs=SCRATCH,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=PROCESSES,
            mem_limit=memory,
            memswap_limit=memory,
            # Refused where the kernel has no quotas.
            nano_cpus=threads * 10**9 if self.info.get("CpuCfsQuota") else None,
            init=True,
            healthcheck=Healthcheck(test=["NONE"]),
            device_requests=list(devices),
        )
        try:
            held = self.client.api.attach_socket(container.id, {"stdin": 1, "stream": 1})
            container.start()
        except BaseException:
            with suppress(*Away):
                container.remove(force=True)
            raise
        return DockerAttempt(self, container, held)

    def probe(self, image: str | None = None) -> Probed:
        """Start a container as runs are started, with the accelerators if there are any, and see what it finds.

        Parameters
        ----------
        image : another one than `self.image`, by digest.

        Raises
        ------
        UsageError
            If it does not do what it should, or what it writes into the store does not arrive here.
        """
        try:
            return self._probe(["gpus"], [DeviceRequest(count=-1, capabilities=[["gpu"]])], image)
        except APIError as error:
            if "could not select device driver" not in str(error.explanation):
                raise
        return self._probe([], [], image)  # the engine knows of no accelerator

    def _probe(self, words: Sequence[str], devices: Sequence[DeviceRequest], image: str | None) -> Probed:
        path = Path(tempfile.mkdtemp(prefix=".probe.", dir=self.store.runs_path))
        command = ["python", "-P", "-m", "suite.execute.probe", str(RUNS / path.name / "found.json"), *words]
        try:
            attempt = self.start(path.name, command, memory=self.memory, devices=devices, image=image)
            deadline = time.monotonic() + PROBE_SECONDS
            try:
                while not attempt.has_ended() and time.monotonic() < deadline:
                    time.sleep(TICK_SECONDS)
            finally:
                ended = attempt.end()
            said = RunRecord(path).log_tail(3)
            try:
                return Probed(**json.loads(read_regular(path / "found.json")))
            except FileNotFoundError as error:
                if attempt.status == 0:
                    raise UsageError(
                        f"what a container writes into {self.runs_path} does not arrive in {self.store.runs_path}: "
                        "the engine must see the same folder"
                    ) from error
                raise UsageError(
                    f"a container of {image or self.image} cannot do a run's work: {ended.reason}: {said}"
                ) from error
            except (TypeError, ValueError) as error:
                raise UsageError(
                    f"image {image or self.image}: of another version; build it again: docker compose build"
                ) from error
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def left_over(self) -> list[Container]:
        """Return the containers of this store that nobody will look after.

        Those are the ones that have ended, or were never started, and whose run is done, or whose coordinator should
        have seen it by now. What is still running is not among them: either its coordinator lives, or it is about to
        end of itself, since its guardian has seen that coordinator die.
        """
        fresh = _time(self.client.info()["SystemTime"]) - timedelta(seconds=FRESH_SECONDS)
        return [
            container
            for container in self._ended()
            if max(_time(container.attrs["Created"]), _time(container.attrs["State"]["FinishedAt"])) < fresh
            or RunRecord(self.store.runs_path / container.labels[RUN_LABEL]).state == "done"
        ]

    def reap(self) -> None:
        """Remove what a killed coordinator left; what the engine will not remove is left for the next time."""
        for container in self.left_over():
            with suppress(*Away):
                self.remove(container)

    def make_way(self, run: str) -> None:
        """Remove a container of a run that has ended.

        Raises
        ------
        BusyError
            If there is none, or it is running.
        """
        ended = [container for container in self._ended() if container.labels[RUN_LABEL] == run]
        if not ended:
            raise BusyError
        self.remove(ended[0])

    def remove(self, container: Container) -> None:
        """Remove a container that has ended, and give back the run that it may have died with."""
        try:
            with suppress(NotFound):
                container.remove()
        except APIError as error:
            if error.status_code != CONFLICT:
                raise
            return  # it is running after all, or somebody else is removing it
        with suppress(UsageError):  # a probe's
            self.store.folder(container.labels[RUN_LABEL]).release_of(container.id[:12])

    def _ended(self) -> list[Container]:
        label = f"{STORE_LABEL}={self.store_id}"
        found = self.client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
        return [container for container in found if container.status in ("created", "exited", "dead")]

    def _host_path(self, path: Path) -> PurePosixPath:
        """Return where the engine's host has a folder of this process."""
        path = path.resolve()
        mounts = self._self.attrs["Mounts"] if self._self else []
        for mount in sorted(mounts, key=lambda mount: len(mount["Destination"]), reverse=True):
            if path.is_relative_to(mount["Destination"]):
                return PurePosixPath(mount["Source"]) / path.relative_to(mount["Destination"])
        return PurePosixPath(path)


class DockerAttempt:
    """A container that was started."""

    def __init__(self, containers: Containers, container: Container, held: Any) -> None:
        self.containers, self.container, self._held = containers, container, held
        self.was_limited = False
        """True if its memory is a limit that it was meant to keep, and not just a share of the machine."""
        self._look_at = 0.0
        self._answered = time.monotonic()
        self._state: dict[str, Any] = {"Running": True}

    @property
    def status(self) -> int | None:
        """Exit status with which the container has ended; None if it has not, or nobody knows."""
        return None if self._state["Running"] else self._state.get("ExitCode")

    def stop(self) -> None:
        """Send SIGTERM to the whole group."""
        self._signal("SIGTERM")

    def kill(self) -> None:
        """Send SIGKILL to the container."""
        self._signal("SIGKILL")

    def _signal(self, name: str) -> None:
        with suppress(*Away):  # ended meanwhile
            self.container.kill(name)

    def has_ended(self) -> bool:
        """True if the container has ended; asks the engine from time to time."""
        if time.monotonic() >= self._look_at:
            self._look()
            self._look_at = time.monotonic() + LOOK_SECONDS
        return not self._state["Running"]

    def _look(self) -> None:
        try:
            self.container.reload()
            self._state = self.container.attrs["State"]
            self._answered = time.monotonic()
        except NotFound:
            self._state = {"Running": False, "Error": "its container was removed"}
        except Away:
            if time.monotonic() - self._answered > SILENT_SECONDS:
                self._state = {"Running": False, "Error": f"the engine said nothing for {SILENT_SECONDS:.0f} s"}

    def over_memory(self) -> None:
        """Nothing for the scheduler to see: the kernel keeps the limit."""

    def end(self) -> Failure:
        """Kill the container if it is running, and remove it."""
        self._look()
        if self._state["Running"]:
            self.kill()
        deadline = time.monotonic() + VANISH_SECONDS
        while self._state["Running"] and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            self._look()
        self.let_go()
        with suppress(*Away):
            self.containers.remove(self.container)
        if self._state.get("OOMKilled"):
            needed = f"needed more than {self.container.attrs['HostConfig']['Memory'] >> 20} MiB of memory"
            return Failure("memory limit" if self.was_limited else "memory", needed)
        status = self.status
        if status is None:
            return Failure("engine", self._state.get("Error") or "its container could not be killed")
        return of_exit_status(status)

    def let_go(self) -> None:
        """Close the guardian's standard input, as the death of this process would."""
        self._held._response.close()  # closing what is held itself would leave the connection open


@contextmanager
def reaping(containers: Containers) -> Iterator[None]:
    """Remove what is left over, before and after."""
    with answering():
        containers.reap()
    try:
        yield
    finally:
        with suppress(*Away):  # the next time, then
            containers.reap()


def check_same(image: str, found: Probed, build: str = "docker compose build suite") -> None:
    """Make sure that an image holds what planned the runs.

    Parameters
    ----------
    image, found : the image, and what a container of it found.
    build : the command that makes it anew.

    Raises
    ------
    UsageError
        If it does not.
    """
    here = {"code": code_hash(), **numeric_versions()}
    there = {"code": found.code, **found.versions}
    for what in here:
        if here[what] != there.get(what):
            raise UsageError(
                f"image {image}: holds {what} {there.get(what)}; the runs were planned with {here[what]}; "
                f"build it again: {build}"
            )


def _this_container(client: docker.DockerClient) -> Container | None:
    """Return the container that this process runs in, if it is one of this engine's."""
    host = socket.gethostname()
    with suppress(NotFound):
        container = client.containers.get(host)
        if container.id[:12] == host:
            return container
    return None


def _time(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)
