"""The fault matrix: each test notes what it injected and how often; the table is printed at the end.

Bounded counts by default (minutes); `FAULTS=whole` injects as many as docs/reliability.md reports.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conditions import processes_of

WHOLE = os.environ.get("FAULTS") == "whole"

ROWS = pytest.StashKey[list[tuple[str, int, str]]]()

Note = Callable[[str, int, str], None]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


@pytest.fixture(autouse=True)
def leave_nobody(tmp_path: Path) -> Iterator[None]:
    """Kill what a test that failed has left behind."""
    yield
    for process in processes_of(tmp_path):
        process.kill()


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Add a row to the matrix: what was injected, how often, and what held."""

    def add(fault: str, times: int, held: str) -> None:
        request.config.stash[ROWS].append((fault, times, held))

    return add


def count(whole: int, bounded: int) -> int:
    """The number of times that a fault is injected."""
    return whole if WHOLE else bounded


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    rows = config.stash[ROWS]
    if not rows:
        return
    lines = ["| fault | times | what held after each |", "|---|---|---|"]
    lines += [f"| {fault} | {times:,} | {held} |" for fault, times, held in rows]
    terminalreporter.section("the fault matrix")
    for line in lines:
        terminalreporter.write_line(line)
    if "FAULT_MATRIX" in os.environ:
        Path(os.environ["FAULT_MATRIX"]).write_text("\n".join(lines) + "\n")
