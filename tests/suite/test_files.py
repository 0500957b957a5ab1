"""A run may fill its folder with what it likes; whoever looks after it has more rights than the run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from suite.files import read_regular, write_atomically
from suite.store import CorruptRunError, RunFolder, Store
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


def test_nothing_is_written_through_a_link(treasure: Path, tmp_path: Path) -> None:
    before = contents(treasure)
    path = tmp_path / "failed.json"
    path.symlink_to(treasure / "000001.json")
    path.with_name(f".failed.json.{os.getpid()}.tmp").symlink_to(treasure / "000001.json")
    write_atomically(path, b"lead")
    assert contents(treasure) == before
    assert not path.is_symlink()
    assert path.read_bytes() == b"lead"


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
    assert folder.claim()
    folder.reset()
    assert contents(treasure) == before


def test_no_claim_is_made_through_a_link(folder: RunFolder, treasure: Path) -> None:
    before = contents(treasure)
    (folder.path / "claims").rename(folder.path / "old") if (folder.path / "claims").exists() else None
    (folder.path / "claims").symlink_to(treasure)
    with pytest.raises(OSError, match="is a link"):
        folder.claim()
    assert contents(treasure) == before


def test_what_a_probe_left_is_garbage(folder: RunFolder) -> None:
    left = folder.path.parent / ".probe.abc"
    left.mkdir()
    (left / "found.json").touch()
    Store(folder.path.parent.parent).collect_garbage()
    assert not left.exists()
