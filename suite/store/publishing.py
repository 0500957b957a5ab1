"""Store -> snapshot: what is kept of each run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from suite.errors import UsageError
from suite.spec import RunSpec
from suite.store.layout import DOCUMENTS, TABLES
from suite.store.published import Run, Snapshot
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
        If the benchmark's name is not one that a folder can have.
    """
    if store.is_snapshot:
        return store.snapshots[0]
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", benchmark):
        raise UsageError(f"name: {benchmark!r}: is not the name of a folder; allowed: letters, digits, '.', '_', '-'")
    return Snapshot(store.results / "published" / benchmark)


def ended(store: Store, specs: Sequence[RunSpec]) -> list[RunRecord]:
    """Return the runs of a plan that are done or have failed, and so can be published.

    What failed elsewhere and was published stays, until the run has ended here.
    """
    folders = [(store.record(spec.run), spec.run) for spec in specs]
    found = [folder if folder.state in ENDED else store.published(run) for folder, run in folders]
    return [folder for folder in found if folder is not None]


def kept(folder: RunRecord) -> Run:
    """Return what is kept of a run that is done or has failed.

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
    files = {
        name: folder.document(name) for name in DOCUMENTS if folder.has(name) and not (done and name == "failed.json")
    }
    files["run.json"] = folder.spec().model_dump(mode="json")
    return Run(folder.run, "done" if done else "failed", files, tables)


def _arrow(table: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(table, preserve_index=False)
