"""The search for pilot's settings: run in pieces, nothing of it lost, and pilot is what it found."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from studies.tuning.__main__ import pilot, read_table
from studies.tuning.search import (
    COLUMNS,
    HERE,
    Drawn,
    Search,
    collect,
    found_by,
    read_search,
    trials,
    tuned,
    unsearched,
)
from suite.execute.registry import EXECUTORS
from suite.failures import Kind
from suite.plan.benchmark import SUITE, Benchmark, load_benchmark
from suite.plan.ranges import FIRST_SEED
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.tuning.search import Tuned, searches, tune
from tests.suite import instant

PILOT = SUITE / "plan" / "benchmarks" / "pilot.yaml"
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
    assert PILOT.read_text() == pilot(SEARCH, read_table()), "write it anew: python -m studies.tuning pilot > ..."


def test_what_was_tried_is_what_the_search_says() -> None:
    """The committed table is one of this search: nothing was tried beside it."""
    planned = [search.specs({0: {}}, SEARCH.seeds)[0] for search in searches(unsearched(SEARCH))]
    for row in read_table().to_dict("records"):
        tried = trials(SEARCH, row["environment"], row["algorithm"])
        assert json.loads(row["settings"]) == tried[row["trial"]]
        assert row["seed"] in SEARCH.seeds
    assert [(specs[0].environment, specs[0].algorithm) for specs in planned] == SEARCHES


def test_the_settings_of_a_trial_are_those_that_were_drawn_for_it() -> None:
    for wanted in searches(unsearched(SEARCH)):
        drawn = Drawn(SEARCH, wanted)
        values = {number: drawn.ask() or {} for number in range(12)}
        assert drawn.ask() is None
        for number, specs in wanted.specs(values, SEARCH.seeds).items():
            expected = trials(SEARCH, wanted.environment, wanted.label)[number]
            used = {**specs[0].settings, "standardise_observations": specs[0].settings.get("standardise_observations")}
            assert {name: used[name] for name in expected} == expected


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


def made_up(spec: RunSpec) -> float | Kind | None:
    """Trial 2 is the best of those that do not diverge; trial 3 does."""
    trial = int(spec.label.rpartition(" ")[2])
    scores: list[float | Kind] = [10.0, 20.0, 30.0, "diverged"]
    return scores[trial]


@pytest.fixture
def instantly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS, "local", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "interrupt_after", None)
    monkeypatch.setattr(instant, "score", made_up)


def searched(results: Path, *only: str) -> Tuned:
    search = small()
    return tune(unsearched(search), trials=4, sampler=lambda each: Drawn(search, each), results=results, only=only)


@pytest.mark.usefixtures("instantly")
def test_a_search_is_run_in_pieces_and_kept_whole(tmp_path: Path) -> None:
    search = small()
    first, second = Store(tmp_path / "first"), Store(tmp_path / "second")
    nothing = pd.DataFrame(columns=list(COLUMNS))
    table = collect(search, searched(first.results, "algorithm=pearl").found, first, nothing)
    assert table["state"].tolist() == ["done", "done", "done", "failed"]
    table.to_csv(tmp_path / "tuning.csv", index=False)
    found = searched(second.results, "algorithm=oracle-sac").found
    table = collect(search, found, second, pd.read_csv(tmp_path / "tuning.csv"))
    assert list(table) == list(COLUMNS)
    assert len(table) == 8
    pd.testing.assert_frame_equal(table, collect(search, found, second, table))  # nothing new changes nothing
    for each in found_by(search, table):
        assert each.best is not None
        assert (each.best.number, each.best.score) == (2, pytest.approx(30.0))
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


@pytest.mark.usefixtures("instantly")
def test_an_environment_that_the_oracle_does_not_learn_is_left_out_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "score", lambda spec: -1.0 if spec.algorithm == "oracle-sac" else 5.0)
    store = Store(tmp_path / "results")
    table = collect(small(), searched(store.results).found, store, pd.DataFrame(columns=list(COLUMNS)))
    benchmark, unlearnt = tuned(small(), table)
    assert unlearnt == ["point-goal-2d"]
    assert benchmark["groups"] == benchmark["clusters"] == []
    assert "# Left out, for oracle-sac does not learn it: point-goal-2d." in pilot(small(), table)


def test_a_trial_that_lacks_a_seed_is_not_chosen() -> None:
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
    pearl, oracle = found_by(search, table)
    assert [(trial.number, trial.score) for trial in pearl.trials] == [(0, 1.0)]
    assert oracle.trials == ()


@pytest.mark.parametrize("name", ["quick", "study"])
def test_what_suite_tune_found_is_in_the_benchmark(name: str) -> None:
    plan = load_benchmark(name).plan()
    for search in json.loads((HERE / f"{name}.json").read_text()):
        tried = search["trials"]
        assert len({json.dumps(trial["values"], sort_keys=True) for trial in tried}) == len(tried)
        best = max(tried, key=lambda trial: trial["score"])["values"]
        mine = [spec for spec in plan if spec.environment in search["serves"]]
        mine = [spec for spec in mine if spec.label in {search["entry"], *search["heirs"]}]
        assert {spec.label for spec in mine} == {search["entry"], *search["heirs"]}
        assert all(best.items() <= spec.settings.items() for spec in mine)
        seeds = {int(re.findall(r"_s(\d+)_", run)[-1]) for trial in tried for run in trial["runs"]}
        assert min(seeds) >= FIRST_SEED > max(spec.seed for spec in plan)
