"""The docker executor: a container a run, which can do nothing but compute and write into its run's folder."""

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
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import DeviceRequest, Healthcheck, Mount
from requests.exceptions import RequestException

from suite.errors import UsageError
from suite.failures import Failure, of_exit_status
from suite.identity import code_hash
from suite.local import VANISH_SECONDS, WORKER_ENVIRONMENT
from suite.machine import Machine
from suite.scheduler import GRACE_SECONDS, LOOK_SECONDS, TICK_SECONDS, BusyError, StartError
from suite.store import RunFolder, Store

IMAGE = "meta-rl-suite"
"""What `docker compose build` makes."""

CODE = PurePosixPath("/suite")
"""Where the image has the code."""

RESULTS = CODE / "results"
RUNS = RESULTS / "runs"

STORE_LABEL = "meta-rl-suite.store"
RUN_LABEL = "meta-rl-suite.run"

PROCESSES = 256
"""Threads included; a run takes about ten."""

SCRATCH = {"/tmp": "size=1g"}  # noqa: S108 - inside the container

CONFLICT = 409

Away = (DockerException, RequestException)
"""What the engine's client raises."""


class Probed(NamedTuple):
    """What a container found that was started as a run is."""

    code: str
    """Hash of the sources in the image that can change a run's numbers."""
    gpus: int


def connect() -> docker.DockerClient:
    """Connect to the engine that DOCKER_HOST names.

    Raises
    ------
    UsageError
        If none answers.
    """
    with answering():
        client = docker.from_env()
        client.ping()
    return client


@contextmanager
def answering() -> Iterator[None]:
    """Say in one line that the engine does not answer.

    Raises
    ------
    UsageError
        If it does not.
    """
    try:
        yield
    except APIError as error:
        raise UsageError(f"the engine at {address()} refuses: {error.explanation}") from error
    except Away as error:
        remedy = "join its group" if "PermissionError" in str(error) else "start one, or set DOCKER_HOST"
        raise UsageError(f"no container engine answers at {address()}: {remedy}") from error


