"""Seeds where they decide: interim analyses are a function of finished runs, and hold the error together."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from suite.analysis.sequential import ERROR, critical_p_values, planned, sequential_test, sequential_tests
from suite.errors import UsageError
from suite.execute.registry import EXECUTORS
from suite.plan.benchmark import load_benchmark
from suite.plan.seeds import Comparison
from suite.report import plain_tables
from suite.spec import RunSpec
from suite.store.runs import Store
from tests.suite import instant
from tests.suite.report.written import write_report
from tests.suite.stores import finish, linear
from tests.suite.trained_runs import suite

BENCHMARK = {
    "name": "adaptive",
    "description": "two entries until it is decided which is better, and a third",
    "groups": [
        {
            "environments": ["point-goal-2d", "cheetah-vel"],
            "seeds": {"batch": 3, "most": 12, "decide": ["ours", "theirs"]},
            "budget": 30000,
            "evaluations": 10,
            "algorithms": {
                "ours": {"algorithm": "blind-sac"},
                "theirs": {"algorithm": "oracle-sac"},
                "third": {"algorithm": "oracle-sac", "settings": {"batch": 32}},
            },
        }
    ],
}


def comparison(most: int = 15, batch: int = 3, environment: str = "reach-v1") -> Comparison:
    runs = tuple(tuple(f"{entry}-{environment}-{seed}" for seed in range(most)) for entry in ("a", "b"))
    return Comparison(environment=environment, entries=("a", "b"), batch=batch, runs=(runs[0], runs[1]))


def scores(of: Comparison, ours: list[float], theirs: list[float]) -> dict[str, float]:
    return dict(zip(of.runs[0], ours, strict=False)) | dict(zip(of.runs[1], theirs, strict=False))


@given(st.integers(1, 60), st.integers(1, 5), st.integers(1, 6))
def test_critical_p_values_add_up_to_the_comparison_s_share(comparisons: int, batch: int, batches: int) -> None:
    found = critical_p_values(comparison(batch * batches, batch), comparisons)
    assert len(found) == batches
    assert sum(found) == pytest.approx(ERROR / comparisons) or not any(found)
    for seeds, level in zip(range(batch, batch * batches + 1, batch), found, strict=True):
        if level:
            assert 2 / math.comb(2 * seeds, seeds) <= level  # an analysis that spends something could decide


@pytest.mark.parametrize(("comparisons", "first"), [(1, 6), (5, 6), (6, 9), (50, 9)])
def test_the_first_analysis_that_can_decide(comparisons: int, first: int) -> None:
    of = comparison()
    apart = scores(of, [10.0 + seed for seed in range(15)], [float(-seed) for seed in range(15)])
    found = sequential_test(of, comparisons, apart)
    assert (found.verdict, found.wanted, found.analyses[-1].higher) == ("decided", first, 0)
    other = sequential_test(
        of, comparisons, scores(of, [float(-seed) for seed in range(15)], [10.0 + s for s in range(15)])
    )
    assert (other.verdict, other.wanted, other.analyses[-1].higher) == ("decided", first, 1)


def test_ranks_and_means_have_to_agree() -> None:
    """Six of ours above all of theirs but one, which is far below: ranks decide, Welch's test of means does not."""
    of = comparison()
    ours, theirs = [10.0 + seed for seed in range(6)], [float(-seed) for seed in range(5)] + [-5e3]
    (last,) = sequential_test(of, 1, scores(of, ours, theirs)).analyses[1:]
    welch = stats.ttest_ind(ours, theirs, equal_var=False).pvalue
    assert (last.p, last.higher, last.chance) == (pytest.approx(welch), -1, 1.0)
    near = scores(of, ours, [*theirs[:5], -5.0])
    (last,) = sequential_test(of, 1, near).analyses[1:]
    assert last.p == pytest.approx(2 / math.comb(12, 6))  # here of the ranks
    assert last.higher == 0


def test_what_came_after_a_decision_changes_nothing() -> None:
    of = comparison()
    early = scores(of, [10.0 + seed for seed in range(6)], [float(-seed) for seed in range(6)])
    late = scores(of, [*(10.0 + s for s in range(6)), *[-99.0] * 9], [*(-float(s) for s in range(6)), *[99.0] * 9])
    assert sequential_test(of, 5, early).analyses == sequential_test(of, 5, late).analyses


