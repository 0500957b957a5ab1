"""Attempts at a run: counted in the store, whoever makes them and however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.failures import TRANSIENT, Failure
from suite.store.attempts import LOST, begun, ended, job_here, seconds_of, verdict
from suite.store.folder import RunFolder
from suite.store.lease import LostLeaseError
from suite.store.runs import Store
from tests.suite.stores import make_spec

KILLED = Failure("killed", "killed by SIGKILL")
WRONG = Failure("error", "ValueError: bad")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    spec = make_spec()
    folder = Store(tmp_path).folder(spec.run)
    folder.prepare(spec)
    assert folder.take()
    return folder


def test_three_transient_failures_are_final_and_stops_do_not_count(folder: RunFolder) -> None:
    for turn in range(3):
        for failure in (None, KILLED):
            assert folder.begin(retries=2) is None
            assert folder.end(failure, retries=2) == failure
        assert (folder.state == "failed") == (turn == 2)
    assert folder.given_up() == KILLED
    assert folder.begin(retries=2) == KILLED
    assert [record.kind for record in folder.attempts()] == ["interrupted", "killed"] * 3


def test_a_deterministic_failure_is_final_at_once(folder: RunFolder) -> None:
    assert folder.begin(retries=2) is None
    folder.end(WRONG, retries=2)
    assert folder.given_up() == WRONG


def test_an_attempt_without_an_end_was_lost(folder: RunFolder) -> None:
    """As a run leaves behind that takes its machine down: nobody is left to say anything."""
    for _ in range(3):
        assert folder.begin(retries=2) is None
    assert folder.begin(retries=2) == LOST
    assert folder.given_up() == LOST
    assert [record.kind for record in folder.attempts()] == ["killed"] * 3


def test_what_was_refused_leaves_the_verdict_as_it_is(folder: RunFolder) -> None:
    """The process of an attempt that may not begin ends with 1, which is no failure of its own."""
    for _ in range(4):
        folder.begin(retries=2)
    records = folder.attempts()
    assert folder.end(Failure("error", "ended with status 1"), retries=2, since=len(records)) == LOST
    assert folder.attempts() == records
    assert folder.given_up() == LOST


def test_lost_attempts_of_real_processes_count(folder: RunFolder, tmp_path: Path) -> None:
    folder.release()
    code = (
        "import os, signal, sys; from pathlib import Path; from suite.store.runs import Store;"
        f"folder = Store(Path({str(tmp_path)!r})).folder({folder.run!r}); assert folder.take();"
        "sys.exit(1) if folder.begin(2) else os.kill(os.getpid(), signal.SIGKILL)"
    )
    statuses = [subprocess.run([sys.executable, "-c", code], check=False).returncode for _ in range(5)]
    assert statuses == [-signal.SIGKILL] * 3 + [1] * 2
    assert folder.state == "failed"


def test_what_an_attempt_says_itself_stands(folder: RunFolder) -> None:
    folder.begin(retries=2)
    folder.end(Failure("memory", "CUDA out of memory"), retries=2)
    assert folder.end(Failure("error", "ended with status 1"), retries=2, since=0) == ("memory", "CUDA out of memory")
    assert len(folder.attempts()) == 1
    assert folder.state != "failed"


def test_an_attempt_may_fail_before_it_begins(folder: RunFolder) -> None:
    for number in range(3):
        folder.end(Failure("engine", "refused"), retries=2, since=number)
    assert folder.given_up() == ("engine", "refused")


@pytest.mark.parametrize(
    ("said", "kept"), [("\n refused:\n\n  no room\n", "refused: no room"), ("", "engine"), (" \n", "engine")]
)
def test_a_reason_is_one_line_that_says_something(said: str, kept: str, folder: RunFolder) -> None:
    assert folder.end(Failure("engine", said), retries=0, since=0) == ("engine", kept)
    assert folder.attempts()[0].reason == folder.failure()["reason"] == kept
    folder.fail_step("clusters", said)
    assert folder.step_failure("clusters") == (kept if kept != "engine" else "its exception said nothing")


def test_a_stop_that_nobody_asked_for_is_a_failure(folder: RunFolder) -> None:
    folder.begin(retries=2)
    folder.end(None, retries=2)
    assert folder.end(KILLED, retries=2, since=0) == KILLED


def test_a_run_that_is_asked_for_anew_starts_counting_anew(folder: RunFolder) -> None:
    folder.begin(retries=0)
    folder.end(KILLED, retries=0)
    folder.forgive()
    assert folder.given_up() is None
    assert folder.begin(retries=0) is None
    assert len(folder.attempts()) == 1


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '[{"begun": 1e999}]', "[" * 100_000, '[{"kind": "odd"}]', "9" * 9999]
)
def test_damaged_records_stop_nothing(content: str, folder: RunFolder) -> None:
    (folder.path / "attempts.json").write_text(content)
    assert folder.begin(retries=2) is None
    assert len(folder.attempts()) == 1


def test_records_are_not_read_or_written_through_a_link(folder: RunFolder, tmp_path: Path) -> None:
    treasure = tmp_path / "treasure.json"
    treasure.write_text("[]")
    (folder.path / "attempts.json").symlink_to(treasure)
    folder.begin(retries=2)
    assert treasure.read_text() == "[]"
    assert not (folder.path / "attempts.json").is_symlink()


@pytest.mark.parametrize("write", [lambda f: f.begin(2), lambda f: f.end(KILLED, 2)])
def test_only_the_holder_records(write: Callable[[RunFolder], object], folder: RunFolder) -> None:
    folder.begin(retries=2)
    folder.release()
    with pytest.raises(LostLeaseError):
        write(folder)


def test_a_record_names_host_and_job(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ARRAY_JOB_ID": "17", "ARRAY_TASK_ID": "4", "JOB_ID": "21"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    folder.begin(retries=2)
    (record,) = json.loads((folder.path / "attempts.json").read_text())
    assert record["job"] == "17_4"
    assert record["host"] == os.uname().nodename
    assert job_here({"SLURM_JOB_ID": "21"}) == "21"
    assert job_here({}) is None


ENDS = st.sampled_from([None, KILLED, WRONG, Failure("storage", "away"), Failure("time", "over"), LOST])


@given(st.lists(st.tuples(st.booleans(), ENDS), max_size=8), st.integers(0, 4))
def test_the_verdict_is_that_of_the_failures_alone(attempts: list[tuple[bool, Failure | None]], retries: int) -> None:
    """Whatever mixture of attempts: too many transient failures, or a last one that is not, and nothing else."""
    records, failures = (), []
    for is_seen, failure in attempts:
        before = len(records)
        records = begun(records)
        if is_seen:
            records = ended(records, failure, before)
        failures.append(failure if is_seen else LOST)
    records = begun(records)[:-1]
    expected = [failure for failure in failures if failure is not None]
    final = bool(expected) and (expected[-1].kind not in TRANSIENT or len(expected) > retries)
    assert verdict(records, retries) == (expected[-1] if final else None)
    assert seconds_of(records) >= 0
