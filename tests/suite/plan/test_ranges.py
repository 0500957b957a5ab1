"""The ranges of searches: the algorithm takes what it declares; what a benchmark says otherwise is checked."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from algorithms import ALGORITHMS, Between
from suite.errors import UsageError
from suite.plan.benchmark import Benchmark
from suite.plan.ranges import Ends, Tuning, check_ranges, ranges_of

ONE_OF_EACH_KIND = ("point-goal-2d", "cheetah-vel", "reach-v1")


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
@pytest.mark.parametrize("environment", ONE_OF_EACH_KIND)
def test_declared_ranges_name_settings_and_lie_within_their_bounds(algorithm: str, environment: str) -> None:
    ranges = ALGORITHMS[algorithm].ranges
    assert ranges.keys() <= {field.name for field in fields(ALGORITHMS[algorithm].Settings)}
    check_ranges(algorithm, environment, {}, ranges)
    for values in ranges.values():
        if isinstance(values, Between):
            assert values.low < values.high
            assert values.low > 0 or not values.log
        else:
            assert len(values) == len(set(values)) > 1


def test_a_host_is_an_algorithm_that_searches_what_its_guests_have() -> None:
    guests = {name: each.host for name, each in ALGORITHMS.items() if each.host}
    assert guests == {"tcl-pearl": "pearl", "tcl-mql": "mql", "tcl-rl2-ppo": "rl2-ppo", "blind-sac": "oracle-sac"}
    for guest, host in guests.items():
        assert ALGORITHMS[host].ranges.keys() <= {field.name for field in fields(ALGORITHMS[guest].Settings)}


@pytest.mark.parametrize(
    ("ranges", "says"),
    [
        ({}, "mql declares no ranges; say under tune: ranges: what is to be searched"),
        ({"learning_rat": (0.1,)}, "did you mean 'learning_rate'?"),
        (
            {"learning_rate": Between(0.1, 2.0)},
            "settings of mql: learning_rate: 2.0: Input should be less than or equal",
        ),
        ({"history": (5, 0)}, "settings of mql: history: 0: Input should be greater than or equal to 1"),
    ],
)
def test_what_an_algorithm_does_not_take_is_named(ranges: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_ranges("mql", "point-goal-2d", {}, ranges)
    assert says in str(refused.value)


def test_what_a_benchmark_says_of_an_entry_is_all_that_is_searched() -> None:
    tuning = Tuning(ranges={"mine": {"learning_rate": Ends(low=0.001, high=0.01, log=True), "epochs": [3, 5]}})
    assert ranges_of(tuning, "mine", "rl2-ppo") == {"learning_rate": Between(0.001, 0.01, log=True), "epochs": (3, 5)}
    assert ranges_of(tuning, "rl2-ppo", "rl2-ppo") is ALGORITHMS["rl2-ppo"].ranges


@pytest.mark.parametrize(
    ("tuning", "says"),
    [
        ({"environment": "reach-v1"}, "tune: environment: 'reach-v1' is unknown"),
        (
            {"ranges": {"perl": {"learning_rate": [0.1]}}},
            "tune: ranges: entry 'perl' is unknown; did you mean 'pearl'?",
        ),
        ({"ranges": {"pearl": {}}}, "at least 1 item"),
        ({"ranges": {"pearl": {"learning_rate": []}}}, "at least 1 item"),
        ({"ranges": {"pearl": {"learning_rate": {"low": 2, "high": 1}}}}, "high: 1 must be above low, 2"),
        ({"ranges": {"pearl": {"kl_weight": {"low": 0, "high": 1, "log": True}}}}, "low: 0 must be above 0"),
    ],
)
def test_a_benchmark_that_cannot_be_searched_is_refused(tuning: dict[str, Any], says: str) -> None:
    group = {"environments": ["point-goal-2d"], "seeds": [0], "budget": 3000, "algorithms": {"pearl": None}}
    with pytest.raises((ValueError, UsageError)) as refused:
        Benchmark.model_validate({"name": "b", "description": "", "groups": [group | {"tune": tuning}]}).plan()
    assert says in str(refused.value)


def test_what_is_searched_makes_no_run_another() -> None:
    group = {"environments": ["point-goal-2d"], "seeds": [0], "budget": 90000, "algorithms": {"pearl": None}}
    tuning = {"ranges": {"pearl": {"learning_rate": [0.1]}}}
    first, second = (
        Benchmark.model_validate({"name": "b", "description": "", "groups": [each]}).plan()
        for each in (group, group | {"tune": tuning})
    )
    assert first == second
