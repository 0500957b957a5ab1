"""The search for pilot's settings: run in pieces, nothing of it lost, and pilot is what it found."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from studies.tuning.__main__ import PILOT, pilot, read_table, written
from studies.tuning.search import (
    COLUMNS,
    FIRST_SEED,
    Search,
    as_benchmark,
    best,
    collect,
    read_search,
    trials,
    tuned,
)
from suite.execute.registry import EXECUTORS
from suite.plan.benchmark import Benchmark, load_benchmark
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite import instant
from tests.suite.trained_runs import suite

SEARCH = read_search()
SEARCHES = [(environment, name) for environment, place in SEARCH.environments.items() for name in place.algorithms]


def small() -> Search:
    """Two algorithms on one environment, four trials of each."""
    place = SEARCH.environments["point-goal-2d"]
    algorithms = {name: place.algorithms[name] for name in ("pearl", "oracle-sac")}
    inherit = {name: place.inherit[name] for name in ("tcl-pearl", "blind-sac")}
    few = place.model_copy(update={"algorithms": algorithms, "inherit": inherit})
    clusters = [SEARCH.clusters[0].model_copy(update={"environments": ["point-goal-2d"]})]
    return SEARCH.model_copy(update={"trials": 4, "environments": {"point-goal-2d": few}, "clusters": clusters})


def test_pilot_is_what_the_search_has_found() -> None:
    assert PILOT.read_text() == pilot(SEARCH, read_table()), "write it anew: python -m studies.tuning pilot"


def test_what_was_tried_is_what_the_search_says() -> None:
    """The committed table is one of this search: nothing was tried beside it, and nothing has another name."""
    planned = {spec.run for spec in Benchmark.model_validate(as_benchmark(SEARCH)).plan()}
    for row in read_table().to_dict("records"):
        tried = trials(SEARCH, row["environment"], row["algorithm"])
        assert json.loads(row["settings"]) == tried[row["trial"]]
        assert row["seed"] in SEARCH.seeds
    assert len(planned) == 12 * len(SEARCHES) * len(SEARCH.seeds)


@pytest.mark.parametrize(("environment", "algorithm"), SEARCHES)
def test_trials_are_twelve_and_all_different(environment: str, algorithm: str) -> None:
    found = trials(SEARCH, environment, algorithm)
    of = SEARCH.environments[environment].algorithms[algorithm]
    assert len(found) == 12
    assert len({json.dumps(each, sort_keys=True) for each in found}) == 12
    assert found[0] == of.settings
    assert found == trials(SEARCH, environment, algorithm)
    for each in found[1:]:
        assert {name for name in each if each[name] != of.settings.get(name)} <= of.search.keys()
        assert all(each[name] in values for name, values in of.search.items())


def test_the_seeds_of_the_search_are_used_for_nothing_else() -> None:
    used = {spec.seed for spec in load_benchmark("pilot").plan()}
    assert max(used) < FIRST_SEED <= min(SEARCH.seeds)
    with pytest.raises(ValueError, match="greater than or equal to 100"):
        Search.model_validate(SEARCH.model_dump() | {"seeds": [3]})


def test_entries_inherit_the_settings_of_their_host() -> None:
    specs = {(spec.environment, spec.label): spec for spec in load_benchmark("pilot").plan() if spec.seed == 0}
    for environment, place in SEARCH.environments.items():
        for label, entry in place.inherit.items():
            own, host = specs[environment, label].settings, specs[environment, entry.host].settings
            assert {name: own[name] for name in host} == host
    assert sum(label.startswith("tcl-") for _, label in specs) == 9


def test_every_environment_has_its_entries() -> None:
    entries: dict[str, set[str]] = {}
    for spec in load_benchmark("pilot").plan():
        entries.setdefault(spec.environment, set()).add(spec.label)
    always = {"pearl", "tcl-pearl", "oracle-sac", "blind-sac"}
    more = {"maml-trpo", "rl2-ppo", "mql", "tcl-mql", "tcl-rl2-ppo"}
    for environment, found in entries.items():
        assert found == (always | more if environment in ("point-goal-2d", "cheetah-vel") else always)


def made_up(spec: RunSpec) -> float | None:
    """Trial 2 is the best of those that do not fail; trial 3 fails."""
    trial = int(spec.label.rpartition(" ")[2])
    return [10.0, 20.0, 30.0, None][trial]


@pytest.fixture
def trials_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(EXECUTORS, "local", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "score", made_up)
    monkeypatch.setattr("suite.report.write_report", lambda *_, **__: None)
    path = tmp_path / "trials.yaml"
    path.write_text(written(as_benchmark(small())))
    return path


def test_a_search_is_run_in_pieces_and_kept_whole(trials_file: Path, tmp_path: Path) -> None:
    search = small()
    first, second = Store(tmp_path / "first"), Store(tmp_path / "second")
    assert suite("run", trials_file, "--results", first.results, "--only", "algorithm=pearl") == 1  # trial 3 fails
    table = collect(search, first)
    assert table["state"].tolist() == ["done", "done", "done", "failed"]
    assert best(search, table, "point-goal-2d", "oracle-sac")[1] is None
    assert suite("run", trials_file, "--results", second.results, "--only", "algorithm=oracle-sac") == 1
    table.to_csv(tmp_path / "tuning.csv", index=False)
    table = collect(search, second, pd.read_csv(tmp_path / "tuning.csv"))
    assert list(table) == list(COLUMNS)
    assert len(table) == 8
    pd.testing.assert_frame_equal(table, collect(search, first, table))  # nothing new changes nothing
    for algorithm in ("pearl", "oracle-sac"):
        settings, numbers = best(search, table, "point-goal-2d", algorithm)
        assert settings == trials(search, "point-goal-2d", algorithm)[2]
        assert numbers is not None
        assert numbers["score"] == pytest.approx(30.0)
    benchmark, unlearnt = tuned(search, table)
    assert unlearnt == []
    entries = benchmark["groups"][0]["algorithms"]
    assert entries["blind-sac"]["settings"] == trials(search, "point-goal-2d", "oracle-sac")[2]
    assert entries["tcl-pearl"]["settings"] == trials(search, "point-goal-2d", "pearl")[2] | {
        "window": 10,
        "contrastive_scale": 0.1,
    }
    read = Benchmark.model_validate(yaml.safe_load(pilot(search, table)))
    assert set(read.wanted_steps()) == {spec.run for spec in read.plan() if spec.label in ("pearl", "tcl-pearl")}


def test_an_environment_that_the_oracle_does_not_learn_is_left_out_and_listed(
    trials_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "score", lambda spec: -1.0 if spec.algorithm == "oracle-sac" else 5.0)
    store = Store(tmp_path / "results")
    assert suite("run", trials_file, "--results", store.results) == 0
    table = collect(small(), store)
    benchmark, unlearnt = tuned(small(), table)
    assert unlearnt == ["point-goal-2d"]
    assert benchmark["groups"] == benchmark["clusters"] == []
    assert "# Left out, for oracle-sac does not learn it: point-goal-2d." in pilot(small(), table)


def test_a_trial_that_lacks_a_seed_is_not_chosen(tmp_path: Path) -> None:
    search = small().model_copy(update={"seeds": [100, 101]})
    tried = [json.dumps(each, sort_keys=True) for each in trials(search, "point-goal-2d", "pearl")]
    rows = [(0, 100, 1.0), (0, 101, 1.0), (1, 100, 9.0)]
    table = pd.DataFrame(
        [
            ("point-goal-2d", "pearl", trial, seed, "", "done", score, 0.0, 1.0, tried[trial])
            for trial, seed, score in rows
        ],
        columns=list(COLUMNS),
    )
    settings, numbers = best(search, table, "point-goal-2d", "pearl")
    assert numbers is not None
    assert (settings, numbers["score"]) == (trials(search, "point-goal-2d", "pearl")[0], 1.0)
