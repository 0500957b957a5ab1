"""The protocol that every algorithm is measured by: which states episodes start in, what counts, how it is scored.

The runner steps the environments, so that no algorithm can score itself.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from algorithms import Algorithm, Episodes, MetaTestAgent, State, StepwiseAgent, run_at_least, run_episodes
from environments import BoolArray, FloatArray, IntArray, Simulation, Step, TaskFamily, receive_warnings
from suite.errors import in_one_line
from suite.failures import FailedRunError, Kind
from suite.spec import RunSpec, StepwiseTest
from suite.training.streams import stream


class NonFiniteError(Exception):
    """A quantity that must be finite is not; the message names it."""


class BudgetError(FailedRunError):
    """The budget does not cover what an iteration takes."""

    kind: ClassVar[Kind] = "budget"


class CountedTasks:
    """Tasks of one family, stepped for an algorithm; counts the steps and the seconds between reset and last step.

    The n-th episode in a task starts in the same state whatever was done before or elsewhere: initial states depend
    on (seed, stream, task, n) alone. What a family gives is checked and copied here, and what it gets is a copy: arrays
    that it goes on writing to, or changes in place, reach nobody else.

    Raises
    ------
    ValueError
        If the tasks, or later what a reset or a step gave, have not the shape that the family's specification says, or
        are no finite numbers, or no truths where these are asked for.
    """

    left: ClassVar[int] = sys.maxsize
    """No budget is kept here, but by the view that training gets."""

    def __init__(self, family: TaskFamily, vectors: FloatArray, seed: int, stream_name: str) -> None:
        self.family, self.seed, self.stream_name = family, seed, stream_name
        self.vectors = self._checked("tasks", vectors, (len(vectors), family.spec.task_size))
        if not np.isfinite(self.vectors).all():
            raise ValueError(f"task family {family.spec.name}: tasks must be finite")
        self.visits = np.zeros(len(vectors), dtype=np.int64)  # (task,) episodes started
        self.steps = 0
        self.seconds = 0.0
        self._simulation: Simulation | None = None
        self._mark = 0.0

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start the next episode of each of the tasks, one a copy.

        Raises
        ------
        NonFiniteError
            If an initial observation is not finite.
        """
        self._mark = time.perf_counter()
        if self._simulation is None or self._simulation.copies < len(tasks):
            self.close()
            self._simulation = self._checked_simulation(self.family.simulation(len(tasks)), len(tasks))
            receive_warnings()
        generators = []
        for task in tasks.tolist():
            generators.append(stream(self.seed, self.stream_name, task, int(self.visits[task])))
            self.visits[task] += 1
        given = self._simulation.reset(np.arange(len(tasks)), self.vectors[tasks], generators)
        observations = self._checked("observations", given, (len(tasks), self.family.spec.observation_size))
        if not np.isfinite(observations).all():
            raise NonFiniteError("an observation")
        return observations

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step the active copies.

        Raises
        ------
        NonFiniteError
            If an active copy's action, observation or reward is not finite.
        """
        simulation = self._simulation
        if simulation is None:
            raise RuntimeError("tasks are stepped before they were reset")
        copies = len(active)
        actions = self._checked("actions", actions, (copies, self.family.spec.action_size))
        if not np.isfinite(actions[active]).all():
            raise NonFiniteError("an action")
        idle = simulation.copies - copies
        step = simulation.step(
            np.concatenate([actions, np.zeros((idle, actions.shape[1]))]),
            np.concatenate([active, np.zeros(idle, dtype=np.bool_)]),
        )
        if not isinstance(step, Step):
            given = type(step).__name__
            raise ValueError(
                f"task family {self.family.spec.name}: a step must be a Step of environments, not a {given}"
            )
        every = simulation.copies
        observations = self._checked("observations", step.observations, (every, self.family.spec.observation_size))
        rewards = self._checked("rewards", step.rewards, (every,))
        if not np.isfinite(observations[:copies][active]).all():
            raise NonFiniteError("an observation")
        if not np.isfinite(rewards[:copies][active]).all():
            raise NonFiniteError("a reward")
        terminated = self._checked_truths("terminated", step.terminated, every, active)
        success = self._checked_truths("success", step.success, every, active)
        self.steps += int(active.sum())
        now = time.perf_counter()
        self.seconds += now - self._mark
        self._mark = now
        return Step(observations[:copies], rewards[:copies], terminated, success)

    def _checked_simulation(self, simulation: Simulation, copies: int) -> Simulation:
        given = getattr(simulation, "copies", 0)
        if given < copies:
            raise ValueError(f"task family {self.family.spec.name}: gave a simulation of {given} copies, not {copies}")
        return simulation

    def measured(self, copies: int) -> dict[str, FloatArray]:
        """Return the family's metrics in the states that the first copies are in: name -> (copies,).

        Raises
        ------
        ValueError
            If they are not those that the family declares, or no numbers.
        """
        declared = self.family.spec.metrics
        if self._simulation is None or not declared:
            return {}
        given = self._simulation.measured()
        if given.keys() != declared.keys():
            said = ", ".join(map(str, given)) or "nothing"
            raise ValueError(
                f"task family {self.family.spec.name}: measured must give {', '.join(declared)}, not {said}"
            )
        return {
            name: self._checked(f"metric {name}", given[name], (self._simulation.copies,))[:copies] for name in declared
        }

    def _checked_truths(self, what: str, given: Any, copies: int, active: BoolArray) -> BoolArray:
        values = self._checked(what, given, (copies,))[: len(active)]
        truths = values.astype(np.bool_)
        if (truths != values)[active].any():
            said = ", ".join(map(str, values[active].tolist()))
            raise ValueError(f"task family {self.family.spec.name}: {what} must be true or false, not {said}")
        return truths

    def _checked(self, what: str, given: Any, shape: tuple[int, ...]) -> FloatArray:
        try:
            values = np.array(given)
        except Exception as error:  # numpy raises many kinds for ragged lists and tensors that it cannot read
            raise ValueError(
                f"task family {self.family.spec.name}: {what} must be numbers of the shape {shape}, "
                f"not a {type(given).__name__} ({in_one_line(error)})"
            ) from error
        if values.dtype.kind not in "biuf" or values.shape != shape:
            raise ValueError(
                f"task family {self.family.spec.name}: {what} must be numbers of the shape {shape}, "
                f"not {values.dtype} of the shape {values.shape}"
            )
        return values.astype(np.float64)

    def render(self, copy: int, width: int, height: int) -> NDArray[np.uint8]:
        """Return a (height, width, 3) picture of one copy, as the last reset or step left it."""
        if self._simulation is None:
            raise RuntimeError("tasks are looked at before they were reset")
        return self._simulation.render(copy, width, height)

    def skip(self, episodes: int) -> None:
        """Count episodes as started in every task without running them."""
        self.visits += episodes

    def rewind(self) -> None:
        """Start over with the first episode of every task."""
        self.visits[:] = 0

    def close(self) -> None:
        """Release the simulation."""
        if self._simulation is not None:
            self._simulation.close()
            self._simulation = None

    def state(self) -> State:
        """Return the counters."""
        return {"visits": self.visits.tolist(), "steps": self.steps, "seconds": self.seconds}

    def load_state(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.visits = np.array(state["visits"], dtype=np.int64)
        self.steps, self.seconds = state["steps"], state["seconds"]


class TaskView:
    """All that an algorithm sees of the training tasks: to be reset and stepped, within the budget."""

    def __init__(self, tasks: CountedTasks, budget: int) -> None:
        self._tasks, self._budget = tasks, budget

    @property
    def left(self) -> int:
        """Environment steps that the budget still has."""
        return self._budget - self._tasks.steps

    def reset(self, tasks: IntArray) -> FloatArray:
        """Start the next episode of each of the tasks, one a copy."""
        return self._tasks.reset(tasks)

    def step(self, actions: FloatArray, active: BoolArray) -> Step:
        """Step the active copies.

        Raises
        ------
        BudgetError
            If these steps would exceed the budget; none of them is taken.
        """
        if int(active.sum()) > self.left:
            raise BudgetError(
                f"budget: an iteration asked for more than {self._budget} environment steps; "
                "next_iteration_steps must announce the most that it can take"
            )
        return self._tasks.step(actions, active)


class Scores(NamedTuple):
    """The record of a meta-test, one row a test task and number of adaptations; see `tested`."""

    tasks: IntArray  # (rows,)
    adaptations: IntArray | None  # (rows,) before the episodes; None where there is one evaluation episode after all
    returns: FloatArray  # (rows,) means over the row's episodes
    success: FloatArray | BoolArray  # (rows,) likewise
    metrics: Mapping[str, FloatArray]  # name -> (rows,) of the family; none where there are several adaptations


def tested(algorithm: Algorithm, tasks: CountedTasks, spec: RunSpec) -> Scores:
    """Meta-test an algorithm on all test tasks by a run's protocol."""
    if spec.stepwise_test:
        return stepwise(algorithm, tasks, spec.stepwise_test)
    episodes = meta_test(algorithm, tasks, spec.exploration_episodes)
    metrics = tasks.measured(len(episodes.tasks))
    return Scores(episodes.tasks, None, episodes.rewards.sum(axis=1), episodes.success, metrics)


