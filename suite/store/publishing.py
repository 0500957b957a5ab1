"""Store -> snapshot: what is kept of each run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.spec import RunSpec
from suite.store.layout import DOCUMENTS, TABLES
from suite.store.published import MARKER, RUNS, CorruptSnapshotError, Listed, PublishedRun, Run, Snapshot
from suite.store.record import RunRecord
from suite.store.runs import Store

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ENDED = ("done", "failed")


def place(store: Store, benchmark: str) -> Snapshot:
    """Return where the runs of a benchmark are published: a store that is a snapshot is written anew.

    Raises
    ------
    UsageError
        If the benchmark's name is not one that a folder can have, or the snapshot is of another benchmark.
    """
    if store.is_snapshot:
        (snapshot,) = store.snapshots
        if snapshot.background.name != benchmark:
            raise UsageError(
                f"--results {store.results}: is a snapshot of {snapshot.background.name}, not of {benchmark}"
            )
        return snapshot
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", benchmark):
        raise UsageError(f"name: {benchmark!r}: is not the name of a folder; allowed: letters, digits, '.', '_', '-'")
    return Snapshot(store.results / "published" / benchmark)


def ended(store: Store, specs: Sequence[RunSpec]) -> list[RunRecord]:
    """Return the runs of a plan that are done or have failed, and so can be published.

    What failed elsewhere and was published stays, until the run has ended here.
    """
    records = [(store.record(spec.run), spec.run) for spec in specs]
    found = [record if record.state in ENDED else store.published(run) for record, run in records]
    return [record for record in found if record is not None]


def published_before(snapshot: Snapshot) -> set[str]:
    """Return the runs that a snapshot holds before it is written anew.

    Raises
    ------
    CorruptSnapshotError
        If it is damaged, and what it held would be lost.
    """
    if not snapshot.is_there and (snapshot.path / RUNS).exists():
        raise CorruptSnapshotError(f"{snapshot.path}: lacks its {MARKER}; restore it, or remove the folder")
    return set(snapshot.runs) if snapshot.is_there else set()


def unplanned(snapshot: Snapshot, specs: Sequence[RunSpec]) -> list[RunRecord]:
    """Return the runs that a snapshot holds and a plan does not name, as of an earlier revision of an algorithm."""
    planned = {spec.run for spec in specs}
    return [PublishedRun(snapshot, run) for run in sorted(published_before(snapshot) - planned)]


def listed(specs: Sequence[RunSpec], records: Sequence[RunRecord], earlier: Sequence[RunRecord]) -> tuple[Listed, ...]:
    """List the runs of a snapshot, by name.

    Parameters
    ----------
    specs : the plan.
    records, earlier : its runs that are kept, and those of earlier plans.
    """
    kept_here, labels = {record.run for record in records}, labels_of(specs)
    runs = [Listed(run=spec.run, label=spec.label, state="pending") for spec in specs if spec.run not in kept_here]
    for which, is_earlier in ((records, False), (earlier, True)):
        for record in which:
            runs.append(
                Listed(
                    run=record.run,
                    label=labels.get(record.run) or record.spec().label,
                    state="done" if record.state == "done" else "failed",
                    earlier=is_earlier,
                )
            )
    return tuple(sorted(runs, key=lambda each: each.run))


def labels_of(specs: Sequence[RunSpec]) -> dict[str, str]:
    """Return the labels of a plan, by run: a run may have been made when its entry had another."""
    return {spec.run: spec.label for spec in specs}


def kept(folder: RunRecord, label: str | None = None) -> Run:
    """Return what is kept of a run that is done or has failed.

    Parameters
    ----------
    label : that it has in the plan; by default its own.

    Raises
    ------
    CorruptRunError
        If it cannot be read, or differs from what it committed.
    """
    done = folder.state == "done"
    tables: dict[str, pa.Table] = {}
    if done:
        folder.verify()
        tables = {name: _arrow(getattr(folder, name)()) for name in TABLES}
    folder.spec()  # it can be read
    files = {
        name: folder.document(name) for name in DOCUMENTS if folder.has(name) and not (done and name == "failed.json")
    }
    if label is not None:
        files["run.json"] = {**files["run.json"], "label": label}
    return Run(folder.run, "done" if done else "failed", files, tables)


def _arrow(table: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(table, preserve_index=False)
