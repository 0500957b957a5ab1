"""The output of commands: JSON for programs, or tables and lines for people."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from suite.characters import visible
from suite.console.terminal import PlainConsole
from suite.spec import RunSpec
from suite.table import MISSING, Table, as_markdown

out = PlainConsole(soft_wrap=True)
err = PlainConsole(stderr=True, soft_wrap=True)

_ONE_LINE = str.maketrans("\t\n", "  ")


def show(as_json: bool, value: Any, *written: str) -> None:
    """Print a value as JSON, or what is written of it.

    Parameters
    ----------
    as_json : whether it is for a program: nothing else is on standard output then.
    written : for people, one below the other.
    """
    if as_json:
        print(json.dumps(value, indent=2))
        return
    for each in written:
        print(visible(each))


def listing(rows: Sequence[Mapping[str, object]]) -> str:
    """Write rows that have the same keys below each other, in columns named by them.

    Names are to be copied: no line is cut off or broken, however narrow the terminal.
    """
    head = [key.replace("_", " ") for key in (rows[0] if rows else ())]
    lines = [head, *(map(str, row.values()) for row in rows)]
    cells = [[visible(cell).translate(_ONE_LINE) for cell in line] for line in lines]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def in_columns(table: Table) -> str:
    """Write a table in columns."""
    rows = [dict(zip(table.columns.values(), row, strict=True)) for row in table.written]
    body = listing(rows) if rows else "no rows"
    return "\n".join(filter(None, (table.title, table.shown_note, body))) + "\n"


def in_paragraphs(table: Table) -> str:
    """Write each row of a table of long texts as a paragraph."""
    columns, width = list(table.columns.values()), shutil.get_terminal_size().columns

    def wrapped(text: str, indent: str = "") -> str:
        return textwrap.fill(
            text,
            width,
            initial_indent=indent,
            subsequent_indent=2 * indent,
            break_long_words=False,
            break_on_hyphens=False,  # names are to be copied
        )

    paragraphs = [table.title, wrapped(table.shown_note)]
    for head, *cells in table.written:
        named = zip(columns[1:], cells, strict=True)
        lines = [wrapped(f"{column}: {cell}", "  ") for column, cell in named if cell != MISSING]
        paragraphs.append("\n".join([wrapped(head), *lines]))
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def show_tables(
    as_json: bool, plain: Any, tables: Sequence[Table], *written: str, on_terminal: Callable[[Table], str] = in_columns
) -> None:
    """Print tables as JSON, or for readers: in a form for terminals on one, else as Markdown.

    Parameters
    ----------
    written : what is written below.
    on_terminal : the form for terminals.
    """
    make = on_terminal if sys.stdout.isatty() else as_markdown
    show(as_json, plain, *map(make, tables), *written)


def show_states(
    as_json: bool, rows: Sequence[tuple[RunSpec, str]], more: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Print runs and their states.

    Parameters
    ----------
    more : further columns, each a text for some of the runs; those without any text are for programs alone.
    """
    more = more or {}
    plain, listed = [], []
    for spec, state in rows:
        keys = ("run", "algorithm", "environment", "seed")
        added = {column: texts.get(spec.run) for column, texts in more.items()}
        plain.append({**{key: getattr(spec, key) for key in keys}, "state": state, **added})
        row = {key: getattr(spec, key) for key in ("run", "label", "environment", "seed")}
        texts = {column: text or "" for column, text in added.items() if more[column]}
        listed.append({**row, "budget": f"{spec.budget:,}", "state": state, **texts})
    counts = Counter({"done": 0, "running": 0, "failed": 0, "pending": 0})
    counts.update(state for _, state in rows)
    show(as_json, {"runs": plain}, listing(listed), ", ".join(f"{count} {state}" for state, count in counts.items()))
