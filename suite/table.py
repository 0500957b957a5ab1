"""A table as a value: the page, Markdown, LaTeX and CSV all show the same one."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from suite.characters import visible

Format = Literal["markdown", "latex"]

MISSING = "–"
LONG = 32
"""Characters beyond which a column's text wraps, unless it is one word."""
STAR = " *"
DAGGER = " †"
DAGGER_NOTE = (
    "† Seeds were added until a comparison was decided (see Seeds); intervals and p-values that assume a fixed number "
    "of seeds are then too optimistic."
)
FORMULA = re.compile(r"^[\t\r\n]|^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]")
"""The beginnings of a text that a spreadsheet may take for a formula, full-width ones included; `page.js` has the same
rule."""


class Interval(NamedTuple):
    """An interval of a number; its upper end may be infinite."""

    low: float
    high: float


class Estimate(NamedTuple):
    """A number with its interval; NaN ends where it has none."""

    value: float
    low: float
    high: float


Cell = str | int | float | bool | Interval | Estimate | None


@dataclass(frozen=True)
class Table:
    """A titled table of plain values."""

    key: str
    """The table's name, unique on the page; the name of its download."""
    title: str
    columns: Mapping[str, str]
    """Stable key of each column, for programs -> its header, for readers; in the order of the cells."""
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    """The making of the numbers; shown under the title."""
    decimals: int | None = None
    """Decimal places of numbers that are not whole counts; None: three significant digits."""
    adaptive: tuple[frozenset[str], ...] | None = None
    """Keys of each row's cells that name something with added seeds (see `DAGGER_NOTE`); None: it was not asked."""
    bold: tuple[frozenset[str], ...] = ()
    """Keys of each row's cells that are set in bold; empty: none."""
    starred: tuple[frozenset[str], ...] = ()
    """Keys of each row's cells that are marked with an asterisk, which the note explains; empty: none."""

    def plain(self) -> dict[str, Any]:
        """Return the table as a value that JSON holds: rows by column key, no number is null, an infinite one a word.

        A table that was asked for added seeds has a further column, `adaptive`: whether any cell of a row is marked.
        """
        keys = {**self.columns, **({} if self.adaptive is None else {"adaptive": "seeds were added"})}
        rows = [{key: _plain(cell) for key, cell in zip(self.columns, row, strict=True)} for row in self.rows]
        for row, marked in zip(rows, self.adaptive or (), strict=self.adaptive is not None):
            row["adaptive"] = bool(marked)
        return {
            "key": self.key,
            "title": self.title,
            "columns": [{"key": key, "header": header} for key, header in keys.items()],
            "rows": rows,
            "note": self.note,
        }

    @property
    def written(self) -> tuple[tuple[str, ...], ...]:
        """The rows as readers see them, with their asterisks, and a dagger where seeds were added."""
        nowhere = (frozenset[str](),) * len(self.rows)
        return tuple(
            tuple(
                text(cell, self.decimals) + STAR * (key in starred) + DAGGER * (key in marked)
                for key, cell in zip(self.columns, row, strict=True)
            )
            for row, starred, marked in zip(self.rows, self.starred or nowhere, self.adaptive or nowhere, strict=True)
        )

    def written_with(self, escape: Callable[[str], str], bold: str) -> tuple[tuple[str, ...], ...]:
        """Return the rows as `written`, each cell escaped and, where it is bold, inside a pattern with one `{}`."""
        return tuple(
            tuple(
                bold.format(escape(cell)) if key in marked else escape(cell)
                for key, cell in zip(self.columns, row, strict=True)
            )
            for row, marked in zip(self.written, self.bold or (frozenset[str](),) * len(self.rows), strict=True)
        )

    @property
    def shown_note(self) -> str:
        """The note as readers see it: with what the dagger means, if there is one."""
        return f"{self.note} {DAGGER_NOTE}".strip() if any(self.adaptive or ()) else self.note

    @property
    def numeric(self) -> tuple[bool, ...]:
        """The columns that hold numbers (and are set flush right)."""
        kinds = int | float | Estimate
        return tuple(
            any(isinstance(row[index], kinds) for row in self.rows)
            and all(row[index] is None or isinstance(row[index], kinds) for row in self.rows)
            for index in range(len(self.columns))
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The setting of each column: `number`, `short` text on one line, or `long` text that wraps."""
        texts = ([row[index] for row in self.written if " " in row[index]] for index in range(len(self.columns)))
        longest = [max(map(len, cells), default=0) for cells in texts]
        return tuple(
            "number" if numeric else "long" if length > LONG else "short"
            for numeric, length in zip(self.numeric, longest, strict=True)
        )


def _plain(cell: Cell) -> Any:
    if isinstance(cell, Interval | Estimate):
        return [_plain(end) for end in cell]
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


def interval(low: float, high: float) -> Interval | None:
    """Return an interval; None where there is none. Only its upper end may be infinite."""
    return None if not math.isfinite(low) or math.isnan(high) else Interval(float(low), float(high))


def harmless(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula, and that no terminal obeys.

    An apostrophe comes before what looks like a formula.
    """
    return visible(f"'{cell}" if FORMULA.match(cell) else cell)


def text(cell: Cell, decimals: int | None = None) -> str:
    """Write a cell for readers."""
    if cell is None or cell == "":
        return MISSING
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Estimate):
        limits = interval(cell.low, cell.high)
        return number(cell.value) + (f" {text(limits)}" if limits else "")
    if isinstance(cell, Interval):
        return f"[{number(cell.low)}, {number(cell.high) if math.isfinite(cell.high) else '∞'}]"
    if isinstance(cell, float) and decimals is not None and math.isfinite(cell):
        return f"{cell:,.{decimals}f}"
    return number(cell) if isinstance(cell, int | float) else cell


