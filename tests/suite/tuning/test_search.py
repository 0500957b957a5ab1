"""The search for settings: as many trials for every entry, interrupted or not the same, and a file that says how."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

import suite
from suite.execute.registry import EXECUTORS
from suite.failures import Kind
from suite.plan.benchmark import Benchmark, load_benchmark
from suite.session import Interrupted
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.tuning.search import ROUND, searches, tune
from suite.tuning.written import tuned
from tests.suite import instant
from tests.suite.trained_runs import suite as command

TWO_HOSTS = """
name: two hosts
description: two hosts, one of them with entries that inherit
groups:
  - environments: [point-goal-2d]
    seeds: [0, 1]
    budget: 90000
    evaluations: 2
    algorithms:
      tcl-pearl: {settings: {window: 10, learning_rate: 0.0004}}
      pearl: {settings: {meta_batch: 4}}
      pearl, no KL: {algorithm: pearl, settings: {kl_weight: 0.0}}
      oracle: {algorithm: oracle-sac}
    tune:
      ranges:
        pearl: {learning_rate: {low: 0.0001, high: 0.1, log: true}, kl_weight: [0.01, 0.1]}
        oracle: {learning_rate: {low: 0.0001, high: 0.1, log: true}}
"""


SAID_OTHERWISE = {"tcl-pearl": ["learning_rate"], "pearl, no KL": ["kl_weight"]}
"""Settings in which entries that inherit differ from their host."""


def made_up(spec: RunSpec) -> float | Kind | None:
    """Best at a learning rate of 0.002."""
    return -abs(math.log10(spec.settings["learning_rate"] / 0.002))


def on_two_environments(**tune: Any) -> Benchmark:
    value = yaml.safe_load(TWO_HOSTS)
    value["groups"][0]["environments"].append("navigation-2d")
    value["groups"][0]["tune"] |= tune
    return Benchmark.model_validate(value)


@pytest.fixture
def two_hosts(monkeypatch: pytest.MonkeyPatch) -> Benchmark:
    monkeypatch.setitem(EXECUTORS, "instant", "tests.suite.instant:InstantExecutor")
    monkeypatch.setitem(EXECUTORS, "local", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "calls", [])
    monkeypatch.setattr(instant, "interrupt_after", None)
    monkeypatch.setattr(instant, "score", made_up)
    return Benchmark.model_validate(yaml.safe_load(TWO_HOSTS))


def search(benchmark: Benchmark, results: Path, **options: Any) -> Any:
    return tune(benchmark, results=results, executor="instant", **{"trials": 6, **options})


def test_of_entries_of_one_host_the_host_is_searched_and_the_others_inherit() -> None:
    found = searches(on_two_environments())
    assert [(each.environment, each.label, each.heirs) for each in found] == [
        ("point-goal-2d", "pearl", ("tcl-pearl", "pearl, no KL")),
        ("point-goal-2d", "oracle", ()),
        ("navigation-2d", "pearl", ("tcl-pearl", "pearl, no KL")),
        ("navigation-2d", "oracle", ()),
    ]
    assert found[0].own == {"learning_rate": 3e-4, "kl_weight": 0.1}  # the declaration's defaults


def test_every_entry_has_as_many_trials_all_different_on_the_search_s_seeds(
    two_hosts: Benchmark, tmp_path: Path
) -> None:
    outcome = search(two_hosts, tmp_path, seeds=[100, 107])
    assert not outcome.lost
    for each in outcome.found:
        assert [trial.number for trial in each.trials] == list(range(6))
        assert len({json.dumps(dict(trial.values)) for trial in each.trials}) == 6
        assert each.best is not None
        assert each.best.score == max(trial.score or -9.0 for trial in each.trials)
        assert each.best.score == pytest.approx(-abs(math.log10(each.best.values["learning_rate"] / 0.002)))
        assert each.seconds == pytest.approx(6 * 2 * 100.0)  # as the made-up runs say
    specs = [record.spec() for record in Store(tmp_path).records()]
    assert len(specs) == 2 * 6 * 2
    assert {spec.seed for spec in specs} == {100, 107}
    assert {spec.settings.get("meta_batch") for spec in specs if spec.algorithm == "pearl"} == {4}


@pytest.mark.parametrize("after", [0, 3, 6])
def test_interrupted_and_resumed_equals_never_interrupted(
    after: int, two_hosts: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = search(two_hosts, tmp_path / "whole")
    monkeypatch.setattr(instant, "interrupt_after", after)
    rounds = 0
    while True:
        try:
            resumed = search(two_hosts, tmp_path / "pieces")
            break
        except Interrupted:
            rounds += 1
            monkeypatch.setattr(instant, "interrupt_after", after if rounds < 3 else None)
    assert rounds >= 1
    assert resumed == whole
    assert {folder.run for folder in Store(tmp_path / "pieces").records()} == {
        folder.run for folder in Store(tmp_path / "whole").records()
    }


def test_a_longer_search_begins_with_the_trials_of_a_shorter_one(two_hosts: Benchmark, tmp_path: Path) -> None:
    shorter = search(two_hosts, tmp_path, trials=ROUND + 2)
    done = sum(map(len, instant.calls))
    longer = search(two_hosts, tmp_path, trials=2 * ROUND + 1)
    for short, long in zip(shorter.found, longer.found, strict=True):
        assert long.trials[: ROUND + 2] == short.trials
    assert sum(map(len, instant.calls)) - done == 2 * (ROUND - 1)


def test_a_search_that_is_over_executes_nothing(two_hosts: Benchmark, tmp_path: Path) -> None:
    first = search(two_hosts, tmp_path)
    instant.calls.clear()
    assert search(two_hosts, tmp_path) == first
    assert instant.calls == []


def test_a_trial_that_diverges_is_a_trial_and_is_not_tried_again(
    two_hosts: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        instant, "score", lambda spec: "diverged" if spec.settings["learning_rate"] > 0.005 else made_up(spec)
    )
    outcome = search(two_hosts, tmp_path)
    assert not outcome.lost
    trials = [trial for each in outcome.found for trial in each.trials]
    failed = [trial for trial in trials if trial.values["learning_rate"] > 0.005]
    assert failed
    assert {(trial.score, trial.failure) for trial in failed} == {(None, "made to fail")}
    assert all(trial.score is not None for trial in trials if trial not in failed)
    instant.calls.clear()
    assert search(two_hosts, tmp_path) == outcome
    assert instant.calls == []


def test_another_failure_stops_the_search_which_goes_on_once_it_is_mended(
    two_hosts: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = search(two_hosts, tmp_path / "whole")
    monkeypatch.setattr(instant, "score", lambda spec: "storage" if spec.label == "oracle trial 05" else made_up(spec))
    stopped = search(two_hosts, tmp_path / "r")
    assert stopped.found == ()
    assert list(stopped.lost.values()) == ["made to fail"]
    monkeypatch.setattr(instant, "score", made_up)
    assert search(two_hosts, tmp_path / "r") == whole


@pytest.mark.usefixtures("two_hosts")
def test_the_file_has_what_was_found_for_hosts_and_heirs_alike(tmp_path: Path) -> None:
    benchmark = on_two_environments()
    outcome = search(benchmark, tmp_path, trials=2)
    written = Benchmark.model_validate(tuned(benchmark, outcome.found, tmp_path))
    assert written.name == "two hosts-tuned"
    assert [group.environments for group in written.groups] == [["point-goal-2d"], ["navigation-2d"]]
    before = {(spec.environment, spec.label, spec.seed): spec for spec in benchmark.plan()}
    found = {(each.environment, each.entry): each.best.values for each in outcome.found}
    for spec in written.plan():
        host = "oracle" if spec.label == "oracle" else "pearl"
        own = before[spec.environment, spec.label, spec.seed].settings
        kept = {name: own[name] for name in SAID_OTHERWISE.get(spec.label, ())}
        assert spec.settings == own | found[spec.environment, host] | kept
    assert len(written.plan()) == len(before) == 16


@pytest.mark.usefixtures("two_hosts")
def test_one_environment_may_speak_for_all_of_its_group(tmp_path: Path) -> None:
    together = on_two_environments(environment="navigation-2d")
    outcome = search(together, tmp_path, trials=2)
    assert [(each.environment, each.serves) for each in outcome.found] == [
        ("navigation-2d", ("point-goal-2d", "navigation-2d"))
    ] * 2
    assert {record.spec().environment for record in Store(tmp_path).records()} == {"navigation-2d"}
    (group,) = tuned(together, outcome.found, tmp_path)["groups"]
    assert group["environments"] == ["point-goal-2d", "navigation-2d"]
    assert group["algorithms"]["tcl-pearl"]["settings"]["window"] == 10
    assert "tune" not in group


@pytest.mark.parametrize(
    ("changes", "options", "says"),
    [
        ({}, {"seeds": [99]}, "--seeds: 99: must be 100 or more"),
        ({"seeds": [0, 100]}, {}, "--seeds: 100: is one of the benchmark itself"),
        ({}, {"sampler": "grid"}, "sampler 'grid' is unknown; allowed: random, tpe"),
        ({}, {"only": ["label=tcl-pearl"]}, "--only label=tcl-pearl: leaves nothing to search"),
        ({}, {"only": ["algorithm=perl"]}, "algorithm 'perl' is unknown"),
        ({"algorithms": {"garage-pearl": None}, "tune": None}, {}, "garage-pearl declares no ranges"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_anything_is_written(
    changes: dict[str, Any], options: dict[str, Any], says: str, two_hosts: Benchmark, tmp_path: Path
) -> None:
    value = yaml.safe_load(TWO_HOSTS)
    value["groups"][0] |= changes
    with pytest.raises(suite.UsageError) as refused:
        search(Benchmark.model_validate(value), tmp_path / "r", **options)
    assert says in str(refused.value)
    assert not (tmp_path / "r").exists()


def test_included_benchmarks_are_tuned_by_themselves() -> None:
    with pytest.raises(suite.UsageError, match="include: smoke: tune each of them by itself"):
        searches(Benchmark(name="both", description="", include=["smoke"]))


@pytest.fixture
def file(two_hosts: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(TWO_HOSTS)
    return Path("two.yaml")


def test_the_command_writes_a_benchmark_that_says_how_it_was_found_and_a_page(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("tune", file, "--trials", 5, "--only", "label=pearl", "--out", "found.yaml") == 0
    assert "page: reports/tuning.html" in capsys.readouterr().out
    head = [line for line in Path("found.yaml").read_text().splitlines() if line.startswith("#")]
    assert head[0] == "# Written by `suite tune two.yaml --trials 5 --only label=pearl --out found.yaml`."
    assert "on seeds 100, which nothing else is to use" in head[1]
    assert head[2].startswith("# point-goal-2d: pearl: trial ")
    assert head[2].endswith("; so has tcl-pearl, pearl, no KL")
    assert len(head) == 3
    assert len(load_benchmark("found.yaml").plan()) == 8
    page = Path("reports/tuning.html").read_text()
    for heading in ("What was found", "What mattered", "Every trial"):
        assert f">{heading}</h2>" in page
    assert page.count("<tr") > 10
    first = Path("found.yaml").read_bytes(), page
    instant.calls.clear()
    assert command("tune", file, "--trials", 5, "--only", "label=pearl", "--out", "found.yaml") == 0
    assert instant.calls == []
    assert (Path("found.yaml").read_bytes(), Path("reports/tuning.html").read_text()) == first


def test_json_has_every_trial_and_nothing_else_is_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("tune", file, "--trials", 4, "--json", "--only", "label=oracle") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["benchmark"], found["page"]) == ("two hosts-tuned.yaml", "reports/tuning.html")
    assert [each["entry"] for each in found["searches"]] == ["oracle"]
    for each in found["searches"]:
        scores = [trial["score"] for trial in each["trials"]]
        assert each["best"] == scores.index(max(scores))


def test_a_dry_run_says_what_would_be_searched_and_runs_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("tune", file, "--dry-run", "--trials", 3) == 0
    printed = capsys.readouterr().out
    assert "tcl-pearl, pearl, no KL" in printed
    assert [line.rpartition(" ")[2] for line in printed.splitlines()[1:3]] == ["270,000", "270,000"]
    assert printed.endswith("6 runs, 540,000 environment steps\n")
    assert sorted(path.name for path in Path().iterdir()) == ["two.yaml"]


def test_a_search_that_stops_says_how_to_go_on(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instant, "score", lambda spec: None)
    assert command("tune", file, "--trials", 2) == 1
    printed = capsys.readouterr().err
    assert "the search stopped; once this is fixed, resume with: suite tune two.yaml --trials 2" in printed
    assert not Path("two hosts-tuned.yaml").exists()
    monkeypatch.setattr(instant, "interrupt_after", 1)
    assert command("tune", file, "--trials", 2) == 130
    assert "to resume: suite tune two.yaml --trials 2" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seeds", "x"], "--seeds x: 'x' is neither a seed nor a range"),
        (["--sampler", "grid"], "'grid' is not one of"),
        (["--out", "two.yaml"], "--out two.yaml: is there already, and was written by no search"),
        (["--out", "none/x.yaml"], "--out none/x.yaml: there is no folder none"),
    ],
)
def test_wrong_usage_is_one_line(words: list[str], says: str, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("tune", file, *words) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert Path("two.yaml").read_text() == TWO_HOSTS


def test_without_optuna_there_is_one_line(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    assert command("tune", file) == 2
    assert capsys.readouterr().err == "error: suite tune needs Optuna, which is not installed: pip install optuna\n"
    assert not Path("results").exists()
