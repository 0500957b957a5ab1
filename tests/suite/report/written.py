"""A store's page as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from suite.report import page_of
from suite.report.files import PAGE, write_page
from suite.store.runs import Store


def write_report(store: Store, reports: Path, *arguments: Any, **options: Any) -> Path:
    """Write what `page_of` returns; return its path."""
    return write_page(reports / PAGE, page_of(store, *arguments, **options))
