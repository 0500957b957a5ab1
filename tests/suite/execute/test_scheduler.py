"""The scheduler and the local executor, with trainers that end well and badly."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from suite.execute.executor import BusyError
from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Limits, Retries, Scheduler, share
from suite.failures import HELD_STATUS, Failure
from suite.spec import RunSpec
from suite.store.attempts import RECORDS, AttemptRecord
from suite.store.files import as_json, write_json
from suite.store.folder import RunFolder
from suite.store.lease import Lease
from suite.store.runs import Store
from tests.faults.conditions import assert_no_process, assert_sound, committed, events
from tests.faults.trainer import finish
from tests.suite.stores import CLUSTERS, make_spec

FORK = multiprocessing.get_context("fork")


def execute(
    results: Path, mode: str, specs: Sequence[RunSpec], *, limits: Limits | None = None, workers: int = 2
) -> Scheduler:
    store = Store(results)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", mode]
    scheduler = Scheduler(store, LocalLauncher(store, command), workers, limits or Limits(), Retries(backoff=0.05))
    scheduler.run(specs, lambda: None)
    assert_no_process(results)
    assert_sound(results)
    return scheduler


def test_every_run_is_done_once_and_the_second_time_nothing_runs(tmp_path: Path) -> None:
    specs = [make_spec(seed=seed) for seed in range(3)]
    for _ in range(2):
        execute(tmp_path, "ends-well", specs)
        assert committed(tmp_path) == sorted(spec.run for spec in specs)


WANTED = {"tasks": 4, "rollouts": 6}


def asked(results: Path) -> tuple[RunSpec, RunFolder]:
    """A run whose contexts shall be embedded when it is done."""
    spec = make_spec()
    folder = Store(results).folder(spec.run)
    folder.prepare(spec)
    folder.want("clusters", WANTED)
    return spec, folder


def test_a_finished_run_that_lacks_its_clusters_gets_that_phase_alone(tmp_path: Path) -> None:
    spec, folder = asked(tmp_path)
    execute(tmp_path, "ends-well", [spec])
    assert events(tmp_path) == {"started": 1, "committed": 1, "embedding": 1}
    execute(tmp_path, "ends-well", [spec])
    assert events(tmp_path)["embedding"] == 1
    (folder.path / CLUSTERS).unlink()
    execute(tmp_path, "ends-well", [spec])
    assert events(tmp_path) == {"started": 1, "committed": 1, "embedding": 2}
    folder.want("clusters", {**WANTED, "rollouts": 7})
    execute(tmp_path, "ends-well", [spec])
    assert events(tmp_path) == {"started": 1, "committed": 1, "embedding": 3}
    assert not folder.lacking


def test_a_run_killed_in_its_post_run_step_resumes_with_that_step(tmp_path: Path) -> None:
    spec, folder = asked(tmp_path)
    scheduler = execute(tmp_path, "is-killed-embedding-once", [spec])
    assert events(tmp_path) == {"started": 1, "committed": 1, "embedding": 2}
    assert scheduler.failures == {}
    assert not folder.lacking


@pytest.mark.parametrize(
    ("mode", "reason", "times"),
    [("is-always-killed-embedding", "killed by SIGKILL", 3), ("cannot-embed", "all windows are alike", 1)],
)
def test_a_failed_embedding_is_said_and_fails_no_run(mode: str, reason: str, times: int, tmp_path: Path) -> None:
    spec, folder = asked(tmp_path)
    scheduler = execute(tmp_path, mode, [spec])
    assert events(tmp_path) == {"started": 1, "committed": 1, "embedding": times}
    assert scheduler.failures == {}
    assert (folder.state, folder.step_failure("clusters"), folder.failure()) == ("done", reason, {})
    folder.forget_step_failure("clusters")
    execute(tmp_path, "ends-well", [spec])
    assert (folder.lacking, folder.step_failure("clusters")) == ((), None)


def test_a_run_that_is_being_embedded_elsewhere_is_waited_for(tmp_path: Path) -> None:
    spec, folder = asked(tmp_path)
    other = Store(tmp_path).folder(spec.run)
    assert other.take()
    finish(other)
    looks = iter(range(10**6))

    def embed_elsewhere() -> None:
        if next(looks) == 3:
            assert events(tmp_path) == {"committed": 1}
            other.write(CLUSTERS, as_json({"settings": WANTED}))
            other.release()

    store = Store(tmp_path)
    command = [sys.executable, "-m", "tests.faults.trainer", "ends-well"]
    Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(0)).run([spec], embed_elsewhere)
    assert events(tmp_path) == {"committed": 1}
    assert not folder.lacking


def test_a_killed_run_is_tried_again(tmp_path: Path) -> None:
    scheduler = execute(tmp_path, "is-killed-twice", [make_spec()])
    assert scheduler.failures == {}
    assert events(tmp_path) == {"started": 3, "committed": 1}


def test_a_run_that_is_always_killed_is_given_up_and_named(tmp_path: Path) -> None:
    spec = make_spec()
    scheduler = execute(tmp_path, "is-always-killed", [spec])
    assert events(tmp_path) == {"started": 3}
    assert scheduler.failures[spec.run].reason == "killed by SIGKILL"
    folder = Store(tmp_path).folder(spec.run)
    assert folder.state == "failed"
    assert folder.failure() == {"kind": "killed", "reason": "killed by SIGKILL"}


def test_an_exception_is_not_tried_again_and_its_log_is_kept(tmp_path: Path) -> None:
    spec = make_spec()
    scheduler = execute(tmp_path, "raises", [spec])
    assert events(tmp_path) == {"started": 1}
    assert scheduler.failures[spec.run].kind == "error"
    assert "ValueError: bad" in Store(tmp_path).folder(spec.run).log_tail()


@pytest.mark.parametrize("word", ['{"kind": [], "reason": "x"}', '{"kind": "error", "reason": 1}', "[]", "{"])
def test_a_damaged_failure_record_stops_nothing(word: str, tmp_path: Path) -> None:
    script = (
        "import pathlib, sys; pathlib.Path(sys.argv[4], 'runs', sys.argv[2], 'failed.json').write_text(sys.argv[1])"
    )
    store, spec = Store(tmp_path), make_spec()
    store.prepare()
    command = [sys.executable, "-c", f"{script}; sys.exit(3)", word]
    scheduler = Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(0))
    scheduler.run([spec], lambda: None)
    assert scheduler.failures[spec.run] == ("error", "ended with status 3")


def test_a_full_disk_is_tried_again(tmp_path: Path) -> None:
    spec = make_spec()
    scheduler = execute(tmp_path, "fills-the-disk", [spec])
    assert events(tmp_path) == {"started": 3}
    assert scheduler.failures[spec.run].kind == "storage"


def test_a_disk_that_is_full_at_the_start_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = iter([True, True, False])
    prepare = RunFolder.prepare

    def prepare_or_not(folder: RunFolder, spec: RunSpec) -> None:
        if next(full):
            raise OSError(errno.ENOSPC, "No space left on device")
        prepare(folder, spec)

    monkeypatch.setattr(RunFolder, "prepare", prepare_or_not)
    scheduler = execute(tmp_path, "ends-well", [make_spec()])
    assert scheduler.failures == {}
    assert events(tmp_path) == {"started": 1, "committed": 1}
    full = iter([True] * 3)
    scheduler = execute(tmp_path, "ends-well", [make_spec(seed=1)])
    assert [failure.kind for failure in scheduler.failures.values()] == ["storage"]
    assert next(full, None) is None


def test_start_up_does_not_count_as_hanging(tmp_path: Path) -> None:
    scheduler = execute(tmp_path, "starts-slowly", [make_spec()], limits=Limits(silence=0.2))
    assert scheduler.failures == {}


def test_exceeding_the_time_limit_is_not_retried(tmp_path: Path) -> None:
    spec = make_spec()
    scheduler = execute(tmp_path, "stops-when-asked", [spec], limits=Limits(seconds=3.0))
    assert scheduler.failures[spec.run].kind == "time"
    assert events(tmp_path)["started"] <= 1


def test_a_run_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    spec = make_spec()
    path = tmp_path / "runs" / spec.run / "run.json"
    path.parent.mkdir(parents=True)
    write_json(path, {**spec.model_dump(mode="json"), "schema_version": 99})
    before = path.read_bytes()
    store = Store(tmp_path)
    scheduler = Scheduler(store, LocalLauncher(store, ["true"]), 1, Limits(), Retries())
    scheduler.run([spec], lambda: None)
    assert "newer version" in scheduler.failures[spec.run].reason
    assert path.read_bytes() == before


def test_a_run_that_somebody_else_works_on_is_waited_for(tmp_path: Path) -> None:
    spec = make_spec()
    store = Store(tmp_path)
    store.prepare()
    other = store.folder(spec.run)
    other.prepare(spec)
    assert other.take()
    looks = 0

    def watch() -> None:
        nonlocal looks
        looks += 1
        if looks == 5:
            other.release()

    command = [sys.executable, "-m", "tests.faults.trainer", "ends-well"]
    Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries()).run([spec], watch)
    assert looks > 5
    assert committed(tmp_path) == [spec.run]


def test_a_run_held_where_the_clock_is_another_is_waited_for(tmp_path: Path) -> None:
    spec = make_spec()
    store = Store(tmp_path)
    store.prepare()
    other = store.folder(spec.run)
    other.prepare(spec)
    assert other.take()
    (lease,) = (other.path / "claims").iterdir()
    lease.write_text(json.dumps({"machine": "another", "pid": 1, "started": 1}))
    os.utime(lease, (0, 0))
    assert other.state == "pending"  # as far as wall clocks tell
    looks = 0

    def watch() -> None:
        nonlocal looks
        looks += 1
        if looks == 20:
            finish(other)
            other.release()

    command = [sys.executable, "-S", "-c", f"import sys; sys.exit({HELD_STATUS})"]
    scheduler = Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(0))
    scheduler.run([spec], watch)
    assert scheduler.failures == {}
    assert looks >= 20


def test_an_interrupt_asks_every_run_and_leaves_nobody(tmp_path: Path) -> None:
    specs = [make_spec(seed=seed) for seed in range(2)]
    store = Store(tmp_path)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", "stops-when-asked"]
    scheduler = Scheduler(store, LocalLauncher(store, command), 2, Limits(), Retries())

    def watch() -> None:
        if events(tmp_path)["started"] == 2:
            scheduler.interrupt()

    with pytest.raises(KeyboardInterrupt):
        scheduler.run(specs, watch)
    assert_no_process(tmp_path)
    assert {store.folder(spec.run).state for spec in specs} == {"pending"}


def test_a_lost_lease_stops_all_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from suite.store.lease import LostLeaseError

    spec = make_spec()
    store = Store(tmp_path)
    store.prepare()
    loser, winner = store.folder(spec.run), store.folder(spec.run)
    loser.prepare(spec)
    assert loser.take()
    monkeypatch.setattr("suite.store.lease._owner_lives", lambda owner: False)
    assert winner.take()
    assert isinstance(winner._lease, Lease)
    before = sorted(path.name for path in loser.path.iterdir())
    for write in (
        lambda: loser.write("evaluations.parquet", b""),
        lambda: loser.write("provenance.json", b"{}"),
        lambda: loser.fail("reason", "error"),
        loser.commit,
        loser.heartbeat,
        loser.reset,
    ):
        with pytest.raises(LostLeaseError):
            write()
    assert sorted(path.name for path in loser.path.iterdir()) == before


def test_three_failures_are_final_for_every_engine(tmp_path: Path) -> None:
    """Each engine is killed, or gives up, after one attempt; the fourth does not try at all."""
    spec, store = make_spec(), Store(tmp_path)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", "is-always-killed"]
    for engine in range(4):
        scheduler = Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(backoff=3600.0))

        def leave(scheduler: Scheduler = scheduler, engine: int = engine) -> None:
            if len(store.folder(spec.run).attempts()) > engine and not scheduler._running:
                scheduler.interrupt()

        with suppress(KeyboardInterrupt):
            scheduler.run([spec], leave)
        assert (scheduler.failures == {spec.run: ("killed", "killed by SIGKILL")}) == (engine >= 2)
    assert events(tmp_path) == {"started": 3}
    assert store.folder(spec.run).state == "failed"


def test_what_an_interrupt_kills_has_not_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execute.scheduler.GRACE_SECONDS", 0.2)
    spec, store = make_spec(), Store(tmp_path)
    store.prepare()
    command = [sys.executable, "-m", "tests.faults.trainer", "ignores-sigterm"]
    scheduler = Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(0))

    def watch() -> None:
        if events(tmp_path)["ignoring"]:
            scheduler.interrupt()

    with pytest.raises(KeyboardInterrupt):
        scheduler.run([spec], watch)
    assert [record.kind for record in store.folder(spec.run).attempts()] == ["interrupted"]


def test_a_limit_on_time_counts_earlier_attempts(tmp_path: Path) -> None:
    spec, store = make_spec(), Store(tmp_path)
    folder = store.folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    begun = datetime.now(UTC)
    record = AttemptRecord(begun=begun, host="another", kind="interrupted", seconds=3000.0)
    folder.write("attempts.json", RECORDS.dump_json((record,)))
    folder.release()
    scheduler = execute(tmp_path, "stops-when-asked", [spec], limits=Limits(seconds=3001.0))
    assert scheduler.failures[spec.run].kind == "time"


def test_waiting_for_runs_that_others_hold_can_time_out(tmp_path: Path) -> None:
    spec, store = make_spec(), Store(tmp_path)
    store.prepare()
    other = store.folder(spec.run)
    other.prepare(spec)
    assert other.take()
    scheduler = Scheduler(store, LocalLauncher(store, ["false"]), 1, Limits(), Retries(), patience=0.5)
    scheduler.run([spec], lambda: None)
    assert scheduler.failures == {}
    assert other.state == "running"


class AtOnce:
    """An executor whose attempts are over when they have started."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def start(self, folder: RunFolder, slot: int) -> AtOnce:
        if not folder.take(patient=False):
            raise BusyError
        try:
            if folder.state != "done" and folder.begin(2) is None:
                finish(folder)
        finally:
            folder.release()
        return self

    def has_ended(self) -> bool:
        return True

    def stop(self) -> None: ...

    def kill(self) -> None: ...

    def over_memory(self) -> None: ...

    def end(self) -> Failure:
        return Failure("error", "did not say")


def pull(results: Path, specs: Sequence[RunSpec], task: int, tasks: int) -> None:
    store = Store(results)
    scheduler = Scheduler(store, AtOnce(store), 1, Limits(), Retries(), patience=10.0)
    scheduler.run(share(specs, task, tasks), lambda: None)
    os._exit(1 if scheduler.failures else 0)


def test_64_pullers_do_1008_runs_exactly_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suite.execute.scheduler.TICK_SECONDS", 0.02)
    monkeypatch.setattr("os.fsync", lambda _: None)  # sixty thousand; nothing here is about a crash of the machine
    specs = [make_spec(seed=seed) for seed in range(1008)]
    (tmp_path / "runs").mkdir()
    pullers = [FORK.Process(target=pull, args=(tmp_path, specs, task, 64)) for task in range(64)]
    for puller in pullers:
        puller.start()
    for puller in pullers[:8]:
        puller.kill()  # where it stands: others do what it leaves
    for puller in pullers:
        puller.join()
    assert {puller.exitcode for puller in pullers[8:]} == {0}
    assert {store_folder.state for store_folder in Store(tmp_path).folders()} == {"done"}
    assert committed(tmp_path) == sorted(spec.run for spec in specs)
