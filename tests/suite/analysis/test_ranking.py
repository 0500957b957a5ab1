from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.analysis.adaptation import adaptation
from suite.analysis.efficiency import area_under_curve, efficiency, steps_to_reach
from suite.analysis.ranking import ALL as TOGETHER
from suite.analysis.ranking import (
    against_best,
    comparisons_alike,
    differences,
    most_telling,
    normalised,
    ranking,
    win_matrix,
)
from suite.analysis.results import Results, read_results
from tests.suite.stores import finish, linear, make_spec, make_store

ENDS = {
    ("pearl", "cheetah-vel"): [-100.0, -120.0],
    ("tcl-pearl", "cheetah-vel"): [-90.0, -110.0],
    ("oracle-sac", "cheetah-vel"): [-80.0, -100.0],
    ("pearl", "ant-fb"): [50.0, 60.0],
    ("tcl-pearl", "ant-fb"): [40.0],
}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return read_results(make_store(tmp_path, ENDS, start=-300.0))


def test_normalised_scores_are_zero_untrained_and_one_for_the_oracle(results: Results) -> None:
    scaled = normalised(results.done)
    assert set(scaled["environment"]) == {"cheetah-vel"}  # ant-fb has no oracle
    means = scaled.groupby("entry")["normalised"].mean()
    assert means["oracle-sac"] == pytest.approx(1)
    assert means["pearl"] == pytest.approx((-110 + 300) / (-90 + 300))


def rank(results: Results, entries: list[str], environments: list[str]) -> pd.DataFrame:
    return ranking(results.done, entries, environments).set_index("entry")


BOTH, ONE = ["ant-fb", "cheetah-vel"], ["cheetah-vel"]
ALL = ["pearl", "tcl-pearl", "oracle-sac"]


def test_entries_are_compared_where_all_of_them_finished(results: Results) -> None:
    assert comparisons_alike(results.done, ALL) == [(ALL, ONE), (ALL[:2], BOTH)]


def test_an_entry_on_one_easy_environment_does_not_stand_beside_others_on_three(tmp_path: Path) -> None:
    ends = {
        (label, place): [1.0, 1.1] for label in ("pearl", "tcl-pearl") for place in ("ant-fb", "reach-v1", "push-v1")
    }
    ends |= {("rl2-ppo", "ant-fb"): [9.0, 9.1], ("mql", "cheetah-vel"): [5.0, 5.1]}
    done = read_results(make_store(tmp_path, ends)).done
    entries = ["pearl", "tcl-pearl", "mql", "rl2-ppo"]
    assert comparisons_alike(done, entries) == [
        (["pearl", "tcl-pearl", "rl2-ppo"], ["ant-fb"]),
        (["pearl", "tcl-pearl"], ["ant-fb", "push-v1", "reach-v1"]),
    ]


def test_sets_that_only_overlap_are_all_shown() -> None:
    """Five entries, each on three of five environments in a circle: no entry is in no table."""
    names = [f"entry {index}" for index in range(5)]
    done = pd.DataFrame(
        [
            {"entry": names[(place + step) % 5], "environment": f"place {place}"}
            for place in range(5)
            for step in range(3)
        ]
    )
    found = comparisons_alike(done, names)
    assert [(len(entries), len(places)) for entries, places in found] == [(3, 1)] * 5 + [(2, 2)] * 5
    assert all(sum(name in entries for entries, _ in found) == 5 for name in names)
    finished = done.groupby("environment")["entry"].agg(set)
    for entries, places in found:
        assert places == [place for place, here in finished.items() if set(entries) <= here]


def test_of_too_many_sets_those_are_chosen_that_leave_no_entry_out() -> None:
    found = [(["a", "b", "c"], ["x"]), (["a", "b", "d"], ["y"]), (["a", "b"], ["x", "y", "z"]), (["d", "e"], ["w"])]
    chosen, rest = most_telling(found, 3)
    assert chosen == [found[0], found[1], found[3]]
    assert rest == [found[2]]
    assert most_telling(found, 9) == (found, [])


