"""A trained agent in a program's hands: it meets a task in a Gymnasium environment, adapts, and acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch

from algorithms import Episodes, MetaTestAgent, run_episodes
from environments import BoolArray, FloatArray, IntArray, Step, environment_id
from suite.errors import UsageError
from suite.inspect.trained import trained
from suite.spec import RunSpec
from suite.store.runs import Store
from suite.training.trainer import Trainer

Environment = gymnasium.Env[FloatArray, FloatArray]


class Agent:
    """The agent of a finished run: its fixed parameters, and the task to which it has adapted.

    Parameters
    ----------
    trainer : the rebuilt run, see `suite.inspect.trained`.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._horizon = trainer.family.spec.horizon
        self._met: MetaTestAgent | None = None
        self._task = np.zeros(0)

    @property
    def spec(self) -> RunSpec:
        """The run that it comes from."""
        return self._trainer.spec

    @property
    def test_tasks(self) -> FloatArray:
        """The tasks on which the run was scored, (tasks, task_size)."""
        return self._trainer.test.vectors.copy()

    def environment(self, **how: Any) -> Environment:
        """Make the Gymnasium environment that it was trained on.

        Parameters
        ----------
        how : arguments for `gymnasium.make`, such as `render_mode="rgb_array"`.
        """
        protocol = {name: number for name, number in self.spec.protocol.items() if name != "horizon"}
        made: Environment = gymnasium.make(
            environment_id(self.spec.environment),
            **{"max_episode_steps": self._horizon, **protocol, **self.spec.environment_options, **how},
        )
        return made

    def adapt(self, environment: Environment, task: FloatArray, seed: int | np.random.Generator = 0) -> list[float]:
        """Adapt to a task, without memory of others: run the exploration episodes and learn from them.

        Parameters
        ----------
        environment : the environment to act in; it keeps this task until another is chosen.
        task : (task_size,), such as one of `test_tasks`.
        seed : seed of the agent's own random numbers; the environment has its own.

        Returns
        -------
        The return of each exploration episode; none if the algorithm does not adapt.

        Raises
        ------
        UsageError
            If the environment truncates an episode before the time limit that its `spec` tells.
        """
        view, algorithm = _View(environment, task, self._horizon), self._trainer.algorithm
        vectors = np.asarray(task, np.float64)[None] if algorithm.reads_task_vectors else None
        agent = algorithm.meta_test([np.random.default_rng(seed)], vectors)
        exploring = self.spec.exploration_episodes if algorithm.adapts else 0
        episodes = [self._episode(view, agent, observe=True) for _ in range(exploring)]
        if algorithm.adapts:
            agent.adapt(episodes)
        else:
            view.reset(np.zeros(1, np.int64))  # so that the environment is in the task here, too
        self._met, self._task = agent, np.array(task, np.float64)
        return [float(episode.rewards.sum()) for episode in episodes]

    def play(self, environment: Environment) -> Episodes:
        """Play one episode of the task that it adapted to last, as a frozen policy.

        Returns
        -------
        The episode; the first axis of every array is that of copies, of which there is one.

        Raises
        ------
        UsageError
            If it has not adapted to a task yet, or the environment truncates the episode as in `adapt`.
        """
        agent = self._agent
        observe = self._trainer.algorithm.reads_evaluation_rewards
        return self._episode(_View(environment, self._task, self._horizon), agent, observe=observe)

    def begin_episode(self) -> None:
        """Announce that the environment was reset; raises as `play`."""
        self._agent.begin_episode()

    def act(self, observation: FloatArray) -> FloatArray:
        """Choose an action in [-1, 1], (action_size,), for an observation, (observation_size,); raises as `play`."""
        action: FloatArray = self._agent.act(np.asarray(observation, np.float64)[None])[0]
        return action

    def observe(self, observation: FloatArray, reward: float, *, terminated: bool) -> None:
        """Observe the result of the last action, as recurrent policies need it; raises as `play`."""
        agent = self._agent
        if self._trainer.algorithm.reads_evaluation_rewards:
            agent.observe(_step(observation, reward, terminated=terminated), np.ones(1, np.bool_))

    @property
    def _agent(self) -> MetaTestAgent:
        if self._met is None:
            raise UsageError(f"run {self.spec.run}: the agent has met no task yet; call adapt(environment, task) first")
        return self._met

    def _episode(self, view: _View, agent: MetaTestAgent, *, observe: bool) -> Episodes:
        return run_episodes(view, agent, np.zeros(1, np.int64), np.array([view.limit]), observe=observe)


class _View:
    """One task in a Gymnasium environment, as tasks are reset and stepped here: a single copy."""

    left = 0  # nothing is trained here

    def __init__(self, environment: Environment, task: FloatArray, horizon: int) -> None:
        self.environment, self.task = environment, task
        made = environment.spec
        self.limit = (made and made.max_episode_steps) or horizon
        self.steps = 0

    def reset(self, tasks: IntArray) -> FloatArray:
        observation, _ = self.environment.reset(options={"task": self.task})
        self.steps = 0
        return np.array(observation, np.float64)[None]  # the environment may go on writing to its own

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        observation, reward, terminated, truncated, info = self.environment.step(actions[0].copy())
        self.steps += 1
        if truncated and not terminated and self.steps < self.limit:
            raise UsageError(
                f"the environment truncated an episode of {self.limit} steps after {self.steps}: "
                f"if that is its time limit, make it by environment(max_episode_steps={self.steps})"
            )
        return _step(observation, float(reward), terminated=terminated, success=bool(info.get("success", False)))


def _step(observation: FloatArray, reward: float, *, terminated: bool, success: bool = False) -> Step:
    rows = np.array(observation, np.float64)[None]
    return Step(rows, np.array([reward]), np.array([terminated]), np.array([success]))


def load(run: str, results: str | Path = "results", device: str = "cpu", *, trust: bool = False) -> Agent:
    """Load the trained agent of a finished run.

    It is built from the run's specification and the parameters that its folder keeps (`state.json`,
    `state.safetensors`).

    Parameters
    ----------
    run : name of the run, as in `suite status`, or a unique beginning of it.
    results : folder of the run store.
    device : the torch device of its networks.
    trust : whether user modules may be executed, if the run needs one.

    Raises
    ------
    UsageError
        If the run is unknown or not finished, does not hold what it committed, was made by another revision of its
        algorithm or its environment, or is of an algorithm (MQL) that adapts on replay memory, which no finished run
        keeps.
    """
    store = Store(Path(results))
    return Agent(trained(store.record(store.named(run)), torch.device(device), trusted=trust))
