from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from suite.analysis.intervals import curve_bands, learnt, mean_interval, mean_intervals, score_table
from suite.analysis.results import read_results
from suite.store.runs import Store
from tests.suite.stores import finish, linear, make_spec, make_store


def test_interval_is_students() -> None:
    values = np.array([3.0, 5.0, 10.0])
    mean, low, high = mean_interval(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean == 6
    assert (low, high) == pytest.approx((expected.low, expected.high))


def test_interval_covers_what_it_says_with_three_seeds() -> None:
    generator = np.random.default_rng(0)
    intervals = [mean_interval(generator.normal(2, 3, size=3)) for _ in range(2000)]
    covered = np.mean([low <= 2 <= high for _, low, high in intervals])
    assert covered == pytest.approx(0.95, abs=0.02)


def test_one_seed_has_no_interval() -> None:
    mean, low, high = mean_interval(np.array([4.0]))
    assert mean == 4
    assert math.isnan(low)
    assert math.isnan(high)


def test_many_quantities_at_once_leave_out_missing_seeds() -> None:
    values = np.array([[1.0, 5.0, np.nan], [3.0, np.nan, np.nan], [8.0, 7.0, np.nan]])
    found = mean_intervals(values)
    for column, present in ((0, [1.0, 3.0, 8.0]), (1, [5.0, 7.0])):
        expected = stats.ttest_1samp(present, 0).confidence_interval(0.95)
        assert found[:, column] == pytest.approx([np.mean(present), expected.low, expected.high])
    assert np.isnan(found[:, 2]).all()


def test_bands_count_the_runs_that_reached_each_step() -> None:
    def run(name: str, steps: list[int], returns: list[float]) -> pd.DataFrame:
        return pd.DataFrame(
            {"run": name, "entry": "pearl", "environment": "e", "environment_steps": steps, "return": returns}
        )

    bands = curve_bands(pd.concat([run("a", [0, 10, 20], [0.0, 10.0, 20.0]), run("b", [0, 12], [2.0, 14.0])]))
    assert bands["environment_steps"].tolist() == [0, 10, 20]
    assert bands["mean"].tolist() == pytest.approx([1.0, 11.0, 20.0])  # b is interpolated to 12 at step 10
    assert bands["seeds"].tolist() == [2, 2, 1]
    assert math.isnan(bands["low"].iloc[2])


def test_scores_by_entry_and_environment(tmp_path: Path) -> None:
    store = make_store(tmp_path, {("pearl", "reach-v1"): [1.0, 3.0, 5.0], ("mql", "reach-v1"): [7.0]}, start=-1.0)
    finish(store, make_spec("pearl", "push-v1"), linear(0, 9))
    table = score_table(read_results(Store(tmp_path)).done).set_index(["environment", "entry"])
    assert table.loc[("reach-v1", "pearl"), "mean"] == pytest.approx(3)
    assert table.loc[("reach-v1", "pearl"), "seeds"] == 3
    assert table.loc[("reach-v1", "pearl"), "untrained"] == pytest.approx(-1)
    assert table.loc[("push-v1", "pearl"), "mean"] == pytest.approx(9)
    assert math.isnan(table.loc[("reach-v1", "mql"), "low"])


@pytest.mark.parametrize(
    ("untrained", "score", "expected"),
    [(0.0, 0.1, True), (-300.0, -280.0, False), (-300.0, -260.0, True), (20.0, 21.0, False), (5.0, 1.0, False)],
)
def test_what_counts_as_learning(untrained: float, score: float, expected: bool) -> None:
    assert learnt(untrained, score) is expected
