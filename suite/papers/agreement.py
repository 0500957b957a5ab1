"""The agreement of a paper's folder with itself: a number that stands there twice can be copied wrong."""

from __future__ import annotations

from collections.abc import Mapping

from suite.errors import UsageError, unknown
from suite.papers.audit import FILE as AUDIT
from suite.papers.checks.check import Check
from suite.papers.folder import Folder


def check_cells(paper: Folder, checks: Mapping[str, Check]) -> None:
    """Refuse a published number that is not what the cell holds that prints it too.

    Raises
    ------
    UsageError
        If a number differs, or there is no such number, table, row or column.
    """
    for key, check in checks.items():
        where = f"paper file {paper.folder / AUDIT}: {key}: cells"
        for name, (table, row, column) in check.cells.items():
            try:
                if name not in check.published:
                    raise UsageError(unknown("published number", name, check.published))
                cell = paper.table(table).cell(row, column)
            except UsageError as error:
                raise UsageError(f"{where}: {error}") from error
            if cell != check.published[name]:
                raise UsageError(
                    f"{where}: {name}: published {check.published[name]}, but {paper.table(table).about.title} prints "
                    f"{cell} in {row}, {column}"
                )