def test_entries_are_ordered_by_whom_they_beat(results: Results) -> None:
    table = rank(results, ALL, ONE)["improvement"]
    # oracle-sac against tcl-pearl: -80 beats both, -100 beats -110; against pearl: both beat -120, -80 also -100, a tie
    oracle = ((2 + 1) / 4 + (2 + 1.5) / 4) / 2
    # tcl-pearl against pearl: 3 of 4; against the oracle: 1 of 4
    tcl = (3 / 4 + 1 / 4) / 2
    pearl = (1 / 4 + 0.5 / 4) / 2
    assert table.to_dict() == pytest.approx({"oracle-sac": oracle, "tcl-pearl": tcl, "pearl": pearl})
    assert table.index.tolist() == ["oracle-sac", "tcl-pearl", "pearl"]


def test_the_oracle_has_no_interval_on_its_own_scale(tmp_path: Path) -> None:
    places = ["ant-fb", "cheetah-vel", "reach-v1"]
    ends = {(label, place): [9.0, 9.1, 9.2] for label in ("oracle-sac", "pearl") for place in places}
    table = rank(read_results(make_store(tmp_path, ends)), ["oracle-sac", "pearl"], places)
    assert table["mean low"].notna().to_dict() == {"oracle-sac": False, "pearl": True}
    assert table["IQM low"].notna().to_dict() == {"oracle-sac": False, "pearl": True}


def test_without_an_oracle_nothing_is_normalised(tmp_path: Path) -> None:
    assert normalised(read_results(make_store(tmp_path, {("pearl", "ant-fb"): [1.0]})).done).empty


def test_ranks_and_wins(results: Results) -> None:
    table = rank(results, ["pearl", "tcl-pearl"], BOTH)
    assert table["mean_rank"].to_dict() == {"pearl": 1.5, "tcl-pearl": 1.5}
    assert table["wins"].to_dict() == {"pearl": 1, "tcl-pearl": 1}
    with_oracle = rank(results, ALL, ONE)
    assert with_oracle["mean_rank"].to_dict() == {"oracle-sac": 1, "tcl-pearl": 2, "pearl": 3}


def test_aggregates_are_over_the_environments_of_the_comparison(results: Results) -> None:
    table = rank(results, ["pearl", "tcl-pearl"], BOTH)
    assert table["normalised_environments"].tolist() == [1, 1]
    assert table.loc["pearl", "mean"] == pytest.approx((-110 + 300) / (-90 + 300))


def test_win_matrix_by_hand(results: Results) -> None:
    matrix = win_matrix(results.done, ["pearl", "tcl-pearl", "oracle-sac"]).set_index(["ours", "theirs"])
    row = matrix.loc[("tcl-pearl", "pearl")]
    assert row[["environments", "wins", "ties", "losses"]].tolist() == [2, 1, 0, 1]
    # cheetah-vel: -90 beats both, -110 beats -120: 3 of 4 pairs; ant-fb: 0 of 2
    assert row["probability"] == pytest.approx((3 / 4 + 0) / 2)
    assert matrix.loc[("pearl", "tcl-pearl"), "probability"] == pytest.approx(1 - row["probability"])


def test_rows_are_decided_together(tmp_path: Path) -> None:
    """Two environments and both together are three rows: each difference has the interval of a third of the level.

    Gains of 1.25 and 1 times the other's are 1.11 times it on average.
    """
    ends = {
        ("pearl", "ant-fb"): [10.0, 10.1, 9.9],
        ("mql", "ant-fb"): [8.0, 8.1, 7.9],
        ("pearl", "cheetah-vel"): [10.0, 10.2, 9.8],
        ("mql", "cheetah-vel"): [10.1, 9.9, 10.0],
    }
    table = differences(read_results(make_store(tmp_path, ends)).done, "pearl", "mql", 0.2).set_index("environment")
    assert table["decision"].to_dict() == {"ant-fb": "better", "cheetah-vel": "equivalent", TOGETHER: "equivalent"}
    ours, theirs = np.array(ends["pearl", "ant-fb"]), np.array(ends["mql", "ant-fb"])
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(1 - 0.05 / 3)
    assert table.loc["ant-fb", ["difference low", "difference high"]].tolist() == pytest.approx(list(expected))
    assert table["detectable"].notna().tolist() == [False, True, False]  # beside "no significant difference"
    assert table.loc["cheetah-vel", "margin"] < 0.2 < table.loc["ant-fb", "margin"]
    gains = np.array([10.0 / 8.0, 1.0])
    assert table.loc[TOGETHER, "margin"] > (2 * gains / (gains + 1)).sum() / (2 / (gains + 1)).sum() - 1
    assert table.loc[TOGETHER, "probability"] == pytest.approx(table["probability"].iloc[:2].mean())


