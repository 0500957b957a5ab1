"""Requirements on every registered algorithm; a new one is tested by being in the smoke benchmark."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from algorithms import ALGORITHMS, Algorithm, run_episodes
from environments import BoolArray, FloatArray, Step, make_family
from suite.plan.benchmark import load_benchmark
from suite.plan.settings import load_settings
from suite.spec import RunSpec
from suite.training.protocol import BudgetError, CountedTasks, TaskView, meta_test
from suite.training.trainer import DivergedError, Trainer

CPU = torch.device("cpu")

TOY = {spec.algorithm: spec for spec in load_benchmark("smoke").plan() if spec.environment == "point-goal-2d"}


@pytest.fixture(params=sorted(ALGORITHMS))
def spec(request: pytest.FixtureRequest) -> RunSpec:
    return TOY[request.param]


@pytest.fixture
def trainer(spec: RunSpec) -> Iterator[Trainer]:
    trainer = Trainer.of(spec, CPU)
    yield trainer
    trainer.train.close()
    trainer.test.close()


def leaves(state: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in state.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}/{name}")
        else:
            yield f"{path}/{name}", value


def assert_same_state(one: Algorithm, other: Algorithm, skip: tuple[str, ...] = ()) -> None:
    first, second = dict(leaves(one.state())), dict(leaves(other.state()))
    assert first.keys() == second.keys()
    for name, value in first.items():
        if not name.startswith(skip or ("\0",)):
            same = torch.equal(value, second[name]) if isinstance(value, torch.Tensor) else value == second[name]
            assert same, f"{name} differs"


def test_every_algorithm_is_in_the_smoke_benchmark() -> None:
    assert TOY.keys() == ALGORITHMS.keys()


@cache
def finished(algorithm: str) -> tuple[Trainer, int]:
    """A whole run, and the steps that its simulations have seen; nothing may change it."""
    trainer, counted = Trainer.of(TOY[algorithm], CPU), 0
    build = trainer.family.simulation

    def counting(copies: int) -> Any:
        simulation = build(copies)
        step = simulation.step

        def counted_step(actions: FloatArray, active: BoolArray) -> Step:
            nonlocal counted
            counted += int(active.sum())
            return step(actions, active)

        simulation.step = counted_step  # type: ignore[method-assign]
        return simulation

    trainer.family.simulation = counting  # type: ignore[method-assign]
    trainer.run()
    return trainer, counted


def test_the_same_specification_gives_the_same_numbers(spec: RunSpec, trainer: Trainer) -> None:
    trainer.run()
    tables = []
    for run in (finished(spec.algorithm)[0], trainer):
        timeless = [{k: v for k, v in row.items() if not k.startswith("seconds")} for row in run.training]
        tables.append((pd.concat(run.evaluations), pd.DataFrame(timeless)))
    for one, other in zip(*tables, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_another_seed_gives_other_numbers(spec: RunSpec) -> None:
    other = Trainer.of(spec.model_copy(update={"seed": 1}), CPU)
    other.run()
    returns = [run.evaluations[-1]["return"].to_numpy() for run in (finished(spec.algorithm)[0], other)]
    assert not np.array_equal(*returns)


def test_no_step_beyond_the_budget_and_all_are_counted(spec: RunSpec) -> None:
    trainer, counted = finished(spec.algorithm)
    assert trainer.train.steps + trainer.test.steps == counted
    assert 0 < trainer.train.steps <= trainer.spec.budget
    assert trainer.training[-1]["environment_steps"] == trainer.train.steps
    assert trainer.train.steps + trainer.algorithm.smallest_iteration_steps > trainer.spec.budget


def test_an_iteration_never_takes_more_than_it_announces(trainer: Trainer) -> None:
    for _ in range(2):
        announced, before = trainer.algorithm.next_iteration_steps, trainer.train.steps
        trainer.iterate()
        assert 0 < trainer.train.steps - before <= announced


def test_a_budget_below_one_iteration_is_refused(spec: RunSpec) -> None:
    trainer = Trainer.of(spec.model_copy(update={"budget": 1}), CPU)
    with pytest.raises(BudgetError, match="budget: 1 environment steps do not cover"):
        trainer.run()
    assert trainer.train.steps == 0


def test_an_algorithm_sees_only_tasks_to_be_reset_and_stepped_and_what_is_left(
    trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(trainer.algorithm, "meta_train", lambda tasks: seen.append(tasks) or {})
    trainer.iterate()
    assert [name for name in dir(seen[0]) if not name.startswith("_")] == ["left", "reset", "step"]


def test_no_step_is_taken_beyond_the_budget(trainer: Trainer) -> None:
    """However much an iteration asks for."""
    tight = trainer.algorithm.smallest_iteration_steps - 1
    with pytest.raises(BudgetError, match=f"more than {tight} environment steps"):
        trainer.algorithm.meta_train(TaskView(trainer.train, tight))
    assert 0 < trainer.train.steps <= tight


def test_a_restored_state_continues_bit_for_bit(spec: RunSpec) -> None:
    whole, half = Trainer.of(spec, CPU), Trainer.of(spec, CPU)
    for _ in range(2):
        whole.iterate()
        half.iterate()
    resumed = Trainer.of(spec, CPU)
    resumed.algorithm.load_state(half.algorithm.state())
    resumed.train.load_state(half.train.state())
    for trainer in (whole, resumed):
        trainer.iterate()
    assert_same_state(whole.algorithm, resumed.algorithm)


def test_a_saved_state_does_not_change_with_the_algorithm(trainer: Trainer) -> None:
    trainer.iterate()
    state = dict(leaves(trainer.algorithm.state()))
    copies = {name: v.clone() if isinstance(v, torch.Tensor) else v for name, v in state.items()}
    trainer.iterate()
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, copies[name]), f"{name} is not a copy"


def test_evaluation_changes_nothing(spec: RunSpec) -> None:
    trainer, untouched = Trainer.of(spec, CPU), Trainer.of(spec, CPU)
    trainer.iterate()
    untouched.iterate()
    first = meta_test(trainer.algorithm, trainer.test, spec.exploration_episodes)
    again = meta_test(trainer.algorithm, trainer.test, spec.exploration_episodes)
    np.testing.assert_array_equal(first.rewards, again.rewards)
    assert_same_state(trainer.algorithm, untouched.algorithm)


def test_the_order_of_test_tasks_does_not_matter(trainer: Trainer) -> None:
    trainer.iterate()
    episodes = trainer.spec.exploration_episodes
    forwards = meta_test(trainer.algorithm, trainer.test, episodes)
    backwards = meta_test(trainer.algorithm, trainer.test, episodes, forwards.tasks[::-1].copy())
    np.testing.assert_array_equal(forwards.tasks, backwards.tasks[::-1])
    np.testing.assert_allclose(forwards.rewards, backwards.rewards[::-1], atol=1e-4)


def test_without_exploration_episodes_every_agent_acts(trainer: Trainer) -> None:
    trainer.iterate()
    episodes = meta_test(trainer.algorithm, trainer.test, 0)
    assert episodes.lengths.tolist() == [trainer.family.spec.horizon] * len(trainer.test.vectors)
    assert np.isfinite(episodes.actions).all()


class Hidden(CountedTasks):
    """Test tasks that lie about their rewards once the exploration episodes are over."""

    exploration = 0

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        step = super().step(actions, active)
        return step if self.visits[0] <= self.exploration else step._replace(rewards=step.rewards - 1e3)


def test_evaluation_rewards_reach_only_those_who_declare_to_read_them(trainer: Trainer) -> None:
    trainer.iterate()
    episodes = trainer.spec.exploration_episodes
    lying = Hidden(trainer.family, trainer.test.vectors, trainer.spec.seed, "evaluation environment")
    lying.exploration = episodes
    honest = meta_test(trainer.algorithm, trainer.test, episodes)
    hidden = meta_test(trainer.algorithm, lying, episodes)
    same = np.array_equal(honest.actions, hidden.actions)
    assert same != trainer.algorithm.reads_evaluation_rewards


def test_test_tasks_start_in_the_same_states_under_every_algorithm() -> None:
    starts = {}
    for name, spec in TOY.items():
        trainer = Trainer.of(spec, CPU)
        starts[name] = meta_test(trainer.algorithm, trainer.test, spec.exploration_episodes).observations[:, 0]
    first = next(iter(starts.values()))
    for observations in starts.values():
        np.testing.assert_array_equal(observations, first)


def test_settings_are_not_changed(spec: RunSpec) -> None:
    trainer = Trainer.of(spec, CPU)
    trainer.iterate()
    assert trainer.algorithm.settings == load_settings(spec.algorithm, spec.settings)


def test_a_nan_observation_stops_the_run_and_is_named(trainer: Trainer) -> None:
    family = trainer.family
    build = family.simulation

    def broken(copies: int) -> Any:
        simulation = build(copies)
        step = simulation.step
        simulation.step = lambda actions, active: step(actions, active)._replace(  # type: ignore[method-assign]
            observations=np.full((copies, family.spec.observation_size), np.nan)
        )
        return simulation

    family.simulation = broken  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match=rf"{trainer.spec.algorithm}: iteration 1: an observation is not finite"):
        trainer.iterate()


def test_a_nan_at_the_start_of_an_episode_is_named_too(trainer: Trainer) -> None:
    family = trainer.family
    build = family.simulation

    def broken(copies: int) -> Any:
        simulation = build(copies)
        reset = simulation.reset
        simulation.reset = lambda *given: np.full_like(reset(*given), np.nan)  # type: ignore[method-assign]
        return simulation

    family.simulation = broken  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match="iteration 1: an observation is not finite"):
        trainer.iterate()


def test_a_diverged_loss_stops_the_run_and_is_named(trainer: Trainer) -> None:
    trainer.iterate()
    poison(trainer.algorithm)
    with pytest.raises(DivergedError, match=rf"{trainer.spec.algorithm}: iteration 2: .+ is (nan|not finite)"):
        trainer.iterate()


def poison(algorithm: Algorithm) -> None:
    """Make every parameter not a number, through the state that every algorithm can restore.

    The parameters of an algorithm without networks are all the tensors that it has.
    """
    state = algorithm.state()
    parts = [part for part in state.values() if isinstance(part, dict)]
    networks = [part for part in parts if "vector" in part]
    for part in networks or parts:
        for key, value in part.items():
            if isinstance(value, torch.Tensor) and (key == "vector" or not networks):
                part[key] = torch.full_like(value, torch.nan)
    algorithm.load_state(state)


def test_copies_left_out_are_not_stepped() -> None:
    family = make_family("point-goal-2d")
    tasks = CountedTasks(family, family.sample_tasks(0).train, 0, "environment")
    trainer = Trainer.of(TOY["blind-sac"], CPU)
    actor = trainer.algorithm.meta_test([np.random.default_rng(0)] * 3)
    episodes = run_episodes(tasks, actor, np.array([0, 1, 2]), np.array([5, 0, 2]))
    assert episodes.lengths.tolist() == [5, 0, 2]
    assert tasks.steps == 7
    assert not episodes.rewards[1].any()
    assert not episodes.rewards[2, 2:].any()


@pytest.mark.parametrize("folder", [Path("algorithms"), Path("environments")])
def test_imports_run_one_way(folder: Path) -> None:
    for path in (Path(__file__).parent.parent / folder).rglob("*.py"):
        assert "from suite" not in path.read_text(), f"{path} imports the suite"
        assert "import suite" not in path.read_text(), f"{path} imports the suite"
