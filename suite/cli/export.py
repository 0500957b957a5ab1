"""The command that writes results as files of tables: `export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import JUDGE
from suite.cli.inputs import existing, reported
from suite.cli.options import AnyResults, ExportFormat, Papers, Trust, at_home
from suite.cli.output import err, out
from suite.console.waiting import busy


@app.command(
    rich_help_panel=JUDGE,
    epilog="Examples: suite export · suite export quick --format parquet --out tables · "
    "suite export --format tensorboard --out events",
)
def export(
    benchmark: Annotated[
        str | None, typer.Argument(help="Export only the runs of this benchmark; default: all runs in the store.")
    ] = None,
    results: AnyResults = Path("results"),
    paper: Papers = None,
    form: Annotated[ExportFormat, typer.Option("--format", help="Format of the files.")] = "csv",
    folder: Annotated[Path, typer.Option("--out", callback=at_home, help="Folder of the files.")] = Path("reports")
    / "tables",
    trust: Trust = False,
) -> None:
    """Export scores, curves, metrics, claims and training logs as tidy tables, or for TensorBoard."""
    from suite.analysis.results import read_results
    from suite.analysis.training_metrics import training_metrics
    from suite.papers.paper import read_papers
    from suite.report.contents import adaptive_entries
    from suite.report.export import tables, typed, write_tables
    from suite.report.tensorboard import write_events

    store = existing(results)
    of = reported(benchmark, store, trust)
    with busy(err, "reading runs"):
        found = read_results(store, of.specs)
    for problem in found.problems:
        err.print(f"{problem.run}: {problem.problem}", highlight=False)
    with busy(err, "reading metrics"):
        training = training_metrics(store, found)
    if form == "tensorboard":
        with busy(err, "writing events"):
            written = write_events(found, training, folder)
        out.print(f"runs: {len(written)}; to see them: tensorboard --logdir {folder}", highlight=False)
        return
    with busy(err, "judging runs"):
        made = tables(found, read_papers(paper), adaptive_entries(store, found, of.comparisons))
    for path in write_tables({**made, "training": typed(training)}, folder, form):
        out.print(f"table: {path}", highlight=False)
