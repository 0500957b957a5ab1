"""A table as a value: the page, Markdown, LaTeX and CSV all show the same one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Cell = str | int | float | bool | None
Format = Literal["markdown", "latex"]

MISSING = "–"
LONG = 32
"""Characters beyond which a column's text wraps, unless it is one word."""


@dataclass(frozen=True)
class Table:
    """A titled table of plain values."""

    key: str
    """Unique on the page; the name of its download."""
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    """How the numbers were made; shown under the title."""
    decimals: int | None = None
    """Of numbers that are not whole counts; None: three significant digits."""

    def plain(self) -> dict[str, Any]:
        """Return it as a value that JSON holds: no number is null, an infinite one a word."""
        rows = [[_plain(cell) for cell in row] for row in self.rows]
        return {"key": self.key, "title": self.title, "columns": list(self.columns), "rows": rows, "note": self.note}

    @property
    def written(self) -> tuple[tuple[str, ...], ...]:
        """The rows as readers see them."""
        return tuple(tuple(text(cell, self.decimals) for cell in row) for row in self.rows)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers (and are set flush right)."""
        return tuple(
            any(isinstance(row[index], int | float) for row in self.rows)
            and all(row[index] is None or isinstance(row[index], int | float) for row in self.rows)
            for index in range(len(self.columns))
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """How each column is set: `number`, `short` text on one line, or `long` text that wraps."""
        texts = ([row[index] for row in self.written if " " in row[index]] for index in range(len(self.columns)))
        longest = [max(map(len, cells), default=0) for cells in texts]
        return tuple(
            "number" if numeric else "long" if length > LONG else "short"
            for numeric, length in zip(self.numeric, longest, strict=True)
        )


def _plain(cell: Cell) -> Cell:
    value: Cell = getattr(cell, "item", lambda: cell)()  # of an array
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)


def number(value: float) -> str:
    """Write a number with three significant digits, and whole ones whole.

    Examples
    --------
    >>> number(1234567.0), number(0.04567), number(12.0), number(-93.456)
    ('1,234,567', '0.0457', '12', '-93.5')
    """
    if not math.isfinite(value):
        return MISSING
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def interval(low: float, high: float) -> str | None:
    """Write an interval; None where there is none. Only its upper end may be infinite."""
    if not math.isfinite(low) or math.isnan(high):
        return None
    return f"[{number(low)}, {number(high) if math.isfinite(high) else '∞'}]"


def text(cell: Cell, decimals: int | None = None) -> str:
    """Write a cell for readers."""
    if cell is None or cell == "":
        return MISSING
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float) and decimals is not None and math.isfinite(cell):
        return f"{cell:,.{decimals}f}"
    return number(cell) if isinstance(cell, int | float) else cell


def as_markdown(table: Table) -> str:
    """Write a table in GitHub's Markdown."""

    def escape(cell: str) -> str:
        for character in "\\`*_[]|":
            cell = cell.replace(character, "\\" + character)
        return " ".join(cell.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rules = ["---:" if numeric else "---" for numeric in table.numeric]
    body = [line([escape(cell) for cell in row]) for row in table.written]
    note = [escape(table.note), ""] if table.note else []
    head = line([escape(column) for column in table.columns])
    return "\n".join([f"### {escape(table.title)}", "", *note, head, line(rules), *body, ""])


def as_latex(table: Table) -> str:
    """Write a table in LaTeX (package booktabs)."""
    special = {character: "\\" + character for character in "&%$#_{}"} | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "–": "--",
        "×": r"$\times$",
        "±": r"$\pm$",
        "≥": r"$\geq$",
        "∞": r"$\infty$",
    }

    def escape(cell: str) -> str:
        return "".join(special.get(character, character) for character in " ".join(cell.split()))

    def line(cells: Sequence[str]) -> str:
        return "  " + " & ".join(cells) + r" \\"

    alignment = "".join("r" if numeric else "l" for numeric in table.numeric)
    caption = escape(f"{table.title}. {table.note}" if table.note else table.title)
    return "\n".join(
        [
            r"\begin{table}",
            f"  \\caption{{{caption}}}",
            f"  \\begin{{tabular}}{{{alignment}}}",
            r"  \toprule",
            line([escape(column) for column in table.columns]),
            r"  \midrule",
            *(line([escape(cell) for cell in row]) for row in table.written),
            r"  \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )
