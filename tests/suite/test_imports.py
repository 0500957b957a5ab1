"""The imports of commands, for which a person waits: simulators, torch and tables come when they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from suite.store.runs import Store
from tests.suite.stores import fail, make_spec

SIMULATORS = {"mujoco", "metaworld"}
SLOW = SIMULATORS | {
    "torch",
    "pandas",
    "pyarrow",
    "scipy",
    "sklearn",
    "matplotlib",
    "docker",
    "gymnasium",
    "algorithms",
}

SCRIPT = """
import atexit, sys
atexit.register(lambda: print("IMPORTED", *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr))
from suite.cli import main
main()
"""


@pytest.mark.parametrize(
    ("command", "not_wanted"),
    [
        ("--help", SLOW),
        ("run --help", SLOW),
        ("status", SLOW),
        ("logs RUN", SLOW),
        ("gc", SLOW),
        ("list environments", SLOW - {"gymnasium"}),
        ("list algorithms", SLOW - {"gymnasium", "algorithms"}),
        ("list benchmarks", SLOW - {"gymnasium", "algorithms"}),
        ("show pearl", SLOW - {"gymnasium", "algorithms"}),
        ("plan quick", SLOW - {"gymnasium", "algorithms"}),
        ("audit maml", SLOW - {"gymnasium", "scipy"}),
        ("audit tcl-pearl", SLOW - {"gymnasium", "mujoco"}),
    ],
)
def test_a_command_imports_nothing_that_it_can_do_without(
    command: str, not_wanted: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", "rubbish")  # no command here draws
    run = fail(Store(tmp_path / "results"), make_spec(), "ValueError: bad", "one line\n").run
    words = command.replace("RUN", run).split()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.rpartition("IMPORTED")[2].split())
    assert "suite" in imported
    assert imported & not_wanted == set()


def test_a_working_folder_that_is_gone_is_one_line_and_imports_nothing_slow(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"import os; os.rmdir({str(gone)!r})" + SCRIPT
    done = subprocess.run(
        [sys.executable, "-c", script, "status"], cwd=gone, capture_output=True, text=True, check=False
    )
    said, _, imported = done.stderr.rpartition("IMPORTED")
    assert set(imported.split()) & SLOW == set()
    assert done.returncode == 2, done.stderr
    assert len(said.splitlines()) == 1, said
