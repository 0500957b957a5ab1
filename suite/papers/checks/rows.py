"""Checks of what a paper counts among the rows of a table: conditions, wins, groups."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from suite.analysis import comparisons
from suite.errors import UsageError, unknown
from suite.papers.checks.check import RELATIONS, Check, Found
from suite.papers.folder import Folder, PrintedTable, agrees, exact
from suite.schema import Strict, Text

GROUP_CODES = {"better": 1, "comparable": 0, "worse": -1}


class Condition(Strict):
    """The condition of a row that is counted."""

    column: Text
    relation: Literal["above", "below", "at least", "at most", "equal to"]
    than: Text | Annotated[list[Text], Field(min_length=1)]
    """A column, several (all of them), a number, or the text of a column of texts."""

    def holds(self, table: PrintedTable) -> list[bool]:
        """Tell of each row whether it counts."""
        others = [self.than] if isinstance(self.than, str) else self.than
        if self.column in table.about.texts:
            return [cell == self.than for cell in table.column(self.column, numbers=False)]
        ours = table.exact(self.column)
        found = [True] * len(ours)
        for other in others:
            try:
                theirs = [exact(other)] * len(ours)
            except ValueError:
                theirs = table.exact(other)
            found = [each and RELATIONS[self.relation](x, y) for each, x, y in zip(found, ours, theirs, strict=True)]
        return found


class Count(Check):
    """In how many rows a condition holds."""

    check: Literal["count"]
    table: Text
    counts: Annotated[dict[Text, Condition], Field(min_length=1)]
    """A condition for each printed count."""

    @model_validator(mode="after")
    def _each_has_a_condition(self) -> Count:
        for name in self.published.keys() ^ self.counts.keys():
            raise ValueError(f"counts: {name!r} must be both in published and in counts")
        return self

    def find(self, paper: Folder) -> Found:
        """Count the rows of each condition."""
        table = paper.table(self.table)
        counts = {name: sum(self.counts[name].holds(table)) for name in self.published}
        wrong = [name for name, count in counts.items() if not agrees(self.published[name], count)]
        return Found(
            not wrong,
            f"{' and '.join(str(count) for count in counts.values())} of {len(table.rows)}",
            "; ".join(
                f"{name}: rows of {table.about.title} with {each.column} {each.relation} "
                + (each.than if isinstance(each.than, str) else " and ".join(each.than))
                for name, each in self.counts.items()
            ),
            f"{table.about.title} gives " + ", ".join(f"{name} {count}" for name, count in counts.items()) + ".",
            {**counts, "rows": len(table.rows)},
        )


class Wins(Check):
    """Count how often each entry has the highest number of a row, under each way to credit ties."""

    check: Literal["wins"]
    table: Text
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Count wins; where ties decide, find who must be credited for the print to come out."""
        table = paper.table(self.table)
        columns = self._columns(table)
        returns = np.stack([table.numbers(name) for name in columns], axis=1)
        returns = returns if self.best == "highest" else -returns
        listed = {
            ties: " / ".join(f"{count:g}" for count in comparisons.wins(returns, ties))
            for ties in ("nobody", "everybody")
        }
        assignments = comparisons.tie_holders(returns, np.array([float(self.published[name]) for name in columns]))
        credited = " or ".join(
            f"{table.rows[row]} to {columns[holder]}" for each in assignments for row, holder in each.items()
        )
        sharers = int((returns == returns.max(axis=1, keepdims=True)).sum(axis=1).max())
        rule = f"{self.best} number of the row"
        if not assignments:
            explanation = "No way to credit the ties gives the printed counts."
        elif credited:
            rule = f"{rule}; tie of {credited} alone"
            explanation = f"Holds only if the {sharers}-way tie is credited so ({credited}, nobody else)."
        else:
            explanation = "Every count is as printed; nothing is tied."
        return Found(
            bool(assignments),
            f"{listed['nobody']} with ties to nobody, {listed['everybody']} with ties to everybody",
            rule,
            explanation,
            {"sharers": sharers, "credited": credited},
        )


class Groups(Check):
    """Better, comparable and worse rows, for any failure threshold under which they come out as printed."""

    check: Literal["groups"]
    table: Text
    ours: Text
    baseline: Text
    group: Text
    """The column that says which group each row is printed in."""

    @field_validator("published")
    @classmethod
    def _all_groups(cls, published: dict[str, str]) -> dict[str, str]:
        if set(published) != set(GROUP_CODES):
            raise ValueError(f"must give {', '.join(GROUP_CODES)}")
        return published

    def find(self, paper: Folder) -> Found:
        """Find the thresholds that put every row in its printed group."""
        table = paper.table(self.table)
        printed = table.column(self.group, numbers=False)
        for row, text in zip(table.rows, printed, strict=True):
            if text not in GROUP_CODES:
                raise UsageError(f"{table.file}: {row}: {unknown(self.group, text, GROUP_CODES)}")
        ours, baseline = table.numbers(self.ours), table.numbers(self.baseline)
        found = comparisons.failure_range(ours, baseline, np.array([GROUP_CODES[text] for text in printed]))
        codes = comparisons.groups(ours, baseline, found[0] if found else 0.0)
        counts = {name: int((codes == code).sum()) for name, code in GROUP_CODES.items()}
        met = all(agrees(self.published[name], count) for name, count in counts.items())
        unit = f" {table.about.unit.removesuffix('s')}" if table.about.unit else ""
        if not found:
            explanation = "No failure threshold gives the printed groups."
        elif not met:
            explanation = "The printed groups are not as many as is printed."
        else:
            explanation = (
                f"Every environment lands in its printed group for a failure threshold anywhere in [{found[0]:g}, "
                f"{found[1]:g}){unit}; the paper prints none."
            )
        return Found(
            found is not None and met,
            f"{' / '.join(str(count) for count in counts.values())}; {counts['better'] + counts['comparable']} of "
            f"{len(table.rows)}",
            f"better if higher; else comparable if at least {100 * comparisons.COMPARABLE_SHARE:g} % of the baseline, "
            "or if both stay at or below a failure threshold; else worse",
            explanation,
            {**counts, "rows": len(table.rows)},
        )
