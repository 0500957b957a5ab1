"""Statements that a folder makes twice: where they differ, it is refused with both places."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.papers.paper import read_paper
from tests.suite.papers import made


def folder(tmp_path: Path, cells: dict[str, list[str]]) -> str:
    tables = made.make_tables(0)
    audit = made.make_audit(tables)
    audit["schedule"]["cells"] = cells
    audit["schedule"]["published"]["tasks"] = tables["schedule"][2][1]
    return str(made.write_paper(tmp_path / "paper", tables, audit))


def test_a_published_number_that_its_cell_prints_is_taken(tmp_path: Path) -> None:
    read_paper(folder(tmp_path, {"tasks": ["schedule", "tasks", "value"]}))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            {"tasks": ["schedule", "warm-up", "value"]},
            r"audit\.yaml: schedule: cells: tasks: published \d, but Table schedule prints 400 in warm-up, value",
        ),
        ({"laps": ["schedule", "tasks", "value"]}, r"schedule: cells: published number 'laps' is unknown; .*tasks"),
        ({"tasks": ["none", "tasks", "value"]}, r"schedule: cells: table 'none' is unknown"),
        ({"tasks": ["schedule", "laps", "value"]}, r"schedule: cells: .*row 'laps' is unknown"),
        ({"tasks": ["schedule", "tasks", "laps"]}, r"schedule: cells: .*column 'laps' is unknown"),
    ],
)
def test_a_published_number_that_its_cell_does_not_print_is_refused(
    tmp_path: Path, cells: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read_paper(folder(tmp_path, cells))
