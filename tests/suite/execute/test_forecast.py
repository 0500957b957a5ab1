"""Forecasts: from measured speeds, else from shipped costs, longest first."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from environments import BoolArray, FloatArray, IntArray, Step
from suite.execute.calibration import calibrate, measure, processor_clock
from suite.execute.forecast import RUN_FILES, Speeds, forecast
from suite.execute.measured import Speed, known_by
from suite.execute.reference import Cost
from suite.plan.benchmark import load_benchmark
from suite.spec import RunSpec
from suite.store.files import write_json
from suite.store.runs import Store
from suite.training.protocol import CountedTasks
from suite.training.trainer import Trainer
from tests.suite.stores import finish, linear, make_spec

MEBIBYTE = 2**20

COSTS = [
    Cost(known_by(make_spec())[1], 1_000_000, Speed(0.001, 5.0), 300 * MEBIBYTE, MEBIBYTE, 100),
    Cost(known_by(make_spec("rl2-ppo"))[1], 1_000_000, Speed(0.004, 5.0), 500 * MEBIBYTE, MEBIBYTE, 0),
]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store on the machine that made-up runs come from, which is half as fast as shipped costs are written for."""
    monkeypatch.setattr("suite.execute.forecast.read", lambda: COSTS)
    monkeypatch.setattr("suite.execute.reference.pace", lambda: 2.0)
    monkeypatch.setattr("suite.execute.forecast.processor", lambda: "test")
    monkeypatch.setattr("suite.execute.forecast.device_name", lambda: "cpu")
    return Store(tmp_path)


def test_a_finished_run_gives_the_speed_of_those_alike(store: Store) -> None:
    finish(store, make_spec(budget=1000), linear(0, 1), seconds=(30.0, 60.0, 10.0))
    speeds = Speeds(store)  # 90 s for a thousand steps, and 10 s for eleven evaluations
    assert speeds.seconds(make_spec(seed=1, budget=5000)) == pytest.approx(460.0)
    assert speeds.seconds(make_spec(environment="push-v1", budget=5000)) == pytest.approx(460.0)
    assert speeds.seconds(make_spec(budget=5000, evaluations=109)) == pytest.approx(550.0)


def test_evaluations_that_cannot_happen_are_not_forecast(store: Store) -> None:
    """A run that was asked for a hundred and made ten: each of its iterations took a tenth of its budget."""
    asked = make_spec(budget=1000, evaluations=100)
    folder = finish(store, make_spec(budget=1000), linear(0, 1), seconds=(30.0, 60.0, 11.0))
    write_json(folder.path / "run.json", asked.model_dump(mode="json"))
    speeds = Speeds(store)
    assert speeds.seconds(asked) == pytest.approx(101.0)
    assert speeds.seconds(make_spec(budget=1000, evaluations=5000)) == pytest.approx(101.0)
    assert speeds.seconds(make_spec(budget=2000, evaluations=5000)) == pytest.approx(180.0 + 21.0)
    assert speeds.seconds(make_spec(budget=2000, evaluations=5)) == pytest.approx(180.0 + 6.0)


@pytest.mark.parametrize(
    "elsewhere", [{"machine": {"processor": "slower"}}, {"device": "NVIDIA H100"}, {"machine": {}}]
)
def test_a_store_from_another_machine_says_nothing_of_this_one(elsewhere: dict[str, Any], store: Store) -> None:
    origin = {"machine": {"processor": "test"}, "device": "cpu", "seconds_total": 100.0}
    finish(store, make_spec(), linear(0, 1), provenance=origin | elsewhere)
    speeds = Speeds(store)
    assert speeds.seconds(make_spec()) is None
    speeds.calibrate(make_spec(), Speed(0.5, 0.0))
    assert Speeds(store).seconds(make_spec(budget=1000)) == pytest.approx(500.0)


def test_a_calibration_made_elsewhere_is_kept_and_not_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    Speeds(store).calibrate(make_spec(budget=1000), Speed(0.5, 0.0))
    monkeypatch.setattr("suite.execute.forecast.processor", lambda: "slower")
    speeds = Speeds(store)
    assert speeds.seconds(make_spec(budget=1000)) is None
    speeds.calibrate(make_spec(budget=1000), Speed(0.7, 0.0))
    assert Speeds(store).seconds(make_spec(budget=1000)) == pytest.approx(700.0)
    monkeypatch.setattr("suite.execute.forecast.processor", lambda: "test")
    assert Speeds(store).seconds(make_spec(budget=1000)) == pytest.approx(500.0)


