"""The surroundings of the suite: closed standard streams, a store that goes away, clocks, a Slurm site's habits."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suite.execute import patience
from suite.execute.executor import Limits, Retries
from suite.execute.local import LocalLauncher
from suite.execute.scheduler import Scheduler
from suite.failures import STORAGE_STATUS
from suite.store import attempts
from suite.store.record import RunRecord, RunState
from suite.store.runs import Store
from tests.faults.conditions import assert_sound, events
from tests.faults.conftest import Note
from tests.suite.execute.test_patience import AWAY, failing
from tests.suite.execute.test_scheduler import execute
from tests.suite.stores import make_spec

pytestmark = pytest.mark.faults

CLOSED = [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(true)"]


def test_closed_streams(tmp_path: Path, note: Note) -> None:
    command = f"{sys.executable} -P -m suite"
    for streams in CLOSED:
        for words, status in (("list algorithms", 0), ("status", 0), ("report --results nowhere", 2)):
            done = subprocess.run(
                ["bash", "-c", f"{command} {words} {streams}"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == status
            assert "Traceback" not in done.stderr
    note("standard streams closed, full or unread", 3 * len(CLOSED), "the exit code is the command's own")


def test_a_store_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    """At random, for a while, by every name that a file system has for it."""
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0.02)
    state = RunRecord.state.fget
    assert state is not None
    draws = random.Random(0)
    for turn, name in enumerate(AWAY):
        asked, first = itertools.count(), draws.randrange(8)

        def state_or_not(self: RunRecord) -> RunState:
            if first <= next(asked) < first + 10:  # noqa: B023
                raise failing(name)  # noqa: B023
            return state(self)

        with monkeypatch.context() as patch:
            patch.setattr(RunRecord, "state", property(state_or_not))
            store = Store(tmp_path / str(turn))
            store.prepare()
            launcher = LocalLauncher(store, [sys.executable, "-m", "tests.faults.trainer", "ends-well"])
            scheduler = Scheduler(store, launcher, 1, Limits(), Retries(backoff=0.05))
            scheduler.run([make_spec()], lambda: None)
        assert scheduler.failures == {}
        assert events(tmp_path / str(turn)) == {"started": 1, "committed": 1}
        assert_sound(tmp_path / str(turn))
    note("a store that goes away while runs are looked after", len(AWAY), "waited for; every run committed, none twice")


def test_a_store_that_is_away_when_a_run_is_started(tmp_path: Path, note: Note) -> None:
    spec = make_spec()
    Store(tmp_path).folder(spec.run).prepare(spec)
    script = (
        "import errno, sys\nfrom suite.store import record\n"
        "def away(path, offset=0): raise OSError(getattr(errno, NAME), 'away')\n"
        "record.read_regular = away\nfrom suite.cli import main\nmain()"
    )
    names = [name for name in AWAY if name != "ENOMEM"]
    for name in names:
        command = [sys.executable, "-P", "-c", script.replace("NAME", repr(name)), "exec", spec.run, "--results"]
        done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, env=os.environ)
        assert done.returncode == STORAGE_STATUS
        assert done.stderr.count("\n") == 1
    note("a store that is away when a run's process starts", len(names), "ends with 74 and one line; tried again")


def test_clocks_that_are_set_while_runs_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    hours = (-100_000, -10, 10, 100_000)
    for jump in hours:

        class Set(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return datetime.now(UTC) + timedelta(hours=jump)  # noqa: B023

        monkeypatch.setattr(attempts, "datetime", Set)
        results = tmp_path / str(jump)
        scheduler = execute(results, "stops-when-asked", [make_spec()], limits=Limits(seconds=2.0))
        assert [failure.kind for failure in scheduler.failures.values()] == ["time"]
        (tried,) = Store(results).folder(make_spec().run).attempts()
        assert 1.0 < tried.seconds < 600.0
    note("a wall clock set by hours while a run goes on", len(hours), "its seconds are those of the monotonic clock")
