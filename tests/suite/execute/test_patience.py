"""A store that goes away, whatever its file system calls that: it is waited for, and no run is given up."""

from __future__ import annotations

import errno
import itertools
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.execute import patience
from suite.execute.executor import Limits, Retries
from suite.execute.local import LocalLauncher
from suite.execute.patience import Patience
from suite.execute.scheduler import Scheduler
from suite.failures import STORAGE_STATUS, TRANSIENT, Failure, of_exception
from suite.store import attempts, record
from suite.store.record import CorruptRunError, RunRecord, RunState
from suite.store.runs import Store
from tests.faults.conditions import assert_no_process, committed, events
from tests.suite.execute.test_scheduler import execute
from tests.suite.stores import make_spec
from tests.suite.trained_runs import suite

AWAY = [
    *("ESTALE", "ENOTCONN", "ETIMEDOUT", "EHOSTDOWN", "EREMOTEIO", "ENODEV", "EMFILE", "ENFILE", "ENOMEM", "ENOLCK"),
    *("EBUSY", "EHOSTUNREACH", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENXIO"),
]
OTHERS = ["ENOSPC", "EIO", "EROFS", "ENOENT", "ENOTDIR", "EACCES"]


def failing(name: str) -> OSError:
    return OSError(getattr(errno, name), "away")


@pytest.mark.parametrize("name", AWAY)
def test_a_run_that_met_it_is_tried_again(name: str) -> None:
    assert of_exception(failing(name)).kind in TRANSIENT


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("name", "waits"), [*((name, True) for name in AWAY), *((name, False) for name in OTHERS)])
def test_what_is_away_is_waited_for_and_nothing_else(
    name: str, waits: bool, wrapped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.0)
    answers = iter([True, True, False])

    def act() -> str:
        if next(answers):
            if not wrapped:
                raise failing(name)
            raise CorruptRunError("run.json") from failing(name)
        return "there"

    if waits:
        assert Patience(Path()).insist(act) == "there"
    else:
        with pytest.raises((OSError, CorruptRunError)):
            Patience(Path()).insist(act)


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = itertools.count(step=100)
    monkeypatch.setattr(patience.time, "monotonic", lambda: next(now))
    monkeypatch.setattr(patience.time, "sleep", lambda _: None)

    def act() -> None:
        raise failing("ESTALE")

    with pytest.raises(UsageError, match=r"r: is away \(.*\); waited for 600 s"):
        Patience(Path("r")).insist(act)


