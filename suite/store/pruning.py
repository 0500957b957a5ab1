"""Removal of what takes room in a store: never of a result, but for runs that nothing asks for."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from suite.errors import UsageError
from suite.store.files import is_own_folder, write_json
from suite.store.folder import RunFolder
from suite.store.layout import CHECKPOINT, CLAIMS, FINAL_STATE, LOGS
from suite.store.runs import Store

Kind = Literal["checkpoints", "logs", "parameters", "runs"]

LOSSES: dict[Kind, str] = {
    "checkpoints": "unfinished runs begin anew",
    "logs": "what finished runs printed",
    "parameters": "finished runs can no longer be watched, loaded or looked into",
    "runs": "runs that no named benchmark asks for, results and all",
}
"""The loss that comes with each kind."""


class Prunable(NamedTuple):
    """A part of a run that may go."""

    run: str
    kind: Kind
    state: str
    size: int
    """Bytes."""


def prunable(store: Store, kinds: Sequence[Kind], planned: Collection[str]) -> Iterator[Prunable]:
    """Yield what may go; nothing of a run that somebody works on.

    Parameters
    ----------
    kinds : what is meant.
    planned : the runs of benchmarks; what no benchmark asks for may go as a whole, and then no part of it is listed.

    Raises
    ------
    UsageError
        If the store is a snapshot, which stays as it is.
    """
    if store.is_snapshot:
        raise UsageError(f"--results {store.results}: is a snapshot, which stays as it is")
    for folder in store.folders():
        if folder.state == "unreadable" or folder.is_held:
            continue
        if "runs" in kinds and folder.run not in planned:
            yield Prunable(folder.run, "runs", folder.state, _size([folder.path]))
            continue
        for kind in (kind for kind in kinds if kind != "runs"):
            if paths := _parts(folder, kind):
                yield Prunable(folder.run, kind, folder.state, _size(paths))


def prune(store: Store, what: Prunable) -> None:
    """Remove a part of a run, under its lease.

    Raises
    ------
    UsageError
        If somebody works on the run, or it cannot be removed.
    """
    folder = RunFolder(store.runs_path / what.run)
    with folder.taken():
        try:
            if what.kind == "runs":
                _remove_run(folder)
                return
            paths = _parts(folder, what.kind)  # what is there now: the run may have been executed since
            if what.kind == "parameters" and paths:
                committed = folder.document("done.json")
                write_json(
                    folder.path / "done.json",
                    {name: checksum for name, checksum in committed.items() if name not in FINAL_STATE},
                )
            for path in paths:
                _remove(path)
        except OSError as error:
            raise UsageError(f"run {what.run}: cannot be removed ({error.strerror})") from error


def _parts(folder: RunFolder, kind: Kind) -> list[Path]:
    """Return what of a run goes with a kind; its parameters stay while a post-run step is owed that needs them."""
    if kind == "checkpoints":
        names: Sequence[str] = (CHECKPOINT,)
    elif folder.state != "done":
        return []  # a log says why a run has failed, and where it goes on
    elif kind == "logs":
        names = LOGS
    else:
        names = () if folder.lacking else FINAL_STATE
    return [folder.path / name for name in names if folder.has(name)]


def _remove_run(folder: RunFolder) -> None:
    """Remove a run's folder: what says that it is done first, then all else, and who holds it last."""
    folder.reset()
    for path in folder.path.iterdir():
        if path.name != CLAIMS:
            _remove(path)
    shutil.rmtree(folder.path)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if is_own_folder(path) else path.unlink(missing_ok=True)


def _size(paths: Sequence[Path]) -> int:
    """Return the bytes of files and folders; links count for themselves."""
    files = (each for path in paths for each in ([path] if not is_own_folder(path) else path.rglob("*")))
    return sum(each.lstat().st_size for each in files if not is_own_folder(each))
