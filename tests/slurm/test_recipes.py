"""The commands of docs/slurm.md, typed word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from suite.store.runs import Store
from tests.faults.conftest import Note
from tests.slurm.conftest import ROOT, Cluster

pytestmark = pytest.mark.slurm


def recipe(title: str) -> tuple[str, list[str]]:
    """Return the file and the commands of a section."""
    section = (ROOT / "docs" / "slurm.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    found = dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    return found.get("yaml", ""), found["sh"].splitlines()


def follow(title: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Type a section's commands; return what each printed."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    monkeypatch.chdir(folder)
    file, commands = recipe(title)
    (folder / "cluster.yaml").write_text(file)
    printed = {}
    for command in commands:
        said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=900)
        assert said.returncode == 0, f"{command}\n{said.stdout}\n{said.stderr}"
        printed[command.partition("  #")[0].strip()] = said.stdout
    assert {run.state for run in Store(folder / "results").folders()} == {"done"}
    assert (folder / "reports" / "index.html").exists()
    return printed


def test_the_recipe_for_a_site(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    printed = follow("A Slurm site", tmp_path, monkeypatch)
    assert "failed" not in printed["suite doctor --store --executor slurm --cluster cluster.yaml"]
    assert "#SBATCH --gres=gpu:1\n" in printed["suite run smoke --executor slurm --cluster cluster.yaml --dry-run"]
    assert "21 done" in printed["suite status"]
    note("the recipe for a Slurm site", len(printed), "followed word for word")


def test_the_recipe_for_one_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: Note) -> None:
    printed = follow("One server with eight GPUs", tmp_path, monkeypatch)
    note("the recipe for one server, without its GPUs", len(printed), "followed word for word")