@pytest.fixture
def absence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[range], None]]:
    """Let the store not answer when it is asked for a run's state for the n-th times of a range."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)
    state = RunRecord.state.fget
    assert state is not None
    asked = itertools.count()

    def away(times: range) -> None:
        def state_or_not(self: RunRecord) -> RunState:
            if next(asked) in times:
                raise failing("ESTALE")
            return state(self)

        monkeypatch.setattr(RunRecord, "state", property(state_or_not))

    yield away
    assert next(asked) > 0


@pytest.mark.parametrize("first", range(6))
def test_a_scheduler_goes_on_when_the_store_is_back(
    first: int, absence: Callable[[range], None], tmp_path: Path
) -> None:
    """Whenever that is: before a run is started, while it is running, or when it has ended."""
    absence(range(first, first + 20))
    specs = [make_spec(seed=seed) for seed in range(2)]
    scheduler = execute(tmp_path, "ends-well", specs)
    assert scheduler.failures == {}
    assert events(tmp_path) == {"started": 2, "committed": 2}


def test_a_store_that_stays_away_ends_everything_in_good_order(
    absence: Callable[[range], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.5)
    absence(range(1, 10**9))
    with pytest.raises(UsageError, match="is away"):
        execute(tmp_path, "ends-well", [make_spec()])
    assert_no_process(tmp_path)


@pytest.mark.parametrize("is_empty", [True, False], ids=["an empty folder", "no folder"])
def test_nothing_is_begun_where_a_store_has_vanished(
    is_empty: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a disk is unmounted: what the store held is there again when it is back."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.05)
    results, aside = tmp_path / "results", tmp_path / "aside"
    store, specs = Store(results), [make_spec(seed=seed) for seed in range(2)]
    store.prepare()
    for spec in specs:
        store.folder(spec.run).prepare(spec)
    command = [sys.executable, "-m", "tests.faults.trainer", "ends-well"]
    scheduler = Scheduler(store, LocalLauncher(store, command), 1, Limits(), Retries(backoff=0.05))
    left: list[Path] = []
    timers: list[threading.Timer] = []

    def watch() -> None:
        if len(committed(results)) == 1 and not timers:
            results.rename(aside)
            if is_empty:
                (results / "runs").mkdir(parents=True)
            timers.append(threading.Timer(0.5, bring_back))
            timers[0].start()

    def bring_back() -> None:
        left.extend(results.glob("runs/*"))
        shutil.rmtree(results, ignore_errors=True)
        aside.rename(results)

    scheduler.run(specs, watch)
    assert scheduler.failures == {}
    assert len(timers) == 1
    assert left == []
    assert committed(results) == sorted(spec.run for spec in specs)


def test_a_store_that_vanished_for_good_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "AWAY_SECONDS", 0.0)
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.01)
    (tmp_path / "runs" / "a").mkdir(parents=True)
    there = Patience(tmp_path)
    assert there.insist(lambda: True)
    (tmp_path / "runs" / "a").rmdir()
    with pytest.raises(UsageError, match=r"is away \(.*the runs that it held are not there\); waited for 0 s$"):
        there.insist(lambda: True)


def test_a_store_whose_old_runs_are_pruned_is_there(tmp_path: Path) -> None:
    (tmp_path / "runs" / "old").mkdir(parents=True)
    there = Patience(tmp_path)
    (tmp_path / "runs" / "new").mkdir()
    (tmp_path / "runs" / "old").rmdir()
    assert there.tried(lambda: True)


def test_a_store_is_not_known_by_what_another_scheduler_tries_in_it(tmp_path: Path) -> None:
    probe = tmp_path / "runs" / ".probe.1"
    probe.mkdir(parents=True)
    there = Patience(tmp_path)
    probe.rmdir()
    assert there.tried(lambda: True)


def test_a_process_of_a_run_says_that_the_store_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = make_spec()
    store = Store(tmp_path)
    store.folder(spec.run).prepare(spec)

    def away(path: Path, offset: int = 0) -> bytes:
        raise failing("ENOTCONN")

    monkeypatch.setattr(record, "read_regular", away)
    assert suite("exec", spec.run, "--results", tmp_path) == STORAGE_STATUS
    assert suite("exec", "unknown", "--results", tmp_path) == STORAGE_STATUS
    monkeypatch.undo()
    assert suite("exec", "unknown", "--results", tmp_path) == 2


# Clocks


def test_a_night_with_the_lid_closed_is_not_counted() -> None:
    """Whoever saw the attempt says what it took; the wall clock does not."""
    (begun,) = attempts.begun(())
    long_ago = begun.model_copy(update={"begun": datetime.now(UTC) - timedelta(hours=10)})
    for failure in (None, Failure("killed", "by SIGKILL")):
        (ended,) = attempts.ended((long_ago,), failure, 0, seconds=7.0)
        assert ended.seconds == 7.0
        (ended,) = attempts.ended((long_ago,), failure, 0)
        assert ended.seconds == 0.0


@pytest.mark.parametrize("hours", [-1000, 1000])
def test_a_clock_that_is_set_takes_no_time_from_a_run(
    hours: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Set(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(hours=hours)

    monkeypatch.setattr(attempts, "datetime", Set)
    spec = make_spec()
    scheduler = execute(tmp_path, "stops-when-asked", [spec], limits=Limits(seconds=2.0))
    assert scheduler.failures[spec.run].kind == "time"
    (tried,) = Store(tmp_path).folder(spec.run).attempts()
    assert 1.0 < tried.seconds < 600.0
