"""The command that runs a benchmark: `run`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import RUN
from suite.cli.options import (
    BenchmarkName,
    CheckpointEvery,
    ClusterFile,
    ExecutorName,
    ImageName,
    Only,
    Reports,
    Results,
    RetriesOption,
    Seeds,
    Trust,
    Workers,
    limit,
)
from suite.cli.output import out
from suite.cli.watching import watched, words_typed
from suite.execute.registry import DEFAULT
from suite.failures import RETRIES


@app.command(
    rich_help_panel=RUN,
    epilog="Examples: suite run quick · suite run my.yaml --workers 8 · suite run quick --only-failed · "
    "suite run quick --only algorithm=pearl,mql --only environment=reach-v1 --seeds 0-4 · suite run my.yaml --trust",
)
def run(
    context: typer.Context,
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    reports: Reports = Path("reports"),
    only: Only = None,
    seeds: Seeds = None,
    workers: Workers = None,
    only_failed: Annotated[bool, typer.Option("--only-failed", help="Retry only the failed runs.")] = False,
    rerun: Annotated[
        list[str] | None,
        typer.Option("--rerun", metavar="RUN", help="Discard this run's results and repeat only this run."),
    ] = None,
    time_limit: Annotated[
        float | None, typer.Option(min=0, metavar="HOURS", callback=limit, help="Stop a run after this many hours.")
    ] = None,
    silence_limit: Annotated[
        float | None,
        typer.Option(min=0, metavar="MINUTES", callback=limit, help="Stop a run that makes no step for this long."),
    ] = 30.0,
    memory_limit: Annotated[
        float | None, typer.Option(min=0.01, metavar="GIB", callback=limit, help="Stop a run that uses more memory.")
    ] = None,
    retries: RetriesOption = RETRIES,
    checkpoint_every: CheckpointEvery = 60.0,
    executor: ExecutorName = DEFAULT,
    image: ImageName = None,
    cluster: ClusterFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what the executor would submit, and submit nothing.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Run a benchmark, except for runs that are already done, and write the report."""
    from suite import session
    from suite.execute.executor import Limits, Request, Retries

    limits = Limits(
        None if time_limit is None else 3600 * time_limit, None if silence_limit is None else 60 * silence_limit
    )
    request = Request(
        memory=None if memory_limit is None else int(2**30 * memory_limit),
        checkpoint_seconds=checkpoint_every,
        limits=limits,
        retries=Retries(retries),
        workers=workers,
        image=image,
        cluster=cluster,
    )
    selection = session.Selection(only or (), seeds, rerun or (), only_failed)
    if dry_run:
        script = session.preview(
            benchmark, results=results, executor=executor, selection=selection, request=request, trust=trust
        )
        print(script, end="")
        return
    with watched(words_typed(context, without=("rerun", "only_failed"))) as console:
        outcome = session.run(
            benchmark,
            results=results,
            reports=reports,
            executor=executor,
            selection=selection,
            request=request,
            trust=trust,
            console=console,
        )
    with suppress(SystemExit):  # whoever reads has gone: the runs are done all the same
        out.print(f"report: {outcome.report}", highlight=False)
    raise typer.Exit(0 if outcome.is_complete else 1)
