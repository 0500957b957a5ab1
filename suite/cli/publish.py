"""The command that publishes finished runs: `publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import PUBLISH
from suite.cli.inputs import existing
from suite.cli.options import BenchmarkName, Results, Trust
from suite.cli.output import err, out
from suite.console.waiting import busy
from suite.durations import size


@app.command(
    rich_help_panel=PUBLISH,
    epilog="Examples: suite publish pilot · suite publish my.yaml --results /mnt/store · "
    "suite report --results results/published/pilot",
)
def publish(
    benchmark: BenchmarkName,
    results: Results = Path("results"),
    drop_earlier: Annotated[
        bool, typer.Option("--drop-earlier", help="Leave out published runs that the benchmark no longer contains.")
    ] = False,
    trust: Trust = False,
) -> None:
    """Publish the finished runs of a benchmark as a snapshot, RESULTS/published/NAME: a few files to commit.

    Runs that were published before stay; those that the benchmark no longer contains, such as runs of an earlier
    revision, are marked as earlier.
    """
    from suite.plan.benchmark import load_benchmark
    from suite.report.publishing import publish as published

    with busy(err, "publishing"):
        found = published(existing(results, snapshots=False), load_benchmark(benchmark, trusted=trust), drop_earlier)
    for run in found.earlier if drop_earlier else ():
        err.print(f"dropped: {run}", highlight=False)
    left = f", {found.unfinished} not finished" if found.unfinished else ""
    if found.earlier and not drop_earlier:
        left += f", {len(found.earlier)} of earlier plans"
    out.print(f"published: {found.snapshot.path}", highlight=False)
    err.print(f"{found.done} runs done, {found.failed} failed{left}; {size(found.snapshot.size)}", highlight=False)
