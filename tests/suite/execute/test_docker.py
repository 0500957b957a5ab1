"""The docker executor's dealings with an engine, which is played here; the real one is met in tests/docker."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests import Response
from requests.exceptions import ConnectionError as RequestsError

from algorithms import ENTRANTS
from suite.errors import UsageError
from suite.execute.docker.client import address, connect
from suite.execute.docker.containers import RUN_LABEL, STORE_LABEL, Containers, Probed
from suite.execute.docker.launcher import DockerLauncher
from suite.execute.executor import AwayError, BusyError, StartError
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.store.folder import RunFolder
from suite.store.runs import Store
from suite.versions import ROOT, code_hash, numeric_versions
from tests.suite.stores import finish, linear, make_spec


def refusal(status: int) -> APIError:
    response = Response()
    response.status_code = status
    return APIError("refused", response=response, explanation="refused")


class Engine:
    """An engine that notes what containers it was asked for, and fails as told."""

    def __init__(self, host: SimpleNamespace | None = None, security: tuple[str, ...] = ()) -> None:
        self.host, self.security = host, security
        self.lacks = ""
        """An image."""
        self.asked: list[dict[str, Any]] = []
        self.fails: list[Exception] = []
        self.left: list[SimpleNamespace] = []
        self.containers = SimpleNamespace(get=self.get, create=self.create, list=lambda **_: self.left)
        self.images = SimpleNamespace(get=self.image)
        self.api = SimpleNamespace(
            attach_socket=lambda *_: SimpleNamespace(_response=SimpleNamespace(close=lambda: None))
        )

    def info(self) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat()
        return {"SecurityOptions": list(self.security), "NCPU": 4, "MemTotal": 2**34, "SystemTime": now}

    def get(self, name: str) -> SimpleNamespace:
        if self.host is None:
            raise NotFound("none")
        return self.host

    def image(self, name: str) -> SimpleNamespace:
        if name in ("missing", self.lacks):
            raise ImageNotFound("none")
        return SimpleNamespace(id=f"sha256:{name}", labels={"com.docker.compose.project": "suite", "version": "1"})

    def create(self, image: str, command: list[str], **options: Any) -> SimpleNamespace:
        if self.fails:
            raise self.fails.pop(0)
        self.asked.append({**options, "image": image})
        return SimpleNamespace(
            id="c" * 64, name="c", labels=options["labels"], start=lambda: None, remove=lambda **_: None
        )


def containers_of(engine: Engine, results: Path, image: str | None = None) -> Containers:
    store = Store(results)
    store.prepare()
    return Containers(engine, store, image)  # type: ignore[arg-type]


def executor_of(engine: Engine, results: Path, **options: Any) -> DockerLauncher:
    return DockerLauncher(containers_of(engine, results), ["suite", "exec"], share=2**30, **options)


def test_slots_share_the_accelerators_in_turn(tmp_path: Path) -> None:
    engine = Engine()
    executor = executor_of(engine, tmp_path, gpus=["0", "1"])
    for slot in range(3):
        executor.start(Store(tmp_path).folder(f"run-{slot}"), slot)
    assert [options["device_requests"][0]["DeviceIDs"] for options in engine.asked] == [["0"], ["1"], ["0"]]
    assert engine.asked[0]["device_requests"][0]["Capabilities"] == [["gpu"]]


def test_no_accelerator_is_asked_for_where_there_is_none(tmp_path: Path) -> None:
    engine = Engine()
    executor_of(engine, tmp_path).start(Store(tmp_path).folder("run"), 0)
    assert engine.asked[0]["device_requests"] == []


@pytest.mark.parametrize(("security", "user"), [((), f"{os.getuid()}:{os.getgid()}"), (("name=rootless",), "0:0")])
def test_results_belong_to_the_caller(security: tuple[str, ...], user: str, tmp_path: Path) -> None:
    engine = Engine(security=security)
    executor_of(engine, tmp_path).start(Store(tmp_path).folder("run"), 0)
    assert engine.asked[0]["user"] == user


def test_a_coordinator_in_a_container_names_folders_as_the_host_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "abc123def456")
    inside = tmp_path.resolve() / "results"
    mounts = [
        {"Destination": str(tmp_path.resolve()), "Source": "/elsewhere"},
        {"Destination": str(inside), "Source": "/home/someone/results"},
    ]
    me = SimpleNamespace(
        id="abc123def456" * 5, attrs={"Mounts": mounts}, image=SimpleNamespace(id="sha256:own", labels={})
    )
    containers = containers_of(Engine(host=me), inside)
    assert containers.runs_path == PurePosixPath("/home/someone/results/runs")
    assert containers.image == "sha256:own"


def test_a_container_that_merely_has_this_name_is_not_this_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "web")
    other = SimpleNamespace(id="abc", attrs={"Mounts": [{"Destination": "/", "Source": "/elsewhere"}]})
    assert containers_of(Engine(host=other), tmp_path).runs_path == PurePosixPath(tmp_path.resolve() / "runs")


def test_the_store_has_one_name_wherever_it_is_seen_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_host = containers_of(Engine(), tmp_path)
    monkeypatch.setattr("socket.gethostname", lambda: "abc123def456")
    mounts = [{"Destination": "/", "Source": "/"}]
    me = SimpleNamespace(
        id="abc123def456" * 5, attrs={"Mounts": mounts}, image=SimpleNamespace(id="sha256:own", labels={})
    )
    assert containers_of(Engine(host=me), tmp_path).store_id == on_the_host.store_id


@pytest.mark.parametrize("error", [refusal(500), DockerException("away"), RequestsError("away")])
def test_an_engine_that_refuses_is_distinguished_from_one_that_is_away(error: Exception, tmp_path: Path) -> None:
    engine = Engine()
    engine.fails = [error]
    with pytest.raises(StartError if isinstance(error, APIError) else AwayError):
        executor_of(engine, tmp_path).start(Store(tmp_path).folder("run"), 0)
    assert engine.fails == []


def test_an_engine_that_refuses_is_asked_again_then_named(tmp_path: Path) -> None:
    engine, spec = Engine(), make_spec()
    engine.fails = [refusal(500)] * 3
    scheduler = Scheduler(Store(tmp_path), executor_of(engine, tmp_path), 1, Limits(), Retries(backoff=0.01))
    scheduler.run([spec], lambda: None)
    assert scheduler.failures[spec.run] == ("engine", "refused")
    assert engine.fails == []
    assert Store(tmp_path).folder(spec.run).failure()["kind"] == "engine"


def test_an_engine_that_is_away_fails_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is waited for; a long one ends in one line, and every run is still to do."""
    monkeypatch.setattr("suite.execute.patience.PAUSE_SECONDS", 0.05)
    monkeypatch.setattr("suite.execute.patience.AWAY_SECONDS", 1.0)
    engine, specs = Engine(), [make_spec(seed=seed) for seed in range(30)]
    engine.fails = [RequestsError("away")] * 1000
    scheduler = Scheduler(Store(tmp_path), executor_of(engine, tmp_path), 2, Limits(), Retries(backoff=0.01))
    with pytest.raises(UsageError, match=r"no container engine answers at .*; waited for 1 s"):
        scheduler.run(specs, lambda: None)
    assert scheduler.failures == {}
    assert {Store(tmp_path).folder(spec.run).state for spec in specs} == {"pending"}