def stepwise(algorithm: Algorithm, tasks: CountedTasks, test: StepwiseTest) -> Scores:
    """Let an algorithm adapt several times in every test task, and return what it gained before and after each.

    Beliefs, initial states and draws are as in `meta_test`.
    """
    indices, horizon = np.arange(len(tasks.vectors)), tasks.family.spec.horizon
    agent = _fresh_agent(algorithm, tasks, indices)
    if not isinstance(agent, StepwiseAgent):
        raise TypeError(f"{algorithm.name}: its agent does not adapt step by step")
    adaptations = test.adaptations if algorithm.adapts else 0
    returns, success = np.zeros((2, adaptations + 1, len(indices)))
    for done in range(adaptations + 1):
        waves = list(run_at_least(tasks, agent.explorer, indices, test.steps, horizon))
        count = np.zeros(len(indices))
        for some, episodes in waves:
            run = (episodes.lengths > 0).reshape(len(some), -1)
            count[some] += run.sum(axis=1)
            returns[done, some] += episodes.rewards.sum(axis=1).reshape(run.shape).sum(axis=1)
            success[done, some] += episodes.success.reshape(run.shape).sum(axis=1)
        returns[done] /= count
        success[done] /= count
        if done < adaptations:
            agent.adapt_again([episodes for _, episodes in waves])
    before = np.repeat(np.arange(adaptations + 1), len(indices))
    return Scores(np.tile(indices, adaptations + 1), before, returns.ravel(), success.ravel(), {})


