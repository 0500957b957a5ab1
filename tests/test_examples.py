from __future__ import annotations

import shlex
import tomllib
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
import yaml
from packaging.specifiers import SpecifierSet

from algorithms import ALGORITHMS
from examples.best_of_k import BestOfK
from suite.cli import app
from suite.plan.benchmark import Benchmark
from suite.training.protocol import meta_test
from suite.training.trainer import Trainer

ROOT = Path(__file__).parents[1]


def test_the_workflow_installs_this_suite_and_its_commands_are_there() -> None:
    workflow = yaml.safe_load((ROOT / "examples" / "github-action.yml").read_text())
    (job,) = workflow["jobs"].values()
    versions = [str(step["with"]["python-version"]) for step in job["steps"] if "setup-python" in step.get("uses", "")]
    allowed = SpecifierSet(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"])
    assert [version for version in versions if version not in allowed] == []
    group = typer.main.get_command(app)
    called = []
    for step in job["steps"]:
        if step.get("run", "").startswith("suite "):
            words = shlex.split(step["run"])[1:]
            command = group.get_command(typer.Context(group), words[0])  # type: ignore[attr-defined]
            assert command is not None, words
            command.make_context(words[0], words[1:])
            called.append(words[0])
    assert called == ["doctor", "run", "export"]
    kept = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
    assert kept == ["reports/"]  # where the page lies by default, and the tables


def test_every_interpreter_that_tox_takes_is_one_that_pip_takes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tox = ConfigParser(interpolation=None, inline_comment_prefixes="#")
    tox.read(ROOT / "tox.ini")
    assert SpecifierSet(tox["testenv"]["base_python"]) == SpecifierSet(project["requires-python"])
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    tested = workflow["jobs"]["checks"]["strategy"]["matrix"]["python"]
    named = {each.rpartition(" ")[2] for each in project["classifiers"] if "Python :: 3." in each}
    assert set(tested) == named
    assert all(version in SpecifierSet(project["requires-python"]) for version in tested)


def test_the_example_is_short() -> None:
    lines = (ROOT / "examples" / "best_of_k.py").read_text().splitlines()
    assert len(lines) <= 60


def test_the_example_learns_and_adapts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ALGORITHMS, "best-of-k", BestOfK)
    group = {"environments": ["point-goal-2d"], "algorithms": {"best-of-k": None}, "seeds": [0], "budget": 8000}
    (spec,) = Benchmark.model_validate({"name": "example", "description": "", "groups": [group]}).plan()
    trainer = Trainer.of(spec.model_copy(update={"evaluations": 1}), torch.device("cpu"))
    trainer.run()
    returns = [evaluation["return"].mean() for evaluation in trainer.evaluations]
    assert returns[-1] > returns[0] + 2.0
    unexplored = meta_test(trainer.algorithm, trainer.test, 0)
    proposal = trainer.algorithm.parts["proposal"].state()
    assert proposal["mean"][1] > 0.2  # all goals lie in the upper half plane
    everywhere = np.broadcast_to(proposal["mean"], unexplored.actions.shape)
    np.testing.assert_array_equal(unexplored.actions, everywhere)
