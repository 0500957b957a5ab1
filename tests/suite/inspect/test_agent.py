"""`suite.load`: a trained agent in a program scores what its run has scored."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import suite
from environments import FloatArray
from environments.gymnasium_env import FamilyEnvironment
from suite.errors import UsageError
from suite.store.runs import Store
from suite.training.streams import stream
from tests.suite.stores import fail, make_spec
from tests.suite.trained_runs import train

TASK = 3

TINY = """
name: tiny
description: one agent of each kind
groups:
  - environments: [point-goal-2d]
    seeds: [1]
    budget: 2500
    evaluations: 1
    horizon: 15
    exploration_episodes: 3
    algorithms:
      pearl:
        settings:
          {latent_size: 3, encoder_sizes: [16], network_sizes: [16], meta_batch: 4, batch: 8, context_batch: 16,
           updates: 5, warmup_steps: 20, tasks_per_iteration: 10, prior_steps: 20, posterior_steps: 20}
      oracle-sac:
        settings:
          {network_sizes: [8], batch: 8, updates: 1, tasks_per_iteration: 4, steps_per_task: 20, warmup_steps: 20}
      maml-trpo: {settings: {hidden_sizes: [8], meta_batch: 4, rollouts: 2}}
      rl2-ppo: {settings: {hidden_size: 8, episodes_per_trial: 3, meta_batch: 4, epochs: 1}}
      mql:
        settings:
          {context_size: 4, history: 3, network_sizes: [16], batch: 16, updates: 1, tasks_per_iteration: 2,
           warmup_steps: 20, new_task_updates: 1, replay_updates: 1, replay_batch: 16}
"""


class StartsOf(gymnasium.Wrapper[FloatArray, FloatArray, FloatArray, FloatArray]):
    """Begins the episodes of a test task where the runner begins them, which draws from a generator for each."""

    def __init__(self, environment: suite.Agent, seed: int) -> None:
        super().__init__(environment)  # type: ignore[arg-type]
        self.seed, self.episodes = seed, 0

    def reset(self, **how: Any) -> tuple[FloatArray, dict[str, Any]]:
        self.unwrapped.np_random = stream(self.seed, "evaluation environment", TASK, self.episodes)
        self.episodes += 1
        return super().reset(**how)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def runs(results: Path) -> dict[str, str]:
    return train(results, TINY)


def last_return(results: Path, run: str) -> float:
    episodes = Store(results).folder(run).evaluations()
    last = episodes[episodes["environment_steps"] == episodes["environment_steps"].max()]
    return float(last.loc[last["task"] == TASK, "return"].iloc[0])


def played(agent: suite.Agent, environment: Any) -> float:
    return float(agent.play(environment).rewards.sum())


def looped(agent: suite.Agent, environment: Any) -> float:
    """Play an episode as a program does that steps the environment itself."""
    observation, _ = environment.reset()
    agent.begin_episode()
    total, over = 0.0, False
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(agent.act(observation))
        agent.observe(observation, reward, terminated=terminated)
        total += reward
        over = terminated or truncated
    return total


@pytest.mark.parametrize("how", [played, looped])
@pytest.mark.parametrize("label", ["pearl", "oracle-sac", "maml-trpo", "rl2-ppo"])
def test_a_loaded_agent_scores_what_the_run_scored(
    label: str, how: Callable[..., float], results: Path, runs: dict[str, str]
) -> None:
    agent = suite.load(runs[label], results)
    assert agent.spec.run == runs[label]
    environment = StartsOf(agent.environment(), agent.spec.seed)  # type: ignore[arg-type]
    explored = agent.adapt(environment, agent.test_tasks[TASK], stream(agent.spec.seed, "evaluation", TASK))
    assert len(explored) == (0 if label == "oracle-sac" else 3)
    environment.episodes = 3
    assert how(agent, environment) == pytest.approx(last_return(results, runs[label]), rel=1e-6)


@pytest.mark.parametrize("label", ["pearl", "oracle-sac", "maml-trpo", "rl2-ppo"])
def test_a_loaded_agent_goes_on_in_episodes_longer_than_its_horizon(
    label: str, results: Path, runs: dict[str, str]
) -> None:
    agent = suite.load(runs[label], results)
    environment = agent.environment(max_episode_steps=30)
    environment.reset(seed=7)
    explored = agent.adapt(environment, agent.test_tasks[TASK], seed=5)
    episode = agent.play(environment)
    assert episode.rewards.shape == (1, 30)
    assert np.isfinite([*explored, *episode.rewards[0], looped(agent, environment)]).all()


def test_a_time_limit_that_nobody_told_is_not_passed_over(results: Path, runs: dict[str, str]) -> None:
    agent = suite.load(runs["pearl"], results)
    bare = FamilyEnvironment("point-goal-2d")
    wrapped = gymnasium.wrappers.TimeLimit(bare, 7)
    with pytest.raises(UsageError, match=r"truncated an episode of 15 steps after 7: .*max_episode_steps=7"):
        agent.adapt(wrapped, agent.test_tasks[TASK])
    agent.adapt(agent.environment(max_episode_steps=7), agent.test_tasks[TASK])
    assert agent.play(agent.environment(max_episode_steps=7)).rewards.shape == (1, 7)
    assert agent.play(bare).rewards.shape == (1, 15)


def test_meeting_a_task_anew_forgets_the_other(results: Path, runs: dict[str, str]) -> None:
    agent = suite.load(runs["pearl"], str(results))

    def meet(task: int) -> tuple[list[float], float]:
        environment = agent.environment()
        environment.reset(seed=7)
        explored = agent.adapt(environment, agent.test_tasks[task], seed=5)
        return explored, played(agent, environment)

    first, other = meet(0), meet(1)
    assert meet(0) == first != other


def test_what_cannot_be_loaded_says_why(results: Path, runs: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mql adapts on its meta-training replay, which a finished run does not keep"):
        suite.load(runs["mql"], results)
    with pytest.raises(UsageError, match="is not in"):
        suite.load("pearl_nowhere_s0", results)
    failed = fail(Store(tmp_path), make_spec(), "ValueError: bad")
    with pytest.raises(UsageError, match="is failed; only a finished run has a trained agent"):
        suite.load(failed.run, tmp_path)
    agent = suite.load(runs["pearl"], results)
    for asked in (lambda: agent.act(np.zeros(2)), agent.begin_episode, lambda: agent.play(agent.environment())):
        with pytest.raises(UsageError, match=r"call adapt\(environment, task\) first"):
            asked()
    with pytest.raises(AttributeError, match="no attribute 'laod'"):
        suite.laod  # noqa: B018


def test_the_package_itself_imports_nothing() -> None:
    script = "import sys, suite; print(*sorted(name for name in sys.modules if name in ('torch', 'algorithms')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
