"""Runs of several stores come together by identity; nothing that is finished changes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from suite.errors import UsageError
from suite.spec import RunSpec
from suite.store.files import write_atomically, write_json
from suite.store.layout import FILES
from suite.store.merging import Joined, check_sources, merge
from suite.store.published import Background, Snapshot
from suite.store.publishing import kept
from suite.store.runs import Store
from tests.suite.stores import embed, fail, finish, linear, make_spec
from tests.suite.trained_runs import suite


@pytest.fixture
def here(tmp_path: Path) -> Store:
    store = Store(tmp_path / "here")
    store.prepare()
    return store


@pytest.fixture
def there(tmp_path: Path) -> Store:
    return Store(tmp_path / "there")


def content(store: Store) -> dict[Path, bytes]:
    """Return every file of a store, but for leases."""
    return {
        path.relative_to(store.results): path.read_bytes()
        for path in store.results.rglob("*")
        if path.is_file() and "claims" not in path.parts
    }


def fates(store: Store, source: Store) -> dict[str, str]:
    return {joined.run: joined.fate for joined in merge(store, source)}


def pending(store: Store, spec: RunSpec) -> None:
    store.folder(spec.run).prepare(spec)


def snapshot(store: Store, path: Path) -> Store:
    Snapshot(path).write([kept(record) for record in store.records()], Background(name="b", description=""), [])
    return Store(path)


def test_runs_come_with_all_their_files_and_the_source_stays(here: Store, there: Store) -> None:
    spec, other = make_spec(), make_spec("blind-sac", seed=3)
    folder = finish(there, spec, linear(0, 1), state=b"tensors")
    (folder.path / "log.txt").write_text("a log")
    embed(there, spec)
    finish(here, other, linear(0, 2))
    own, before = content(here), content(there)
    assert fates(here, there) == {spec.run: "taken"}
    assert content(there) == before
    assert {path: text for path, text in content(here).items() if path in own} == own
    brought = {path: text for path, text in content(here).items() if path not in own}
    assert brought == before  # bit for bit, the commit marker included
    here.record(spec.run).verify()
    assert fates(here, there) == {spec.run: "already here"}


def test_a_conflict_is_named_and_nothing_is_overwritten(here: Store, there: Store) -> None:
    spec = make_spec()
    finish(here, spec, linear(0, 1))
    finish(there, spec, linear(0, 1.5))
    before = content(here), content(there)
    (joined,) = merge(here, there)
    assert joined.fate == "conflict"
    assert str(there.record(spec.run).path) in joined.detail
    assert (content(here), content(there)) == before


def test_the_same_run_that_took_other_time_is_no_conflict(here: Store, there: Store) -> None:
    finish(here, make_spec(), linear(0, 1), seconds=(1, 2, 3))
    finish(there, make_spec(), linear(0, 1), seconds=(4, 5, 6))
    before = content(here)
    assert set(fates(here, there).values()) == {"already here"}
    assert content(here) == before


def test_a_finished_run_takes_the_place_of_a_planned_a_begun_and_a_failed_one(here: Store, there: Store) -> None:
    planned, begun, failed = (make_spec(seed=seed) for seed in range(3))
    for spec in (planned, begun, failed):
        finish(there, spec, linear(0, 1))
    pending(here, planned.model_copy(update={"label": "named here"}))
    pending(here, begun)
    (here.folder(begun.run).path / "checkpoint").mkdir()
    (here.folder(begun.run).path / "state.json").write_text("{}")  # half of an end that was never committed
    fail(here, failed, "made to fail", log="of the failure")
    assert set(fates(here, there).values()) == {"taken"}
    for spec in (planned, begun, failed):
        record = here.record(spec.run)
        assert record.state == "done"
        record.verify()
        assert not any(record.has(name) for name in ("checkpoint", "failed.json", "state.json"))
    assert here.record(planned.run).spec().label == "named here"


def test_a_failure_comes_where_nothing_was_done_here(here: Store, there: Store) -> None:
    new, done, begun = (make_spec(seed=seed) for seed in range(3))
    for spec in (new, done, begun):
        fail(there, spec, "made to fail", log="its log")
    finish(here, done, linear(0, 1))
    pending(here, begun)
    (here.folder(begun.run).path / "checkpoint").mkdir()
    assert fates(here, there) == {new.run: "taken", done.run: "already here", begun.run: "already here"}
    assert here.record(new.run).failure() == {"kind": "error", "reason": "made to fail"}
    assert here.record(new.run).log_tail() == "its log"
    assert [here.record(spec.run).state for spec in (new, done, begun)] == ["failed", "done", "pending"]


def test_what_is_not_finished_or_held_stays_where_it_is(here: Store, there: Store) -> None:
    unfinished, held_there, held_here = (make_spec(seed=seed) for seed in range(3))
    pending(there, unfinished)
    finish(there, held_there, linear(0, 1))
    finish(there, held_here, linear(0, 1))
    pending(here, held_here)
    holders = [there.folder(held_there.run), here.folder(held_here.run)]
    assert all(holder.take() for holder in holders)
    before = content(here)
    assert fates(here, there) == {
        unfinished.run: "not finished there", held_there.run: "held", held_here.run: "held"
    }  # fmt: skip
    assert content(here) == before
    for holder in holders:
        holder.release()


def damaged(there: Store, run: str) -> None:
    (there.record(run).path / "evaluations.parquet").write_bytes(b"nothing")


def missing(there: Store, run: str) -> None:
    (there.record(run).path / "provenance.json").unlink()


def renamed(there: Store, run: str) -> None:
    path = there.record(run).path / "run.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))


def newer(there: Store, run: str) -> None:
    path = there.record(run).path / "run.json"
    write_json(path, {**json.loads(path.read_text()), "schema_version": 99})


def link(there: Store, run: str) -> None:
    path = there.record(run).path / "log.txt"
    path.symlink_to("/etc/hostname")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damaged, "evaluations.parquet: differs"),
        (missing, "provenance.json: differs"),
        (renamed, "the specification of another run"),
        (newer, "a newer version"),
        (link, "log.txt"),
    ],
)
def test_what_cannot_be_trusted_is_named_and_not_taken(
    damage: Callable[[Store, str], None], says: str, here: Store, there: Store
) -> None:
    spec, sound = make_spec(), make_spec(seed=7)
    finish(there, spec, linear(0, 1))
    finish(there, sound, linear(0, 1))
    damage(there, spec.run)
    joined = {each.run: each for each in merge(here, there)}
    assert joined[spec.run].fate == "unreadable"
    assert says in joined[spec.run].detail
    assert joined[sound.run] == Joined(sound.run, "taken")
    assert [record.run for record in here.records()] == [sound.run]


def test_a_snapshot_is_a_source(here: Store, there: Store, tmp_path: Path) -> None:
    done, failed = make_spec(), make_spec(seed=1)
    finish(there, done, linear(0, 1), state=b"tensors")
    fail(there, failed, "made to fail")
    source = snapshot(there, tmp_path / "published")
    before = content(source)
    assert fates(here, source) == {done.run: "taken", failed.run: "taken"}
    assert content(source) == before
    mine, theirs = here.record(done.run), there.record(done.run)
    mine.verify()
    for table in ("evaluations", "training"):
        pd.testing.assert_frame_equal(getattr(mine, table)(), getattr(theirs, table)())
    assert mine.provenance() == theirs.provenance()
    assert mine.spec() == done
    assert here.record(failed.run).failure() == there.record(failed.run).failure()
    assert set(fates(here, there).values()) == {"already here"}


def test_a_published_run_is_compared_as_the_store_has_it(here: Store, there: Store, tmp_path: Path) -> None:
    equal, other = make_spec(), make_spec(seed=1)
    for spec in (equal, other):
        finish(there, spec, linear(0, 1))
    snapshot(there, here.results / "published" / "b")
    second = Store(tmp_path / "second")
    finish(second, equal, linear(0, 1))
    finish(second, other, linear(0, 2))
    assert fates(here, second) == {equal.run: "already here", other.run: "conflict"}
    assert list(here.records()) == []


def test_a_merge_that_is_killed_at_any_write_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Store(tmp_path / "there")
    done, failed, begun = (make_spec(seed=seed) for seed in range(3))
    for spec in (done, begun):
        (finish(there, spec, linear(0, 1), state=b"tensors").path / "log.txt").write_text("a log")
    fail(there, failed, "made to fail", log="its log")
    before = content(there)

    class Killed(BaseException):
        pass

    for count in range(1, 100):
        here = Store(tmp_path / f"here-{count}")
        here.prepare()
        pending(here, begun)
        (here.folder(begun.run).path / "failed.json").write_text('{"kind": "error", "reason": "failed here"}')
        left = count

        def killing(path: Path, content: bytes, *, durably: bool = True) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Killed
            write_atomically(path, content, durably=durably)

        with monkeypatch.context() as patch:
            for module in ("folder", "files"):
                patch.setattr(f"suite.store.{module}.write_atomically", killing)
            try:
                list(merge(here, there))
            except Killed:
                pass
            else:
                break
        for record in here.records():  # whatever says that it has ended is whole
            if record.state == "done":
                record.verify()
                assert record.evaluations().equals(there.record(record.run).evaluations())
            elif record.state == "failed":
                assert record.failure()["reason"] in ("made to fail", "failed here")
        assert "conflict" not in fates(here, there).values()
        assert {path: text for path, text in content(here).items() if path in before} == before
        assert content(there) == before
    assert count > 10  # every write of three runs was one to be killed at


def test_a_store_is_not_merged_into_itself_and_a_typing_error_is_named(here: Store, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(here.results)
    with pytest.raises(UsageError, match="is the store to merge into"):
        check_sources(here, [Store(tmp_path / "link")])
    with pytest.raises(UsageError, match="holds no runs; give a results folder"):
        check_sources(here, [Store(tmp_path)])


def test_the_command_counts_names_conflicts_and_points_at_snapshots(
    here: Store, there: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    conflict, new = make_spec(), make_spec(seed=1)
    finish(here, conflict, linear(0, 1))
    for spec in (conflict, new):
        finish(there, spec, linear(0, 2))
    snapshot(there, there.results / "published" / "b")
    assert suite("merge", there.results, "--results", here.results) == 1
    printed = capfd.readouterr()
    assert sorted(printed.out.strip().split(", ")) == ["1 conflict", "1 taken"]
    assert printed.err.splitlines()[0].startswith(f"conflict: {conflict.run}: ")
    assert printed.err.splitlines()[1].endswith(f"suite merge {there.results}/published/b")
    assert suite("merge", there.results, "--results", here.results, "--json") == 1
    rows = {row["run"]: row["outcome"] for row in json.loads(capfd.readouterr().out)}
    assert rows == {conflict.run: "conflict", new.run: "already here"}
    assert suite("merge", here.results, "--results", here.results) == 2


def test_an_unwritable_store_is_one_line(
    here: Store, there: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    finish(there, make_spec(), linear(0, 1))

    def full(path: Path, content: bytes, *, durably: bool = True) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("suite.store.folder.write_atomically", full)
    assert suite("merge", there.results, "--results", here.results) == 2
    assert "cannot be written (No space left on device)" in capfd.readouterr().err


def test_every_file_of_a_run_is_brought(here: Store, there: Store) -> None:
    """A file that is added to the layout comes too."""
    spec = make_spec()
    folder = finish(there, spec, linear(0, 1))
    for file in FILES:
        if not folder.has(file.name) and file.name != "failed.json" and file.committed is None:
            (folder.path / file.name).write_text('{"some": "thing"}')
    list(merge(here, there))
    brought = {path.name for path in here.record(spec.run).path.iterdir()} - {"claims"}
    assert brought == {path.name for path in folder.path.iterdir()} - {"claims"}