def test_without_a_decision_it_goes_on_to_the_last_interim_analysis() -> None:
    of = comparison()
    values = [float(seed % 5) for seed in range(15)]
    assert sequential_test(of, 5, {}).wanted == 3
    assert sequential_test(of, 5, scores(of, values[:3], values[:3])).wanted == 6
    waiting = sequential_test(of, 5, scores(of, values[:6], values[:5]))
    assert (waiting.verdict, waiting.wanted, waiting.missing) == ("continue", 6, (of.runs[1][5],))
    ended = sequential_test(of, 5, scores(of, values, values))
    assert (ended.verdict, ended.wanted, len(ended.analyses)) == ("not decided", 15, 5)


def test_a_gap_stops_the_analyses_before_it() -> None:
    of = comparison()
    known = scores(of, [10.0 + seed for seed in range(15)], [float(-seed) for seed in range(15)])
    del known[of.runs[0][1]]
    found = sequential_test(of, 1, known)
    assert (found.analyses, found.wanted, found.missing) == ((), 3, (of.runs[0][1],))


@pytest.mark.parametrize("comparisons", [1, 3])
def test_identical_entries_seldom_differ_significantly(comparisons: int) -> None:
    generator = np.random.default_rng(0)
    of = [comparison(environment=str(index)) for index in range(comparisons)]
    trials, wrong = 80, 0
    for _ in range(trials):
        known: dict[str, float] = {}
        for each in of:
            known |= scores(each, list(generator.normal(size=15)), list(generator.normal(size=15)))
        wrong += any(found.verdict == "decided" for found in sequential_tests(of, known))
    assert wrong <= 10  # of 80 at 5 %: more once in 300; how often really: tox -e calibration


@pytest.fixture
def benchmark_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(EXECUTORS, "local", "tests.suite.instant:InstantExecutor")
    monkeypatch.setattr(instant, "calls", [])
    monkeypatch.setattr(instant, "interrupt_after", None)
    monkeypatch.setattr(instant, "score", made_up)
    monkeypatch.setattr("suite.report.page_of", lambda *_, **__: "")  # slow, and nothing of it is looked at
    path = tmp_path / "adaptive.yaml"
    path.write_text(yaml.safe_dump(BENCHMARK))
    return path


def made_up(spec: RunSpec) -> float:
    """Ours are far better on point-goal-2d, and of the same distribution on cheetah-vel."""
    noise = random.Random(f"{spec.label} {spec.environment} {spec.seed}").random()
    return noise + 10 * (spec.label == "ours" and spec.environment == "point-goal-2d")


