"""A benchmark's `clusters:` from the command line to the page, by way of `suite exec`."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from suite.failures import HELD_STATUS, STORAGE_STATUS
from suite.inspect import clusters, post_run
from suite.plan.benchmark import load_benchmark
from suite.plan.embeddings import ClusterSettings
from suite.store.folder import RunFolder
from suite.store.runs import Store
from suite.training.trainer import Trainer
from tests.suite.stores import CLUSTERS, CLUSTERS_FAILED, CLUSTERS_WANTED
from tests.suite.trained_runs import TINY, suite

CPU = torch.device("cpu")
WANTED = "clusters: [{algorithms: [pearl], environments: [point-goal-2d], tasks: 4, rollouts: 6, perplexity: 5}]\n"


@pytest.fixture(scope="module")
def definition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark file; its runs lie beside it, executed, under `results`."""
    path = tmp_path_factory.mktemp("embedded") / "tiny.yaml"
    path.write_text(TINY[: TINY.index("      mql:")] + WANTED)
    assert run(path, path.parent) == 0
    return path


def run(definition: Path, where: Path) -> int:
    return suite("run", definition, "--results", where / "results", "--reports", where / "reports", "--workers", 1)


@pytest.fixture
def folder(definition: Path, tmp_path: Path) -> RunFolder:
    """A copy of the PEARL run that lacks its clusters; nothing of the benchmark is with it."""
    source = next((definition.parent / "results" / "runs").glob("pearl_*"))
    shutil.copytree(source, tmp_path / "results" / "runs" / source.name)
    (tmp_path / "results" / "runs" / source.name / CLUSTERS).unlink()
    return Store(tmp_path / "results").folder(source.name)


def contents(folder: RunFolder) -> dict[str, bytes]:
    """Every file but the lease's and the progress."""
    return {
        path.name: path.read_bytes()
        for path in folder.path.iterdir()
        if path.is_file() and path.name != "progress.json"
    }


def test_a_benchmark_fills_its_page(definition: Path) -> None:
    page = (definition.parent / "reports" / "index.html").read_text()
    assert "4 tasks (test tasks), 6 rollouts each after 2 exploration episodes" in page
    folders = {folder.spec().label: folder for folder in Store(definition.parent / "results").folders()}
    assert json.loads((folders["pearl"].path / CLUSTERS).read_text())["settings"] == {
        "tasks": 4,
        "rollouts": 6,
        "window": 64,
        "seed": 0,
        "perplexity": 5.0,
    }
    assert not (folders["blind-sac"].path / CLUSTERS).exists()
    assert "clusters: 6 rollouts a task embedded" in folders["pearl"].log_tail()
    for folder in folders.values():
        folder.verify()
        assert not folder.is_held


def test_a_run_that_lacks_them_gets_that_phase_alone_wherever_it_is_executed(
    definition: Path, folder: RunFolder, tmp_path: Path
) -> None:
    before = contents(folder)
    assert suite("exec", folder.run, "--results", tmp_path / "results") == 0
    after = contents(folder)
    made = after.pop(CLUSTERS)
    assert after == before
    original = Store(definition.parent / "results").folder(folder.run)
    assert made == (original.path / CLUSTERS).read_bytes()
    assert not folder.is_held


def test_a_finished_benchmark_embeds_what_is_missing_and_then_nothing(
    definition: Path, folder: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(definition.parent / "results", tmp_path / "results", dirs_exist_ok=True)
    (folder.path / CLUSTERS).unlink()
    assert run(definition, tmp_path) == 0
    assert "2 runs, 2 done, 0 to run, 1 to do post-run steps of" in capfd.readouterr().err
    assert not folder.lacking
    assert run(definition, tmp_path) == 0
    assert "2 runs, 2 done, 0 to run\n" in capfd.readouterr().err


def test_the_command_and_the_phase_give_the_same(
    definition: Path, folder: RunFolder, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ("--tasks", 4, "--rollouts", 6, "--perplexity", 5)
    where = ("--results", tmp_path / "results", "--reports", tmp_path)
    assert suite("clusters", folder.run, *where, *options) == 0
    original = Store(definition.parent / "results").folder(folder.run)
    assert (folder.path / CLUSTERS).read_bytes() == (original.path / CLUSTERS).read_bytes()
    assert not folder.lacking
    assert not folder.is_held
    other = Store(tmp_path / "results").folder(folder.run)
    assert other.take()
    capfd.readouterr()
    assert suite("clusters", folder.run, *where, *options) == 2
    assert "is being worked on by somebody else" in capfd.readouterr().err
    other.release()


@pytest.mark.parametrize(
    "options", [("--seed", 2**32), ("--perplexity", 4800), ("--perplexity", "nan"), ("--tasks", 21), ("--rollouts", 1)]
)
def test_wrong_numbers_are_refused_before_any_rollout(
    options: tuple[str, object],
    folder: RunFolder,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clusters, "adapted", no_rollout)
    assert suite("clusters", folder.run, "--results", tmp_path / "results", *options) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert options[0].lstrip("-") in said[0]


def no_rollout(*_: Any) -> None:
    raise AssertionError("a rollout")


def test_a_latent_of_one_dimension_is_refused_before_any_rollout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "adapted", no_rollout)
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.run.startswith("pearl_point"))
    trainer = Trainer.of(spec.model_copy(update={"settings": {**spec.settings, "latent_size": 1}}), CPU)
    with pytest.raises(post_run.UsageError, match="its latent has one dimension"):
        clusters.embed(trainer, ClusterSettings())


