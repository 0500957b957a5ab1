"""Faults of a run's own process."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file

from suite.benchmark import load_benchmark
from suite.guardian import LOG_BYTES
from suite.local import LocalExecutor
from suite.scheduler import Limits, Retries, Scheduler
from suite.spec import RunSpec
from suite.store import RunFolder, Store
from tests.faults.conditions import assert_no_process, assert_sound, events
from tests.faults.conftest import Note, count
from tests.faults.processes import FORKSERVER, execute
from tests.suite.stores import make_spec

pytestmark = pytest.mark.faults

SMOKE = [
    spec.model_copy(update={"budget": 6000, "evaluations": 5})
    for spec in load_benchmark("smoke").plan()
    if spec.environment == "point-goal-2d"
]


def planned(results: Path, spec: RunSpec) -> RunFolder:
    store = Store(results)
    store.prepare()
    folder = store.folder(spec.run)
    folder.prepare(spec)
    return folder


def newest(folder: RunFolder) -> str:
    """Return the name of the newest checkpoint."""
    return max((path.name for path in folder.path.glob("checkpoint/*.json")), default="")


def run_to_end(results: Path, spec: RunSpec, checkpoint_seconds: float = 60.0) -> RunFolder:
    folder = planned(results, spec)
    process = FORKSERVER.Process(target=execute, args=(str(results), spec.run, checkpoint_seconds))
    process.start()
    process.join()
    assert process.exitcode == 0, folder.log_tail()
    assert folder.state == "done"
    return folder


def assert_same_numbers(one: RunFolder, other: RunFolder) -> None:
    """Evaluations, counters, metrics and final parameters are equal bit for bit; only seconds may differ."""
    pd.testing.assert_frame_equal(one.evaluations(), other.evaluations(), check_exact=True)
    tables = [folder.training() for folder in (one, other)]
    timeless = [table.drop(columns=[name for name in table if name.startswith("seconds")]) for table in tables]
    pd.testing.assert_frame_equal(*timeless, check_exact=True)
    first, second = (load_file(folder.path / "state.safetensors") for folder in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_array_equal(tensor.numpy(), second[name].numpy(), err_msg=name)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Each run, never disturbed."""
    results = tmp_path_factory.mktemp("references")
    return {spec.algorithm: run_to_end(results, spec) for spec in SMOKE}


@pytest.fixture(scope="module")
def seconds(references: dict[str, RunFolder]) -> dict[str, float]:
    """How long each run takes, about."""
    return {name: float(folder.provenance()["seconds_total"]) for name, folder in references.items()}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_trainer_killed_at_random_moments(
    number: signal.Signals,
    references: dict[str, RunFolder],
    seconds: dict[str, float],
    tmp_path: Path,
    note: Note,
) -> None:
    draws = np.random.default_rng(0)
    wanted, kills, checkpointed, done = count(whole=200, bounded=24), 0, 0, 0
    while kills < wanted:
        spec = SMOKE[done % len(SMOKE)]
        results = tmp_path / str(done)
        folder, survived = planned(results, spec), 0
        begun = time.monotonic()
        while folder.state != "done":
            process = FORKSERVER.Process(target=execute, args=(str(results), spec.run, 0.0))
            before = newest(folder)
            process.start()
            while survived % 2 and newest(folder) == before and process.is_alive():
                time.sleep(0.002)  # every other time, the moment is drawn from those after a new checkpoint
            # A run is killed a few times anywhere in the length of an undisturbed one, then left to end.
            process.join(draws.uniform(0, seconds[spec.algorithm]) if survived < 6 and kills < wanted else None)
            if process.is_alive():
                os.kill(process.pid or 0, number)
                process.join()
                kills += 1
                survived += 1
                checkpointed += (folder.path / "checkpoint").exists()
            else:
                assert process.exitcode == 0, folder.log_tail()
            assert_sound(results)
        seconds[spec.algorithm] = max(seconds[spec.algorithm], (time.monotonic() - begun) / (survived + 1))
        assert_same_numbers(references[spec.algorithm], folder)
        Store(results).collect_garbage()
        assert sorted(path.name for path in results.rglob(".*.tmp")) == []
        assert list(folder.path.glob("checkpoint/*")) == []
        done += 1
    assert checkpointed  # otherwise no kill met a run that had something to go on from
    held = f"files parse; {done} resumed runs bit-equal to undisturbed ones; {checkpointed} kills after a checkpoint"
    note(f"{number.name} of a trainer at a random moment", kills, held)


