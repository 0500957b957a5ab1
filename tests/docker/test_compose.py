"""The commands of a newcomer, in a checkout that belongs to somebody whom neither image nor engine knows."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import urlopen

import docker
import pandas as pd
import pytest
from docker.models.containers import Container

from suite.execute.docker.containers import RUN_LABEL
from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store
from tests.docker.conftest import ROOT, sources, wait_until
from tests.faults.conditions import assert_same_numbers, assert_sound
from tests.suite.tiny import TINY

pytestmark = pytest.mark.docker

CALLER, GROUP = 4321, 5432

COORDINATORS = {"suite", "smoke", "quick", "paper", "shell"}
SERVICES = COORDINATORS | {"report"}


class Checkout(NamedTuple):
    """A checkout, and what is set while Compose is called in it."""

    path: Path
    environment: dict[str, str]

    def compose(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Call Compose; its words and its services' come as one text."""
        return subprocess.run(
            ["docker", "compose", *arguments],
            cwd=self.path,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def config(self) -> dict[str, Any]:
        """Return every service, as Compose understands it."""
        done = self.compose("--profile", "*", "config", "--format", "json")
        assert done.returncode == 0, done.stdout
        services: dict[str, Any] = json.loads(done.stdout)["services"]
        return services


@pytest.fixture(scope="module")
def checkout(
    engine: docker.DockerClient, image: str, wheels: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """A fresh checkout; its image is built from what the shared one has left in the cache."""
    path = tmp_path_factory.mktemp("checkout")
    sources(path)
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=e"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "here"], check=True)
    (path / "results" / "tiny.yaml").write_text(TINY)
    if os.geteuid() == 0:
        for each in (path, *path.rglob("*")):
            os.chown(each, CALLER, GROUP, follow_symlinks=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    host = os.environ.get("DOCKER_HOST", "")
    project = f"suite-test-{os.getpid()}"
    made = Checkout(
        path,
        {
            **os.environ,
            "COMPOSE_PROJECT_NAME": project,
            "IMAGE": f"meta-rl-suite:{project}",
            "REPORT_PORT": str(port),
            **({"WHEELS": str(wheels)} if wheels else {}),
            **({"DOCKER_SOCKET": host.removeprefix("unix://")} if host.startswith("unix://") else {}),
        },
    )
    yield made
    done = made.compose("--profile", "*", "down", "--volumes", "--rmi", "all", "--timeout", "5")
    assert done.returncode == 0, done.stdout
    # Compose labels what it builds with the service, so that each service has made an image under the same name.
    engine.images.prune({"dangling": True, "label": f"com.docker.compose.project={project}"})


def test_every_service_has_next_to_no_rights(checkout: Checkout) -> None:
    services = checkout.config()
    assert services.keys() == SERVICES
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert set(service["cap_add"]) == {"SETUID", "SETGID"}, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        mounts = {mount["target"]: mount for mount in service["volumes"]}
        if name in COORDINATORS:
            assert service["network_mode"] == "none", name
            assert mounts.keys() == {"/suite/results", "/suite/reports", "/var/run/docker.sock"}, name
        else:
            assert mounts.keys() == {"/suite/reports"}
            assert mounts["/suite/reports"]["read_only"] is True
            assert [port["host_ip"] for port in service["ports"]] == ["127.0.0.1"]


def test_each_profile_runs_its_benchmark_and_nothing_else(checkout: Checkout) -> None:
    for name in ("smoke", "quick", "paper"):
        listed = checkout.compose("--profile", name, "config", "--services")
        assert listed.stdout.split() == [name]
        assert checkout.config()[name]["command"] == ["suite", "run", name]
    assert checkout.config()["suite"]["command"] == ["suite", "run", "quick"]


def test_the_example_names_every_variable_and_its_default(checkout: Checkout) -> None:
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))
    named = dict(re.findall(r"^#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    assert named == used


@pytest.fixture(scope="module")
def table(checkout: Checkout) -> pd.DataFrame:
    """Return the measurements of the runs, with the engine at hand."""
    return run_tiny(checkout, "docker")


def run_tiny(checkout: Checkout, executor: str, **environment: str) -> pd.DataFrame:
    shutil.rmtree(checkout.path / "results" / "runs", ignore_errors=True)
    done = checkout.compose("up", "--exit-code-from", "suite", "suite", BENCHMARK="results/tiny.yaml", **environment)
    assert done.returncode == 0, done.stdout
    assert f"{executor} executor" in done.stdout
    assert "report: reports/index.html" in done.stdout
    folders = list(Store(checkout.path / "results").folders())
    assert [folder.state for folder in folders] == ["done", "done"]
    return pd.concat({folder.run: folder.evaluations() for folder in folders})


def test_up_runs_the_benchmark_and_everything_belongs_to_the_caller(checkout: Checkout, table: pd.DataFrame) -> None:
    caller = checkout.path.stat()
    made = [path for name in ("results", "reports") for path in (checkout.path / name).rglob("*")]
    assert checkout.path / "reports" / "index.html" in made
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(caller.st_uid, caller.st_gid)}


def test_runs_know_their_commit(checkout: Checkout, table: pd.DataFrame) -> None:
    git = ["git", "-c", "safe.directory=*", "-C", str(checkout.path), "rev-parse", "HEAD"]
    head = subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
    commits = {folder.provenance()["commit"] for folder in Store(checkout.path / "results").folders()}
    assert commits == {head}


def test_without_the_engines_socket_the_numbers_are_the_same(
    checkout: Checkout, table: pd.DataFrame, tmp_path: Path
) -> None:
    # Docker makes a folder of a socket that is not there.
    pd.testing.assert_frame_equal(run_tiny(checkout, "local", DOCKER_SOCKET=str(tmp_path / "docker.sock")), table)


def test_what_was_killed_is_finished_by_the_next_up(checkout: Checkout, tmp_path: Path) -> None:
    """SIGKILL of a run, then of the coordinator: nothing is lost, run twice or left; numbers are the local ones."""
    shutil.rmtree(checkout.path / "results" / "runs", ignore_errors=True)
    store = Store(checkout.path / "results")
    engine = docker.from_env()
    command = ["docker", "compose", "up", "--exit-code-from", "suite", "suite"]
    environment = {**checkout.environment, "BENCHMARK": "smoke"}
    up = subprocess.Popen(command, cwd=checkout.path, env=environment, stdout=subprocess.DEVNULL)

    def running(*, ended: bool = False) -> list[Container]:
        found = engine.containers.list(all=ended, filters={"label": RUN_LABEL}, ignore_removed=True)
        return [container for container in found if is_ours(container)]

    def is_ours(container: Container) -> bool:
        return any(Path(mount["Source"]).is_relative_to(checkout.path) for mount in container.attrs["Mounts"])

    def done() -> dict[str, int]:
        return {f.run: (f.path / "done.json").stat().st_mtime_ns for f in store.folders() if f.state == "done"}

    wait_until(lambda: any("running" in folder.state for folder in store.folders()) and bool(running()))
    with suppress(docker.errors.APIError):  # it may just have ended
        running()[0].kill()
    wait_until(lambda: len(done()) >= 4 and bool(running()))
    listed = checkout.compose("ps", "--all", "--quiet").stdout.split()
    assert len(listed) == 1  # Compose does not take the runs for its own
    before = done()
    assert checkout.compose("kill", "--signal", "SIGKILL", "suite").returncode == 0
    assert up.wait() != 0
    wait_until(lambda: not running())  # each has saved a checkpoint and ended of itself
    plan = load_benchmark("smoke").plan()
    assert len(before) < len(plan)

    finished = checkout.compose("up", "--exit-code-from", "suite", "suite", BENCHMARK="smoke")
    assert finished.returncode == 0, finished.stdout
    assert {run: when for run, when in done().items() if run in before} == before
    assert sorted(done()) == sorted(spec.run for spec in plan)
    assert running(ended=True) == []
    assert_sound(store.results)
    engine.close()

    local = Store(tmp_path / "results")
    specs = [spec for spec in plan if spec.environment == "point-goal-2d" or spec.algorithm == "oracle-sac"]
    executor = LocalLauncher(local, [sys.executable, "-m", "suite", "exec"])
    Scheduler(local, executor, 2, Limits(), Retries()).run(specs, lambda: None)
    for spec in specs:
        assert_same_numbers(local.folder(spec.run), store.folder(spec.run))


def test_the_exit_code_is_the_commands(checkout: Checkout) -> None:
    done = checkout.compose("up", "--exit-code-from", "suite", "suite", BENCHMARK="quik")
    assert done.returncode == 2
    assert "benchmark 'quik' is unknown" in done.stdout


def test_report_serves_the_page(checkout: Checkout, table: pd.DataFrame) -> None:
    page = (checkout.path / "reports" / "index.html").read_bytes()
    done = checkout.compose("up", "--detach", "--wait", "report")
    assert done.returncode == 0, done.stdout
    with urlopen(f"http://127.0.0.1:{checkout.environment['REPORT_PORT']}/") as answer:
        assert answer.read() == page


def test_the_shell_is_the_callers(checkout: Checkout) -> None:
    done = checkout.compose("run", "--rm", "-T", "shell", "id", "-u")
    assert done.stdout.split()[-1] == str(checkout.path.stat().st_uid)
