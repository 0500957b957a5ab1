"""The run store: one folder a run, and snapshots of published runs beside them."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from suite.errors import UsageError
from suite.spec import RunSpec
from suite.store.files import is_own_folder, write_atomically
from suite.store.folder import RunFolder
from suite.store.layout import CHECKPOINT, CLAIMS
from suite.store.lease import look, owner_died
from suite.store.published import NEXT, PUBLISHER, PublishedRun, Snapshot
from suite.store.record import RunRecord

MAX_LISTED = 3
"""Runs that a message names."""

_RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}")


class Store:
    """All runs under one results folder, which may itself be a snapshot.

    Runs that snapshots beside its own hold (`published/`) count as done where it is asked for them by name.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.runs_path = results / "runs"

    @cached_property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots that published runs are read from: the store itself, or those beside its runs."""
        if self.is_snapshot:
            return [Snapshot(self.results)]
        folder = self.results / "published"
        found = map(Snapshot, sorted(folder.iterdir()) if folder.is_dir() else [])
        return [snapshot for snapshot in found if snapshot.is_there]

    @property
    def is_snapshot(self) -> bool:
        """True if it is a snapshot, in which nothing is written."""
        return Snapshot(self.results).is_there

    def published(self, run: str) -> PublishedRun | None:
        """Return a run as a snapshot has it, done before failed; None if none has it."""
        holding = [snapshot for snapshot in self.snapshots if run in snapshot.runs]
        holding.sort(key=lambda snapshot: snapshot.runs[run].state)  # "done" before "failed"; else by name
        return PublishedRun(holding[0], run) if holding else None

    def prepare(self) -> None:
        """Make sure that runs can be written.

        Raises
        ------
        UsageError
            If the folder is a snapshot, or cannot be created or written.
        """
        if self.is_snapshot:
            raise UsageError(
                f"--results {self.results}: is a snapshot, which stays as it is; a store beside it that counts its "
                "runs as done is the folder that holds published/"
            )
        try:
            self.runs_path.mkdir(parents=True, exist_ok=True)
            probe = Path(tempfile.mkdtemp(prefix=".probe.", dir=self.runs_path))
            try:
                write_atomically(probe / "written", b"as a run's results are")
            finally:
                shutil.rmtree(probe, ignore_errors=True)  # TemporaryDirectory recurses where nothing may be removed
        except OSError as error:
            raise UsageError(f"--results {self.results}: cannot be written ({error.strerror})") from error

    def named(self, name: str) -> str:
        """Return the run whose name begins so, here or in a snapshot beside it; a name that none begins with stays.

        Raises
        ------
        UsageError
            If several do, and none is it.
        """
        if _RUN_NAME.fullmatch(name) and (self.runs_path / name).is_dir():
            return name
        own = (folder.run for folder in self.folders())
        return by_prefix(name, {*own, *(run for snapshot in self.snapshots for run in snapshot.runs)})

    def record(self, run: str) -> RunRecord:
        """Return a run to be read: its own folder, which need not exist yet; or as published, unless it is done here.

        Raises
        ------
        UsageError
            If the name is not one that a run can have; no name leads out of the store.
        """
        if not _RUN_NAME.fullmatch(run):
            raise UsageError(f"run {run!r}: is not the name of a run; see: suite status")
        own = RunFolder(self.runs_path / run)
        published = self.published(run)
        if published is None or (not self.is_snapshot and (published.state != "done" or own.state == "done")):
            return own  # what failed elsewhere is tried again here
        return published

    def folder(self, run: str) -> RunFolder:
        """Return the folder of a run to be written, which need not exist yet.

        Raises
        ------
        UsageError
            As `record`, or if the run is read from a snapshot.
        """
        found = self.record(run)
        if isinstance(found, RunFolder):
            return found
        raise _refused(found)

    def records(self) -> Iterator[RunRecord]:
        """Yield every run of the store, by name; snapshots beside it are not part of it."""
        if self.is_snapshot:
            yield from map(self.record, self.snapshots[0].runs)
        else:
            yield from self.folders()

    def folders(self) -> Iterator[RunFolder]:
        """Yield every run folder, by name; a snapshot has none."""
        if self.runs_path.is_dir() and not self.is_snapshot:
            for path in sorted(self.runs_path.iterdir()):
                if path.is_dir() and _RUN_NAME.fullmatch(path.name):
                    yield RunFolder(path)

    def forget(self, runs: Sequence[str], specs: Sequence[RunSpec]) -> None:
        """Forget the results of some runs of a plan, so that they are run anew.

        Raises
        ------
        UsageError
            If a run is not of the plan, is published, or somebody is working on it.
        """
        planned = {spec.run for spec in specs}
        for run in runs:
            if run not in planned:
                raise UsageError(f"run {run!r}: is not of this benchmark; see: suite plan")
            if (published := self.published(run)) and published.state == "done":
                raise _refused(published)
        folders = [folder for folder in map(self.folder, dict.fromkeys(runs)) if folder.path.is_dir()]
        try:
            for folder in folders:
                if not folder.take():
                    raise UsageError(f"run {folder.run}: is being worked on by somebody else")
            for folder in folders:
                folder.reset()
        finally:
            for folder in folders:
                folder.release()

    def collect_garbage(self, warn: Callable[[str], None] = lambda message: None) -> list[Path]:
        """Remove what crashed writers left behind, and nothing else; return it.

        That is temporary files of runs and snapshots that nobody holds, checkpoints of runs that are done, and what
        probes left.

        Parameters
        ----------
        warn : told of every folder that cannot be looked into, and every file that cannot be removed.
        """
        found: list[Path] = []
        places: list[tuple[Callable[[Path], list[Path]], Iterable[Path]]] = [
            (_probe_garbage, self.runs_path.glob(".probe.*")),
            (_snapshot_garbage, [self.results] if self.is_snapshot else self.results.glob("published/*/")),
            (_run_garbage, (folder.path for folder in self.folders())),
        ]
        for look_into, place in ((look_into, place) for look_into, these in places for place in these):
            try:
                found += look_into(place)
            except OSError as error:
                warn(f"{place}: cannot be looked into ({error.strerror})")
        removed = []
        for path in found:
            try:
                path.rmdir() if is_own_folder(path) else path.unlink(missing_ok=True)
                removed.append(path)
            except OSError as error:
                warn(f"{path}: cannot be removed ({error.strerror})")
        return removed


def by_prefix(name: str, runs: Iterable[str]) -> str:
    """Return the run whose name begins so; a name that none begins with, or that is one, stays.

    Raises
    ------
    UsageError
        If several begin so.
    """
    found = sorted({run for run in runs if name and run.startswith(name)})
    if name in found or not found:
        return name
    if len(found) > 1:
        more = f" and {len(found) - MAX_LISTED} more" if len(found) > MAX_LISTED else ""
        raise UsageError(f"run {name!r}: begins {len(found)} names: {', '.join(found[:MAX_LISTED])}{more}")
    return found[0]


def _refused(published: RunRecord) -> UsageError:
    return UsageError(
        f"run {published.run}: is read from the snapshot {published.snapshot}, which stays as it is; "
        f"to repeat it: suite verify {published.snapshot} --run {published.run}"
    )


def _probe_garbage(path: Path) -> list[Path]:
    return [*path.iterdir(), path] if is_own_folder(path) else [path]


def _snapshot_garbage(folder: Path) -> list[Path]:
    found = [path for place in folder.glob(f".{NEXT}.*") for path in _probe_garbage(place)]
    return [] if _may_be_held(folder / PUBLISHER) else found  # asked last: what is begun meanwhile is not found


def _run_garbage(folder: Path) -> list[Path]:
    found = [path for path in folder.rglob(".*.tmp") if path.is_file()]
    if _may_be_held(folder / CLAIMS):
        return []
    if (folder / "done.json").exists() and is_own_folder(folder / CHECKPOINT):
        found += sorted((folder / CHECKPOINT).iterdir())
    return found


def _may_be_held(claims: Path) -> bool:
    """True if a lease is held by somebody who is not known to have died, whatever clocks say."""
    _, holder = look(claims)
    return holder is not None and not owner_died(holder.owner)
