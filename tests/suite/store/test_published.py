"""Snapshots: what was published is read as a store is, says the same, and says when it is damaged."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from algorithms import ENTRANTS
from suite.analysis.results import read_results
from suite.errors import UsageError
from suite.papers.paper import read_papers
from suite.plan.benchmark import load_benchmark
from suite.report import page_of, plain_tables
from suite.report.tables import runs as run_tables
from suite.spec import RunSpec
from suite.store import published
from suite.store.files import as_json
from suite.store.folder import RunFolder
from suite.store.lease import Lease
from suite.store.published import Background, CorruptSnapshotError, PublishedRun, Snapshot
from suite.store.publishing import ended, kept, listed, place, published_before
from suite.store.record import RunRecord
from suite.store.runs import Store
from tests.suite.report.test_page import Page
from tests.suite.report.written import write_report
from tests.suite.stores import embed, fail, finish, linear, make_spec
from tests.suite.trained_runs import suite

FILES = ("benchmark.json", "evaluations.parquet", "runs.jsonl", "snapshot.json", "tables.json", "training.parquet")


def plan() -> list[RunSpec]:
    return [
        make_spec(label, environment, seed)
        for label in ("pearl", "tcl-pearl", "oracle-sac")
        for environment in ("reach-v1",)
        for seed in range(3)
    ]


def made(path: Path) -> Store:
    """A store of all that is planned: one failed, one is pending, the others are done."""
    store = Store(path)
    failed, pending, *others = plan()
    fail(store, failed, "diverged", "last words")
    store.folder(pending.run).prepare(pending)
    for index, spec in enumerate(others):
        finish(store, spec, linear(0.0, 100.0 + index))
    embed(store, others[0])
    return store


def publish(store: Store) -> Snapshot:
    snapshot = place(store, "pilot")
    published_before(snapshot)
    folders = ended(store, plan())
    background = Background(name="pilot", description="what it is for", runs=listed(plan(), folders, []))
    tables = plain_tables(store, [folder.spec() for folder in folders])
    snapshot.write([kept(folder) for folder in folders], background, tables)
    return snapshot


@pytest.fixture(scope="module")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = made(tmp_path_factory.mktemp("published") / "results")
    publish(store)
    return store.results


@pytest.fixture
def store(published_once: Path, tmp_path: Path) -> Store:
    """A store of all that is planned, beside a snapshot of it."""
    return Store(shutil.copytree(published_once, tmp_path / "results"))


@pytest.fixture
def snapshot(store: Store) -> Snapshot:
    return place(store, "pilot")


def test_a_snapshot_is_a_few_files_without_parameters_or_logs(snapshot: Snapshot) -> None:
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES
    assert b"last words" not in b"".join(path.read_bytes() for path in snapshot.path.iterdir())


def test_the_same_runs_give_the_same_bytes_also_from_the_snapshot_itself(store: Store, snapshot: Snapshot) -> None:
    before = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    publish(store)
    assert before == {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    shutil.rmtree(store.runs_path)
    publish(Store(snapshot.path))
    assert before == {path.name: path.read_bytes() for path in snapshot.path.iterdir()}


def test_every_run_reads_as_its_folder_does(store: Store, snapshot: Snapshot) -> None:
    published = Store(snapshot.path)
    folders = list(published.records())
    assert [folder.run for folder in folders] == sorted(folder.run for folder in ended(store, plan()))
    for folder in folders:
        own = store.record(folder.run)
        assert isinstance(folder, PublishedRun)
        assert not isinstance(own, PublishedRun)
        assert (folder.spec(), folder.state) == (own.spec(), own.state)
        assert (folder.provenance(), folder.failure()) == (own.provenance(), own.failure())
        if own.state == "done":
            assert folder.evaluations().equals(own.evaluations())
            assert folder.training().equals(own.training())


def test_a_published_run_inherits_nothing_that_writes(snapshot: Snapshot) -> None:
    assert PublishedRun.__mro__ == (PublishedRun, RunRecord, object)
    writers = {name for name in vars(RunFolder) if not name.startswith("_")}
    assert {"write", "commit", "reset", "take", "want", "fail", "prepare"} <= writers
    assert writers & set(dir(RunRecord)) == set()


def test_tables_and_claims_of_the_snapshot_are_those_that_were_published(store: Store, snapshot: Snapshot) -> None:
    assert plain_tables(Store(snapshot.path)) == snapshot.tables
    shown = {table["key"] for table in snapshot.tables}
    judged = {f"{paper.name}-claims" for paper in read_papers() if paper.claims}
    assert judged | {"scores", "ranking", "clusters"} <= shown


def test_a_metric_that_only_some_runs_log_stays_with_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    one, two = make_spec(seed=0), make_spec(seed=1)
    folder = finish(store, one, linear(0, 1))
    finish(store, two, linear(0, 1))
    (folder.path / "done.json").unlink()
    assert folder.take()
    folder.write("training.parquet", folder.training().assign(updates=range(11), loss=0.5).to_parquet(index=False))
    folder.commit()
    folder.release()
    snapshot = place(store, "x")
    snapshot.write([kept(store.record(spec.run)) for spec in (one, two)], Background(name="x", description=""), [])
    for spec in (one, two):
        read = PublishedRun(snapshot, spec.run).training()
        assert read.equals(store.record(spec.run).training())
        assert ("loss" in read) == (spec is one)


def test_published_runs_count_as_done_beside_a_store(store: Store, snapshot: Snapshot) -> None:
    done = [spec for spec in plan() if store.record(spec.run).state == "done"]
    before = plain_tables(store, done)
    shutil.rmtree(store.runs_path)
    fresh = Store(store.results)
    states = [fresh.record(spec.run).state for spec in plan()]
    assert states == ["pending", "pending", *["done"] * (len(plan()) - 2)]  # what failed is tried again
    assert list(fresh.records()) == []  # they are not the store's own
    assert plain_tables(fresh, done) == before


def test_a_run_of_the_store_s_own_comes_before_a_published_one_only_when_it_is_done(
    store: Store, snapshot: Snapshot
) -> None:
    spec = plan()[5]
    assert not isinstance(Store(store.results).record(spec.run), PublishedRun)
    own = store.runs_path / spec.run
    (own / "done.json").unlink()
    assert isinstance(Store(store.results).record(spec.run), PublishedRun)
    (own / "failed.json").write_text('{"kind": "error", "reason": "x"}')
    for planned in (None, plan()):  # all runs of the store, and those of a plan
        assert read_results(Store(store.results), planned).each[spec.run].state == "done"


def test_the_page_says_what_was_read_from_a_snapshot(store: Store, snapshot: Snapshot, tmp_path: Path) -> None:
    shutil.rmtree(store.runs_path)
    page = write_report(Store(store.results), tmp_path / "reports", plan()).read_text()
    assert f"7 runs were read from the snapshot {snapshot.path}" in Page(page).text
    assert page.count(": done, published") == 7
    own = Store(tmp_path / "own")
    finish(own, make_spec(), linear(0, 1))
    assert "read from the snapshot" not in write_report(own, tmp_path / "reports").read_text()


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def newer(path: Path) -> None:
    path.write_bytes(as_json(json.loads(path.read_text()) | {"schema_version": 3}))


def link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", [flip, empty, Path.unlink, link])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_snapshot_is_one_clear_line(
    name: str, damage: Callable[[Path], object], snapshot: Snapshot, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(snapshot.path / name)
    if name == "snapshot.json" and damage is Path.unlink:
        assert not Snapshot(snapshot.path).is_there  # then it is none
        return
    # A checksum that was changed is noticed at the file that it is of.
    where = snapshot.path if (name, damage) == ("snapshot.json", flip) else snapshot.path / name
    for command in (["status", "--results"], ["report", "--results"], ["plan", "smoke", "--results"], ["verify"]):
        assert suite(*command, snapshot.path) == 2
        said = capfd.readouterr().err
        assert len(said.splitlines()) == 1
        assert str(where) in said


def test_a_newer_snapshot_is_refused(snapshot: Snapshot) -> None:
    newer(snapshot.path / "snapshot.json")
    with pytest.raises(CorruptSnapshotError, match="written by a newer version"):
        _ = Snapshot(snapshot.path).runs


def test_rows_that_do_not_add_up_are_noticed(snapshot: Snapshot) -> None:
    lines = (snapshot.path / "runs.jsonl").read_text().splitlines()
    at = next(index for index, line in enumerate(lines) if json.loads(line)["rows"])
    fewer = json.loads(lines[at])
    fewer["rows"]["evaluations"] -= 1
    lines[at] = json.dumps(fewer)
    (snapshot.path / "runs.jsonl").write_text("\n".join(lines) + "\n")
    marker = json.loads((snapshot.path / "snapshot.json").read_text())
    marker["files"]["runs.jsonl"] = hashlib.sha256((snapshot.path / "runs.jsonl").read_bytes()).hexdigest()
    (snapshot.path / "snapshot.json").write_bytes(as_json(marker))
    with pytest.raises(CorruptSnapshotError, match="does not hold the rows"):
        plain_tables(Store(snapshot.path))


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["run", "smoke"], "is a snapshot, which stays as it is"),
        (["exec", "RUN", "--again"], "is read from the snapshot"),
        (["logs", "RUN"], "keeps no logs"),
        (["watch", "RUN", "--task", "0"], "keeps no agent"),
        (["clusters", "RUN"], "keeps no agent"),
    ],
)
def test_nothing_writes_into_a_snapshot(
    command: list[str], says: str, snapshot: Snapshot, capfd: pytest.CaptureFixture[str]
) -> None:
    run = plan()[5].run
    assert suite(*(run if word == "RUN" else word for word in command), "--results", snapshot.path) == 2
    assert says in capfd.readouterr().err
    assert suite("doctor", "--store", "--results", snapshot.path) == 1
    assert suite("gc", "--results", snapshot.path) == 0
    assert suite("exec", run, "--results", snapshot.path) == 0
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES


READS = [
    ["status"],
    ["plan", "smoke"],
    ["report", "--format", "markdown"],
    ["compare", "tcl-pearl", "pearl"],
    ["export"],
]


@pytest.mark.parametrize("command", READS)
def test_every_command_reads_a_snapshot_as_a_store(
    command: list[str],
    store: Store,
    snapshot: Snapshot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shutil.rmtree(store.record(plan()[1].run).path)  # what is pending is not published
    monkeypatch.setattr("suite.execute.reference.pace", lambda: 1.0)
    said = []
    for name, results in (("own", store.results), ("published", snapshot.path)):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert suite(*command, "--results", results) == 0
        said.append((capfd.readouterr().out, [path.read_bytes() for path in sorted(Path().rglob("*.csv"))]))
    assert said[0] == said[1]
    assert said[0] != ("", [])


def test_what_failed_elsewhere_stays_until_the_run_has_ended_here(store: Store, snapshot: Snapshot) -> None:
    before = snapshot.runs
    shutil.rmtree(store.runs_path)
    again = publish(Store(store.results))
    assert again.runs == before
    assert [each.state for each in before.values()].count("failed") == 1
    finish(store, plan()[0], linear(0.0, 5.0))
    assert [each.state for each in publish(Store(store.results)).runs.values()].count("failed") == 0


class Killed(BaseException):
    pass


def bury(snapshot: Snapshot) -> None:
    """Have the process that was publishing be a dead one."""
    (lease,) = (snapshot.path / ".next.claims").glob("*.json")
    with subprocess.Popen(["true"]) as dead:
        pass
    lease.write_text(json.dumps(json.loads(lease.read_text()) | {"pid": dead.pid}))


@pytest.mark.parametrize("steps", [0, 5, 6, 7, 9, 12, 13])
def test_whenever_publishing_is_killed_the_snapshot_is_whole(
    steps: int, store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot.runs
    finish(store, plan()[0], linear(0.0, 5.0))  # it had failed
    left = itertools.count(steps, -1)

    def until_killed(act: Callable[..., Any]) -> Callable[..., Any]:
        def acted(*given: Any, **options: Any) -> Any:
            if next(left) == 0:
                raise Killed
            return act(*given, **options)

        return acted

    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "rmdir"):
            patch.setattr(Path, name, until_killed(getattr(Path, name)))
        patch.setattr(shutil, "rmtree", lambda *given, **options: None)  # a killed process removes nothing
        with suppress(Killed):
            publish(Store(store.results))
    bury(snapshot)
    found = Snapshot(snapshot.path)
    kinds = [each.state for each in found.runs.values()]
    assert (found.runs == before) == (steps <= 6)  # 6 files written, 1 renaming
    assert kinds.count("failed") == int(steps <= 6)
    assert len(kinds) == len(before)
    assert len(list(Store(found.path).records())) == len(before)

    again = publish(Store(store.results))
    assert [each.state for each in again.runs.values()].count("failed") == 0
    Store(store.results).collect_garbage()
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES


def test_of_two_that_publish_at_once_the_later_is_refused(store: Store, snapshot: Snapshot) -> None:
    seen = snapshot.runs
    finish(store, plan()[0], linear(0.0, 5.0))
    others = publish(Store(store.results))
    with pytest.raises(UsageError, match="somebody else has published there meanwhile; publish again"):
        snapshot.write([kept(PublishedRun(snapshot, run)) for run in seen], snapshot.background, [])
    assert Snapshot(snapshot.path).runs == others.runs


def once(monkeypatch: pytest.MonkeyPatch, where: object, name: str, act: Callable[[], object]) -> None:
    """Act before the first call of a function, as another process could."""
    called = getattr(where, name)

    def acting(*given: Any, **options: Any) -> Any:
        monkeypatch.setattr(where, name, called)
        act()
        return called(*given, **options)

    monkeypatch.setattr(where, name, acting)


def states(snapshot: Snapshot) -> list[str]:
    return [each.state for each in Snapshot(snapshot.path).runs.values()]


def test_while_one_publishes_another_is_refused_and_no_garbage_is_found(
    store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(store, plan()[0], linear(0.0, 5.0))  # it had failed
    asked = []

    def meanwhile() -> None:
        for seen in (store, Store(snapshot.path)):
            asked.append(seen.collect_garbage())
        with pytest.raises(UsageError, match="somebody else is publishing there; publish again when that is done"):
            publish(Store(store.results))

    once(monkeypatch, Path, "rename", meanwhile)  # all is written, and nothing moved
    publish(Store(store.results))
    assert asked == [[], []]
    assert states(snapshot).count("failed") == 0
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES


def test_garbage_is_what_a_dead_publisher_left(
    store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed() -> None:
        raise Killed

    with monkeypatch.context() as patch:
        once(patch, Path, "rename", killed)
        patch.setattr(shutil, "rmtree", lambda *given, **options: None)
        with suppress(Killed):
            publish(Store(store.results))
    bury(snapshot)
    left = {path for path in snapshot.path.rglob("*") if path.relative_to(snapshot.path).parts[0].startswith(".next.")}
    assert len(left) == 2 + 1 + len(FILES)  # two folders: of a lease, and of what was written
    assert set(store.collect_garbage()) == left
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES


def test_a_lease_that_others_have_taken_is_theirs(
    store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    finish(store, plan()[0], linear(0.0, 5.0))
    theirs = snapshot.path / ".next.claims" / "000002.json"
    once(monkeypatch, Lease, "check", lambda: theirs.write_text("{}"))
    with pytest.raises(UsageError, match="somebody else has published there meanwhile"):
        publish(Store(store.results))
    assert theirs.exists()
    shutil.rmtree(theirs.parent)
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == before


def test_what_somebody_removes_of_a_coming_snapshot_costs_nothing(
    store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    finish(store, plan()[0], linear(0.0, 5.0))

    def written(path: Path, content: bytes) -> None:
        path.write_bytes(content)
        (path.parent / "runs.jsonl").unlink(missing_ok=True)

    with monkeypatch.context() as patch:
        patch.setattr("suite.store.published.write_atomically", written)
        with pytest.raises(UsageError, match=r"runs\.jsonl: was removed by somebody else; publish again"):
            publish(Store(store.results))
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == before

    coming = snapshot.path / "next"  # as a killed publisher leaves it, but for one file
    shutil.copytree(snapshot.path, coming, ignore=shutil.ignore_patterns("runs.jsonl"))
    marker = json.loads((coming / "snapshot.json").read_text())
    marker["files"]["runs.jsonl"] = "0" * 64
    (coming / "snapshot.json").write_text(json.dumps(marker))
    with pytest.raises(CorruptSnapshotError, match=r"runs\.jsonl: differs from what was published"):
        snapshot.write([], Background(name="pilot", description=""), [])
    shutil.rmtree(coming)
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == before


def test_a_file_of_somebody_else_in_the_way_of_publishing_is_named(store: Store, snapshot: Snapshot) -> None:
    finish(store, plan()[0], linear(0.0, 5.0))
    other = snapshot.path / "next" / ".DS_Store"
    other.parent.mkdir()
    other.touch()
    with pytest.raises(UsageError, match=r"next/\.DS_Store: is no part of a snapshot, and in the way"):
        publish(Store(store.results))
    other.unlink()
    publish(Store(store.results))
    assert states(snapshot).count("failed") == 0
    assert tuple(sorted(path.name for path in snapshot.path.iterdir())) == FILES


@pytest.mark.parametrize("reads", range(1, 2 * len(FILES), 2))
def test_whoever_reads_while_somebody_publishes_reads_one_of_the_two(
    reads: int, store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is looked for in two places; somebody publishes between them, and before the next file."""
    finish(store, plan()[0], linear(0.0, 5.0))
    left = itertools.count(reads, -1)
    read = published.read_regular

    def reading(path: Path) -> bytes:
        if next(left) == 0:
            publish(Store(store.results))
        return read(path)

    reader = Snapshot(snapshot.path)
    monkeypatch.setattr(published, "read_regular", reading)
    assert [each.state for each in reader.runs.values()].count("failed") == 0