def test_other_settings_other_algorithms_and_other_sizes_are_not_guessed(store: Store) -> None:
    finish(store, make_spec(), linear(0, 1))
    speeds = Speeds(store)
    assert speeds.seconds(make_spec(settings={"batch_size": 1})) is None
    assert speeds.seconds(make_spec("oracle-sac")) is None
    assert speeds.seconds(make_spec(environment="ant-fb")) is None
    assert speeds.seconds(make_spec(environment_options={"simulation": "stock"})) is None


def test_longest_first_and_a_guess_counts_as_long_as_it_may_be(store: Store) -> None:
    """By shipped costs the second run takes 2,110 s; a guess for the third from it 2,110 s too, or five times that."""
    finish(store, make_spec("mql", budget=1000), linear(0, 1), seconds=(1800.0, 1800.0, 0.0))
    measured, shipped, guessed = make_spec("mql", budget=1000), make_spec(), make_spec(settings={"batch_size": 1})
    assert Speeds(store).longest_first([shipped, measured, guessed]) == [guessed, measured, shipped]


def test_hours_of_one_and_of_several_workers(store: Store) -> None:
    finish(store, make_spec(budget=1000), linear(0, 1), seconds=(1800.0, 1800.0, 0.0))  # an hour
    budgets = (3000, 2000, 2000, 1000)
    specs = [make_spec(seed=1 + seed, budget=budget) for seed, budget in enumerate(budgets)]
    found = forecast(specs, Speeds(store), workers=2)
    assert found.seconds == pytest.approx(8 * 3600.0)
    assert found.elapsed == pytest.approx((4 * 3600.0, 4 * 3600.0))
    assert found.text("on this machine", 2).startswith(
        "forecast: 4 hours on this machine (2 runs at once; one after the other 8 hours); "
    )
    assert "\n" not in found.text("on this machine", 2)


def test_what_was_not_measured_is_scaled_or_guessed_and_said_to_be(store: Store) -> None:
    """Twice (0.001 s a step and eleven times 5 s); another batch as long, or a fifth or five times."""
    shipped, guessed = make_spec(), make_spec(settings={"batch_size": 1})
    speeds = Speeds(store)
    assert [speeds.estimate(shipped)[:3], speeds.estimate(shipped).source] == [(2110.0, 2110.0, 2110.0), "shipped"]
    assert [speeds.estimate(guessed)[:3], speeds.estimate(guessed).source] == [(2110.0, 422.0, 10550.0), "guess"]
    found = forecast([shipped, guessed], speeds, workers=1)
    assert found.seconds == pytest.approx(4220.0)
    assert found.elapsed == pytest.approx((2532.0, 12660.0))
    assert found.text("here", 1).splitlines()[1] == (
        "of 2 runs 1 by speeds that come with the suite, scaled to this processor; "
        "1 by a rough guess, as nothing like them was measured (`suite plan --calibrate` measures here)"
    )
    assert forecast([], speeds, workers=1).text("here", 1) == "nothing is left to forecast"


def test_of_an_unknown_algorithm_the_range_is_that_of_all_others(store: Store) -> None:
    """Of the shipped runs, one takes 2,110 s and the other 8,110 s."""
    estimate = Speeds(store).estimate(make_spec("mql"))
    assert (estimate.low, estimate.high, estimate.source) == (2110.0, 8110.0, "guess")
    assert estimate.low <= estimate.seconds <= estimate.high


def test_memory_of_the_runs_at_once_and_disk_of_all(store: Store) -> None:
    """PEARL's replay is 100 bytes a step; a checkpoint holds it, and what is kept twice."""
    pearl, rl2 = [make_spec(seed=seed) for seed in range(3)], make_spec("rl2-ppo")
    found = forecast([*pearl, rl2], Speeds(store), workers=2)
    run = 300 * MEBIBYTE + 100_000_000
    assert found.memory == 500 * MEBIBYTE + run
    assert found.disk == 2 * (2 * MEBIBYTE + 100_000_000) + 4 * (MEBIBYTE + RUN_FILES)
    assert forecast([*pearl, rl2], Speeds(store), workers=4, machines=2).memory == found.memory


