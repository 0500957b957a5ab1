"""Benchmark and store -> snapshot: its finished runs, those of earlier plans, and the tables that they give."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from suite.analysis.sequential import planned
from suite.errors import UsageError
from suite.plan.benchmark import Benchmark
from suite.report.page import plain_tables
from suite.store.published import Background, Snapshot
from suite.store.publishing import ended, kept, labels_of, listed, place, published_before, unplanned
from suite.store.runs import Store


class Published(NamedTuple):
    """A snapshot that was written, and its runs."""

    snapshot: Snapshot
    done: int
    failed: int
    unfinished: int
    """Number of planned runs that the snapshot lacks."""
    earlier: tuple[str, ...]
    """Runs that the benchmark no longer contains, such as those of an earlier revision."""


def publish(store: Store, definition: Benchmark, drop_earlier: bool = False) -> Published:
    """Write the finished runs of a benchmark as a snapshot, and the tables that they give.

    Runs that were published before stay.

    Parameters
    ----------
    drop_earlier : leave out published runs that the benchmark no longer contains; else they are marked as earlier.

    Raises
    ------
    UsageError
        If there is nothing to publish, the benchmark's name is not one that a folder can have, or the snapshot is
        damaged, of another benchmark, or was written by somebody else meanwhile.
    CorruptRunError
        If a run cannot be read, or differs from what it committed.
    """
    snapshot = place(store, definition.name)
    possible = definition.plan()
    asked = {spec.run for spec in planned(definition, store)[0]} | published_before(snapshot)
    wanted = [spec for spec in possible if spec.run in asked]
    records, unplanned_records = ended(store, wanted), unplanned(snapshot, possible)
    earlier = [] if drop_earlier else unplanned_records
    if not records and not earlier:
        raise UsageError(
            f"--results {store.results}: holds no finished run of {definition.name}; to see what it holds: suite status"
        )
    labels = labels_of(wanted)
    runs = [kept(record, labels.get(record.run)) for record in (*records, *earlier)]
    background = Background(
        name=definition.name,
        description=definition.description,
        comparisons=tuple(each.model_dump(mode="json") for each in definition.comparisons()),
        runs=listed(wanted, records, earlier),
        papers=None if definition.papers is None else tuple(definition.papers),
        compare=tuple(definition.compare) or None,
    )
    with tempfile.TemporaryDirectory(prefix="suite-publish-") as folder:  # the tables are those that the runs give
        draft = Snapshot(Path(folder))
        draft.write(runs, background, [])
        tables = plain_tables(Store(draft.path))
    snapshot.write(runs, background, tables)
    done = sum(each.state == "done" for each in runs)
    names = tuple(record.run for record in unplanned_records)
    return Published(snapshot, done, len(runs) - done, len(wanted) - len(records), names)
