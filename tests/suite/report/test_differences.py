"""Two entries side by side, with an interval of the difference."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from scipy import stats

from suite.analysis.equivalence import decision
from suite.analysis.results import read_results
from suite.errors import UsageError
from suite.failures import Kind
from suite.papers.paper import read_papers
from suite.plan.seeds import Comparison
from suite.report import difference_table, plain_tables
from suite.report.contents import contents
from suite.report.sections import scores
from suite.report.tables.verdicts import VERDICT_CLASSES
from suite.store.runs import Store
from suite.table import as_markdown
from tests.suite.stores import fail, finish, linear, make_spec, make_store
from tests.suite.trained_runs import suite

OURS = [3.0, 5.0, 10.0]
THEIRS = [1.0, 2.0, 2.5]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    runs = {("tcl-pearl", "point-goal-2d"): OURS, ("pearl", "point-goal-2d"): THEIRS, ("mql", "reach-v1"): [1.0]}
    return make_store(tmp_path / "results", runs, start=-20.0, budget=20_000)


def test_the_difference_has_welchs_interval(store: Store) -> None:
    table = difference_table(store, "tcl-pearl", "pearl")
    (row,) = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    interval = stats.ttest_ind(OURS, THEIRS, equal_var=False).confidence_interval(0.95)
    assert (row["environment"], row["seeds_a"], row["seeds_b"]) == ("point-goal-2d", 3, 3)
    assert row["untrained"] == pytest.approx(-20.0)
    assert row["difference"] == pytest.approx(np.mean(OURS) - np.mean(THEIRS))
    assert row["difference_ci"] == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert row["p_improvement"] == 1.0


def test_the_command_prints_it_for_readers_and_as_json(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    expected = difference_table(store, "tcl-pearl", "pearl")
    for option, printed in ((), as_markdown(expected) + "\n"), (("--json",), None):
        assert suite("compare", "tcl-pearl", "pearl", "--results", store.results, *option) == 0
        out = capfd.readouterr().out
        assert out == printed if printed else json.loads(out) == json.loads(json.dumps(expected.plain()))
    assert suite("compare", "tcl-perl", "pearl", "--results", store.results) == 2
    assert "did you mean 'tcl-pearl'" in capfd.readouterr().err


def test_on_a_terminal_it_is_a_table_in_columns(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert suite("compare", "tcl-pearl", "pearl", "--results", store.results) == 0
    lines = capfd.readouterr().out.splitlines()
    expected = difference_table(store, "tcl-pearl", "pearl")
    assert lines[0] == expected.title
    head, row, _ = lines[-3:]
    assert [
        row[head.index(name) :].startswith(cell)
        for name, cell in zip(expected.columns.values(), expected.written[0], strict=True)
    ] == [True] * len(expected.columns)


def test_the_margin_is_a_percentage_of_the_other_s_gain(store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    found = {}
    for percent in ("10", "100"):
        assert suite("compare", "tcl-pearl", "pearl", "--results", store.results, "--margin", percent, "--json") == 0
        (row,) = json.loads(capfd.readouterr().out)["rows"]
        found[percent] = row["decision"]
    assert found == {"10": "inconclusive", "100": "equivalent"}
    for wrong in ("0", "101", "nan", "a"):
        assert suite("compare", "tcl-pearl", "pearl", "--results", store.results, "--margin", wrong) == 2
        assert "--margin" in capfd.readouterr().err


def lossy(path: Path, losing: str, kind: Kind) -> Store:
    """Five seeds each of two entries that are far apart; two of one are lost on point-goal-2d."""
    ends = {("tcl-pearl", place): [5.0, 5.1, 5.2, 5.3, 5.4] for place in ("point-goal-2d", "reach-v1")}
    ends |= {("pearl", place): [1.0, 1.1, 1.2, 1.3, 1.4] for place in ("point-goal-2d", "reach-v1")}
    store = make_store(path, ends, start=-20.0, budget=20_000)
    for seed in (0, 1):
        spec = make_spec(losing, "point-goal-2d", seed, budget=20_000)
        shutil.rmtree(store.folder(spec.run).path)
        fail(store, spec, "gone", kind=kind)
    return store


@pytest.mark.parametrize("kind", get_args(Kind))
@pytest.mark.parametrize("losing", ["tcl-pearl", "pearl"])
def test_nothing_is_decided_where_runs_are_lost_and_they_are_named(losing: str, kind: Kind, tmp_path: Path) -> None:
    store = lossy(tmp_path, losing, kind)
    table = difference_table(store, "tcl-pearl", "pearl")
    decision = list(table.columns).index("decision")
    assert {row[0]: row[decision] for row in table.rows} == {
        "point-goal-2d": "inconclusive",
        "reach-v1": "better",
        "all 2": "inconclusive",
    }
    said = (
        f"Runs lost: 2 of {losing} ({kind}), on point-goal-2d; numbers are of finished runs, and decide nothing there."
    )
    assert said in table.note
    rows = {table["key"]: table for table in plain_tables(store)}
    assert {row["decision"] for row in rows["wins"]["rows"]} == {"inconclusive"}
    assert said in rows["wins"]["note"]


@pytest.mark.parametrize("lost", ["all", "some", "none"])
@pytest.mark.parametrize("losing", ["tcl-pearl", "pearl", "oracle-sac"])
def test_no_score_is_the_best_where_an_entry_lost_runs(losing: str, lost: str, tmp_path: Path) -> None:
    entries = ("tcl-pearl", "pearl", "oracle-sac")
    places = ("point-goal-2d", "reach-v1")
    ends = {(entry, place): [1.0 + at, 1.1 + at] for at, entry in enumerate(entries) for place in places}
    store = make_store(tmp_path, ends, start=-20.0, budget=20_000)
    for seed in range({"all": 2, "some": 1, "none": 0}[lost]):
        spec = make_spec(losing, "reach-v1", seed, budget=20_000)
        shutil.rmtree(store.folder(spec.run).path)
        fail(store, spec, "gone", kind="diverged")
    (table,) = (
        table for table in scores(contents(read_results(store), read_papers())).tables if table.key == "by-environment"
    )
    bold = dict(zip((row[0] for row in table.rows), table.bold, strict=True))
    undecided = lost != "none" and losing != "oracle-sac"  # a control is in no comparison
    assert bold == {
        "tcl-pearl": frozenset(),
        "pearl": frozenset({"point-goal-2d"} if undecided else places),
        "oracle-sac": frozenset(),
    }
    assert ("Runs lost: " in table.note) == (lost != "none")
    assert ("decide nothing there" in table.note) == undecided


def test_where_none_is_lost_nothing_is_said(store: Store) -> None:
    assert "lost" not in difference_table(store, "tcl-pearl", "pearl").note


def test_turned_round_it_has_the_other_sign(store: Store) -> None:
    there, back = (difference_table(store, *pair) for pair in (("tcl-pearl", "pearl"), ("pearl", "tcl-pearl")))
    place = list(there.columns).index("difference")
    assert there.rows[0][place] == pytest.approx(-back.rows[0][place])  # type: ignore[operator]


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [("tcl-perl", "pearl", "did you mean 'tcl-pearl'"), ("pearl", "mql", "no common environment")],
)
def test_what_cannot_be_compared_is_said(ours: str, theirs: str, says: str, store: Store) -> None:
    with pytest.raises(UsageError, match=says):
        difference_table(store, ours, theirs)


def test_seeds_that_were_added_are_marked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    runs = {
        entry: tuple(finish(store, make_spec(entry, seed=seed), linear(0.0, seed)).run for seed in range(3))
        for entry in ("tcl-pearl", "pearl")
    }
    comparison = Comparison(
        environment="reach-v1", entries=("tcl-pearl", "pearl"), batch=3, runs=(runs["tcl-pearl"], runs["pearl"])
    )
    table = difference_table(store, "tcl-pearl", "pearl", comparisons=[comparison])
    (row,) = table.plain()["rows"]
    assert (row["environment"], row["adaptive"]) == ("reach-v1", True)
    assert "| reach-v1 † |" in as_markdown(table)
    (row,) = difference_table(store, "tcl-pearl", "pearl").plain()["rows"]
    assert (row["environment"], row["adaptive"]) == ("reach-v1", False)


def test_rows_of_several_environments_are_marked_where_seeds_were_added_in_any_of_them(tmp_path: Path) -> None:
    store = Store(tmp_path)
    places = ("ant-fb", "cheetah-vel", "push-v1", "reach-v1")
    runs = {
        (entry, place): tuple(finish(store, make_spec(entry, place, seed), linear(0.0, seed)).run for seed in range(3))
        for entry in ("tcl-pearl", "pearl")
        for place in places
    }
    added = (runs["tcl-pearl", "ant-fb"], runs["pearl", "ant-fb"])
    comparison = Comparison(environment="ant-fb", entries=("tcl-pearl", "pearl"), batch=3, runs=added)
    rows = difference_table(store, "tcl-pearl", "pearl", comparisons=[comparison]).plain()["rows"]
    assert {row["environment"] for row in rows if row["adaptive"]} == {"ant-fb", "all 2 of kind controls", "all 4"}
    assert [row["environment"] for row in rows][-3:] == ["all 2 of kind controls", "all 2 of kind ml1", "all 4"]


@pytest.mark.parametrize("equivalent", [False, True])
@pytest.mark.parametrize("direction", [-1, 0, 1])
def test_every_decision_has_a_mark(direction: int, equivalent: bool) -> None:
    assert decision(direction, equivalent) in VERDICT_CLASSES
