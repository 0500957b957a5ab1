"""Stores -> one store: finished runs of others, joined by identity; nothing that is finished is overwritten.

A run's name is its identity, so that two stores that hold the same name hold the same run. What is brought is written
under the run's lease as its own process would write it, the commit marker last: a merge that was killed leaves a run
that is not done, and the next one brings it again. Sources are read, and never written: no lease is taken there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from suite.errors import UsageError
from suite.store.files import as_json
from suite.store.folder import RunFolder
from suite.store.layout import CHECKPOINT, FILES, LOGS, TABLES
from suite.store.lease import LostLeaseError
from suite.store.record import CorruptRunError, RunRecord
from suite.store.runs import Store

Fate = Literal["taken", "already here", "not finished there", "held", "conflict", "unreadable"]
"""The outcome of a run: the last three are to be looked into."""

SETTLED: tuple[Fate, ...] = ("taken", "already here", "not finished there")

FAILED = "failed.json"


class Joined(NamedTuple):
    """The fate of one run of a source."""

    run: str
    fate: Fate
    detail: str = ""


def check_sources(store: Store, sources: list[Store]) -> None:
    """Make sure that stores can be merged into another.

    Raises
    ------
    UsageError
        If one of them is the other, or holds neither runs nor a snapshot.
    """
    for source in sources:
        if source.results.resolve() == store.results.resolve():
            raise UsageError(f"{source.results}: is the store to merge into (--results {store.results})")
        if not source.is_snapshot and not source.runs_path.is_dir():
            raise UsageError(f"{source.results}: holds no runs; give a results folder, or a snapshot")


def merge(store: Store, source: Store) -> Iterator[Joined]:
    """Bring the runs of a source that have ended, one after the other.

    Of a run that is done in both, the evaluations must be equal: if they are not, it is a conflict, and the store's
    own stays. A run that is done there is taken even where it has failed or was begun here; one that has failed there,
    where nothing was done for it here.

    Raises
    ------
    UsageError
        If the store cannot be written.
    """
    for theirs in source.records():
        try:
            yield _joined(store, theirs)
        except CorruptRunError as error:
            yield Joined(theirs.run, "unreadable", str(error))


def _joined(store: Store, theirs: RunRecord) -> Joined:
    run, state = theirs.run, theirs.state
    if state == "unreadable":
        return Joined(run, "unreadable", f"{theirs.path}: may not be read by this user")
    if state in ("pending", "running"):
        return Joined(run, "not finished there", state)
    if theirs.is_held:
        return Joined(run, "held", f"{theirs.path}: somebody is working on it")
    spec = theirs.spec()
    if spec.run != run:
        return Joined(run, "unreadable", f"{theirs.path}: holds the specification of another run, {spec.run}")
    if found := _compared(store.record(run), theirs, state):
        return found
    contents = _contents(theirs, done=state == "done")
    folder = store.folder(run)
    try:
        if not folder.has("run.json"):
            folder.prepare(spec)
        if not folder.take(patient=False):
            return Joined(run, "held", f"{folder.path}: somebody is working on it")
        with folder.kept():
            if found := _compared(folder, theirs, state):  # it has ended meanwhile
                return found
            _write(folder, contents, done=state == "done")
    except LostLeaseError as error:
        return Joined(run, "held", str(error))
    except OSError as error:
        raise UsageError(f"--results {store.results}: cannot be written ({error.strerror})") from error
    return Joined(run, "taken", "" if state == "done" else "failed")


def _compared(mine: RunRecord, theirs: RunRecord, state: str) -> Joined | None:
    """Return what becomes of a run that is here already; None if it is to be taken."""
    if mine.state == "unreadable":
        return Joined(mine.run, "unreadable", f"{mine.path}: may not be read by this user")
    if mine.state == "done":
        if state != "done" or mine.evaluations().equals(theirs.evaluations()):
            return Joined(mine.run, "already here", f"done here, {state} there" if state != "done" else "")
        return Joined(mine.run, "conflict", f"{theirs.path}: its evaluations differ from those of {mine.path}")
    if state == "failed" and (mine.attempts() or mine.has(FAILED) or mine.has(CHECKPOINT)):
        return Joined(mine.run, "already here", f"{mine.state} here, failed there")
    return None


def _contents(theirs: RunRecord, *, done: bool) -> dict[str, bytes]:
    """Read the files of a run that has ended, by name; what it committed is as it was committed.

    Raises
    ------
    CorruptRunError
        If something cannot be read, or is not.
    """
    found = {}
    for file in FILES:
        if theirs.has(file.name) and file.name != "done.json" and not (done and file.name == FAILED):
            try:
                found[file.name] = theirs.content(file.name)
            except OSError as error:
                raise CorruptRunError(f"{theirs.path / file.name}: {error.strerror}") from error
    if done and theirs.snapshot is not None:  # its checksums were verified when it was opened
        found |= {f"{name}.parquet": getattr(theirs, name)().to_parquet(index=False) for name in TABLES}
    elif done:
        for name, checksum in theirs.document("done.json").items():
            if name not in found or hashlib.sha256(found[name]).hexdigest() != checksum:
                raise CorruptRunError(f"{theirs.path / name}: differs from what the run committed")
    return found


def _write(folder: RunFolder, contents: dict[str, bytes], *, done: bool) -> None:
    """Write a run's files into its folder, what says that it has ended last."""
    for file in FILES:
        path = folder.path / file.name
        if file.name == FAILED or file.name == "run.json":
            continue
        if file.name in contents and (file.forgotten or file.name in LOGS or not path.exists()):
            folder.write(file.name, contents[file.name])
        elif file.forgotten:
            path.unlink(missing_ok=True)  # of an attempt that was not finished here
    if done:
        folder.commit()
        (folder.path / FAILED).unlink(missing_ok=True)
    else:
        folder.write(FAILED, contents.get(FAILED, as_json({})))
