"""The gain of every adaptation of runs that were tested step by step, beside a paper's log."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from suite.errors import UsageError
from suite.papers.paper import read_paper, read_papers
from suite.report.tables.stepwise import by_adaptations, logged
from suite.table import Interval


def test_a_papers_log_gives_means_and_errors_over_its_test_tasks() -> None:
    """MAML's printed Table 4, and the standard errors over 40 tasks from the log's own returns."""
    found = logged(read_papers())
    printed = {0: -40.41, 1: -11.68, 2: -3.33, 3: -3.23}
    for number, value in printed.items():
        assert round(found["navigation-2d", "maml", number][0], 2) == value
    returns = pd.read_csv(read_paper("maml").folder / "logs" / "navigation.csv")["maml 2"].to_numpy()
    assert found["navigation-2d", "maml", 2][1] == pytest.approx(np.sqrt(returns.var(ddof=1) / 40))
    assert found["navigation-2d", "oracle", 0][0] == pytest.approx(-2.29, abs=0.005)
    assert {key[0] for key in found} == {"navigation-2d"}


def test_the_table_puts_them_beside_ours() -> None:
    ours = pd.DataFrame(
        [("e", "b", 0, 1, -5.0, np.nan, np.nan), ("e", "a", 1, 2, -1.0, -2.0, 0.0)],
        columns=["environment", "entry", "adaptations", "seeds", "mean", "low", "high"],
    )
    table = by_adaptations(ours, {("e", "a", 1): (-1.5, 0.1)}, ["a", "b"])
    assert [row[1:4] for row in table.rows] == [("a", 1, 2), ("b", 0, 1)]
    assert [row[5] for row in table.rows] == [Interval(-2.0, 0.0), None]
    assert [row[-2:] for row in table.rows] == [(-1.5, 0.1), (None, None)]


def test_a_log_of_an_unknown_environment_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "a.csv").write_text("task,x 1\n0,1.0\n")
    (tmp_path / "paper.yaml").write_text(
        "short: X\ntitle: X\nauthors: [X]\nyear: 2020\nidentifier: X\n"
        "tables: {a: {file: a.csv, title: A, rows: task, adaptations: navigation-3d}}\n"
    )
    with pytest.raises(UsageError, match=r"tables.a.adaptations: environment 'navigation-3d' is unknown"):
        read_paper(str(tmp_path))
