"""The `suite` command."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from suite.errors import UsageError
from suite.spec import RunSpec

app = typer.Typer(
    name="suite",
    help="Reproduce and compare meta-reinforcement-learning algorithms.",
    epilog="Examples: suite run quick · suite plan paper · suite status · suite report · suite list algorithms",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Results = Annotated[Path, typer.Option("--results", help="Folder of the run store.", show_default=True)]
Reports = Annotated[Path, typer.Option("--reports", help="Folder of the pages.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, nothing else.")]
ReportFormat = Literal["html", "markdown", "latex"]
BenchmarkName = Annotated[str, typer.Argument(metavar="BENCHMARK", help="A shipped benchmark or a YAML file.")]

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2))


@app.command("list", epilog="Example: suite list environments --json")
def list_(
    what: Annotated[str, typer.Argument(metavar="algorithms|environments|benchmarks")],
    as_json: Json = False,
) -> None:
    """List the algorithms, environments or benchmarks."""
    from suite.catalogue import catalogue

    rows = catalogue(what)
    if as_json:
        _print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.replace("_", " "))
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    out.print(table)


@app.command(epilog="Example: suite plan paper")
def plan(benchmark: BenchmarkName, results: Results = Path("results"), as_json: Json = False) -> None:
    """Show the runs of a benchmark and which of them are done."""
    from suite.benchmark import load_benchmark
    from suite.store import Store

    store = Store(results)
    _print_states([(spec, store.folder(spec.run).state) for spec in load_benchmark(benchmark).plan()], as_json)


@app.command(epilog="Examples: suite run quick · suite run my.yaml --workers 8")
def run(
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    workers: Annotated[int, typer.Option(min=1, help="Runs at once.")] = os.cpu_count() or 1,
) -> None:
    """Run what is missing of a benchmark, then write the report."""
    from suite.benchmark import load_benchmark
    from suite.local import LocalExecutor
    from suite.progress import Progress
    from suite.report import write_report
    from suite.store import Store

    definition = load_benchmark(benchmark)
    specs = definition.plan()
    store = Store(results)
    store.prepare()
    missing = [spec for spec in specs if store.folder(spec.run).state != "done"]
    err.print(f"{definition.name}: {len(specs)} runs, {len(specs) - len(missing)} done, {workers} workers")
    try:
        with Progress(store, specs, err) as progress:
            LocalExecutor(store, workers).run(missing, progress.update)
    except KeyboardInterrupt:
        err.print(f"interrupted; to go on: suite run {benchmark} --results {results}")
        raise typer.Exit(130) from None
    page = write_report(store, reports, specs, title=definition.name)
    failed = [spec for spec in specs if store.folder(spec.run).state != "done"]
    for spec in failed:
        err.print(f"failed: {spec.run}: {store.folder(spec.run).failure().get('reason', 'not finished')}", markup=False)
    out.print(f"report: {page}", highlight=False)
    raise typer.Exit(1 if failed else 0)


@app.command("exec", epilog="Example: suite exec pearl_point-goal-2d_s0_0123456789ab")
def exec_(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run that has been planned into the store.")],
    results: Results = Path("results"),
) -> None:
    """Execute one run; what every executor calls."""
    import torch

    from suite.execution import BudgetError, DivergedError, execute
    from suite.store import Store

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = Store(results).folder(run)
    spec = folder.spec()
    if folder.state == "done":
        return
    if not folder.claim():
        raise UsageError(f"run {run}: is being worked on by somebody else")
    try:
        execute(spec, folder, torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    except (BudgetError, DivergedError) as error:
        folder.fail(str(error), type(error).__name__)
        err.print(str(error), markup=False)
        raise typer.Exit(1) from error
    except Exception as error:
        folder.fail(f"{type(error).__name__}: {error}", "error")
        raise
    finally:
        folder.release()


@app.command(epilog="Example: suite status --json")
def status(results: Results = Path("results"), as_json: Json = False) -> None:
    """Show the state of every run in the store."""
    from suite.store import CorruptRunError, Store

    rows = []
    for folder in Store(results).folders():
        try:
            rows.append((folder.spec(), folder.state))
        except CorruptRunError as error:
            err.print(str(error), markup=False)
    _print_states(rows, as_json)


@app.command(epilog="Example: suite logs RUN")
def logs(
    run: Annotated[str, typer.Argument(metavar="RUN")],
    results: Results = Path("results"),
    lines: Annotated[int, typer.Option(min=1, help="Lines from the end.")] = 40,
) -> None:
    """Print the end of a run's log."""
    from suite.store import Store

    folder = Store(results).folder(run)
    if not folder.path.is_dir():
        raise UsageError(f"run {run!r} is not in {results}; see: suite status")
    out.print(folder.log_tail(lines), markup=False, highlight=False)


@app.command(epilog="Examples: suite report · suite report quick · suite report quick --format markdown")
def report(
    benchmark: Annotated[str | None, typer.Argument(help="Report a benchmark's runs; everything by default.")] = None,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    form: Annotated[ReportFormat, typer.Option("--format", help="A page, or its tables alone, printed.")] = "html",
) -> None:
    """Write the page of what the store holds, or print its tables."""
    from suite.benchmark import load_benchmark
    from suite.report import tables_as, write_report
    from suite.store import Store

    definition = load_benchmark(benchmark) if benchmark else None
    planned = definition.plan() if definition else None
    if form == "html":
        page = write_report(Store(results), reports, planned, title=definition.name if definition else "All runs")
        out.print(f"report: {page}", highlight=False)
    else:
        print(tables_as(form, Store(results), planned))


@app.command(epilog="Examples: suite audit · suite audit --json")
def audit(as_json: Json = False) -> None:
    """Recompute the paper's claims from its own published tables."""
    from suite.analysis.audit import audit as audited
    from suite.report import judged
    from suite.report.table import as_markdown

    rows = audited()
    if as_json:
        _print_json(rows)
    else:
        print(as_markdown(judged.audit(rows)))


def _print_states(rows: Sequence[tuple[RunSpec, str]], as_json: bool) -> None:
    if as_json:
        keys = ("run", "algorithm", "environment", "seed")
        _print_json({"runs": [{**{key: getattr(spec, key) for key in keys}, "state": state} for spec, state in rows]})
        return
    table = Table(box=None, pad_edge=False)
    for column in ("run", "label", "environment", "seed", "budget", "state"):
        table.add_column(column)
    for spec, state in rows:
        table.add_row(spec.run, spec.label, spec.environment, str(spec.seed), f"{spec.budget:,}", state)
    out.print(table)
    counts = {state: sum(s == state for _, s in rows) for state in ("done", "running", "failed", "pending")}
    out.print(", ".join(f"{count} {state}" for state, count in counts.items()), highlight=False)


def main() -> NoReturn:
    """Run the command line; wrong usage is one line and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except UsageError as error:
        err.print(f"error: {error}", markup=False, highlight=False)
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except typer.TyperException as error:
        err.print(f"error: {error.format_message()}", markup=False, highlight=False)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
