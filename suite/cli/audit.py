"""The command that checks papers against their own tables: `audit`."""

from __future__ import annotations

from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import JUDGE
from suite.cli.options import Json
from suite.cli.output import err, show
from suite.console.waiting import busy


@app.command(rich_help_panel=JUDGE, epilog="Examples: suite audit · suite audit pearl --json · suite audit ./my-paper")
def audit(
    papers: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PAPER]...", help="Shipped papers, or folders of papers; default: all shipped."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check papers against themselves: recompute what they state from their own tables."""
    from suite.papers.audit import audit as audited
    from suite.papers.paper import read_papers
    from suite.report.tables.audit import audit as audit_table
    from suite.table import as_markdown

    with busy(err, "recomputing"):
        found = [(paper, audited(paper)) for paper in read_papers(papers)]
    plain = [{"paper": paper.name, **row} for paper, rows in found for row in rows]
    show(as_json, plain, *(as_markdown(audit_table(paper, rows)) for paper, rows in found))
