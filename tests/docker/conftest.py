"""The engine, and the image that all these tests share. Where no engine answers they are skipped, and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

ROOT = Path(__file__).parents[2]
TAG = f"meta-rl-suite:test-{os.getpid()}"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, text=True, check=False)
        trouble = asked.stderr.strip() if asked.returncode else ""
    except FileNotFoundError as error:
        trouble = str(error)
    if trouble:
        pytest.skip(f"NO CONTAINER ENGINE ANSWERS, SO NOTHING ABOUT CONTAINERS IS TESTED: {trouble}")
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A folder with the CPU build of torch and nothing else, if pip has been told of a folder that holds one."""
    for place in os.environ.get("PIP_FIND_LINKS", "").split():
        for wheel in sorted(Path(place).glob("torch-*+cpu-*.whl")):
            folder = tmp_path_factory.mktemp("wheels")
            try:
                (folder / wheel.name).hardlink_to(wheel)
            except OSError:  # another disk
                shutil.copy(wheel, folder)
            return folder
    return None


def build(context: Path, wheels: Path | None, *arguments: str) -> str:
    """Build the image of some sources; return its id."""
    given = list(arguments)
    if wheels is not None:
        given += ["--build-context", f"wheels={wheels}"]
    done = subprocess.run(
        ["docker", "build", "--quiet", *given, str(context)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DOCKER_BUILDKIT": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.strip()


def sources(folder: Path) -> Path:
    """Copy the files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, wheels: Path | None) -> Iterator[str]:
    """Id of the image, of the CPU build where that can be had without the network."""
    yield build(ROOT, wheels, "--tag", TAG, "--build-arg", f"COMMIT={COMMIT}")
    engine.images.remove(TAG, force=True)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 180
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
