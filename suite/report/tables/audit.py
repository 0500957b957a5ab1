"""The table of a paper's audit. A command prints it alone: it imports nothing that runs need."""

from __future__ import annotations

from collections.abc import Sequence

from suite.papers.audit import AuditRow
from suite.papers.folder import CLAIMS, Folder
from suite.table import Table


def audit(paper: Folder, rows: Sequence[AuditRow]) -> Table:
    """A paper's aggregates against its own published tables."""
    columns = ("claim", "verdict", "published", "recomputed", "rule", "explanation", "where")
    notes = [] if paper.has(CLAIMS) else paper.about.notes  # elsewhere they stand beside the claims
    return Table(
        f"{paper.name}-audit",
        f"{paper.about.short} against its own tables",
        {name: name for name in columns},
        tuple(tuple(str(row[column]) for column in columns) for row in rows),  # type: ignore[literal-required]
        " ".join(["Recomputed from what is published, with the functions that judge our runs; needs no run.", *notes]),
    )
