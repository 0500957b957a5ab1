"""Seconds that compare."""

from __future__ import annotations

import pandas as pd

from suite.analysis.timing import of_one_machine

RUNS = pd.DataFrame(
    [
        ("a", "here", "one, cpu", 10.0, 8.0),
        ("b", "here", "one, cpu", 20.0, 9.0),
        ("a", "there", "two, cpu", 1.0, float("nan")),
        ("b", "there", "two, cpu", 2.0, 1.5),
        ("a", "here", "two, cpu", 3.0, 2.5),
        ("b", "here", "two, cpu", 4.0, 3.5),
        ("a", "here", "three, GPU", 5.0, 4.0),
        ("b", "here", "three, GPU", 6.0, 4.0),
    ],
    columns=["entry", "environment", "machine", "seconds_total", "processor_seconds"],
)


def seconds(runs: pd.DataFrame) -> tuple[list[float], list[str]]:
    found = of_one_machine(runs, ["a", "b"])
    return found["seconds_total"].tolist(), sorted(set(found["clock"]))


def test_the_machine_with_most_environments_is_taken_and_its_clock_is_one_that_all_its_runs_have() -> None:
    assert seconds(RUNS) == ([1.0, 2.0, 3.0, 4.0], ["wall"])
    assert seconds(RUNS[:2]) == ([8.0, 9.0], ["processor"])
    assert seconds(RUNS[6:]) == ([5.0, 6.0], ["wall"])  # the processor waits for the GPU
    assert seconds(RUNS[1:3]) == ([], [])
    assert seconds(RUNS[:0]) == ([], [])
