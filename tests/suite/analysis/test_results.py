from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite.analysis.results import last_share, read_results
from suite.store.files import read_regular, write_json
from suite.store.runs import Store
from tests.suite.stores import fail, finish, linear, make_spec, make_store


def test_score_averages_the_last_tenth_of_the_steps_really_spent() -> None:
    steps = np.array([0, 80_000, 88_000, 92_000, 96_000])  # spent 96,000 of a budget of 100,000
    assert last_share(steps, 96_000).tolist() == [False, False, True, True, True]
    assert last_share(steps, 100_000).tolist() == [False, False, False, True, True]


def test_the_mark_at_ninety_percent_was_made_before_the_last_share() -> None:
    assert last_share(np.array([0, 900_000, 920_000, 1_000_000]), 1_000_000).tolist() == [False, False, True, True]


def test_final_evaluation_counts_even_if_training_went_on_after_it() -> None:
    assert last_share(np.array([0, 50]), 1000).tolist() == [False, True]


def test_score_untrained_and_counters_of_a_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    spec = make_spec(evaluations=20)
    finish(store, spec, lambda share: 100 * share - 7)
    row = read_results(store).runs.iloc[0]
    assert row["score"] == pytest.approx(np.mean([95, 100]) - 7)
    assert row["untrained"] == pytest.approx(-7)
    assert row["environment_steps"] == spec.budget
    assert row["seconds_updating"] == 60
    assert row["success"] == 1


def test_a_family_that_defines_no_success_has_no_success_rate(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "cheetah-vel"): [1.0, 2.0], ("pearl", "reach-v1"): [1.0, 2.0]})
    results = read_results(store)
    for table in (results.runs, results.curves):
        assert table.loc[table["environment"] == "cheetah-vel", "success"].isna().all()
        assert table.loc[table["environment"] == "reach-v1", "success"].notna().all()


@pytest.mark.parametrize("file", ["run.json", "evaluations.parquet", "training.parquet", "provenance.json"])
@pytest.mark.parametrize("damage", ["truncated", "removed", "garbage"])
def test_a_damaged_folder_is_listed_and_nothing_else_is_lost(tmp_path: Path, file: str, damage: str) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0, 2.0]})
    victim = store.folder(make_spec(seed=1).run)
    path = victim.path / file
    content = path.read_bytes()
    path.unlink()
    if damage != "removed":
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"\x00\xff{[")
    results = read_results(store)
    assert [problem.run for problem in results.problems] == [victim.run]
    assert file in results.problems[0].problem
    assert results.done["seed"].tolist() == [0]
    assert results.runs.set_index("run").loc[victim.run, "state"] == "unreadable"


@pytest.mark.parametrize(("origin", "rate"), [({"success_defined": False}, math.nan), ({}, 1.0)])
def test_a_family_that_is_not_known_here_is_believed_and_so_is_its_word_that_it_defines_none(
    origin: dict[str, Any], rate: float, tmp_path: Path
) -> None:
    """As of a store with runs of user modules, which reports do not execute."""
    spec = make_spec().model_copy(update={"environment": "my-own"})
    finish(Store(tmp_path), spec, linear(0.0, 1.0), provenance=origin)
    results = read_results(Store(tmp_path))
    assert results.done["success"].tolist() == pytest.approx([rate], nan_ok=True)
    assert ("success" in set(results.metrics["metric"])) == (origin == {})


def test_final_parameters_are_not_read_with_the_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path, offset: int = 0) -> bytes:
        read.append(path.name)
        return read_regular(path, offset)

    monkeypatch.setattr("suite.store.record.read_regular", noted)
    store = Store(tmp_path)
    folder = finish(store, make_spec(), linear(0.0, 1.0), state=b"parameters")
    assert "state.safetensors" in read  # when it was committed
    read.clear()
    (folder.path / "state.safetensors").write_bytes(b"altered")
    results = read_results(store)
    assert results.problems == ()
    assert "evaluations.parquet" in read
    assert "state.safetensors" not in read


