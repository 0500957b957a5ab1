"""The report: one HTML page, and its tables in Markdown and LaTeX, or as plain values."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from suite.report.page import difference_table, page_of, plain_tables, tables_as

__all__ = ["difference_table", "page_of", "plain_tables", "tables_as"]


def __getattr__(name: str) -> Any:
    """Import the page when it is asked for: it draws figures, whose libraries a table alone does not need."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("suite.report.page"), name)
