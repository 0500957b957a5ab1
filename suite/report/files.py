"""Pages as files."""

from __future__ import annotations

from pathlib import Path

from suite.errors import UsageError
from suite.store.files import write_atomically

PAGE = "index.html"
"""Name of the report's page in its folder."""


def write_page(path: Path, page: str) -> Path:
    """Write a page, its folder made if absent, and return its path.

    Raises
    ------
    UsageError
        If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, page.encode(errors="replace"))
    except OSError as error:
        raise UsageError(f"--reports {path.parent}: cannot be written ({error.strerror})") from error
    return path
