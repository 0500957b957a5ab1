"""The docker executor, in a real engine."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import docker
import pytest

from suite.execute.docker.containers import CODE, STORE_LABEL, Containers, DockerAttempt, reaping
from suite.execute.docker.launcher import DockerLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.docker.conftest import wait_until
from tests.faults.conditions import assert_same_numbers, assert_sound, committed, events
from tests.suite.stores import make_spec

pytestmark = pytest.mark.docker

TAG = f"meta-rl-suite:misbehaving-{os.getpid()}"
TESTS = Path(__file__).parent.parent

SMOKE = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}

LONG = SMOKE["rl2-ppo"].model_copy(update={"budget": 3 * SMOKE["rl2-ppo"].budget})
"""Long enough to be met in the middle."""


@pytest.fixture(scope="module")
def misbehaving(engine: docker.DockerClient, image: str) -> Iterator[str]:
    """The image, with the trainers of the fault tests in it."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        recipe = f"FROM {image}\nCOPY tests {CODE}/tests\nLABEL com.docker.compose.project=somebody".encode()
        info = tarfile.TarInfo("Dockerfile")
        info.size = len(recipe)
        tar.addfile(info, io.BytesIO(recipe))
        tar.add(TESTS, "tests", filter=lambda entry: None if "__pycache__" in entry.name else entry)
    archive.seek(0)
    built, _ = engine.images.build(fileobj=archive, custom_context=True, tag=TAG, rm=True, forcerm=True)
    yield built.id
    engine.images.remove(TAG, force=True)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    store.prepare()
    return store


@pytest.fixture
def containers(engine: docker.DockerClient, misbehaving: str, store: Store) -> Iterator[Containers]:
    found = Containers(engine, store, misbehaving)
    yield found
    assert containers_of(found) == []


def containers_of(containers: Containers) -> list[str]:
    """Return the names of a store's containers, whatever their state."""
    chosen = {"label": f"{STORE_LABEL}={containers.store_id}"}
    return [
        container.name for container in containers.client.containers.list(all=True, filters=chosen, ignore_removed=True)
    ]


def running(containers: Containers) -> list[str]:
    """Return the names of a store's containers that are running."""
    chosen = {"label": f"{STORE_LABEL}={containers.store_id}", "status": "running"}
    return [container.name for container in containers.client.containers.list(filters=chosen, ignore_removed=True)]


def scheduler_of(
    containers: Containers,
    mode: str | None = None,
    *,
    limit: int | None = None,
    share: int = 2**30,
    checkpoint_every: float = 60.0,
) -> Scheduler:
    """Return a scheduler of real trainers, or of trainers that misbehave."""
    command = ["suite", "exec", "--checkpoint-every", str(checkpoint_every)]
    if mode is not None:
        command = ["python", "-m", "tests.faults.trainer", mode]
    executor = DockerLauncher(containers, command, share=share, limit=limit)
    return Scheduler(containers.store, executor, 2, Limits(), Retries(backoff=0.05))


def run_here(results: Path, spec: RunSpec) -> RunFolder:
    """Execute a run by the command line, in no container."""
    folder = Store(results).folder(spec.run)
    folder.prepare(spec)
    subprocess.run([sys.executable, "-m", "suite", "exec", spec.run, "--results", str(results)], check=True)
    return folder


def start_here(containers: Containers, script: str) -> DockerAttempt:
    """Start a script as runs are started, in the folder of a run called `here`."""
    (containers.store.runs_path / "here").mkdir(exist_ok=True)
    return containers.start("here", ["python", "-c", script], memory=2**30)


def test_numbers_are_those_of_the_local_executor(containers: Containers, tmp_path: Path) -> None:
    specs = [SMOKE["oracle-sac"], SMOKE["rl2-ppo"]]
    scheduler_of(containers).run(specs, lambda: None)
    for spec in specs:
        folder = containers.store.folder(spec.run)
        assert folder.state == "done", folder.log_tail()
        assert_same_numbers(run_here(tmp_path / "here", spec), folder)
        assert folder.provenance()["image"] == containers.image
    assert_sound(containers.store.results)