def as_markdown(table: Table) -> str:
    """Write a table in GitHub's Markdown."""

    def escape(cell: str) -> str:
        cell = visible(cell)
        for character in "\\`*_[]|":
            cell = cell.replace(character, "\\" + character)
        return " ".join(cell.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    rules = ["---:" if numeric else "---" for numeric in table.numeric]
    body = [line(row) for row in table.written_with(escape, "**{}**")]
    note = [escape(table.shown_note), ""] if table.shown_note else []
    head = line([escape(header) for header in table.columns.values()])
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
        "†": r"$\dagger$",
    }

    def escape(cell: str) -> str:
        return "".join(special.get(character, character) for character in " ".join(visible(cell).split()))

    def line(cells: Sequence[str]) -> str:
        return "  " + " & ".join(cells) + r" \\"

    alignment = "".join("r" if numeric else "l" for numeric in table.numeric)
    caption = escape(f"{table.title}. {table.shown_note}" if table.shown_note else table.title)
    return "\n".join(
        [
            r"\begin{table}",
            f"  \\caption{{{caption}}}",
            f"  \\begin{{tabular}}{{{alignment}}}",
            r"  \toprule",
            line([escape(header) for header in table.columns.values()]),
            r"  \midrule",
            *(line(row) for row in table.written_with(escape, r"\textbf{{{}}}")),
            r"  \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def as_csv(table: Table) -> str:
    """Write a table as CSV in full precision: an estimate as three columns, and no text that reads as a formula."""

    def columns(key: str, header: str) -> list[str]:
        place = list(table.columns).index(key)
        wide = any(isinstance(row[place], Estimate) for row in table.rows)
        return [header, f"{header} low", f"{header} high"] if wide else [header]

    def cells(cell: Cell, width: int) -> list[Any]:
        if width == 1:
            return [harmless(cell) if isinstance(cell, str) else text(cell) if isinstance(cell, Interval) else cell]
        return [_plain(end) for end in cell] if isinstance(cell, Estimate) else [None] * width

    heads = [columns(*column) for column in table.columns.items()]
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow([harmless(name) for head in heads for name in head])
    for row in table.rows:
        pairs = zip(row, heads, strict=True)
        writer.writerow([each for cell, head in pairs for each in cells(cell, len(head))])
    return content.getvalue()
