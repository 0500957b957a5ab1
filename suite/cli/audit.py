"""The command that checks papers against their own tables: `audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from suite.cli.app import app
from suite.cli.help import JUDGE
from suite.cli.options import Json
from suite.cli.output import err, in_paragraphs, show_tables
from suite.console.waiting import busy

if TYPE_CHECKING:
    from suite.papers.checks.check import Check
    from suite.papers.folder import Folder


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
    from suite.papers.folder import shipped_papers
    from suite.report.tables.audit import audit as audit_table

    with busy(err, "recomputing"):
        read = [_read(name) for name in papers or shipped_papers()]
        found = [(paper, audited(paper, checks)) for paper, checks, _ in read]
    for paper, _, doubts in read:
        for doubt in doubts:
            err.print(f"{paper.folder}/{doubt}", highlight=False)
    plain = [{"paper": paper.name, **row} for paper, rows in found for row in rows]
    tables = [audit_table(paper, rows) for paper, rows in found]
    show_tables(as_json, plain, tables, on_terminal=in_paragraphs)


def _read(name: str) -> tuple[Folder, Mapping[str, Check], list[str]]:
    """Read a paper, its checks, and doubts about its words. Of shipped papers the checks alone: tests do the rest."""
    from suite.papers.audit import read_checks
    from suite.papers.folder import read_folder, shipped_folders

    if name in shipped_folders():
        paper = read_folder(name)
        return paper, read_checks(paper), []
    from suite.papers.paper import read_paper  # imports twice as much
    from suite.papers.wording import doubts

    whole = read_paper(name)
    return whole, whole.checks, doubts(whole, whole.checks, whole.claims)
