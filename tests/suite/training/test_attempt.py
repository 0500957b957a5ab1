"""One attempt at a run, in this process."""

from __future__ import annotations

import os
import signal
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch
import yaml
from threadpoolctl import threadpool_info, threadpool_limits

from suite.failures import INTERRUPTED_STATUS
from suite.plan.benchmark import load_benchmark
from suite.training.attempt import attempt
from suite.training.threads import VARIABLES, limit_threads
from suite.training.trainer import Trainer
from tests.suite.stores import prepared


@pytest.mark.parametrize("threads", [1, 2])
def test_a_run_has_the_threads_that_its_benchmark_says(
    threads: int, benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    benchmark = yaml.safe_load(benchmark_file.read_text())
    benchmark["groups"][0]["threads"] = threads
    benchmark_file.write_text(yaml.safe_dump(benchmark))
    spec = load_benchmark(str(benchmark_file)).plan()[0]
    folder = prepared(tmp_path / "results", spec)
    seen = []
    iterate = Trainer.iterate

    def noting(trainer: Trainer) -> None:
        seen.append(torch.get_num_threads())
        seen.extend(library["num_threads"] for library in threadpool_info())
        iterate(trainer)

    monkeypatch.setattr(Trainer, "iterate", noting)
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "2")
    threadpool_limits(limits=3 - threads)  # as if whoever started this process had said something else
    try:
        with folder.taken():
            assert attempt(spec, folder, checkpoint_seconds=60.0) == 0
        assert {os.environ[variable] for variable in VARIABLES} == {str(threads)}  # of what is loaded later
    finally:
        limit_threads(1)
    assert len(threadpool_info()) > 1
    assert set(seen) == {threads}


def test_processor_seconds_are_those_of_all_attempts(
    benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_benchmark(str(benchmark_file)).plan()[0]
    folder = prepared(tmp_path / "results", spec)
    worked = [1000.0]
    iterate = Trainer.iterate

    def working(trainer: Trainer) -> None:
        worked[0] += 1.0
        iterate(trainer)
        if worked[0] == 1002.0:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Trainer, "iterate", working)
    monkeypatch.setattr("suite.training.attempt.time.process_time", lambda: worked[0])
    with folder.taken():
        assert attempt(spec, folder, checkpoint_seconds=60.0) == INTERRUPTED_STATUS
    assert worked == [1002.0]
    worked[0] += 50.0  # of other work between the two attempts
    with folder.taken():
        assert attempt(spec, folder, checkpoint_seconds=60.0) == 0
    assert folder.provenance()["processor_seconds"] == worked[0] - 1050.0 > 2.0


def test_what_is_needed_at_the_end_is_tried_before_any_training(
    benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_benchmark(str(benchmark_file)).plan()[0]
    folder = prepared(tmp_path / "results", spec)
    trained = []

    def missing() -> str:
        raise PackageNotFoundError("meta-rl-suite")

    monkeypatch.setattr("suite.training.provenance.suite_version", missing)
    monkeypatch.setattr(Trainer, "iterate", trained.append)
    with folder.taken():
        assert attempt(spec, folder, checkpoint_seconds=60.0) == 1
    assert trained == []
    assert "meta-rl-suite" in folder.failure()["reason"]
