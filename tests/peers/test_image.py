"""garage's image: built, picked by the docker executor for garage's runs, and the same numbers as here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from suite.execute.docker.containers import Containers
from suite.execute.docker.launcher import DockerLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.store.runs import Store
from tests.docker.conftest import ROOT, build, engine, image, wheels
from tests.docker.test_executor import run_here
from tests.faults.conditions import assert_same_numbers
from tests.peers.test_runs import spec_of

__all__ = ["engine", "image", "wheels"]

pytestmark = pytest.mark.peer

BASE = f"meta-rl-suite:peers-{os.getpid()}"


@pytest.fixture(scope="module")
def garages(engine: docker.DockerClient, image: str, wheels: Path | None) -> Iterator[str]:
    """The image with garage's environment beside the suite's."""
    engine.images.get(image).tag(BASE)
    recipe = ROOT / "containers" / "garage.Dockerfile"
    found = build(ROOT, wheels, "--file", str(recipe), "--tag", f"{BASE}-garage", "--build-arg", f"SUITE_IMAGE={BASE}")
    yield found
    for tag in (f"{BASE}-garage", BASE):
        engine.images.remove(tag, force=True)


# docker's client leaves the sockets of probes that have ended to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_run_of_garages_takes_place_in_its_image(
    engine: docker.DockerClient, garages: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("suite.execute.docker.containers.IMAGE", BASE)
    store = Store(tmp_path / "results")
    store.prepare()
    spec = spec_of("garage-maml-trpo")
    containers = Containers(engine, store, BASE)
    runs = DockerLauncher(containers, ["suite", "exec"], share=4 * 2**30, limit=None)
    Scheduler(store, runs, 1, Limits(), Retries(backoff=0.05)).run([spec], lambda: None)
    folder = store.folder(spec.run)
    assert folder.state == "done", folder.log_tail()
    assert folder.provenance()["image"] == garages
    assert_same_numbers(run_here(tmp_path / "here", spec), folder)
