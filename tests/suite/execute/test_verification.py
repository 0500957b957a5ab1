"""Published runs come out again, or it is said which number does not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from suite.analysis.results import read_results
from suite.errors import UsageError
from suite.execute.verification import (
    Drawn,
    Verified,
    agreement,
    agreements,
    all_good,
    drawn,
    first_difference,
    published_steps,
    seconds_text,
    verified,
)
from suite.report import plain_tables
from suite.report.consistency import inconsistent
from suite.store.folder import RunFolder
from suite.store.published import Snapshot
from suite.store.publishing import kept
from suite.store.runs import Store
from tests.suite.stores import CLUSTERS, fail, finish, linear, make_spec
from tests.suite.tiny import TINY
from tests.suite.trained_runs import suite


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
        (100.0001, "another", "another draw"),
        (230.0, "another", "another draw"),  # whether its entry agrees is for several draws to tell
        (230.0, "here", "differs"),
    ],
)
def test_the_outcome_depends_on_the_machine(end: float, processor: str, outcome: str, tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = again(tmp_path / "again", 0, end, processor)
    found = verified(store.record(folder.run), folder, read_results(store))
    assert found.outcome == outcome, found
    if outcome == "bit for bit":
        assert found.detail == ("although made on here, cpu, here on another, cpu" if processor == "another" else "")


@pytest.mark.parametrize(
    ("here", "agrees"),
    [
        ([109.0, 111.0, 110.0], "yes"),
        ([10.0, 10.5, 9.5], "no"),  # untrained
        ([1000.0, 1010.0, 990.0], "no"),  # impossible
        ([30.0, 110.0, 190.0], "cannot tell"),  # the mean is the same, and little is known of it
        ([101.0, 109.0], "cannot tell"),
    ],
)
def test_elsewhere_several_draws_of_an_entry_agree_or_not(here: list[float], agrees: str, tmp_path: Path) -> None:
    ends = [108.0, 110.0, 112.0]
    store = published(tmp_path / "published", ends)
    folders = [again(tmp_path / "again", seed, end, "another") for seed, end in enumerate(here)]
    results = read_results(store)
    found = [verified(store.record(folder.run), folder, results) for folder in folders]
    told = agreements(found, Store(tmp_path / "again"), results)
    assert [(each.entry, each.environment, each.agrees) for each in told] == [("pearl", "reach-v1", agrees)]
    assert all_good(found, told) == (agrees == "yes")


def test_the_limits_of_agreement_are_welchs() -> None:
    """With 5 runs each of variance 1, t(0.995, 8) is 3.3554, and the half width 3.3554 sqrt(2 / 5) = 2.1221."""
    there = np.array([-1.0, -1.0, 0.0, 1.0, 1.0]) + 100.0
    for shift, untrained, agrees in (
        (2.13, 0.0, "no"),
        (2.11, 0.0, "yes"),
        (2.11, 100.0 - 2 * (2.11 + 2.13), "yes"),  # half of the gain is more than shift and half width
        (2.11, 100.0 - 2 * (2.11 + 2.11), "cannot tell"),
    ):
        assert agreement(there, there + shift, untrained)[0] == agrees, (shift, untrained)


def test_agreement_is_wrong_in_one_of_a_hundred_cases_and_never_of_what_has_not_learnt() -> None:
    draws = np.random.default_rng(0)
    same = [agreement(*draws.normal(10.0, 1.0, (2, 5)), untrained=0.0)[0] for _ in range(2000)]
    assert same.count("no") <= 20 + 3 * np.sqrt(20)
    assert same.count("yes") > 1800
    untrained = [agreement(draws.normal(10.0, 1.0, 5), draws.normal(0.0, 1.0, 5), 0.0)[0] for _ in range(500)]
    assert untrained.count("yes") == 0
    assert untrained.count("no") > 490


def test_elsewhere_the_untrained_return_must_agree(tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = again(tmp_path / "again", 0, 100.0, "another", start=10.6)
    found = verified(store.record(folder.run), folder, read_results(store))
    assert found.outcome == "differs"
    assert "untrained return 10 was published, here it is 10.6" in found.detail


def test_a_cluster_record_that_differs_is_reported(tmp_path: Path) -> None:
    store = published(tmp_path / "published", ENDS)
    folder = again(tmp_path / "again", 0, 100.0, "here")
    settings = {"rollouts": 5}
    for path, ratio in ((store.record(folder.run).path, 4.0), (folder.path, 4.1)):
        (path / CLUSTERS).write_text(json.dumps({"settings": settings, "ratio": ratio}))
    assert published_steps(store, [folder.spec()]) == {folder.run: {"clusters": settings}}
    results = read_results(store)
    found = verified(store.record(folder.run), folder, results)
    assert (found.outcome, found.detail[:28]) == ("differs", "clusters: the record differs")
    shutil.copy(store.record(folder.run).path / CLUSTERS, folder.path)
    assert verified(store.record(folder.run), folder, results).outcome == "bit for bit"


def test_seconds_are_compared_as_ratios_of_entries(tmp_path: Path) -> None:
    store, here = Store(tmp_path / "published"), Store(tmp_path / "again")
    found = []
    for label, there, took in (("pearl", 100.0, 50.0), ("mql", 100.0, 65.0)):
        spec = make_spec(label)
        for where, seconds in ((store, there), (here, took)):
            finish(where, spec, linear(0, 1), provenance=provenance("here") | {"seconds_total": seconds})
        found.append(Verified(spec.run, "bit for bit", ""))
    said = seconds_text(found, here, read_results(store))
    assert "mql on reach-v1 0.65, pearl on reach-v1 0.50; " in said
    assert "a factor of 1.30 apart" in said
    assert seconds_text(found[:1], here, read_results(store)) == ""


def test_text_states_the_probability_of_missing_an_altered_run() -> None:
    few = Drawn([make_spec(seed=seed) for seed in range(3)], 123, 9)
    assert few.text == (
        "3 of 123 finished runs that this version can execute; of one altered run among them, the draw misses 97.6%; "
        "9 more are of other revisions or versions"
    )
    assert "misses" not in Drawn([make_spec()], 1, 0).text


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
    assert "1 of 2 finished runs that this version can execute; of one altered run" in printed.err
    assert "drawn with --seed 7" in printed.err
    found = json.loads(printed.out)
    assert found["seed"] == 7
    assert [run["outcome"] for run in found["runs"]] == ["bit for bit"]
    assert found["runs"][0]["run"] == drawn(Store(snapshot.path), 1, 7).specs[0].run


def test_a_command_of_the_page_repeats_one_published_run(
    snapshot: Snapshot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert suite("report", "--results", snapshot.path, "--reports", tmp_path) == 0
    name, *arguments = f"verify {snapshot.path} --run {max(snapshot.runs)}".split()
    assert f"suite {name} {' '.join(arguments)}<" in (tmp_path / "index.html").read_text()
    capfd.readouterr()
    assert suite(name, *arguments) == 0
    printed = capfd.readouterr()
    assert printed.err.startswith("1 of 1 finished runs that this version can execute\n")
    assert f"bit for bit: {max(snapshot.runs)}" in printed.out


def test_a_seed_that_the_plan_lost_is_noted_and_fails_nothing(
    snapshot: Snapshot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = [kept(folder) for folder in Store(snapshot.path).records()]
    first, *others = snapshot.background.runs
    background = snapshot.background.model_copy(update={"runs": (first.model_copy(update={"earlier": True}), *others)})
    fewer = Snapshot(tmp_path / "fewer")
    fewer.write(runs, background, [])
    fewer.write(runs, background, plain_tables(Store(fewer.path)))
    assert suite("verify", fewer.path, "--sample", 1, "--json") == 0
    found = json.loads(capfd.readouterr().out)
    assert found["inconsistent"] == []
    assert [note["run"] for note in found["notes"]] == [first.run]
    assert "--drop-earlier" in found["notes"][0]["problem"]


def test_a_change_carried_through_every_table_is_found_by_execution_only(
    snapshot: Snapshot, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    runs = [kept(folder) for folder in Store(snapshot.path).records()]
    forged = []
    for run in runs:
        table = run.tables["evaluations"].to_pandas()
        table.loc[len(table) - 1, "return"] += 8.0
        forged.append(run._replace(tables={**run.tables, "evaluations": pa.Table.from_pandas(table)}))
    other = Snapshot(tmp_path / "forged")
    other.write(forged, snapshot.background, [])
    other.write(forged, snapshot.background, plain_tables(Store(other.path)))
    assert inconsistent(Store(other.path)) == []
    assert suite("verify", other.path, "--all", "--environment", "point-goal-2d") == 1
    printed = capfd.readouterr()
    assert "misses" not in printed.err
    assert [line.split(":")[0] for line in printed.out.splitlines() if line.startswith("differs")] == ["differs"] * 2
    assert "return at 2,960 environment steps" in printed.out
    assert suite("verify", other.path, "--environment", "reach") == 2
    assert "--environment 'reach' is unknown" in capfd.readouterr().err
    assert suite("verify", other.path, "--run", "pearl_reach") == 2
    assert "--run pearl_reach: " in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"), [(["nowhere"], "there is no such folder"), ([".", "--sample", "0"], "--sample")]
)
def test_wrong_usage_is_one_line(arguments: list[str], says: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert suite("verify", *arguments) == 2
    said = capfd.readouterr().err
    assert len(said.splitlines()) == 1
    assert says in said
