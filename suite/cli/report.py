"""Commands that judge runs: `report`, `compare`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suite.cli.app import app
from suite.cli.help import JUDGE
from suite.cli.inputs import existing, nothing_there, reported
from suite.cli.options import AnyResults, Json, Papers, ReportFormat, Reports, Trust
from suite.cli.output import err, out, show, show_tables
from suite.console.waiting import busy
from suite.errors import UsageError

if TYPE_CHECKING:
    from suite.store.runs import Store


@app.command(
    rich_help_panel=JUDGE,
    epilog="Examples: suite report quick · suite report quick --open · suite report --serve --port 8080 · "
    "suite report --paper ./my-paper · suite report quick --format markdown",
)
def report(
    benchmark: Annotated[
        str | None, typer.Argument(help="Report only the runs of this benchmark; default: all runs in the store.")
    ] = None,
    results: AnyResults = Path("results"),
    reports: Reports = Path("reports"),
    paper: Papers = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="html writes the report; markdown and latex print its tables.")
    ] = "html",
    browse: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Serve the report to this machine, updated as the store changes, until Ctrl-C."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, metavar="PORT", help="Port of --serve; 0 takes a free one; default: 8000."),
    ] = None,
    trust: Trust = False,
) -> None:
    """Write the report of the runs in the store, or print its tables."""
    from suite.papers.paper import judged_papers
    from suite.plan.benchmark import load_benchmark
    from suite.report import page_of, tables_as
    from suite.report.clips import find_clips
    from suite.report.files import PAGE, write_page

    if form != "html" and (browse or serve):
        raise UsageError(f"--format {form}: is printed, and cannot be opened or served")
    if port is not None and not serve:
        raise UsageError("--port: is for --serve")
    store = existing(results)
    hint = nothing_there(results) if benchmark is None and not store.is_snapshot and not any(store.folders()) else ""
    if form == "html":
        plots = load_benchmark(benchmark, trusted=trust).plots() if benchmark else []

        def make() -> str:
            of = reported(benchmark, store, trust)  # with the seeds that are added as runs end
            papers = judged_papers(paper or of.papers)
            return page_of(
                store,
                of.specs,
                of.title,
                papers,
                of.comparisons,
                plots,
                of.description,
                of.pairs,
                find_clips(reports),
            )

        page = reports / PAGE
        if serve:
            _serve(store, make, page, 8000 if port is None else port, browse)
            return
        with busy(err, "judging runs and writing the page"):
            write_page(page, make())
        out.print(f"report: {page}", highlight=False)
        if browse:
            _open(page.resolve().as_uri())
    else:
        with busy(err, "judging runs"):
            of = reported(benchmark, store, trust)
            papers = judged_papers(paper or of.papers)
            tables = tables_as(form, store, of.specs, papers, of.comparisons)
        show(False, None, tables)
    if hint:
        err.print(hint, highlight=False)


def _serve(store: Store, make: Callable[[], str], page: Path, port: int, browse: bool) -> None:
    """Serve the page, and write it too, until Ctrl-C."""
    from suite.report.files import write_page
    from suite.report.server import PageServer, follow

    server = PageServer(port, page.parent)
    told = False

    def show(text: str, seconds: float) -> None:
        nonlocal told
        write_page(page, text)
        server.show(text, seconds)
        if not told:
            told = True
            out.print(f"report: {page}, served at {server.address} until Ctrl-C", highlight=False)
            if browse:
                _open(server.address)

    with server.serving(), suppress(KeyboardInterrupt):
        follow(store, page.parent, make, show, lambda text: err.print(text, highlight=False))


def _open(address: str) -> None:
    """Open a page in a browser; say where there is none."""
    import webbrowser

    if not webbrowser.open(address):
        err.print(f"no browser here; to open in one: {address}", highlight=False)


@app.command(
    rich_help_panel=JUDGE,
    epilog="Examples: suite compare mql pearl · suite compare pearl blind-sac quick --json · suite compare "
    "'pearl as garage' garage-pearl --margin 20",
)
def compare(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="An entry, as the report names it.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The entry to compare it with.")],
    benchmark: Annotated[
        str | None, typer.Argument(help="Compare only runs of this benchmark; default: all runs in the store.")
    ] = None,
    margin: Annotated[
        float,
        typer.Option(
            min=0.1, max=100, help="Margin of equivalence, in percent of the other entry's gain over untrained."
        ),
    ] = 10,
    results: AnyResults = Path("results"),
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Compare two entries on every environment that both finished: better, worse, equivalent or inconclusive."""
    from suite.report import difference_table

    store = existing(results)
    of = reported(benchmark, store, trust)
    with busy(err, "comparing"):
        table = difference_table(store, entry, other, of.specs, of.comparisons, margin / 100)
    show_tables(as_json, table.plain(), [table])
