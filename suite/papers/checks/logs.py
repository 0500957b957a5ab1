"""Checks of numbers that lie behind a paper's figures: differences row by row, how many values there are, order."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from suite.errors import UsageError
from suite.papers.checks.check import RELATIONS, Check, Found
from suite.papers.folder import Folder
from suite.papers.quantities import Quantity
from suite.schema import Text

LEVEL = 0.95
"""Confidence of the interval of a mean difference."""


class Difference(Check):
    """Check whether one column lies above another, row by row: a figure's two points when each row is one task."""

    check: Literal["difference"]
    table: Text
    of: Text
    over: Text

    def find(self, paper: Folder) -> Found:
        """Compare the mean difference with zero by Student's t over rows; rows that repeat one another count once."""
        table = paper.table(self.table)
        pairs = {(x, y) for x, y in zip(table.exact(self.of), table.exact(self.over), strict=True)}
        differences = np.array(sorted(float(x - y) for x, y in pairs))
        count = len(differences)
        if count < 2:
            raise UsageError(f"{table.file}: {self.of} and {self.over}: {count} different row; needs at least 2")
        mean, error = float(differences.mean()), float(differences.std(ddof=1) / np.sqrt(count))
        from scipy import special  # here: audits without such a check need not wait for it

        half = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
        low, high = mean - half, mean + half
        explanations = {
            True: f"{self.of} lies above {self.over}.",
            False: f"{self.of} lies below {self.over}.",
            None: "The interval includes zero: these rows do not decide it.",
        }
        holds = True if low > 0 else False if high < 0 else None
        return Found(
            holds,
            f"{mean:+.2f} (95 % CI [{low:.2f}, {high:.2f}]); higher in {int((differences > 0).sum())} of {count} rows",
            f"mean difference of {self.of} and {self.over} over the rows of {table.about.title}, above zero",
            explanations[holds],
            {
                "mean": mean,
                "error": error,
                "low": low,
                "high": high,
                "higher": int((differences > 0).sum()),
                "rows": count,
            },
        )


class Distinct(Check):
    """Check whether every row of a column has a value of its own."""

    check: Literal["distinct"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=1)]

    def find(self, paper: Folder) -> Found:
        """Count the different values of each column."""
        table = paper.table(self.table)
        counts = {name: len(set(table.exact(name))) for name in self.columns}
        few = [name for name, count in counts.items() if count < len(table.rows)]
        return Found(
            not few,
            ", ".join(f"{name} {count}" for name, count in counts.items()) + f" different of {len(table.rows)}",
            f"every row of {table.about.title} has a value of its own",
            f"Exceptions: {', '.join(few)}." if few else "No exceptions.",
            {"fewest": min(counts.values()), "most": max(counts.values()), "rows": len(table.rows)},
        )


class Order(Check):
    """Check whether each of several numbers stands to the next as is said."""

    check: Literal["order"]
    numbers: Annotated[dict[Text, Quantity], Field(min_length=2)]
    relation: Literal["above", "below", "at least", "at most"]

    def find(self, paper: Folder) -> Found:
        """Compare every number with the next."""
        values = [number.value(paper) for number in self.numbers.values()]
        listed = [f"{name} {float(value):.2f}" for name, value in zip(self.numbers, values, strict=True)]
        compared = RELATIONS[self.relation]
        wrong = [
            f"{listed[at]} is not {self.relation} {listed[at + 1]}"
            for at in range(len(values) - 1)
            if not compared(values[at], values[at + 1])
        ]
        return Found(
            not wrong,
            "; ".join(listed),
            f"each {self.relation} the next",
            f"{'; '.join(wrong)}." if wrong else "They are in that order.",
            {name: float(value) for name, value in zip(self.numbers, values, strict=True)},
        )