@pytest.mark.parametrize("moved", range(len(FILES)))
def test_whoever_reads_while_files_are_moved_loses_none(
    moved: int, store: Store, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = shutil.copytree(snapshot.path, store.results / "earlier")
    finish(store, plan()[0], linear(0.0, 5.0))
    publish(store)
    snapshot.path.rename(earlier / "next")
    earlier.rename(snapshot.path)
    left = itertools.count(moved, -1)
    read = published.read_regular

    def reading(path: Path) -> bytes:
        if next(left) == 0:
            Snapshot(snapshot.path)._settle()
        return read(path)

    monkeypatch.setattr(published, "read_regular", reading)
    assert Snapshot(snapshot.path).is_there
    assert states(snapshot).count("failed") == 0
    assert not (snapshot.path / "next").exists()


@pytest.mark.parametrize("lacking", ["snapshot.json", "runs.jsonl"])
def test_nothing_is_published_over_a_damaged_snapshot(
    lacking: str, store: Store, snapshot: Snapshot, capfd: pytest.CaptureFixture[str]
) -> None:
    (snapshot.path / lacking).unlink()
    before = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    assert suite("publish", "pilot", "--results", store.results) == 2
    assert lacking in capfd.readouterr().err
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == before


def test_the_page_of_a_snapshot_says_how_many_runs_of_its_plan_it_lacks(snapshot: Snapshot) -> None:
    page = page_of(Store(snapshot.path))
    assert f"{len(plan()) - 2} of {len(plan()) - 1} runs done" in page
    assert "1 planned, not published" in page


def test_a_snapshot_of_another_benchmark_is_not_written(snapshot: Snapshot, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}
    assert suite("publish", "quick", "--results", snapshot.path) == 2
    assert "is a snapshot of pilot, not of quick" in capfd.readouterr().err
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == before


BENCHMARK = """
name: mine
description: two entries on one environment
groups:
  - {environments: [point-goal-2d], seeds: [0, 1, 2], budget: 1000, algorithms: {pearl: , blind-sac: }}
"""


def test_a_raised_revision_loses_no_published_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(BENCHMARK)
    store = Store(tmp_path / "results")
    before = load_benchmark(str(tmp_path / "mine.yaml")).plan()
    for spec in before:
        finish(store, spec, linear(0.0, 10.0 + spec.seed))
    publishing = ("publish", tmp_path / "mine.yaml", "--results")
    assert suite(*publishing, store.results) == 0
    shutil.rmtree(store.runs_path)
    snapshot = Snapshot(store.results / "published" / "mine")
    first = {path.name: path.read_bytes() for path in snapshot.path.iterdir()}

    old = ENTRANTS["pearl"].revision
    monkeypatch.setattr(ENTRANTS["pearl"], "revision", old + 1)
    after = load_benchmark(str(tmp_path / "mine.yaml")).plan()
    stale = [spec.run for spec in before if spec.label == "pearl"]
    new = [spec for spec in after if spec.label == "pearl"]
    assert suite(*publishing, store.results) == 0
    assert ", 3 not finished, 3 of earlier plans" in capfd.readouterr().err
    snapshot = Snapshot(snapshot.path)
    assert {*snapshot.runs} == {spec.run for spec in before}
    assert snapshot.background.earlier == {*stale}
    pending = [each.run for each in snapshot.background.runs if each.state == "pending"]
    assert sorted(pending) == sorted(spec.run for spec in new)
    results = read_results(Store(snapshot.path))
    assert results.unpublished == 3
    assert read_results(Store(snapshot.path), after).unpublished == 0  # they are there, as pending
    assert set(results.done["entry"]) == {"pearl", "blind-sac"}  # there is no other pearl to be told from
    assert [results.each[run].earlier for run in stale] == [True] * 3
    assert [row[1] for row in run_tables.provenance(results).rows] == ["done"] * 3 + ["done, of an earlier plan"] * 3

    for spec in new:
        finish(store, spec, linear(0.0, 50.0 + spec.seed))
    assert suite(*publishing, store.results) == 0
    results = read_results(Store(snapshot.path))
    scores = results.done.groupby("entry")["score"].mean().to_dict()
    assert scores == pytest.approx({f"pearl (earlier, revision {old})": 11.0, "pearl": 51.0, "blind-sac": 11.0})
    with pytest.raises(UsageError, match="stays as it is"):
        Store(snapshot.path).folder(stale[0])

    monkeypatch.setattr(ENTRANTS["pearl"], "revision", old)  # as somebody with the older version has it
    capfd.readouterr()
    assert suite(*publishing, store.results, "--drop-earlier") == 0
    said = capfd.readouterr().err
    assert all(f"dropped: {spec.run}" in said for spec in new)
    assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == first


def test_runs_are_published_under_the_labels_that_the_benchmark_has_now(tmp_path: Path) -> None:
    """Otherwise runs from before and after an entry was renamed would be two entries, each with fewer seeds."""
    file = tmp_path / "mine.yaml"
    file.write_text(BENCHMARK)
    store = Store(tmp_path / "results")
    old, new = (spec for spec in load_benchmark(str(file)).plan() if spec.label == "pearl" and spec.seed < 2)
    finish(store, old, linear(0.0, 10.0))
    assert suite("publish", file, "--results", store.results) == 0
    file.write_text(BENCHMARK.replace("pearl: ", "ours: {algorithm: pearl}"))
    finish(store, new.model_copy(update={"label": "ours"}), linear(0.0, 12.0))
    assert suite("publish", file, "--results", store.results) == 0
    snapshot = Snapshot(store.results / "published" / "mine")
    assert {each.label for each in snapshot.background.runs} == {"ours", "blind-sac"}
    assert read_results(Store(snapshot.path)).done["entry"].tolist() == ["ours", "ours"]


def test_a_published_run_is_not_forgotten(store: Store, snapshot: Snapshot) -> None:
    fresh = Store(store.results)
    with pytest.raises(UsageError, match=r"stays as it is; to repeat it: suite verify .* --run tcl-pearl_reach-v1"):
        fresh.forget([plan()[5].run], plan())
    assert fresh.record(plan()[5].run).state == "done"


def test_a_name_that_no_folder_can_have_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match=r"name: '\.\./x'"):
        place(store, "../x")


