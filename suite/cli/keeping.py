"""Commands that join stores, and that make room in one: `merge`, `prune`, `gc`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from suite.cli.app import app
from suite.cli.help import PUBLISH
from suite.cli.inputs import existing
from suite.cli.options import Json, Results, Trust
from suite.cli.output import err, listing, out, show
from suite.console.waiting import busy, counting
from suite.durations import size
from suite.errors import UsageError, unknown


@app.command(
    rich_help_panel=PUBLISH,
    epilog="Examples: suite merge /mnt/other-machine/results · "
    "suite merge colleague/results/published/pilot --results lab",
)
def merge(
    stores: Annotated[
        list[Path],
        typer.Argument(metavar="STORE...", help="Results folders or snapshots to copy from; they are not changed."),
    ],
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """Copy the finished runs of other stores into this one; finished runs are never overwritten.

    Exit code 1 if a run is a conflict (finished in both, with different numbers), unreadable, or in progress.
    """
    from suite.store import merging
    from suite.store.runs import Store

    store, sources = Store(results), [existing(path, "") for path in stores]
    merging.check_sources(store, sources)
    store.prepare()
    joined = []
    for source in sources:
        total = sum(1 for _ in source.records())
        with counting(err, f"{source.results}: runs", total) as tick:
            for each in merging.merge(store, source):
                joined.append((source, each))
                tick()
    for _, each in joined:
        if each.fate not in merging.SETTLED:
            err.print(f"{each.fate}: {each.run}: {each.detail}", highlight=False)
    for source in sources:
        if not source.is_snapshot and source.snapshots:
            err.print(
                f"not taken: published runs beside {source.results}; to take some: "
                f"suite merge {source.snapshots[0].path}",
                highlight=False,
            )
    counts = Counter(each.fate for _, each in joined)
    plain = [
        {"run": each.run, "store": str(source.results), "outcome": each.fate, "detail": each.detail}
        for source, each in joined
    ]
    show(as_json, plain, ", ".join(f"{count} {fate}" for fate, count in counts.items()) or "no runs")
    raise typer.Exit(int(any(fate not in merging.SETTLED for fate in counts)))


@app.command(
    rich_help_panel=PUBLISH,
    epilog="Examples: suite prune · suite prune checkpoints logs --yes · suite prune runs --benchmark my.yaml --yes",
)
def prune(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KIND]...", help="checkpoints, logs, parameters or runs; default: all of them."),
    ] = None,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark",
            metavar="NAME",
            help="Keep this benchmark's runs, as well as those of all shipped benchmarks.",
        ),
    ] = None,
    results: Results = Path("results"),
    yes: Annotated[bool, typer.Option("--yes", help="Remove the files; without it, they are only listed.")] = False,
    as_json: Json = False,
    trust: Trust = False,
) -> None:
    """Free disk space: list what can be removed, with sizes; with --yes, remove it.

    Without checkpoints, unfinished runs start again; without logs, the output of finished runs is lost; without
    parameters, finished runs can no longer be watched or loaded. Runs are whole runs, results included, that belong to
    no shipped or named benchmark. Runs in progress are never touched; exit code 1 if something could not be removed.
    """
    from suite.plan.benchmark import load_benchmark, shipped_benchmarks
    from suite.store import pruning

    if yes and not kinds:
        raise UsageError(f"--yes: name what to remove: {', '.join(pruning.LOSSES)}")
    if yes and "runs" in (kinds or ()) and not benchmark:
        raise UsageError("--yes: name the benchmark whose runs to keep: suite prune runs --benchmark NAME --yes")
    for kind in kinds or ():
        if kind not in pruning.LOSSES:
            raise UsageError(unknown("KIND", kind, pruning.LOSSES))
    wanted = [kind for kind in pruning.LOSSES if not kinds or kind in kinds]
    store = existing(results, snapshots=False)
    planned = set()
    with busy(err, "reading runs"):
        if "runs" in wanted:
            names = [*shipped_benchmarks(), *(benchmark or ())]
            planned = {spec.run for name in names for spec in load_benchmark(name, trusted=trust).plan()}
        found = list(pruning.prunable(store, wanted, planned))
    stayed = 0
    if yes:
        removed = []
        for each in found:
            try:
                pruning.prune(store, each)
                removed.append(each)
            except UsageError as error:
                err.print(str(error), highlight=False)
        stayed, found = len(found) - len(removed), removed
    rows = [{"run": each.run, "state": each.state, "what": each.kind, "size": size(each.size)} for each in found]
    sizes = {kind: sum(each.size for each in found if each.kind == kind) for kind in wanted}
    lines = [
        f"{kind}: {size(total)}{'' if yes else f'; lost: {pruning.LOSSES[kind]}'}" for kind, total in sizes.items()
    ]
    lines.append("removed" if yes else "nothing was removed; to remove: suite prune KIND... --yes")
    show(as_json, [each._asdict() for each in found], *([listing(rows)] if rows else []), *lines)
    raise typer.Exit(int(stayed > 0))


@app.command(rich_help_panel=PUBLISH, epilog="Example: suite gc")
def gc(results: Results = Path("results")) -> None:
    """Remove temporary files of crashed processes, and nothing else; exit code 1 if some could not be removed."""
    from suite.store.runs import Store

    left: list[str] = []
    removed = Store(results).collect_garbage(left.append)
    for path in removed:
        out.print(str(path), highlight=False)
    out.print(f"{len(removed)} files removed", highlight=False)
    for message in left:
        err.print(message, highlight=False)
    raise typer.Exit(1 if left else 0)