def ended(engine: Engine, run: str, store: str, *, seconds_ago: float, status: str = "exited") -> SimpleNamespace:
    """Let the engine have a container that has ended."""
    when = (datetime.now(UTC) - timedelta(seconds=seconds_ago)).isoformat()
    labels = {RUN_LABEL: run, STORE_LABEL: store}
    found = SimpleNamespace(id="d" * 64, name=run, labels=labels, status=status, removals=[])
    found.attrs = {"Created": when, "State": {"FinishedAt": when}}
    found.remove = lambda: found.removals.append(run)
    engine.left.append(found)
    return found


def test_only_what_nobody_looks_after_is_removed(tmp_path: Path) -> None:
    engine = Engine()
    containers = containers_of(engine, tmp_path)
    spec = make_spec()
    finish(containers.store, spec, linear(0, 1))
    old = ended(engine, "old", containers.store_id, seconds_ago=60)
    never_started = ended(engine, "never", containers.store_id, seconds_ago=60, status="created")
    fresh = ended(engine, "fresh", containers.store_id, seconds_ago=1)
    starting = ended(engine, "starting", containers.store_id, seconds_ago=1, status="created")
    done = ended(engine, spec.run, containers.store_id, seconds_ago=1)
    running = ended(engine, "running", containers.store_id, seconds_ago=60, status="running")
    containers.reap()
    assert [bool(each.removals) for each in (old, never_started, done)] == [True] * 3
    assert [bool(each.removals) for each in (fresh, starting, running)] == [False] * 3


@pytest.mark.parametrize("status", [404, 409, 500])
def test_what_the_engine_will_not_remove_stops_nothing(status: int, tmp_path: Path) -> None:
    engine = Engine()
    containers = containers_of(engine, tmp_path)
    stuck = ended(engine, "stuck", containers.store_id, seconds_ago=60)
    other = ended(engine, "other", containers.store_id, seconds_ago=60)

    def refuse() -> None:
        raise NotFound("gone") if status == 404 else refusal(status)

    stuck.remove = refuse
    containers.reap()
    assert other.removals


