"""The store: what it refuses, forgets and cleans."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from suite.errors import UsageError
from suite.store.record import CorruptRunError
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def test_a_store_is_tried_where_nothing_may_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the rules of some network file systems have it; what was tried stays, and `suite gc` names it."""
    store = Store(tmp_path)

    def refused(path: object, *given: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        for name in ("unlink", "rmdir", "scandir"):
            patch.setattr(os, name, refused)
        store.prepare()
    assert [path.name[:7] for path in store.runs_path.iterdir()] == [".probe."]
    store.collect_garbage()
    assert list(store.runs_path.iterdir()) == []


def test_garbage_is_what_crashed_writers_left_and_nothing_else(store: Store) -> None:
    done, pending, held = (store.folder(make_spec(seed=seed).run) for seed in range(3))
    finish(store, make_spec(), linear(0, 1))
    for seed, folder in ((1, pending), (2, held)):
        folder.prepare(make_spec(seed=seed))
        (folder.path / "checkpoint").mkdir()
        (folder.path / "checkpoint" / "000001.json").touch()
        (folder.path / ".evaluations.parquet.1.tmp").touch()
        (folder.path / "checkpoint" / ".000002.json.1.tmp").touch()
    assert held.take()
    (done.path / "checkpoint").mkdir()
    (done.path / "checkpoint" / "000001.json").touch()
    (store.runs_path / "notes.tmp").touch()
    before = {path for path in store.results.rglob("*") if path.is_file()}
    removed = set(store.collect_garbage())
    assert removed == {
        pending.path / ".evaluations.parquet.1.tmp",
        pending.path / "checkpoint" / ".000002.json.1.tmp",
        done.path / "checkpoint" / "000001.json",
    }
    assert {path for path in store.results.rglob("*") if path.is_file()} == before - removed
    held.release()


def test_a_run_is_forgotten_only_if_nobody_works_on_it(store: Store) -> None:
    spec = make_spec()
    folder = finish(store, spec, linear(0, 1))
    with pytest.raises(UsageError, match="is not of this benchmark"):
        store.forget(["pearl_reach-v1_s9_0"], [spec])
    store.forget([spec.run], [spec])
    assert folder.state == "pending"
    assert folder.spec() == spec
    with pytest.raises(CorruptRunError):
        folder.evaluations()
    assert folder.take()
    with pytest.raises(UsageError, match="somebody else"):
        Store(store.results).forget([spec.run], [spec])
    folder.release()


def test_a_damaged_specification_is_written_again_and_a_sound_one_stays(store: Store) -> None:
    spec = make_spec()
    folder = store.folder(spec.run)
    folder.prepare(spec)
    folder.prepare(spec.model_copy(update={"label": "other"}))
    assert folder.spec().label == "pearl"
    (folder.path / "run.json").write_text("{")
    folder.prepare(spec)
    assert folder.spec() == spec


def test_the_log_is_followed_from_where_it_was_read(store: Store) -> None:
    spec = make_spec()
    folder = store.folder(spec.run)
    folder.prepare(spec)
    log = folder.path / "log.txt"
    log.write_text("one\n")
    size, text = folder.log_since(0)
    assert text == "one\n"
    with log.open("a") as file:
        file.write("two\n")
    assert folder.log_since(size) == (8, "two\n")
    log.write_text("new\n")  # the log has begun anew
    assert folder.log_since(8) == (4, "new\n")