def test_environments_of_a_kind_are_compared_together_where_several_kinds_have_several(tmp_path: Path) -> None:
    """Better on one kind, worse on the other: each is decided, as one of seven rows; over all nothing is."""
    high, low = [10.0 + at / 10 for at in range(8)], [2.0 + at / 10 for at in range(8)]
    controls, ml1 = ["ant-fb", "cheetah-vel"], ["push-v1", "reach-v1"]
    middle = [4.0 + at / 10 for at in range(8)]
    ends = {("pearl", place): high if place in controls else middle for place in controls + ml1}
    ends |= {("mql", place): low if place in controls else high for place in controls + ml1}
    done = read_results(make_store(tmp_path, ends)).done
    rows = differences(done, "pearl", "mql")
    together = rows[rows["environment"] == TOGETHER]
    assert together["kind"].tolist() == ["controls", "ml1", None]
    assert together["environments"].tolist() == [2, 2, 4]
    assert together["decision"].tolist() == ["better", "worse", "inconclusive"]
    expected = stats.ttest_ind(high, low, equal_var=False).confidence_interval(1 - 0.05 / 7)
    assert rows.loc[0, ["difference low", "difference high"]].tolist() == pytest.approx(list(expected))
    lost = differences(done, "pearl", "mql", incomplete=[("pearl", "push-v1")])
    assert lost.loc[lost["environment"] == TOGETHER, "decision"].tolist() == ["better", *["inconclusive"] * 2]
    few = differences(done[done["environment"] != "push-v1"], "pearl", "mql")
    assert few.loc[few["environment"] == TOGETHER, "environments"].tolist() == [3]


@pytest.mark.parametrize(
    ("loses", "decided"),
    [
        ([], "better"),
        ([("pearl", "push-v1")], "inconclusive"),  # all its runs there, where the other finished
        ([("pearl", "push-v1"), ("mql", "push-v1")], "inconclusive"),
        ([("pearl", "reach-v1"), ("mql", "reach-v1")], "inconclusive"),  # all of both
        ([("pearl", "reach-v1")], "better"),  # which the other never tried
        ([("oracle-sac", "push-v1")], "better"),
    ],
)
def test_nothing_is_decided_over_all_where_every_run_of_one_is_lost(
    tmp_path: Path, loses: list[tuple[str, str]], decided: str
) -> None:
    ends = {("pearl", place): [10.0, 10.1, 9.9, 10.2, 9.8] for place in ("ant-fb", "cheetah-vel")}
    ends |= {("mql", place): [2.0, 2.1, 1.9, 2.2, 1.8] for place in ("ant-fb", "cheetah-vel", "push-v1")}
    done = read_results(make_store(tmp_path, ends)).done
    rows = differences(done, "pearl", "mql", incomplete=loses).set_index("environment")["decision"]
    assert rows.to_dict() == {"ant-fb": "better", "cheetah-vel": "better", TOGETHER: decided}
    pairs = win_matrix(done, ["pearl", "mql"], incomplete=loses).set_index(["ours", "theirs"])["decision"]
    assert pairs["pearl", "mql"] == decided
    assert pairs["mql", "pearl"] == {"better": "worse"}.get(decided, decided)


def test_area_under_a_straight_line() -> None:
    assert area_under_curve(np.array([0.0, 10.0, 40.0]), np.array([0.0, 10.0, 40.0])) == pytest.approx(20)
    assert area_under_curve(np.array([0.0]), np.array([7.0])) == 7