def test_a_container_of_the_same_name_is_somebody_elses(tmp_path: Path) -> None:
    engine = Engine()
    engine.fails = [refusal(409)]
    with pytest.raises(BusyError):
        executor_of(engine, tmp_path).start(Store(tmp_path).folder("run"), 0)


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--image missing.*docker compose build"):
        containers_of(Engine(), tmp_path, "missing")


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The images that were looked into; they hold what is here."""
    images: list[str | None] = []

    def probe(self: Containers, image: str | None = None) -> Probed:
        images.append(image)
        return Probed(code_hash(), numeric_versions(), 0)

    monkeypatch.setattr(Containers, "probe", probe)
    return images


def planned(results: Path, *algorithms: str) -> list[RunFolder]:
    folders = []
    for algorithm in algorithms:
        spec = make_spec(algorithm)
        folders.append(Store(results).folder(spec.run))
        folders[-1].prepare(spec)
    return folders


def test_a_run_is_started_in_the_image_that_its_algorithm_declares(tmp_path: Path, probed: list[str | None]) -> None:
    engine = Engine()
    executor = executor_of(engine, tmp_path)
    for slot, folder in enumerate(planned(tmp_path, "pearl", "garage-pearl", "garage-mtsac", "no-longer-there")):
        executor.start(folder, slot)
    own, peers = "sha256:meta-rl-suite", "sha256:meta-rl-suite-garage"
    assert [options["image"] for options in engine.asked] == [own, peers, peers, own]
    assert [options["environment"]["SUITE_IMAGE"] for options in engine.asked] == [own, peers, peers, own]
    assert probed == [peers]  # once is enough


def test_a_missing_image_of_a_peer_fails_its_runs_alone_and_says_how_to_get_it(
    tmp_path: Path, probed: list[str | None]
) -> None:
    engine = Engine()
    executor = executor_of(engine, tmp_path)
    engine.lacks = "meta-rl-suite-garage"
    own, peer = planned(tmp_path, "pearl", "garage-pearl")
    with pytest.raises(StartError, match=r"docker build --file containers/garage.Dockerfile") as refused:
        executor.start(peer, 0)
    assert refused.value.failure.kind == "peer"
    executor.start(own, 0)
    assert len(engine.asked) == 1


def test_an_image_of_a_peer_with_other_code_is_refused(
    tmp_path: Path, probed: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Containers, "probe", lambda *_: Probed("other", numeric_versions(), 0))
    (peer,) = planned(tmp_path, "garage-pearl")
    with pytest.raises(StartError, match=r"holds code other; .*containers/garage.Dockerfile") as refused:
        executor_of(Engine(), tmp_path).start(peer, 0)
    assert refused.value.failure.kind == "peer"


def test_every_image_that_an_algorithm_declares_has_a_file() -> None:
    declared = {entrant.image for entrant in ENTRANTS.values()} - {None}
    assert declared == {path.stem for path in (ROOT / "containers").glob("*.Dockerfile")}


def test_what_is_a_link_in_a_checkout_is_a_folder_in_the_image() -> None:
    recipe, kept = ((ROOT / name).read_text() for name in ("Dockerfile", ".dockerignore"))
    copied = re.findall(r"^COPY (\w+) \1$", recipe, re.MULTILINE)
    links = [path for folder in copied for path in sorted((ROOT / folder).rglob("*")) if path.is_symlink()]
    assert links
    for link in links:
        name, target = link.relative_to(ROOT), link.resolve().relative_to(ROOT)
        assert f"RUN rm -rf {name}\nCOPY {target} {name}\n" in recipe
        assert f"!{target}" in kept.splitlines()


def test_a_missing_engine_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    options = ["--executor", "docker", "--results", str(tmp_path)]
    for command, code in (("doctor", 1), ("run", 2)):
        words = [command, "smoke", *options] if command == "run" else [command, *options]
        process = [sys.executable, "-m", "suite", *words]
        said = subprocess.run(process, env=environment, capture_output=True, text=True, check=False)
        assert said.returncode == code
        assert "none.sock: start it, or set DOCKER_HOST to another" in said.stdout + said.stderr
        assert "Traceback" not in said.stderr


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an active context, made as `docker context create` and `use` make it."""
    host = f"unix://{tmp_path}/mine.sock"
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    folder.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    return host


def answers(script: str) -> str:
    """Return what connecting says in a process of its own: the client leaves its sockets to the collector."""
    script = f"from suite.execute.docker.client import *\ntry: {script}\nexcept UsageError as error: print(error)"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stderr == ""
    return said.stdout


def test_the_active_context_says_where_the_engine_is(context: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert address() == context
    assert f"no container engine answers at {context}: start one, or set DOCKER_HOST" in answers("connect()")
    monkeypatch.setenv("DOCKER_CONTEXT", "gone")
    with pytest.raises(UsageError, match="docker context gone: is unknown"):
        address()
    monkeypatch.setenv("DOCKER_CONTEXT", "default")
    assert address() == "unix:///var/run/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    assert address() == "tcp://127.0.0.1:1"


def test_an_engine_behind_ssh_is_refused_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://somebody@example.invalid")
    with pytest.raises(UsageError, match=r"ssh://somebody@example\.invalid: .* run the suite where it is"):
        connect()
