"""What may go is listed, with sizes; what is removed is that and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from suite.store.pruning import LOSSES, Kind, prunable, prune
from suite.store.runs import Store
from tests.suite.stores import CLUSTERS_WANTED, fail, finish, linear, make_spec
from tests.suite.trained_runs import suite

KINDS: list[Kind] = list(LOSSES)

DONE, FAILED, BEGUN, HELD, OTHER = (make_spec(seed=seed) for seed in range(5))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of a run in each state, of which all but the last are of a benchmark."""
    store = Store(tmp_path)
    finish(store, DONE, linear(0, 1), state=b"t" * 1000)
    (store.folder(DONE.run).path / "log.txt").write_bytes(b"l" * 100)
    fail(store, FAILED, "made to fail", log="why")
    for spec in (BEGUN, HELD):
        store.folder(spec.run).prepare(spec)
        (store.folder(spec.run).path / "checkpoint").mkdir()
        (store.folder(spec.run).path / "checkpoint" / "000001.json").write_bytes(b"c" * 10)
        (store.folder(spec.run).path / "log.txt").write_bytes(b"begun")
    finish(store, OTHER, linear(0, 1))
    return store


PLANNED = {spec.run for spec in (DONE, FAILED, BEGUN)}


def files(store: Store) -> set[Path]:
    return {path for path in store.results.rglob("*") if path.is_file() and "claims" not in path.parts}


def test_what_may_go_is_listed_with_its_size_and_what_is_held_is_not(store: Store) -> None:
    holder = store.folder(HELD.run)
    assert holder.take()
    before = files(store)
    found = {(each.run, each.kind): each.size for each in prunable(store, KINDS, PLANNED)}
    holder.release()
    size = sum(path.stat().st_size for path in store.record(OTHER.run).path.rglob("*") if path.is_file())
    assert found == {
        (DONE.run, "logs"): 100,
        (DONE.run, "parameters"): 1000,
        (BEGUN.run, "checkpoints"): 10,
        (OTHER.run, "runs"): size,
    }
    assert files(store) == before


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_removed_is_what_was_listed(kind: Kind, store: Store) -> None:
    before = files(store)
    evaluations = store.record(DONE.run).evaluations()
    for each in prunable(store, [kind], PLANNED | {HELD.run}):
        prune(store, each)
    gone = {str(path.relative_to(store.runs_path)) for path in before - files(store)}
    run = store.record(OTHER.run).path
    assert (
        gone
        == {
            "checkpoints": {f"{spec.run}/checkpoint/000001.json" for spec in (BEGUN, HELD)},
            "logs": {f"{DONE.run}/log.txt"},
            "parameters": {f"{DONE.run}/state.safetensors"},
            "runs": {str(path.relative_to(store.runs_path)) for path in before if run in path.parents},
        }[kind]
    )
    assert run.exists() == (kind != "runs")
    record = store.record(DONE.run)
    record.verify()  # it is still whole
    assert record.evaluations().equals(evaluations)
    assert list(prunable(store, [kind], PLANNED | {HELD.run})) == []


def test_parameters_stay_while_a_post_run_step_needs_them(store: Store) -> None:
    (store.record(DONE.run).path / CLUSTERS_WANTED).write_text('{"tasks": 4}')
    assert list(prunable(store, ["parameters"], PLANNED)) == []


def test_a_run_that_somebody_took_meanwhile_stays(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    (found,) = prunable(store, ["runs"], PLANNED | {HELD.run})
    holder = store.folder(OTHER.run)
    assert holder.take()
    with pytest.raises(Exception, match="is being worked on by somebody else"):
        prune(store, found)
    holder.release()
    assert store.record(OTHER.run).state == "done"


@pytest.mark.parametrize("kind", KINDS)
def test_a_removal_that_is_killed_leaves_sound_runs_and_the_next_one_ends_it(
    kind: Kind, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    planned = PLANNED | {HELD.run}
    unlink = Path.unlink
    for count in range(1, 50):
        left = count

        def killing(path: Path, missing_ok: bool = False) -> None:
            nonlocal left
            left -= not path.name.endswith(".released")
            if left <= 0:
                raise Killed
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killing)
            try:
                for each in prunable(store, [kind], planned):
                    prune(store, each)
            except Killed:
                pass
            else:
                break
        for record in store.records():
            if record.state == "done":
                record.verify()
    assert list(prunable(store, [kind], planned)) == []
    assert store.record(OTHER.run).path.exists() == (kind != "runs")


def test_the_command_is_dry_by_default(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    before = files(store)
    assert suite("prune", "--results", store.results) == 0
    printed = capfd.readouterr().out
    assert files(store) == before
    assert "nothing was removed" in printed
    assert "logs: 0.0 KiB" in printed  # those of finished runs go with the runs
    assert suite("prune", "logs", "--results", store.results, "--json") == 0
    assert [(row["run"], row["kind"], row["size"]) for row in json.loads(capfd.readouterr().out)] == [
        (DONE.run, "logs", 100)
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--yes"], "name what to remove"),
        (["runs", "--yes"], "name the benchmark whose runs to keep"),
        (["everything"], "everything"),
    ],
)
def test_the_command_asks_what_is_meant(
    words: list[str], says: str, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    before = files(store)
    assert suite("prune", *words, "--results", store.results) == 2
    assert says in capfd.readouterr().err
    assert files(store) == before


def test_the_command_removes_runs_of_no_benchmark(
    benchmark_file: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    holder = store.folder(HELD.run)
    assert holder.take()
    assert suite("prune", "runs", "--benchmark", benchmark_file, "--yes", "--results", store.results) == 0
    holder.release()
    assert [record.run for record in store.records()] == [HELD.run]
    assert capfd.readouterr().out.splitlines()[-1] == "removed"


def test_a_snapshot_stays_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    pilot = Path(__file__).parents[3] / "results" / "published" / "pilot"
    assert suite("prune", "logs", "--yes", "--results", pilot) == 2
    assert "is a snapshot" in capfd.readouterr().err