@pytest.mark.parametrize(("level", "steps"), [(-5.0, 0.0), (5.0, 5.0), (9.0, 9.0), (10.0, 10.0), (31.0, None)])
def test_steps_to_reach_a_level(level: float, steps: float | None) -> None:
    found = steps_to_reach(np.array([0.0, 10.0, 20.0]), np.array([0.0, 10.0, 5.0]), level)
    assert np.isnan(found) if steps is None else found == pytest.approx(steps)


def test_efficiency_counts_the_seeds_that_reached_the_level(results: Results) -> None:
    table = efficiency(results.done, results.curves).set_index(["environment", "entry"])
    row = table.loc[("cheetah-vel", "tcl-pearl")]
    level = -300 + 0.9 * 190
    assert row["level"] == pytest.approx(level)
    assert row["reached"] == 2
    expected = np.mean([0.8e6 * (level + 300) / (end + 300) for end in (-90, -110)])
    assert row["steps"] == pytest.approx(expected)
    assert table.loc[("ant-fb", "tcl-pearl"), "reached"] == 1


NOTHING_GAINED = "pearl gains nothing by adapting"


@pytest.mark.parametrize(
    ("blind", "pearl", "oracle", "verdict"),
    [
        ([9.9, 9.95], [10.0, 10.0], [10.0, 10.0], "needs no adaptation"),
        ([9.9, 9.95], [10.0, 10.0], [30.0, 30.1], NOTHING_GAINED),
        ([9.9, 9.95], [10.0, 10.0], [], NOTHING_GAINED),  # without an oracle nothing is known of the environment
        ([12.0, 12.1], [1.0, 1.1], [12.5, 12.6], "needs no adaptation"),
        ([12.0, 12.1], [10.0, 10.1], [30.0, 30.1], NOTHING_GAINED),
        ([9.5, 9.6], [10.0, 10.0], [10.0, 10.0], "inconclusive"),
        ([12.0], [10.0], [30.0], "inconclusive"),
        ([9.0, 10.5], [10.0, 9.0], [10.0, 10.0], "inconclusive"),
        ([2.0, 2.1], [10.0, 10.1], [10.0, 10.0], "adaptation helps"),
        ([2.0], [10.0], [], "inconclusive"),
        ([2.0, 9.0], [10.0, 4.0], [10.0, 10.0], "inconclusive"),
        ([9.5, 9.51, 9.52], [10.0, 10.01, 10.02], [], "adaptation helps"),  # a small difference that the seeds show
        ([1.0, 1.0], [-1.0, 0.0], [], "pearl learnt nothing"),
    ],
)
def test_verdict_of_the_blind_control(
    tmp_path: Path, blind: list[float], pearl: list[float], oracle: list[float], verdict: str
) -> None:
    ends = {("blind-sac", "ant-fb"): blind, ("pearl", "ant-fb"): pearl, ("oracle-sac", "ant-fb"): oracle}
    table = adaptation(read_results(make_store(tmp_path, {key: runs for key, runs in ends.items() if runs})).done)
    assert table["verdict"].tolist() == [verdict]
    assert table["oracle"].notna().tolist() == [bool(oracle)]


@pytest.mark.parametrize("entry", ["blind-sac", "pearl", "oracle-sac"])
def test_the_control_decides_nothing_where_runs_are_lost(tmp_path: Path, entry: str) -> None:
    ends = {("blind-sac", "ant-fb"): [2.0, 2.1], ("pearl", "ant-fb"): [10.0, 10.1], ("oracle-sac", "ant-fb"): [10.0]}
    done = read_results(make_store(tmp_path, ends)).done
    assert adaptation(done, incomplete={(entry, "reach-v1")})["verdict"].tolist() == ["adaptation helps"]
    assert adaptation(done, incomplete={(entry, "ant-fb")})["verdict"].tolist() == ["inconclusive"]


def test_no_share_of_a_gain_that_is_not_clearly_one(tmp_path: Path) -> None:
    ends = {("blind-sac", "ant-fb"): [5.0, 6.0], ("pearl", "ant-fb"): [0.5, 9.0]}
    assert np.isnan(adaptation(read_results(make_store(tmp_path, ends)).done)["share"]).all()


