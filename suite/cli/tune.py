"""The command that searches for settings: `tune`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from suite.cli.app import app
from suite.cli.help import RUN
from suite.cli.options import (
    MOST,
    BenchmarkName,
    ClusterFile,
    ExecutorName,
    ImageName,
    Json,
    Only,
    Reports,
    Results,
    RetriesOption,
    Trust,
    Workers,
    at_home,
)
from suite.cli.output import err, listing, show, show_tables
from suite.cli.watching import watched, words_typed
from suite.execute.registry import DEFAULT
from suite.failures import RETRIES


@app.command(
    rich_help_panel=RUN,
    epilog="Examples: suite tune my.yaml --dry-run · suite tune my.yaml --trials 24 --workers 8 · suite tune quick "
    "--only environment=point-goal-2d --out tuned.yaml · suite tune my.yaml --sampler random --seeds 100,101",
)
def tune(
    context: typer.Context,
    benchmark: BenchmarkName,
    trials: Annotated[int, typer.Option(min=1, max=MOST, help="Trials per searched entry.")] = 12,
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="Seeds of every trial: 100 or more, and none of the benchmark's.")
    ] = "100",
    sampler: Annotated[Literal["tpe", "random"], typer.Option(help="Optuna sampler that proposes the trials.")] = "tpe",
    only: Only = None,
    results: Results = Path("results/tuning"),
    reports: Reports = Path("reports"),
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            callback=at_home,
            help="Benchmark file to write; by default NAME-tuned.yaml.",
            show_default=False,
        ),
    ] = None,
    workers: Workers = None,
    retries: RetriesOption = RETRIES,
    executor: ExecutorName = DEFAULT,
    image: ImageName = None,
    cluster: ClusterFile = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be searched, and run nothing.")] = False,
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Tune the settings of a benchmark's entries, with equal trials for each, on seeds used for nothing else.

    What is searched is what each algorithm declares (suite show ALGORITHM, column tuned), or what a group of the file
    says: tune: {ranges: {pearl: {learning_rate: {low: 0.0003, high: 0.003, log: true}, updates: [40, 80]}}}
    """
    from suite.execute.executor import Request, Retries
    from suite.plan.benchmark import load_benchmark
    from suite.plan.selection import seeds_of
    from suite.report.tuning_page import chosen, importances, write_tuning
    from suite.tuning.search import described, searches
    from suite.tuning.search import tune as search
    from suite.tuning.written import check_place, write_tuned

    definition, numbers = load_benchmark(benchmark, trusted=trust), seeds_of(seeds)
    if dry_run:
        rows = described(searches(definition, only or ()), trials, numbers)
        runs = sum(int(row["runs"]) for row in rows)
        steps = sum(int(row["environment_steps"]) for row in rows)
        listed = [{**row, "environment_steps": f"{row['environment_steps']:,}"} for row in rows]
        show(as_json, rows, listing(listed), f"{runs} runs, {steps:,} environment steps")
        return
    file = out or Path(f"{definition.name}-tuned.yaml")
    check_place(file)
    request = Request(retries=Retries(retries), workers=workers, image=image, cluster=cluster)
    words = words_typed(context, without=())
    with watched(words) as console:
        outcome = search(
            definition,
            trials=trials,
            seeds=numbers,
            sampler=sampler,
            results=results,
            executor=executor,
            request=request,
            only=only or (),
            console=console,
        )
    for run, reason in outcome.lost.items():
        err.print(f"{run}: {reason}", highlight=False)
    if outcome.lost:
        err.print(f"the search stopped; once this is fixed, resume with: {shlex.join(words)}", highlight=False)
        raise typer.Exit(1)
    typed = shlex.join(words)
    how = (
        f"Of {trials} trials of each entry the one with the highest score, by the sampler {sampler} on seeds "
        f"{', '.join(map(str, numbers))}, which nothing else is to use."
    )
    page = write_tuning(reports, f"Settings of {definition.name}", f"{how} Made by: {typed}", outcome.found)
    write_tuned(file, definition, outcome.found, f"Written by `{typed}`.\n{how}")
    plain = {"benchmark": str(file), "page": str(page), "searches": [each.plain() for each in outcome.found]}
    tables = [chosen(outcome.found), importances(outcome.found)]
    show_tables(as_json, plain, tables, f"page: {page}", f"benchmark: {file}")
