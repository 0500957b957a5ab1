"""The first screen: its sentences are the data's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from suite.analysis.results import read_results
from suite.papers.paper import read_paper, read_papers
from suite.plan.seeds import Comparison
from suite.report import summary
from suite.report.contents import Contents, concerned, contents
from suite.store.runs import Store
from tests.suite.report.test_page import Page
from tests.suite.report.written import write_report
from tests.suite.stores import fail, finish, linear, make_spec, make_store

Ends = dict[tuple[str, str], list[float]]


def found(tmp_path: Path, ends: Ends, start: float = 0.0, **options: object) -> Contents:
    results = read_results(make_store(tmp_path / "results", ends, start=start, budget=1000))
    return contents(results, read_papers(), judged=[], **options)  # type: ignore[arg-type]


def test_what_learned_is_said_and_what_did_not_is_named(tmp_path: Path) -> None:
    all_learned = found(tmp_path / "a", {("pearl", "ant-fb"): [9.0, 10.0], ("mql", "ant-fb"): [8.0, 9.0]})
    assert summary.learned_in_short(all_learned) == "Yes: all entries learned on every seed."
    ends: Ends = {
        ("pearl", "ant-fb"): [9.0, 0.1],
        ("mql", "ant-fb"): [0.1, 0.2],
        ("oracle-sac", "ant-fb"): [10.0, 10.5],
    }
    some = found(tmp_path / "b", ends)
    assert summary.learned_in_short(some) == (
        "Partly: 0 of 2 entries learned on every seed (control oracle-sac not counted); pearl on ant-fb learned on "
        "some seeds only; mql on ant-fb did not learn on any seed."
    )
    (place,) = summary.places(some)
    assert [(strip.entry, strip.mark) for strip in place.strips] == [
        ("oracle-sac", ""),
        ("pearl", "1 of 2"),
        ("mql", "did not learn"),
    ]
    assert "pearl: 0 untrained, 4.55 trained, 95 % CI" in place.strips[1].words


def test_an_oracle_that_did_not_learn_is_said(tmp_path: Path) -> None:
    ends: Ends = {("pearl", "ant-fb"): [9.0, 9.5], ("oracle-sac", "ant-fb"): [0.0, 10.0]}
    assert "On ant-fb not even oracle-sac learned on every seed" in summary.learned_in_short(found(tmp_path, ends))


def test_a_blind_control_that_nobody_beats_is_said(tmp_path: Path) -> None:
    ends: Ends = {
        ("pearl", "ant-fb"): [9.0, 9.5],
        ("mql", "ant-fb"): [8.0, 9.0],
        ("blind-sac", "ant-fb"): [9.0, 9.6],
        ("pearl", "cheetah-vel"): [9.0, 9.5],
        ("blind-sac", "cheetah-vel"): [9.0, 9.4],
        ("oracle-sac", "cheetah-vel"): [9.9, 9.9],
        ("blind-sac", "reach-v1"): [9.0, 9.4],
    }
    said = summary.learned_in_short(found(tmp_path, ends))
    assert said.startswith("Yes: all pairs of entry and environment learned on every seed (controls blind-")
    assert said.endswith("). On ant-fb no counted entry has a higher mean than blind-sac, which does not adapt.")


def test_entries_that_diverged_on_every_seed_and_pages_of_controls_are_told(tmp_path: Path) -> None:
    store = make_store(tmp_path / "a", {("pearl", "ant-fb"): [9.0, 10.0]}, budget=1000)
    for seed in range(2):
        fail(store, make_spec("mql", "ant-fb", seed), "not finite", kind="diverged")
    judged = contents(read_results(store), read_papers(), judged=[])
    assert summary.learned_in_short(judged).startswith(
        "Partly: 1 of 2 entries learned on every seed; mql on ant-fb did"
    )
    assert [[strip.entry for strip in place.strips] for place in summary.places(judged)] == [["pearl"]]
    controls = found(tmp_path / "b", {("oracle-sac", "ant-fb"): [9.0, 9.5], ("blind-sac", "ant-fb"): [8.0, 9.0]})
    assert summary.learned_in_short(controls) == "Yes: all entries learned on every seed."


def test_the_forest_has_welchs_interval_as_a_share_of_the_mean_gain(tmp_path: Path) -> None:
    ours, theirs = [10.0, 12.0, 14.0], [8.0, 9.0, 13.0]
    shown = summary.forest(found(tmp_path, {("tcl-pearl", "ant-fb"): ours, ("pearl", "ant-fb"): theirs}))
    assert shown is not None
    (pair,) = shown.pairs
    (row,) = pair.rows
    assert (pair.ours, pair.theirs) == ("tcl-pearl", "pearl")
    interval = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)
    gain = (np.mean(ours) + np.mean(theirs)) / 2
    places = [50 + 50 * end / gain / (shown.extent / 100) for end in (interval.low, 2.0, interval.high)]
    assert row.at == pytest.approx([min(100, max(0, place)) for place in places], abs=0.1)
    assert (row.decision, pair.answer) == (
        "inconclusive",
        "tcl-pearl and pearl: inconclusive on ant-fb (neither a difference nor equivalence is shown)",
    )


@pytest.mark.parametrize(
    ("ours", "says"),
    [
        ([90.0, 91.0, 92.0], "better than"),
        ([20.0, 21.0, 22.0], "worse than"),
        ([50.0, 50.2, 50.4], "equivalent to"),
        ([51.1, 51.2, 51.3], "better than, yet equivalent to,"),
        ([49.1, 49.2, 49.3], "worse than, yet equivalent to,"),
    ],
)
def test_a_decision_is_said_in_words(tmp_path: Path, ours: list[float], says: str) -> None:
    ends: Ends = {("mine", "ant-fb"): ours, ("pearl", "ant-fb"): [50.1, 50.2, 50.3]}
    shown = summary.forest(found(tmp_path, ends, pairs=[("mine", "pearl")]))
    assert shown is not None
    assert [pair.answer for pair in shown.pairs] == [f"mine is {says} pearl on ant-fb"]


def test_what_did_not_learn_has_no_scale(tmp_path: Path) -> None:
    shown = summary.forest(found(tmp_path, {("mql", "ant-fb"): [1.0, 2.0], ("pearl", "ant-fb"): [1.5, 2.5]}, start=3.0))
    assert shown is not None
    assert shown.pairs[0].rows[0].at is None


def test_pairs_are_those_of_the_benchmark_then_of_claims_then_against_one_entry(tmp_path: Path) -> None:
    ends = {(entry, "cheetah-vel"): [1.0, 2.0] for entry in ("mql", "pearl", "tcl-pearl", "oracle-sac")}
    asked = found(tmp_path / "a", ends, pairs=[("mql", "pearl"), ("mql", "absent")])
    assert summary.chosen_pairs(asked) == [("mql", "pearl")]
    results = read_results(make_store(tmp_path / "b", ends))
    assert summary.chosen_pairs(contents(results, read_papers(), judged=[read_paper("tcl-pearl")]))[0] == (
        "tcl-pearl",
        "pearl",
    )
    plain = summary.chosen_pairs(contents(results, read_papers(), judged=[]))
    assert {entry for pair in plain for entry in pair} == {"mql", "pearl", "tcl-pearl"}
    assert len({reference for _, reference in plain}) == 1


def test_controls_are_compared_where_nothing_else_can_be(tmp_path: Path) -> None:
    ends = {(entry, "cheetah-vel"): [1.0, 2.0] for entry in ("oracle-sac", "blind-sac")}
    assert summary.chosen_pairs(found(tmp_path / "a", ends)) == [("oracle-sac", "blind-sac")]
    ends |= {("pearl", "cheetah-vel"): [1.0, 2.0], ("mql", "ant-fb"): [1.0, 2.0]}
    assert summary.chosen_pairs(found(tmp_path / "b", ends)) == [
        ("pearl", "oracle-sac"),
        ("pearl", "blind-sac"),
        ("oracle-sac", "blind-sac"),
    ]


def test_added_seeds_decide_by_their_own_test(tmp_path: Path) -> None:
    store = Store(tmp_path)
    ends = {"tcl-pearl": (90.0, 91.0, 92.0), "pearl": (50.0, 51.0, 52.0)}
    runs = {
        entry: tuple(finish(store, make_spec(entry, seed=seed), linear(0, end)).run for seed, end in enumerate(of))
        for entry, of in ends.items()
    }
    comparison = Comparison(
        environment="reach-v1", entries=("tcl-pearl", "pearl"), batch=3, runs=(runs["tcl-pearl"], runs["pearl"])
    )
    for comparisons, decision in (((), "better"), ((comparison,), "inconclusive †")):  # three seeds cannot decide it
        shown = summary.forest(contents(read_results(store), read_papers(), comparisons, judged=[]))
        assert shown is not None
        assert {(pair.ours, row.decision) for pair in shown.pairs for row in pair.rows} == {("tcl-pearl", decision)}


def test_only_papers_with_claims_about_the_runs_are_judged(tmp_path: Path) -> None:
    own: Ends = {("mine", "cheetah-vel"): [1.0, 2.0], ("pearl", "cheetah-vel"): [1.0, 2.0]}
    store = make_store(tmp_path / "own", own)
    assert concerned(read_papers(), read_results(store)) == []
    text = Page(write_report(store, tmp_path / "own").read_text()).text
    assert "None of the papers covered here makes a claim that these runs could test" in text
    assert "not enough runs" not in text.partition("terms mean")[0]  # the glossary, which says what it means
    both = make_store(tmp_path / "both", own | {("tcl-pearl", "cheetah-vel"): [1.0, 2.0]})
    assert [paper.name for paper in concerned(read_papers(), read_results(both))] == ["tcl-pearl"]
    text = Page(write_report(both, tmp_path / "both").read_text()).text
    assert "None of TCL-PEARL's 11 claims can be decided by these runs" in text
    assert "to see what deciding them takes: suite plan ml1-25 (or ml1-50," in text


def test_the_first_lines_are_the_benchmarks(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0, 2.0, 3.0]})
    page = Page(write_report(store, tmp_path / "reports", title="mine", description="One <b>").read_text())
    assert "mine One <b>. 3 of 3 runs done 1 entry on 1 environment" in page.text
