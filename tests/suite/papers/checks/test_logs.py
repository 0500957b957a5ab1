"""Checks of logged numbers, on tables whose answers are worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from suite.errors import UsageError
from suite.papers.audit import AuditRow
from tests.suite.papers import made

LOG = [
    ["task", "before", "after", "later", "once", "twice"],
    ["0", "1", "3", "3.5", "1", "2"],
    ["1", "2", "5", "4.5", "2", "3"],
    ["2", "4", "5", "5.5", "1", "2"],
    ["3", "0", "2", "1.5", "2", "3"],
]


def row(folder: Path, printed: dict[str, list[list[str]]] | None = None, **check: Any) -> AuditRow:
    """Audit one check of a paper that is made up, on its tables."""
    path = made.write_paper(folder / "paper", printed or {"log": LOG}, {"x": {"claim": "c", "where": "w", **check}})
    (found,) = made.audited(str(path))
    return found


def test_a_difference_is_decided_by_students_t_over_rows(tmp_path: Path) -> None:
    # Differences 2, 3, 1, 2: mean 2, deviation 0.8165, error 0.4082; t of 3 degrees at 97.5 % is 3.1824.
    found = row(tmp_path, check="difference", table="log", of="after", over="before")
    assert found["verdict"] == "holds"
    assert found["recomputed"] == "+2.00 (95 % CI [0.70, 3.30]); higher in 4 of 4 rows"


@pytest.mark.parametrize(
    ("of", "over", "verdict"), [("before", "after", "contradicted"), ("later", "after", "not derivable")]
)
def test_a_difference_below_zero_contradicts_and_one_around_it_decides_nothing(
    tmp_path: Path, of: str, over: str, verdict: str
) -> None:
    assert row(tmp_path, check="difference", table="log", of=of, over=over)["verdict"] == verdict


def test_rows_that_repeat_one_another_count_once(tmp_path: Path) -> None:
    # Differences 1 and 1 in two different rows, each there twice.
    found = row(tmp_path, check="difference", table="log", of="twice", over="once")
    assert found["recomputed"].endswith("higher in 2 of 2 rows")


def test_a_difference_of_one_row_is_refused(tmp_path: Path) -> None:
    table = {"log": [["task", "a", "b"], ["0", "1", "2"], ["1", "1", "2"]]}
    with pytest.raises(UsageError, match="a and b: 1 different row; needs at least 2"):
        row(tmp_path, table, check="difference", table="log", of="a", over="b")


def test_values_that_repeat_are_counted(tmp_path: Path) -> None:
    found = row(tmp_path, check="distinct", table="log", columns=["after", "once"])
    assert found["verdict"] == "contradicted"
    assert found["recomputed"] == "after 3, once 2 different of 4"
    assert row(tmp_path / "2", check="distinct", table="log", columns=["before", "later"])["verdict"] == "holds"


@pytest.mark.parametrize(("relation", "verdict"), [("below", "holds"), ("above", "contradicted")])
def test_numbers_stand_in_the_order_that_is_said(tmp_path: Path, relation: str, verdict: str) -> None:
    numbers = {
        "start": {"table": "log", "column": "before", "of": "mean"},
        "end": {"table": "log", "column": "after", "of": "mean"},
        "limit": {"number": "4", "where": "page 1"},
    }
    found = row(tmp_path, check="order", numbers=numbers, relation=relation)
    assert found["verdict"] == verdict
    assert found["recomputed"] == "start 1.75; end 3.75; limit 4.00"


def test_equal_numbers_are_neither_above_nor_below(tmp_path: Path) -> None:
    numbers = {name: {"number": "4", "where": "page 1"} for name in ("one", "other")}
    assert row(tmp_path, check="order", numbers=numbers, relation="below")["verdict"] == "contradicted"
    assert row(tmp_path / "2", check="order", numbers=numbers, relation="at most")["verdict"] == "holds"


@pytest.mark.parametrize(
    ("printed", "cited", "relation", "verdict"),
    [
        ("500", "100", "at most", "holds"),
        ("500", "575", "at most", "contradicted"),
        ("500", "500", "at most", "holds"),
        ("500", "100", "at least", "contradicted"),
        ("500", "100", "equal to", "contradicted"),
        ("0.1", "0.10", "equal to", "holds"),
        ("best", "last", "equal to", "contradicted"),
        ("last", "last", "equal to", "holds"),
    ],
)
def test_what_is_cited_stands_to_the_print_as_is_said(
    tmp_path: Path, printed: str, cited: str, relation: str, verdict: str
) -> None:
    check = {"check": "cited", "published": {"n": printed}, "cited": {"n": cited}, "source": "code"}
    assert row(tmp_path, **check, relation=relation)["verdict"] == verdict
