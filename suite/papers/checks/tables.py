"""Checks of a paper's tables themselves: what is marked, ranked, repeated, or beyond its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from suite.errors import UsageError
from suite.papers.checks.check import Check, Found
from suite.papers.folder import Folder, Printed, agrees, decimals, exact
from suite.papers.quantities import Quantity
from suite.schema import Text


class Marks(Check):
    """Check whether the best number of each row is the one that is marked as such."""

    check: Literal["marks"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=2)]
    marked: Text
    """The column of texts that says which column is marked, or which ones, with commas."""
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Compare the marks of every row with its best numbers."""
        table = paper.table(self.table)
        numbers = [table.exact(name) for name in self.columns]
        wrong = []
        for index, text in enumerate(table.column(self.marked, numbers=False)):
            row = {name: column[index] for name, column in zip(self.columns, numbers, strict=True)}
            best = max(row.values()) if self.best == "highest" else min(row.values())
            if {mark.strip() for mark in text.split(",")} != {name for name, value in row.items() if value == best}:
                wrong.append(table.rows[index])
        return _all_but(wrong, len(table.rows), f"the {self.best} number of each row is marked, and all that share it")


class Ranks(Check):
    """Check whether ranks are in the order of what they rank; equal numbers may be in any order."""

    check: Literal["ranks"]
    table: Text
    of: Text
    rank: Text
    best: Literal["highest", "lowest"] = "highest"

    def find(self, paper: Folder) -> Found:
        """Compare every row's rank with how many are better, and how many are as good."""
        table = paper.table(self.table)
        numbers = table.exact(self.of)
        wrong = []
        for row, number, rank in zip(table.rows, numbers, table.exact(self.rank), strict=True):
            better = sum(other > number if self.best == "highest" else other < number for other in numbers)
            if not better + 1 <= rank <= better + numbers.count(number):
                wrong.append(row)
        return _all_but(wrong, len(table.rows), f"rank 1 is the {self.best} {self.of}")


class Same(Check):
    """Check whether numbers that are printed in several places are the same, at the precision that the places share."""

    check: Literal["same"]
    numbers: list[Quantity] = Field(default_factory=list)
    tables: dict[Text, Annotated[list[Text], Field(min_length=1)]] = Field(default_factory=dict)
    """Table -> columns: the same rows have to hold the same numbers, column by column."""

    @model_validator(mode="after")
    def _two_places(self) -> Same:
        if max(len(self.numbers), len(self.tables)) < 2 or (self.numbers and self.tables):
            raise ValueError("takes at least two numbers, or at least two tables")
        if len({len(columns) for columns in self.tables.values()}) > 1:
            raise ValueError("tables: must name equally many columns")
        return self

    def find(self, paper: Folder) -> Found:
        """Compare every place with every other."""
        if self.numbers:
            printed = {number.name: number.printed(paper) for number in self.numbers}
            computed = [number.value(paper) for number in self.numbers]
            texts = [text if text is not None else str(float(computed[at])) for at, text in enumerate(printed.values())]
            places = {"the number": texts}
        else:
            columns = {
                key: [dict(zip(paper.table(key).rows, paper.table(key).column(name), strict=True)) for name in names]
                for key, names in self.tables.items()
            }
            first, *others = columns.values()
            places = {
                f"{row} {name}": [table[at][row] for table in columns.values()]
                for at, name in enumerate(next(iter(self.tables.values())))
                for row in first[at]
                if all(row in table[at] for table in others)
            }
            if not places:
                raise UsageError(f"tables: {', '.join(columns)}: share no row")
        wrong = [name for name, texts in places.items() if not _alike(texts)]
        where = [number.name for number in self.numbers] or [paper.table(key).about.title for key in self.tables]
        return _all_but(wrong, len(places), f"printed alike in {' and '.join(where)}", "numbers")


def _alike(texts: Sequence[str]) -> bool:
    """Tell whether printed numbers round to the one that is printed with the fewest decimals."""
    coarsest = min(texts, key=lambda text: decimals([text]))
    return all(agrees(coarsest, exact(text)) for text in texts)


class Duplicates(Check):
    """Check whether any two rows, or any two columns, hold the same numbers throughout."""

    check: Literal["duplicates"]
    table: Text
    across: Literal["rows", "columns"]

    def find(self, paper: Folder) -> Found:
        """Compare every one with every other."""
        table = paper.table(self.table)
        numbers = {name: table.exact(name) for name in table.number_columns}
        lines = (
            numbers
            if self.across == "columns"
            else dict(zip(table.rows, zip(*numbers.values(), strict=True), strict=True))
        )
        names = list(lines)
        pairs = [
            f"{one} and {other}"
            for at, one in enumerate(names)
            for other in names[at + 1 :]
            if list(lines[one]) == list(lines[other])
        ]
        return Found(
            not pairs,
            f"{len(pairs)} pairs of {self.across} are the same",
            f"no two {self.across} of {table.about.title} hold the same numbers throughout",
            f"The same: {'; '.join(pairs)}." if pairs else "All differ.",
            {"pairs": "; ".join(pairs)},
        )


class Bounds(Check):
    """Check whether numbers lie where they can lie; with neither bound each has to be the published number."""

    check: Literal["bounds"]
    table: Text
    columns: Annotated[list[Text], Field(min_length=1)]
    low: Printed | None = None
    high: Printed | None = None

    @model_validator(mode="after")
    def _published_bounds(self) -> Bounds:
        bounds = {exact(bound) for bound in (self.low, self.high) if bound is not None}
        printed = {exact(text) for text in self.published.values()}
        if not bounds and len(printed) != 1:
            raise ValueError("low and high: are missing; without them takes one published number, which all have to be")
        if bounds and not printed <= bounds:
            wrong = [text for text in self.published.values() if exact(text) not in bounds]
            raise ValueError(f"published: {', '.join(wrong)}: is neither low nor high")
        return self

    def find(self, paper: Folder) -> Found:
        """Look at every cell."""
        table = paper.table(self.table)
        low, high = self.low, self.high
        ends = [f"at least {low}"] * (low is not None) + [f"at most {high}"] * (high is not None)
        if not ends:
            low = high = next(iter(self.published.values()))
            ends = [low]
        cells = [
            (row, name, number)
            for name in self.columns
            for row, number in zip(table.rows, table.exact(name), strict=True)
        ]
        wrong = [
            f"{row} {name}"
            for row, name, number in cells
            if (low is not None and number < exact(low)) or (high is not None and number > exact(high))
        ]
        return _all_but(wrong, len(cells), f"every number of {table.about.title} is {' and '.join(ends)}", "numbers")


def _all_but(wrong: Sequence[str], total: int, rule: str, of: str = "rows") -> Found:
    """Say in how many places a rule is kept, and where it is not."""
    return Found(
        not wrong,
        f"{total - len(wrong)} of {total} {of}",
        rule,
        f"Exceptions: {', '.join(wrong)}." if wrong else "No exceptions.",
        {"wrong": len(wrong), "total": total},
    )
