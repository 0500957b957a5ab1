"""Seconds that compare."""

from __future__ import annotations

import pandas as pd

from suite.analysis.timing import timed_alike

RUNS = pd.DataFrame(
    [
        ("a", "here", "one, cpu", 10.0, 8.0),
        ("b", "here", "one, cpu", 20.0, 9.0),
        ("a", "there", "two, cpu", 1.0, float("nan")),
        ("b", "there", "two, cpu", 2.0, 1.5),
        ("a", "here", "two, cpu", 3.0, 2.5),
        ("b", "here", "two, cpu", 4.0, 3.5),
        ("a", "nowhere else", "one, cpu", 10.0, float("nan")),
        ("a", "here", None, 5.0, 5.0),
        ("b", "here", None, 5.0, 5.0),
    ],
    columns=["entry", "environment", "machine", "seconds_total", "processor_seconds"],
)


def seconds(runs: pd.DataFrame) -> tuple[list[float], list[str]]:
    found = timed_alike(runs, ["a", "b"])
    assert found["seconds_total"].tolist() == runs.loc[found.index, "seconds_total"].tolist()
    return found["seconds"].tolist(), sorted(set(found["clock"]))


def test_the_machine_with_most_environments_is_taken_and_each_has_a_clock_that_all_runs_there_have() -> None:
    assert seconds(RUNS) == ([1.0, 2.0, 2.5, 3.5], ["processor", "wall"])
    assert seconds(RUNS[2:4]) == ([1.0, 2.0], ["wall"])
    assert seconds(RUNS[:2]) == ([8.0, 9.0], ["processor"])
    assert seconds(RUNS[RUNS["machine"] == "one, cpu"]) == ([8.0, 9.0], ["processor"])  # of what is compared alone
    assert seconds(RUNS[1:3]) == ([], [])
    assert seconds(RUNS[7:]) == ([], [])
    assert seconds(RUNS[:0]) == ([], [])
