"""Commands that follow runs: `status`, `logs`."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suite.cli.app import app
from suite.cli.help import LOOK
from suite.cli.inputs import nothing_there
from suite.cli.options import MOST, AnyResults, Json, RunName
from suite.cli.output import err, listing, out, show_states
from suite.errors import UsageError
from suite.spec import RunSpec
from suite.table import MISSING

if TYPE_CHECKING:
    from suite.execute.patience import Patience
    from suite.store.record import RunRecord
    from suite.store.runs import Store

FOLLOW_SECONDS = 0.5
"""Between two looks at a log."""


def _published(store: Store, own: set[str]) -> list[tuple[RunSpec, str]]:
    """Return the runs of snapshots beside the store's own: `suite plan` and `suite run` count them as done."""
    if store.is_snapshot:
        return []
    names = sorted({run for snapshot in store.snapshots for run in snapshot.runs} - own)
    return [(record.spec(), record.state) for record in map(store.record, names) if record.snapshot is not None]


def _patience(store: Store) -> Patience:
    """Return patience with a store that is watched, which says on standard error that it waits."""
    from suite.execute.patience import Patience

    return Patience(store.results, lambda message: err.print(message, highlight=False))


@app.command(rich_help_panel=LOOK, epilog="Examples: suite status --json · suite status --watch")
def status(
    results: AnyResults = Path("results"),
    as_json: Json = False,
    watch: Annotated[bool, typer.Option("--watch", help="Keep updating until no run is in progress.")] = False,
) -> None:
    """Show the state of every run in the store, and of the published runs next to it."""
    if watch and as_json:
        raise UsageError("--watch and --json: give one of them")
    from suite.console.progress import Progress
    from suite.execute.registry import positions
    from suite.store.published import located
    from suite.store.record import CorruptRunError
    from suite.store.runs import Store

    store = Store(located(results))
    rows = []
    for record in (store.record(own.run) for own in store.records()):  # done where a snapshot has it, as in a plan
        try:
            rows.append((record.spec(), record.state))
        except CorruptRunError as error:
            err.print(str(error))
    if not watch:
        every = [*rows, *_published(store, {spec.run for spec, _ in rows})]
        show_states(as_json, every, positions(store, lambda message: err.print(message, highlight=False)))
        if not every and next(store.folders(), None) is None:
            err.print(nothing_there(results), highlight=False)
        return
    patience = _patience(store)
    try:
        with Progress(store, [spec for spec, _ in rows], out) as progress:
            while progress.is_worked_on():
                time.sleep(1.0)
                patience.insist(progress.update)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@app.command(rich_help_panel=LOOK, epilog="Examples: suite logs RUN · suite logs RUN -f · suite logs RUN --metrics")
def logs(
    run: RunName,
    results: AnyResults = Path("results"),
    lines: Annotated[int, typer.Option(min=1, max=MOST, help="Number of lines to print, from the end.")] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Keep printing while the run is running.")] = False,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Print the training metrics of a finished run, one line per evaluation.")
    ] = False,
) -> None:
    """Print the end of a run's log, or of its training metrics."""
    if metrics and follow:
        raise UsageError("--metrics and --follow: give one of them")
    from suite.store.published import located
    from suite.store.runs import Store

    store = Store(located(results))
    folder = store.record(store.named(run))
    if metrics:
        _show_metrics(folder, lines)
        return
    if folder.snapshot is not None:
        raise UsageError(f"run {folder.run}: is read from the snapshot {folder.snapshot}, which keeps no logs")
    if not folder.path.is_dir():
        raise UsageError(f"run {run!r} is not in {results}; see: suite status")
    folder.check_readable("log.txt")
    size = folder.log_size()
    if tail := folder.log_tail(lines):
        out.print(tail, highlight=False)
    patience = _patience(store)
    try:
        while follow:
            follow = patience.insist(lambda: folder.state) == "running"  # once more afterwards: the last words count
            size, text = patience.insist(partial(folder.log_since, size))
            out.print(text, highlight=False, end="")
            time.sleep(FOLLOW_SECONDS if follow else 0)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _show_metrics(record: RunRecord, lines: int) -> None:
    if not record.has("run.json"):
        raise UsageError(f"run {record.run!r} is not in the store; see: suite status")
    if record.state != "done":
        raise UsageError(f"run {record.run}: is {record.state}; its metrics are written when it is done")
    rows = record.training().tail(lines).to_dict("records")
    print(listing([{str(key): _shown(value) for key, value in row.items()} for row in rows]))


def _shown(value: object) -> str:
    if isinstance(value, float):
        return MISSING if math.isnan(value) else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
