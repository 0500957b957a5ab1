"""A run may fill its folder with what it likes; whoever looks after it has more rights than the run."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.execute.guardian import BoundedLog
from suite.store import lease
from suite.store.checkpoint import Checkpoints
from suite.store.files import read_regular, write_atomically
from suite.store.folder import RunFolder
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """A folder that no run should reach."""
    folder = tmp_path / "treasure"
    folder.mkdir()
    (folder / "000001.json").write_text("gold")
    (folder / ".state.json.1.tmp").write_text("silver")
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return finish(Store(tmp_path / "results"), make_spec(), linear(0, 1))


def test_nothing_is_written_through_a_link(treasure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(treasure)
    path = tmp_path / "failed.json"
    path.symlink_to(treasure / "000001.json")
    monkeypatch.setattr("secrets.token_hex", lambda size: "guessed")
    path.with_name(".failed.json.guessed.tmp").symlink_to(treasure / "000001.json")
    with pytest.raises(FileExistsError):
        write_atomically(path, b"lead")
    assert contents(treasure) == before
    write_atomically(path, b"lead")  # what was in the way is gone
    assert contents(treasure) == before
    assert not path.is_symlink()
    assert path.read_bytes() == b"lead"


@pytest.fixture
def no_folder_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that syncs files alone."""
    sync = os.fsync

    def sync_files(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(descriptor)

    monkeypatch.setattr("os.fsync", sync_files)


def test_a_folder_that_cannot_be_synced_holds_results_all_the_same(no_folder_syncs: None, tmp_path: Path) -> None:
    Store(tmp_path).prepare()
    folder = finish(Store(tmp_path), make_spec(), linear(0, 1))
    folder.verify()
    assert folder.state == "done"


def test_a_store_that_cannot_hold_results_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", sync)
    with pytest.raises(UsageError, match=r"cannot be written \(Input/output error\)"):
        Store(tmp_path).prepare()
    assert list((tmp_path / "runs").iterdir()) == []


def test_only_regular_files_are_read(treasure: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(treasure / "000001.json")
    os.mkfifo(tmp_path / "pipe")  # which would be waited at for ever
    for name in ("link", "pipe", "treasure"):
        with pytest.raises(OSError, match=r"."):
            read_regular(tmp_path / name)


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_hostile_run_shows_nothing_of_other_files(kind: str, folder: RunFolder, treasure: Path) -> None:
    for name in ("log.txt", "progress.json", "failed.json", "evaluations.parquet", "done.json"):
        path = folder.path / name
        path.unlink(missing_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        else:
            path.symlink_to(treasure / "000001.json")
    assert folder.log_tail() == ""
    for read in (folder.progress, folder.failure, folder.evaluations, folder.verify):
        with pytest.raises(CorruptRunError) as said:
            read()
        assert "gold" not in str(said.value)


def test_garbage_is_not_collected_through_links(folder: RunFolder, treasure: Path) -> None:
    before = contents(treasure)
    for name in ("checkpoint", "more"):
        (folder.path / name).symlink_to(treasure)
    (folder.path.parent / ".probe.abc").symlink_to(treasure)
    Store(folder.path.parent.parent).collect_garbage()
    assert folder.take()
    folder.reset()
    assert contents(treasure) == before


def test_no_lease_is_made_through_a_link(folder: RunFolder, treasure: Path) -> None:
    before = contents(treasure)
    (folder.path / "claims").rename(folder.path / "old")
    (folder.path / "claims").symlink_to(treasure)
    with pytest.raises(OSError, match="is a link"):
        folder.take()
    assert contents(treasure) == before


def test_neither_log_nor_checkpoint_nor_progress_follow_links(folder: RunFolder, treasure: Path) -> None:
    before = contents(treasure)
    (folder.path / "log.txt").symlink_to(treasure / "000001.json")
    with pytest.raises(OSError, match="symbolic links"):
        BoundedLog(folder.path / "log.txt")
    (folder.path / "checkpoint").symlink_to(treasure)
    Checkpoints(folder.path / "checkpoint").save({"value": 1})
    assert not (folder.path / "checkpoint").is_symlink()
    (folder.path / "progress.json").symlink_to(treasure / "000001.json")
    folder.write_progress({})
    assert contents(treasure) == before


@pytest.mark.parametrize("content", ["9" * 5000, "[" * 100_000, '{"x": ' * 50_000, '"x"', "\\ud800"])
def test_damaged_json_is_named_whatever_is_wrong_with_it(content: str, folder: RunFolder) -> None:
    for name in ("progress.json", "failed.json", "run.json"):
        (folder.path / name).write_text(content)
    for read in (folder.progress, folder.failure, folder.spec):
        with pytest.raises(CorruptRunError):
            read()


@pytest.mark.parametrize("owner", ["[" * 100_000, "9" * 5000, '{"machine": MACHINE, "pid": Infinity, "started": 1}'])
def test_a_damaged_lease_stops_nothing(owner: str, folder: RunFolder) -> None:
    (folder.path / "done.json").unlink()
    machine = json.dumps(lease._machine())
    (folder.path / "claims" / "000009.json").write_text(owner.replace("MACHINE", machine))
    assert folder.state in ("running", "pending")


def test_what_a_probe_left_is_garbage(folder: RunFolder) -> None:
    left = folder.path.parent / ".probe.abc"
    left.mkdir()
    (left / "found.json").touch()
    Store(folder.path.parent.parent).collect_garbage()
    assert not left.exists()