def test_a_forecast_asks_each_measured_speed_once_however_many_seeds_are_planned(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        finish(store, make_spec(seed=seed, budget=1000), linear(0, 1))
    speeds, asked, of = Speeds(store), [], Speed.of
    monkeypatch.setattr(Speed, "of", lambda speed, spec: asked.append(spec) or of(speed, spec))
    found = forecast([make_spec(seed=seed, budget=1000) for seed in range(50)], speeds, workers=1)
    assert found.seconds == pytest.approx(50 * 100.0)
    assert len(asked) == 5
    forecast([make_spec(budget=1000), make_spec(budget=3000)], speeds, workers=1)
    assert len(asked) == 10  # for the other budget


def test_calibration_measures_what_is_unknown_and_is_remembered(store: Store) -> None:
    specs = [
        spec
        for spec in load_benchmark("smoke").plan()
        if spec.environment == "point-goal-2d" and spec.algorithm in ("pearl", "oracle-sac")
    ]
    store.prepare()
    assert calibrate(specs, Speeds(store), torch.device("cpu"), seconds=60.0) == 0
    again = Speeds(store)
    for spec in specs:
        assert (again.seconds(spec) or 0) > 0
    again.path.write_text("{damaged")
    assert Speeds(store).seconds(specs[0]) is None


def test_more_evaluations_than_iterations_are_forecast_as_they_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = next(spec for spec in TINY if spec.algorithm == "blind-sac").model_copy(update={"evaluations": 1000})
    trainer = Trainer.of(spec, torch.device("cpu"))
    trainer.run()
    monkeypatch.setattr("suite.execute.calibration._alarm", lambda *_: nullcontext())
    measured = measure(spec, torch.device("cpu"), seconds=1.0)
    assert measured is not None
    happened = len(trainer.evaluations)
    assert Speed(0.0, 1.0, measured.iteration).of(spec) == pytest.approx(happened, abs=1.0)


def test_a_budget_of_less_than_two_iterations_is_measured() -> None:
    spec = next(spec for spec in load_benchmark("smoke").plan() if spec.algorithm == "oracle-trpo")
    iteration = Trainer.of(spec, torch.device("cpu")).algorithm.next_iteration_steps
    spec = spec.model_copy(update={"budget": iteration + iteration // 2})
    assert measure(spec, torch.device("cpu"), 20.0, processor_clock()) is not None


TINY = [
    spec
    for spec in load_benchmark("smoke").plan()
    if spec.environment == "point-goal-2d" and spec.algorithm in ("pearl", "blind-sac", "maml-trpo", "mql")
]


@pytest.mark.parametrize("longest", [1000, 6], ids=["to the horizon", "ending early"])
@pytest.mark.parametrize("spec", TINY, ids=[spec.algorithm for spec in TINY])
def test_calibration_forecasts_what_a_run_then_takes(
    spec: RunSpec, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a clock that simulation alone moves: so much a step, a reset, and the first reset."""
    monkeypatch.setattr("suite.execute.calibration._alarm", lambda *_: nullcontext())  # it rings by another clock
    now = 0.0
    reset, step = CountedTasks.reset, CountedTasks.step
    ages: dict[int, IntArray] = {}  # simulated steps of each copy's episode

    def slow_reset(tasks: CountedTasks, indices: IntArray) -> FloatArray:
        nonlocal now
        now += 0.02 * len(indices) + (5.0 if tasks._simulation is None else 0.0)
        ages[id(tasks)] = np.zeros(len(indices), np.int64)
        return reset(tasks, indices)

    def slow_step(tasks: CountedTasks, actions: FloatArray, active: BoolArray) -> Step:
        nonlocal now
        now += 0.01 * np.count_nonzero(active)
        ages[id(tasks)] += active
        return step(tasks, actions, active)._replace(terminated=active & (ages[id(tasks)] >= longest))

    monkeypatch.setattr(CountedTasks, "reset", slow_reset)
    monkeypatch.setattr(CountedTasks, "step", slow_step)
    monkeypatch.setattr("suite.execute.calibration.time.perf_counter", lambda: now)
    measured = measure(spec, torch.device("cpu"), seconds=20.0)
    assert measured is not None
    calibrating, now = now, 0.0
    Trainer.of(spec, torch.device("cpu")).run()
    assert measured.of(spec) == pytest.approx(now - 10.0, rel=0.15)  # but for building simulations
    assert calibrating < now