def test_a_run_can_do_nothing_but_write_into_its_folder(containers: Containers) -> None:
    (containers.store.runs_path / "another").mkdir()
    script = """
import json, os, pathlib, socket
found = {}
for path in ("/suite/suite/new.py", "/etc/new", "/suite/results/new", "/suite/results/runs/new"):
    try:
        pathlib.Path(path).write_text("x")
        found[path] = "written"
    except OSError as error:
        found[path] = type(error).__name__
pathlib.Path("/suite/results/runs/here/new").write_text("x")
pathlib.Path("/tmp/new").write_text("x")
found["runs"] = os.listdir("/suite/results/runs")
found["interfaces"] = [name for _, name in socket.if_nameindex()]
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
found["status"] = {name: status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp")}
found["sockets"] = [str(path) for path in pathlib.Path("/run").glob("*.sock")]
children = 0
try:
    while children < 2000:
        if os.fork() == 0:
            os.read(os.pipe()[0], 1)
        children += 1
except OSError:
    pass
found["children"] = children
print(json.dumps(found))
"""
    attempt = start_here(containers, script)
    wait_until(attempt.has_ended)
    attempt.end()
    found = json.loads(containers.store.folder("here").log_tail())
    assert {found[path] for path in found if path.startswith("/")} <= {"OSError", "PermissionError"}
    assert found["runs"] == ["here"]
    assert found["interfaces"] == ["lo"]
    none = "0" * 16
    assert found["status"] == {"CapPrm": none, "CapEff": none, "CapBnd": none, "NoNewPrivs": "1", "Seccomp": "2"}
    assert found["sockets"] == []
    assert found["children"] < 300
    assert (containers.store.runs_path / "here" / "new").stat().st_uid == os.getuid()


def test_compose_does_not_take_a_run_for_its_own(containers: Containers) -> None:
    assert containers.image_labels["com.docker.compose.project"] == "somebody"
    attempt = start_here(containers, "import time; time.sleep(3600)")
    try:
        assert attempt.container.labels["com.docker.compose.project"] == ""
    finally:
        attempt.end()


def test_a_killed_run_goes_on_from_its_checkpoint(containers: Containers, tmp_path: Path) -> None:
    folder = containers.store.folder(LONG.run)
    kills = 0
    seen: set[str] = set()

    def watch() -> None:
        nonlocal kills, seen
        now = {path.name for path in folder.path.glob("checkpoint/*.json")}
        if kills < 2 and now - seen:
            for name in running(containers):
                with suppress(docker.errors.APIError):  # it may just have ended
                    containers.client.containers.get(name).kill()
                    kills, seen = kills + 1, now

    scheduler = scheduler_of(containers, checkpoint_every=0.0)
    scheduler.run([LONG], watch)
    assert kills == 2
    assert folder.log_tail(50).count("goes on at") >= 1
    assert folder.state == "done"
    assert_same_numbers(run_here(tmp_path / "here", LONG), folder)
    assert_sound(containers.store.results)


def test_running_out_of_memory_is_reported_as_such_and_not_as_killed(containers: Containers) -> None:
    spec = make_spec()
    scheduler = scheduler_of(containers, "exceeds-memory", limit=256 * 2**20)
    scheduler.run([spec], lambda: None)
    assert scheduler.failures[spec.run] == ("memory limit", "needed more than 256 MiB of memory")
    assert events(containers.store.results)["started"] == 1

    containers.store.folder(spec.run).forgive()
    scheduler = scheduler_of(containers, "exceeds-memory", share=256 * 2**20)
    scheduler.run([spec], lambda: None)
    assert scheduler.failures[spec.run].kind == "memory"  # which may pass where there is room elsewhere
    assert events(containers.store.results)["started"] == 4

    killed = make_spec(seed=1)
    scheduler = scheduler_of(containers, "is-always-killed")
    scheduler.run([killed], lambda: None)
    assert scheduler.failures[killed.run] == ("killed", "killed by SIGKILL")


