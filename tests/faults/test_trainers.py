"""Faults of a run's own process."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from algorithms import ALGORITHMS
from suite.execute.guardian import LOG_BYTES
from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.folder import RunFolder
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from tests.faults.conditions import assert_no_process, assert_same_numbers, assert_sound, events
from tests.faults.conftest import Note, count
from tests.faults.processes import FORKSERVER, execute
from tests.suite.stores import make_spec, prepared

pytestmark = pytest.mark.faults

BUDGETS = {"maml-trpo": 2000, "rl2-ppo": 1600, "tcl-rl2-ppo": 1600, "mql": 1000, "tcl-mql": 1000}
"""Environment steps of about fifteen iterations; of the others, 6,000."""

TINY = [
    spec.model_copy(update={"budget": BUDGETS.get(spec.algorithm, 6000), "evaluations": 5})
    for spec in load_benchmark("smoke").plan()
    if spec.environment == "point-goal-2d"
]

DEADLINE = 120.0
"""Seconds after which a misbehaving trainer should have been dealt with; far more than is needed."""

KILLS_A_RUN = 4
"""Then it is left to end: it must be resumed, and its numbers compared."""


def begin(results: Path, spec: RunSpec, checkpoint_seconds: float, dies_at: int = 0) -> BaseProcess:
    process = FORKSERVER.Process(target=execute, args=(str(results), spec.run, checkpoint_seconds, dies_at))
    process.start()
    return process


def generation(folder: RunFolder) -> int:
    """Return the number of the newest checkpoint; 0 before the first."""
    return max((int(path.stem) for path in folder.path.glob("checkpoint/*.json")), default=0)


def run_to_end(results: Path, spec: RunSpec) -> RunFolder:
    folder = prepared(results, spec)
    process = begin(results, spec, 60.0)
    process.join()
    assert process.exitcode == 0, folder.log_tail()
    assert folder.state == "done"
    return folder


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """Each run, never disturbed."""
    results = tmp_path_factory.mktemp("references")
    found = {spec.algorithm: run_to_end(results, spec) for spec in TINY}
    assert found.keys() == ALGORITHMS.keys()
    return found


def reach(process: BaseProcess, reached: Callable[[], bool]) -> None:
    """Wait for a process to come so far, or to end."""
    while process.is_alive() and not reached():
        time.sleep(0.002)


def send(process: BaseProcess, number: signal.Signals) -> int | None:
    """Send a signal to a process; return the status it ends with."""
    with suppress(ProcessLookupError):
        os.kill(process.pid or 0, number)
    process.join()
    return process.exitcode


def assert_clean_and_equal(results: Path, folder: RunFolder, reference: RunFolder) -> None:
    """A run that was killed and ended at last has the numbers of one that was not; what the kills left can go."""
    assert_same_numbers(reference, folder)
    Store(results).collect_garbage()
    assert list(results.rglob(".*.tmp")) == []
    assert list(folder.path.glob("checkpoint/*")) == []


def test_sigkill_at_random_moments(references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    """Each kill falls into the start, or some way into what follows one of the process's first three checkpoints."""
    draws = np.random.default_rng(0)
    wanted, killed, saved, torn, done = count(whole=200, bounded=28), Counter[str](), 0, 0, 0
    # A run may end before any kill reaches it: then its algorithm has another turn.
    while killed.total() < wanted or (killed.keys() != ALGORITHMS.keys() and done < 4 * len(TINY)):
        spec = TINY[done % len(TINY)]
        results = tmp_path / str(done)
        folder, kills = prepared(results, spec), 0
        length = float(references[spec.algorithm].provenance()["seconds_total"])
        while folder.state != "done":
            before, halves = generation(folder), len(list(folder.path.rglob(".*.tmp")))
            process = begin(results, spec, 0.0)  # a checkpoint after every iteration
            if kills < KILLS_A_RUN:
                awaited = before + int(draws.integers(4))
                reach(process, lambda: generation(folder) >= awaited)  # noqa: B023
                process.join(draws.uniform(0, length / 4))
                ended = send(process, signal.SIGKILL)
            else:
                process.join()
                ended = process.exitcode
            assert ended in (0, -signal.SIGKILL), folder.log_tail()
            if ended:
                kills += 1
                killed[spec.algorithm] += 1
                saved += generation(folder) > before
                torn += len(list(folder.path.rglob(".*.tmp"))) > halves
            assert_sound(results)
        assert_clean_and_equal(results, folder, references[spec.algorithm])
        done += 1
    assert killed.keys() == ALGORITHMS.keys()
    assert saved >= killed.total() / 3  # otherwise the kills met start-up, and proved little
    held = f"{saved} after the process had saved a checkpoint, {torn} within a write; files parse; "
    held += f"{done} runs of {len(killed)} algorithms resumed, bit-equal to undisturbed ones"
    note("SIGKILL of a trainer at a random moment", killed.total(), held)


