"""Commands that a user waits for, from their start to their end, and the start of a run.

The store holds every second run of `full` with one seed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from speed.scale import fill
from suite.plan.benchmark import load_benchmark
from suite.store.runs import Store
from tests.suite.tiny import TINY

ROUNDS = 3
COMMANDS = ("plan full --seeds 0", "status", "report", "audit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a store."""
    made: Path = tmp_path_factory.mktemp("store")
    fill(Store(made / "results"), seeds=1)
    (made / "tiny.yaml").write_text(TINY)
    return made


def suite(folder: Path, *words: str) -> None:
    """Call the command."""
    subprocess.run([sys.executable, "-P", "-m", "suite", *words], cwd=folder, stdout=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize("words", COMMANDS)
def test_command(benchmark: Any, folder: Path, words: str) -> None:
    """Time a command after a first call that is not counted."""
    benchmark.pedantic(suite, (folder, *words.split()), rounds=ROUNDS, warmup_rounds=1)


def test_start_of_a_run(benchmark: Any, folder: Path) -> None:
    """Time a run of next to no training: what it imports and makes, its evaluations, and its commit."""
    (spec, *_) = load_benchmark(str(folder / "tiny.yaml")).plan()
    Store(folder / "results").folder(spec.run).prepare(spec)
    benchmark.pedantic(suite, (folder, "exec", spec.run, "--again"), rounds=ROUNDS, warmup_rounds=1)
