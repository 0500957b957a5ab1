"""The report's table of runs that were tested step by step, beside a paper's log of the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from suite.papers.paper import Paper
from suite.store.record import ADAPTATIONS
from suite.table import Cell, Table, interval

Logged = Mapping[tuple[str, str, int], tuple[float, float]]
"""(environment, entry, adaptations) -> mean over test tasks, and its standard error."""


def logged(papers: Sequence[Paper]) -> dict[tuple[str, str, int], tuple[float, float]]:
    """Return what papers' logs hold of returns by the number of adaptations; the first paper that has one counts."""
    found: dict[tuple[str, str, int], tuple[float, float]] = {}
    for paper in papers:
        for table in paper.tables.values():
            if table.about.adaptations is None:
                continue
            for column in table.number_columns:
                entry, _, number = column.rpartition(" ")
                key = (entry, int(number)) if number.isdigit() else (column, 0)
                returns = table.numbers(column)
                error = float(returns.std(ddof=1)) / len(returns) ** 0.5
                found.setdefault((table.about.adaptations, *key), (float(returns.mean()), error))
    return found


def by_adaptations(table: pd.DataFrame, found: Logged, order: Sequence[str]) -> Table:
    """Tabulate returns by the number of adaptations, from `suite.analysis.stepwise.return_by_adaptations`."""
    rows: list[tuple[Cell, ...]] = []
    for row in sorted(table.to_dict("records"), key=lambda row: (row["environment"], order.index(row["entry"]))):
        theirs = found.get((row["environment"], row["entry"], row[ADAPTATIONS]), (None, None))
        own = (row["mean"], interval(row["low"], row["high"]))
        rows.append((row["environment"], row["entry"], row[ADAPTATIONS], row["seeds"], *own, *theirs))
    return Table(
        "adaptations",
        "Return by the number of adaptations",
        {
            "environment": "environment",
            "entry": "entry",
            "adaptations": "adaptations",
            "seeds": "seeds",
            "return": "return",
            "return_ci": "95 % CI",
            "logged": "paper's log",
            "logged_se": "its standard error",
        },
        tuple(rows),
        "Of trained agents: means over seeds of the mean return of all test tasks, Student's t interval over seeds. A "
        "paper's log is of one training run: its standard error is over test tasks, and says nothing of other seeds.",
        decimals=2,
    )
