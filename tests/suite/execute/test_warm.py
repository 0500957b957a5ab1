"""Processes of runs that are forked from one that has imported everything: as those that are started anew."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from suite.execute.local import WORKER_ENVIRONMENT, LocalLauncher, StartedGuardian
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.execute.warm import WarmServer
from suite.failures import PERMISSION_STATUS
from suite.plan.benchmark import load_benchmark
from suite.store.folder import RunFolder
from suite.store.runs import Store
from tests.faults.conditions import assert_no_process, assert_same_numbers, assert_sound, events, processes_of
from tests.suite.stores import make_spec

TRAINER = [sys.executable, "-m", "tests.faults.trainer"]  # no -P: tests are not installed
RUN = [sys.executable, "-P", "-m", "suite", "exec"]

Watch = Callable[[WarmServer, Scheduler], None]


@pytest.fixture
def nothing_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to start a process where the server should fork one."""

    def refuse(*_: object) -> None:
        raise AssertionError("started anew")

    monkeypatch.setattr("suite.execute.local.StartedGuardian", refuse)


def supervise(
    results: Path, mode: str, watch: Watch = lambda *_: None, *, limits: Limits | None = None, memory: int | None = None
) -> tuple[Scheduler, RunFolder]:
    """Have a misbehaving trainer executed by a server."""
    spec, store, command = make_spec(), Store(results), [*TRAINER, mode]
    store.prepare()
    with WarmServer(command, results, WORKER_ENVIRONMENT) as server:
        launcher = LocalLauncher(store, command, memory=memory, warm=server)
        scheduler = Scheduler(store, launcher, 1, limits or Limits(), Retries(1, backoff=0.05), grace=1.0)
        scheduler.run([spec], lambda: watch(server, scheduler))
        assert {process.pid for process in processes_of(results)} <= {server.pid}
    assert_no_process(results)
    assert_sound(results)
    return scheduler, store.folder(spec.run)


@pytest.mark.usefixtures("nothing_is_started")
@pytest.mark.parametrize(
    ("mode", "attempts", "kind", "log"),
    [
        ("ends-well", 1, None, ""),
        ("is-killed-twice", 2, "killed", ""),
        ("raises", 1, "error", "ValueError: bad"),
        ("fills-the-disk", 2, "storage", ""),
        ("leaves-children", 1, None, ""),
    ],
)
def test_a_forked_run_ends_as_one_that_was_started(
    mode: str, attempts: int, kind: str | None, log: str, tmp_path: Path
) -> None:
    scheduler, folder = supervise(tmp_path, mode)
    assert events(tmp_path)["started"] == attempts
    assert [failure.kind for failure in scheduler.failures.values()] == ([kind] if kind else [])
    assert (folder.state == "done") == (kind is None)
    assert log in folder.log_tail()


@pytest.mark.usefixtures("nothing_is_started")
@pytest.mark.parametrize(
    ("mode", "limits", "memory", "kind"),
    [
        ("ignores-sigterm", Limits(seconds=3.0), None, "time"),
        ("hangs", Limits(silence=1.0), None, "silence"),
        ("exceeds-memory", Limits(), 300 * 2**20, "memory limit"),
    ],
)
def test_a_forked_run_is_held_to_its_limits(
    mode: str, limits: Limits, memory: int | None, kind: str, tmp_path: Path
) -> None:
    scheduler, _ = supervise(tmp_path, mode, limits=limits, memory=memory)
    assert [failure.kind for failure in scheduler.failures.values()] == [kind]


@pytest.mark.usefixtures("nothing_is_started")
def test_a_guardian_that_is_killed_takes_its_run_along(tmp_path: Path) -> None:
    killed = []

    def kill_guardian(server: WarmServer, _: Scheduler) -> None:
        if events(tmp_path)["started"] > len(killed):
            leaders = [process.pid for process in processes_of(tmp_path) if os.getsid(process.pid) == process.pid]
            (guardian,) = {*leaders} - {server.pid}
            os.kill(guardian, signal.SIGKILL)
            killed.append(guardian)

    scheduler, folder = supervise(tmp_path, "stops-when-asked", kill_guardian)
    assert len(killed) == 2
    assert scheduler.failures == {folder.run: ("killed", "killed by SIGKILL")}


@pytest.mark.usefixtures("nothing_is_started")
def test_an_interrupt_asks_a_forked_run(tmp_path: Path) -> None:
    def interrupt(_: WarmServer, scheduler: Scheduler) -> None:
        if events(tmp_path)["started"]:
            scheduler.interrupt()

    with pytest.raises(KeyboardInterrupt):
        supervise(tmp_path, "stops-when-asked", interrupt)
    assert_no_process(tmp_path)
    assert events(tmp_path)["asked"] == 1
    assert Store(tmp_path).folder(make_spec().run).state == "pending"


def test_where_the_server_dies_processes_are_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started, killed = [], []

    class Noted(StartedGuardian):
        def __init__(self, log: str, command: Sequence[str], environment: dict[str, str]) -> None:
            super().__init__(log, command, environment)
            started.append(self.pid)

    def kill_server(server: WarmServer, _: Scheduler) -> None:
        if events(tmp_path)["started"] and not killed:
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            killed.append(server.pid)

    monkeypatch.setattr("suite.execute.local.StartedGuardian", Noted)
    scheduler, folder = supervise(tmp_path, "hangs", kill_server, limits=Limits(silence=1.0))
    assert (len(killed), len(started)) == (1, 1)
    assert events(tmp_path) == {"started": 2}
    assert scheduler.failures[folder.run].kind == "silence"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_log_that_may_not_be_written_is_a_matter_of_permission(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o500)
    with WarmServer([*TRAINER, "ends-well"], tmp_path, WORKER_ENVIRONMENT) as server:
        guardian = server.start(str(folder / "log.txt"), [*TRAINER, "ends-well"], {})
        assert guardian is not None
        assert guardian.wait() == PERMISSION_STATUS


def test_numbers_are_those_of_a_process_of_its_own(tmp_path: Path) -> None:
    (spec,) = [
        spec
        for spec in load_benchmark("smoke").plan()
        if (spec.algorithm, spec.environment) == ("oracle-sac", "point-goal-2d")
    ]
    folders, threads = [], set()
    with WarmServer(RUN, tmp_path, WORKER_ENVIRONMENT) as server:
        for name, warm in (("started", None), ("forked", server)):
            store = Store(tmp_path / name)
            store.prepare()

            def look() -> None:
                threads.update(p.num_threads() for p in processes_of(tmp_path) if p.pid == server.pid)

            scheduler = Scheduler(store, LocalLauncher(store, RUN, warm=warm), 1, Limits(), Retries(0))
            scheduler.run([spec], look)
            assert scheduler.failures == {}
            folders.append(store.folder(spec.run))
        look()
        family = {process.pid for process in psutil.Process(server.pid).children(recursive=True)}
    assert threads == {1}
    assert family == set()  # zombies too
    assert_same_numbers(*folders)