@pytest.mark.parametrize("damage", ["truncated", "bit-flipped", "removed"])
def test_a_damaged_newest_checkpoint(damage: str, references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    draws = np.random.default_rng(1)
    times = count(whole=20, bounded=4)
    for turn in range(times):
        spec = SMOKE[turn % len(SMOKE)]
        results = tmp_path / str(turn)
        folder = planned(results, spec)
        process = FORKSERVER.Process(target=execute, args=(str(results), spec.run, 0.0))
        process.start()
        while len(list(folder.path.glob("checkpoint/*.json"))) < 2 and process.is_alive():
            time.sleep(0.005)
        process.kill()
        process.join()
        newest = max(folder.path.glob("checkpoint/*.json")).stem
        victim = draws.choice(sorted(folder.path.glob(f"checkpoint/{newest}.*")))
        content = bytearray(victim.read_bytes())
        if damage == "truncated":
            victim.write_bytes(content[: int(draws.integers(len(content)))])
        elif damage == "bit-flipped":
            content[int(draws.integers(len(content)))] ^= 1 << int(draws.integers(8))
            victim.write_bytes(content)
        else:
            victim.unlink()
        assert_same_numbers(references[spec.algorithm], run_to_end(results, spec))
    note(f"newest checkpoint {damage}", times, "the older generation is used; resumed runs bit-equal")


def test_a_damaged_result_is_noticed(references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    from suite.store import CorruptRunError

    draws = np.random.default_rng(2)
    times = count(whole=200, bounded=50)
    names = ("evaluations.parquet", "training.parquet", "provenance.json", "state.safetensors", "run.json")
    source = next(iter(references.values()))
    for turn in range(times):
        victim = source.path / names[turn % len(names)]
        sound = victim.read_bytes()
        content = bytearray(sound)
        if turn % 2:
            content[int(draws.integers(len(content)))] ^= 1 << int(draws.integers(8))
        else:
            del content[int(draws.integers(len(content))) :]
        victim.write_bytes(content)
        try:
            with pytest.raises(CorruptRunError, match=victim.name):
                source.verify()
        finally:
            victim.write_bytes(sound)
    source.verify()
    note("a committed file truncated or bit-flipped", times, "noticed by its checksum, the file named")


def supervise(
    results: Path, mode: str, limits: Limits, monkeypatch: pytest.MonkeyPatch, memory: int | None = None
) -> tuple[Scheduler, RunFolder]:
    monkeypatch.setattr("suite.scheduler.GRACE_SECONDS", 1.0)
    spec = make_spec()
    store = Store(results)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", mode]
    executor = LocalExecutor(store, command, memory=memory)
    scheduler = Scheduler(store, executor, 1, limits, Retries(1, backoff=0.05))
    scheduler.run([spec], lambda: None)
    assert_no_process(results)
    assert_sound(results)
    return scheduler, store.folder(spec.run)


def test_a_trainer_that_ignores_sigterm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    scheduler, folder = supervise(tmp_path, "ignores-sigterm", Limits(seconds=4.0), monkeypatch)
    assert scheduler.failures[folder.run].kind == "time"
    assert folder.state == "failed"
    note("a trainer that ignores SIGTERM", 1, "killed after the grace, failed as `time`, no process left")


def test_a_trainer_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    scheduler, folder = supervise(tmp_path, "hangs", Limits(silence=1.0), monkeypatch)
    assert scheduler.failures[folder.run].kind == "silence"
    assert events(tmp_path)["started"] == 2
    note("a trainer that hangs", 2, "stopped for silence, tried again, then failed as `silence`, no process left")


def test_a_trainer_that_exceeds_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    scheduler, folder = supervise(tmp_path, "exceeds-memory", Limits(), monkeypatch, memory=600 * 2**20)
    assert scheduler.failures[folder.run].kind == "memory limit"
    assert events(tmp_path)["started"] == 1
    note("a trainer that exceeds its memory", 1, "stopped, failed as `memory limit`, not tried again, no process left")


def test_a_trainer_that_prints_a_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    scheduler, folder = supervise(tmp_path, "prints-a-gigabyte", Limits(), monkeypatch)
    assert scheduler.failures == {}
    assert sum(path.stat().st_size for path in folder.path.glob("log*")) <= 2 * LOG_BYTES
    assert folder.log_tail(1) == "the last words"
    note("a trainer that prints a gigabyte", 1, "done; its log is kept to 8 MiB, its last words included")


def test_a_trainer_that_leaves_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    scheduler, folder = supervise(tmp_path, "leaves-children", Limits(), monkeypatch)
    assert scheduler.failures == {}
    assert folder.state == "done"
    note("a trainer that leaves a child behind", 1, "done; the child is killed with the group")