def test_sigterm_at_random_moments(references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    """There are no other checkpoints than those that SIGTERM asks for."""
    draws = np.random.default_rng(1)
    wanted, asked, saved, done = count(whole=200, bounded=28), Counter[str](), 0, 0
    while asked.total() < wanted or done < len(TINY):
        spec = TINY[done % len(TINY)]
        results = tmp_path / str(done)
        folder, times = prepared(results, spec), 0
        length = float(references[spec.algorithm].provenance()["seconds_total"])
        progress = folder.path / "progress.json"
        while folder.state != "done":
            before = generation(folder)
            progress.unlink(missing_ok=True)
            process = begin(results, spec, 3600.0)
            training = False
            if times < KILLS_A_RUN:
                if draws.random() < 0.75:
                    reach(process, progress.exists)
                process.join(draws.uniform(0, length / 4))
                training = progress.exists()
                ended = send(process, signal.SIGTERM)
            else:
                process.join()
                ended = process.exitcode
            if ended and folder.state != "done":
                times += 1
                asked[spec.algorithm] += 1
                saved += generation(folder) > before
                assert ended == 130 or (ended == -signal.SIGTERM and not training), folder.log_tail()
                assert generation(folder) == before + (ended == 130)
            assert_sound(results)
        assert_clean_and_equal(results, folder, references[spec.algorithm])
        done += 1
    assert asked.keys() == ALGORITHMS.keys()
    assert saved >= asked.total() / 3
    held = f"a checkpoint of each of the {saved} that had begun; files parse; "
    held += f"{done} runs of {len(asked)} algorithms resumed, bit-equal to undisturbed ones"
    note("SIGTERM of a trainer at a random moment", asked.total(), held)


def test_sigkill_within_a_write(references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    """The write is of a checkpoint every other time, else of the results; what was written so far is half a file."""
    draws = np.random.default_rng(4)
    times = count(whole=70, bounded=14)
    for turn in range(times):
        spec = TINY[turn % len(TINY)]
        results = tmp_path / str(turn)
        folder = prepared(results, spec)
        # Each file is synced and then its folder: three files of a checkpoint, six of the results.
        moment = (0.0, int(draws.integers(1, 31))) if turn // len(TINY) % 2 else (3600.0, int(draws.integers(1, 12)))
        process = begin(results, spec, *moment)
        process.join()
        assert process.exitcode == -signal.SIGKILL, folder.log_tail()
        assert_sound(results)
        assert folder.state == "pending"
        assert_clean_and_equal(results, run_to_end(results, spec), references[spec.algorithm])
    note("SIGKILL of a trainer within a write", times, "files parse, nothing half-written is seen; resumed, bit-equal")


@pytest.mark.parametrize("damage", ["truncated", "bit-flipped", "removed"])
def test_a_damaged_newest_checkpoint(damage: str, references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    draws = np.random.default_rng(2)
    times = count(whole=21, bounded=3)
    for turn in range(times):
        spec = TINY[turn % len(TINY)]
        results = tmp_path / str(turn)
        folder = prepared(results, spec)
        process = begin(results, spec, 0.0)
        reach(process, lambda: generation(folder) >= 4)  # noqa: B023
        assert send(process, signal.SIGKILL) == -signal.SIGKILL
        number = generation(folder)
        victim = Path(draws.choice(sorted(map(str, folder.path.glob(f"checkpoint/{number:06}.*")))))
        content = bytearray(victim.read_bytes())
        if damage == "truncated":
            victim.write_bytes(content[: int(draws.integers(len(content)))])
        elif damage == "bit-flipped":
            content[int(draws.integers(len(content)))] ^= 1 << int(draws.integers(8))
            victim.write_bytes(content)
        else:
            victim.unlink()
        assert_same_numbers(references[spec.algorithm], run_to_end(results, spec))
        log = folder.log_tail()
        assert "goes on at" in log  # at the older one
        assert victim.name in log or (damage == "removed" and victim.suffix == ".json")
    note(f"newest checkpoint {damage}", times, "the older one is used; resumed runs bit-equal")


def test_a_damaged_result_is_noticed(references: dict[str, RunFolder], tmp_path: Path, note: Note) -> None:
    draws = np.random.default_rng(3)
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
    monkeypatch.setattr("suite.execute.scheduler.GRACE_SECONDS", 1.0)
    spec = make_spec()
    store = Store(results)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", mode]
    executor = LocalLauncher(store, command, memory=memory)
    scheduler = Scheduler(store, executor, 1, limits, Retries(1, backoff=0.05))
    deadline = time.monotonic() + DEADLINE

    def watch() -> None:
        assert time.monotonic() < deadline, "the trainer is still there"

    scheduler.run([spec], watch)
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


def test_a_trainer_that_hangs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    monkeypatch.setattr("suite.execute.scheduler.START_SECONDS", 2.0)
    scheduler, folder = supervise(tmp_path, "hangs-at-once", Limits(silence=0.5), monkeypatch)
    assert scheduler.failures[folder.run].kind == "silence"
    note(
        "a trainer that hangs before its first step", 2, "stopped when the patience for start-up is over, then as above"
    )


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