def test_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0, 2.0]})
    path = store.folder(make_spec(seed=1).run).path / "run.json"
    write_json(path, json.loads(path.read_text()) | {"schema_version": 99})
    results = read_results(store)
    assert "schema 99" in results.problems[0].problem
    assert len(results.done) == 1


def test_a_folder_under_another_runs_name_is_not_counted_twice(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0]})
    folder = store.folder(make_spec().run)
    shutil.copytree(folder.path, store.runs_path / "copy")
    results = read_results(store)
    assert len(results.done) == 1
    assert results.problems[0].run == "copy"


def test_a_diverged_run_is_listed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(), lambda share: float("nan") if share > 0.5 else 1.0)
    results = read_results(store)
    assert "not finite" in results.problems[0].problem
    assert results.done.empty


def test_states_of_planned_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    specs = [make_spec(seed=seed) for seed in range(4)]
    finish(store, specs[0], linear(0, 1))
    fail(store, specs[1], "out of memory", log="line\n<script>alert(1)</script>\n")
    store.folder(specs[2].run).prepare(specs[2])
    assert store.folder(specs[2].run).take()
    foreign = make_spec("mql", seed=9)
    finish(store, foreign, linear(0, 1))
    results = read_results(store, specs)
    assert results.runs.set_index("seed")["state"].to_dict() == {0: "done", 1: "failed", 2: "running", 3: "pending"}
    assert results.each[specs[1].run].failure["reason"] == "out of memory"
    assert "<script>" in results.each[specs[1].run].log_tail
    assert results.others == (foreign.run,)


def test_runs_that_differ_in_more_than_the_seed_are_not_pooled(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(seed=0), linear(0, 1))
    finish(store, make_spec(seed=0, budget=500_000), linear(0, 1))
    finish(store, make_spec("mql", seed=0), linear(0, 1))
    entries = read_results(store).runs["entry"]
    assert entries.nunique() == 3
    assert "mql" in set(entries)
    assert "pearl" not in set(entries)


def test_a_planned_label_wins_over_the_stored_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(), linear(0, 1))
    results = read_results(store, [make_spec().model_copy(update={"label": "baseline"})])
    assert results.done["entry"].tolist() == ["baseline"]


def test_an_empty_store_gives_empty_tables(tmp_path: Path) -> None:
    results = read_results(Store(tmp_path / "absent"))
    assert results.runs.empty
    assert results.curves.empty
    assert results.problems == ()


@pytest.mark.parametrize(
    ("provenance", "column"),
    [
        ({"seconds_total": "an hour"}, None),
        ({"seconds_total": [1]}, None),
        (None, "return"),
        (None, "environment_steps"),
    ],
)
def test_values_of_another_kind_are_listed(
    tmp_path: Path, provenance: dict[str, object] | None, column: str | None
) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0]})
    folder = finish(store, make_spec(seed=1), linear(0, 1), provenance=provenance)
    if column:
        table = folder.evaluations()
        assert folder.take()
        spoilt = table.assign(**{column: table[column].map(lambda value: f"v{value}")})
        folder.write("evaluations.parquet", spoilt.to_parquet(index=False))
        folder.commit()
        folder.release()
    results = read_results(store)
    assert [problem.run for problem in results.problems] == [folder.run]
    assert results.done["seed"].tolist() == [0]


@pytest.mark.parametrize("provenance", [{}, {"versions": None}, {"machine": "m", "peak_memory_bytes": "much"}])
def test_provenance_may_lack_anything(tmp_path: Path, provenance: dict[str, object]) -> None:
    store = Store(tmp_path)
    finish(store, make_spec(), linear(0, 1), provenance=provenance)
    results = read_results(store)
    assert results.problems == ()
    assert np.isnan(results.done["seconds_total"].iloc[0])
