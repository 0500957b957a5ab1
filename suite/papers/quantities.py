"""Single numbers of a paper: a cell, a column's average, or a number printed in the text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from pydantic import model_validator

from suite.errors import UsageError
from suite.papers.folder import SECONDS, Folder, Printed, PrintedTable, Unit, exact
from suite.schema import Strict, Text

Average = Literal["mean", "median", "sum", "lowest", "highest"]

AVERAGES: Mapping[str, Callable[[Sequence[Fraction]], Fraction]] = {
    "mean": statistics.mean,
    "median": statistics.median,
    "sum": lambda numbers: sum(numbers, Fraction()),
    "lowest": min,
    "highest": max,
}


class Quantity(Strict):
    """A number of the paper: printed in its text, in a cell of a table, or averaged over a column."""

    number: Printed | None = None
    where: Text | None = None
    """The place at which a number of the text is printed."""
    table: Text | None = None
    column: Text | None = None
    """The name there; by default the one that is asked for."""
    row: Text | None = None
    of: Average | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Quantity:
        if (self.number is None) == (self.table is None):
            raise ValueError("takes either number and where, or table")
        if self.number is not None and self.where is None:
            raise ValueError("where: says where the number is printed")
        if self.table is not None and (self.row is None) == (self.of is None):
            raise ValueError("takes either row, or of")
        return self

    def printed(self, paper: Folder, column: str = "") -> str | None:
        """Return the number as it is printed; None if it is computed."""
        if self.number is not None:
            return self.number
        table = paper.table(str(self.table))
        return None if self.row is None else table.cell(self.row, self.column or column)

    def value(self, paper: Folder, column: str = "") -> Fraction:
        """Return the number, in the unit of its table."""
        printed = self.printed(paper, column)
        if printed is not None:
            return exact(printed)
        return AVERAGES[str(self.of)](paper.table(str(self.table)).exact(self.column or column))

    @property
    def name(self) -> str:
        """The place in the paper."""
        return str(self.where or " ".join(str(part) for part in (self.of, self.table, self.row, self.column) if part))


def scale(table: PrintedTable, unit: Unit | None) -> Fraction:
    """Return what a table's numbers are multiplied by to be in a unit.

    Raises
    ------
    UsageError
        If the table's numbers are not in a unit that converts.
    """
    if unit is None or unit == table.about.unit:
        return Fraction(1)
    if unit not in SECONDS or table.about.unit not in SECONDS:
        raise UsageError(f"{table.file}: unit: {table.about.unit!r}: does not convert to {unit}")
    return Fraction(SECONDS[table.about.unit], SECONDS[unit])