def seeds_of(store: Store) -> dict[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for folder in store.folders():
        spec = folder.spec()
        found.setdefault((spec.environment, spec.label), []).append(spec.seed)
    return {key: sorted(values) for key, values in found.items()}


EXPECTED = {
    ("point-goal-2d", "ours"): list(range(6)),
    ("point-goal-2d", "theirs"): list(range(6)),
    ("point-goal-2d", "third"): list(range(3)),
    ("cheetah-vel", "ours"): list(range(12)),
    ("cheetah-vel", "theirs"): list(range(12)),
    ("cheetah-vel", "third"): list(range(3)),
}


def test_run_adds_seeds_until_it_is_decided(
    benchmark_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "results")
    arguments = (benchmark_file, "--results", store.results)
    assert suite("plan", *arguments, "--json") == 0
    assert len(json.loads(capfd.readouterr().out)["runs"]) == 18
    assert suite("run", *arguments, "--reports", tmp_path / "reports") == 0
    assert seeds_of(store) == EXPECTED
    assert [len(runs) for runs in instant.calls] == [18, 12, 6, 6]
    said = capfd.readouterr().err
    assert (
        "ours against theirs on point-goal-2d: a run of ours tends to be higher (P = 1.00), decided at 6 seeds" in said
    )
    assert "ours against theirs on cheetah-vel: not decided at 12 seeds, the most there are" in said
    assert suite("run", *arguments, "--reports", tmp_path / "reports") == 0
    assert [len(runs) for runs in instant.calls] == [18, 12, 6, 6, 0]
    definition = load_benchmark(str(benchmark_file))
    specs, _ = planned(definition, store)
    page = write_report(store, tmp_path / "reports", specs, comparisons=definition.comparisons()).read_text()
    assert "Seeds: interim analyses of the comparisons" in page
    assert page.count("<td>ours tends to be higher</td>") == 1
    assert "ours †" in page
    assert "third †" not in page


@pytest.mark.parametrize("after", [5, 11])
def test_interrupting_and_resuming_changes_nothing(
    after: int, benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "results")
    arguments = ("run", benchmark_file, "--results", store.results, "--reports", tmp_path / "reports")
    for _ in range(4):
        monkeypatch.setattr(instant, "interrupt_after", after)
        suite(*arguments)
    monkeypatch.setattr(instant, "interrupt_after", None)
    assert suite(*arguments) == 0
    assert seeds_of(store) == EXPECTED


def test_a_failure_stops_its_own_comparison_alone(
    benchmark_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def failing(spec: RunSpec) -> float | None:
        at = (spec.environment, spec.label, spec.seed)
        return None if at == ("cheetah-vel", "ours", 4) else made_up(spec)

    monkeypatch.setattr(instant, "score", failing)
    store = Store(tmp_path / "results")
    assert suite("run", benchmark_file, "--results", store.results, "--reports", tmp_path / "reports") == 1
    assert [len(runs) for runs in instant.calls] == [18, 12]
    assert (
        "cheetah-vel: not decided at 3 seeds, the interim analysis at 6 seeds waits for 1 runs"
        in capfd.readouterr().err
    )
    assert seeds_of(store)["point-goal-2d", "ours"] == list(range(6))


def test_seeds_of_the_command_line_are_those(benchmark_file: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    arguments = ("run", benchmark_file, "--results", store.results, "--reports", tmp_path / "reports")
    assert suite(*arguments, "--seeds", "0-1", "--only", "label=ours,theirs") == 0
    assert {tuple(seeds) for seeds in seeds_of(store).values()} == {(0, 1)}
    assert len(instant.calls) == 1


def test_a_snapshot_keeps_the_interim_analyses(benchmark_file: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    assert suite("run", benchmark_file, "--results", results, "--reports", tmp_path / "reports") == 0
    assert suite("publish", benchmark_file, "--results", results) == 0
    (snapshot,) = Store(results).snapshots
    assert plain_tables(Store(snapshot.path)) == snapshot.tables
    (table,) = [table for table in snapshot.tables if table["key"] == "interim-analyses"]
    assert [row["decision"] for row in table["rows"]] == [
        "continue",
        "ours tends to be higher",
        *["continue"] * 3,
        "not decided",
    ]
    assert [row["critical_p"] for row in table["rows"]] == [
        None,
        *[pytest.approx(ERROR / 2 / 3)] * 1,
        None,
        *[ERROR / 2 / 3] * 3,
    ]


def test_a_plan_is_a_function_of_finished_runs(benchmark_file: Path, tmp_path: Path) -> None:
    assert suite("run", benchmark_file, "--results", tmp_path / "one", "--reports", tmp_path / "reports") == 0
    benchmark = load_benchmark(str(benchmark_file))
    specs, tests = planned(benchmark, Store(tmp_path / "one"))
    assert {spec.run for spec in specs} < {spec.run for spec in benchmark.plan()}
    other = Store(tmp_path / "other")
    for spec in sorted(benchmark.plan(), key=lambda spec: spec.run, reverse=True):  # more than is wanted, backwards
        finish(other, spec, linear(0.0, made_up(spec)))
    assert planned(benchmark, other) == (specs, tests)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda seeds: seeds | {"most": 10}, "groups.0.seeds: "),
        (lambda seeds: seeds | {"most": 10}, "most: 10 is no multiple of batch, 3"),
        (lambda seeds: seeds | {"decide": ["ours", "ours"]}, "decide: 'ours' is repeated"),
        (lambda seeds: seeds | {"decide": ["ours"]}, "groups.0.seeds.decide"),
        (lambda seeds: seeds | {"decide": ["ours", "their"]}, "did you mean 'theirs'?"),
        (lambda seeds: seeds | {"batch": 0}, "groups.0.seeds.batch: 0"),
        (lambda seeds: seeds | {"fewest": 2}, "groups.0.seeds: key 'fewest' is unknown"),
        (lambda seeds: seeds | {"most": 3}, "seeds: most: 3 seeds decide nothing at 5 % over 2 comparisons; 5 could"),
    ],
)
def test_an_impossible_request_is_one_line(
    change: Callable[[dict[str, object]], dict[str, object]], says: str, tmp_path: Path
) -> None:
    (group,) = BENCHMARK["groups"]
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(BENCHMARK | {"groups": [group | {"seeds": change(group["seeds"])}]}))  # type: ignore[operator]
    with pytest.raises(UsageError) as error:
        planned(load_benchmark(str(path)), Store(tmp_path))
    assert says in str(error.value), error.value