def test_three_hundred_runs_stay_under_ten_megabytes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = make_spec(environment="cheetah-vel")
    run = kept(finish(store, spec, linear(0, 1), tasks=30))
    noise = np.random.default_rng(0)
    marks, tasks = 21, 30
    evaluations = pd.DataFrame(
        {
            "environment_steps": np.repeat(np.arange(marks) * 7500, tasks),
            "gradient_steps": np.repeat(np.arange(marks) * 3000, tasks),
            "task": np.tile(np.arange(tasks), marks),
            "episode": 0,
            "return": noise.normal(size=marks * tasks),
            "success": False,
        }
    )
    training = pd.DataFrame(
        {"environment_steps": np.arange(marks), **{f"metric {i}": noise.normal(size=marks) for i in range(20)}}
    )
    tables = {"evaluations": pa.Table.from_pandas(evaluations), "training": pa.Table.from_pandas(training)}
    snapshot = place(store, "x")
    many = [run._replace(run=f"{run.run}{index:03}", tables=tables) for index in range(300)]
    snapshot.write(many, Background(name="x", description=""), [])
    assert snapshot.size < 10 * 2**20


def test_status_counts_what_a_plan_counts_and_compare_says_where_runs_are(
    store: Store, snapshot: Snapshot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a fresh clone there is nothing but the snapshot."""
    fresh = tmp_path / "fresh"
    shutil.copytree(snapshot.path, fresh / "published" / "pilot")
    assert suite("status", "--results", fresh, "--json") == 0
    rows = {row["run"]: row["state"] for row in json.loads(capfd.readouterr().out)["runs"]}
    assert rows == {spec.run: "done" for spec in plan()[2:]}  # what failed there is to be run here
    assert suite("compare", "pearl", "tcl-pearl", "--results", fresh, "--json") == 2
    assert f"published runs are in --results {fresh}/published/pilot" in capfd.readouterr().err
