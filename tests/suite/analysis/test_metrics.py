"""Metrics by declaration: what runs measured, averaged as scores are, and read without anybody's code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from suite.analysis.metrics import at_the_end, declared, metric_rows
from suite.analysis.results import read_results
from suite.analysis.training_metrics import training_metrics
from suite.report.export import tables
from suite.report.tensorboard import write_events
from suite.session import results as suite_results
from suite.store.runs import Store
from tests.suite.forgetting import forgetting
from tests.suite.trained_runs import suite

MINE = """
from pathlib import Path
import numpy as np
from environments import Simulation, TaskFamily
from environments.point_goal import PointGoal
from dataclasses import replace
from algorithms import load_algorithm

class Far(PointGoal):
    spec = replace(PointGoal.spec, name="far-goal", metrics={"distance": "distance to the goal in the end"})

    def simulation(self, copies):
        simulation = super().simulation(copies)
        def measured():
            offsets = simulation._positions - simulation._goals
            return {MEASURED: np.sqrt((offsets**2).sum(axis=1))}
        simulation.measured = measured
        return simulation

class Mine(load_algorithm("blind-sac")):
    name = "mine"
    metrics = {"entropy_weight": "temperature", "never": "what it does not return"}

    def measured(self):
        return {"entropy_weight": 7.0}
"""

BENCHMARK = """
name: own
description: metrics of an algorithm and of a family
modules: [mine.py]
groups:
  - environments: [far-goal]
    seeds: [0]
    budget: 3000
    evaluations: 1
    algorithms:
      mine:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 20, warmup_steps: 20}
"""


def own(folder: Path, measured: str = '"distance"') -> int:
    (folder / "mine.py").write_text(MINE.replace("MEASURED", measured))
    (folder / "own.yaml").write_text(BENCHMARK)
    where = ("--results", folder / "r", "--reports", folder / "p")
    with forgetting():
        return suite("run", folder / "own.yaml", *where, "--workers", 1, "--retries", 0, "--trust")


def test_metrics_of_an_algorithm_and_a_family_reach_page_tables_and_tensorboard(tmp_path: Path) -> None:
    assert own(tmp_path) == 0
    store = Store(tmp_path / "r")
    (record,) = store.records()
    assert record.provenance()["command"] == f"suite exec {record.run} --again --trust"
    episodes = record.evaluations()
    assert np.allclose(episodes.loc[episodes["environment_steps"] == 0, "distance"], 1.0, atol=1.1)
    results = read_results(store)  # nobody's code is known here
    found = results.metrics.pivot(index="environment_steps", columns="metric", values="value")
    assert list(found) == ["distance", "entropy_weight", "success"]
    means = episodes.groupby("environment_steps")[["distance", "success"]].mean()
    np.testing.assert_allclose(found[["distance", "success"]], means)
    assert found["entropy_weight"].tolist() == [7.0, 7.0]
    exported = tables(results, [])["metrics"]
    assert len(exported) == 6
    assert exported["value"].notna().all()
    read = suite_results(store.results, table="metrics")
    assert read.set_index(["metric", "environment_steps"])["value"].equals(
        results.metrics.set_index(["metric", "environment_steps"])["value"]
    )
    (events,) = write_events(results, training_metrics(store, results), tmp_path / "events")
    drawn = EventAccumulator(str(events)).Reload()
    for name in ("distance", "entropy_weight"):
        values = [each.value for each in drawn.Scalars(f"metrics/{name}")]
        np.testing.assert_allclose(values, found[name], rtol=1e-6)  # single precision there
    page = (tmp_path / "p" / "index.html").read_text()
    for words in ("distance to the goal in the end", "temperature", "success rate"):
        assert words in page
    assert "what it does not return" not in page


def test_a_family_that_measures_something_else_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert own(tmp_path, '"far"') == 1
    assert "task family far-goal: measured must give distance, not far" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('metrics = {"return": "x"}', "Mine: metrics: 'return': must be letters, digits and underscores, and none of"),
        ('metrics = {"a b": "x"}', "Mine: metrics: 'a b': must be"),
        ('metrics = {"a": 3}', "Mine: metrics: a: 3: must be words that say what it is"),
        ("metrics = ()", r"Mine: metrics: (): must be a mapping of names to words"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(
    line: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["from algorithms import load_algorithm", 'class Mine(load_algorithm("blind-sac")):', '    name = "mine"']
    (tmp_path / "mine.py").write_text("\n".join([*lines, f"    {line}"]))
    (tmp_path / "own.yaml").write_text(BENCHMARK)
    with forgetting():
        assert suite("plan", tmp_path / "own.yaml", "--trust") == 2
    assert says in capsys.readouterr().err


def test_metrics_are_averaged_over_the_last_share_and_over_seeds() -> None:
    steps = [0, 50, 95, 100]
    curve = pd.DataFrame({"environment_steps": steps, "success": [0.0, 0.0, 0.5, 1.0], "height": [9.0, 9.0, 1.0, 3.0]})
    training = pd.DataFrame({"environment_steps": steps, "loss": [4.0, 3.0, 2.0, 1.0], "height": 8.0})
    rows = metric_rows(curve, training, {"height": "h", "loss": "l", "absent": "a"})  # height is the family's
    assert rows.groupby("metric").size().to_dict() == {"height": 4, "loss": 4, "success": 4}
    named = {"entry": "e", "environment": "here"}
    both = pd.concat([rows.assign(run="a", **named), rows.assign(run="b", value=rows["value"] + 2.0, **named)])
    done = pd.DataFrame({"run": ["a", "b"], "environment_steps": [100, 100]})
    found = at_the_end(both, done, 0.1).set_index("metric")
    assert found["seeds"].tolist() == [2, 2, 2]
    assert found["mean"].to_dict() == {"height": 3.0, "loss": 2.5, "success": 1.75}  # of the marks at 95 and 100


def test_where_no_success_is_defined_there_is_no_rate() -> None:
    curve = pd.DataFrame({"environment_steps": [0, 10], "success": [np.nan, np.nan]})
    assert metric_rows(curve, curve[["environment_steps"]], {}).empty


@pytest.mark.parametrize("provenance", [{}, {"metrics": None}, {"metrics": ["a"]}])
def test_runs_from_before_declare_nothing(provenance: dict[str, object]) -> None:
    assert declared(provenance) == {}