def test_an_oracles_gain_must_be_clear_to_normalise(tmp_path: Path) -> None:
    ends = {("oracle-sac", "ant-fb"): [10.0, 90.0], ("oracle-sac", "reach-v1"): [50.0], ("pearl", "ant-fb"): [9.0, 9.0]}
    assert normalised(read_results(make_store(tmp_path, ends)).done).empty


def test_a_gain_within_a_tenth_of_untrained_is_nothing_learnt(tmp_path: Path) -> None:
    ends = {
        ("blind-sac", "ant-fb"): [-286.0, -285.0],
        ("pearl", "ant-fb"): [-285.0, -284.0],
        ("mql", "ant-fb"): [-90.0],
    }
    table = adaptation(read_results(make_store(tmp_path, ends, start=-287.0)).done)
    assert table["verdict"].tolist() == ["pearl learnt nothing"]


def test_an_oracle_that_learnt_nothing_normalises_nothing(tmp_path: Path) -> None:
    ends = {("oracle-sac", "ant-fb"): [-280.0], ("pearl", "ant-fb"): [-90.0]}
    assert normalised(read_results(make_store(tmp_path, ends, start=-287.0)).done).empty


def test_the_oracles_own_start_is_the_zero(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("oracle-sac", "ant-fb"): [99.0, 101.0]}, start=0.0)
    finish(store, make_spec("maml-trpo", "ant-fb"), linear(-500.0, 50.0))
    scaled = normalised(read_results(store).done).groupby("entry")["normalised"].mean()
    assert scaled.to_dict() == pytest.approx({"oracle-sac": 1, "maml-trpo": 0.5})


def test_control_needs_both(tmp_path: Path) -> None:
    assert adaptation(read_results(make_store(tmp_path, {("blind-sac", "ant-fb"): [1.0]})).done).empty


def test_the_best_of_each_environment_and_who_is_worse_with_all_pairs_read_together() -> None:
    samples = {
        ("ant-fb", "pearl"): [10.0, 11.0, 12.0],
        ("ant-fb", "mql"): [7.0, 8.0, 9.0],
        ("ant-fb", "rl2-ppo"): [-90.0, -89.0, -88.0],
        ("reach-v1", "pearl"): [5.0, 5.0, 5.0],
        ("reach-v1", "mql"): [5.0, 5.0, 5.0],
        ("push-v1", "mql"): [1.0],
    }
    done = pd.DataFrame(
        [(*key, score) for key, scores in samples.items() for score in scores],
        columns=["environment", "entry", "score"],
    )
    found = against_best(done, ["pearl", "mql", "rl2-ppo"]).set_index(["environment", "entry"])
    assert list(found.index[found["best"]]) == [
        ("ant-fb", "pearl"),
        ("push-v1", "mql"),
        ("reach-v1", "mql"),
        ("reach-v1", "pearl"),
    ]
    # Equal spreads and sizes: Student's test of two samples, 3 pairs on ant-fb and 1 on reach-v1.
    p = stats.ttest_ind(samples["ant-fb", "pearl"], samples["ant-fb", "mql"]).pvalue
    assert 0.05 / 4 < p < 0.05
    assert list(found.index[found["worse"]]) == [("ant-fb", "rl2-ppo")]
    alone = against_best(done[done["environment"] == "ant-fb"], ["pearl", "mql"]).set_index("entry")
    assert dict(alone["worse"]) == {"mql": True, "pearl": False}
    for entry in ("pearl", "mql", "rl2-ppo"):  # of which some or, of the last, all runs are lost: it could be the best
        here = done[(done["environment"] == "ant-fb") & (done["entry"] != "rl2-ppo")]
        lossy = against_best(here, ["pearl", "mql", "rl2-ppo"], {(entry, "ant-fb")})
        assert not lossy["worse"].any()
        assert not lossy["best"].any()
        elsewhere = against_best(here, ["pearl", "mql", "rl2-ppo"], {(entry, "reach-v1")})
        assert dict(zip(elsewhere["entry"], elsewhere["best"], strict=True)) == {"mql": False, "pearl": True}
