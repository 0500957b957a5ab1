"""A real Slurm of two nodes on this machine, and what is asked of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.faults.conditions import processes_of
from tests.faults.conftest import note as note
from tests.faults.conftest import pytest_configure as pytest_configure
from tests.faults.conftest import pytest_terminal_summary as pytest_terminal_summary
from tests.faults.processes import FORKSERVER, execute

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "cluster.sh"

DEADLINE = 480.0
"""Seconds after which a test that waits fails; far more than any needs."""

BENCHMARK = """
name: tiny runs
description: many short runs
groups:
  - environments: [point-goal-2d]
    seeds: {seeds}
    budget: {budget}
    evaluations: 4
    algorithms:
      oracle-sac:
        settings: {{network_sizes: [16], batch: 16, updates: 1, warmup_steps: 20, tasks_per_iteration: 2,
          steps_per_task: 20}}
"""

SITE = f"""
partition: main
time: "{{time}}"
memory: 1000M
concurrency: {{concurrency}}
setup:
  - export PYTHONPATH={Path(__file__).parent / "hurry"}:{ROOT}
"""


class Cluster:
    """Slurm's commands, and what happens to its nodes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def script(self, *words: str) -> str:
        command = ["bash", str(SCRIPT), words[0], str(self.folder), *words[1:]]
        said = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=DEADLINE)
        assert said.returncode == 0, f"{words}: ended with {said.returncode}"
        return said.stdout.strip()

    def ask(self, *command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE).stdout

    def tasks(self) -> dict[str, str]:
        """Return the state of each task in the queue."""
        lines = self.ask("squeue", "--noheader", "--array", "--format=%F_%K %T").splitlines()
        return dict(line.split() for line in lines)

    def nodes(self) -> dict[str, str]:
        """Return the node of each task that is running."""
        lines = self.ask("squeue", "--noheader", "--array", "--states=running", "--format=%F_%K %N").splitlines()
        return dict(line.split() for line in lines)


def free_ports(count: int) -> int:
    """Return the first of some ports in a row that nobody listens at."""
    for first in range(17600, 18600, count):
        with ExitStack() as stack:
            try:
                for port in range(first, first + count):
                    stack.enter_context(socket.create_server(("127.0.0.1", port)))
            except OSError:
                continue
            return first
    raise RuntimeError("no free ports")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.geteuid() != 0 or not Path("/usr/bin/apt-get").exists():
        pytest.skip("brings up daemons, which needs to be root on Debian")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    cluster.folder.chmod(0o755)
    patch = pytest.MonkeyPatch()
    try:
        patch.setenv("CLUSTER_PORT", str(free_ports(3)))
        patch.setenv("SLURM_CONF", cluster.script("up"))
        yield cluster
    finally:
        cluster.script("down")
        patch.undo()


@pytest.fixture(autouse=True)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Leave no job behind, whatever the test did."""
    yield
    if "cluster" in request.fixturenames:
        subprocess.run(["scancel", "--user=root"], check=False)
        wait_until(lambda: not request.getfixturevalue("cluster").tasks())
    for process in processes_of(tmp_path):
        process.kill()


def wait_until(condition: Callable[[], object], what: str = "", seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain {what}"
        time.sleep(0.1)


class Asked:
    """Runs that are asked for of the cluster, in a store of their own."""

    def __init__(self, folder: Path, runs: int, budget: int, *, concurrency: int, time: str) -> None:
        self.folder, self.results = folder, folder / "results"
        self.benchmark, self.site = folder / "tiny.yaml", folder / "site.yaml"
        self.benchmark.write_text(BENCHMARK.format(seeds=list(range(runs)), budget=budget))
        self.site.write_text(SITE.format(concurrency=concurrency, time=time))
        self.specs: list[RunSpec] = load_benchmark(str(self.benchmark)).plan()
        self.store = Store(self.results)

    def suite(self, *words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "suite", *map(str, words), "--results", str(self.results)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=DEADLINE)

    def run(self, *words: object) -> subprocess.Popen[str]:
        """Start `suite run`."""
        folders = ["--results", self.results, "--reports", self.folder / "reports"]
        command = ["run", self.benchmark, *folders, "--executor", "slurm", "--cluster", self.site, *words]
        return subprocess.Popen(
            [sys.executable, "-m", "suite", *map(str, command), "--checkpoint-every", "0.5"],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def folders(self) -> list[RunFolder]:
        return [self.store.folder(spec.run) for spec in self.specs]

    def states(self) -> list[str]:
        return [folder.state for folder in self.folders]

    def saved(self) -> list[RunFolder]:
        """Return the runs that are under way and have a checkpoint."""
        return [f for f in self.folders if f.state == "running" and any(f.path.glob("checkpoint/*.json"))]

    def run_locally(self) -> list[RunFolder]:
        """Execute the same runs here, undisturbed, two at once."""
        store = Store(self.folder / "alone")
        for pair in zip(self.specs[::2], [*self.specs[1::2], None], strict=False):
            processes = []
            for spec in filter(None, pair):
                store.folder(spec.run).prepare(spec)
                processes.append(FORKSERVER.Process(target=execute, args=(str(store.results), spec.run, 3600.0)))
                processes[-1].start()
            for process in processes:
                process.join()
        return [store.folder(spec.run) for spec in self.specs]