def test_a_run_that_ignores_sigterm_is_killed(containers: Containers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execute.scheduler.GRACE_SECONDS", 1.0)
    spec = make_spec()
    scheduler = scheduler_of(containers, "ignores-sigterm")

    def watch() -> None:
        if events(containers.store.results)["ignoring"]:
            scheduler.interrupt()

    with pytest.raises(KeyboardInterrupt):
        scheduler.run([spec], watch)
    assert containers_of(containers) == []
    assert containers.store.folder(spec.run).state == "pending"


def test_an_interrupt_asks_every_run(containers: Containers) -> None:
    specs = [make_spec(seed=seed) for seed in range(2)]
    scheduler = scheduler_of(containers, "stops-when-asked")

    def watch() -> None:
        if events(containers.store.results)["started"] == 2:
            scheduler.interrupt()

    with pytest.raises(KeyboardInterrupt):
        scheduler.run(specs, watch)
    assert events(containers.store.results)["asked"] == 2
    assert {containers.store.folder(spec.run).state for spec in specs} == {"pending"}


def test_a_removed_container_is_started_again(containers: Containers) -> None:
    removed = False

    def watch() -> None:
        nonlocal removed
        if not removed and events(containers.store.results)["started"]:
            removed = True
            for name in containers_of(containers):
                containers.client.containers.get(name).remove(force=True)

    spec = make_spec()
    scheduler = scheduler_of(containers, "sleeps-once")
    scheduler.run([spec], watch)
    assert scheduler.failures == {}
    assert events(containers.store.results) == {"started": 2, "committed": 1}


def test_two_schedulers_do_every_run_once(containers: Containers, misbehaving: str) -> None:
    specs = [make_spec(seed=seed) for seed in range(8)]
    script = "import sys; from tests.docker.test_executor import second; second(*sys.argv[1:])"
    command = [sys.executable, "-c", script, str(containers.store.results), misbehaving]
    other = subprocess.Popen(command)
    with reaping(containers):
        scheduler_of(containers, "ends-well").run(specs, lambda: None)
    assert other.wait() == 0
    assert committed(containers.store.results) == sorted(spec.run for spec in specs)
    assert_sound(containers.store.results)


def second(results: str, image: str) -> None:
    """Do what a second scheduler does."""
    containers = Containers(docker.from_env(), Store(Path(results)), image)
    scheduler = scheduler_of(containers, "ends-well")
    with reaping(containers):
        containers.probe()
        scheduler.run([make_spec(seed=seed) for seed in range(8)], lambda: None)
    assert scheduler.failures == {}


def test_containers_of_a_killed_coordinator_end_and_are_removed(
    containers: Containers, image: str, tmp_path: Path
) -> None:
    """SIGKILL of `suite run`: its runs save a checkpoint and end; the next `suite run` goes on from there."""
    benchmark = tmp_path / "long.yaml"
    settings = json.dumps(LONG.settings)
    benchmark.write_text(
        f"name: long\ndescription: long\ngroups:\n  - environments: [{LONG.environment}]\n    seeds: [{LONG.seed}, 1]\n"
        f"    budget: {LONG.budget}\n    evaluations: {LONG.evaluations}\n"
        f"    algorithms: {{{LONG.algorithm}: {{settings: {settings}}}}}\n"
    )
    specs = load_benchmark(str(benchmark)).plan()
    results, reports = containers.store.results, tmp_path / "reports"
    options = ["--results", str(results), "--reports", str(reports), "--executor", "docker", "--image", image]
    command = [sys.executable, "-m", "suite", "run", str(benchmark), *options, "--checkpoint-every", "0.5"]
    folders = [containers.store.folder(spec.run) for spec in specs]

    coordinator = subprocess.Popen(command)
    wait_until(lambda: all(any(folder.path.glob("checkpoint/*.json")) for folder in folders))
    coordinator.send_signal(signal.SIGKILL)
    coordinator.wait()
    here = Containers(containers.client, containers.store, image)
    left = containers_of(here)
    assert left
    wait_until(lambda: not running(here))  # each ended of itself
    assert {folder.state for folder in folders} <= {"pending", "done"}

    assert subprocess.run(command, check=False).returncode == 0
    assert containers_of(here) == []
    assert (reports / "index.html").exists()
    for spec, folder in zip(specs, folders, strict=True):
        assert "goes on at" in folder.log_tail(50)
        assert_same_numbers(run_here(tmp_path / "here", spec), folder)
    assert_sound(results)


def test_a_container_that_died_with_its_coordinator_gives_its_run_back(
    containers: Containers, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec()
    folder = containers.store.folder(spec.run)
    folder.prepare(spec)
    executor = DockerLauncher(containers, ["python", "-m", "tests.faults.trainer", "ignores-sigterm"], share=2**30)
    attempt = executor.start(folder, 0)
    wait_until(lambda: folder.state == "running")
    attempt.kill()
    wait_until(attempt.has_ended)
    attempt.let_go()
    assert folder.state == "running"  # as far as the lease tells
    containers.reap()
    assert containers_of(containers) == [attempt.container.name]  # its coordinator may be about to look
    monkeypatch.setattr("suite.execute.docker.containers.FRESH_SECONDS", 0.0)
    containers.reap()
    assert folder.state == "pending"


def test_the_doctor_says_whether_runs_would_start(image: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "suite", "doctor", "--executor", "docker", "--json"]
    said = subprocess.run([*command, "--image", image, "--results", str(tmp_path)], capture_output=True, check=False)
    checks = {check["what"]: check["verdict"] for check in json.loads(said.stdout)}
    assert said.returncode == 0, said.stdout
    assert set(checks) >= {"engine", "image", "isolation", "limits", "code", "disk", "left over"}
    assert "failed" not in checks.values()
    said = subprocess.run(
        [*command, "--image", "no-such", "--results", str(tmp_path)], capture_output=True, check=False
    )
    assert said.returncode == 1
    assert "docker compose build" in said.stdout.decode()


def test_an_image_with_other_code_is_refused(containers: Containers, tmp_path: Path) -> None:
    recipe = f"FROM {containers.image}\nUSER root\nRUN echo '# other' >> {CODE}/algorithms/pearl.py".encode()
    built, _ = containers.client.images.build(fileobj=io.BytesIO(recipe), rm=True, forcerm=True)
    try:
        options = ["--results", str(tmp_path), "--executor", "docker", "--image", built.id]
        command = [sys.executable, "-m", "suite", "run", "smoke", *options]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        assert said.returncode == 2
        assert "holds code" in said.stderr
    finally:
        containers.client.images.remove(built.id, force=True)