def phase(folder: RunFolder) -> int:
    """Be the process that executes a run, past its commit."""
    assert folder.take()
    with folder.kept():
        assert folder.state == "done"
        return post_run.do_wanted(folder, CPU)


def after_rounds(number: int, do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something between two rounds of rollouts."""
    crop, rounds = clusters.crop, iter(range(1, 100))

    def crop_and_do(*arguments: Any) -> Any:
        if next(rounds) == number:
            do()
        return crop(*arguments)

    monkeypatch.setattr(clusters, "crop", crop_and_do)


def test_a_step_holds_the_lease_and_reports_progress(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    other, seen = RunFolder(folder.path), []
    after_rounds(3, lambda: seen.extend([other.is_held, other.state, other.progress()["post_run_done"]]), monkeypatch)
    assert phase(folder) == 0
    assert seen == [True, "done", 2]


def test_asked_to_stop_it_leaves_the_run_finished_and_goes_on_later(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    after_rounds(3, lambda: os.kill(os.getpid(), signal.SIGTERM), monkeypatch)
    assert phase(folder) == 130
    assert contents(folder) == before
    assert (folder.state, folder.is_held, folder.lacking) == ("done", False, ("clusters",))
    assert phase(folder) == 0
    assert not folder.lacking


def test_what_fails_is_said_and_fails_no_run(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        after_rounds(2, lambda: np.linalg.inv(np.zeros((2, 2))), patch)
        assert phase(folder) == 0
    assert "finished, but its post-run step clusters failed: LinAlgError: Singular matrix" in capfd.readouterr().err
    assert (folder.state, folder.failure()) == ("done", {})
    assert folder.step_failure("clusters") == "LinAlgError: Singular matrix"
    assert suite("report", "--results", tmp_path / "results", "--reports", tmp_path / "reports") == 0
    page = (tmp_path / "reports" / "index.html").read_text()
    assert "its post-run step clusters failed: LinAlgError: Singular matrix" in page
    assert suite("exec", folder.run, "--results", tmp_path / "results") == 0
    assert not (folder.path / CLUSTERS_FAILED).exists()
    assert not folder.lacking


@pytest.mark.parametrize("wanted", ['{"seed": -1}', "[]", "{"])
def test_a_damaged_request_fails_no_run(wanted: str, folder: RunFolder, tmp_path: Path) -> None:
    (folder.path / CLUSTERS_WANTED).write_text(wanted)
    assert suite("exec", folder.run, "--results", tmp_path / "results") == 0
    assert folder.state == "done"
    assert not (folder.path / CLUSTERS).exists()


def test_a_full_disk_is_the_storage_s_failure(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device")

    after_rounds(2, full, monkeypatch)
    assert phase(folder) == STORAGE_STATUS
    assert (folder.state, folder.lacking) == ("done", ("clusters",))


def test_a_step_whose_lease_was_taken_over_writes_nothing(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    after_rounds(2, lambda: shutil.rmtree(folder.path / "claims"), monkeypatch)
    assert phase(folder) == HELD_STATUS
    assert not (folder.path / CLUSTERS).exists()


def test_a_rerun_discards_the_record_of_its_step(folder: RunFolder, tmp_path: Path) -> None:
    assert phase(folder) == 0
    made = (folder.path / CLUSTERS).read_bytes()
    with folder.taken():
        folder.reset()
    assert (folder.state, (folder.path / CLUSTERS).exists()) == ("pending", False)
    assert suite("exec", folder.run, "--results", tmp_path / "results") == 0
    assert (folder.path / CLUSTERS).read_bytes() == made
