"""The start of attempts at runs in containers."""

from __future__ import annotations

from collections.abc import Sequence

from docker.errors import APIError
from docker.types import DeviceRequest

from algorithms import ENTRANTS
from suite.errors import UsageError
from suite.execute.docker.client import Away, address
from suite.execute.docker.containers import CONFLICT, RESULTS, Containers, DockerAttempt, check_same
from suite.execute.executor import AwayError, BusyError, StartError
from suite.failures import Failure
from suite.store.folder import RunFolder
from suite.store.record import CorruptRunError


class DockerLauncher:
    """Starts each attempt in a container of its own.

    Parameters
    ----------
    containers : of the store.
    command : what executes a run inside, whose name and store are put after it.
    gpus : the accelerators that slots share in turn, as the engine numbers them.
    share : bytes of the machine's memory that a run may take.
    limit : bytes that a run was meant to take at most, if somebody has said so.
    threads : of a run: so many cores it may keep busy.
    """

    def __init__(
        self,
        containers: Containers,
        command: Sequence[str],
        *,
        gpus: Sequence[str] = (),
        share: int,
        limit: int | None = None,
        threads: int = 1,
    ) -> None:
        self.containers, self.command, self.gpus = containers, list(command), list(gpus)
        self.share, self.limit, self.threads = share, limit, threads
        self._images: dict[str, str] = {}
        """Other images that were found to hold what planned the runs, by what algorithms call them."""

    def start(self, folder: RunFolder, slot: int) -> DockerAttempt:
        """Start an attempt at a run.

        Raises
        ------
        BusyError
            If a container of this run is running.
        AwayError
            If the engine does not answer.
        StartError
            If it refuses, or has no image that the run's algorithm needs.
        """
        devices = []
        if self.gpus:
            devices = [DeviceRequest(device_ids=[self.gpus[slot % len(self.gpus)]], capabilities=[["gpu"]])]
        command = [*self.command, folder.run, "--results", str(RESULTS)]
        try:
            image = self._image(folder)
            for _ in range(2):
                try:
                    attempt = self.containers.start(
                        folder.run,
                        command,
                        memory=self.limit or self.share,
                        threads=self.threads,
                        devices=devices,
                        image=image,
                    )
                    attempt.was_limited = self.limit is not None
                    return attempt
                except APIError as error:
                    if error.status_code != CONFLICT:
                        raise
                    self.containers.make_way(folder.run)
        except UsageError as error:
            raise StartError(Failure("peer", str(error))) from error
        except APIError as error:
            raise StartError(Failure("engine", str(error.explanation))) from error
        except Away as error:
            raise AwayError(f"no container engine answers at {address()}") from error
        raise BusyError

    def _image(self, folder: RunFolder) -> str | None:
        """Return the image that a run needs beside the suite's own; None if it needs no other."""
        try:
            name = ENTRANTS[folder.spec().algorithm].image
        except (CorruptRunError, KeyError):
            return None  # its container will say so
        if name is not None and name not in self._images:
            image = self.containers.beside(name)
            check_same(image, self.containers.probe(image), build=f"docker build --file containers/{name}.Dockerfile")
            self._images[name] = image
        return None if name is None else self._images[name]