def address() -> str:
    """Return where the engine is looked for."""
    return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")


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
                f"--image {image or IMAGE}: the engine has no such image; build it: docker compose build"
            ) from error
        self.image: str = found.id
        """By digest: the name may come to mean another."""
        self.image_labels: dict[str, str] = found.labels
        self.info: dict[str, Any] = client.info()
        self.runs_path = self._host_path(store.runs_path)
        self.store_id = hashlib.sha256(str(self.runs_path).encode()).hexdigest()[:8]

    @property
    def is_rootless(self) -> bool:
        """Whether the engine runs as an ordinary user."""
        return any("rootless" in option for option in self.info.get("SecurityOptions") or [])

    def create(
        self, folder: str, command: Sequence[str], *, devices: Sequence[DeviceRequest] = (), **options: Any
    ) -> Container:
        """Create a container that can write into one folder of the store, and has neither network nor privileges."""
        return self.client.containers.create(
            self.image,
            list(command),
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
            environment={**WORKER_ENVIRONMENT, "SUITE_IMAGE": self.image, "TINI_KILL_PROCESS_GROUP": "1"},
            network_mode="none",
            read_only=True,
            tmpfs=SCRATCH,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            pids_limit=PROCESSES,
            init=True,
            healthcheck=Healthcheck(test=["NONE"]),
            device_requests=list(devices),
            **options,
        )

    def probe(self) -> Probed:
        """Start a container as runs are started, with the accelerators if there are any, and see what it finds.

        Raises
        ------
        UsageError
            If it does not start, or what it writes into the store does not arrive here.
        """
        everything = DeviceRequest(count=-1, capabilities=[["gpu"]])
        with suppress(APIError):  # the engine knows of no accelerator
            return self._probe(["gpus"], [everything])
        return self._probe([], [])

    def _probe(self, words: Sequence[str], devices: Sequence[DeviceRequest]) -> Probed:
        folder = Path(tempfile.mkdtemp(prefix=".probe.", dir=self.store.runs_path))
        command = ["python", "-m", "suite.probe", str(RUNS / folder.name / "found.json"), *words]
        try:
            container = self.create(folder.name, command, devices=devices)
            try:
                container.start()
                status = container.wait()["StatusCode"]
                said = container.logs(tail=3).decode(errors="replace")
            finally:
                container.remove(force=True)
            if status:
                raise UsageError(f"a container of {self.image} cannot write into {self.runs_path}: {said}")
            try:
                return Probed(**json.loads((folder / "found.json").read_text()))
            except OSError as error:
                raise UsageError(
                    f"what a container writes into {self.runs_path} does not arrive in {self.store.runs_path}: "
                    "the engine must see the same folder"
                ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def left_over(self) -> list[Container]:
        """Return the containers of this store that have ended, or were never started, and were not removed."""
        found = self.client.containers.list(all=True, filters={"label": f"{STORE_LABEL}={self.store_id}"})
        return [container for container in found if container.status in ("created", "exited", "dead")]

    def reap(self) -> list[str]:
        """Remove what a killed coordinator left; return the names.

        What is still running is left alone: either its coordinator lives, or it is about to end of itself, since its
        guardian has seen that coordinator die.
        """
        removed = []
        for container in self.left_over():
            self.remove(container)
            removed.append(container.name)
        return removed

    def remove(self, container: Container) -> None:
        """Remove a container, and give back the run that it may have died with."""
        with suppress(NotFound):
            container.remove(force=True)
        with suppress(UsageError):  # a probe's
            self.store.folder(container.labels[RUN_LABEL]).release_of(container.id[:12])

    def machine(self, found: Probed) -> Machine:
        """Return what the engine's machine can hold."""
        return Machine(self.info["NCPU"], self.info["MemTotal"], [str(index) for index in range(found.gpus)])

    def _host_path(self, path: Path) -> PurePosixPath:
        """Return where the engine's host has a folder of this process."""
        path = path.resolve()
        mounts = self._self.attrs["Mounts"] if self._self else []
        for mount in sorted(mounts, key=lambda mount: len(mount["Destination"]), reverse=True):
            if path.is_relative_to(mount["Destination"]):
                return PurePosixPath(mount["Source"]) / path.relative_to(mount["Destination"])
        return PurePosixPath(path)


class DockerExecutor:
    """Runs each run in a container of its own.

    Parameters
    ----------
    containers : of the store.
    command : what executes a run inside, whose name and store are put after it.
    gpus : the accelerators that slots share in turn, as the engine numbers them.
    memory : bytes that a run may take.
    """

    def __init__(
        self, containers: Containers, command: Sequence[str], *, gpus: Sequence[str] = (), memory: int
    ) -> None:
        self.containers, self.command, self.gpus, self.memory = containers, list(command), list(gpus), memory

    def start(self, folder: RunFolder, slot: int) -> DockerAttempt:
        """Start an attempt at a run under a guardian, whose standard input closes should this process die.

        Raises
        ------
        BusyError
            If a container of this run is running.
        StartError
            If the engine is away or refuses.
        """
        try:
            container = self._create(folder, slot)
            try:
                held = self.containers.client.api.attach_socket(container.id, {"stdin": 1, "stream": 1})
                container.start()
            except BaseException:
                self.containers.remove(container)
                raise
        except Away as error:
            raise StartError(Failure("engine", str(error))) from error
        return DockerAttempt(self.containers, container, held, self.memory)

    def _create(self, folder: RunFolder, slot: int) -> Container:
        log = str(RUNS / folder.run / "log.txt")
        guardian = ["python", "-S", "-E", str(CODE / "suite" / "guardian.py"), log, str(GRACE_SECONDS)]
        devices = []
        if self.gpus:
            devices = [DeviceRequest(device_ids=[self.gpus[slot % len(self.gpus)]], capabilities=[["gpu"]])]
        for _ in range(2):
            try:
                return self.containers.create(
                    folder.run,
                    [*guardian, *self.command, folder.run, "--results", str(RESULTS)],
                    devices=devices,
                    stdin_open=True,
                    nano_cpus=10**9,
                    mem_limit=self.memory,
                    memswap_limit=self.memory,
                )
            except APIError as error:
                if error.status_code != CONFLICT:
                    raise
                self._make_way(folder.run)
        raise BusyError

    def _make_way(self, run: str) -> None:
        """Remove a container of the same name that has ended."""
        for container in self.containers.left_over():
            if container.labels[RUN_LABEL] == run:
                self.containers.remove(container)
                return
        raise BusyError


class DockerAttempt:
    """An attempt at a run in a container."""

    def __init__(self, containers: Containers, container: Container, held: Any, memory: int) -> None:
        self.containers, self.container, self.held, self.memory = containers, container, held, memory
        self._look_at = 0.0
        self._state: dict[str, Any] = {"Running": True}

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
        """Whether the container has ended; asks the engine from time to time."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._look()
        return not self._state["Running"]

    def _look(self) -> None:
        try:
            self.container.reload()
            self._state = self.container.attrs["State"]
        except NotFound:
            self._state = {"Running": False, "Error": "its container was removed"}
        except Away as error:
            self._state = {"Running": False, "Error": str(error)}

    def over_memory(self) -> None:
        """Nothing for the scheduler to see: the kernel keeps the limit."""

    def end(self) -> Failure:
        """Kill the container and remove it."""
        self.kill()
        deadline = time.monotonic() + VANISH_SECONDS
        self._look()
        while self._state["Running"] and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS)
            self._look()
        self.let_go()
        with suppress(*Away):
            self.containers.remove(self.container)
        if self._state.get("OOMKilled"):
            return Failure("memory limit", f"needed more memory than its limit of {self.memory >> 20} MiB")
        if "ExitCode" not in self._state:
            return Failure("engine", self._state["Error"])
        return of_exit_status(self._state["ExitCode"])

    def let_go(self) -> None:
        """Close the guardian's standard input, as the death of this process would."""
        self.held._response.close()  # closing `held` itself would leave the connection open


@contextmanager
def reaping(containers: Containers) -> Iterator[None]:
    """Remove what is left over, before and after."""
    containers.reap()
    try:
        yield
    finally:
        with suppress(*Away):  # the next time, then
            containers.reap()


def check_code(containers: Containers, found: Probed) -> None:
    """Make sure that an image has the code that planned the runs.

    Raises
    ------
    UsageError
        If it has not.
    """
    if found.code != code_hash():
        raise UsageError(
            f"image {containers.image}: holds other code ({found.code}) than planned the runs ({code_hash()}); "
            "build it again: docker compose build"
        )


def _this_container(client: docker.DockerClient) -> Container | None:
    """Return the container that this process runs in, if it is one of this engine's."""
    host = socket.gethostname()
    with suppress(NotFound):
        container = client.containers.get(host)
        if container.id.startswith(host):
            return container
    return None
