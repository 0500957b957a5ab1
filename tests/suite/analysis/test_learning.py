"""Which seeds learned: against their own start, and against the best entry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from suite.analysis.learning import learning
from suite.analysis.results import read_results
from tests.suite.stores import fail, make_spec, make_store


def test_a_seed_learned_if_it_gained_a_tenth_of_its_start_and_of_the_best_gain(tmp_path: Path) -> None:
    # The oracle gains 200 on average; a tenth of that is 20, and a tenth of the untrained score's size is 10.
    ends: dict[tuple[str, str], Sequence[float]] = {
        ("oracle-sac", "cheetah-vel"): [100.0, 100.0],
        ("pearl", "cheetah-vel"): [-81.0, -79.0, 50.0],
        ("mql", "cheetah-vel"): [-100.0, -120.0],
    }
    table = learning(read_results(make_store(tmp_path, ends, start=-100.0)).done).set_index("entry")
    assert table["learned"].to_dict() == {"oracle-sac": 2, "pearl": 2, "mql": 0}
    assert table["seeds"].to_dict() == {"oracle-sac": 2, "pearl": 3, "mql": 2}
    assert table.loc["pearl", "untrained"] == pytest.approx(-100)
    assert table.loc["pearl", "score"] == pytest.approx(-110 / 3)


def test_a_seed_that_diverged_did_not_learn(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [50.0, 60.0]}, start=5.0)
    fail(store, make_spec("pearl", "reach-v1", 2), "not finite", kind="diverged")
    results = read_results(store)
    (row,) = learning(results.done, results.lost).to_dict("records")
    assert (row["learned"], row["seeds"], row["score"]) == (2, 3, 55.0)


def test_an_entry_of_which_all_seeds_diverged_did_not_learn(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [50.0, 60.0], ("mql", "cheetah-vel"): [5.0]}, start=5.0)
    for seed in range(2):
        fail(store, make_spec("mql", "reach-v1", seed), "not finite", kind="diverged")
    results = read_results(store)
    table = learning(results.done, results.lost).set_index(["environment", "entry"])
    assert table["learned"].to_dict() == {
        ("cheetah-vel", "mql"): 0,
        ("reach-v1", "pearl"): 2,
        ("reach-v1", "mql"): 0,
    }
    assert table.loc[("reach-v1", "mql"), "seeds"] == 2
    assert table.loc[("reach-v1", "mql"), ["untrained", "score", "low", "high"]].isna().all()


def test_where_nobody_gains_nobody_learned(tmp_path: Path) -> None:
    ends: dict[tuple[str, str], Sequence[float]] = {("pearl", "reach-v1"): [5.0, 5.2], ("mql", "reach-v1"): [4.0, 3.0]}
    assert learning(read_results(make_store(tmp_path, ends, start=5.0)).done)["learned"].tolist() == [0, 0]
