"""The whole chain, from the command to the page, for every algorithm on one environment of each kind.

As a user has it who installed the wheel: far from the checkout.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from algorithms import ALGORITHMS
from environments import family_names, family_spec
from suite.papers.audit import audit
from suite.papers.paper import read_papers
from suite.plan.benchmark import load_benchmark, shipped_benchmarks
from suite.store.record import EVALUATION_COLUMNS
from suite.store.runs import Store

ROOT = Path(__file__).parents[1]


def test_smoke_covers_every_algorithm_and_every_kind_of_environment() -> None:
    plan = load_benchmark("smoke").plan()
    kinds = {family_spec(name).kind for name in family_names()}
    assert {(run.algorithm, family_spec(run.environment).kind) for run in plan} == {
        (algorithm, kind) for algorithm in ALGORITHMS for kind in kinds
    }


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel was installed, made of a copy of what it is made of."""
    source, wheels, folder = (tmp_path_factory.mktemp(name) for name in ("source", "wheels", "installed"))
    for name in ("suite", "algorithms", "environments"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", wheels, source], check=True)
    subprocess.run([*pip, "install", "--no-deps", "--target", folder, *wheels.iterdir()], check=True)
    return folder


def run_installed(installed: Path, elsewhere: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the `suite` command of an installed wheel in a folder of one's own."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-m", "suite", *words]
    return subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.smoke
def test_a_wheel_holds_the_papers_the_benchmarks_and_the_command(installed: Path, tmp_path: Path) -> None:
    where = [sys.executable, "-c", "import suite; print(suite.__file__)"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    assert str(installed) in subprocess.check_output(where, cwd=tmp_path, env=environment, text=True)
    audited = run_installed(installed, tmp_path, "audit", "--json")
    assert audited.returncode == 0, audited.stderr
    assert json.loads(audited.stdout) == [
        {"paper": paper.name, **row} for paper in read_papers() for row in audit(paper, paper.checks)
    ]
    listed = run_installed(installed, tmp_path, "list", "benchmarks", "--json")
    assert {row["name"] for row in json.loads(listed.stdout)} == set(shipped_benchmarks())
    assert (installed / "suite" / "py.typed").exists()


@pytest.mark.smoke
def test_the_smoke_benchmark_ends_in_a_page(installed: Path, tmp_path: Path) -> None:
    done = run_installed(installed, tmp_path, "run", "smoke")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "reports" / "index.html").read_text()
    for spec in load_benchmark("smoke").plan():
        folder = Store(tmp_path / "results").folder(spec.run)
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
