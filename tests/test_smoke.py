"""The whole chain, from the command to the page, for every algorithm on one environment of each kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from algorithms import ALGORITHMS
from environments import family_names, family_spec
from suite.plan.benchmark import load_benchmark
from suite.store.runs import EVALUATION_COLUMNS, Store


def test_smoke_covers_every_algorithm_and_every_kind_of_environment() -> None:
    plan = load_benchmark("smoke").plan()
    kinds = {family_spec(name).kind for name in family_names()}
    assert {(run.algorithm, family_spec(run.environment).kind) for run in plan} == {
        (algorithm, kind) for algorithm in ALGORITHMS for kind in kinds
    }


@pytest.mark.smoke
def test_the_smoke_benchmark_ends_in_a_page(tmp_path: Path) -> None:
    results, reports = tmp_path / "results", tmp_path / "reports"
    command = [sys.executable, "-m", "suite", "run", "smoke", "--results", results, "--reports", reports]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (reports / "index.html").read_text()
    for spec in load_benchmark("smoke").plan():
        folder = Store(results).folder(spec.run)
        folder.verify()
        evaluations = folder.evaluations()
        assert tuple(evaluations.columns) == EVALUATION_COLUMNS
        assert np.isfinite(evaluations["return"]).all()
        family = family_spec(spec.environment)
        assert len(evaluations) == family.test_tasks * evaluations["environment_steps"].nunique()
        assert evaluations["environment_steps"].min() == 0
        assert 0 < evaluations["environment_steps"].max() <= spec.budget
        assert spec.label in page
        assert spec.environment in page