def meta_test(
    algorithm: Algorithm, tasks: CountedTasks, exploration_episodes: int, indices: IntArray | None = None
) -> Episodes:
    """Let an algorithm meet test tasks for the first time, and return one evaluation episode in each.

    Every task gets a fresh belief, the same initial states at every evaluation and under every algorithm, and random
    draws of its own, so that neither the order nor the company of the tasks matters.

    Parameters
    ----------
    algorithm : what is evaluated; its parameters stay as they are.
    tasks : the test tasks.
    exploration_episodes : K, spent in each task before the evaluation episode; skipped if the algorithm cannot adapt.
    indices : the tasks to evaluate; all by default.
    """
    indices = np.arange(len(tasks.vectors)) if indices is None else indices
    agent = adapted(algorithm, tasks, exploration_episodes, indices)
    return evaluation_episodes(algorithm, agent, tasks, indices)


def adapted(algorithm: Algorithm, tasks: CountedTasks, exploration_episodes: int, indices: IntArray) -> MetaTestAgent:
    """Let an algorithm meet tasks for the first time, and return its agent after adaptation; see `meta_test`."""
    horizon = np.full(len(indices), tasks.family.spec.horizon)
    agent = _fresh_agent(algorithm, tasks, indices)
    if algorithm.adapts:
        agent.adapt([run_episodes(tasks, agent, indices, horizon) for _ in range(exploration_episodes)])
    else:
        tasks.skip(exploration_episodes)
    return agent


def _fresh_agent(algorithm: Algorithm, tasks: CountedTasks, indices: IntArray) -> MetaTestAgent:
    tasks.rewind()
    generators = [stream(tasks.seed, "evaluation", task) for task in indices.tolist()]
    return algorithm.meta_test(generators, tasks.vectors[indices] if algorithm.reads_task_vectors else None)


def evaluation_episodes(algorithm: Algorithm, agent: MetaTestAgent, tasks: CountedTasks, indices: IntArray) -> Episodes:
    """Run one episode of an adapted agent in each of its tasks."""
    horizon = np.full(len(indices), tasks.family.spec.horizon)
    return run_episodes(tasks, agent, indices, horizon, observe=algorithm.reads_evaluation_rewards)
