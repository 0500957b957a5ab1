"""Published runs come out again, or it is said which number does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from suite.analysis.results import read_results
from suite.errors import UsageError
from suite.execute.verification import GOOD, drawn, first_difference, verified
from suite.store.folder import RunFolder
from suite.store.published import Background, Snapshot
from suite.store.publishing import kept
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite

OTHER = {"machine": {"processor": "another"}, "device": "cpu", "seconds_total": 1.0}


def provenance(processor: str) -> dict[str, Any]:
    return {"machine": {"processor": processor}, "device": "cpu", "seconds_total": 100.0, "versions": {}}


def published(path: Path, ends: list[float]) -> Store:
    store = Store(path)
    for seed, end in enumerate(ends):
        finish(store, make_spec(seed=seed), linear(10, end), provenance=provenance("here"))
    return store


def again(path: Path, seed: int, end: float, processor: str, start: float = 10) -> RunFolder:
    return finish(Store(path), make_spec(seed=seed), linear(start, end), provenance=provenance(processor))


ENDS = [100.0, 110.0, 120.0]


@pytest.mark.parametrize(
    ("end", "processor", "outcome"),
    [
        (100.0, "here", "bit for bit"),
        (100.0, "another", "bit for bit"),
        (np.nextafter(100.0, 101.0), "here", "differs"),
        (100.0001, "another", "within tolerance"),
        (200.0, "another", "within tolerance"),  # 110 +- 9.92 * 10 * sqrt(4 / 3): from three seeds, hardly a limit
        (230.0, "another", "differs"),
        (230.0, "here", "differs"),
    ],
)
def test_the_outcome_depends_on_the_machine(end: float, processor: str, outcome: str, tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = again(tmp_path / "again", 0, end, processor)
    found = verified(store.folder(folder.run), folder, read_results(store))
    assert found.outcome == outcome, found
    assert (outcome in GOOD) == (outcome != "differs")


def test_the_tolerance_is_that_of_student(tmp_path: Path) -> None:
    from scipy import stats

    store = published(tmp_path / "published", ENDS)
    half = stats.t.ppf(0.995, 2) * np.std(ENDS, ddof=1) * np.sqrt(1 + 1 / 3)
    for shift, outcome in ((0.999, "within tolerance"), (1.001, "differs")):
        for side in (-1, 1):
            end = np.mean(ENDS) + side * shift * half
            folder = again(tmp_path / f"{shift}{side}", 1, end, "another")
            assert verified(store.folder(folder.run), folder, read_results(store)).outcome == outcome


def test_elsewhere_the_untrained_return_must_agree(tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = again(tmp_path / "again", 0, 100.0, "another", start=10.6)
    found = verified(store.folder(folder.run), folder, read_results(store))
    assert found.outcome == "differs"
    assert "untrained return 10 was published, here it is 10.6" in found.detail


def test_two_seeds_leave_no_tolerance(tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS[:2])
    folder = again(tmp_path / "again", 0, 101.0, "another")
    assert verified(store.folder(folder.run), folder, read_results(store)).outcome == "cannot be told"


def test_a_run_that_fails_is_not_verified(tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = fail(Store(tmp_path / "again"), make_spec(seed=0), "no luck")
    found = verified(store.folder(folder.run), folder, read_results(store))
    assert (found.outcome, found.detail) == ("failed", "no luck")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table, None),
        (lambda table: table.assign(x=np.array([1.0, np.nan, np.nextafter(3.0, 4.0)])), "x at 20 environment steps"),
        (lambda table: table.assign(x=[1, 2, 3]), "float64 was published, here it is int64"),
        (lambda table: table[:2], "3 rows of 2 columns"),
        (lambda table: table.assign(y=0), "3 rows of 2 columns"),
    ],
)
def test_the_first_difference_is_named(change: Callable[[pd.DataFrame], pd.DataFrame], says: str | None) -> None:
    table = pd.DataFrame({"environment_steps": [0, 10, 20], "x": [1.0, np.nan, 3.0]})
    found = first_difference(table, change(table.copy()))
    assert found is None if says is None else found is not None and says in found


def test_runs_of_other_revisions_are_not_drawn(tmp_path: Path) -> None:
    store = published(tmp_path, ENDS)
    with pytest.raises(UsageError, match=r"planned for .*; here it is"):
        drawn(store, 3, 0)
    with pytest.raises(UsageError, match="holds no finished run"):
        drawn(Store(tmp_path / "empty"), 3, 0)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Two real runs of a second, published by the command."""
    path = tmp_path_factory.mktemp("verified")
    (path / "tiny.yaml").write_text(TINY)
    folders = ("--results", path / "results")
    assert suite("run", path / "tiny.yaml", *folders, "--reports", path / "reports") == 0
    assert suite("publish", path / "tiny.yaml", *folders) == 0
    return Snapshot(path / "results" / "published" / "tiny")


def test_a_published_run_comes_out_again_bit_for_bit(snapshot: Snapshot, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("verify", snapshot.path, "--sample", 1, "--seed", 7, "--json") == 0
    printed = capfd.readouterr()
    assert "1 of 2 finished runs that this version can execute, drawn with --seed 7" in printed.err
    found = json.loads(printed.out)
    assert found["seed"] == 7
    assert [run["outcome"] for run in found["runs"]] == ["bit for bit"]
    assert found["runs"][0]["run"] == drawn(Store(snapshot.path), 1, 7)[0][0].run


def test_a_number_that_was_changed_is_found(
    snapshot: Snapshot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = [kept(folder) for folder in Store(snapshot.path).records()]
    forged = []
    for run in runs:
        table = run.tables["evaluations"].to_pandas()
        table.loc[len(table) - 1, "return"] = np.nextafter(table["return"].iloc[-1], np.inf)
        forged.append(run._replace(tables={**run.tables, "evaluations": pa.Table.from_pandas(table)}))
    other = Snapshot(tmp_path / "forged")
    other.write(forged, Background(name="tiny", description=""), [])
    assert suite("verify", other.path, "--sample", 1, "--seed", 7) == 1
    printed = capfd.readouterr()
    assert printed.out.startswith("differs: ")
    assert "return at 2,960 environment steps" in printed.out


@pytest.mark.parametrize(
    ("arguments", "says"), [(["nowhere"], "there is no such folder"), ([".", "--sample", "0"], "--sample")]
)
def test_wrong_usage_is_one_line(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("verify", *arguments) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert says in said
