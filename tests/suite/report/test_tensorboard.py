"""Event files hold what runs logged, as TensorBoard reads them."""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from suite.analysis.results import read_results
from suite.analysis.training_metrics import COLUMNS, training_metrics
from suite.report.tensorboard import FILE, write_events
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.trained_runs import suite


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    for seed in range(2):
        folder = finish(store, make_spec(seed=seed, evaluations=2, budget=20_000), linear(0.0, 8.0))
        loss = [None, 0.5, 0.25 + seed]
        (folder.path / "training.parquet").write_bytes(
            folder.training().assign(loss=loss, note="text").to_parquet(index=False)
        )
        assert folder.take()
        folder.commit()
        folder.release()
    fail(store, make_spec(seed=2, evaluations=2, budget=20_000), "made to fail")
    return store


def test_training_metrics_are_tidy(store: Store) -> None:
    found = training_metrics(store, read_results(store))
    assert tuple(found.columns) == COLUMNS
    losses = found[found["metric"] == "loss"]
    assert losses[["seed", "environment_steps", "value"]].to_numpy().tolist() == [
        [0, 10_000, 0.5],
        [0, 20_000, 0.25],
        [1, 10_000, 0.5],
        [1, 20_000, 1.25],
    ]
    assert "note" not in set(found["metric"])
    assert set(found["entry"]) == {"pearl"}
    empty = Store(store.results / "nowhere")
    assert tuple(training_metrics(empty, read_results(empty)).columns) == COLUMNS


def test_tensorboard_reads_curves_and_metrics_by_steps_and_seconds(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "events"
    assert suite("export", "--format", "tensorboard", "--out", out, "--results", store.results) == 0
    assert capfd.readouterr().out == f"runs: 2; to see them: tensorboard --logdir {out}\n"
    run = make_spec(seed=1, evaluations=2, budget=20_000).run
    read = EventAccumulator(str(out / run)).Reload()
    scalars = {
        tag: [(each.wall_time, each.step, each.value) for each in read.Scalars(tag)] for tag in read.Tags()["scalars"]
    }
    assert scalars["training/loss"] == [(50.0, 10_000, 0.5), (100.0, 20_000, 1.25)]
    assert scalars["meta-test/return"] == [(0.0, 0, 0.0), (50.0, 10_000, 5.0), (100.0, 20_000, 8.0)]
    assert scalars["meta-test/success"] == [(0.0, 0, 0.0), (50.0, 10_000, 0.0), (100.0, 20_000, 1.0)]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        make_spec(seed=seed, evaluations=2, budget=20_000).run for seed in range(2)
    )


def test_the_same_runs_give_the_same_bytes(store: Store, tmp_path: Path) -> None:
    results = read_results(store)
    training = training_metrics(store, results)
    first, second = (write_events(results, training, tmp_path / name) for name in ("a", "b"))
    assert [(path / FILE).read_bytes() for path in first] == [(path / FILE).read_bytes() for path in second]


def test_without_tensorboard_there_is_one_line(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    assert suite("export", "--format", "tensorboard", "--out", tmp_path / "e", "--results", store.results) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("to install it: pip install tensorboard")
    assert not (tmp_path / "e").exists()


def test_a_table_of_metrics_is_exported(store: Store, tmp_path: Path) -> None:
    assert suite("export", "--format", "csv", "--out", tmp_path / "t", "--results", store.results) == 0
    table = pd.read_csv(tmp_path / "t" / "training.csv")
    assert tuple(table.columns) == COLUMNS
    assert len(table[table["metric"] == "loss"]) == 4
