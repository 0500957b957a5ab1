"""The table of learning speed finds garage's side of every row."""

from __future__ import annotations

import subprocess
import sys

import pytest

from speed.rows import ROWS

pytestmark = pytest.mark.peer

SMALLEST = {row.against: name for name, row in ROWS.items() if row.peer == "garage" and name != "pearl"}
"""A row of each of garage's algorithms; the one of Table 7's sizes takes minutes."""


@pytest.mark.parametrize("name", SMALLEST.values())
def test_garage_takes_its_turn(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "speed.peers", name, "--threads", "1", "--rounds", "1"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    row = done.stdout.splitlines()[-1].split(" | ")
    assert row[0] == f"| {ROWS[name].what}"
    assert float(row[4]) > 0, "-: garage's environment is not found"
