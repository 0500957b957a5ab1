"""Faults of the scheduler, of several schedulers, and of what they stand on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from suite.failures import STORAGE_STATUS
from suite.store.files import write_json
from suite.store.lease import look
from suite.store.runs import Store
from tests.faults.conditions import (
    assert_no_process,
    assert_same_numbers,
    assert_sound,
    committed,
    events,
    files_in,
    processes_of,
)
from tests.faults.conftest import Note, count
from tests.suite.store.test_lease import race
from tests.suite.stores import finish, linear, make_spec

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parent.parent.parent

DEADLINE = 300.0
"""Seconds after which a test that waits fails; far more than any needs."""

BENCHMARK = """
name: tiny
description: two short runs
groups:
  - environments: [point-goal-2d]
    seeds: [0, 1]
    budget: 6000
    evaluations: 2
    algorithms:
      oracle-sac:
        settings: {network_sizes: [16], batch: 16, updates: 1, warmup_steps: 20, tasks_per_iteration: 2,
          steps_per_task: 20}
"""


def start(mode: str, results: Path, runs: int, *forked: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.scheduler", mode, str(results), str(runs), *forked]
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True)


def suite(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "suite", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=DEADLINE)


def wait_until(condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def checkpoints(results: Path) -> set[Path]:
    return {path for path in files_in(results) if path.match("checkpoint/*.json")}


def done(results: Path) -> list[str]:
    """Return the runs that are done: a trainer may be killed after its commit, and before it notes it."""
    return sorted(folder.run for folder in Store(results).folders() if folder.state == "done")


def test_sigkill_of_the_scheduler(tmp_path: Path, note: Note) -> None:
    draws = random.Random(0)
    results, runs, kills = tmp_path / "results", count(whole=40, bounded=10), 0
    results.mkdir()
    while len(done(results)) < runs:
        before = done(results)
        process = start("ends-well", results, runs)
        seen = events(results)["started"] + draws.randint(0, 3)  # a fourth starts when another has ended
        wait_until(lambda: events(results)["started"] > seen or process.poll() is not None)  # noqa: B023
        process.kill()
        process.wait()
        kills += 1
        assert_no_process(results, within=30)
        assert_sound(results)
        assert set(before) <= set(done(results))
    assert start("ends-well", results, runs).wait(DEADLINE) == 0
    assert done(results) == sorted(make_spec(seed=seed).run for seed in range(runs))
    assert len(set(committed(results))) == len(committed(results))
    note("SIGKILL of the scheduler", kills, f"no process left; {runs} runs committed, each once")


FORKED = pytest.mark.parametrize("forked", [(), ("forked",)], ids=["started", "forked"])
"""The ways in which processes of runs come about."""


def which(forked: tuple[str, ...]) -> str:
    return " ".join([*forked, "trainers"])


@FORKED
def test_sigkill_of_the_scheduler_of_trainers_that_ignore_sigterm(
    forked: tuple[str, ...], tmp_path: Path, note: Note
) -> None:
    process = start("ignores-sigterm", tmp_path, 2, *forked)
    wait_until(lambda: events(tmp_path)["started"] == 2)
    process.kill()
    process.wait(DEADLINE)
    assert_no_process(tmp_path, within=60)
    assert_sound(tmp_path)
    note(f"SIGKILL of the scheduler, {which(forked)} ignoring SIGTERM", 1, "killed after the grace, no process left")


def test_sigkill_of_a_guardian(tmp_path: Path, note: Note) -> None:
    process = start("stops-when-asked", tmp_path, 1)
    for turn in range(3):
        wait_until(lambda: events(tmp_path)["started"] == turn + 1)  # noqa: B023
        guardian = next(p for p in processes_of(tmp_path) if any("guardian.py" in word for word in p.cmdline()))
        guardian.kill()
    process.wait(DEADLINE)
    assert_no_process(tmp_path)
    assert Store(tmp_path).folder(make_spec().run).state == "failed"
    note("SIGKILL of the guardian of a run", 3, "its trainer is killed, tried again, then failed as `killed`")


@FORKED
def test_sigterm_to_everything(forked: tuple[str, ...], tmp_path: Path, note: Note) -> None:
    times = count(whole=10, bounded=2)
    for turn in range(times):
        results = tmp_path / str(turn)
        results.mkdir()
        process = start("stops-when-asked", results, 3, *forked)
        wait_until(lambda: events(results)["started"] == 2)  # noqa: B023
        for other in (*processes_of(results), process):
            os.kill(other.pid, signal.SIGTERM)
        assert process.wait(DEADLINE) != 0
        assert_no_process(results)
        assert_sound(results)
        assert {folder.state for folder in Store(results).folders()} == {"pending"}
    note(f"SIGTERM to every process at once, of {which(forked)}", times, "no process left; every run can go on")


def test_two_schedulers_at_once(tmp_path: Path, note: Note) -> None:
    runs = count(whole=100, bounded=20)
    schedulers = [start("ends-well", tmp_path, runs) for _ in range(2)]
    assert [scheduler.wait(DEADLINE) for scheduler in schedulers] == [0, 0]
    assert committed(tmp_path) == sorted(make_spec(seed=seed).run for seed in range(runs))
    assert_no_process(tmp_path)
    assert_sound(tmp_path)
    note("two schedulers on one store", runs, "every run committed, none twice")


def test_many_take_a_run_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    times = count(whole=200, bounded=50)
    for turn in range(times):
        assert len(race(tmp_path / str(turn), 8, monkeypatch)) == 1
    note("eight take a run that each has seen to be free", times, "one gets it")


def test_a_real_benchmark_is_interrupted_and_goes_on(tmp_path: Path, note: Note) -> None:
    """`suite run` itself: killed, terminated, interrupted twice, and then left to end; against one left alone."""
    benchmark, results, alone = tmp_path / "tiny.yaml", tmp_path / "results", tmp_path / "alone"
    benchmark.write_text(BENCHMARK)
    arguments = ["run", str(benchmark), "--reports", str(tmp_path / "reports"), "--workers", "2"]
    assert suite(*arguments, "--results", str(alone)).returncode == 0
    command = [sys.executable, "-m", "suite", *arguments, "--results", str(results), "--checkpoint-every", "0"]
    for signals in ([signal.SIGKILL], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT]):
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        before = checkpoints(results)
        wait_until(lambda: process.poll() is not None or checkpoints(results) - before)  # noqa: B023
        for number in signals:
            process.send_signal(number)
        assert process.wait(DEADLINE) in (0, 130, -signal.SIGKILL)
        assert_no_process(results, within=30)
        assert_sound(results)
    assert suite(*arguments, "--results", str(results)).returncode == 0
    for folder in Store(alone).folders():
        assert_same_numbers(folder, Store(results).folder(folder.run))
    note("SIGKILL, SIGTERM, two SIGINT to `suite run`", 3, "no process left; resumed runs bit-equal")


@contextmanager
def small_disk(path: Path, size: str, fault: str, note: Note) -> Iterator[Path]:
    """Mount a small file system of memory; say in the matrix if that is not allowed."""
    path.mkdir(exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=False).returncode:
        note(fault, 0, "NOT INJECTED: needs the right to mount")
        pytest.skip("needs the right to mount")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def remount(path: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(path)], check=True)


def contents(path: Path) -> dict[Path, bytes]:
    return {file.relative_to(path): file.read_bytes() for file in files_in(path)}


def failures(answer: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in answer.stderr.splitlines() if line.startswith("failed: ")]


def test_a_full_disk(tmp_path: Path, note: Note) -> None:
    benchmark = tmp_path / "tiny.yaml"
    benchmark.write_text(BENCHMARK)
    with small_disk(tmp_path / "disk", "320k", "a full disk", note) as disk:
        arguments = ["run", str(benchmark), "--results", str(disk), "--reports", str(tmp_path / "reports")]
        filler = disk / "filler"
        filler.write_bytes(bytes(200 * 1024))
        answer = suite(*arguments, "--workers", "1", "--retries", "0", "--checkpoint-every", "0")
        assert answer.returncode == 1, answer.stderr
        assert "Traceback (most recent call last)" not in answer.stderr.split("failed:")[0]
        assert [line.split(": ")[2] for line in failures(answer)] == ["storage", "storage"], answer.stderr
        assert_sound(disk)
        assert_no_process(disk)
        assert Store(disk).collect_garbage() == []  # nobody was killed: nothing half-written is left
        assert not any(look(folder.path / "claims")[1] for folder in Store(disk).folders())
        filler.unlink()
        remount(disk, "size=64m")
        answer = suite(*arguments)
        assert answer.returncode == 0, answer.stderr
        assert_sound(disk)
        assert [folder.state for folder in Store(disk).folders()] == ["done", "done"]
    note("a full disk", 2, "failed as `storage` and named; files parse; done once there is room")


def test_a_read_only_store(tmp_path: Path, note: Note) -> None:
    """A read-only file system holds for the superuser too, unlike the permissions of a folder."""
    benchmark = tmp_path / "tiny.yaml"
    benchmark.write_text(BENCHMARK)
    with small_disk(tmp_path / "disk", "1m", "a read-only store", note) as disk:
        spec = make_spec()
        finish(Store(disk), spec, linear(0, 1))
        (disk / "runs" / spec.run / ".half.tmp").touch()
        unfinished = make_spec(seed=1)
        Store(disk).folder(unfinished.run).prepare(unfinished)
        remount(disk, "ro")
        before = contents(disk)
        refused = {
            ("run", str(benchmark)): 2,
            ("run", str(benchmark), "--rerun", spec.run): 2,
            ("plan", str(benchmark), "--calibrate"): 2,
            ("gc",): 1,
            ("exec", unfinished.run): STORAGE_STATUS,
        }
        for command, status in refused.items():
            answer = suite(*command, "--results", str(disk))
            assert answer.returncode == status, answer.stderr
            assert answer.stderr.count("\n") == 1, answer.stderr
            assert str(disk) in answer.stderr
        answer = suite("status", "--results", str(disk), "--json")
        assert answer.returncode == 0, answer.stderr
        assert sorted(run["state"] for run in json.loads(answer.stdout)["runs"]) == ["done", "pending"]
        for reading in (("plan", str(benchmark)), ("logs", spec.run), ("exec", spec.run)):
            answer = suite(*reading, "--results", str(disk))
            assert answer.returncode == 0, answer.stderr
        assert contents(disk) == before
    note("a read-only store", len(refused), "refused in one line that names it; it can still be looked at")


def test_a_folder_of_a_newer_version(tmp_path: Path, note: Note) -> None:
    spec = make_spec()
    folder = tmp_path / "runs" / spec.run
    folder.mkdir(parents=True)
    write_json(folder / "run.json", {**spec.model_dump(mode="json"), "schema_version": 99, "new": 1})
    before = contents(tmp_path)
    for command in (["status"], ["exec", spec.run], ["gc"], ["logs", spec.run]):
        answer = suite(*command, "--results", str(tmp_path))
        assert answer.returncode == (2 if "exec" in command else 0)
        assert answer.stderr.count("\n") == ("newer version" in answer.stderr) == (command[0] in ("status", "exec"))
    assert contents(tmp_path) == before
    note("a folder of a newer version", 4, "refused in one line, left as it is")
