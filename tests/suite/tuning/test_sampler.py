"""Optuna's samplers, asked and told: the same trials as in Optuna's own loop, each tried once."""

from __future__ import annotations

import json
import math

import optuna
import pytest

from algorithms import Between, Range
from suite.tuning.sampler import RANDOM_TRIALS, OptunaSampler, SamplerName, Values

RANGES: dict[str, Range] = {
    "rate": Between(1e-4, 1e-1, log=True),
    "steps": Between(1, 9),
    "sizes": ([8], [8, 8], [16]),
}
OWN: Values = {"rate": 0.01, "steps": 3, "sizes": [8, 8]}


def score(values: Values) -> float:
    """Best at a rate of 0.002; sizes matter a little, and steps not at all."""
    return -abs(math.log10(values["rate"] / 0.002)) + 0.1 * len(values["sizes"])


@pytest.mark.parametrize("name", ["tpe", "random"])
def test_asked_and_told_one_by_one_it_is_what_optuna_s_own_loop_does(name: SamplerName) -> None:
    ours = OptunaSampler(RANGES, OWN, name, seed=5)
    mine: list[Values] = []
    for _ in range(15):
        values = ours.ask()
        assert values is not None
        mine.append(values)
        ours.tell(score(values))

    theirs: list[Values] = []

    def objective(trial: optuna.Trial) -> float:
        rate = float(f"{trial.suggest_float('rate', 1e-4, 1e-1, log=True):.3g}")
        steps = trial.suggest_int("steps", 1, 9)
        sizes = json.loads(trial.suggest_categorical("sizes", ["[8]", "[8, 8]", "[16]"]))
        values = {"rate": rate, "steps": steps, "sizes": sizes}
        theirs.append(values)
        return score(values)

    samplers = {
        "tpe": optuna.samplers.TPESampler(seed=5, n_startup_trials=RANDOM_TRIALS),
        "random": optuna.samplers.RandomSampler(seed=5),
    }
    study = optuna.create_study(direction="maximize", sampler=samplers[name])
    study.enqueue_trial({"rate": 0.01, "steps": 3, "sizes": "[8, 8]"})
    study.optimize(objective, n_trials=15)
    assert mine == theirs


def test_the_first_trial_is_the_entry_as_it_is_also_outside_the_ranges() -> None:
    outside = OWN | {"steps": 12}
    sampler = OptunaSampler(RANGES, outside, "tpe", seed=0)
    assert sampler.ask() == outside
    sampler.tell(1.0)
    assert len(sampler.study.trials) == 0  # nothing that Optuna could learn of
    second = sampler.ask()
    assert second is not None
    assert 1 <= second["steps"] <= 9


def test_no_trial_is_made_twice_and_there_may_be_fewer_than_asked_for() -> None:
    sampler = OptunaSampler({"batch": (1, 2, 3)}, {"batch": 2}, "random", seed=0)
    asked = [sampler.ask() for _ in range(5)]
    assert asked[0] == {"batch": 2}
    assert sorted(each["batch"] for each in asked if each) == [1, 2, 3]
    assert asked[3:] == [None, None]


def test_numbers_have_three_digits_and_stay_in_their_range() -> None:
    ranges: dict[str, Range] = {"rate": Between(0.00123456, 0.00123999)}
    sampler = OptunaSampler(ranges, {"rate": 0.00123456}, "random", seed=0)
    values = [each["rate"] for each in (sampler.ask() for _ in range(3)) if each]
    assert values == [0.00123456, 0.00123999]  # 0.00123 and 0.00124 lie outside: the ends stand for them


def test_a_setting_that_alone_decides_is_all_that_matters() -> None:
    ranges: dict[str, Range] = {"rate": Between(1e-4, 1e-1, log=True), "batch": (1, 2, 3)}
    sampler = OptunaSampler(ranges, {"rate": 0.01, "batch": 1}, "random", seed=1)
    assert sampler.importances() == {}
    for _ in range(20):
        values = sampler.ask()
        assert values is not None
        sampler.tell(math.log10(values["rate"]))
    found = sampler.importances()
    assert set(found) == {"rate", "batch"}
    assert found["rate"] > 0.9
    assert sum(found.values()) == pytest.approx(1.0)


def test_nothing_mattered_where_every_trial_scores_alike_or_fails() -> None:
    for value in (1.0, None):
        sampler = OptunaSampler({"batch": (1, 2, 3, 4, 5)}, {"batch": 1}, "random", seed=1)
        for _ in range(5):
            sampler.ask()
            sampler.tell(value)
        assert sampler.importances() == {}
